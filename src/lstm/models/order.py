"""Order: the order in which Keras lists the layers of a functional model, and their weights."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lstm.errors import InvalidValueError
from lstm.layers.base import Layer
from lstm.layers.symbolic import Call, Node, SymbolicTensor


def by_level(nodes: Sequence[Node], outputs: Iterable[SymbolicTensor]) -> list[Layer]:
    """Return the layers that a graph calls directly, those farthest from the outputs first.

    The distance of a call is the number of calls on the longest way to an output; a layer that is
    called twice has the larger one. At equal distance, layers are in the order in which one meets
    them on the way back from the outputs, each call before those that it depends on.

    A composite layer, such as a Bidirectional or a model, is one layer, and a call of it one call.

    Args:
        nodes: the nodes of the graph, each after those that it depends on.
        outputs: the outputs of the graph.
    """
    calls = {node: node.calls[0] if node.calls else node for node in nodes}
    sources = _sources(calls)
    met: dict[Layer, int] = {}
    done: dict[Call | Node, None] = {}
    stack = [(calls[t.node], False) for t in reversed([*outputs]) if t.node in calls]
    while stack:
        call, ready = stack.pop()
        if ready:
            done[call] = None
        elif call not in done:
            met.setdefault(_layer_of(call), len(met))
            stack.append((call, True))
            stack.extend((source, False) for source in reversed(sources[call]))
    distance: dict[Call | Node, int] = {}
    farthest: dict[Layer, int] = {}
    for call in reversed(done):
        layer = _layer_of(call)
        farthest[layer] = max(distance.get(call, 0), farthest.get(layer, 0))
        for source in sources[call]:
            distance[source] = max(farthest[layer] + 1, distance.get(source, 0))
    return sorted(met, key=lambda layer: (-farthest[layer], met[layer]))


def ordered(layers: Mapping[str, Layer], names: Any) -> list[Layer]:
    """Return the layers of a graph in the order given in a file.

    Raises:
        InvalidValueError: `names` does not name each layer once.
    """
    known = [name for name in names if name in layers] if isinstance(names, list) else []
    if known != names or sorted(known) != sorted(layers):
        raise InvalidValueError("order", "the names of the layers, each once", f"{names!r:.60}")
    return [layers[name] for name in known]


def _sources(calls: Mapping[Node, Call | Node]) -> dict[Call | Node, list[Call | Node]]:
    """Return, for each call, the calls that its inputs come from."""
    found: dict[Call | Node, dict[Call | Node, None]] = {}
    for node, call in calls.items():
        # Tensors that a function takes from its surroundings are not arguments, but needed, too.
        tensors = (*call.inputs, *node.inputs)
        known = [calls[tensor.node] for tensor in tensors if tensor.node in calls]
        found.setdefault(call, {}).update(dict.fromkeys(known))
    return {call: [one for one in some if one is not call] for call, some in found.items()}


def _layer_of(call: Call | Node) -> Layer:
    assert isinstance(call.layer, Layer)
    return call.layer

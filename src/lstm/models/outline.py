"""Outline: a graph as users made it, in which a composite layer is one layer, called at once."""

from collections.abc import Iterable, Sequence

from lstm.layers import Layer
from lstm.layers.input_layer import InputLayer, place_of
from lstm.layers.naming import Names
from lstm.layers.symbolic import Call, Node
from lstm.models.graph import Graph

Place = Call | Node
"""A call of a layer, or the node of an input."""


class Outline:
    """The layers that a graph calls directly, and these calls.

    A composite layer, such as a Bidirectional or a model, is one layer, and a call of it one call.

    Attributes:
        calls: the calls, each after those that it depends on; inputs are among them.
        sources: for each call, the calls that its inputs come from.
        layers: the layers in the order of Keras, those farthest from the outputs first, with an
            InputLayer for each input.
        primitives: the layers of the graph in the order of their weights.
    """

    primitives: Sequence[Layer] = ()

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        nodes = [tensor.node for tensor in graph.inputs]
        self._call_of: dict[Node, Place] = {node: node for node in nodes}
        self._call_of |= {node: node.calls[0] if node.calls else node for node in graph.nodes}
        self.sources = self._sources()
        self.calls, met = self._in_order([tensor.node for tensor in graph.outputs], nodes)
        self.layers = self._by_level(met)
        self._keys = dict(zip(nodes, graph.input_names, strict=True))
        self._input_names = self._name_inputs()

    def layer_of(self, call: Place) -> Layer:
        """Return the layer of a call; for an input, its InputLayer."""
        if call.layer is None:
            return place_of(call.outputs[0])
        assert isinstance(call.layer, Layer)
        return call.layer

    def call_of(self, node: Node) -> Place:
        """Return the call that a node is part of."""
        return self._call_of[node]

    def name_of(self, call: Place) -> str:
        """Return the name of a call: of a composite layer its own, else that of the node."""
        if isinstance(call, Node) and call.layer is not None:
            return self.graph.names[call]
        return self.layer_name(self.layer_of(call))

    def layer_name(self, layer: Layer) -> str:
        """Return the name of a layer in this model, which no other one has."""
        return self._input_names.get(layer) or self.graph.outer.get(layer, layer.name)

    def key_of(self, node: Node) -> str | None:
        """Return the key of the data of an input, if it has one."""
        return self._keys[node]

    def _sources(self) -> dict[Place, list[Place]]:
        found: dict[Place, dict[Place, None]] = {}
        for node, call in self._call_of.items():
            # Tensors that a function takes from its surroundings are no arguments, but needed.
            tensors = (*call.inputs, *node.inputs)
            known = [self._call_of[t.node] for t in tensors if t.node in self._call_of]
            found.setdefault(call, {}).update(dict.fromkeys(known))
        return {call: [one for one in some if one is not call] for call, some in found.items()}

    def _in_order(
        self, ends: Iterable[Node], inputs: Sequence[Node]
    ) -> tuple[list[Place], dict[Layer, int]]:
        """Return the calls in an order in which they can be computed, and when each layer is met.

        One meets them on the way back from the outputs, each call before those that it depends on.
        """
        met: dict[Layer, int] = {}
        done: dict[Place, None] = {}
        stack = [(self._call_of[node], False) for node in (*reversed(inputs), *reversed([*ends]))]
        while stack:
            call, ready = stack.pop()
            if ready:
                done[call] = None
            elif call not in done:
                met.setdefault(self.layer_of(call), len(met))
                stack.append((call, True))
                stack.extend((source, False) for source in reversed(self.sources[call]))
        return list(done), met

    def _by_level(self, met: dict[Layer, int]) -> list[Layer]:
        """Return the layers by distance: the number of calls on the longest way to an output.

        A layer that is called twice has the larger one. At equal distance, layers are in the order
        in which they were met.
        """
        distance: dict[Place, int] = {}
        farthest: dict[Layer, int] = {}
        for call in reversed(self.calls):
            layer = self.layer_of(call)
            farthest[layer] = max(distance.get(call, 0), farthest.get(layer, 0))
            for source in self.sources[call]:
                distance[source] = max(farthest[layer] + 1, distance.get(source, 0))
        return sorted(met, key=lambda layer: (-farthest[layer], met[layer]))

    def _name_inputs(self) -> dict[Layer, str]:
        """Return the names of inputs: their keys, or different ones for those without a key."""
        keys = {self.layer_of(node): key for node, key in self._keys.items()}
        names, found = Names(), dict[Layer, str]()
        unnamed: list[InputLayer] = []
        for layer in self.layers:
            key = keys.get(layer)
            if key is not None:
                found[layer] = key
            if isinstance(layer, InputLayer) and key is None:
                unnamed.append(layer)
            else:
                names.unique(found.get(layer, layer.name))
        for layer in unnamed:
            found[layer] = names.unique("input_layer")
        for layer, name in found.items():
            vars(layer)["name"] = name  # Of the last model with it; each model keeps its own names.
        return found

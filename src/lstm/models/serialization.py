"""Serialization: a graph as JSON values, and back; layers of known classes, never code."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from types import FunctionType
from typing import Any

from numpy.typing import NDArray

from lstm import checks
from lstm.configured import members
from lstm.container import json_values
from lstm.custom_objects import get_custom_objects
from lstm.errors import InvalidTypeError, InvalidValueError, LSTMError, naming
from lstm.interface import Interface
from lstm.layers import PRIMITIVES
from lstm.layers.base import Layer
from lstm.layers.inner import inner_layers, layers_of, with_own
from lstm.layers.symbolic import Node, Shape, SymbolicTensor, input_tensor
from lstm.layers.tracing import deciding
from lstm.losses import Loss
from lstm.metrics import Metric
from lstm.models.graph import Graph
from lstm.regularizers import Regularizer

CustomObjects = Mapping[str, Any]
"""The classes of layers and regularizers, and the functions, of users by name."""

Tensors = Mapping[str, NDArray[Any]]

_COUNTABLE = 2**31
"""Largest number of steps, units or axes in the operations."""

_LARGEST = 2**28
"""Limit for the numbers of a tensor per example: no machine can compute with more."""


def graph_config(graph: Graph) -> dict[str, Any]:
    """Return the graph as JSON values: layers, the calls that connect them, inputs and outputs."""
    layers = graph.layers
    name_of: dict[object, str] = {layer: name for name, layer in layers.items()}
    place: dict[Node, int] = {tensor.node: k for k, tensor in enumerate(graph.inputs)}
    for node in graph.nodes:
        place[node] = len(place)

    def ends(tensors: tuple[SymbolicTensor, ...] | list[SymbolicTensor]) -> list[list[int]]:
        return [[place[tensor.node], tensor.index] for tensor in tensors]

    return {
        "inputs": [
            {"shape": list(t.shape), "name": name, "exact": t.node.exact}
            for t, name in zip(graph.inputs, graph.input_names, strict=True)
        ],
        "layers": {name: _layer_config(layer, name_of) for name, layer in layers.items()},
        "calls": [
            {
                "layer": name_of[node.path[-1]],
                "inputs": ends(node.inputs),
                "name": graph.names[node],
                **({} if node.training is None else {"training": node.training}),
            }
            for node in graph.nodes
        ],
        "outputs": ends(graph.outputs),
    }


def _layer_config(layer: Layer, name_of: Mapping[object, str]) -> dict[str, Any]:
    config = layer.get_config() | {"name": name_of[layer]}
    config |= {argument: name_of[owner] for argument, owner in layer.tied_to.items()}
    kind = type(layer)
    entry = {"class": kind.__name__, "config": config}
    return entry if PRIMITIVES.get(kind.__name__) is kind else entry | {"custom": True}


def check_classes(custom_objects: object) -> CustomObjects:
    """Return what files may name from `load_model`'s argument, and from what is registered.

    Both may have other classes of users, which files do not need.
    """
    expected = "a dict of layer classes by name, such as {'Scale': Scale}"
    found = dict[str, Any]()
    if not isinstance(custom_objects, Mapping | None):
        raise InvalidTypeError("custom_objects", expected, f"{custom_objects!r:.60}")
    for name, kind in {**get_custom_objects(), **(custom_objects or {})}.items():
        ours = isinstance(kind, type) and issubclass(kind, Interface)
        of_users = ours or isinstance(kind, FunctionType)
        if not (isinstance(name, str) and of_users):
            raise InvalidTypeError("custom_objects", expected, f"{name!r}: {kind!r:.60}")
        if not isinstance(kind, type) or issubclass(kind, Layer | Regularizer | Loss | Metric):
            found[name] = kind
    return found


def graph_from_config(
    config: Mapping[str, Any],
    custom_objects: CustomObjects,
    tensors: Tensors,
    *,
    given: bool = False,
) -> Graph:
    """Return the graph that `graph_config` described.

    Args:
        config: the description, from any source.
        custom_objects: what users have written, by name.
        tensors: the weights by name, which the layers use directly.
        given: whether `custom_objects` is a user's argument, which errors then blame for layers
            that its classes cannot make.

    Raises:
        InvalidValueError: the description names a layer that is neither in the library nor in
            `custom_objects`, cannot be built, or does not fit the weights. Nothing larger than the
            weights is allocated before these checks.
    """
    blamed = custom_objects if given else {}
    layers = _layers(config["layers"], custom_objects, blamed)
    outputs: list[list[SymbolicTensor]] = [[input_from_config(entry)] for entry in config["inputs"]]
    inputs = [tensor for (tensor,) in outputs]

    def ends(pairs: Sequence[Any]) -> list[SymbolicTensor]:
        return [entry_numbered("index", k, entry_numbered("node", n, outputs)) for n, k in pairs]

    def saved(key: str, shape: Sequence[int]) -> NDArray[Any]:
        if key not in tensors:
            raise InvalidValueError(key, "an array", "none")
        checks.shape(key, tensors[key].shape, shape)
        return tensors[key]

    for layer in layers.values():
        layer.weight_source = saved
    for call in config["calls"]:
        name, ends_in = call["layer"], ends(call["inputs"])
        mode = checks.one_of("training", call.get("training"), (None, True, False))
        with _blaming(blamed, config["layers"][name]), deciding(mode):
            made = layers[name].connect(ends_in)
        outputs.append(made if isinstance(made, list) else [made])
        for tensor in outputs[-1]:
            _check_size(name, tensor.shape)
        # Older files do not hold this; they rely on the order of the calls.
        outputs[-1][0].node.name = call.get("name")
    for layer in layers.values():
        layer.weight_source = None
    return Graph(inputs, ends(config["outputs"]))


@contextmanager
def _blaming(blamed: CustomObjects, entry: Mapping[str, Any]) -> Iterator[None]:
    """Blame the class of a layer for its errors, if it is one of `blamed`."""
    try:
        yield
    except Exception as error:
        if entry["class"] not in blamed:
            raise
        kind = blamed[entry["class"]]
        arguments = ", ".join(f"{key}={value!r:.40}" for key, value in entry["config"].items())
        expected = f"the class {entry['class']!r} that was saved, made with {arguments}"
        got = f"{kind.__module__}.{kind.__qualname__} ({error})"
        raise InvalidTypeError("custom_objects", expected, got) from error


def check_readable(
    config: Mapping[str, Any], layers: Mapping[str, Layer], tensors: Tensors
) -> None:
    """Check that a graph can be rebuilt from its description, before writing anything.

    Args:
        config: the result of `graph_config`.
        layers: the layers of the graph, by name.
        tensors: the weights, by name.

    Raises:
        InvalidValueError: an attribute of a layer was set to a value that its constructor refuses,
            or its class does not rebuild it.
    """
    custom: dict[str, Any] = {}
    for kind in named_by([*layers.values(), *inner_layers(layers.values())]):
        if custom.setdefault(kind.__name__, kind) is not kind:
            raise InvalidValueError(
                f"class {kind.__name__}", "one class of that name in a model", "two"
            )
    entries = {name: _json(name, entry) for name, entry in config["layers"].items()}
    again = graph_from_config({**config, "layers": entries}, custom, tensors)
    for name in sorted(tensors.keys() - again.weights.keys()):
        raise InvalidValueError(name, "no such weight, with the arguments of its layer", "one")
    for name, entry in graph_config(again)["layers"].items():
        made, saved = _json(name, entry)["config"], entries[name]["config"]
        for key in saved.keys() | made.keys():
            if saved.get(key) != made.get(key):
                expected = f"{saved.get(key)!r}, when {entry['class']} is rebuilt with it"
                raise InvalidValueError(f"{key} of {name}", expected, repr(made.get(key)))


def named_by(layers: Iterable[Layer]) -> Iterator[Any]:
    """Yield the classes and functions that a file of layers names."""
    for layer in layers:
        yield type(layer)
        for regularizer in members(list(vars(layer).values()), Regularizer):
            if hasattr(regularizer.source, "__name__"):
                yield regularizer.source


def _json(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a layer as it will be read."""
    config = {key: json_values(f"{key} of {name}", value) for key, value in entry["config"].items()}
    return {**entry, "config": config}


def entry_numbered(argument: str, value: Any, entries: Sequence[Any]) -> Any:
    """Return an entry by its number, counted from the start."""
    number = checks.int_at_least(argument, value, 0)
    if number >= len(entries):
        raise InvalidValueError(argument, f"an integer below {len(entries)}", number)
    return entries[number]


def input_from_config(entry: Mapping[str, Any]) -> SymbolicTensor:
    """Return the input described in a graph's description."""
    batch, *sizes = entry["shape"]
    shape = (
        batch if batch is None else checks.int_at_least("shape of an input", batch, 0),
        *(n if n is None else checks.int_at_least("shape of an input", n, 0) for n in sizes),
    )
    if entry["name"] is not None:
        checks.string("name of an input", entry["name"])
    _check_size("input", shape)
    exact = checks.one_of("exact", entry["exact"], (True, False))
    return input_tensor(shape, entry["name"], exact=exact)


def _check_size(name: str, shape: Shape) -> None:
    size = prod(n for n in shape[1:] if n is not None)
    if size >= _LARGEST:
        raise InvalidValueError(
            f"output of {name}", f"fewer than {_LARGEST:,} numbers for each example", size
        )


def _layers(
    entries: Mapping[str, Any], custom_objects: CustomObjects, blamed: CustomObjects
) -> dict[str, Layer]:
    """Return the layers by name, without weights."""
    layers: dict[str, Layer] = {}
    tied: list[str] = []
    for name, entry in entries.items():
        kind = class_of(entry, custom_objects)
        if kind.tied:
            tied.append(name)  # Made later, when the layers that it may refer to exist.
        else:
            with _blaming(blamed, entry):
                config = with_own(kind, entry["config"], custom_objects)
                layers[name] = layer_from_config(name, kind, config)
    for name in tied:
        kind, config = class_of(entries[name], custom_objects), entries[name]["config"]
        owners = {key: layers[checks.one_of(key, config[key], layers)] for key in kind.tied}
        layers[name] = layer_from_config(name, kind, {**config, **owners})
    return {name: layers[name] for name in entries}


def class_of(entry: Mapping[str, Any], custom_objects: CustomObjects) -> type[Layer]:
    name = entry["class"]
    # Of two classes with the same name, a file that says so means the user's.
    own = checks.one_of("custom", entry.get("custom", False), (True, False))
    theirs = layers_of(custom_objects)
    classes = theirs if own else {**PRIMITIVES, **theirs}
    if name not in classes:
        expected = f"the class {name!r}, which is not part of this library, by its name"
        raise InvalidValueError("custom_objects", expected, ", ".join(custom_objects) or "none")
    return classes[name]


def layer_from_config(name: str, kind: type[Layer], config: Mapping[str, Any]) -> Layer:
    """Return a layer from its description.

    Raises:
        InvalidValueError: an argument cannot be used; the message names the layer.
    """
    for key, value in config.items():
        if PRIMITIVES.get(kind.__name__) is kind and isinstance(value, int) and value >= _COUNTABLE:
            raise InvalidValueError(f"{key} of {name}", f"an integer below {_COUNTABLE:,}", value)
    try:
        with naming(lambda argument: f"{argument} of {name}"):
            return kind.from_config({**config, "name": name})
    except LSTMError:
        raise
    except Exception as error:  # The class may be a user's.
        raise InvalidTypeError(
            f"config of {name}", f"what {kind.__name__}.from_config accepts", repr(error)
        ) from error

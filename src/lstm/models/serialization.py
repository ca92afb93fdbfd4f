"""A graph as JSON values, and back: layers of the library only, never code."""

from collections.abc import Mapping
from typing import Any

from lstm import checks
from lstm.layers import PRIMITIVES
from lstm.layers.base import Layer, blank_weights
from lstm.layers.symbolic import Node, SymbolicTensor, input_tensor
from lstm.layers.tied_dense import TiedDense
from lstm.models.graph import Graph


def graph_config(graph: Graph) -> dict[str, Any]:
    """The graph as JSON values: layers, the calls that connect them, inputs and outputs."""
    layers = graph.layers
    name_of = {layer: name for name, layer in layers.items()}
    place: dict[Node, int] = {tensor.node: k for k, tensor in enumerate(graph.inputs)}
    for node in graph.nodes:
        place[node] = len(place)

    def ends(tensors: tuple[SymbolicTensor, ...] | list[SymbolicTensor]) -> list[list[int]]:
        return [[place[tensor.node], tensor.index] for tensor in tensors]

    return {
        "inputs": [
            {"shape": list(t.shape), "name": t.node.name, "exact": t.node.exact}
            for t in graph.inputs
        ],
        "layers": {name: _layer_config(layer, name_of) for name, layer in layers.items()},
        "calls": [
            {"layer": name_of[node.path[-1]], "inputs": ends(node.inputs)} for node in graph.nodes
        ],
        "outputs": ends(graph.outputs),
    }


def _layer_config(layer: Layer, name_of: Mapping[Layer, str]) -> dict[str, Any]:
    config = layer.get_config() | {"name": name_of[layer]}
    if isinstance(layer, TiedDense):
        config["embedding"] = name_of[layer.embedding]
    return {"class": type(layer).__name__, "config": config}


def graph_from_config(config: Mapping[str, Any], custom_layers: Mapping[str, type[Layer]]) -> Graph:
    """The graph that `graph_config` described, with weights of zeros.

    Raises:
        InvalidValueError: it names a layer that is neither the library's nor in `custom_layers`.
    """
    layers = _layers(config["layers"], {**PRIMITIVES, **custom_layers})
    inputs = [
        input_tensor(tuple(entry["shape"]), entry["name"], exact=entry["exact"])
        for entry in config["inputs"]
    ]
    outputs: list[list[SymbolicTensor]] = [[tensor] for tensor in inputs]
    with blank_weights():
        for call in config["calls"]:
            made = layers[call["layer"]].connect([outputs[n][k] for n, k in call["inputs"]])
            outputs.append(made if isinstance(made, list) else [made])
    return Graph(inputs, [outputs[n][k] for n, k in config["outputs"]])


def _layers(described: Mapping[str, Any], classes: Mapping[str, type[Layer]]) -> dict[str, Layer]:
    """The layers by name, without weights."""
    layers: dict[str, Layer] = {}
    tied: list[tuple[str, type[Layer]]] = []
    for name, entry in described.items():
        kind = classes[checks.one_of("custom_layers", entry["class"], classes)]
        if issubclass(kind, TiedDense):
            tied.append((name, kind))  # Once all that it may refer to is there.
        else:
            layers[name] = kind.from_config(entry["config"])
    for name, kind in tied:
        config = described[name]["config"]
        layers[name] = kind.from_config({**config, "embedding": layers[config["embedding"]]})
    return layers

"""A graph as JSON values, and back: layers of the library only, never code."""

from collections.abc import Mapping
from typing import Any

from lstm import checks
from lstm.layers import PRIMITIVES
from lstm.layers.base import Layer, blank_weights
from lstm.layers.symbolic import Node, SymbolicTensor, input_tensor
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
        "layers": {name: _layer_config(layer, name) for name, layer in layers.items()},
        "calls": [
            {"layer": name_of[node.path[-1]], "inputs": ends(node.inputs)} for node in graph.nodes
        ],
        "outputs": ends(graph.outputs),
    }


def _layer_config(layer: Layer, name: str) -> dict[str, Any]:
    kind = type(layer).__name__
    return {"class": kind, "config": {**layer.get_config(), "name": name}}


def graph_from_config(config: Mapping[str, Any], custom_layers: Mapping[str, type[Layer]]) -> Graph:
    """The graph that `graph_config` described, with weights of zeros.

    Raises:
        InvalidValueError: it names a layer that is neither the library's nor in `custom_layers`.
    """
    classes = {**PRIMITIVES, **custom_layers}
    layers: dict[str, Layer] = {}
    for name, described in config["layers"].items():
        kind = classes[checks.one_of("custom_layers", described["class"], classes)]
        layers[name] = kind.from_config(described["config"])
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

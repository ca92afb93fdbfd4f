"""Wiring: how the layers of a functional model are called, as JSON values, and the calls again."""

from collections.abc import Iterator, Mapping
from typing import Any

from lstm import checks
from lstm.configured import members, plain
from lstm.errors import InvalidTypeError
from lstm.layers import Layer
from lstm.layers.symbolic import Call, SymbolicTensor
from lstm.layers.tracing import deciding
from lstm.models.outline import Outline
from lstm.models.serialization import entry_numbered

Wiring = dict[str, Any]


def wiring(outline: Outline) -> Wiring:
    """Return the calls of a model's layers, by their names.

    Raises:
        InvalidTypeError: a call has an argument that a file cannot hold, or its layer computes with
            tensors that are not its arguments.
    """
    places: dict[SymbolicTensor, list[int]] = {}

    def described(layer: str, value: Any) -> Any:
        if isinstance(value, SymbolicTensor):
            if value not in places:
                expected = "tensors that layers of the model returned"
                raise InvalidTypeError(f"call of {layer}", expected, "one from within a layer")
            return {"tensor": places[value]}
        if isinstance(value, list | tuple):
            return [described(layer, part) for part in value]
        return plain(f"argument of {layer}", value)

    calls: list[dict[str, Any]] = []
    for number, call in enumerate(outline.calls):
        name = outline.layer_name(outline.layer_of(call))
        if isinstance(call, Call):
            _check_arguments(outline, call)
            arguments = [described(name, value) for value in call.arguments]
            options = {key: described(name, value) for key, value in call.options.items()}
            calls.append({"layer": name, "arguments": arguments, "options": options})
        elif call.layer is None:
            calls.append({"layer": name, "key": outline.key_of(call), "exact": call.exact})
        else:
            calls.append({"layer": name, "inputs": [described(name, t) for t in call.inputs]})
        if call.training is not None:
            calls[-1]["training"] = call.training
        for index, tensor in enumerate(call.outputs):
            places.setdefault(tensor, [number, index])
    graph = outline.graph
    return {
        "calls": calls,
        "inputs": [described("the model", tensor) for tensor in graph.inputs],
        "outputs": [described("the model", tensor) for tensor in graph.outputs],
    }


def connected(
    described: Mapping[str, Any],
    layers: Mapping[str, Layer],
    inputs: Mapping[str, SymbolicTensor],
) -> tuple[list[SymbolicTensor], list[SymbolicTensor]]:
    """Call layers as a wiring says; return the inputs and the outputs.

    Args:
        described: the wiring, from any source.
        layers: the layers by name.
        inputs: the input tensors by the names of their layers.
    """
    results: list[list[SymbolicTensor]] = []

    def tensors(value: Any) -> Any:
        if isinstance(value, dict):
            number, index = value["tensor"]
            return entry_numbered("index", index, entry_numbered("call", number, results))
        return [tensors(part) for part in value] if isinstance(value, list) else value

    for call in described["calls"]:
        if call["layer"] in inputs:
            made: Any = inputs[call["layer"]]
        else:
            mode = checks.one_of("training", call.get("training"), (None, True, False))
            if "inputs" in call:
                with deciding(mode):
                    made = layers[call["layer"]].connect(tensors(call["inputs"]))
            else:
                options = {key: tensors(value) for key, value in call["options"].items()}
                options |= {} if mode is None else {"training": mode}
                made = layers[call["layer"]](*tensors(call["arguments"]), **options)
        results.append(list(members(made, SymbolicTensor)))
    return tensors(described["inputs"]), tensors(described["outputs"])


def _check_arguments(outline: Outline, call: Call) -> None:
    """Refuse a call that computes with tensors of its surroundings: it could not be repeated."""
    for tensor in _taken(outline, call):
        if tensor not in call.inputs:
            raise InvalidTypeError(
                f"call of {call.layer.name}",
                "one that uses only its arguments, to be repeated",
                "one that uses other tensors, too",
            )


def _taken(outline: Outline, call: Call) -> Iterator[SymbolicTensor]:
    """Yield the tensors from outside that the nodes of a call read."""
    own = {node for node in outline.graph.nodes if node.calls and node.calls[0] is call}
    yield from (tensor for node in own for tensor in node.inputs if tensor.node not in own)

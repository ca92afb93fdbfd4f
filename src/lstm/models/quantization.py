"""Quantization: a model whose products have int8 weights, for inference."""

from lstm.backends import Backend
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.interface import overrides_computation
from lstm.layers.definition import Definition
from lstm.layers.quantization import int8_weights
from lstm.models.graph import Graph


def quantize(graph: Graph, backend: Backend, name: str) -> None:
    """Turn the weights of a model into int8 numbers, where its layers can compute with them.

    Raises:
        InvalidValueError: no layer can.
    """
    # What a user's layer computes with the weights of another is not known.
    used = {
        owner
        for layer in graph.layers.values()
        if overrides_computation(type(layer))
        for owner in layer.tied_to.values()
    }
    found = [
        (layer.own_weights[key], axis)
        for layer in graph.layers.values()
        if layer not in used
        for key, axis in int8_weights(layer).items()
    ]
    if not found:
        expected = "an LSTM, GRU, SimpleRNN, Dense or Embedding of the library, to quantize it"
        raise InvalidValueError(f"layers of {name}", expected, "none")
    for weight, axis in found:
        if not weight.is_int8:
            value = backend.ops.array(weight.to_numpy())
            weight.take_int8(backend, backend.ops.quantize(value, axis))


def is_quantized(graph: Graph) -> bool:
    """Whether any weight is int8."""
    return any(weight.is_int8 for weight in graph.weights.values())


def refuse_training(graph: Graph | None) -> None:
    """Refuse to train a model that is quantized.

    Raises:
        InvalidTypeError: it is.
    """
    if graph is not None and is_quantized(graph):
        raise InvalidTypeError(
            "model",
            "float32 weights to train: quantize() is for inference; train the model from before",
            "int8 weights",
        )


def quantized_lines(graph: Graph) -> list[str]:
    """Return lines about a quantized model: which layers are int8, and which are not and why."""
    if not is_quantized(graph):
        return []
    int8, others = [], []
    for name, layer in graph.layers.items():
        if any(weight.is_int8 for weight in layer.own_weights.values()):
            int8.append(name)
        elif layer.own_weights and not _is_tied_int8(layer):
            own = overrides_computation(type(layer))
            others.append(f"{name} ({'a layer of your own' if own else 'no int8 product'})")
        elif layer.own_weights:
            int8.append(name)
    return [
        f"Quantized: int8 weights in {', '.join(int8)}",
        *([f"Not quantized: {', '.join(others)}"] if others else []),
    ]


def _is_tied_int8(layer: Definition) -> bool:
    """Whether a layer computes with the int8 weights of another."""
    owners = layer.tied_to.values()
    return any(weight.is_int8 for owner in owners for weight in owner.own_weights.values())

"""The stack of a language model's layers, as the operations take it, and its state after a text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import Array, RecurrentSpec, RecurrentWeights
from lstm.errors import InvalidValueError
from lstm.layers import LSTM, Dense, Dropout, Embedding, Layer, SpatialDropout1D
from lstm.models import State

if TYPE_CHECKING:
    from lstm.text.language_model import LanguageModel

_SPEC = RecurrentSpec("lstm")
"""What every recurrent layer computes."""

_AT_ONCE = 4096
"""Tokens that are read at once: memory does not grow with the length of a text."""


class Stack(NamedTuple):
    """The weights of a language model, in the order in which `Ops.generate` takes them.

    Attributes:
        embedding: (V, E).
        layers: kernel, recurrent kernel and bias of each LSTM.
        w, b: (H, V) and (V) or None, the output layer; by its b no unknown token is ever written,
            and where only some tokens may be, no other.
    """

    embedding: Array
    layers: list[RecurrentWeights]
    w: Array
    b: Array | None


def stack_of(model: "LanguageModel", only: NDArray[np.bool_] | None = None) -> Stack:
    """The weights of a language model.

    Args:
        model: the language model.
        only: (V,), which tokens may be written; all by default.

    Raises:
        InvalidValueError: it is made of other layers than those that `Ops.generate` computes.
    """
    embedding, lstms, output = _layers(model)
    backend = model.model.backend
    b, unknown = _bias(output), model.vocabulary.unknown
    if unknown is not None or only is not None:
        values = np.zeros(len(model.vocabulary), backend.dtype)
        if b is not None:
            values[:] = backend.ops.to_numpy(b)
        if unknown is not None:
            values[unknown] = -np.inf
        if only is not None:
            values[~only] = -np.inf
        b = backend.ops.array(values)
    return Stack(
        embedding.value("embeddings"),
        [layer.weights_for(layer.value("kernel")) for layer in lstms],
        output.value("kernel"),
        b,
    )


def _bias(layer: Dense) -> Array | None:
    return layer.value("bias") if layer.use_bias else None


def _layers(model: "LanguageModel") -> tuple[Embedding, list[LSTM], Dense]:
    """The layers that have weights, in their order."""
    graph, expected = model.model.graph, "an Embedding, LSTMs with tanh and sigmoid, and a Dense"
    layers = [
        layer
        for layer in graph.layers.values()
        if not isinstance(layer, Dropout | SpatialDropout1D)
    ]
    kinds: list[type[Layer]] = [Embedding, *[LSTM] * (len(layers) - 2), Dense]
    for layer, kind in zip(layers, kinds, strict=False):
        if not isinstance(layer, kind) or (isinstance(layer, LSTM) and layer.spec != _SPEC):
            got = f"a {type(layer).__name__} {layer.name}"
            raise InvalidValueError("model", f"{expected}, to write", got)
    chained = all(len(node.inputs) == 1 for node in graph.nodes)
    if len(layers) < 2 or len(graph.nodes) != len(graph.layers) or not chained:
        got = "layers that branch or are called twice" if layers[1:] else f"{len(layers)} of them"
        raise InvalidValueError("model", f"{expected}, one after the other, to write", got)
    embedding, *lstms, output = layers
    return cast(Embedding, embedding), cast(list[LSTM], lstms), cast(Dense, output)


def read(model: "LanguageModel", tokens: NDArray[np.int64], state: State) -> State:
    """The state after B texts side by side, of which the model says nothing yet.

    Args:
        model: the language model.
        tokens: (B, T).
        state: the state before them; not changed.
    """
    ops, stack = model.model.backend.ops, stack_of(model)
    states = to_backend(model, state)
    at_once = max(1, _AT_ONCE // len(tokens))
    for start in range(0, tokens.shape[1], at_once):
        part = np.ascontiguousarray(tokens[:, start : start + at_once])
        x = ops.embedding_forward(ops.array(part), stack.embedding)
        for k, (weights, before) in enumerate(zip(stack.layers, states, strict=True)):
            x, states[k], _ = ops.recurrent_forward(
                _SPEC, x, weights, before, None, None, keep_cache=False
            )
    return to_state(model, states)


def to_backend(model: "LanguageModel", state: State) -> list[tuple[Array, ...]]:
    """The state of each recurrent layer, as arrays of the backend."""
    array = model.model.backend.ops.array
    return [tuple(map(array, parts)) for parts in state.values()]


def to_state(model: "LanguageModel", states: Sequence[tuple[Array, ...]]) -> State:
    """The state of a model of whose recurrent layers it is given as arrays of the backend."""
    values = model.model.backend.ops.to_numpy
    names = model.model.graph.state_shapes()
    return State(
        {name: tuple(map(values, parts)) for name, parts in zip(names, states, strict=True)}
    )


def gathered(state: State, rows: NDArray[np.int64]) -> State:
    """The state of texts, each of which goes on from one of those of a state."""
    return State({name: tuple(array[rows] for array in parts) for name, parts in state.items()})

"""Generation: any language model draws one token after the other.

For a stack of LSTMs, the backend draws many tokens in one call. Every other model computes the
logits of each token. The same uniforms lead to the same tokens.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import (
    Array,
    Choice,
    PackedStack,
    Quantized,
    RecurrentSpec,
    RecurrentWeights,
)
from lstm.configured import Changes
from lstm.interface import overrides_computation
from lstm.layers import Dense, Embedding, Layer
from lstm.layers.recurrence import Recurrent
from lstm.layers.weight import Numbers
from lstm.models import State
from lstm.models.graph import layer_of
from lstm.text.token_model import TokenModel

Tokens = NDArray[np.int64]

_PLAIN = RecurrentSpec("lstm")
"""What the recurrent layers of `Ops.generate` compute."""


class Stack(NamedTuple):
    """The weights of an embedding, LSTMs and a Dense, as `Ops.packed_stack` takes them.

    Attributes:
        embedding: (V, E).
        layers: kernel, recurrent kernel and bias of each LSTM.
        w, b: (H, V) and (V) or None, the output layer.
    """

    embedding: Array
    layers: list[RecurrentWeights]
    w: Array
    b: Array | None

    @property
    def kernels(self) -> list[Array]:
        """All weights but biases, which are all int8, or none of them."""
        return [self.embedding, self.w, *(w for layer in self.layers for w in (layer.w, layer.r))]


class _Kept(NamedTuple):
    """What a sampler keeps of a model.

    Attributes:
        seen: the model, and the latest changes of attributes and of numbers.
        numbers: tells whether the numbers of its weights change.
        stack: its weights; None if it has others.
        packed: the same, packed.
    """

    seen: tuple[object, ...]
    numbers: Numbers
    stack: Stack | None
    packed: PackedStack


class Sampler:
    """Draws the next tokens of texts.

    It keeps the weights packed, until they change: a few tokens take less time than packing.

    Args:
        model: the model that writes; it never draws an unknown token.
    """

    def __init__(self, model: TokenModel) -> None:
        self._model = model
        self._kept: _Kept | None = None

    def draw(
        self,
        last: Tokens,
        state: State,
        recent: Tokens,
        u: NDArray[np.float64],
        choice: Choice,
        only: NDArray[np.bool_] | None = None,
    ) -> tuple[Tokens, State]:
        """Draw the next tokens of B texts.

        Args:
            last: (B,), the last token of each text, not yet part of the state.
            state: the state of the texts; not changed.
            recent: (B, W), the tokens that the repetition penalty counts; -1 for no token.
            u: uniforms in [0, 1), (B, N).
            choice: how to choose a token.
            only: (V,), which tokens may be drawn; all by default.

        Returns:
            The tokens (B, N), and the state, without the last of them.
        """
        model = self._model
        never = np.zeros(len(model.vocabulary), np.bool_) if only is None else ~only
        if model.vocabulary.unknown is not None:
            never[model.vocabulary.unknown] = True
        kept = self._pack()
        if kept.stack is None:
            return _generate_step_by_step(model, last, state, recent, u, choice, never)
        backend, states = model.model.backend, list(state.on(model.model.backend).values())
        b = _without(model, kept.stack.b, never)
        drawn, after = backend.ops.generate(
            backend.ops.array(last), kept.packed, b, states, recent, u, choice
        )
        return drawn, State.of(backend, dict(zip(state, after, strict=True)))

    def _pack(self) -> _Kept:
        """Return the packed weights, which are packed again if they have changed."""
        model, kept = self._model.model, self._kept
        if kept is not None and kept.seen == (model, Changes.latest, kept.numbers.changes):
            return kept
        # What changes from here on is heard of next time.
        numbers, latest = Numbers(model.graph.weights.values()), Changes.latest
        seen = (model, latest, numbers.changes)
        stack, packed = stack_of(self._model), None
        if stack is not None:
            packed = model.backend.ops.packed_stack(stack.embedding, stack.layers, stack.w)
        # In one step: copies of a writer, perhaps in other threads, share it.
        self._kept = kept = _Kept(seen, numbers, stack, packed)
        return kept


def _generate_step_by_step(
    model: TokenModel,
    last: Tokens,
    state: State,
    recent: Tokens,
    u: NDArray[np.float64],
    choice: Choice,
    never: NDArray[np.bool_],
) -> tuple[Tokens, State]:
    """Like `Sampler.draw`, from the logits of any model."""
    ops, drawn = model.model.backend.ops, np.empty(u.shape, np.int64)
    for n in range(u.shape[1]):
        logits, state = model.advance(last[:, None], state)
        z = logits[:, 0]
        z[:, never] = -np.inf
        last = drawn[:, n] = ops.sample(ops.array(z), u[:, n], recent, choice)
        recent = np.append(recent, last[:, None], 1)[:, 1:]
    return drawn, state


def stack_of(model: TokenModel) -> Stack | None:
    """Return the weights of a model that computes what `Ops.generate` does; None for others."""
    graph = model.model.graph
    if any(node.training for node in graph.nodes):
        return None
    nodes = [node for node in graph.nodes if not _only_trains(layer_of(node))]
    # The activation at the end, softmax or linear, may be a layer: see `check_language_model`.
    activated = layer_of(nodes[-1]).only_activates
    if activated:
        del nodes[-1]
    chained = all(len(node.inputs) == 1 for node in graph.nodes)
    if not chained or len(graph.layers) < len(graph.nodes) or len(nodes) < 3:
        return None
    embedding, *lstms, output = map(layer_of, nodes)
    if not (isinstance(embedding, Embedding) and embedding.gives_table):
        return None
    if not (isinstance(output, Dense) and output.is_head):
        return None
    if output.ends_in not in (("linear",) if activated else ("linear", "softmax")):
        return None
    layers = [layer for layer in lstms if isinstance(layer, Recurrent) and _is_plain(layer)]
    if len(layers) < len(lstms):
        return None
    stack = Stack(
        embedding.value("embeddings"),
        [layer.weights_for(layer.value("kernel")) for layer in layers],
        output.kernel_array(model.model.backend.ops),
        output.value("bias") if output.use_bias else None,
    )
    return stack if len({isinstance(w, Quantized) for w in stack.kernels}) == 1 else None


def _is_plain(layer: Recurrent) -> bool:
    """Whether a layer computes what the LSTMs of `Ops.generate` do."""
    return layer.spec == _PLAIN and not overrides_computation(type(layer))


def _only_trains(layer: Layer) -> bool:
    """Return whether a layer passes its input on unchanged, except in training."""
    return layer.only_trains and not overrides_computation(type(layer))


def _without(model: TokenModel, b: Array | None, never: NDArray[np.bool_]) -> Array | None:
    """Return the bias of the output layer, changed so that it rules out some tokens."""
    if not never.any():
        return b
    backend = model.model.backend
    allowed = backend.ops.array(np.where(never, -np.inf, 0).astype(backend.dtype))
    return allowed if b is None else backend.ops.add([b, allowed])


def gathered(state: State, rows: NDArray[np.int64]) -> State:
    """Return the state of texts that continue from these rows of a state."""
    return State({name: tuple(array[rows] for array in parts) for name, parts in state.items()})

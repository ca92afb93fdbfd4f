"""Drawing tokens from logits, and whole texts; docs/theory/language.md."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import Choice, PackedStack, RecurrentSpec, RecurrentWeights, State
from lstm.backends.reference.activations import softmax
from lstm.backends.reference.layers import ReferenceLayers, embedding_forward
from lstm.backends.reference.recurrent import ReferenceRecurrent

Array = NDArray[Any]


def sample(
    z: Array, u: NDArray[Any], recent: NDArray[np.int64], choice: Choice
) -> NDArray[np.int64]:
    z = _penalized(z, recent, choice.repetition_penalty)
    ranked = np.argsort(-z, axis=-1, kind="stable")
    if choice.temperature == 0:
        return ranked[:, 0]
    p = softmax(np.take_along_axis(z, ranked, -1).astype(np.float64) / choice.temperature)
    if choice.top_k:
        p[:, choice.top_k :] = 0
        p /= p.sum(-1, keepdims=True)
    before = np.cumsum(p, -1) - p
    p[(before >= choice.top_p) | (p < choice.min_p * p[:, :1])] = 0
    cumulative = np.cumsum(p, -1)
    rank = (cumulative <= u[:, None] * cumulative[:, -1:]).sum(-1)
    return np.take_along_axis(ranked, rank[:, None], -1)[:, 0]


def _penalized(z: Array, recent: NDArray[np.int64], penalty: float) -> Array:
    """Return logits z (B, V), with recent tokens (B, W) made less probable."""
    z = z.copy()
    for row, tokens in zip(z, recent, strict=True):
        repeated = np.unique(tokens[tokens >= 0])
        row[repeated] = np.where(
            row[repeated] > 0, row[repeated] / penalty, row[repeated] * penalty
        )
    return z


class ReferenceSampling(ReferenceLayers, ReferenceRecurrent):
    """Whole texts."""

    def packed_stack(
        self, embedding: Array, layers: Sequence[RecurrentWeights], w: Array
    ) -> PackedStack:
        return embedding, layers, w

    def generate(
        self,
        tokens: Array,
        stack: PackedStack,
        b: Array | None,
        states: Sequence[State],
        recent: NDArray[np.int64],
        u: NDArray[Any],
        choice: Choice,
    ) -> tuple[NDArray[np.int64], list[State]]:
        embedding, layers, w = stack
        drawn = np.empty(u.shape, np.int64)
        spec, states = RecurrentSpec("lstm"), list(states)
        for n in range(u.shape[1]):
            x = embedding_forward(tokens, embedding)[:, None]
            for k, (weights, state) in enumerate(zip(layers, states, strict=True)):
                x, states[k], _ = self.recurrent_forward(spec, x, weights, state, None, None, False)
            z, _ = self.linear_forward(x[:, 0], w, b, "linear")
            tokens = drawn[:, n] = sample(z, u[:, n], recent, choice)
            if recent.shape[1]:
                recent = np.concatenate([recent[:, 1:], tokens[:, None]], 1)
        return drawn, states

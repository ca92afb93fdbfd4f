"""Drawing tokens, in C++."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import Choice, Quantized, RecurrentWeights, State
from lstm.backends.native.arrays import NativeArrays

Array = NDArray[Any]


class NativeSampling(NativeArrays):
    """Drawing tokens."""

    def sample(
        self, z: Array, u: NDArray[Any], recent: NDArray[np.int64], choice: Choice
    ) -> NDArray[np.int64]:
        drawn = np.empty(len(z), np.int64)
        self.kernels.sample(z, u, recent, *choice, drawn)
        return drawn

    def generate(
        self,
        tokens: Array,
        embedding: Array,
        layers: Sequence[RecurrentWeights],
        w: Array,
        b: Array | None,
        states: Sequence[State],
        recent: NDArray[np.int64],
        u: NDArray[Any],
        choice: Choice,
    ) -> tuple[NDArray[np.int64], list[State]]:
        drawn = np.empty(u.shape, np.int64)
        after: list[State] = [(np.array(h, order="C"), np.array(c, order="C")) for h, c in states]
        if isinstance(w, Quantized) and isinstance(embedding, Quantized):
            int8_stack = [
                (*_parts(weights.w), *_parts(weights.r), weights.b, *state)
                for weights, state in zip(layers, after, strict=True)
            ]
            self.kernels.int8_generate(
                tokens, *_parts(embedding), int8_stack, *_parts(w), b, recent, u, *choice, drawn
            )
            return drawn, after
        stack = [(*weights, *state) for weights, state in zip(layers, after, strict=True)]
        self.kernels.generate(tokens, embedding, stack, w, b, recent, u, *choice, drawn)
        return drawn, after


def _parts(w: Quantized) -> tuple[Array, Array]:
    return w.values, w.scale

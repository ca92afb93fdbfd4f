"""Drawing tokens, in C++."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import Choice, PackedStack, Quantized, RecurrentWeights, State
from lstm.backends.native.arrays import NativeArrays, columns_of_packed

Array = NDArray[Any]


class NativeSampling(NativeArrays):
    """Drawing tokens."""

    def sample(
        self, z: Array, u: NDArray[Any], recent: NDArray[np.int64], choice: Choice
    ) -> NDArray[np.int64]:
        drawn = np.empty(len(z), np.int64)
        self.kernels.sample(z, u, recent, *choice, drawn)
        return drawn

    def packed_stack(
        self, embedding: Array, layers: Sequence[RecurrentWeights], w: Array
    ) -> PackedStack:
        if isinstance(w, Quantized):
            return embedding, layers, w
        kernels = [*(part for layer in layers for part in (layer.w, layer.r)), w]
        shapes = [(len(part), columns_of_packed(part.shape[1])) for part in kernels]
        # In one piece: then each begins where vectors do, and none lies in two lines of the cache.
        memory = self.empty((sum(map(prod, shapes)),))
        packed = []
        for part, shape in zip(kernels, shapes, strict=True):
            packed.append(memory[: prod(shape)].reshape(shape))
            memory = memory[prod(shape) :]
            pack = self.kernels.pack_panels if part is w else self.kernels.pack_gates
            pack(part, packed[-1])
        *parts, output = packed
        listed = [
            RecurrentWeights(of_w, of_r, layer.b)
            for of_w, of_r, layer in zip(parts[::2], parts[1::2], layers, strict=True)
        ]
        return embedding, listed, output

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
        after: list[State] = [(np.array(h, order="C"), np.array(c, order="C")) for h, c in states]
        if isinstance(w, Quantized):
            int8_stack = [
                (*_parts(weights.w), *_parts(weights.r), weights.b, *state)
                for weights, state in zip(layers, after, strict=True)
            ]
            self.kernels.int8_generate(
                tokens, *_parts(embedding), int8_stack, *_parts(w), b, recent, u, *choice, drawn
            )
            return drawn, after
        listed = [(*weights, *state) for weights, state in zip(layers, after, strict=True)]
        self.kernels.generate(tokens, embedding, listed, w, b, recent, u, *choice, drawn)
        return drawn, after


def _parts(w: Quantized) -> tuple[Array, Array]:
    return w.values, w.scale

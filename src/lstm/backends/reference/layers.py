"""Layers without a state: dropout, embedding, linear, convolution."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import ActivationName, Cache, Key, Quantized
from lstm.backends.reference.activations import activation_backward, activation_forward
from lstm.backends.reference.philox import random_words
from lstm.backends.reference.products import Products
from lstm.backends.reference.quantization import plain, rows

Array = NDArray[Any]


def scale_features(x: Array, factor: Array) -> Array:
    return x * factor[:, None]


def dropout(x: Array, key: Key, rate: float) -> Array:
    kept = random_words(x.size, key).reshape(x.shape) >= np.uint64(rate * 2**32)
    return np.where(kept, x * x.dtype.type(1 / (1 - rate)), x.dtype.type(0))


def dropout_mask(shape: Sequence[int], key: Key, rate: float, dtype: str) -> Array:
    return dropout(np.ones(shape, dtype), key, rate)


def uniform(shape: Sequence[int], key: Key, dtype: str) -> Array:
    words = random_words(int(np.prod(shape, dtype=np.int64)), key)
    return (((words >> np.uint64(9)) + 0.5) / 2**23).reshape(shape).astype(dtype)


def embedding_forward(tokens: Array, w: Array | Quantized) -> Array:
    return rows(w, tokens)


def embedding_backward(dy: Array, tokens: Array, dw: Array) -> None:
    np.add.at(dw, tokens.reshape(-1), dy.reshape(-1, dw.shape[1]))


class ReferenceLayers(Products):
    """Layers that multiply."""

    def linear_forward(
        self, x: Array, w: Array | Quantized, b: Array | None, activation: ActivationName
    ) -> tuple[Array, Cache]:
        z = self.product(x, w)
        if b is not None:
            z = z + b
        y = activation_forward(z, activation)
        return y, (x, w, y, activation)

    def linear_backward(
        self, dy: Array, cache: Cache, dw: Array | None, db: Array | None, need_dx: bool
    ) -> Array | None:
        x, w, y, activation = cache
        dz = activation_backward(dy, y, activation)
        if dw is not None:
            dw += self.summed_product(x, dz)
        if db is not None:
            db += dz.reshape(-1, w.shape[1]).sum(0)
        return self.product(dz, plain(w).T) if need_dx else None

    def conv1d_forward(
        self,
        x: Array,
        w: Array,
        b: Array | None,
        stride: int,
        dilation: int,
        padding: tuple[int, int],
        activation: ActivationName,
    ) -> tuple[Array, Cache]:
        padded = np.pad(x, ((0, 0), padding, (0, 0)))
        size = w.shape[0]
        steps = max(0, (padded.shape[1] - dilation * (size - 1) - 1) // stride + 1)
        z = np.zeros((x.shape[0], steps, w.shape[2]), x.dtype)
        for k in range(size):
            z += self.product(padded[:, _taps(k, steps, stride, dilation)], w[k])
        if b is not None:
            z += b
        y = activation_forward(z, activation)
        return y, (padded, w, y, stride, dilation, padding, activation)

    def conv1d_backward(
        self, dy: Array, cache: Cache, dw: Array | None, db: Array | None, need_dx: bool
    ) -> Array | None:
        padded, w, y, stride, dilation, padding, activation = cache
        dz = activation_backward(dy, y, activation)
        dpadded = np.zeros_like(padded)
        for k in range(w.shape[0]):
            taps = _taps(k, dz.shape[1], stride, dilation)
            if dw is not None:
                dw[k] += self.summed_product(padded[:, taps], dz)
            if need_dx:
                dpadded[:, taps] += self.product(dz, w[k].T)
        if db is not None:
            db += dz.sum((0, 1))
        return dpadded[:, padding[0] : padded.shape[1] - padding[1]] if need_dx else None


def _taps(k: int, steps: int, stride: int, dilation: int) -> slice:
    """Return the inputs for element k of the kernel, one for each output step."""
    return slice(k * dilation, k * dilation + stride * (steps - 1) + 1 if steps else 0, stride)

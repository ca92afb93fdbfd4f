"""Layers without a state: dropout, embedding, linear, convolution."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import ActivationName, Cache, Key, Quantized
from lstm.backends.reference.activations import activation_backward, activation_forward
from lstm.backends.reference.philox import random_words
from lstm.backends.reference.quantization import plain, product, rows

Array = NDArray[Any]


def scale_features(x: Array, factor: Array) -> Array:
    return x * factor[:, None]


def dropout(x: Array, key: Key, rate: float) -> Array:
    kept = random_words(x.size, key).reshape(x.shape) >= np.uint64(rate * 2**32)
    return np.where(kept, x * x.dtype.type(1 / (1 - rate)), x.dtype.type(0))


def dropout_mask(shape: Sequence[int], key: Key, rate: float, dtype: str) -> Array:
    return dropout(np.ones(shape, dtype), key, rate)


def embedding_forward(tokens: Array, w: Array | Quantized) -> Array:
    return rows(w, tokens)


def embedding_backward(dy: Array, tokens: Array, dw: Array) -> None:
    np.add.at(dw, tokens.reshape(-1), dy.reshape(-1, dw.shape[1]))


def linear_forward(
    x: Array, w: Array | Quantized, b: Array | None, activation: ActivationName
) -> tuple[Array, Cache]:
    z = product(x, w) if b is None else product(x, w) + b
    y = activation_forward(z, activation)
    return y, (x, w, y, activation)


def linear_backward(
    dy: Array, cache: Cache, dw: Array | None, db: Array | None, need_dx: bool
) -> Array | None:
    x, w, y, activation = cache
    dz = activation_backward(dy, y, activation)
    of_rows = dz.reshape(-1, w.shape[1])
    if dw is not None:
        dw += x.reshape(-1, w.shape[0]).T @ of_rows
    if db is not None:
        db += of_rows.sum(0)
    return dz @ plain(w).T if need_dx else None


def conv1d_forward(
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
        z += padded[:, _taps(k, steps, stride, dilation)] @ w[k]
    if b is not None:
        z += b
    y = activation_forward(z, activation)
    return y, (padded, w, y, stride, dilation, padding, activation)


def _taps(k: int, steps: int, stride: int, dilation: int) -> slice:
    """Return the inputs for element k of the kernel, one for each output step."""
    return slice(k * dilation, k * dilation + stride * (steps - 1) + 1 if steps else 0, stride)


def conv1d_backward(
    dy: Array, cache: Cache, dw: Array | None, db: Array | None, need_dx: bool
) -> Array | None:
    padded, w, y, stride, dilation, padding, activation = cache
    dz = activation_backward(dy, y, activation)
    dpadded = np.zeros_like(padded)
    for k in range(w.shape[0]):
        taps = _taps(k, dz.shape[1], stride, dilation)
        if dw is not None:
            dw[k] += np.tensordot(padded[:, taps], dz, ((0, 1), (0, 1)))
        if need_dx:
            dpadded[:, taps] += dz @ w[k].T
    if db is not None:
        db += dz.sum((0, 1))
    return dpadded[:, padding[0] : padded.shape[1] - padding[1]] if need_dx else None

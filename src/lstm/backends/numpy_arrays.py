"""Arrays of NumPy: the part of the contract that only moves numbers, shared by both backends."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import Quantized

Array = NDArray[Any]


def array(values: Array) -> Array:
    return np.asarray(values)


def to_numpy(x: Array) -> Array:
    return x


def holds_tokens(x: Array) -> bool:
    return x.dtype == np.int64


def dtype_of(x: Array) -> str:
    return str(x.dtype)


def zeros(shape: Sequence[int], dtype: str) -> Array:
    return np.zeros(shape, dtype)


def copy(x: Array) -> Array:
    return np.array(x, order="C")


def part(x: Array, start: int, stop: int) -> Array:
    return x[start:stop]


def read_only(x: Array) -> Array:
    view = x.view()
    view.flags.writeable = False
    return view


def fill(x: Array, value: float) -> None:
    x[...] = value


def zero_rows(x: Array, rows: NDArray[np.int64]) -> None:
    x[rows] = 0


def assign(x: Array, values: Array) -> None:
    x[...] = values


def reshape(x: Array, shape: Sequence[int]) -> Array:
    return x.reshape(shape)


def transpose(x: Array | Quantized, axes: Sequence[int]) -> Array | Quantized:
    if isinstance(x, Quantized):
        return x.transposed() if axes[0] else x
    return np.ascontiguousarray(x.transpose(axes))


def flip(x: Array, axis: int) -> Array:
    return np.ascontiguousarray(np.flip(x, axis))


def concatenate(xs: Sequence[Array], axis: int) -> Array:
    return np.concatenate(xs, axis)


def split(x: Array, sizes: Sequence[int], axis: int) -> list[Array]:
    return [np.ascontiguousarray(part) for part in np.split(x, np.cumsum(sizes)[:-1], axis)]


def repeat(x: Array, count: int, axis: int) -> Array:
    return np.repeat(np.expand_dims(x, axis), count, axis)


def slice_forward(x: Array, index: tuple[int | slice, ...]) -> Array:
    return np.ascontiguousarray(x[index])


def slice_backward(dy: Array, index: tuple[int | slice, ...], shape: Sequence[int]) -> Array:
    dx = np.zeros(shape, dy.dtype)
    dx[index] = dy
    return dx


def add(xs: Sequence[Array]) -> Array:
    total = xs[0].copy()
    for x in xs[1:]:
        total += x
    return total


def accumulate(x: Array, total: Array) -> None:
    total[...] += x


def multiply(x: Array, y: Array) -> Array:
    return x * y


def sum(x: Array, axis: int) -> Array:
    return x.sum(axis)


def scale(x: Array, factor: float) -> Array:
    return x * x.dtype.type(factor)

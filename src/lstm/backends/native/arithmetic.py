"""Arithmetic, in C++."""

from collections.abc import Sequence
from math import gcd
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import FunctionName
from lstm.backends.native.arrays import NativeArrays, around

Array = NDArray[Any]

_FUNCTIONS = {name: code for code, name in enumerate(get_args(FunctionName))}


class NativeArithmetic(NativeArrays):
    """Arithmetic."""

    def elementwise_forward(
        self, function: FunctionName, x: Array, y: Array | None, number: float
    ) -> Array:
        z = self.like(x)
        self.kernels.elementwise_forward(_FUNCTIONS[function], x, y, number, z)
        return z

    def elementwise_backward(
        self,
        function: FunctionName,
        dz: Array,
        x: Array,
        y: Array | None,
        number: float,
        z: Array,
        need_dx: bool,
        need_dy: bool,
    ) -> tuple[Array | None, Array | None]:
        dx = self.like(x) if need_dx else None
        dy = self.like(x) if need_dy and y is not None else None
        code = _FUNCTIONS[function]
        self.kernels.elementwise_backward(code, dz, x, y, number, z, dx, dy)
        return dx, dy

    def broadcast(self, x: Array, shape: Sequence[int]) -> Array:
        for axis, size in enumerate(shape):
            if x.shape[axis] != size:
                x = self.take(x, np.zeros(size, np.int64), axis)
        return x

    def cumulative_sum(self, x: Array, axis: int, reverse: bool) -> Array:
        y, parts = self.like(x), around(x.shape, axis)
        self.kernels.cumulative_sum(self.reshape(x, parts), reverse, self.reshape(y, parts))
        return y

    def matmul(self, x: Array, y: Array, transpose_x: bool, transpose_y: bool) -> Array:
        rows, columns = x.shape[2 if transpose_x else 1], y.shape[1 if transpose_y else 2]
        z = self.empty((x.shape[0], rows, columns))
        if transpose_x:
            self.kernels.matmul_x_transposed(x, y, z)
        elif transpose_y:
            self.kernels.matmul_y_transposed(x, y, z)
        else:
            self.kernels.matmul(x, y, z)
        return z

    def take(self, x: Array, index: NDArray[np.int64], axis: int) -> Array:
        axis %= x.ndim
        before, size, after = around(x.shape, axis)
        y = self.empty((*x.shape[:axis], len(index), *x.shape[axis + 1 :]))
        width, places = pieces(index, size)
        self.kernels.gather(
            self.reshape(x, (before, size // width, width * after)),
            places,
            self.reshape(y, (before, len(places), width * after)),
        )
        return y

    def take_backward(self, dy: Array, index: NDArray[np.int64], axis: int, size: int) -> Array:
        axis %= dy.ndim
        before, _, after = around(dy.shape, axis)
        dx = self.zeros((*dy.shape[:axis], size, *dy.shape[axis + 1 :]), "float32")
        width, places = pieces(index, size)
        self.kernels.scatter_add(
            self.reshape(dy, (before, len(places), width * after)),
            places,
            self.reshape(dx, (before, size // width, width * after)),
        )
        return dx

    def numbers(self, tokens: Array, dtype: str) -> Array:
        y = self.empty(tuple(tokens.shape))
        self.kernels.numbers(tokens, y)
        return y

    def one_hot(self, tokens: Array, count: int, dtype: str) -> Array:
        y = self.empty((*tokens.shape, count))
        self.kernels.one_hot(tokens, y)
        return y


def pieces(index: NDArray[np.int64], size: int) -> tuple[int, NDArray[np.int64]]:
    """Return the width of pieces that an axis of some size can be cut into, and those to take.

    Entries that follow on each other, as in a slice, are moved together: one of the four gates of a
    layer is one piece, not as many as there are units. An index that follows from data, in a
    recording, is taken entry by entry.
    """
    if not isinstance(index, np.ndarray):
        return 1, index
    count = len(index)
    if count < 2 or index[-1] - index[0] != count - 1 or (np.diff(index) != 1).any():
        return 1, index
    first = int(index[0])
    width = gcd(first, count, size)
    return width, np.arange(first // width, (first + count) // width)

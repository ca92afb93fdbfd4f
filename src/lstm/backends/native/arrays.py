"""Arrays that the kernels accept, and memory for large ones."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends import numpy_arrays

Array = NDArray[Any]


_PANEL = 64


def columns_of_packed(columns: int) -> int:
    """Return the number of columns for which there has to be room where some are packed."""
    return -(-columns // _PANEL) * _PANEL


class NativeArrays:
    """The kernels, and arrays for them.

    Attributes:
        kernels: the operations of the extension; every array that they write is passed to them.
    """

    kernels: Any

    accumulate = staticmethod(numpy_arrays.accumulate)
    add = staticmethod(numpy_arrays.add)
    assign = staticmethod(numpy_arrays.assign)
    concatenate = staticmethod(numpy_arrays.concatenate)
    copy = staticmethod(numpy_arrays.copy)
    dtype_of = staticmethod(numpy_arrays.dtype_of)
    fill = staticmethod(numpy_arrays.fill)
    flip = staticmethod(numpy_arrays.flip)
    holds_tokens = staticmethod(numpy_arrays.holds_tokens)
    multiply = staticmethod(numpy_arrays.multiply)
    part = staticmethod(numpy_arrays.part)
    read_only = staticmethod(numpy_arrays.read_only)
    repeat = staticmethod(numpy_arrays.repeat)
    reshape = staticmethod(numpy_arrays.reshape)
    scale = staticmethod(numpy_arrays.scale)
    slice_backward = staticmethod(numpy_arrays.slice_backward)
    slice_forward = staticmethod(numpy_arrays.slice_forward)
    split = staticmethod(numpy_arrays.split)
    to_numpy = staticmethod(numpy_arrays.to_numpy)
    transpose = staticmethod(numpy_arrays.transpose)
    zero_rows = staticmethod(numpy_arrays.zero_rows)
    zeros = staticmethod(numpy_arrays.zeros)

    def array(self, values: Array) -> Array:
        # The kernels need contiguous and aligned memory: other arrays are copied here, once.
        flags = values.flags
        return values if flags.c_contiguous and flags.aligned else values.copy()

    def of_data(self, function: Callable[..., Any], *data: Any) -> Any:
        """Return what a function of NumPy finds out about data, such as a mask."""
        return function(*data)

    def empty(self, shape: tuple[int, ...]) -> Array:
        """Return new memory; large arrays use memory that is kept from step to step."""
        if math.prod(shape) < 1 << 18:
            return np.empty(shape, np.float32)
        return self.kernels.empty(shape)

    def like(self, x: Array) -> Array:
        """Return new memory for an array with the shape of `x`."""
        return self.empty(x.shape)

    def packed(self, pack: str, rows: int, *weights: Array | None) -> Array | None:
        """Return what kernels make of weights before they multiply them by so many rows.

        None leaves it to the kernel: it is worth keeping only where many calls use it.

        Args:
            pack: the operation that makes it.
            rows: rows of the other factor.
            weights: what it is made of, the matrix first.
        """
        return None

    def sum(self, x: Array, axis: int) -> Array:
        return self._along(self.kernels.sum, x, axis)

    def max(self, x: Array, axis: int) -> Array:
        return self._along(self.kernels.max, x, axis)

    def _along(self, reduce: Any, x: Array, axis: int) -> Array:
        """Return what an operation makes of the numbers along an axis."""
        before, size, after = around(x.shape, axis)
        y = self.empty((*x.shape[: axis % x.ndim], *x.shape[axis % x.ndim + 1 :]))
        reduce(self.reshape(x, (before, size, after)), self.reshape(y, (before, after)))
        return y


def around(shape: Sequence[int], axis: int) -> tuple[int, int, int]:
    """Return the number of entries before, along and behind an axis."""
    axis %= len(shape)
    return math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])

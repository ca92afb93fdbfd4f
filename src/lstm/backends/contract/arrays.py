"""Arrays: made, moved, reshaped, added up."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract.types import Array


class ArrayOps(Protocol):
    """Arrays: made, moved, reshaped, added up."""

    def array(self, values: NDArray[Any]) -> Array:
        """Bring a NumPy array to the backend, without a copy if possible."""

    def to_numpy(self, x: Array) -> NDArray[Any]:
        """Bring an array of the backend to NumPy, without a copy if possible."""

    def holds_tokens(self, x: Array) -> bool:
        """Whether `x` holds tokens, int64, and not numbers of a floating dtype."""

    def dtype_of(self, x: Array) -> str:
        """The name of the dtype of `x`."""

    def zeros(self, shape: Sequence[int], dtype: str) -> Array:
        """A new array of zeros."""

    def copy(self, x: Array) -> Array:
        """`x` as a separate array, which nothing else changes."""

    def part(self, x: Array, start: int, stop: int) -> Array:
        """`x[start:stop]` along the first axis, as a view: both share their content."""

    def read_only(self, x: Array) -> Array:
        """`x` as a view that nobody can write through, where the backend can tell."""

    def fill(self, x: Array, value: float) -> None:
        """Set every entry of `x`, in place."""

    def zero_rows(self, x: Array, rows: NDArray[np.int64]) -> None:
        """Set the entries of these rows, along the first axis, to 0, in place."""

    def assign(self, x: Array, values: NDArray[Any]) -> None:
        """Copy NumPy values of the same shape into `x`, in place."""

    def reshape(self, x: Array, shape: Sequence[int]) -> Array:
        """`x` with another shape of the same size, in row-major order; a view, like `part`."""

    def transpose(self, x: Array, axes: Sequence[int]) -> Array:
        """`x` with its axes in the order `axes`."""

    def flip(self, x: Array, axis: int) -> Array:
        """`x` reversed along an axis."""

    def concatenate(self, xs: Sequence[Array], axis: int) -> Array:
        """Arrays joined along an axis."""

    def split(self, x: Array, sizes: Sequence[int], axis: int) -> list[Array]:
        """`x` cut along an axis into pieces of the given sizes."""

    def repeat(self, x: Array, count: int, axis: int) -> Array:
        """`x` (without the axis) stacked `count` times along a new axis."""

    def slice_forward(self, x: Array, index: tuple[int | slice, ...]) -> Array:
        """`x[index]`, for integers and slices."""

    def slice_backward(
        self, dy: Array, index: tuple[int | slice, ...], shape: Sequence[int]
    ) -> Array:
        """Zeros of `shape` with `dy` at `index`."""

    def add(self, xs: Sequence[Array]) -> Array:
        """Sum of arrays of equal shape."""

    def accumulate(self, x: Array, total: Array) -> None:
        """`total` += x, of equal shapes, in place."""

    def multiply(self, x: Array, y: Array) -> Array:
        """Product of two arrays of equal shape, element by element."""

    def sum(self, x: Array, axis: int) -> Array:
        """Sum over one axis, which disappears."""

    def scale(self, x: Array, factor: float) -> Array:
        """`factor` times `x`."""

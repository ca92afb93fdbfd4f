"""Arithmetic: functions of numbers, products and sums along axes, for what users compose."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract.types import Array, FunctionName


class ArithmeticOps(Protocol):
    """Arithmetic on whole arrays."""

    def elementwise_forward(
        self, function: FunctionName, x: Array, y: Array | None, number: float
    ) -> Array:
        """z = f(x, y), entry by entry; x and y of one shape.

        Functions of two numbers take `number` where y is None; those of one ignore both.

        | function | z |
        | --- | --- |
        | add, subtract, multiply, divide, power | x + y, x - y, x·y, x / y, x^y |
        | maximum, minimum | the larger, the smaller one |
        | less, less_equal, equal | 1 where x < y, x ≤ y, x = y, else 0 |
        | keep | x where y ≠ 0, else 0, whatever x is |
        | leaky_relu, elu | x where x > 0, else y·x, y·(exp(x) - 1) |
        | exp, log, sqrt, square, reciprocal | eˣ, ln x, √x, x², 1 / x |
        | abs, sign, floor | the magnitude, -1, 0 or 1, the largest integer ≤ x |
        | softplus | ln(1 + eˣ) |
        | erf, sin, cos | the error function; of an angle in radians |
        """

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
        """dx and dy, of the shape of x; dy is None where y is.

        Comparisons, sign and floor have slope 0. Where x = y, the gradient of maximum and minimum
        is all of x. Those of sqrt at 0, of power and of log follow their formulas, to infinity.
        """

    def broadcast(self, x: Array, shape: Sequence[int]) -> Array:
        """`x` repeated along its axes of size 1 to `shape`, which has as many axes."""

    def max(self, x: Array, axis: int) -> Array:
        """The largest number along one axis, which is not empty and disappears; NaN if one is."""

    def cumulative_sum(self, x: Array, axis: int, reverse: bool) -> Array:
        """Each number with all before it along an axis, or with all behind it, added up."""

    def matmul(self, x: Array, y: Array, transpose_x: bool, transpose_y: bool) -> Array:
        """z_g = x_g·y_g: x (G, M, K), y (G, K, N) -> z (G, M, N).

        A transposed factor is passed as (G, K, M), or (G, N, K).
        """

    def take(self, x: Array, index: NDArray[np.int64], axis: int) -> Array:
        """The entries of `x` at these places along an axis: as NumPy's, for index (M)."""

    def take_backward(self, dy: Array, index: NDArray[np.int64], axis: int, size: int) -> Array:
        """Zeros with `size` entries along the axis, to which dy is added at these places."""

    def numbers(self, tokens: Array, dtype: str) -> Array:
        """Integers, such as tokens, as floating numbers."""

    def one_hot(self, tokens: Array, count: int, dtype: str) -> Array:
        """1 at the place of each token, else 0: tokens (...) -> (..., count).

        A row is all 0 where the token is not in [0, count).
        """

"""Arithmetic: functions of numbers with their derivatives, products and sums along axes."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import FunctionName
from lstm.backends.reference.products import Products

Array = NDArray[Any]

_erf = np.frompyfunc(math.erf, 1, 1)


def erf(x: Array) -> Array:
    return np.asarray(_erf(x)).astype(x.dtype)


def softplus(x: Array) -> Array:
    # exp never overflows, for any x.
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _sigmoid(x: Array) -> Array:
    return 0.5 * np.tanh(0.5 * x) + 0.5


FUNCTIONS: dict[FunctionName, Callable[[Any, Any], Any]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "maximum": lambda x, y: np.maximum(x, y),
    "minimum": lambda x, y: np.minimum(x, y),
    "power": lambda x, y: x**y,
    "less": lambda x, y: x < y,
    "less_equal": lambda x, y: x <= y,
    "equal": lambda x, y: x == y,
    "keep": lambda x, y: np.where(y != 0, x, 0),
    "leaky_relu": lambda x, y: np.where(x > 0, x, y * x),
    "elu": lambda x, y: np.where(x > 0, x, y * np.expm1(np.minimum(x, 0))),
    "exp": lambda x, _: np.exp(x),
    "log": lambda x, _: np.log(x),
    "sqrt": lambda x, _: np.sqrt(x),
    "square": lambda x, _: x * x,
    "reciprocal": lambda x, _: 1 / x,
    "abs": lambda x, _: np.abs(x),
    "sign": lambda x, _: np.sign(x),
    "floor": lambda x, _: np.floor(x),
    "softplus": lambda x, _: softplus(x),
    "erf": lambda x, _: erf(x),
    "sin": lambda x, _: np.sin(x),
    "cos": lambda x, _: np.cos(x),
}
"""z from x and y."""

SLOPES: dict[FunctionName, tuple[Callable[[Any, Any, Any], Any], ...]] = {
    "add": (lambda x, y, z: 1, lambda x, y, z: 1),
    "subtract": (lambda x, y, z: 1, lambda x, y, z: -1),
    "multiply": (lambda x, y, z: y, lambda x, y, z: x),
    "divide": (lambda x, y, z: 1 / y, lambda x, y, z: -z / y),
    "maximum": (lambda x, y, z: x >= y, lambda x, y, z: x < y),
    "minimum": (lambda x, y, z: x <= y, lambda x, y, z: x > y),
    "power": (
        lambda x, y, z: y * x ** (y - 1),
        lambda x, y, z: np.where(x == 0, 0, z * np.log(np.where(x == 0, 1, x))),
    ),
    "keep": (lambda x, y, z: y != 0, lambda x, y, z: 0),
    "leaky_relu": (
        lambda x, y, z: np.where(x > 0, 1, y),
        lambda x, y, z: np.minimum(x, 0),
    ),
    "elu": (
        lambda x, y, z: np.where(x > 0, 1, y * np.exp(np.minimum(x, 0))),
        lambda x, y, z: np.expm1(np.minimum(x, 0)),
    ),
    "exp": (lambda x, y, z: z,),
    "log": (lambda x, y, z: 1 / x,),
    "sqrt": (lambda x, y, z: 0.5 / z,),
    "square": (lambda x, y, z: 2 * x,),
    "reciprocal": (lambda x, y, z: -z * z,),
    "abs": (lambda x, y, z: np.sign(x),),
    "softplus": (lambda x, y, z: _sigmoid(x),),
    "erf": (lambda x, y, z: 2 / math.sqrt(math.pi) * np.exp(-x * x),),
    "sin": (lambda x, y, z: np.cos(x),),
    "cos": (lambda x, y, z: -np.sin(x),),
}
"""∂z/∂x and ∂z/∂y from x, y and z; functions that are not here have slope 0."""


def elementwise_forward(function: FunctionName, x: Array, y: Array | None, number: float) -> Array:
    second = x.dtype.type(number) if y is None else y
    with np.errstate(all="ignore"):
        return np.asarray(FUNCTIONS[function](x, second)).astype(x.dtype, copy=False)


def elementwise_backward(
    function: FunctionName,
    dz: Array,
    x: Array,
    y: Array | None,
    number: float,
    z: Array,
    need_dx: bool,
    need_dy: bool,
) -> tuple[Array | None, Array | None]:
    second = x.dtype.type(number) if y is None else y
    slopes = SLOPES.get(function, (lambda x, y, z: 0,) * 2)

    def gradient(k: int) -> Array:
        with np.errstate(all="ignore"):
            return (dz * slopes[k](x, second, z)).astype(x.dtype, copy=False)

    dy = gradient(1) if need_dy and y is not None and len(slopes) > 1 else None
    return gradient(0) if need_dx else None, dy


def broadcast(x: Array, shape: Sequence[int]) -> Array:
    return np.ascontiguousarray(np.broadcast_to(x, shape))


def max(x: Array, axis: int) -> Array:
    return x.max(axis)


def cumulative_sum(x: Array, axis: int, reverse: bool) -> Array:
    ordered = np.flip(x, axis) if reverse else x
    summed = np.cumsum(ordered, axis)
    return np.ascontiguousarray(np.flip(summed, axis)) if reverse else summed


def take(x: Array, index: NDArray[np.int64], axis: int) -> Array:
    return np.take(x, index, axis)


def take_backward(dy: Array, index: NDArray[np.int64], axis: int, size: int) -> Array:
    dx = np.zeros((size, *np.moveaxis(dy, axis, 0).shape[1:]), dy.dtype)
    np.add.at(dx, index, np.moveaxis(dy, axis, 0))
    return np.ascontiguousarray(np.moveaxis(dx, 0, axis))


def numbers(tokens: Array, dtype: str) -> Array:
    return tokens.astype(dtype)


def one_hot(tokens: Array, count: int, dtype: str) -> Array:
    return (tokens[..., None] == np.arange(count)).astype(dtype)


class ReferenceArithmetic(Products):
    """Arithmetic that multiplies matrices."""

    def matmul(self, x: Array, y: Array, transpose_x: bool, transpose_y: bool) -> Array:
        left, right = (
            factor.swapaxes(1, 2) if transposed else factor
            for factor, transposed in ((x, transpose_x), (y, transpose_y))
        )
        return self.product(left, right)

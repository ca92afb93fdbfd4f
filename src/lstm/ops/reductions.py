"""Numbers along axes joined into one, and functions of all numbers along an axis."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm import checks
from lstm.errors import InvalidTypeError
from lstm.interface import spelled
from lstm.layers import CumulativeSum, Reduction
from lstm.layers.activation_layers import softmax as _softmax
from lstm.layers.eager import Tensor
from lstm.layers.symbolic import Operators
from lstm.ops.arrays import axis_of, whole
from lstm.ops.calling import apply, as_one
from lstm.ops.comparisons import not_equal
from lstm.ops.elementwise import add, divide, exp, log, maximum, negative, sqrt, square, subtract

Axis = int | Sequence[int] | None


@spelled
def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The sum along axes, or of all numbers; padding counts as 0.

    Example:
        >>> import lstm
        >>> lstm.ops.sum([[1.0, 2.0], [3.0, 4.0]], axis=1).tolist()
        [3.0, 7.0]
    """
    return apply(Reduction("sum", axis, keepdims), x)


@spelled
def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean along axes, or of all numbers; padding does not count.

    Example:
        >>> import lstm
        >>> x = lstm.Input((None, 1))
        >>> lstm.Model(x, lstm.ops.mean(x, axis=1)).predict([[[1], [3]], [[6], [6], [0]]]).tolist()
        [[2.0], [4.0]]
    """
    return apply(Reduction("mean", axis, keepdims), x)


@spelled
def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The largest number along axes, or of all; padding does not count.

    If several are the largest, each gets an equal part of the gradient.

    Example:
        >>> import lstm
        >>> lstm.ops.max([[1.0, 5.0], [2.0, 4.0]], axis=0).tolist()
        [2.0, 5.0]
    """
    return apply(Reduction("max", axis, keepdims), x)


@as_one
def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The smallest number along axes, or of all; padding does not count."""
    return negative(max(negative(x), axis, keepdims))


@as_one
def var(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean square of the distance from the mean; padding does not count."""
    return mean(square(subtract(x, mean(x, axis, True))), axis, keepdims)


@as_one
def std(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The square root of `var`."""
    return sqrt(var(x, axis, keepdims))


@as_one
def norm(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The square root of the sum of squares."""
    return sqrt(sum(square(x), axis, keepdims))


@as_one
def any(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """1 where a number is not 0, else 0."""
    return max(not_equal(x, 0.0), axis, keepdims)


@as_one
def all(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """1 where no number is 0, else 0."""
    return min(not_equal(x, 0.0), axis, keepdims)


@as_one
def count_nonzero(x: Any, axis: Axis = None) -> Any:
    """How many numbers are not 0."""
    return sum(not_equal(x, 0.0), axis)


@as_one
def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The logarithm of the sum of exp(x), which cannot overflow."""
    top = max(x, axis, True)
    total = add(log(sum(exp(subtract(x, top)), axis, True)), top)
    return total if keepdims else sum(total, axis)


@spelled
def argmax(x: Any, axis: int | None = None) -> Any:
    """The place of the largest number, of arrays only: it has no gradient.

    Raises:
        InvalidTypeError: x is a tensor.

    Example:
        >>> import lstm
        >>> int(lstm.ops.argmax([0.1, 0.7, 0.2]))
        1
    """
    if isinstance(x, Operators):
        raise InvalidTypeError("x", "an array: argmax has no gradient", "a tensor")
    array = checks.numbers("x", x)
    return np.argmax(array, None if axis is None else axis_of("axis", axis, array.ndim))


@spelled
def softmax(x: Any, axis: int = -1) -> Any:
    """exp(x) over the sum of exp(x) along an axis; of steps, padding gets 0.

    Example:
        >>> import lstm
        >>> lstm.ops.softmax([[0.0, 0.0]]).tolist()
        [[0.5, 0.5]]
    """
    return _softmax(x if isinstance(x, Operators) else np.asarray(x), axis)


@as_one
def log_softmax(x: Any, axis: int = -1) -> Any:
    """The logarithm of `softmax`, which cannot overflow."""
    return subtract(x, logsumexp(x, axis, True))


@as_one
def normalize(x: Any, axis: int = -1, epsilon: float = 1e-12) -> Any:
    """x over its `norm` along an axis: vectors of length 1.

    Args:
        x: a tensor or array.
        axis: the axis.
        epsilon: the smallest sum of squares to divide by the root of.
    """
    return divide(x, sqrt(maximum(sum(square(x), axis, True), epsilon)))


@spelled
def cumsum(x: Any, axis: int | None = None) -> Any:
    """The sum of each number and all before it along an axis; padding counts as 0.

    Without an axis, it goes over all numbers of an array in a row.

    Example:
        >>> import lstm
        >>> lstm.ops.cumsum([[1.0, 2.0, 3.0]], axis=1).tolist()
        [[1.0, 3.0, 6.0]]
    """
    if axis is None:
        return Tensor.of(np.cumsum(whole("cumsum", x)))
    return apply(CumulativeSum(axis), x)

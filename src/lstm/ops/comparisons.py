"""Comparisons of numbers, which give 1 and 0, and choices and rounding by them."""

from typing import Any

from lstm import checks
from lstm.interface import spelled
from lstm.layers.symbolic import OPERATORS
from lstm.ops.calling import as_one, is_number, not_bool
from lstm.ops.elementwise import add, divide, floor, maximum, multiply, of_two, subtract

_LARGEST = 3e38
"""The largest number that float32 has, about."""


@as_one
def less(x1: Any, x2: Any) -> Any:
    """1 where x1 < x2, else 0."""
    if is_number(x1) and not is_number(x2):
        return logical_not(less_equal(x2, x1))
    return of_two("less", x1, x2)


@as_one
def less_equal(x1: Any, x2: Any) -> Any:
    """1 where x1 ≤ x2, else 0."""
    if is_number(x1) and not is_number(x2):
        return logical_not(less(x2, x1))
    return of_two("less_equal", x1, x2)


@as_one
def greater(x1: Any, x2: Any) -> Any:
    """1 where x1 > x2, else 0.

    Example:
        >>> import lstm
        >>> lstm.ops.greater([-1.0, 2.0], 0.0).tolist()
        [0.0, 1.0]
    """
    return less(x2, x1)


@as_one
def greater_equal(x1: Any, x2: Any) -> Any:
    """1 where x1 ≥ x2, else 0."""
    return less_equal(x2, x1)


@spelled
def equal(x1: Any, x2: Any) -> Any:
    """1 where x1 = x2, else 0."""
    return of_two("equal", *((x2, x1) if is_number(x1) else (x1, x2)))


@as_one
def not_equal(x1: Any, x2: Any) -> Any:
    """1 where x1 ≠ x2, else 0."""
    return logical_not(equal(x1, x2))


@spelled
def logical_not(x: Any) -> Any:
    """1 where x = 0, else 0."""
    return of_two("equal", x, 0.0)


@as_one
def logical_and(x1: Any, x2: Any) -> Any:
    """1 where neither is 0, else 0."""
    return multiply(not_equal(x1, 0.0), not_equal(x2, 0.0))


@as_one
def logical_or(x1: Any, x2: Any) -> Any:
    """1 where one is not 0, else 0."""
    return maximum(not_equal(x1, 0.0), not_equal(x2, 0.0))


@as_one
def where(condition: Any, x1: Any, x2: Any) -> Any:
    """x1 where the condition is not 0, else x2. Both are computed, and only one gets a gradient.

    An infinite number in place of one of them counts as ±3·10³⁸.

    Example:
        >>> import lstm
        >>> lstm.ops.where([1.0, 0.0], [5.0, 5.0], -1.0).tolist()
        [5.0, -1.0]
    """
    not_bool("condition", condition)
    return add(_kept(x1, condition), _kept(x2, logical_not(condition)))


def _kept(x: Any, condition: Any) -> Any:
    """Return x where the condition is not 0, else 0, whatever x is."""
    if not is_number(x):
        return of_two("keep", x, condition)
    return multiply(not_equal(condition, 0.0), max(min(float(x), _LARGEST), -_LARGEST))


@as_one
def round(x: Any, decimals: int = 0) -> Any:
    """The nearest integer, or number with some decimals; of two the even one. Its slope is 0.

    Example:
        >>> import lstm
        >>> lstm.ops.round([-1.5, 0.5, 2.6]).tolist()
        [-2.0, 0.0, 3.0]
    """
    if checks.integer("decimals", decimals):
        return divide(round(multiply(x, 10.0**decimals)), 10.0**decimals)
    below = floor(x)
    above = subtract(x, below)
    odd = not_equal(multiply(floor(multiply(below, 0.5)), 2.0), below)
    up = logical_or(greater(above, 0.5), logical_and(equal(above, 0.5), odd))
    return add(below, up)


OPERATORS.update(
    {
        "==": equal,
        "!=": not_equal,
        "<": less,
        "<=": less_equal,
        ">": greater,
        ">=": greater_equal,
    }
)

"""Products of tensors."""

import string
from collections.abc import Sequence
from typing import Any

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.interface import spelled
from lstm.layers import Einsum
from lstm.layers.symbolic import OPERATORS
from lstm.ops.arrays import axis_of
from lstm.ops.calling import apply, as_one, shape_of
from lstm.ops.reductions import sum


@spelled
def matmul(x1: Any, x2: Any) -> Any:
    """The matrix product of the last two axes; the axes before them are the same in both.

    Either may be a single matrix or a vector. `x1 @ x2` is the same.

    Example:
        >>> import lstm
        >>> lstm.ops.matmul([[1.0, 2.0]], [[3.0], [4.0]]).tolist()
        [[11.0]]
    """
    a, b = len(shape_of(x1)), len(shape_of(x2))
    letters = string.ascii_lowercase
    if a < 1 or b < 1:
        raise InvalidShapeError("x1, x2", "at least one axis each", (shape_of(x1), shape_of(x2)))
    rows, columns = "y" * (a > 1), "z" * (b > 1)
    of_x1, of_x2 = letters[: max(a - 2, 0)], letters[: max(b - 2, 0)]
    if of_x1 and of_x2 and of_x1 != of_x2:
        raise InvalidShapeError(
            "x1, x2", "the same axes before the last two", (shape_of(x1), shape_of(x2))
        )
    both = of_x1 or of_x2
    return apply(Einsum(f"{of_x1}{rows}x,{of_x2}x{columns}->{both}{rows}{columns}"), x1, x2)


@spelled
def dot(x1: Any, x2: Any) -> Any:
    """The sum of products over the last axis of x1 and the last but one of x2.

    Example:
        >>> import lstm
        >>> lstm.ops.dot(lstm.Input((None, 3)), lstm.ops.ones((3, 5))).shape
        (None, None, 5)
    """
    a, b = len(shape_of(x1)), len(shape_of(x2))
    first, second = string.ascii_lowercase[: a - 1], string.ascii_uppercase[: max(b - 2, 0)]
    last = "Y" * (b > 1)
    return apply(Einsum(f"{first}z,{second}z{last}->{first}{second}{last}"), x1, x2)


@as_one
def einsum(subscripts: str, *operands: Any) -> Any:
    """Sums of products of two tensors, written with a letter for each axis, as NumPy's.

    `...` stands for the axes that have no letter, the same in both.

    Raises:
        InvalidShapeError: there are not two tensors, or no arrow.
        InvalidValueError: the letters do not fit.

    Example:
        >>> import lstm
        >>> x = lstm.Input((4, 3))
        >>> lstm.ops.einsum("bqd,bkd->bqk", x, x).shape  # each step times each
        (None, 4, 4)
    """
    checks.string("subscripts", subscripts)
    subscripts = _spelled_out(subscripts.replace(" ", ""), [len(shape_of(x)) for x in operands])
    factors, arrow, result = subscripts.partition("->")
    terms = factors.split(",")
    if len(terms) != len(operands) or len(terms) != 2 or not arrow:
        raise InvalidShapeError("subscripts", 'two tensors, such as "bqd,bkd->bqk"', subscripts)
    given: list[Any] = list(operands)
    for k, other in ((0, 1), (1, 0)):
        lonely = [n for n, letter in enumerate(terms[k]) if letter not in terms[other] + result]
        if lonely:
            given[k] = sum(given[k], axis=lonely)
            terms[k] = "".join(letter for n, letter in enumerate(terms[k]) if n not in lonely)
    return apply(Einsum(f"{terms[0]},{terms[1]}->{result}"), *given)


def _spelled_out(subscripts: str, axes: Sequence[int]) -> str:
    """Return subscripts with letters in place of `...`.

    Args:
        subscripts: the subscripts, without spaces.
        axes: the number of axes of each operand.
    """
    if "..." not in subscripts:
        return subscripts
    terms = subscripts.partition("->")[0].replace("...", "").split(",")
    free = [letter for letter in string.ascii_letters if letter not in subscripts]
    more = max([count - len(term) for count, term in zip(axes, terms, strict=False)], default=0)
    return subscripts.replace("...", "".join(free[: max(more, 0)]))


@spelled
def tensordot(x1: Any, x2: Any, axes: int | Sequence[Any] = 2) -> Any:
    """Sums of products over some axes of both, as NumPy's.

    Args:
        x1: a tensor or array.
        x2: another.
        axes: how many of the last of x1 and the first of x2, or those of x1 and those of x2.
    """
    a, b = len(shape_of(x1)), len(shape_of(x2))
    if isinstance(axes, int):
        if not 0 <= axes <= min(a, b):
            raise InvalidValueError("axes", f"at most {min(a, b)} axes of both", axes)
        pairs = list(zip(range(a - axes, a), range(axes), strict=True))
    else:
        expected = "how many axes of both, or as many of x1 as of x2"
        sides = [checks.axes("axes", side) for side in checks.sequence("axes", axes, expected)]
        if len(sides) != 2 or len(sides[0]) != len(sides[1]):
            raise InvalidValueError("axes", expected, axes)
        own = [[axis_of("axes", k, n) for k in side] for side, n in zip(sides, (a, b), strict=True)]
        pairs = list(zip(*own, strict=True))
    first, second = list(string.ascii_lowercase[:a]), list(string.ascii_uppercase[:b])
    for i, k in pairs:
        second[k] = first[i]
    left = [n for i, n in enumerate(first) if i not in {i for i, _ in pairs}]
    right = [n for k, n in enumerate(second) if k not in {k for _, k in pairs}]
    return apply(Einsum(f"{''.join(first)},{''.join(second)}->{''.join(left + right)}"), x1, x2)


OPERATORS["@"] = matmul

"""The next number of a geometric progression modulo a number."""

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidValueError


def progression(start: int, length: int, modulus: int = 50, factor: int = 3) -> NDArray[np.int64]:
    """Return the numbers x₀ = start, xₜ₊₁ = factor·xₜ mod modulus.

    Args:
        start: the first number, in [0, modulus).
        length: number of numbers, T.
        modulus: number of different numbers.
        factor: factor from each number to the next.

    Returns:
        The numbers (T,), int64, in [0, modulus).

    Raises:
        InvalidTypeError: an argument is not an integer.
        InvalidValueError: `start` is out of range, or another argument is below 1.

    Example:
        >>> progression(7, 5)
        array([ 7, 21, 13, 39, 17])
    """
    modulus = checks.positive_int("modulus", modulus)
    factor = checks.positive_int("factor", factor)
    x = checks.int_at_least("start", start, 0)
    if x >= modulus:
        raise InvalidValueError("start", f"an integer in [0, {modulus})", x)
    numbers = np.empty(checks.positive_int("length", length), dtype=np.int64)
    for t in range(len(numbers)):
        numbers[t] = x
        x = factor * x % modulus
    return numbers


def progression_dataset(
    length: int = 10, modulus: int = 50, factor: int = 3
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the progressions from every start, each with the next numbers as targets.

    Args:
        length: time steps of a sequence, T.
        modulus: number of different numbers, and of sequences, N.
        factor: factor from each number to the next.

    Returns:
        Inputs (N, T, 1), float32, the numbers divided by `modulus`; and targets (N, T), int64, the
        next number after each. Row n starts with n.

    Raises:
        InvalidTypeError: an argument is not an integer.
        InvalidValueError: an argument is below 1.

    Example:
        >>> x, y = progression_dataset(length=3)
        >>> x.shape, x[7, :, 0], y[7]
        ((50, 3, 1), array([0.14, 0.42, 0.26], dtype=float32), array([21, 13, 39]))
    """
    length = checks.positive_int("length", length)
    modulus = checks.positive_int("modulus", modulus)
    numbers = np.stack([progression(n, length + 1, modulus, factor) for n in range(modulus)])
    return (numbers[:, :-1, np.newaxis] / modulus).astype(np.float32), numbers[:, 1:]

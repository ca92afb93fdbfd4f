"""Binary addition, digit by digit: a task whose only difficulty is to remember the carry."""

from collections.abc import Iterator
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lstm import checks

Batch: TypeAlias = tuple[NDArray[np.int64], NDArray[np.float32]]


def addition(
    batch_size: int,
    length: int,
    *,
    carry: Literal["kept", "reset"] = "kept",
    seed: int | None = None,
) -> Iterator[Batch]:
    """Generate batches of random binary additions without end, least significant digit first.

    Args:
        batch_size: number of sums in a batch, B.
        length: number of digits of a sum, T.
        carry: "kept" starts each batch with the carries at the end of the last batch, like one long
            sum cut in pieces; "reset" starts each with carries of 0. The first batch always starts
            with 0.
        seed: the same seed leads to the same batches; None draws new ones every time.

    Returns:
        An iterator over pairs `(a, res)`: the digits of the two numbers, int64 (B, T, 2), and those
        of their sum, float32 (B, T).

    Raises:
        InvalidTypeError: a size or the seed is not an integer.
        InvalidValueError: a size is below 1, the seed is negative or `carry` is unknown.

    Example:
        >>> a, res = next(addition(1, 4, seed=1))
        >>> a[0].T
        array([[0, 1, 0, 1],
               [1, 1, 0, 1]])
        >>> res[0]
        array([1., 0., 1., 0.], dtype=float32)
    """
    # A generator function would check its arguments only at the first `next`.
    return _batches(
        checks.positive_int("batch_size", batch_size),
        checks.positive_int("length", length),
        checks.one_of("carry", carry, ("kept", "reset")) == "kept",
        None if seed is None else checks.int_at_least("seed", seed, 0),
    )


def _batches(batch_size: int, length: int, keep_carry: bool, seed: int | None) -> Iterator[Batch]:
    random = np.random.default_rng(seed)
    carry = np.zeros(batch_size, dtype=np.int64)
    while True:
        a = random.integers(2, size=(batch_size, length, 2), dtype=np.int64)
        res = np.empty((batch_size, length), dtype=np.float32)
        for t in range(length):
            total = a[:, t, 0] + a[:, t, 1] + carry
            res[:, t] = total % 2
            carry = total // 2
        yield a, res
        if not keep_carry:
            carry[:] = 0


def irreducible_loss(length: int) -> float:
    """Return the lowest mean squared error of a model without state when carries are kept.

    A model that starts each batch from zero state cannot know the carry c with which the sum
    starts, and c is 0 or 1 with probability 1/2 each. Digit t depends on c only if each of the t
    digit pairs before it passes its carry on, which a pair does if its digits differ: probability
    2⁻ᵗ. The best guess is then 1/2, with a squared error of 1/4; otherwise the digit can be known.
    The mean over the digits is therefore

        (1/T) Σₜ₌₀ᵀ⁻¹ 2⁻ᵗ · 1/4 = (1 − 2⁻ᵀ) / (2T).

    Args:
        length: number of digits of a sum, T.

    Returns:
        The least expected mean squared error.

    Raises:
        InvalidTypeError: `length` is not an integer.
        InvalidValueError: `length` is below 1.

    Example:
        >>> round(irreducible_loss(10), 5)
        0.04995
    """
    checks.positive_int("length", length)
    return (1 - 0.5**length) / (2 * length)

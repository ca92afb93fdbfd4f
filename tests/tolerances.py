"""How far results may lie from their references: the only place where tests take tolerances from.

A result computed in floating point lies within k · eps · √n · max|reference| of its reference.
Each of the n terms that one entry sums adds a rounding error of random sign, so that errors grow
with √n; eps is that of the dtype computed in; k counts the roundings on the way, by operation.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FACTORS = {
    # Numbers are only moved.
    "copy": 0,
    # A few roundings for each entry; exp, log and tanh are within 4 units in the last place.
    "pointwise": 8,
    # Two roundings for each term; the largest sum may be √n times smaller than its largest term.
    "product": 4,
    # Each step adds the roundings of a product and five functions to those of the steps before,
    # which recurrent weights up to 1 do not damp; backwards all that a second time.
    "lstm": 32,
    # The logarithm of a sum of exponentials, or a few functions for each entry, then one sum.
    "loss": 16,
    # About ten roundings a step; √ and division leave relative errors as they are.
    "optimizer": 16,
}

# Central differences of the fourth order with step 1e-3 are off by about 1e-4 of this.
GRADIENT = 1e-6
# Gradients smaller than this share of the largest one of their array are compared with that share:
# what they lose to cancellation in the difference is not theirs.
GRADIENT_FLOOR = 1e-3


def tolerance(operation: str, reference: ArrayLike, dtype: str, terms: int = 1) -> float:
    """k · eps · √terms · max|reference|."""
    largest = np.max(np.abs(np.asarray(reference, np.float64)), initial=0.0)
    return float(FACTORS[operation] * np.finfo(dtype).eps * np.sqrt(max(1, terms)) * largest)


def assert_close(
    result: Any, reference: Any, operation: str, *, terms: int = 1, dtype: str | None = None
) -> None:
    """Assert that a result has its reference's shape and lies within tolerance of it.

    Args:
        result: an array, or a number.
        reference: the same, computed in another way.
        operation: a key of FACTORS.
        terms: how many terms one entry sums.
        dtype: what the result was computed in; None: the dtype of `result`.
    """
    got, expected = np.asarray(result), np.asarray(reference)
    assert got.shape == expected.shape
    limit = tolerance(operation, expected, dtype or got.dtype.name, terms)
    off = largest_difference(got, expected)
    assert off <= limit, f"off by {off:.3g}, tolerance {limit:.3g}\n{got}\nis not\n{expected}"


def largest_difference(x: NDArray[Any], y: NDArray[Any]) -> float:
    """max|x - y|, 0 for empty arrays, NaN where there is one."""
    return float(np.max(np.abs(x.astype(np.float64) - y.astype(np.float64)), initial=0.0))

"""The reference with products of bfloat16, which knows how far a kernel may be from it.

Native and reference round the same factors, and then differ by the order in which float32 is
added: as little as in float32. Only a factor that was itself computed, such as h of the step
before, may lie so close to the middle between two numbers of bfloat16 that one rounds it up and
the other down. The reference notes all that do.
"""

from typing import cast

import numpy as np
import pytest

from lstm.backends import BFLOAT16
from lstm.backends.contract import Ops
from lstm.backends.reference import WithRounding
from lstm.backends.reference.products import to_bfloat16
from native_cases import Use
from op_cases import Array
from tolerances import largest_difference, tolerance

needs_bfloat16 = pytest.mark.skipif(
    "native" not in BFLOAT16, reason="this machine has no AVX512-BF16"
)

NEAR = 8 * np.finfo("float32").eps
"""What a computed factor may be off, as a share of the largest: a few roundings of float32."""

GAIN = 2
"""What a factor on the edge does to results through later steps, at most: slopes are below 1."""


def native() -> Ops:
    """The native backend with products of bfloat16."""
    return BFLOAT16["native"]


class Watched(WithRounding):
    """The reference in bfloat16, with products in float64, that adds up what edges may do."""

    def __init__(self) -> None:
        super().__init__(to_bfloat16)
        self.squares = 0.0

    def product(self, x: Array, w: Array) -> Array:
        for one, other in ((x, w), (w, x)):
            largest = np.max(np.abs(other), initial=0.0)
            self.squares += float(np.sum((on_edges(one) * largest) ** 2))
        return super().product(x, w)

    @property
    def allowance(self) -> float:
        """How far results may be off because of edges, which are independent of each other."""
        return GAIN * float(np.sqrt(self.squares))


def on_edges(x: Array) -> Array:
    """How far apart the two roundings are, of each computed number that is near both."""
    given = x == x.astype(np.float32)
    below = np.trunc(np.ldexp(np.frexp(x)[0], 8))  # eight bits, and what is left of them
    spacing = np.ldexp(1.0, np.frexp(x)[1] - 8)
    from_middle = np.abs(np.abs(x) - (np.abs(below) + 0.5) * spacing)
    near = from_middle <= NEAR * np.max(np.abs(x), initial=0.0)
    return np.where(near & ~given, spacing, 0.0)


def check(use: Use) -> None:
    """Assert that the native backend computes what the reference does."""
    watched = Watched()
    expected = use.results(cast(Ops, watched), "float64")
    for arrays, references in zip(use.results(native()), expected, strict=True):
        assert [np.shape(x) for x in arrays] == [np.shape(x) for x in references]
        got, wanted = (
            np.concatenate([np.ravel(x) for x in xs] + [[0]]) for xs in (arrays, references)
        )
        limit = tolerance(use.operation, wanted, "float32", use.terms) + watched.allowance
        off = largest_difference(got, wanted)
        assert off <= limit, f"off by {off:.3g}, tolerance {limit:.3g}"

"""Matrix products, and the precision of their factors; docs/theory/numerics.md."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import Quantized
from lstm.backends.reference.quantization import quantized_product

Array = NDArray[Any]
Rounding = Callable[[Array], Array]


def unchanged(x: Array) -> Array:
    """Return x: its products are as precise as its dtype."""
    return x


def to_bfloat16(x: Array) -> Array:
    """Return the nearest numbers of bfloat16, of two the even one; NaN stays NaN.

    A number of bfloat16 is a float32 whose lower 16 bits are 0: it has its range, and 8 significant
    bits.

    Example:
        >>> to_bfloat16(np.array([1.0, 1 + 1 / 256, 1 + 3 / 256, 3.4e38], "f")).tolist()
        [1.0, 1.0, 1.015625, inf]
    """
    with np.errstate(over="ignore"):
        bits = x.astype(np.float32).view(np.uint32)
    even = bits >> 16 & 1
    rounded = (bits + np.uint32(0x7FFF) + even & np.uint32(0xFFFF0000)).view(np.float32)
    return np.where(np.isnan(x), x, rounded.astype(x.dtype))


class Products:
    """Matrix products.

    Args:
        rounding: what is done to both factors of every product, but those with int8 weights. Sums,
            and all that is not a product of matrices, keep the dtype.
    """

    def __init__(self, rounding: Rounding) -> None:
        self.rounding = rounding

    def product(self, x: Array, w: Array | Quantized) -> Array:
        """Return x·w."""
        if isinstance(w, Quantized):
            return quantized_product(x, w)
        return self.rounding(x) @ self.rounding(w)

    def summed_product(self, x: Array, dz: Array) -> Array:
        """Return Σ xᵀ·dz over all axes but the last."""
        return self.product(x.reshape(-1, x.shape[-1]).T, dz.reshape(-1, dz.shape[-1]))

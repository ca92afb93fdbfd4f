"""Numbers as int8 with a scale: the part of quantization that both backends do with NumPy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LARGEST = 127
_SMALLEST = 2.0**-100
"""A row without a number above this counts as zeros: its scale would be none."""


def quantized_rows(x: Array) -> tuple[NDArray[np.int8], Array]:
    """Return rows x (..., D) as int8, and the scale of each (...): (Q1) and (Q2)."""
    most = np.abs(x).max(-1, initial=0)
    finite, zero = np.isfinite(most), most < _SMALLEST
    usable = np.where(finite & ~zero, most, x.dtype.type(1))
    factor = np.where(finite & ~zero, LARGEST / usable, x.dtype.type(0))
    scaled = np.where(finite[..., None], x, 0) * factor[..., None]
    scale = np.where(finite, np.where(zero, 0, usable / LARGEST), np.nan)
    return np.rint(scaled).astype(np.int8), scale.astype(x.dtype)


def quantized_weights(w: Array, axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return weights as int8, with a float32 scale for each entry of `axis`."""
    values, scale = quantized_rows(np.moveaxis(w, axis, 0).astype(np.float32))
    return np.ascontiguousarray(np.moveaxis(values, 0, axis)), scale

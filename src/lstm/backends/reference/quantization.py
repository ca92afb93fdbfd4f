"""Products with int8 weights; docs/theory/quantization.md.

Whatever may be int8 is read through these functions, which return float weights unchanged.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import Quantized
from lstm.backends.numpy_quantization import quantized_rows, quantized_weights

Array = NDArray[Any]


def quantize(w: Array, axis: int) -> Quantized:
    values, scale = quantized_weights(w, axis)
    return quantized(values, scale.astype(w.dtype), axis)


def quantized(values: NDArray[np.int8], scale: Array, axis: int) -> Quantized:
    by_input = values if axis else values.T
    return Quantized(by_input, scale, len(by_input), axis)


def quantized_parts(w: Quantized) -> tuple[NDArray[np.int8], Array]:
    return w.values if w.axis else w.values.T, w.scale


def dequantize(w: Quantized) -> Array:
    weights = w.values.astype(w.scale.dtype) * w.scale
    return np.ascontiguousarray(weights if w.axis else weights.T)


def quantized_product(x: Array, w: Quantized) -> Array:
    """Return x·w: x (..., D), w (D, N)."""
    values, scale = quantized_rows(x)  # (Q1), (Q2)
    # In float64 the sums of the products are exact, in whatever order.
    sums = values.astype(np.float64) @ w.values.astype(np.float64)
    return sums.astype(x.dtype) * scale[..., None] * w.scale  # (Q3)


def rows(w: Array | Quantized, tokens: Array) -> Array:
    """Return the rows w[tokens]."""
    if not isinstance(w, Quantized):
        return w[tokens]
    return w.values.T[tokens].astype(w.scale.dtype) * w.scale[tokens][..., None]


def plain(w: Array | Quantized) -> Array:
    """Return the numbers that weights stand for."""
    return dequantize(w) if isinstance(w, Quantized) else w

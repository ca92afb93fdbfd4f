"""Numbers as int8 with a scale, and their order in panels: what both backends do with NumPy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LARGEST = 127
COLUMNS, DEPTH = 16, 4
"""Outputs in a panel, and inputs of an output that stand side by side; see cpp/int8.h."""

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


def packed(rows: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return weights by output and input (N, D) in panels (N16, D4)."""
    outputs, inputs = rows.shape
    padded = np.pad(rows, ((0, -outputs % COLUMNS), (0, -inputs % DEPTH)))
    panels = padded.reshape(len(padded) // COLUMNS, COLUMNS, -1, DEPTH)
    return np.ascontiguousarray(panels.transpose(0, 2, 1, 3)).reshape(padded.shape)


def unpacked(panels: NDArray[np.int8], outputs: int, inputs: int) -> NDArray[np.int8]:
    """Return the weights (N, D) that panels hold."""
    whole = panels.reshape(len(panels) // COLUMNS, -1, COLUMNS, DEPTH)
    return whole.transpose(0, 2, 1, 3).reshape(panels.shape)[:outputs, :inputs]

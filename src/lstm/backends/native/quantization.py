"""Int8 weights in C++; packed once, in panels that are the same for all instruction sets."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import Quantized
from lstm.backends.numpy_quantization import quantized_weights

Array = NDArray[Any]

_COLUMNS, _DEPTH = 16, 4
"""Outputs in a panel, and inputs of one output that stand side by side; see cpp/int8.h."""


class NativeQuantization:
    """Int8 weights."""

    def quantize(self, w: Array, axis: int) -> Quantized:
        return self.quantized(*quantized_weights(w, axis), axis)

    def quantized(
        self, values: NDArray[np.int8], scale: NDArray[np.float32], axis: int
    ) -> Quantized:
        rows = values.T if axis else values
        outputs, inputs = rows.shape
        padded = np.pad(rows, ((0, -outputs % _COLUMNS), (0, -inputs % _DEPTH)))
        panels = padded.reshape(len(padded) // _COLUMNS, _COLUMNS, -1, _DEPTH)
        packed = np.ascontiguousarray(panels.transpose(0, 2, 1, 3)).reshape(padded.shape)
        return Quantized(packed, np.ascontiguousarray(scale, np.float32), inputs, axis)

    def quantized_parts(self, w: Quantized) -> tuple[NDArray[np.int8], Array]:
        outputs, inputs = len(w.scale), w.inputs
        panels = w.values.reshape(len(w.values) // _COLUMNS, -1, _COLUMNS, _DEPTH)
        rows = panels.transpose(0, 2, 1, 3).reshape(w.values.shape)[:outputs, :inputs]
        return np.ascontiguousarray(rows.T if w.axis else rows), w.scale

    def dequantize(self, w: Quantized) -> Array:
        values, scale = self.quantized_parts(w)
        return values.astype(np.float32) * (scale if w.axis else scale[:, None])

    def plain(self, w: Array | Quantized) -> Array:
        """Return the numbers that weights stand for."""
        return self.dequantize(w) if isinstance(w, Quantized) else w

"""Int8 weights in C++; packed once, in panels that are the same for all instruction sets."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import Quantized
from lstm.backends.numpy_quantization import packed, quantized_weights, unpacked

Array = NDArray[Any]


class NativeQuantization:
    """Int8 weights."""

    def quantize(self, w: Array, axis: int) -> Quantized:
        return self.quantized(*quantized_weights(w, axis), axis)

    def quantized(self, values: NDArray[np.int8], scale: Array, axis: int) -> Quantized:
        rows = values.T if axis else values
        scale = np.ascontiguousarray(scale, np.float32)
        return Quantized(packed(rows), scale, rows.shape[1], axis)

    def quantized_parts(self, w: Quantized) -> tuple[NDArray[np.int8], Array]:
        rows = unpacked(w.values, len(w.scale), w.inputs)
        return np.ascontiguousarray(rows.T if w.axis else rows), w.scale

    def dequantize(self, w: Quantized) -> Array:
        values, scale = self.quantized_parts(w)
        return values.astype(np.float32) * (scale if w.axis else scale[:, None])

    def plain(self, w: Array | Quantized) -> Array:
        """Return the numbers that weights stand for."""
        return self.dequantize(w) if isinstance(w, Quantized) else w

"""Quantization: weights of products as int8 numbers, for inference."""

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract.types import Array

MOST_INPUTS = 1 << 17
"""Limit for the terms of a sum, so that it fits into 32 bits."""


@dataclass(frozen=True, eq=False)
class Quantized:
    """Weights w (D, N) of D inputs and N outputs as int8 numbers, with one scale for each output.

    It stands in the place of w in `linear_forward`, `linear_softmax_cross_entropy`, of w and r in
    `recurrent_forward`, and, with the tokens as outputs, of the table of `embedding_forward`;
    `transpose` accepts it, too. What multiplies it is quantized, row by row, (Q1) to (Q3) of
    docs/theory/quantization.md: the rows of x, and in a recurrent layer the hidden state of each
    sequence at each step. If a number of a row is not finite, its products are NaN. Backward passes
    take it for the numbers that it stands for; it has no gradient itself.

    Attributes:
        values: int8 in [-127, 127], in a layout that belongs to the backend.
        scale: (N): w ≈ values·scale; numbers that float32 can hold, in the dtype of the model.
        inputs: D, at most `MOST_INPUTS`.
        axis: the axis of the outputs: 1 in a kernel (D, N), 0 in a table (N, D).
    """

    values: Array
    scale: Array
    inputs: int
    axis: int

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of the numbers that it stands for."""
        outputs = self.scale.shape[0]
        return (self.inputs, outputs) if self.axis else (outputs, self.inputs)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return 2

    @property
    def nbytes(self) -> int:
        """Bytes of its numbers and scales."""
        outputs: int = self.scale.shape[0]
        return outputs * (self.inputs + 4)

    def transposed(self) -> "Quantized":
        """Return the same with its axes exchanged."""
        return replace(self, axis=1 - self.axis)


class QuantizationOps(Protocol):
    """Weights of products as int8 numbers."""

    def quantize(self, w: Array, axis: int) -> Quantized:
        """Return finite weights (two axes) as int8, with a scale for each entry of `axis`."""

    def quantized(self, values: NDArray[np.int8], scale: NDArray[Any], axis: int) -> Quantized:
        """Return the weights with these numbers, in the shape of the weights, and scales."""

    def quantized_parts(self, w: Quantized) -> tuple[NDArray[np.int8], NDArray[Any]]:
        """Return the numbers, in the shape of the weights, and the scales, as NumPy arrays."""

    def dequantize(self, w: Quantized) -> Array:
        """Return the weights that it stands for, values·scale."""

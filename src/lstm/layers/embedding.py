"""Embedding: one learned vector for each token."""

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from lstm import checks, initializers
from lstm.backends.ops import Array, Cache
from lstm.initializers import Initializer
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.symbolic import Shape


class Embedding(Layer):
    """y = E[tokens]: integers (B, T) become vectors (B, T, output_dim).

    Args:
        input_dim: number of distinct tokens V; tokens are in [0, V).
        output_dim: size of a vector.
        embeddings_initializer: initial values of E (V, output_dim).
        mask_zero: treat token 0 as padding that the layers above skip.
        input_length: the usual length of the sequences; shown, and needed before a Flatten.

    Raises:
        InvalidValueError: when data comes, a token out of range.

    Example:
        >>> import lstm
        >>> lstm.layers.Embedding(100, 8)(lstm.Input((None,))).shape
        (None, None, 8)
    """

    keeps_mask = True

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: str | Initializer | dict[str, Any] = "uniform",
        mask_zero: bool = False,
        input_length: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.input_dim = checks.positive_int("input_dim", input_dim)
        self.output_dim = checks.positive_int("output_dim", output_dim)
        self.embeddings_initializer = initializers.get(
            "embeddings_initializer", embeddings_initializer
        )
        self.mask_zero = mask_zero
        self.input_length = (
            None if input_length is None else checks.positive_int("input_length", input_length)
        )
        if self.input_shape is None:
            self.input_shape = (self.input_length,)

    def build(self, *shapes: Shape) -> None:
        self.add_weight(
            "embeddings", (self.input_dim, self.output_dim), self.embeddings_initializer
        )

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        return ((*shapes[0], self.output_dim),)

    def forward(self, run: Run, *inputs: Array, mask: Array | None) -> tuple[Arrays, Cache]:
        tokens = self.tokens(run, inputs[0])
        return (run.ops.embedding_forward(tokens, self.value("embeddings")),), tokens

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        buffer = self.gradient("embeddings")
        if buffer is not None:
            run.ops.embedding_backward(gradients[0], cache, buffer)
        return (None,)

    def output_mask(self, run: Run, inputs: Arrays, mask: Array | None) -> Array | None:
        if not self.mask_zero:
            return mask
        nonzero = run.ops.to_numpy(inputs[0]) != 0
        if mask is not None:
            nonzero &= run.ops.to_numpy(mask)
        return run.ops.array(nonzero)

    def tokens(self, run: Run, x: Array) -> Array:
        """The input as tokens of the backend, in range."""
        values = run.ops.to_numpy(x)
        # Tokens that a model is fed were checked and are integers; what layers computed are floats.
        if values.dtype == np.int64:
            return x
        return run.ops.array(checks.indices(f"tokens of {self.name}", values, self.input_dim))

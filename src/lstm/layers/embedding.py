"""Embedding: one learned vector for each token."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm import checks, initializers
from lstm.backends.contract import Array, Cache
from lstm.initializers.names import InitializerSpec
from lstm.interface import promises
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.masks import Mask, spread
from lstm.layers.options import options_of, with_shape
from lstm.layers.symbolic import Shape


class Embedding(Layer):
    """y = E[tokens]: integers (B, T) become vectors (B, T, output_dim).

    Args:
        input_dim: number of distinct tokens V; tokens are in [0, V).
        output_dim: size of a vector.
        embeddings_initializer: initial values of E (V, output_dim), such as an array.
        mask_zero: treat token 0 as padding that the layers above skip.
        input_length: the usual length of the sequences; for display, and needed before a Flatten.
        weights: a list of E, or E, instead of an initializer.
        dropout: probability, in [0, 1), of dropping a token in a training step: its vector is zeros
            everywhere in the batch, and the others are scaled up, (L11).

    Raises:
        InvalidValueError: when data comes: a token is out of range.

    Source:
        Gal & Ghahramani, "A theoretically grounded application of dropout in recurrent neural
        networks", 2016, for the dropout.

    Example:
        >>> import lstm
        >>> lstm.layers.Embedding(100, 8)(lstm.Input((None,))).shape
        (None, None, 8)
    """

    keeps_mask = True
    memoryless = True
    heeds_training = True
    weight_options = options_of("embeddings")
    fixed_arguments = ("input_dim", "output_dim")
    passed_on = (*Layer.passed_on, "weights")
    int8_axes: ClassVar[Mapping[str, int]] = {"embeddings": 0}
    set_elsewhere: ClassVar[Mapping[str, str]] = {"weights": "set_weights, which sets them"}

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: InitializerSpec = "uniform",
        mask_zero: bool = False,
        input_length: int | None = None,
        dropout: float = 0.0,
        weights: ArrayLike | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        length = None if input_length is None else checks.positive_int("input_length", input_length)
        super().__init__(**with_shape(options, (length,)))
        self.input_dim = self.reads_tokens = checks.positive_int("input_dim", input_dim)
        self.output_dim = checks.positive_int("output_dim", output_dim)
        self.embeddings_initializer = initializers.get(
            embeddings_initializer if weights is None else self._table_of(weights),
            "embeddings_initializer",
        )
        self.mask_zero = checks.boolean("mask_zero", mask_zero)
        self.input_length = length
        self.dropout = checks.number("dropout", dropout, 0, 1, open_high=True)

    def _table_of(self, weights: Any) -> NDArray[Any]:
        """Return the table E that is given as weights."""
        given = weights[0] if isinstance(weights, list) and len(weights) == 1 else weights
        table = checks.numbers("weights", given)
        checks.shape("weights", table.shape, (self.input_dim, self.output_dim))
        return table

    def build(self, *shapes: Shape) -> None:
        self.add_weight(
            "embeddings", (self.input_dim, self.output_dim), self.embeddings_initializer
        )

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        return ((*shapes[0], self.output_dim),)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        ops, tokens = run.ops, self.tokens(run, inputs[0])
        vectors = ops.embedding_forward(tokens, self.value("embeddings"))
        if not self._drops(run):
            return (vectors,), (tokens, None)
        kept = ops.embedding_forward(tokens, self._kept(run))
        kept = ops.repeat(ops.reshape(kept, tokens.shape), self.output_dim, tokens.ndim)
        return (ops.multiply(vectors, kept),), (tokens, kept)  # (L11)

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        (dy,), (tokens, kept) = gradients, cache
        buffer = self.gradient("embeddings")
        if buffer is not None:
            if kept is not None:
                dy = run.ops.multiply(dy, kept)  # (B16)
            run.ops.embedding_backward(dy, tokens, buffer)
        return (None,)

    def mask_after(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        if not self.mask_zero:
            return mask
        nonzero: Mask = run.ops.to_numpy(inputs[0]) != 0
        return nonzero if mask is None else nonzero & spread(mask, nonzero.shape)

    @property
    def gives_table(self) -> bool:
        return promises(type(self), "table", "forward", "backward", "tokens")

    def table(self, run: Run) -> tuple[Array, Cache]:
        """Return the vectors of all tokens (V, output_dim) in this pass, and `backward`'s cache."""
        every = run.ops.array(np.arange(self.input_dim, dtype=np.int64))
        if not self._drops(run) and not self.own_weights["embeddings"].is_int8:
            return self.value("embeddings"), (every, None)
        (vectors,), cache = self.forward(run, every, mask=None)
        return vectors, cache

    def tokens(self, run: Run, x: Array) -> Array:
        """Return the input as tokens of the backend, in range."""
        # Tokens from data are checked integers; the outputs of layers are floats.
        if run.ops.holds_tokens(x):
            return x
        values = run.ops.to_numpy(x)
        return run.ops.array(checks.indices(f"tokens of {self.name}", values, self.input_dim))

    def _drops(self, run: Run) -> bool:
        return run.training and self.dropout > 0

    def _kept(self, run: Run) -> Array:
        """Return m (V, 1), the factor of each token's vector everywhere in this pass."""
        if self not in run.drawn:
            shape, dtype = (self.input_dim, 1), run.backend.dtype
            run.drawn[self] = run.ops.dropout_mask(shape, run.key(), self.dropout, dtype)
        return run.drawn[self]

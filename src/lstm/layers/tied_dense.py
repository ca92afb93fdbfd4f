"""TiedDense: an output layer that shares its kernel with an Embedding."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Unpack

import numpy as np

from lstm.backends import Backend
from lstm.backends.contract import Array, Ops
from lstm.errors import InvalidShapeError, InvalidTypeError
from lstm.initializers import Initializer
from lstm.layers.activation_names import ActivationSpec
from lstm.layers.base import LayerOptions
from lstm.layers.dense import Dense
from lstm.layers.embedding import Embedding
from lstm.layers.rules import known_last_axis
from lstm.layers.symbolic import Shape


class TiedDense(Dense):
    """y = φ(x·Eᵀ + b), with the vectors E of an Embedding: (B, ..., output_dim) -> (B, ..., V).

    Reading tokens and predicting the next one then use the same vectors, and E learns from both. E
    is one weight, which belongs to the Embedding; the Embedding must be part of the same model.
    `kernel_array(ops)` returns E as the kernel (output_dim, V) of a Dense. The Embedding's dropout
    does not affect the output, and its `trainable` decides whether E learns.

    Args:
        embedding: the Embedding; its `output_dim` is the last axis of the input.
        activation: φ; one of `lstm.activations.ACTIVATIONS`, or None for none.
        use_bias: whether to add b (V).
        bias_initializer: initial values of b.

    Raises:
        InvalidTypeError: `embedding` is not an Embedding.
        InvalidShapeError: when called: the last axis of the input is not `output_dim`.

    Source:
        Press & Wolf, "Using the output embedding to improve language models", 2017; Inan et al.,
        "Tying word vectors and word classifiers", 2017.

    Example:
        >>> import lstm
        >>> embedding = lstm.layers.Embedding(65, 32)
        >>> model = lstm.Sequential([
        ...     lstm.Input((None,)),
        ...     embedding,
        ...     lstm.layers.LSTM(32, return_sequences=True),
        ...     lstm.layers.TiedDense(embedding, activation="softmax"),
        ... ])
        >>> sorted(model.graph.weights)[:3]
        ['embedding/embeddings', 'lstm/bias', 'lstm/kernel']
        >>> model.count_params() == 65 * 32 + 4 * 32 * (32 + 32 + 1) + 65
        True
    """

    tied = ("embedding",)

    def __init__(
        self,
        embedding: Embedding,
        activation: ActivationSpec = None,
        use_bias: bool = True,
        bias_initializer: str | Initializer | dict[str, Any] = "zeros",
        **options: Unpack[LayerOptions],
    ) -> None:
        if not isinstance(embedding, Embedding):
            raise InvalidTypeError("embedding", "an Embedding", type(embedding).__name__)
        super().__init__(
            embedding.input_dim, activation, use_bias, bias_initializer=bias_initializer, **options
        )
        self.embedding = embedding

    def build(self, *shapes: Shape) -> None:
        if not self.embedding.built:
            self.embedding.build()
            self.embedding.built = True
        if self.use_bias:
            self.add_weight("bias", (self.units,), self.bias_initializer)

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        size, expected = known_last_axis(self, shapes[0], "B ... D"), self.embedding.output_dim
        if size != expected:
            raise InvalidShapeError(
                f"input of {self.name}",
                f"a last axis of {expected}, the output_dim of {self.embedding.name}",
                size,
            )
        return ((*shapes[0][:-1], self.units),)

    def kernel_array(self, ops: Ops) -> Array:
        return ops.transpose(self.embedding.value("embeddings"), (1, 0))

    @contextmanager
    def kernel_gradient(self, backend: Backend) -> Iterator[Array | None]:
        ops, buffer = backend.ops, self.embedding.gradient("embeddings")
        if buffer is None:
            yield None
            return
        # A separate buffer, because operations add to whole buffers, not to transposed ones.
        dw = ops.zeros((self.embedding.output_dim, self.units), backend.dtype)
        yield dw
        every = ops.array(np.arange(self.units, dtype=np.int64))
        ops.embedding_backward(ops.transpose(dw, (1, 0)), every, buffer)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments as JSON values; the Embedding by its name."""
        return super().get_config() | {"embedding": self.embedding.name}

"""Multi-head attention: several attentions side by side, each on its own projections."""

import math
from typing import Any, Unpack

from lstm import checks, initializers
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.initializers import Initializer
from lstm.layers.activation_layers import softmax
from lstm.layers.attention import never, only_before
from lstm.layers.base import Layer, LayerOptions
from lstm.layers.dropout import Dropout
from lstm.layers.einsum_dense import EinsumDense
from lstm.layers.elementwise import Elementwise
from lstm.layers.masking import mask_of, masked
from lstm.layers.product import Einsum
from lstm.layers.reshaping import ExpandDims
from lstm.layers.symbolic import SymbolicTensor


class MultiHeadAttention(Layer):
    """Several attentions side by side, each on projections of its own.

    Called as `layer(query, value, key=None)` on (B, T, D). With `use_causal_mask=True`, a query
    reads no key behind its own place; `attention_mask` (B, Tq, Tv) is 0 where it may not read, for
    all examples as (Tq, Tv), for each head as (B, heads, Tq, Tv); with
    `return_attention_scores=True`, the weights (B, heads, Tq, Tv) are returned, too. Padding of the
    value is never read.

    Args:
        num_heads: number of attentions.
        key_dim: size of each projected query and key.
        value_dim: size of each projected value; by default `key_dim`.
        dropout: share of the weights to drop.
        use_bias: whether projections have a bias.
        output_shape: size of the output; by default that of the query.
        kernel_initializer: initial values of the projections.
        bias_initializer: initial values of the biases.
        seed: accepted for compatibility; the model's generator draws.

    Source:
        Vaswani et al., "Attention is all you need", 2017.

    Example:
        >>> import lstm
        >>> x = lstm.Input((None, 6))
        >>> lstm.layers.MultiHeadAttention(num_heads=2, key_dim=3)(x, x).shape
        (None, None, 6)
    """

    query_dense: EinsumDense
    key_dense: EinsumDense
    value_dense: EinsumDense
    output_dense: EinsumDense
    drop: Dropout

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: int | None = None,
        kernel_initializer: str | Initializer | dict[str, Any] = "glorot_uniform",
        bias_initializer: str | Initializer | dict[str, Any] = "zeros",
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.num_heads = checks.positive_int("num_heads", num_heads)
        self.key_dim = checks.positive_int("key_dim", key_dim)
        self.value_dim = checks.positive_int(
            "value_dim", key_dim if value_dim is None else value_dim
        )
        self.dropout = checks.number("dropout", dropout, 0, 1, open_high=True)
        self.use_bias = checks.boolean("use_bias", use_bias)
        self.output_shape = (
            None if output_shape is None else checks.positive_int("output_shape", output_shape)
        )
        self.kernel_initializer = initializers.get(kernel_initializer, "kernel_initializer")
        self.bias_initializer = initializers.get(bias_initializer, "bias_initializer")
        self.seed = None if seed is None else checks.integer("seed", seed)
        self.query_dense = self._projection("query", self.key_dim)
        self.key_dense = self._projection("key", self.key_dim)
        self.value_dense = self._projection("value", self.value_dim)
        self.drop = Dropout(self.dropout)

    def _projection(self, name: str, size: int) -> EinsumDense:
        return EinsumDense(
            "btd,dnh->btnh",
            (None, self.num_heads, size),
            bias_axes="nh" if self.use_bias else None,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            name=name,
        )

    def build(self, *shapes: Any) -> None:
        size = shapes[0][-1] if self.output_shape is None else self.output_shape
        self.output_dense = EinsumDense(
            "btnh,nhd->btd",
            (None, size),
            bias_axes="d" if self.use_bias else None,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            name="attention_output",
        )

    def call(
        self,
        query: Any,
        value: Any = None,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: Any = None,
        use_causal_mask: bool = False,
    ) -> Any:
        if value is None:
            raise InvalidValueError(f"value of {self.name}", "a tensor, as in layer(x, x)", "none")
        for name, x in (("query", query), ("value", value), ("key", key)):
            if x is not None and len(x.shape) != 3:
                raise InvalidShapeError(f"{name} of {self.name}", "axes (B, T, D)", x.shape)
        q = self.query_dense(query)
        k = self.key_dense(value if key is None else key)
        v = self.value_dense(value)
        q = Elementwise("multiply", 1 / math.sqrt(self.key_dim))(q)
        scores = Einsum("bqnh,bknh->bnqk")(q, k)
        if use_causal_mask:
            scores = only_before(scores)
        of_value = mask_of(value) if value_mask is None else value_mask
        for allowed in (of_value, key_mask):
            if allowed is not None:
                scores = never(scores, ExpandDims(1)(ExpandDims(1)(allowed)))
        if attention_mask is not None:
            scores = never(scores, self._of_heads(attention_mask))
        shares = self.drop(softmax(scores, -1), training=training)
        result = self.output_dense(Einsum("bnqk,bknh->bqnh")(shares, v))
        of_query = mask_of(query) if query_mask is None else query_mask
        result = masked(result, of_query, self.name)
        return (result, shares) if return_attention_scores else result

    def _of_heads(self, mask: Any) -> Any:
        """Return where queries may read as (B, heads, Tq, Tv), with 1 where a size is missing."""
        if isinstance(mask, SymbolicTensor):
            if mask.ndim not in (3, 4):
                expected = "axes (B, Tq, Tv) or (B, heads, Tq, Tv)"
                raise InvalidShapeError(f"attention_mask of {self.name}", expected, mask.shape)
            return mask if mask.ndim == 4 else ExpandDims(1)(mask)
        allowed = checks.numbers(f"attention_mask of {self.name}", mask)
        if not 2 <= allowed.ndim <= 4:
            expected = "axes (Tq, Tv), (B, Tq, Tv) or (B, heads, Tq, Tv)"
            raise InvalidShapeError(f"attention_mask of {self.name}", expected, allowed.shape)
        batch = allowed.shape[:-2][:1] or (1,)
        heads = allowed.shape[1:-2] or (1,)
        return allowed.reshape(*batch, *heads, *allowed.shape[-2:])

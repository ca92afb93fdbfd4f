"""Attention: each query reads the values whose keys are like it."""

from typing import Any, Unpack

from lstm import checks
from lstm.errors import InvalidShapeError, NotDefinedError
from lstm.layers.base import Layer, LayerOptions
from lstm.layers.dense import Activation
from lstm.layers.dropout import Dropout
from lstm.layers.elementwise import Elementwise
from lstm.layers.masking import masked
from lstm.layers.product import Einsum
from lstm.layers.reduction import CumulativeSum, Reduction
from lstm.layers.reshaping import ExpandDims
from lstm.layers.symbolic import Operators

_NEVER = -1e9
"""What is added to the score of a key that must not be read: Keras' number, which decides where a
query may read none."""


class _Attention(Layer):
    """Base of attention with one head: a subclass says how well queries and keys fit.

    Called on [query (B, Tq, D), value (B, Tv, D)] and perhaps a key (B, Tv, D), by default the
    value. Padding of the value is never read, and the result of a padded query is 0.
    """

    reads_lists = True

    drop: Dropout
    scale: Operators

    def __init__(
        self,
        use_scale: bool,
        dropout: float = 0.0,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.use_scale = checks.boolean("use_scale", use_scale)
        self.dropout = checks.number("dropout", dropout, 0, 1, open_high=True)
        self.seed = None if seed is None else checks.integer("seed", seed)
        self.drop = Dropout(self.dropout)

    def build(self, *shapes: Any) -> None:
        self._check_several(isinstance(shapes[0], list), shapes[0])

    def _check_several(self, several: bool, given: Any) -> None:
        """Check that a call, or its shapes, are those of two or three tensors."""
        if not several or not 2 <= len(given) <= 3:
            raise InvalidShapeError(
                f"inputs of {self.name}", "[query, value] or [query, value, key]", given
            )

    def scores(self, query: Any, key: Any) -> Any:
        """Return how well each query fits each key, (B, Tq, Tv)."""
        raise NotDefinedError(self, "scores(query, key)")

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: Any = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        self._check_several(isinstance(inputs, list | tuple), inputs)
        query, value = inputs[:2]
        key = inputs[2] if len(inputs) == 3 else value
        of_query, of_value = [None, None] if mask is None else list(mask)[:2]
        scores = self.scores(query, key)
        if use_causal_mask:
            scores = only_before(scores)
        if of_value is not None:
            scores = never(scores, ExpandDims(1)(of_value))
        shares = self.drop(Activation("softmax")(scores), training=training)
        result = Einsum("bqk,bkd->bqd")(shares, value)
        if of_query is not None:
            real = masked(ExpandDims(-1)(of_query), None)
            result = masked(
                Elementwise("multiply")(masked(result, None), real), of_query, self.name
            )
        return (result, shares) if return_attention_scores else result


class Attention(_Attention):
    """Attention by products: softmax(q·kᵀ)·v for all queries of a sequence at once.

    Called on [query (B, Tq, D), value (B, Tv, D)], and perhaps a key (B, Tv, D) as the third, which
    is the value by default. Padding of the value is never read, and the result of a padded query is
    0. With `use_causal_mask=True`, a query reads no key behind its own place; with
    `return_attention_scores=True`, the weights (B, Tq, Tv) are returned, too.

    Args:
        use_scale: whether to learn a factor of the scores.
        score_mode: "dot" for q·k, "concat" for Σ tanh(q + k), with a learned factor.
        dropout: share of the weights to drop.
        seed: accepted for compatibility; the model's generator draws.

    Source:
        Luong et al., "Effective approaches to attention-based neural machine translation", 2015.

    Example:
        >>> import lstm
        >>> query, value = lstm.Input((4, 3)), lstm.Input((None, 3))
        >>> lstm.layers.Attention()([query, value]).shape
        (None, 4, 3)
    """

    concat_score_weight: Operators

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(use_scale, dropout, seed, **options)
        self.score_mode = checks.one_of("score_mode", score_mode, ("dot", "concat"))

    def build(self, *shapes: Any) -> None:
        super().build(*shapes)
        if self.use_scale:
            self.scale = self.add_weight("scale", (), "ones")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight("concat_score_weight", (), "ones")

    def scores(self, query: Any, key: Any) -> Any:
        if self.score_mode == "dot":
            scores = Einsum("bqd,bkd->bqk")(query, key)
            return Elementwise("multiply")(scores, self.scale) if self.use_scale else scores
        both = pairs(query, key)
        if self.use_scale:
            both = Elementwise("multiply")(both, self.scale)
        summed = Reduction("sum", -1)(Activation("tanh")(both))
        return Elementwise("multiply")(summed, self.concat_score_weight)


class AdditiveAttention(_Attention):
    """Attention by a small network: scores Σ s·tanh(q + k), with a learned s.

    Called as `Attention` is.

    Args:
        use_scale: whether to learn s (D); otherwise it is 1.
        dropout: share of the weights to drop.
        seed: accepted for compatibility; the model's generator draws.

    Source:
        Bahdanau et al., "Neural machine translation by jointly learning to align and translate",
        2015.

    Example:
        >>> import lstm
        >>> query, value = lstm.Input((4, 3)), lstm.Input((None, 3))
        >>> lstm.layers.AdditiveAttention()([query, value]).shape
        (None, 4, 3)
    """

    def __init__(
        self,
        use_scale: bool = True,
        dropout: float = 0.0,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(use_scale, dropout, seed, **options)

    def build(self, *shapes: Any) -> None:
        super().build(*shapes)
        if self.use_scale:
            self.scale = self.add_weight("scale", shapes[0][0][-1:], "glorot_uniform")

    def scores(self, query: Any, key: Any) -> Any:
        summed = Activation("tanh")(pairs(query, key))
        if self.use_scale:
            summed = Elementwise("multiply")(summed, self.scale)
        return Reduction("sum", -1)(summed)


def pairs(query: Any, key: Any) -> Any:
    """Return q + k for each pair, (B, Tq, Tv, D)."""
    return Elementwise("add")(ExpandDims(2)(query), ExpandDims(1)(key))


def never(scores: Any, allowed: Any) -> Any:
    """Return scores that lose all weight where `allowed` is 0."""
    refused = masked(Elementwise("equal", 0.0)(allowed), None)
    return Elementwise("add")(masked(scores, None), Elementwise("multiply", _NEVER)(refused))


def only_before(scores: Any) -> Any:
    """Return scores (..., Tq, Tv) that lose all weight where a key is behind its query."""
    ones = Elementwise("less_equal", 0.0)(Elementwise("keep", 0.0)(scores))
    rows, columns = CumulativeSum(-2)(ones), CumulativeSum(-1)(ones)
    return never(scores, Elementwise("less_equal")(columns, rows))

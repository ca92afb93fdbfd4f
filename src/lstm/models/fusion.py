"""Layers as one step: what gives the same as one after the other, in less time."""

from collections.abc import Sequence
from math import prod

from lstm.backends.contract import ActivationName, Array, Cache
from lstm.layers.activated import Activated
from lstm.layers.base import Arrays, Gradients, Run
from lstm.layers.embedding import Embedding
from lstm.layers.masks import Mask
from lstm.layers.recurrent import Recurrent


class EmbeddedRecurrent:
    """An Embedding and the recurrent layer that reads it, as one: tokens (B, T) -> its outputs.

    The table P = E·W (V, 4H of an LSTM) holds what the kernel makes of every token, and x·W is its
    rows: exact but for rounding, and less work as soon as the batch has more tokens than the
    vocabulary. A batch of fewer is embedded first. The recurrent layer must drop no inputs.
    """

    def __init__(self, embedding: Embedding, recurrent: Recurrent) -> None:
        self.embedding = embedding
        self.recurrent = recurrent

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        x, *state = inputs
        mask = self.embedding.mask_after(run, (x,), mask)
        if prod(x.shape) < self.embedding.input_dim:
            (x,), seen = self.embedding.forward(run, x, mask=None)
            outputs, cache = self.recurrent.forward(run, x, *state, mask=mask)
            return outputs, (None, seen, cache)
        tokens = self.embedding.tokens(run, x)
        vectors, seen = self.embedding.table(run)
        table, product = run.ops.linear_forward(  # (L9)
            vectors, self.recurrent.value("kernel"), None, "linear"
        )
        outputs, cache = self.recurrent.forward_with(table, run, tokens, *state, mask=mask)
        return outputs, (product, seen, cache)

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        product, seen, inner = cache
        ops, dW, learns = run.ops, self.recurrent.gradient("kernel"), self.embedding.learns
        if product is None:
            need = (learns, *need[1:])
            dx, *rest = self.recurrent.backward(run, inner, *gradients, need=need)
            self.embedding.backward(run, seen, dx, need=(False,))
            return None, *rest
        if not learns and dW is None:
            _, *rest = self.recurrent.backward_with(None, run, inner, *gradients, need=(False,))
            return None, *rest
        shape = self.embedding.input_dim, self.recurrent.columns
        dtable = ops.zeros(shape, run.backend.dtype)
        _, *rest = self.recurrent.backward_with(dtable, run, inner, *gradients, need=(False,))
        rows = ops.linear_backward(dtable, product, dW, None, learns)  # (B13)
        self.embedding.backward(run, seen, rows, need=(False,))
        return None, *rest

    def joined_mask(self, run: Run, inputs: Arrays, masks: Sequence[Mask | None]) -> Mask | None:
        return self.recurrent.joined_mask(run, inputs, masks)

    def mask_after(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        mask = self.embedding.mask_after(run, inputs[:1], mask)
        return self.recurrent.mask_after(run, inputs, mask)

    @property
    def learns(self) -> bool:
        return self.embedding.learns or self.recurrent.learns


class As:
    """A layer with another activation in place of its own.

    That is the one above it, which it then computes as well, or none, where the loss computes it.
    """

    def __init__(self, layer: Activated, activation: ActivationName) -> None:
        self.layer = layer
        self.activation = activation

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        return self.layer.forward_as(self.activation, run, *inputs, mask=mask)

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        return self.layer.backward(run, cache, *gradients, need=need)

    def joined_mask(self, run: Run, inputs: Arrays, masks: Sequence[Mask | None]) -> Mask | None:
        return self.layer.joined_mask(run, inputs, masks)

    def mask_after(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        return self.layer.mask_after(run, inputs, mask)

    @property
    def learns(self) -> bool:
        return self.layer.learns

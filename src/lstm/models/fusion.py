"""Fusion: layers joined into one step, with the same result in less time."""

from collections.abc import Sequence
from math import prod

import numpy as np

from lstm.backends.contract import ActivationName, Array, Cache
from lstm.layers.activated import Activated
from lstm.layers.base import Arrays, Gradients, Run
from lstm.layers.embedding import Embedding
from lstm.layers.masks import Mask
from lstm.layers.recurrence import Recurrent
from lstm.layers.repeat_vector import RepeatVector
from lstm.models.program import Operation


class EmbeddedRecurrent:
    """An Embedding joined with the recurrent layer that reads it: tokens (B, T) -> outputs.

    The table P = E·W (V, 4H for an LSTM) holds the product of every token's vector with the kernel,
    so x·W consists of its rows. The result is equal up to rounding, with less work if the batch has
    more tokens than the vocabulary. A smaller batch is embedded first. The recurrent layer must not
    drop inputs.
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


class RepeatedRecurrent:
    """A RepeatVector joined with the recurrent layer that reads it: (B, D) -> outputs.

    The vector of a sequence is multiplied by the kernel once, not at each of its n steps: the
    products are a table (B, 4H for an LSTM), of which every step reads the row of its sequence. The
    gradient of a row is the sum over the steps.
    """

    def __init__(self, repeat: RepeatVector, recurrent: Recurrent) -> None:
        self.repeat = repeat
        self.recurrent = recurrent

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        x, *state = inputs
        mask = self.repeat.mask_after(run, (x,), mask)
        table, product = run.ops.linear_forward(x, self.recurrent.value("kernel"), None, "linear")
        rows = np.arange(x.shape[0], dtype=np.int64)[:, None]
        rows = run.ops.array(np.repeat(rows, self.repeat.n, 1))
        outputs, cache = self.recurrent.forward_with(table, run, rows, *state, mask=mask)
        return outputs, (product, table.shape, cache)

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        product, shape, inner = cache
        ops, dW = run.ops, self.recurrent.gradient("kernel")
        dtable = ops.zeros(shape, run.backend.dtype)
        need_rest = (False, *need[1:])
        _, *rest = self.recurrent.backward_with(dtable, run, inner, *gradients, need=need_rest)
        return ops.linear_backward(dtable, product, dW, None, need[0]), *rest

    def joined_mask(self, run: Run, inputs: Arrays, masks: Sequence[Mask | None]) -> Mask | None:
        return self.recurrent.joined_mask(run, inputs, masks)

    def mask_after(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        mask = self.repeat.mask_after(run, inputs[:1], mask)
        return self.recurrent.mask_after(run, inputs, mask)

    @property
    def learns(self) -> bool:
        return self.recurrent.learns


class InMode:
    """A step that trains, or does not, whatever the pass does, because a call of its layer said so.

    Args:
        operation: the step.
        training: whether it trains.
    """

    def __init__(self, operation: Operation, training: bool) -> None:
        self.operation = operation
        self.training = training

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        with run.mode(self.training):
            return self.operation.forward(run, *inputs, mask=mask)

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        return self.operation.backward(run, cache, *gradients, need=need)

    def joined_mask(self, run: Run, inputs: Arrays, masks: Sequence[Mask | None]) -> Mask | None:
        return self.operation.joined_mask(run, inputs, masks)

    def mask_after(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        return self.operation.mask_after(run, inputs, mask)

    @property
    def learns(self) -> bool:
        return self.operation.learns


class WithActivation:
    """A layer with another activation instead of its own.

    This is the activation of the layer above, which is then computed here, or none, if the loss
    computes it.
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

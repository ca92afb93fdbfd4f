"""Folding: steps of sequences become examples, and are put back."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm.backends.contract import Array, Cache
from lstm.errors import InvalidShapeError
from lstm.layers.base import Arrays, Gradients, Layer, Run
from lstm.layers.masks import Mask, whole
from lstm.layers.reshaping import Reshaping
from lstm.layers.symbolic import Shape


class FoldTime(Reshaping):
    """(B, T, ...) -> (B·T, ...): every step becomes an example."""

    memoryless = True
    folds_time = 1

    def target(self, shape: Sequence[Any]) -> Sequence[Any]:
        if len(shape) < 3:
            raise InvalidShapeError(
                f"input of {self.name}", "axes (B, T, ...)", f"shape {tuple(shape)}"
            )
        return None if None in shape[:2] else shape[0] * shape[1], *shape[2:]

    def mask_after(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        if mask is None:
            return None
        B, T = inputs[0].shape[:2]
        return np.repeat(mask, T) if mask.ndim == 1 else mask.reshape(B * T, *mask.shape[2:])


class UnfoldTime(Layer):
    """(B·T, ...) -> (B, T, ...), with B and T of the first input, which is otherwise unused."""

    memoryless = True
    folds_time = -1

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        like, x = shapes
        return ((*like[:2], *x[1:]),)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        like, x = inputs
        return (run.ops.reshape(x, (*like.shape[:2], *x.shape[1:])),), x.shape

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        return None, run.ops.reshape(gradients[0], cache)

    def joined_mask(self, run: Run, inputs: Arrays, masks: Sequence[Mask | None]) -> Mask | None:
        """Return the mask of the second input, which includes the folded mask of the first."""
        like, mask = masks
        if mask is not None:
            return mask.reshape(*inputs[0].shape[:2], *mask.shape[1:])
        return None if like is None else whole(like, 2)

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        return mask

"""Reordering: layers that keep the numbers of each example and change their order."""

from collections.abc import Sequence
from typing import Unpack

import numpy as np

from lstm import checks
from lstm.backends.contract import Array, Cache
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.masks import Mask, permuted
from lstm.layers.rules import axis_after_batch, state_beside_time
from lstm.layers.symbolic import Shape


class Permute(Layer):
    """Reorder the axes of each example.

    Args:
        dims: the old axis at each new place, counted from 1; the batch axis stays first.

    Example:
        >>> import lstm
        >>> lstm.layers.Permute((2, 1))(lstm.Input((5, 3))).shape
        (None, 3, 5)
    """

    fixed_arguments = ("dims",)

    def __init__(self, dims: Sequence[int], **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        axes = checks.sequence("dims", dims, "a tuple of axes, such as (2, 1)")
        self.dims = tuple(checks.integer("dims", axis) for axis in axes)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise InvalidValueError("dims", "each axis once, counted from 1", self.dims)

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        if len(shapes[0]) != len(self.dims) + 1:
            raise InvalidShapeError(
                f"input of {self.name}", f"{len(self.dims) + 1} axes", f"shape {shapes[0]}"
            )
        return ((shapes[0][0], *(shapes[0][d] for d in self.dims)),)

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        if self.dims[:1] != (1,):
            raise InvalidValueError(
                f"dims of {self.name}", "1 first, the time, to work chunk by chunk", self.dims
            )
        return ()

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        return (run.ops.transpose(inputs[0], (0, *self.dims)),), None

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        back = [self.dims.index(axis) + 1 for axis in range(1, len(self.dims) + 1)]
        return (run.ops.transpose(gradients[0], (0, *back)),)

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        return None if mask is None else permuted(mask, inputs[0].shape, (0, *self.dims))


class Flip(Layer):
    """Reverse an axis, by default time.

    Args:
        axis: the axis; not the batch axis.

    Example:
        >>> import lstm
        >>> lstm.layers.Flip()(lstm.Input((None, 3))).shape
        (None, None, 3)
    """

    def __init__(self, axis: int = 1, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.axis = checks.integer("axis", axis)

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        axis_after_batch(self, self.axis, len(shapes[0]))
        return (shapes[0],)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        return (run.ops.flip(inputs[0], self.axis),), None

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        return (run.ops.flip(gradients[0], self.axis),)

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        return state_beside_time(self, self.axis, shapes[0], len(shapes[0]))

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        axis = axis_after_batch(self, self.axis, len(inputs[0].shape))
        return mask if mask is None or axis >= mask.ndim else np.flip(mask, axis)

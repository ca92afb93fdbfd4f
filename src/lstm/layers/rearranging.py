"""Rearranging: other shapes and orders of axes, in which the batch takes part."""

from collections.abc import Sequence
from math import prod
from typing import Unpack

from lstm import checks
from lstm.backends.contract import Array, Cache
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.masks import Mask
from lstm.layers.symbolic import Shape


class _WithBatch(Layer):
    """Base of layers that mix examples, so that none can be padded."""

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        if run.ragged and mask is not None:
            raise InvalidValueError(
                f"input of {self.name}", "sequences of equal length", "different lengths"
            )
        return None


class BatchReshape(_WithBatch):
    """Another shape of the same size, the batch included.

    Args:
        target_shape: the shape; one size may be -1.

    Example:
        >>> import lstm
        >>> lstm.layers.BatchReshape((-1, 3))(lstm.Input((None, 3))).shape
        (None, 3)
    """

    fixed_arguments = ("target_shape",)

    def __init__(self, target_shape: Sequence[int], **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        sizes = checks.sequence("target_shape", target_shape, "a tuple of sizes, such as (-1, 3)")
        self.target_shape = tuple(checks.int_at_least("target_shape", n, -1) for n in sizes)
        if self.target_shape.count(-1) > 1:
            raise InvalidValueError("target_shape", "at most one -1", self.target_shape)

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        free, known = None, [n for n in shapes[0] if n is not None]
        if len(known) == len(shapes[0]):
            size, fixed = prod(known), prod(n for n in self.target_shape if n != -1)
            whole = size == fixed if -1 not in self.target_shape else fixed and not size % fixed
            if not whole:
                raise InvalidShapeError(
                    f"input of {self.name}", f"as many numbers as in {self.target_shape}", shapes[0]
                )
            free = size // max(fixed, 1)
        return (tuple(free if n == -1 else n for n in self.target_shape),)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        shape = tuple(inputs[0].shape)
        target = [n or 0 for n in self.output_shapes(shape)[0]]
        return (run.ops.reshape(inputs[0], target),), shape

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        return (run.ops.reshape(gradients[0], cache),)


class Transpose(_WithBatch):
    """The axes in another order, the batch included.

    Args:
        axes: the old axis at each new place.

    Example:
        >>> import lstm
        >>> lstm.layers.Transpose((1, 0, 2))(lstm.Input((5, 3))).shape
        (5, None, 3)
    """

    fixed_arguments = ("axes",)

    def __init__(self, axes: Sequence[int], **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        given = checks.sequence("axes", axes, "a tuple of axes, such as (1, 0)")
        self.axes = tuple(checks.integer("axes", axis) for axis in given)
        if sorted(self.axes) != list(range(len(self.axes))):
            raise InvalidValueError("axes", "each axis once, counted from 0", self.axes)

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        if len(shapes[0]) != len(self.axes):
            raise InvalidShapeError(f"input of {self.name}", f"{len(self.axes)} axes", shapes[0])
        return (tuple(shapes[0][axis] for axis in self.axes),)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        return (run.ops.transpose(inputs[0], self.axes),), None

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        back = [self.axes.index(axis) for axis in range(len(self.axes))]
        return (run.ops.transpose(gradients[0], back),)

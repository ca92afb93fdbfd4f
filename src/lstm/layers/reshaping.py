"""Reshaping: layers that keep the order of the numbers and change only the shape."""

from collections.abc import Sequence
from math import prod
from typing import Any, Unpack

from lstm import checks
from lstm.backends.contract import Array, Cache
from lstm.errors import InvalidShapeError, InvalidValueError, NotDefinedError
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.masks import Mask, reshaped
from lstm.layers.rules import axis_after_batch, has_time, state_beside_time
from lstm.layers.symbolic import Shape


class Reshaping(Layer):
    """Base of the layers that keep the order of the numbers and change only the shape."""

    fixed_arguments = ("target_shape", "axis")

    def target(self, shape: Sequence[Any]) -> Sequence[Any]:
        """Return the shape of the output; accepts symbolic sizes (with None) and real ones."""
        raise NotDefinedError(self, "target(shape)")

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        return (tuple(self.target(shapes[0])),)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        shape = tuple(inputs[0].shape)
        return (run.ops.reshape(inputs[0], self.target(shape)),), shape

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        return (run.ops.reshape(gradients[0], cache),)

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        shape = tuple(inputs[0].shape)
        return None if mask is None else reshaped(mask, shape, tuple(self.target(shape)))


class Reshape(Reshaping):
    """Give each example another shape of the same size.

    Args:
        target_shape: the shape without the batch axis; one size may be -1.

    Example:
        >>> import lstm
        >>> lstm.layers.Reshape((2, 3))(lstm.Input((6,))).shape
        (None, 2, 3)
    """

    def __init__(self, target_shape: Sequence[int], **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        sizes = checks.sequence("target_shape", target_shape, "a tuple of sizes, such as (2, 3)")
        self.target_shape = tuple(checks.int_at_least("target_shape", n, -1) for n in sizes)
        if self.target_shape.count(-1) > 1:
            raise InvalidValueError("target_shape", "at most one -1", self.target_shape)

    def target(self, shape: Sequence[Any]) -> Sequence[Any]:
        fixed = prod(n for n in self.target_shape if n != -1)
        if None in shape[1:]:
            return shape[0], *(None if n == -1 else n for n in self.target_shape)
        size = prod(shape[1:])
        free = -1 in self.target_shape
        if (free and (fixed == 0 or size % fixed)) or (not free and size != fixed):
            raise InvalidShapeError(
                f"input of {self.name}", f"{fixed} entries for each example", f"shape {shape}"
            )
        return shape[0], *(size // fixed if n == -1 else n for n in self.target_shape)

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        if not has_time(shapes[0]):
            return ()
        # Each step must become whole rows, for any number of steps.
        first, *row = self.target_shape
        step = None if None in shapes[0][2:] else prod(n for n in shapes[0][2:] if n is not None)
        if first != -1 or step is None or step % max(1, prod(row)):
            raise InvalidValueError(
                f"target_shape of {self.name}",
                "-1 for the time, and then sizes that divide a step, to work chunk by chunk",
                self.target_shape,
            )
        return ()


class Flatten(Reshaping):
    """Give each example a single axis.

    Example:
        >>> import lstm
        >>> lstm.layers.Flatten()(lstm.Input((2, 3))).shape
        (None, 6)
    """

    def target(self, shape: Sequence[Any]) -> Sequence[Any]:
        return shape[0], None if None in shape[1:] else prod(shape[1:])

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        if len(shapes[0]) > 2:
            raise InvalidValueError(
                self.name, "layers that keep the time, to work chunk by chunk", "a Flatten"
            )
        return ()


class Squeeze(Reshaping):
    """Drop an axis of size 1.

    Args:
        axis: the axis; negative counts from the end. Not the batch axis.

    Example:
        >>> import lstm
        >>> lstm.layers.Squeeze(-1)(lstm.Input((None, 1))).shape
        (None, None)
    """

    def __init__(self, axis: int = -1, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.axis = checks.integer("axis", axis)

    def target(self, shape: Sequence[Any]) -> Sequence[Any]:
        axis = axis_after_batch(self, self.axis, len(shape))
        if shape[axis] not in (1, None):
            raise InvalidShapeError(
                f"input of {self.name}", f"size 1 along axis {self.axis}", f"shape {shape}"
            )
        return *shape[:axis], *shape[axis + 1 :]

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        return state_beside_time(self, self.axis, shapes[0], len(shapes[0]))


class ExpandDims(Reshaping):
    """Insert an axis of size 1.

    Args:
        axis: its position; negative counts from the end. Not before the batch axis.

    Example:
        >>> import lstm
        >>> lstm.layers.ExpandDims(-1)(lstm.Input((None,))).shape
        (None, None, 1)
    """

    def __init__(self, axis: int = -1, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.axis = checks.integer("axis", axis)

    def target(self, shape: Sequence[Any]) -> Sequence[Any]:
        axis = axis_after_batch(self, self.axis, len(shape) + 1)
        return *shape[:axis], 1, *shape[axis:]

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        return state_beside_time(self, self.axis, shapes[0], len(shapes[0]) + 1)

"""Shaping: layers that only move numbers: reshape, squeeze, permute, flip, repeat."""

from collections.abc import Sequence
from math import prod
from typing import Any, Unpack

import numpy as np

from lstm import checks
from lstm.backends.contract import Array, Cache
from lstm.errors import InvalidShapeError, InvalidValueError, NotDefinedError
from lstm.interface import promises
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run, has_time
from lstm.layers.masks import Mask, permuted, reshaped
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
        axis = _axis(self, self.axis, len(shape))
        if shape[axis] not in (1, None):
            raise InvalidShapeError(
                f"input of {self.name}", f"size 1 along axis {self.axis}", f"shape {shape}"
            )
        return *shape[:axis], *shape[axis + 1 :]

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        return _beside_time(self, self.axis, shapes[0], len(shapes[0]))


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
        axis = _axis(self, self.axis, len(shape) + 1)
        return *shape[:axis], 1, *shape[axis:]

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        return _beside_time(self, self.axis, shapes[0], len(shapes[0]) + 1)


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
        _axis(self, self.axis, len(shapes[0]))
        return (shapes[0],)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        return (run.ops.flip(inputs[0], self.axis),), None

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        return (run.ops.flip(gradients[0], self.axis),)

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        return _beside_time(self, self.axis, shapes[0], len(shapes[0]))

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        axis = _axis(self, self.axis, len(inputs[0].shape))
        return mask if mask is None or axis >= mask.ndim else np.flip(mask, axis)


class RepeatVector(Layer):
    """(B, D) -> (B, n, D): the same vector at n time steps.

    Args:
        n: number of time steps.

    Example:
        >>> import lstm
        >>> lstm.layers.RepeatVector(4)(lstm.Input((3,))).shape
        (None, 4, 3)
    """

    fixed_arguments = ("n",)

    def __init__(self, n: int, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.n = checks.positive_int("n", n)

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        if len(shapes[0]) != 2:
            raise InvalidShapeError(f"input of {self.name}", "axes (B, D)", f"shape {shapes[0]}")
        return ((shapes[0][0], self.n, shapes[0][1]),)

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        raise InvalidValueError(
            self.name,
            "layers with one output for each step, to work chunk by chunk",
            "a repetition",
        )

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        return (run.ops.repeat(inputs[0], self.n, 1),), None

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        return (run.ops.sum(gradients[0], 1),)

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        return None if mask is None else np.repeat(mask[:, None], self.n, 1)

    @property
    def repeats(self) -> bool:
        return promises(type(self), "repeats", "forward", "backward", "output_mask")


def _beside_time(layer: Layer, axis: int, shape: Shape, ndim: int) -> tuple[tuple[int, ...], ...]:
    """Return the (empty) state of a layer that works along an axis other than time."""
    if has_time(shape) and _axis(layer, axis, ndim) == 1:
        raise InvalidValueError(
            f"axis of {layer.name}", "not the time, to work chunk by chunk", axis
        )
    return ()


def _axis(layer: Layer, axis: int, ndim: int) -> int:
    """Return `axis`, counted from the start; it must not be the batch axis."""
    if not -ndim <= axis < ndim or axis % ndim == 0:
        raise InvalidValueError(
            f"axis of {layer.name}", f"an axis after the batch of {ndim} axes", axis
        )
    return axis % ndim

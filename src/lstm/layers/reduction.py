"""Reduction: the numbers along axes joined into one, and sums that run along an axis."""

from collections.abc import Sequence
from math import prod
from typing import Unpack

import numpy as np

from lstm import checks
from lstm.backends.contract import Array, Cache
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.elementwise import spread
from lstm.layers.masks import LOWEST, Mask
from lstm.layers.masks import spread as spread_mask
from lstm.layers.options import named
from lstm.layers.rules import has_time, refuse_time
from lstm.layers.symbolic import Shape


class Reduction(Layer):
    """The sum, mean or largest number along axes; what is padding does not count.

    The gradient of the largest number goes to all that are as large, in equal parts.

    Args:
        function: "sum", "mean" or "max".
        axis: one axis or several; None for all.
        keepdims: whether the axes remain, with size 1.

    Example:
        >>> import lstm
        >>> lstm.layers.Reduction("mean", axis=1)(lstm.Input((None, 3))).shape
        (None, 3)
    """

    takes_numbers = True

    def __init__(
        self,
        function: str,
        axis: int | Sequence[int] | None = None,
        keepdims: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**named(options, function))
        self.function = checks.one_of("function", function, ("sum", "mean", "max"))
        self.axis = (
            None
            if axis is None
            else tuple(checks.integer("axis", k) for k in axis)
            if isinstance(axis, tuple | list)
            else checks.integer("axis", axis)
        )
        self.keepdims = checks.boolean("keepdims", keepdims)

    def _axes(self, ndim: int) -> tuple[int, ...]:
        """Return the axes, counted from the start, in order."""
        given = range(ndim) if self.axis is None else np.atleast_1d(self.axis)
        if not all(-ndim <= axis < ndim for axis in given):
            raise InvalidShapeError(f"axis of {self.name}", f"axes of {ndim}", self.axis)
        axes = sorted({int(axis) % ndim for axis in given})
        if len(axes) != len(given):
            raise InvalidValueError(f"axis of {self.name}", "each axis once", self.axis)
        return tuple(axes)

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        axes = self._axes(len(shapes[0]))
        if self.keepdims:
            return (tuple(1 if k in axes else n for k, n in enumerate(shapes[0])),)
        return (tuple(n for k, n in enumerate(shapes[0]) if k not in axes),)

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        if has_time(shapes[0]) and {0, 1} & {*self._axes(len(shapes[0]))}:
            refuse_time(self, self.axis)
        return ()

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        ops, x = run.ops, inputs[0]
        x = ops.numbers(x, run.backend.dtype) if ops.holds_tokens(x) else x
        axes, shape = self._axes(x.ndim), tuple(x.shape)
        if self.function == "max" and any(shape[axis] == 0 for axis in axes):
            raise InvalidShapeError(f"input of {self.name}", "numbers to compare", f"shape {shape}")
        keep = None
        if mask is not None and any(axis < mask.ndim for axis in axes):
            keep = spread_mask(mask, shape)
            x = ops.elementwise_forward("keep", x, self._array(run, keep), 0.0)
            if self.function == "max":
                x = ops.add([x, self._array(run, np.where(keep, 0.0, LOWEST))])
        y = x
        for axis in reversed(axes):
            y = ops.max(y, axis) if self.function == "max" else ops.sum(y, axis)
        share, largest = None, y if self.function == "max" else None
        if self.function == "max" and keep is not None:  # Of no real number it is 0.
            some = np.broadcast_to(keep.any(axes), tuple(y.shape))
            y = ops.elementwise_forward("keep", y, self._array(run, some), 0.0)
        if self.function == "mean":
            count = prod(shape[axis] for axis in axes) if keep is None else keep.sum(axes)
            share = 1 / np.maximum(count, 1)
            y = self._times(run, y, share)
        kept = tuple(1 if k in axes else n for k, n in enumerate(shape))
        return (
            (ops.reshape(y, kept) if self.keepdims else y,),
            (shape, kept, keep, share, x, largest),
        )

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        ops, (shape, kept, keep, share, x, y) = run.ops, cache
        axes = self._axes(len(shape))
        dy = ops.reshape(gradients[0], tuple(n for k, n in enumerate(shape) if k not in axes))
        if share is not None:
            dy = self._times(run, dy, share)
        if y is not None:
            largest = ops.elementwise_forward("equal", x, spread_to(run, y, kept, shape), 0.0)
            count = largest
            for axis in reversed(axes):
                count = ops.sum(count, axis)
            dy = ops.elementwise_forward("divide", dy, count, 0.0)
            dx = ops.multiply(largest, spread_to(run, dy, kept, shape))
        else:
            dx = spread_to(run, dy, kept, shape)
        return (dx if keep is None else ops.multiply(dx, self._array(run, keep)),)

    def _times(self, run: Run, y: Array, share: np.ndarray | float) -> Array:
        """Return y times its share, a number, or one for each entry where there is padding."""
        if np.ndim(share) == 0:
            return run.ops.scale(y, float(share))
        return run.ops.multiply(y, self._array(run, np.broadcast_to(share, tuple(y.shape))))

    def _array(self, run: Run, values: np.ndarray) -> Array:
        return run.ops.array(values.astype(run.backend.dtype, order="C"))

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        if mask is None:
            return None
        axes = tuple(axis for axis in self._axes(inputs[0].ndim) if axis < mask.ndim)
        if not axes:
            return mask
        left = np.any(mask, axes, keepdims=self.keepdims)
        return left if left.ndim > 1 and 1 not in axes else None


def spread_to(run: Run, y: Array, kept: Sequence[int], shape: Sequence[int]) -> Array:
    """Return y, of which axes of size 1 were dropped, broadcast to a shape."""
    return spread(run.ops, run.ops.reshape(y, kept), shape)


class CumulativeSum(Layer):
    """The sum of each number and all before it along an axis; what is padding counts as 0.

    Args:
        axis: the axis, not the batch.
        reverse: whether to add up from the end.

    Example:
        >>> import lstm
        >>> lstm.layers.CumulativeSum(reverse=True)([[1.0, 2.0, 3.0]]).tolist()
        [[6.0, 5.0, 3.0]]
    """

    keeps_mask = True

    def __init__(
        self, axis: int = 1, reverse: bool = False, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**options)
        self.axis = checks.integer("axis", axis)
        self.reverse = checks.boolean("reverse", reverse)

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        if not -len(shapes[0]) <= self.axis < len(shapes[0]):
            raise InvalidShapeError(f"axis of {self.name}", f"one of {len(shapes[0])}", self.axis)
        return (shapes[0],)

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        if has_time(shapes[0]) and self.axis % len(shapes[0]) < 2:
            refuse_time(self, self.axis)
        return ()

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        x, keep = inputs[0], None
        if mask is not None and self.axis % x.ndim < mask.ndim:
            whole = spread_mask(mask, tuple(x.shape))
            keep = run.ops.array(whole.astype(run.backend.dtype, order="C"))
            x = run.ops.elementwise_forward("keep", x, keep, 0.0)
        return (run.ops.cumulative_sum(x, self.axis, self.reverse),), keep

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        dx = run.ops.cumulative_sum(gradients[0], self.axis, not self.reverse)
        return (dx if cache is None else run.ops.multiply(dx, cache),)

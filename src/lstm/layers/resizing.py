"""Resizing: more or fewer steps: repeated, added, cut off."""

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from lstm import checks
from lstm.backends.contract import Array, Cache
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.masks import Mask, of_steps, to_zero
from lstm.layers.slicing import Slice
from lstm.layers.symbolic import Shape, SymbolicTensor


class UpSampling1D(Layer):
    """Each step several times, one after the other: (B, T, C) -> (B, T·size, C).

    Args:
        size: how often.

    Example:
        >>> import lstm
        >>> lstm.layers.UpSampling1D(3)(lstm.Input((4, 2))).shape
        (None, 12, 2)
    """

    def __init__(self, size: int | tuple[int] = 2, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.size = checks.positive_int("size", checks.single(size))

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        batch, steps, channels = _sequences(self, shapes[0])
        return ((batch, None if steps is None else steps * self.size, channels),)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        steps = inputs[0].shape[1]
        places = np.repeat(np.arange(steps), self.size)
        return (run.ops.take(inputs[0], places, 1),), (places, steps)

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        places, steps = cache
        return (run.ops.take_backward(gradients[0], places, 1, steps),)

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        return None if mask is None else np.repeat(mask, self.size, 1)

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        raise InvalidValueError(self.name, "one output for each step, to work chunk by chunk", self)


class ZeroPadding1D(Layer):
    """Steps of zeros before and after a sequence: (B, T, C) -> (B, T + both, C).

    Args:
        padding: how many on each side, or (before, after).

    Example:
        >>> import lstm
        >>> lstm.layers.ZeroPadding1D((1, 2))(lstm.Input((4, 2))).shape
        (None, 7, 2)
    """

    def __init__(self, padding: int | tuple[int, int] = 1, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.padding = _two("padding", padding)

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        batch, steps, channels = _sequences(self, shapes[0])
        return ((batch, None if steps is None else steps + sum(self.padding), channels),)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        x, real = inputs[0], of_steps(self.name, mask)
        if real is not None:
            if not (real[:, 1:] <= real[:, :-1]).all():
                raise InvalidValueError(
                    f"input of {self.name}", "padding only behind sequences", "other padding"
                )
            x = to_zero(run.backend, x, real)
        B, steps, C = x.shape
        around = [run.ops.zeros((B, count, C), run.backend.dtype) for count in self.padding]
        return (run.ops.concatenate([around[0], x, around[1]], 1),), (steps, real)

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        steps, real = cache
        before, after = self.padding
        dx = run.ops.split(gradients[0], [before, steps, after], 1)[1]
        return (dx if real is None else to_zero(run.backend, dx, real),)

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        real = of_steps(self.name, mask)
        if real is None:
            return None
        more = np.ones((len(real), sum(self.padding)), bool)
        return np.concatenate([more, real], 1)

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        if not any(self.padding):
            return ()
        raise InvalidValueError(self.name, "no added steps, to work chunk by chunk", self.padding)


class Cropping1D(Layer):
    """A sequence without some of its first and last steps: (B, T, C) -> (B, T - both, C).

    Args:
        cropping: how many on each side, or (first, last).

    Example:
        >>> import lstm
        >>> lstm.layers.Cropping1D((1, 0))(lstm.Input((4, 2))).shape
        (None, 3, 2)
    """

    def __init__(
        self, cropping: int | tuple[int, int] = 1, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**options)
        self.cropping = _two("cropping", cropping)

    def call(self, inputs: SymbolicTensor) -> Any:
        first, last = self.cropping
        steps = inputs.shape[1]
        if steps is not None and first + last >= steps:
            raise InvalidShapeError(
                f"input of {self.name}", f"more than {first + last} time steps", steps
            )
        return Slice([[first or None, -last or None, None]])(inputs)


def _two(argument: str, value: Any) -> tuple[int, int]:
    """Return the numbers of steps on both sides."""
    both = (value, value) if isinstance(value, int) else value
    sizes = checks.sequence(argument, both, "an integer, or two")
    if len(sizes) != 2:
        raise InvalidValueError(argument, "an integer, or two", value)
    first, last = (checks.int_at_least(argument, size, 0) for size in sizes)
    return first, last


def _sequences(layer: Layer, shape: Shape) -> Shape:
    """Check that a shape is that of sequences of vectors, and return it."""
    if len(shape) != 3:
        raise InvalidShapeError(f"input of {layer.name}", "axes (B, T, C)", shape)
    return shape

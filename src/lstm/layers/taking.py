"""Taking: entries at given places along an axis, one-hot rows, and integers as numbers."""

from collections.abc import Sequence
from typing import Unpack

import numpy as np

from lstm import checks
from lstm.backends.contract import Array, Cache
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.masks import Mask
from lstm.layers.rules import has_time, refuse_time
from lstm.layers.symbolic import Shape


class Take(Layer):
    """The entries at some places along an axis, in their order.

    Args:
        indices: the places; negative ones count from the end.
        axis: the axis, not the batch.

    Example:
        >>> import lstm
        >>> lstm.layers.Take([0, 0, 2], axis=-1)(lstm.Input((None, 3))).shape
        (None, None, 3)
    """

    def __init__(
        self, indices: Sequence[int], axis: int = -1, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**options)
        given = checks.sequence("indices", indices, "a list of places")
        self.indices = [checks.integer("indices", place) for place in given]
        self.axis = checks.integer("axis", axis)

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        shape = list(shapes[0])
        if not -len(shape) <= self.axis < len(shape):
            raise InvalidShapeError(f"axis of {self.name}", f"one of {len(shape)}", self.axis)
        size = shape[self.axis]
        if size is not None and any(not -size <= place < size for place in self.indices):
            raise InvalidValueError(
                f"indices of {self.name}", f"places in [{-size}, {size})", self.indices
            )
        shape[self.axis] = len(self.indices)
        return (tuple(shape),)

    def _places(self, size: int) -> np.ndarray:
        return np.array(self.indices, np.int64) % max(size, 1)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        x = inputs[0]
        self.output_shapes(tuple(x.shape))
        size = x.shape[self.axis]
        return (run.ops.take(x, self._places(size), self.axis),), size

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        places = self._places(cache)
        return (run.ops.take_backward(gradients[0], places, self.axis, cache),)

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        axis = self.axis % inputs[0].ndim
        if mask is None or axis >= mask.ndim:
            return mask
        if run.ragged:
            raise InvalidValueError(
                f"axis of {self.name}", "not the time, with sequences of different lengths", axis
            )
        return np.take(mask, self._places(mask.shape[axis]), axis)

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        if has_time(shapes[0]) and self.axis % len(shapes[0]) < 2:
            refuse_time(self, self.axis)
        return ()


class OneHot(Layer):
    """1 at the place of each integer, else 0: (B, ...) -> (B, ..., num_classes).

    An integer outside gives zeros. Nothing learns below it.

    Args:
        num_classes: the number of places.

    Example:
        >>> import lstm
        >>> lstm.layers.OneHot(5)(lstm.Input((None,))).shape
        (None, None, 5)
    """

    memoryless = True
    keeps_mask = True

    def __init__(self, num_classes: int, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.num_classes = checks.positive_int("num_classes", num_classes)

    @property
    def reads_tokens(self) -> int:  # type: ignore[override]
        return self.num_classes

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        return ((*shapes[0], self.num_classes),)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        x = inputs[0]
        if not run.ops.holds_tokens(x):
            x = run.ops.array(run.ops.to_numpy(x).astype(np.int64))
        return (run.ops.one_hot(x, self.num_classes, run.backend.dtype),), None

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        return (None,)


class StopGradient(Layer):
    """The same numbers, through which nothing learns.

    Example:
        >>> import lstm
        >>> lstm.layers.StopGradient()(lstm.Input((None, 3))).shape
        (None, None, 3)
    """

    memoryless = True
    keeps_mask = True

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        return (shapes[0],)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        return (inputs[0],), None

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        return (None,)

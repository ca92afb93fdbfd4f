"""Merging: layers that combine several tensors into one."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Unpack

import numpy as np

from lstm import checks
from lstm.backends.contract import Array, Cache, Ops
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.elementwise import Elementwise, broadcast_mask, broadcast_shape, gathered
from lstm.layers.elementwise import spread as repeated
from lstm.layers.masks import Mask, alike, spread, union
from lstm.layers.rules import has_time, refuse_time
from lstm.layers.symbolic import Shape


class _Elementwise(Layer):
    """Base of the layers that combine tensors, entry by entry; where one has size 1, it repeats."""

    keeps_mask = True
    memoryless = True

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        if len({len(shape) for shape in shapes}) == 1 and any(
            1 in sizes and {*sizes} != {1} for sizes in zip(*shapes, strict=True)
        ):
            return (broadcast_shape(self.name, shapes),)
        return (_merged(self, shapes, None),)

    def joined_mask(self, run: Run, inputs: Arrays, masks: Sequence[Mask | None]) -> Mask | None:
        if len({tuple(x.shape) for x in inputs}) == 1:
            return super().joined_mask(run, inputs, masks)
        return broadcast_mask(self.name, run, inputs, masks)


class Add(_Elementwise):
    """Sum of tensors of equal shape, or of size 1 along some axes.

    Example:
        >>> import lstm
        >>> x = lstm.Input((None, 3))
        >>> lstm.layers.Add()([x, x]).shape
        (None, None, 3)
    """

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        return (run.ops.add(_repeated(run.ops, inputs)),), _shapes(inputs)

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        return tuple(gathered(run.ops, gradients[0], shape) for shape in cache)


class Average(_Elementwise):
    """Mean of tensors of equal shape, or of size 1 along some axes.

    Example:
        >>> import lstm
        >>> lstm.layers.Average()([np.array([1.0, 2.0]), np.array([3.0, 6.0])]).tolist()
        [2.0, 4.0]
    """

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        total = run.ops.add(_repeated(run.ops, inputs))
        return (run.ops.scale(total, 1 / len(inputs)),), _shapes(inputs)

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        share = run.ops.scale(gradients[0], 1 / len(cache))
        return tuple(gathered(run.ops, share, shape) for shape in cache)


class Multiply(_Elementwise):
    """Product of tensors of equal shape, or of size 1 along some axes, entry by entry.

    Where only some of them are padding, the padding counts as 1, as in Keras.

    Example:
        >>> import lstm
        >>> lstm.layers.Multiply()([np.array([1.0, 2.0]), np.array([3.0, 6.0])]).tolist()
        [3.0, 12.0]
    """

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        keeps = self._keeps(run, inputs)
        if keeps:
            inputs = tuple(map(partial(_or_one, run.ops), inputs, keeps))
        shapes, factors = _shapes(inputs), _repeated(run.ops, inputs)
        product = factors[0]
        for x in factors[1:]:
            product = run.ops.multiply(product, x)
        return (product,), (factors, keeps, shapes)

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        inputs, keeps, shapes = cache
        dxs: list[Array | None] = []
        for k in range(len(inputs)):
            dx = gradients[0]
            for other, x in enumerate(inputs):
                if other != k:
                    dx = run.ops.multiply(dx, x)
            dx = gathered(run.ops, dx, shapes[k])
            if keeps and (counts := keeps[k]) is not None:
                dx = run.ops.multiply(dx, counts[0])
            dxs.append(dx)
        return tuple(dxs)

    def _keeps(self, run: Run, inputs: Arrays) -> list[tuple[Array, Array] | None]:
        """For each input, return 1 where it counts and 1 where it is padding; none if equal."""
        if alike(run.masks):
            return []
        found: list[tuple[Array, Array] | None] = []
        for mask, x in zip(run.masks, inputs, strict=True):
            if mask is None:
                found.append(None)
                continue
            counts = spread(mask, x.shape)
            kept, padding = (m.astype(run.backend.dtype) for m in (counts, ~counts))
            found.append((run.ops.array(kept), run.ops.array(padding)))
        return found


def _shapes(inputs: Arrays) -> list[tuple[int, ...]]:
    return [tuple(x.shape) for x in inputs]


def _repeated(ops: Ops, inputs: Arrays) -> Arrays:
    """Return the inputs in the shape that they have together."""
    shape = np.broadcast_shapes(*_shapes(inputs))
    return tuple(repeated(ops, x, shape) for x in inputs)


def _or_one(ops: Ops, x: Array, keep: tuple[Array, Array] | None) -> Array:
    """Return x where it counts, and 1 where it is padding."""
    if keep is None:
        return x
    counts, padding = keep
    return ops.add([ops.multiply(x, counts), padding])


class _OfTwo(Layer):
    """Base of layers that combine tensors of one shape, two at a time."""

    reads_lists = True
    function = ""

    def call(self, *inputs: Any) -> Any:
        inputs = listed(inputs)
        if len(inputs) < 2:
            raise InvalidShapeError(f"input of {self.name}", "at least two tensors", len(inputs))
        joined = inputs[0]
        for x in inputs[1:]:
            joined = Elementwise(self.function)(joined, x)
        return joined


class Subtract(_OfTwo):
    """The first of two tensors minus the second.

    Example:
        >>> import lstm
        >>> x = lstm.Input((None, 3))
        >>> lstm.layers.Subtract()([x, x]).shape
        (None, None, 3)
    """

    function = "subtract"

    def call(self, *inputs: Any) -> Any:
        inputs = listed(inputs)
        if len(inputs) != 2:
            raise InvalidShapeError(f"input of {self.name}", "two tensors", len(inputs))
        return super().call(*inputs)


class Maximum(_OfTwo):
    """The largest of several tensors, entry by entry.

    Example:
        >>> import lstm
        >>> x = lstm.Input((None, 3))
        >>> lstm.layers.Maximum()([x, x]).shape
        (None, None, 3)
    """

    function = "maximum"


class Minimum(_OfTwo):
    """The smallest of several tensors, entry by entry.

    Example:
        >>> import lstm
        >>> x = lstm.Input((None, 3))
        >>> lstm.layers.Minimum()([x, x]).shape
        (None, None, 3)
    """

    function = "minimum"


class Concatenate(Layer):
    """Tensors joined along one axis.

    Args:
        axis: the axis, by default the last; not the batch axis.

    Example:
        >>> import lstm
        >>> x, y = lstm.Input((None, 3)), lstm.Input((None, 2))
        >>> lstm.layers.Concatenate()([x, y]).shape
        (None, None, 5)
    """

    keeps_mask = True

    def __init__(self, axis: int = -1, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.axis = checks.integer("axis", axis)

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        ndim = len(shapes[0])
        if not -ndim <= self.axis < ndim or self.axis % ndim == 0:
            raise InvalidShapeError(
                f"axis of {self.name}", f"an axis after the batch of {ndim} axes", self.axis
            )
        return (_merged(self, shapes, self.axis % ndim),)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        return (run.ops.concatenate(inputs, self.axis),), [x.shape[self.axis] for x in inputs]

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        return tuple(run.ops.split(gradients[0], cache, self.axis))

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        if has_time(shapes[0]) and self._along_time(shapes[0]):
            refuse_time(self, self.axis)
        return ()

    def joined_mask(self, run: Run, inputs: Arrays, masks: Sequence[Mask | None]) -> Mask | None:
        """Join the masks like the tensors; what counts in one of several features counts."""
        shapes = [tuple(x.shape) for x in inputs]
        axes, axis = (
            max(mask.ndim for mask in masks if mask is not None),
            self.axis % len(shapes[0]),
        )
        if axis >= axes:
            return union(self.name, shapes, masks, ragged=run.ragged)
        if run.ragged:
            raise InvalidValueError(
                f"axis of {self.name}",
                "not the time, with sequences of different lengths",
                self.axis,
            )
        known = [np.ones((), bool) if mask is None else mask for mask in masks]
        return np.concatenate(
            [spread(mask, shape[:axes]) for mask, shape in zip(known, shapes, strict=True)], axis
        )

    def _along_time(self, shape: Shape) -> bool:
        return self.axis % len(shape) == 1


def _merged(layer: Layer, shapes: Sequence[Shape], axis: int | None) -> Shape:
    """Return the common shape of all, with the sizes along `axis` added up."""
    if len(shapes) < 2:
        raise InvalidShapeError(f"input of {layer.name}", "at least two tensors", len(shapes))
    merged: list[int | None] = []
    for k, sizes in enumerate(zip(*shapes, strict=False)):
        known = {size for size in sizes if size is not None}
        if k == axis:
            merged.append(None if None in sizes else sum(s for s in sizes if s is not None))
        elif len(known) <= 1:
            merged.append(known.pop() if known else None)
        else:
            break
    if len(merged) != max(len(shape) for shape in shapes):
        expected = "equal shapes" if axis is None else f"equal shapes except for axis {axis}"
        raise InvalidShapeError(f"input of {layer.name}", expected, list(shapes))
    return tuple(merged)


def listed(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the tensors of a call, which may be one list of them."""
    return tuple(inputs[0]) if len(inputs) == 1 and isinstance(inputs[0], list | tuple) else inputs

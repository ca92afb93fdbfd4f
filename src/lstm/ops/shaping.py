"""Functions that move numbers: reshaped, reordered, joined, repeated, taken; and that make them."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.interface import spelled
from lstm.layers import (
    BatchReshape,
    Concatenate,
    Elementwise,
    ExpandDims,
    Flip,
    OneHot,
    Permute,
    Reshape,
    Squeeze,
    StopGradient,
    Take,
    Transpose,
)
from lstm.layers.eager import Tensor
from lstm.layers.symbolic import Operators, SymbolicTensor
from lstm.ops.calling import apply, as_one, not_bool, shape_of, tensor_of
from lstm.ops.elementwise import add, not_equal


@as_one
@spelled
def squeeze(x: Any, axis: int | Sequence[int] = -1) -> Any:
    """Drop an axis of size 1.

    Example:
        >>> import lstm
        >>> lstm.ops.squeeze(lstm.Input((None, 1)), axis=-1).shape
        (None, None)
    """
    for one in sorted(np.atleast_1d(axis) % max(len(shape_of(x)), 1), reverse=True):
        x = apply(Squeeze(int(one)), x)
    return x


@spelled
def expand_dims(x: Any, axis: int | Sequence[int] = -1) -> Any:
    """Insert an axis of size 1 at position `axis`, or several at their positions in the result.

    Example:
        >>> import lstm
        >>> lstm.ops.expand_dims(lstm.Input((3,)), axis=1).shape
        (None, 1, 3)
    """
    if not isinstance(axis, Sequence):
        return apply(ExpandDims(axis), x)
    ndim = len(shape_of(x)) + len(axis)
    positions = {checks.integer("axis", k) % ndim for k in axis if -ndim <= k < ndim}
    if len(positions) != len(axis):
        expected = f"different axes of the {ndim} of the result"
        raise InvalidValueError("axis of expand_dims", expected, axis)
    for position in sorted(positions):
        x = apply(ExpandDims(position), x)
    return x


@spelled
def reshape(x: Any, newshape: Sequence[int | None]) -> Any:
    """Give a tensor another shape.

    Args:
        x: (B, ...).
        newshape: all axes, the first of which is -1, None or `ops.shape(x)[0]` for the batch; one
            size may be -1.

    Example:
        >>> import lstm
        >>> lstm.ops.reshape(lstm.Input((6,)), (-1, 2, 3)).shape
        (None, 2, 3)
    """
    sizes = checks.sequence("newshape", newshape, "a tuple of sizes, such as (-1, 2, 3)")
    shape = shape_of(x)
    first, rest = sizes[0] if sizes else 1, sizes[1:]
    if isinstance(x, SymbolicTensor) and shape[:1] == (None,) and first in (-1, None):
        known = None if None in shape[1:] else prod(n for n in shape[1:] if n is not None)
        unknown = sum(n in (-1, None) for n in rest)
        whole = not unknown and prod(n for n in rest if n is not None) == known
        if unknown == 1 or whole or (first is None and not unknown):
            return apply(Reshape(tuple(-1 if n is None else n for n in rest)), x)
    if sum(n in (-1, None) for n in sizes) > 1:
        raise InvalidValueError("newshape", "one unknown size besides the batch", sizes)
    return apply(BatchReshape(tuple(-1 if n is None else n for n in sizes)), x)


@spelled
def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """Reorder the axes, or reverse their order.

    Args:
        x: (B, ...).
        axes: the old axis at each new place, the batch included; None for the reverse order.

    Example:
        >>> import lstm
        >>> lstm.ops.transpose(lstm.Input((5, 3)), (0, 2, 1)).shape
        (None, 3, 5)
    """
    ndim = len(shape_of(x))
    order = tuple(range(ndim))[::-1] if axes is None else tuple(int(k) % ndim for k in axes)
    return apply(Permute(order[1:]) if order[:1] == (0,) else Transpose(order), x)


@spelled
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Exchange two axes."""
    order = list(range(len(shape_of(x))))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return transpose(x, order)


@spelled
def moveaxis(x: Any, source: int, destination: int) -> Any:
    """Move an axis to another place."""
    order = list(range(len(shape_of(x))))
    axis = order.pop(source)
    order.insert(destination % (len(order) + 1), axis)
    return transpose(x, order)


@spelled
def flip(x: Any, axis: int = 1) -> Any:
    """Reverse an axis, by default time."""
    return apply(Flip(axis), x)


@spelled
def concatenate(xs: Sequence[Any], axis: int = -1) -> Any:
    """Join tensors along an axis.

    Example:
        >>> import lstm
        >>> lstm.ops.concatenate([lstm.Input((2,)), lstm.Input((3,))]).shape
        (None, 5)
    """
    return apply(Concatenate(axis), *xs) if len(xs) > 1 else xs[0]


@as_one
@spelled
def stack(xs: Sequence[Any], axis: int = 0) -> Any:
    """Join tensors of one shape along a new axis.

    Example:
        >>> import lstm
        >>> x = lstm.Input((3,))
        >>> lstm.ops.stack([x, x], axis=1).shape
        (None, 2, 3)
    """
    return concatenate([expand_dims(x, axis) for x in xs], axis)


@as_one
@spelled
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Any]:
    """Return the parts of a tensor along an axis of known size, without that axis."""
    size = shape_of(x)[axis]
    if size is None:
        raise InvalidShapeError("x", f"a known size of axis {axis}", shape_of(x))
    return [squeeze(take(x, [k], axis), axis) for k in range(size)]


@as_one
@spelled
def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """Cut a tensor along an axis of known size, into equal parts or before the given places.

    Example:
        >>> import lstm
        >>> [part.shape for part in lstm.ops.split(lstm.Input((None, 6)), 2, axis=-1)]
        [(None, None, 3), (None, None, 3)]
    """
    size = shape_of(x)[axis]
    if size is None:
        raise InvalidShapeError("x", f"a known size of axis {axis}", shape_of(x))
    if isinstance(indices_or_sections, int):
        if size % indices_or_sections:
            raise InvalidValueError(
                "indices_or_sections", f"a divisor of {size}", indices_or_sections
            )
        part = size // indices_or_sections
        ends = [*range(part, size, part)]
    else:
        ends = [*indices_or_sections]
    bounds = zip([0, *ends], [*ends, size], strict=True)
    return [take(x, range(start, stop), axis) for start, stop in bounds]


@as_one
@spelled
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The entries at given places along an axis.

    Args:
        x: a tensor or array.
        indices: an integer, or integers along one axis; no tensor.
        axis: the axis, by default the last.

    Example:
        >>> import lstm
        >>> lstm.ops.take(lstm.Input((None, 5)), [0, 4], axis=-1).shape
        (None, None, 2)
    """
    along = -1 if axis is None else axis
    if isinstance(indices, Operators):
        raise InvalidTypeError(
            "indices", "known integers; an Embedding looks up rows of weights", "a tensor"
        )
    places = np.asarray(indices)
    if places.ndim > 1 or places.dtype.kind not in "iu":
        raise InvalidTypeError("indices", "integers along one axis", checks.summary(indices))
    taken = apply(Take([int(k) for k in np.atleast_1d(places)], along), x)
    return squeeze(taken, along) if places.ndim == 0 else taken


@spelled
def repeat(x: Any, repeats: int, axis: int) -> Any:
    """Each entry along an axis of known size several times, one after the other."""
    size = shape_of(x)[axis]
    if size is None:
        raise InvalidShapeError("x", f"a known size of axis {axis}", shape_of(x))
    return take(x, np.repeat(np.arange(size), repeats), axis)


@as_one
@spelled
def tile(x: Any, repeats: Sequence[int]) -> Any:
    """A tensor several times along its axes, as NumPy's."""
    shape = shape_of(x)
    counts = (1,) * (len(shape) - len(repeats)) + tuple(repeats)
    for axis, count in enumerate(counts):
        if count != 1:
            x = concatenate([x] * count, axis)
    return x


@spelled
def roll(x: Any, shift: int, axis: int) -> Any:
    """Move entries along an axis of known size; those that leave it come in at its other end."""
    size = shape_of(x)[axis]
    if size is None:
        raise InvalidShapeError("x", f"a known size of axis {axis}", shape_of(x))
    return take(x, np.roll(np.arange(size), shift), axis)


@as_one
@spelled
def pad(x: Any, pad_width: Sequence[Sequence[int]], constant_values: float = 0.0) -> Any:
    """Put a number before and after each axis.

    Args:
        x: a tensor or array.
        pad_width: for each axis, how many before and after it.
        constant_values: the number.

    Example:
        >>> import lstm
        >>> lstm.ops.pad(lstm.Input((4, 3)), ((0, 0), (1, 0), (0, 0))).shape
        (None, 5, 3)
    """
    for axis, (before, after) in enumerate(pad_width):
        for count, front in ((before, True), (after, False)):
            if count:
                edge = take(x, [0] * count, axis)
                block = full_like(edge, constant_values)
                x = concatenate([block, x] if front else [x, block], axis)
    return x


@as_one
@spelled
def broadcast_to(x: Any, shape: Sequence[int | None]) -> Any:
    """A tensor repeated along axes of size 1 to a shape."""
    sizes = [1 if n is None else n for n in shape]
    return add(x, np.zeros(sizes))


@as_one
@spelled
def full_like(x: Any, fill_value: float, dtype: str | None = None) -> Any:
    """A number everywhere, in the shape of a tensor; `dtype` is accepted for compatibility."""
    return add(zeros_like(x), fill_value)


@as_one
@spelled
def zeros_like(x: Any, dtype: str | None = None) -> Any:
    """0 everywhere, in the shape of a tensor; `dtype` is accepted for compatibility."""
    return apply(Elementwise("keep", 0.0), stop_gradient(x))


@as_one
@spelled
def ones_like(x: Any, dtype: str | None = None) -> Any:
    """1 everywhere, in the shape of a tensor; `dtype` is accepted for compatibility."""
    return full_like(x, 1.0)


@spelled
def zeros(shape: Sequence[int], dtype: str = "float32") -> Tensor:
    """An array of zeros."""
    return Tensor.of(np.zeros(_known("zeros_like", shape), dtype))


@spelled
def ones(shape: Sequence[int], dtype: str = "float32") -> Tensor:
    """An array of ones."""
    return Tensor.of(np.ones(_known("ones_like", shape), dtype))


def _known(like: str, shape: Any) -> Any:
    """Return a shape, of which every size must be known before data come."""
    if isinstance(shape, tuple | list) and None in shape:
        expected = f"known sizes, or ops.{like}(x[:, 0]), whose rows are those of the data"
        raise InvalidShapeError("shape", expected, tuple(shape))
    return shape


@spelled
def eye(N: int, dtype: str = "float32") -> Tensor:
    """The identity matrix."""
    return Tensor.of(np.eye(N, dtype=dtype))


@spelled
def arange(
    start: float, stop: float | None = None, step: float = 1, dtype: str | None = None
) -> Tensor:
    """Numbers at equal distances, as NumPy's."""
    first, end = (0, start) if stop is None else (start, stop)
    return Tensor.of(
        np.arange(first, end, step).astype(dtype) if dtype else np.arange(first, end, step)
    )


@spelled
def shape(x: Any) -> tuple[int | None, ...]:
    """The shape, with None for sizes that are known only once data arrives."""
    return shape_of(x)


def ndim(x: Any) -> int:
    """The number of axes."""
    return len(shape_of(x))


@spelled
def convert_to_tensor(x: Any, dtype: str | None = None) -> Any:
    """A tensor as it is, anything else as an array."""
    return x if isinstance(x, Operators) else Tensor.of(np.asarray(x, dtype))


@spelled
def convert_to_numpy(x: Any) -> Any:
    """The numbers of an array or weight in NumPy."""
    return x.numpy() if hasattr(x, "numpy") else np.asarray(x)


@spelled
def cast(x: Any, dtype: str) -> Any:
    """Numbers as another kind.

    All numbers of a model have one floating dtype. So a tensor stays as it is, also as integers,
    and becomes 0 and 1 as "bool". An array gets the dtype.

    Example:
        >>> import lstm
        >>> lstm.ops.cast([0.0, 2.5], "int32").tolist()
        [0, 2]
    """
    not_bool("x", x)
    kind = np.dtype("float32" if dtype == "bfloat16" else dtype).kind
    if isinstance(x, Operators):
        return not_equal(x, 0.0) if kind == "b" else tensor_of(x)
    return Tensor.of(np.asarray(x).astype(dtype), getattr(x, "mask", None))


@spelled
def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: str | None = None) -> Any:
    """1 at the place of each integer, else 0, along a new axis, by default the last.

    All numbers of a model have one dtype: `dtype` is accepted for compatibility.

    Example:
        >>> import lstm
        >>> lstm.ops.one_hot([2, 0], 3).tolist()
        [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    rows = apply(OneHot(num_classes), x)
    return rows if axis in (-1, len(shape_of(rows)) - 1) else moveaxis(rows, -1, axis)


@spelled
def stop_gradient(x: Any) -> Any:
    """The same numbers, through which nothing learns."""
    return apply(StopGradient(), x)

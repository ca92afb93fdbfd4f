"""Functions that give the same numbers another shape, order or kind."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.interface import spelled
from lstm.layers import (
    BatchReshape,
    ExpandDims,
    Flip,
    OneHot,
    Permute,
    Reshape,
    Squeeze,
    StopGradient,
    Transpose,
)
from lstm.layers.eager import Tensor
from lstm.layers.symbolic import Operators, SymbolicTensor
from lstm.ops.arrays import are_arrays, axis_of, dtype_of, moved, whole
from lstm.ops.calling import apply, as_one, not_bool, shape_of, tensor_of
from lstm.ops.comparisons import not_equal, where
from lstm.ops.elementwise import add


@as_one
def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    """Drop axes of size 1: those given, or all; of a tensor the batch stays.

    Example:
        >>> import lstm
        >>> lstm.ops.squeeze(lstm.Input((None, 1)), axis=-1).shape
        (None, None)
    """
    sizes = shape_of(x)
    if axis is None:
        first = int(isinstance(x, Operators))
        axis = [k for k, size in enumerate(sizes) if k >= first and size == 1]
    axes = {axis_of("axis", k, len(sizes)) for k in checks.axes("axis", axis)}
    if are_arrays(x, axes=[*axes]):
        for one in axes:
            if sizes[one] != 1:
                raise InvalidShapeError("x", f"size 1 along axis {one}", f"shape {sizes}")
        return moved(lambda x: x.squeeze(tuple(axes)), x)
    for one in sorted(axes, reverse=True):
        x = apply(Squeeze(one), x)
    return x


@spelled
def expand_dims(x: Any, axis: int | Sequence[int] = -1) -> Any:
    """Insert an axis of size 1 at position `axis`, or several at their positions in the result.

    Example:
        >>> import lstm
        >>> lstm.ops.expand_dims(lstm.Input((3,)), axis=1).shape
        (None, 1, 3)
    """
    axes = checks.axes("axis", axis)
    ndim = len(shape_of(x)) + len(axes)
    positions = {axis_of("axis of expand_dims", k, ndim) for k in axes}
    if len(positions) != len(axes):
        expected = f"different axes of the {ndim} of the result"
        raise InvalidValueError("axis of expand_dims", expected, axis)
    if are_arrays(x, axes=[*positions]):
        return moved(lambda x: np.expand_dims(x, tuple(positions)), x)
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
    given = range(ndim)[::-1] if axes is None else checks.axes("axes", axes)
    order = tuple(axis_of("axes", k, ndim) for k in given)
    if sorted(order) != list(range(ndim)):
        raise InvalidValueError("axes", f"each of {ndim} axes once", axes)
    return apply(Permute(order[1:]) if order[:1] == (0,) else Transpose(order), x)


@spelled
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Exchange two axes."""
    order = list(range(len(shape_of(x))))
    first, second = axis_of("axis1", axis1, len(order)), axis_of("axis2", axis2, len(order))
    order[first], order[second] = second, first
    return transpose(x, order)


@spelled
def moveaxis(x: Any, source: int, destination: int) -> Any:
    """Move an axis to another place."""
    order = list(range(len(shape_of(x))))
    place = axis_of("destination", destination, len(order))
    order.insert(place, order.pop(axis_of("source", source, len(order))))
    return transpose(x, order)


@spelled
def flip(x: Any, axis: int | None = None) -> Any:
    """Reverse an axis; of an array all axes, if none is given."""
    if axis is None:
        return Tensor.of(whole("flip", x)[::-1].reshape(np.shape(x)))
    if are_arrays(x, axes=[axis]):
        place = axis_of("axis", axis, len(shape_of(x)))
        return moved(lambda x: np.flip(x, place), x)
    return apply(Flip(axis), x)


@as_one
def broadcast_to(x: Any, shape: Sequence[int | None]) -> Any:
    """A tensor repeated along axes of size 1 to a shape."""
    sizes = [1 if n is None else n for n in shape]
    return add(x, np.zeros(sizes))


@spelled
def shape(x: Any) -> tuple[int | None, ...]:
    """The shape, with None for sizes that are known only once data arrives."""
    return shape_of(x)


@spelled
def ndim(x: Any) -> int:
    """The number of axes."""
    return len(shape_of(x))


@spelled
def size(x: Any) -> int:
    """How many numbers there are.

    Raises:
        InvalidShapeError: only data will tell.
    """
    sizes = [n for n in shape_of(x) if n is not None]
    if len(sizes) < len(shape_of(x)):
        raise InvalidShapeError("x", "known sizes", shape_of(x))
    return prod(sizes)


@spelled
def tril(x: Any, k: int = 0) -> Any:
    """The matrices of the last two axes, with 0 above a diagonal.

    Args:
        x: (..., N, M).
        k: which diagonal: 0 for the main one, k for the k-th above it, -k for the k-th below.

    Example:
        >>> import lstm
        >>> lstm.ops.tril([[1, 2], [3, 4]]).tolist()
        [[1, 0], [3, 4]]
    """
    return _triangle("tril", np.tri, x, checks.integer("k", k))


@spelled
def triu(x: Any, k: int = 0) -> Any:
    """The matrices of the last two axes, with 0 below a diagonal; `tril` counts them."""
    return _triangle("triu", lambda *at: 1 - np.tri(*at), x, checks.integer("k", k) - 1)


def _triangle(function: str, ones: Callable[..., Any], x: Any, k: int) -> Any:
    *_, rows, columns = (0, 0, *shape_of(x))
    if len(shape_of(x)) < 2 or None in (rows, columns):
        expected = f"a last two axes of known sizes, for {function}"
        raise InvalidShapeError("x", expected, f"shape {shape_of(x)}")
    kept = ones(rows, columns, k)
    if are_arrays(x, axes=[1]):
        return moved(lambda x: np.where(kept != 0, x, x.dtype.type(0)), x)
    return where(kept, x, 0.0)


@spelled
def convert_to_tensor(x: Any, dtype: str | None = None) -> Any:
    """A tensor as it is, anything else as an array."""
    if isinstance(x, Operators):
        return x
    shape_of(x)  # Not of sequences of different lengths.
    wanted = None if dtype is None else dtype_of("dtype", dtype)
    return Tensor.of(np.asarray(x, wanted), getattr(x, "mask", None))


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
    wanted = dtype_of("dtype", dtype)
    if isinstance(x, Operators):
        return not_equal(x, 0.0) if wanted.kind == "b" else tensor_of(x)
    return Tensor.of(checks.numbers("x", x).astype(wanted), getattr(x, "mask", None))


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

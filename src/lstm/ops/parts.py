"""Functions that join tensors, and repeat and take parts of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.interface import spelled
from lstm.layers import Concatenate, Take
from lstm.layers.eager import Tensor
from lstm.layers.masking import masked
from lstm.layers.symbolic import Operators
from lstm.ops.arrays import are_arrays, axis_of, moved, numbers, whole
from lstm.ops.calling import apply, as_one, shape_of
from lstm.ops.creation import full_like
from lstm.ops.shaping import expand_dims, squeeze


@spelled
def concatenate(xs: Sequence[Any], axis: int = -1) -> Any:
    """Join tensors along an axis.

    Example:
        >>> import lstm
        >>> lstm.ops.concatenate([lstm.Input((2,)), lstm.Input((3,))]).shape
        (None, 5)
    """
    if len(xs) == 0:
        raise InvalidValueError("xs", "at least one tensor or array", xs)
    if are_arrays(*xs, axes=[axis]):
        return moved(lambda *xs: np.concatenate(xs, _joined("concatenate", xs, axis)), *xs)
    return apply(Concatenate(axis), *xs) if len(xs) > 1 else xs[0]


def _joined(function: str, xs: Sequence[Any], axis: int) -> int:
    """Return the axis along which arrays are joined, if the others have the same sizes."""
    shapes = [x.shape for x in xs]
    place = axis_of(f"axis of {function}", axis, len(shapes[0]))
    rest = {(*shape[:place], 0, *shape[place + 1 :]) for shape in shapes}
    if len(rest) > 1:
        expected = f"shapes that differ along axis {place} only"
        raise InvalidShapeError(f"inputs of {function}", expected, shapes)
    return place


@as_one
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
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Any]:
    """Return the parts of a tensor along an axis of known size, without that axis."""
    size = _known_size(x, axis)
    if num not in (None, size):
        raise InvalidValueError("num", f"{size}, the size of axis {axis}", num)
    return [squeeze(take(x, [k], axis), axis) for k in range(size)]


def _known_size(x: Any, axis: int) -> int:
    """Return the size of an axis, which must be known before data come."""
    size = shape_of(x)[axis_of("axis", axis, len(shape_of(x)))]
    if size is None:
        raise InvalidShapeError("x", f"a known size of axis {axis}", shape_of(x))
    return size


@as_one
def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """Cut a tensor along an axis of known size, into equal parts or before the given places.

    Example:
        >>> import lstm
        >>> [part.shape for part in lstm.ops.split(lstm.Input((None, 6)), 2, axis=-1)]
        [(None, None, 3), (None, None, 3)]
    """
    size = _known_size(x, axis)
    if isinstance(indices_or_sections, int | np.integer):
        if indices_or_sections < 1 or size % indices_or_sections:
            raise InvalidValueError(
                "indices_or_sections", f"a divisor of {size}", indices_or_sections
            )
        part = size // indices_or_sections
        ends = [*range(part, size, part)]
    else:
        ends = checks.axes("indices_or_sections", indices_or_sections)
    bounds = zip([0, *ends], [*ends, size], strict=True)
    return [take(x, range(start, stop), axis) for start, stop in bounds]


@as_one
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The entries at given places along an axis.

    Args:
        x: a tensor or array.
        indices: an integer, or integers along one axis (of arrays along any); no tensor.
        axis: the axis; without one, those of an array are taken from all its numbers in a row.

    Example:
        >>> import lstm
        >>> lstm.ops.take(lstm.Input((None, 5)), [0, 4], axis=-1).shape
        (None, None, 2)
    """
    if isinstance(indices, Operators):
        raise InvalidTypeError(
            "indices", "known integers; an Embedding looks up rows of weights", "a tensor"
        )
    places = np.asarray(indices, int) if np.size(indices) == 0 else np.asarray(indices)
    if axis is None:
        return take(whole("take", x), places, 0)
    by_numpy = are_arrays(x, axes=[axis])
    if (places.ndim > 1 and not by_numpy) or places.dtype.kind not in "iu":
        raise InvalidTypeError("indices", "integers along one axis", checks.summary(indices))
    if by_numpy:
        place = axis_of("axis", axis, len(shape_of(x)))
        size = shape_of(x)[place] or 0
        if places.size and not -size <= places.min() <= places.max() < size:
            raise InvalidValueError("indices", f"places in [{-size}, {size})", indices)
        return moved(lambda x: np.take(x, places, place), x)
    taken = apply(Take([int(k) for k in np.atleast_1d(places)], axis), x)
    return squeeze(taken, axis) if places.ndim == 0 else taken


@spelled
def repeat(x: Any, repeats: int | Sequence[int], axis: int | None = None) -> Any:
    """Each entry along an axis of known size several times, one after the other.

    Args:
        x: a tensor or array.
        repeats: how often, for all entries or for each.
        axis: the axis; without one, all numbers of an array are repeated, in a row.
    """
    if axis is None:
        return repeat(whole("repeat", x), repeats, 0)
    size = _known_size(x, axis)
    counts = [checks.int_at_least("repeats", n, 0) for n in checks.axes("repeats", repeats)]
    if len(counts) not in (1, size):
        raise InvalidValueError("repeats", f"one number, or {size}", repeats)
    return take(x, np.repeat(np.arange(size), counts), axis)


@as_one
def tile(x: Any, repeats: int | Sequence[int]) -> Any:
    """A tensor several times along its axes, as NumPy's; of arrays also along new ones."""
    counts = [checks.int_at_least("repeats", n, 0) for n in checks.axes("repeats", repeats)]
    shape = shape_of(x)
    if are_arrays(x, axes=range(len(counts))):
        return moved(lambda x: np.tile(x, counts), x)
    if len(counts) > len(shape) or 0 in counts:
        raise InvalidValueError("repeats", f"numbers of at least 1, for {len(shape)} axes", repeats)
    counts = [1] * (len(shape) - len(counts)) + counts
    for axis, count in enumerate(counts):
        if count != 1:
            x = concatenate([x] * count, axis)
    return x


@spelled
def roll(x: Any, shift: int, axis: int | None = None) -> Any:
    """Move entries along an axis of known size; those that leave it come in at its other end.

    Without an axis, all numbers of an array move in a row.
    """
    steps = checks.integer("shift", shift)
    if axis is None:
        return Tensor.of(np.roll(whole("roll", x), steps).reshape(np.shape(x)))
    return take(x, np.roll(np.arange(_known_size(x, axis)), steps), axis)


@as_one
def pad(
    x: Any, pad_width: int | Sequence[int] | Sequence[Sequence[int]], constant_values: float = 0.0
) -> Any:
    """Put a number before and after each axis.

    Args:
        x: a tensor or array.
        pad_width: for each axis, how many before and after it; one pair or number counts for all.
        constant_values: the number.

    Example:
        >>> import lstm
        >>> lstm.ops.pad(lstm.Input((4, 3)), ((0, 0), (1, 0), (0, 0))).shape
        (None, 5, 3)
    """
    widths = _widths(pad_width, len(shape_of(x)))
    value = checks.number("constant_values", constant_values)
    if are_arrays(x, axes=range(1, len(widths))):
        return Tensor.of(np.pad(numbers(x), widths, constant_values=value))
    for axis, (before, after) in enumerate(widths):
        for count, front in ((before, True), (after, False)):
            if count:
                edge = take(x, [0] * count, axis)
                block = full_like(edge, value)
                if axis == 1 and isinstance(block, Operators):
                    block = masked(block, None)  # New steps count, whatever is at the edge.
                x = concatenate([block, x] if front else [x, block], axis)
    return x


def _widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    """Return how many numbers come before and after each of `ndim` axes."""
    expected = f"a number of at least 0, a pair (before, after), or such a pair for each of {ndim}"
    try:
        widths = np.broadcast_to(pad_width, (ndim, 2))
    except ValueError:
        raise InvalidShapeError("pad_width", f"{expected} axes", pad_width) from None
    if widths.dtype.kind not in "iu" or (widths.size and widths.min() < 0):
        raise InvalidValueError("pad_width", f"{expected} axes", pad_width)
    return [(int(before), int(after)) for before, after in widths]

"""Windows over a long series, as views: they cost no memory beyond the series itself."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidValueError


def windows(array: ArrayLike, length: int, stride: int = 1) -> NDArray[Any]:
    """Return every window of a series, without copying it.

    Args:
        array: the series (S, ...) with time first; a memory-mapped one stays on disk.
        length: time steps of a window, T.
        stride: steps from the start of a window to the start of the next.

    Returns:
        A read-only view (N, T, ...) with N = 1 + (S - T) // stride; entry n is
        `array[n * stride : n * stride + length]`. Index it to copy a batch.

    Raises:
        InvalidTypeError: `length` or `stride` is not an integer.
        InvalidShapeError: `array` has no axis.
        InvalidValueError: `length` or `stride` is below 1, the series is shorter than a window, or
            a step is masked.

    Example:
        >>> windows([1, 2, 3, 4, 5], length=3, stride=2)
        array([[1, 2, 3],
               [3, 4, 5]])
    """
    length = checks.positive_int("length", length)
    return _windows(_series(array, length), length, stride)


def next_step_windows(
    array: ArrayLike, length: int, stride: int = 1
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return every window of a series, and the windows one step later, without copying it.

    Args:
        array: the series (S, ...) with time first; a memory-mapped one stays on disk.
        length: time steps of a window, T.
        stride: steps from the start of a window to the start of the next; if it equals `length`,
            every step is predicted once.

    Returns:
        Inputs and targets, read-only views (N, T, ...) with N = 1 + (S - T - 1) // stride:
        `targets[n, t]` is the entry of the series that follows `inputs[n, t]`.

    Raises:
        InvalidTypeError: `length` or `stride` is not an integer.
        InvalidShapeError: `array` has no axis.
        InvalidValueError: `length` or `stride` is below 1, the series is too short for a window and
            its next step, or a step is masked.

    Example:
        >>> inputs, targets = next_step_windows([1, 2, 3, 4, 5], length=2, stride=2)
        >>> inputs
        array([[1, 2],
               [3, 4]])
        >>> targets
        array([[2, 3],
               [4, 5]])
    """
    length = checks.positive_int("length", length)
    series = _series(array, length + 1)
    return _windows(series[:-1], length, stride), _windows(series[1:], length, stride)


def _windows(series: NDArray[Any], length: int, stride: int) -> NDArray[Any]:
    every = sliding_window_view(series, length, axis=0)
    return np.moveaxis(every[:: checks.positive_int("stride", stride)], -1, 1)


def _series(array: ArrayLike, steps: int) -> NDArray[Any]:
    series = as_series("array", array)
    if len(series) < steps:
        raise InvalidValueError("array", f"a series of at least {steps} steps", len(series))
    return series


def as_series(argument: str, array: ArrayLike) -> NDArray[Any]:
    """Return an argument as an array with time as its first axis.

    Raises:
        InvalidShapeError: it has no axis, or steps of different shapes.
        InvalidValueError: a step is masked.
    """
    checks.unmasked(argument, array)
    try:
        series = np.asarray(array)
    except ValueError as error:
        raise InvalidShapeError(argument, "steps of one shape", "a ragged sequence") from error
    if not series.ndim:
        got = f"{array!r:.40}"
        raise InvalidShapeError(argument, "a series with time as its first axis", got)
    return series

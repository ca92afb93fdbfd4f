"""Sequences of different lengths to one rectangular array, as in Keras."""

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.interface import spelled

Side = Literal["pre", "post"]


@spelled
def pad_sequences(
    sequences: Iterable[ArrayLike],
    maxlen: int | None = None,
    dtype: DTypeLike = "int32",
    padding: Side = "pre",
    truncating: Side = "pre",
    value: float | str = 0,
) -> NDArray[Any]:
    """Return sequences as rows of one array, padded or cut to the same length.

    Args:
        sequences: N sequences, each (T,) or (T, ...), of any lengths T but equal further axes.
        maxlen: length of the rows; None uses the length of the longest sequence.
        dtype: type of the result, a number or `object`; an integer type must hold every entry
            exactly.
        padding: whether to pad short sequences before or after their entries.
        truncating: whether to cut long sequences at their start or their end.
        value: the value to pad with.

    Returns:
        An array (N, maxlen, ...) of `dtype`.

    Raises:
        InvalidTypeError: an entry, `value` or `dtype` has an unusable type.
        InvalidShapeError: a sequence has no time axis, or other further axes than the others.
        InvalidValueError: an option has an unknown value, `dtype` cannot hold an entry, an entry
            is masked, or there is no sequence to take the length from.

    Example:
        >>> pad_sequences([[1], [2, 3, 4], []])
        array([[0, 0, 1],
               [2, 3, 4],
               [0, 0, 0]], dtype=int32)
        >>> pad_sequences([[1], [2, 3, 4]], maxlen=2, padding="post", value=-1)
        array([[ 1, -1],
               [ 3,  4]], dtype=int32)
    """
    checks.one_of("padding", padding, ("pre", "post"))
    checks.one_of("truncating", truncating, ("pre", "post"))
    if not isinstance(sequences, Iterable):
        raise InvalidTypeError("sequences", "a list of sequences", repr(sequences))
    rows = [_row(f"sequences[{n}]", sequence) for n, sequence in enumerate(sequences)]
    if maxlen is not None:
        length = checks.positive_int("maxlen", maxlen)
    elif rows:
        length = max(len(row) for row in rows)
    else:
        raise InvalidValueError("sequences", "at least one sequence, or a maxlen", "none")

    entry = next((row.shape[1:] for row in rows if len(row)), ())
    padded = np.full((len(rows), length, *entry), _fill(value, dtype))
    for n, row in enumerate(rows):
        if not len(row):
            continue
        checks.shape(f"sequences[{n}]", row.shape, (None, *entry))
        kept = row[-length:] if truncating == "pre" else row[:length]
        where = slice(length - len(kept), None) if padding == "pre" else slice(len(kept))
        padded[n, where] = _cast(f"sequences[{n}]", kept, padded.dtype)
    return padded


def _row(argument: str, sequence: ArrayLike) -> NDArray[Any]:
    checks.unmasked(argument, sequence)
    try:
        row = np.asarray(sequence)
    except ValueError as error:
        raise InvalidShapeError(argument, "entries of one shape", "a ragged sequence") from error
    if not row.ndim:
        raise InvalidShapeError(argument, "a sequence", f"{sequence!r:.40}")
    return row


def _fill(value: float | str, dtype: DTypeLike) -> NDArray[Any]:
    try:
        target = np.dtype(dtype)
    except TypeError as error:
        raise InvalidTypeError("dtype", "a NumPy data type", repr(dtype)) from error
    if target.kind not in "biufO":
        raise InvalidTypeError("dtype", "a real number type or object", repr(dtype))
    fill = np.asarray(value)
    if fill.ndim:
        raise InvalidShapeError("value", "a single value", f"shape {fill.shape}")
    return _cast("value", fill, target)


def _cast(argument: str, entries: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.kind != "O" and entries.dtype.kind not in "biuf":
        raise InvalidTypeError(argument, f"numbers for dtype {dtype}", f"dtype {entries.dtype}")
    # Out-of-range floats warn when cast; the comparison below finds them.
    with np.errstate(invalid="ignore", over="ignore"):
        cast = entries.astype(dtype)
    if dtype.kind == "O":
        return cast
    kind, lost = "whole numbers", cast != entries
    if dtype.kind == "f":
        kind, lost = "numbers", np.isinf(cast) & np.isfinite(entries)
    if lost.any():
        raise InvalidValueError(argument, f"{kind} that {dtype} can hold", entries[lost].flat[0])
    return cast

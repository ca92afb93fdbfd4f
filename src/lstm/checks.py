"""Validation of arguments, with one wording for each kind of mistake."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from os import PathLike, fspath
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError

Choice = TypeVar("Choice")


def boolean(argument: str, value: object) -> bool:
    """Return `value` as a bool. It is True or False, or 1 or 0, which many programs use instead.

    Other values that Python treats as true or false, such as "no" or None, are refused.
    """
    if not isinstance(value, bool | np.bool_ | int | np.integer) or value not in (0, 1):
        raise InvalidTypeError(argument, "True or False", repr(value))
    return bool(value)


def integer(argument: str, value: object, expected: str = "an integer") -> int:
    """Return `value` as an int; a bool does not count as one."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InvalidTypeError(argument, expected, repr(value))
    return int(value)


def positive_int(argument: str, value: object) -> int:
    """Return `value` as an int of at least 1."""
    return int_at_least(argument, value, 1)


def int_at_least(argument: str, value: object, minimum: int) -> int:
    """Return `value` as an int of at least `minimum`."""
    expected = f"an integer of at least {minimum}"
    whole = integer(argument, value, expected)
    if whole < minimum:
        raise InvalidValueError(argument, expected, value)
    return whole


def number(
    argument: str,
    value: object,
    low: float = -np.inf,
    high: float = np.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """Return `value` as a finite float within the interval from `low` to `high`.

    An array without axes counts as its number.
    """
    expected = "a finite number"
    if high != np.inf:
        interval = f"{'(' if open_low else '['}{low:g}, {high:g}{')' if open_high else ']'}"
        expected = f"a number in {interval}"
    elif low != -np.inf:
        expected += f" above {low:g}" if open_low else f" of at least {low:g}"
    if isinstance(value, np.ndarray) and value.ndim == 0:  # What a function of numbers returns.
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InvalidTypeError(argument, expected, repr(value))
    try:
        found = float(value)
    except OverflowError:  # An int beyond all floats.
        found = np.inf
    inside = (low < found if open_low else low <= found) and (
        found < high if open_high else found <= high
    )
    if not (np.isfinite(found) and inside):
        raise InvalidValueError(argument, expected, value if np.isfinite(found) else found)
    return found


def floating(argument: str, dtype: Any) -> np.dtype[Any]:
    """Return a floating dtype, as NumPy has it, from its name or its type."""
    with suppress(TypeError, ValueError):
        found = np.dtype(dtype)
        if found.kind == "f":
            return found
    raise InvalidTypeError(argument, "a floating dtype, such as 'float32'", repr(dtype))


def single(value: object) -> Any:
    """Return the size of one axis, which Keras writes as 3, (3,) or [3]."""
    return value[0] if isinstance(value, tuple | list) and len(value) == 1 else value


def one_of(argument: str, value: Choice, choices: Collection[Choice]) -> Choice:
    """Return the one of `choices` that equals `value`; otherwise name the closest in the error."""
    with suppress(TypeError):  # From values that cannot be looked up, such as a list.
        if isinstance(value, Hashable) and value in choices:
            return next(choice for choice in choices if choice == value)
    expected = "one of " + ", ".join(repr(choice) for choice in choices)
    close = get_close_matches(str(value), [str(choice) for choice in choices], n=1)
    raise InvalidValueError(
        argument, expected + (f" (did you mean {close[0]!r}?)" if close else ""), repr(value)
    )


def sequence(argument: str, values: object, expected: str) -> tuple[Any, ...]:
    """Return the entries of a list, a tuple or an array of one axis."""
    if isinstance(values, list | tuple | range) or (
        isinstance(values, np.ndarray) and values.ndim == 1
    ):
        return tuple(values)
    raise InvalidTypeError(argument, expected, repr(values))


def axes(argument: str, value: object) -> list[int]:
    """Return one axis, or several, as a list."""
    one = isinstance(value, int | np.integer)
    given = [value] if one else sequence(argument, value, "an axis, or a list of axes")
    return [integer(argument, axis) for axis in given]


def sizes(argument: str, shape: object) -> tuple[int | None, ...]:
    """Return a shape: each size is at least 0, or None for any size."""
    entries = sequence(argument, shape, "a tuple of sizes, such as (None, 2)")
    return tuple(None if n is None else int_at_least(argument, n, 0) for n in entries)


def rank(argument: str, array: NDArray[Any], axes: str) -> None:
    """Check that `array` has one axis for each letter of `axes`, such as "B T D"."""
    if array.ndim != len(axes.split()):
        expected = f"{len(axes.split())} axes ({', '.join(axes.split())})"
        raise InvalidShapeError(argument, expected, f"shape {array.shape}")


def shape(argument: str, got: Sequence[int | None], expected: Sequence[int | None]) -> None:
    """Check a shape against a pattern; None on either side stands for any size."""
    if len(got) != len(expected) or any(
        None not in (g, e) and g != e for g, e in zip(got, expected, strict=True)
    ):
        pattern = ", ".join("any" if e is None else str(e) for e in expected)
        raise InvalidShapeError(argument, f"shape ({pattern})", f"shape {tuple(got)}")


def numbers(argument: str, values: Any) -> NDArray[Any]:
    """Return `values` as an array of real numbers.

    Raises:
        InvalidShapeError: `values` are sequences of different lengths.
        InvalidTypeError: `values` are not numbers.
        InvalidValueError: `values` is an array of `numpy.ma` with masked entries.
    """
    unmasked(argument, values)
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise InvalidShapeError(argument, "an array", f"nested sequences ({error})") from error
    if array.dtype.kind not in "iufb":
        raise InvalidTypeError(argument, "numbers", _other_column(values) or f"dtype {array.dtype}")
    return array


def _other_column(table: Any) -> str:
    """Return which column of a table has no numbers; nothing for other data."""
    for name in getattr(table, "columns", ()):
        column = np.asarray(table[name])
        if column.dtype.kind not in "iufb":
            example = f", such as {column[0]!r:.40}" if len(column) else ""
            return f"dtype {column.dtype} in column {name!r}{example}"
    return ""


def unmasked(argument: str, values: Any) -> None:
    """Refuse an array of `numpy.ma` with masked entries: a plain array would expose them."""
    if _masked(values):
        raise InvalidValueError(
            argument,
            "an array without a mask, such as values.filled(0), or a list of sequences of "
            "different lengths",
            "a masked array of NumPy",
        )


def _masked(values: Any) -> bool:
    """Whether arrays of `numpy.ma`, perhaps in lists, have masked entries; NumPy drops the mask."""
    if isinstance(values, np.ma.MaskedArray):
        return bool(np.ma.is_masked(values))
    if not isinstance(values, list | tuple) or {*map(type, values)} <= {int, float, bool}:
        return False
    return any(map(_masked, values))


def finite(argument: str, array: NDArray[Any], dtype: str | None = None) -> None:
    """Check that a floating-point array holds neither NaN nor infinity.

    Args:
        argument: named in the error.
        array: the array to check.
        dtype: the dtype to compute in: the numbers must be finite in it, too.
    """
    if array.dtype.kind != "f" or not array.size:
        return
    limit = min(float(np.finfo(kind).max) for kind in (array.dtype, dtype or array.dtype))
    with np.errstate(over="ignore", invalid="ignore"):
        # One pass, without a temporary: the sum of float32 is finite if its numbers are; where a
        # sum of squares is small, no number is large. BLAS would wait for a second core: no `dot`.
        if array.dtype == np.float32:
            if np.isfinite(array.sum(dtype=np.float64)):
                return
        elif array.dtype == np.float64 and array.flags.forc:
            flat = array.ravel("K")
            if np.einsum("i,i", flat, flat) <= min(limit, 1e150) ** 2:
                return
        if array.min() >= -limit and array.max() <= limit:
            return
    where = tuple(int(i) for i in np.argwhere(~(np.abs(array) <= limit))[0])
    value = array[where]
    expected = f"numbers of at most {limit:.2g}, the largest {dtype}"
    raise InvalidValueError(
        argument,
        expected if np.isfinite(value) else "finite numbers",
        f"{value} at index {where}",
    )


def indices(argument: str, array: NDArray[Any], size: int) -> NDArray[np.int64]:
    """Return `array` as int64 if every entry is a whole number in [0, size)."""
    index_range(argument, array, size)
    return np.ascontiguousarray(array, dtype=np.int64)


def index_range(argument: str, array: NDArray[Any], size: int) -> None:
    """Check that every entry of `array` is a whole number in [0, size)."""
    if array.dtype.kind == "f":
        finite(argument, array)
        if array.size and (array != np.floor(array)).any():
            raise InvalidValueError(argument, "whole numbers", array[array != np.floor(array)][0])
    elif array.dtype.kind not in "iub":
        raise InvalidTypeError(argument, "an array of integers", f"dtype {array.dtype}")
    if array.size:
        low, high = int(array.min()), int(array.max())
        if low < 0 or high >= size:
            bad = low if low < 0 else high
            raise InvalidValueError(argument, f"integers in [0, {size})", bad)


def string(argument: str, value: object) -> str:
    """Return `value` if it is a str."""
    if not isinstance(value, str):
        raise InvalidTypeError(argument, "a str", f"{type(value).__name__} {value!r:.40}")
    return str(value)


def path(argument: str, value: object) -> str:
    """Return a path as a str."""
    found = fspath(value) if isinstance(value, str | PathLike) else value
    if not isinstance(found, str):
        raise InvalidTypeError(argument, "a path", repr(value))
    if not found:
        raise InvalidValueError(argument, 'a path ("." is the current folder)', repr(value))
    if "\0" in found:
        raise InvalidValueError(argument, "a path without zero characters", repr(value))
    return str(found)


def name(argument: str, value: object) -> str:
    """Return `value` if it can be part of the names of weights, in a file.

    These are paths with `/` between their parts, each of at least one character, in UTF-8.
    """
    text = string(argument, value)
    utf8(argument, text)
    if not all(text.split("/")):
        raise InvalidValueError(argument, "at least one character around each `/`", repr(value))
    return text


def utf8(argument: str, text: str) -> bytes:
    """Return the UTF-8 of a text; refuse lone surrogates, which have none."""
    string(argument, text)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidValueError(
            argument,
            "text without lone surrogates (was it decoded with its own encoding?)",
            f"{character(text[error.start])} at offset {error.start}",
        ) from error


def character(text: str) -> str:
    """Return how a message shows one character, such as "'e' (U+0065)"."""
    return f"{text!r} (U+{ord(text):04X})"


def summary(value: object) -> str:
    """Return how a message shows the result of a user's method: arrays by their shapes."""
    if hasattr(value, "shape"):
        return f"an array of shape {tuple(value.shape)}"
    if isinstance(value, tuple | list):
        ends = "()" if isinstance(value, tuple) else "[]"
        return f"{ends[0]}{', '.join(map(summary, value))}{ends[1]}"
    return "None" if value is None else f"{type(value).__name__} {value!r:.40}"


def reason(error: Exception) -> str:
    """Return the system's description of an error, for use within a sentence."""
    return (getattr(error, "strerror", None) or str(error)).lower()


def saved_form(config: Mapping[str, Any], kind: str, keys: Sequence[str]) -> None:
    """Check that `config` is the saved form of that kind, with these keys."""
    if not isinstance(config, Mapping):
        raise InvalidTypeError("config", "a dict", f"{config!r:.40}")
    if config.get("kind") != kind:
        raise InvalidValueError("config", f"the kind {kind!r}", repr(config.get("kind")))
    for key in keys:
        if key not in config:
            raise InvalidValueError("config", f"the key {key!r}", f"only {sorted(config)}")

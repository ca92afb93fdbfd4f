"""The bytes of a file: arrays by name and a header of JSON values; equal content, equal bytes.

The format is safetensors: the length of a table, the table in JSON, and the numbers. The header is
in the table's metadata under the key "lstm". Next to it is the SHA-256 of names, dtypes, shapes,
numbers and header, so that damage is always noticed.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from lstm import checks
from lstm.errors import InvalidTypeError, InvalidValueError

FORMAT, INT8_FORMAT = 1, 2
"""Versions of the layout, the second with int8 weights; a reader refuses bytes of a later one."""

Tensors = Mapping[str, NDArray[Any]]

DTYPES = {
    "|b1": "BOOL",
    "|i1": "I8",
    "|u1": "U8",
    "<i2": "I16",
    "<u2": "U16",
    "<i4": "I32",
    "<u4": "U32",
    "<i8": "I64",
    "<u8": "U64",
    "<f2": "F16",
    "<f4": "F32",
    "<f8": "F64",
}
"""The names of dtypes in the format."""

_TABLE_LIMIT = 100_000_000
"""Bytes of a table beyond which readers of the format refuse a file."""


def pack(tensors: Tensors, header: Mapping[str, Any]) -> bytearray:
    """Return the bytes of arrays and a header, always in the same order.

    Args:
        tensors: arrays by name.
        header: JSON values, perhaps with NumPy numbers; `kind` says what the file holds.

    Raises:
        InvalidTypeError, InvalidValueError: the format cannot hold these values.
    """
    # The safetensors library would write the metadata in another order in each process.
    arrays = {name: _array(name, array) for name, array in tensors.items()}
    text = _text({"format": FORMAT, **header})
    table: dict[str, Any] = {"__metadata__": {"lstm": text, "sha256": digest(arrays, text)}}
    order = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    end = 0
    for name in order:
        start, end = end, end + arrays[name].nbytes
        table[name] = {
            "dtype": DTYPES[arrays[name].dtype.str],
            "shape": arrays[name].shape,
            "data_offsets": [start, end],
        }
    head = json.dumps(table, ensure_ascii=False, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)  # Aligns the numbers.
    if len(head) > _TABLE_LIMIT:
        raise InvalidValueError(
            "header", f"a description of at most {_TABLE_LIMIT:,} bytes", f"{len(head):,}"
        )
    data = bytearray(8 + len(head) + end)
    data[:8] = len(head).to_bytes(8, "little")
    data[8 : 8 + len(head)] = head
    place = 8 + len(head)
    for name in order:
        data[place : place + arrays[name].nbytes] = _bytes(arrays[name])
        place += arrays[name].nbytes
    return data


def unpack(data: bytes) -> tuple[dict[str, NDArray[Any]], str]:
    """Return the arrays in bytes from `pack`, and the text of their header.

    Raises:
        ValueError: the bytes are damaged, or not from this library.
    """
    try:
        tensors = safetensors.numpy.load(data)
        end = 8 + int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8:end])["__metadata__"]
        text, expected = metadata["lstm"], metadata["sha256"]
    except (SafetensorError, LookupError, TypeError) as error:
        raise ValueError(repr(error)) from error
    if digest(tensors, text) != expected:
        raise ValueError("their checksum does not match their content")
    return tensors, text


def under(prefix: str, tensors: Tensors) -> dict[str, NDArray[Any]]:
    """Return the arrays whose names have a prefix, by the rest of the name."""
    cut = len(prefix)
    return {name[cut:]: array for name, array in tensors.items() if name.startswith(prefix)}


def digest(tensors: Tensors, header: str) -> str:
    """Return the SHA-256 of arrays and the text of a header, hexadecimal."""
    sha256 = hashlib.sha256(header.encode())
    for name in sorted(tensors):
        array = tensors[name]
        sha256.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        sha256.update(_bytes(array))
    return sha256.hexdigest()


def header_of(text: str) -> dict[str, Any]:
    """Return the header with this text.

    Raises:
        ValueError: the text is not JSON, or has a number that is not finite.
    """
    header: dict[str, Any] = json.loads(text, parse_float=_finite, parse_constant=_finite)
    return header


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not a valid number in a header")
    return value


def _array(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Return an array as its bytes are written: C order, little-endian."""
    checks.utf8("name", name)
    plain = np.asarray(array, order="C")
    plain = plain.astype(plain.dtype.newbyteorder("<"), copy=False)
    if plain.dtype.str not in DTYPES:
        raise InvalidTypeError(name, "an array of numbers", f"dtype {plain.dtype}")
    return plain


def _bytes(array: NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def json_values(argument: str, value: Any) -> Any:
    """Return a value as it is read from a file: lists for tuples, Python numbers for NumPy's.

    Raises:
        InvalidTypeError, InvalidValueError: a file cannot hold this value.
    """
    return header_of(_text({argument: value}))[argument]


def _text(header: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(
            header, default=_plain, ensure_ascii=False, allow_nan=False, sort_keys=True
        )
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        for key, value in header.items():
            try:
                _check(key, value)
            except RecursionError:
                expected = "values that are nested less deep"
                raise InvalidValueError(key, expected, type(value).__name__) from None
        raise InvalidValueError("header", "JSON values", error) from error
    return text


def _plain(value: Any) -> Any:
    """Convert a NumPy number to a Python number."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError


def _check(place: str, value: Any) -> None:
    """Find the part of a value that JSON cannot hold.

    Raises:
        InvalidTypeError, InvalidValueError: names this part.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Mapping):
        for key, part in value.items():
            checks.utf8(f"a key of {place}", key)
            _check(f"{key} of {place}", part)
    elif isinstance(value, list | tuple):
        for k, part in enumerate(value):
            _check(f"[{k}] of {place}", part)
    elif isinstance(value, str):
        checks.utf8(place, value)
    elif isinstance(value, float):
        checks.number(place, value)
    elif value is not None and not isinstance(value, bool | int):
        expected = "None, a number, a str, or a list or dict of these: what a file can hold"
        raise InvalidTypeError(place, expected, f"{value!r:.60}")

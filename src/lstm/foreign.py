"""Files of other programs: recognized by content, with advice on what to do."""

import zipfile
from codecs import getincrementaldecoder
from contextlib import suppress
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO

_MODELS = (
    (b"\x93NUMPY", "an array of NumPy (.npy)"),
    (b"GGUF", "a model for llama.cpp (GGUF)"),
)
_OTHERS = (
    (b"\x1f\x8b", "is compressed with gzip: unpack it first"),
    (b"version https://git-lfs", "only points to a file: fetch it with git lfs pull"),
    (b"<!doctype html", "is a web page, not the file to download from it"),
    (b"<html", "is a web page, not the file to download from it"),
)

_HDF5 = b"\x89HDF\r\n\x1a\n"

_TORCH = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The pickled number at the start of torch.save files, before they became zip archives."""

_HEAD = 1 << 20
"""Number of bytes that contain the names by which HDF5 files are told apart."""

_ONNX = {
    **dict.fromkeys((1, 5), 0),
    **dict.fromkeys((2, 3, 4, 6, 7, 8, 14, 20, 25, 26), 2),
}
"""The fields of an ONNX model, each with its wire type in a protocol buffer."""

_FIELDS = 10_000
"""Number of fields to check: an ONNX model has one for each function and property."""

_VARINT = 10
"""Largest number of bytes of a number in a protocol buffer."""


def reason(path: Path) -> str | None:
    """Return why a file of another program cannot be read, for a message; None if unknown.

    Nothing in the file is run or unpacked, and its name does not matter.
    """
    with suppress(OSError), path.open("rb") as file:
        head = file.read(_HEAD)
        if head[8:10] == b'{"':
            return None  # It starts like a safetensors table, so it may be a damaged one.
        for beginning, why in _OTHERS:
            if head[:32].lower().startswith(beginning):
                return why
        what = _model(path, file, head)
        if what is None:
            return _text(head)
        return of_another_program(what)
    return None


def of_another_program(what: str) -> str:
    """Return the reason for a file with contents that a user may want to import."""
    return (
        f"comes from another program: {what}. There is no importer: build the same layers here and "
        'pass the arrays to set_weights; see the guide "Coming from Keras or PyTorch"'
    )


def _model(path: Path, file: BinaryIO, head: bytes) -> str | None:
    """Return what a file with weights is."""
    for beginning, what in _MODELS:
        if head.startswith(beginning):
            return what
    if head.startswith(_HDF5):
        keras = any(name in head for name in (b"keras_version", b"vars"))
        return f"{'a model of Keras' if keras else 'numbers'} in HDF5 (.h5)"
    if head[4:8] == b"TFL3":
        return "a model for TensorFlow Lite (.tflite)"
    if head[:1] == b"\x80" and head[1:2] <= b"\x05":
        torch = _TORCH in head[:32]
        return f"{'weights of PyTorch' if torch else 'an object of Python'} (a pickle)"
    if zipfile.is_zipfile(path):
        return _archive(path)
    return "a model in ONNX (.onnx)" if _is_onnx(file) else None


_SHORTEST = 8
"""Smallest number of bytes of a text: fewer may be the rest of a model."""


def _text(head: bytes) -> str | None:
    """Return what a file of printable characters is."""
    with suppress(UnicodeDecodeError):
        text = getincrementaldecoder("utf-8")().decode(head)  # It may end within a character.
        if len(head) >= _SHORTEST and all(c >= " " or c in "\t\n\r\f" for c in text):
            return f"is {'JSON' if text.lstrip().startswith(('{', '[')) else 'a text'}, not a model"
    return None


def _archive(path: Path) -> str:
    """Return what a zip archive is, from the names in it."""
    with suppress(zipfile.BadZipFile, ValueError, NotImplementedError):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        if {"config.json", "model.weights.h5"} <= set(names):
            return "a model of Keras (.keras)"
        if any(name.rpartition("/")[2] == "data.pkl" for name in names):
            return "weights of PyTorch (.pt, .pth)"
        if names and all(name.endswith(".npy") for name in names):
            return "arrays of NumPy (.npz)"
    return "a zip archive"


def _is_onnx(file: BinaryIO) -> bool:
    """Whether a file is the protocol buffer of an ONNX model, by all its fields."""
    size, place, found = file.seek(0, SEEK_END), 0, set()
    for _ in range(_FIELDS):
        if place >= size:
            break
        file.seek(place)
        head = file.read(2 * _VARINT)
        tag, start = _varint(head, 0)
        number, wire = tag >> 3, tag & 7
        if _ONNX.get(number) != wire:
            return False
        value, end = _varint(head, start)
        place += end + (value if wire else 0)
        found.add(number)
    return place == size and found >= {1, 7}


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """Return the number of variable length that starts there, and its end."""
    value = shift = 0
    for byte in data[place : place + _VARINT]:
        value, shift, place = value | (byte & 0x7F) << shift, shift + 7, place + 1
        if byte < 0x80:
            break
    return value, place

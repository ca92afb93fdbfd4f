"""Files: arrays and a JSON header in one `.safetensors` file, whole or not at all.

The header travels in the metadata of the safetensors format under the key "lstm". A SHA-256 over
names, dtypes, shapes, bytes and header stands beside it, so that no damaged file is ever loaded.
"""

import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from lstm import checks
from lstm.errors import InvalidValueError, LSTMError, ModelFileError
from lstm.locking import lock

FORMAT = 1
"""Version of the layout; a reader refuses files of a later one."""

READERS = {
    "model": "lstm.load_model",
    "language model": "lstm.LanguageModel.load",
    "network": "lstm.LSTMNetwork.load",
    "state": "lstm.State.load",
    "writer": "lstm.text.Writer.load",
}
"""What reads each kind of file."""

Tensors = Mapping[str, NDArray[Any]]


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Replace a file in one step by what is written in the `with` block.

    A temporary file beside it takes the bytes, is flushed to the disk and renamed: a reader sees
    the old content or the new. If the block fails, the temporary file is removed.

    Args:
        path: the file.

    Raises:
        ModelFileError: the file cannot be written; what was there before is untouched.
    """
    path = Path(os.path.realpath(path))  # A link stays one.
    if not path.name or (path.exists() and not path.is_file() and not path.is_dir()):
        raise ModelFileError(path, "is not the name of a file")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        try:
            with open(temporary, "xb") as file:
                lock(file.fileno())  # Nobody takes it for what a process that died has left.
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            _sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise ModelFileError(path, f"cannot be written ({error.strerror})") from error


def remove_stray(temporary: Path) -> None:
    """Remove a temporary file of `replacing`, unless a process still writes it."""
    with suppress(OSError):
        descriptor = os.open(temporary, os.O_RDWR)
        free = lock(descriptor)
        os.close(descriptor)
        if free:
            temporary.unlink()


def check_writable(argument: str, path: str | os.PathLike[str]) -> None:
    """Check that a file can be written, before there is anything to write.

    Args:
        argument: what the caller calls the file.
        path: the file, which may exist.

    Raises:
        InvalidValueError: it is a folder, or its folder does not exist or cannot be written to.
    """
    file = Path(os.path.realpath(path))
    if file.is_dir():
        raise InvalidValueError(argument, "a file", f"the folder {path}")
    if not file.parent.is_dir():
        raise InvalidValueError(argument, "a file in a folder that exists", path)
    try:
        with tempfile.TemporaryFile(dir=file.parent):
            pass
    except OSError as error:
        raise InvalidValueError(
            argument,
            "a file in a folder that can be written to",
            f"{path} ({checks.reason(error)})",
        ) from None


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Replace a file by `data` in one step.

    Raises:
        ModelFileError: the file cannot be written; what was there before is untouched.
    """
    with replacing(path) as file:
        file.write(data)


def write(path: str | os.PathLike[str], tensors: Tensors, header: Mapping[str, Any]) -> None:
    """Write arrays and a header to one file.

    Args:
        path: the file; replaced if it exists.
        tensors: arrays by name.
        header: JSON values; `kind` says what the file holds.

    Raises:
        ModelFileError: the file cannot be written.
    """
    # Here because it would be a tenth of `import lstm`.
    from importlib.metadata import version

    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    full = {"format": FORMAT, "lstm_version": version("lstm-kit"), **header}
    text = json.dumps(full, ensure_ascii=False, allow_nan=False, sort_keys=True)
    metadata = {"lstm": text, "sha256": _digest(arrays, text)}
    write_bytes(path, safetensors.numpy.save(arrays, metadata))


@contextmanager
def reading(
    path: str | os.PathLike[str], kinds: Collection[str]
) -> Iterator[tuple[dict[str, NDArray[Any]], dict[str, Any]]]:
    """Read what `write` wrote: the arrays by name, and the header.

    What is made of them is made within the `with` block, which reports as an error of the file
    whatever they lack.

    Args:
        path: the file.
        kinds: the kinds of file that will do.

    Raises:
        ModelFileError: the file is missing, damaged, not one of this library, made by a later
            version of it, or of another kind, or its header makes no sense.
    """
    path = Path(path)
    tensors, text = _content(path)
    try:
        header: dict[str, Any] = json.loads(text)
        if header["format"] > FORMAT:
            raise ModelFileError(
                path, f"was written by lstm-kit {header['lstm_version']}; update to read it"
            )
        kind = header["kind"]
        if kind not in kinds:
            hint = f": {READERS[kind]} reads it" if kind in READERS else ""
            raise ModelFileError(path, f"holds a {kind}, not a {' or a '.join(kinds)}{hint}")
        yield tensors, header
    except (LookupError, AttributeError, TypeError, ValueError, RecursionError) as error:
        # Which layers of their own a file needs, users have to know.
        about_layers = isinstance(error, InvalidValueError) and error.argument == "custom_layers"
        if about_layers or isinstance(error, ModelFileError):
            raise
        why = error if isinstance(error, LSTMError) else repr(error)
        raise ModelFileError(path, f"has a header that makes no sense ({why})") from error


def _content(path: Path) -> tuple[dict[str, NDArray[Any]], str]:
    """The arrays of a file and the text of its header, once the checksum is found right."""
    if not path.is_file():
        raise ModelFileError(path, "is a folder" if path.is_dir() else "there is no such file")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if "lstm" not in metadata:
                raise ModelFileError(path, "is not a model of this library")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(path, f"is damaged or not a model ({error})") from error
    if metadata.get("sha256") != _digest(tensors, metadata["lstm"]):
        raise ModelFileError(path, "is damaged: its checksum does not match its content")
    return tensors, metadata["lstm"]


def _digest(tensors: Tensors, header: str) -> str:
    digest = hashlib.sha256(header.encode())
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.data if array.size else b"")
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut, where the system allows it."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            with suppress(OSError):  # Some file systems know no such thing for a folder.
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

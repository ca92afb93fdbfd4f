"""Files: arrays and a JSON header in one `.safetensors` file, written in one step."""

import glob
import os
import secrets
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from lstm import checks, foreign
from lstm.container import DTYPES, INT8_FORMAT, Tensors, digest, header_of, pack, unpack
from lstm.errors import InvalidValueError, LSTMError, ModelFileError
from lstm.locking import lock

Contents = tuple[dict[str, NDArray[Any]], dict[str, Any]]
"""The arrays of a file by name, and its header."""

READERS = {
    "model": "lstm.load_model",
    "weights": "model.load_weights",
    "language model": "lstm.LanguageModel.load",
    "network": "lstm.LSTMNetwork.load",
    "state": "lstm.State.load",
    "writer": "lstm.text.Writer.load",
    "forecaster": "lstm.forecasting.LSTMForecaster.load",
    "classifier": "lstm.forecasting.LSTMClassifier.load",
    "regressor": "lstm.forecasting.LSTMRegressor.load",
    "detector": "lstm.forecasting.Detector.load",
    "backup": "lstm.callbacks.BackupAndRestore",
}
"""The function that reads each kind of file."""

_OF_OTHERS = (".keras", ".h5", ".hdf5", ".onnx", ".pt", ".pth")


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Replace a file in one step with what is written in the `with` block.

    The bytes go to a temporary file in the same folder, which is flushed to the disk and renamed: a
    reader sees the old content or the new. If the block fails, the temporary file is removed.

    Args:
        path: the file.

    Raises:
        ModelFileError: the file cannot be written; an existing file stays unchanged.
    """
    path = Path(os.path.realpath(path))  # A link stays a link.
    if not path.name or (path.exists() and not path.is_file() and not path.is_dir()):
        raise ModelFileError(path, "is not the name of a file")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        try:
            with open(temporary, "xb") as file:
                lock(file.fileno())  # Tells it from leftovers of dead processes.
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            _sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise ModelFileError(path, f"cannot be written ({error.strerror})") from error


def remove_strays(path: Path) -> None:
    """Remove leftover temporary files of `replacing`, except those still being written."""
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * 8}"):
        with suppress(OSError):
            descriptor = os.open(temporary, os.O_RDWR)
            free = lock(descriptor)
            os.close(descriptor)
            if free:
                temporary.unlink()


def check_writable(argument: str, path: str | os.PathLike[str]) -> None:
    """Check in advance that a file can be written.

    Args:
        argument: the caller's name for the file.
        path: the file, which may exist.

    Raises:
        InvalidValueError: `path` is a folder, or its folder does not exist or is not writable.
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


def own_format(argument: str, path: str | os.PathLike[str]) -> str:
    """Return the path of a file to write a model to, if its name promises nothing else.

    Raises:
        InvalidValueError: the name is that of a file of another program.
    """
    found = checks.path(argument, path) if path else ""
    if found.endswith(_OF_OTHERS):
        stem = os.path.basename(found).split(".")[0] or "model"
        expected = f"the name of a file such as {stem}.safetensors, which is what this writes"
        later = "lstm.interop, for files of other programs, does not exist yet"
        raise InvalidValueError(argument, f"{expected} ({later})", found)
    return found


def write_bytes(path: str | os.PathLike[str], data: bytes | bytearray) -> None:
    """Replace the content of a file with `data` in one step.

    Raises:
        ModelFileError: the file cannot be written; an existing file stays unchanged.
    """
    with replacing(path) as file:
        file.write(data)


def write(path: str | os.PathLike[str], tensors: Tensors, header: Mapping[str, Any]) -> None:
    """Write arrays and a header to one file: the same bytes for the same content.

    Args:
        path: the file; replaced if it exists.
        tensors: arrays by name.
        header: JSON values; `kind` says what the file holds.

    Raises:
        InvalidTypeError, InvalidValueError: a file cannot hold these values.
        ModelFileError: the file cannot be written.
    """
    write_bytes(path, pack(tensors, header))


@contextmanager
def reading(path: str | os.PathLike[str], kinds: Collection[str]) -> Iterator[Contents]:
    """Read what `write` wrote: the arrays by name, and the header.

    Use them within the `with` block: it reports anything that they lack as an error of the file.

    Args:
        path: the file.
        kinds: the accepted kinds of file.

    Raises:
        ModelFileError: the file is missing, damaged, not from this library, from a later version of
            it, or of another kind, or its header makes no sense.
    """
    path = Path(path)
    with _making_sense(path, *_content(path), kinds) as contents:
        yield contents


def kind_of(path: str | os.PathLike[str]) -> str:
    """Return the kind of a file as its header says, or "" for what `reading` would refuse."""
    try:
        with safe_open(path, framework="numpy") as file:
            return str(header_of((file.metadata() or {})["lstm"])["kind"])
    except (SafetensorError, OSError, LookupError, TypeError, ValueError):
        return ""


@contextmanager
def unpacking(data: bytes, kinds: Collection[str]) -> Iterator[Contents]:
    """Like `reading`, for bytes from `pack`, such as those in a pickle.

    Raises:
        ModelFileError: the bytes are damaged, from a later version, of another kind, or nonsense.
    """
    source = "the bytes"
    try:
        tensors, text = unpack(data)
    except ValueError as error:
        raise ModelFileError(source, f"are damaged ({error})") from error
    with _making_sense(source, tensors, text, kinds) as contents:
        yield contents


@contextmanager
def _making_sense(
    path: object, tensors: dict[str, NDArray[Any]], text: str, kinds: Collection[str]
) -> Iterator[Contents]:
    """Yield the arrays and the header, and report errors in them as errors of the file."""
    try:
        header = header_of(text)
        if header["format"] > INT8_FORMAT:
            raise ModelFileError(
                path, "was written by a later version of lstm-kit; update to read it"
            )
        kind = header["kind"]
        if kind not in kinds:
            hint = f": {READERS[kind]} reads it" if kind in READERS else ""
            raise ModelFileError(path, f"holds a {kind}, not a {' or a '.join(kinds)}{hint}")
        yield tensors, header
    except (LookupError, AttributeError, TypeError, ValueError, RecursionError) as error:
        # Users must be told which of their own layers a file needs.
        about_layers = isinstance(error, InvalidValueError) and error.argument == "custom_objects"
        if about_layers or isinstance(error, ModelFileError):
            raise
        why = error if isinstance(error, LSTMError) else repr(error)
        raise ModelFileError(path, f"has a header that makes no sense ({why})") from error


def _content(path: Path) -> tuple[dict[str, NDArray[Any]], str]:
    """Return the arrays of a file and the text of its header, after checking the checksum."""
    if not path.is_file():
        raise ModelFileError(path, "is a folder" if path.is_dir() else "there is no such file")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if "lstm" not in metadata:
                reason = foreign.of_another_program("safetensors of another program")
                raise ModelFileError(path, reason)
            tensors = {name: _tensor(file, name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        if isinstance(error, ModelFileError):
            raise
        damaged = f"is damaged or not a model ({error})"
        raise ModelFileError(path, foreign.reason(path) or damaged) from error
    if metadata.get("sha256") != digest(tensors, metadata["lstm"]):
        raise ModelFileError(path, "is damaged: its checksum does not match its content")
    return tensors, metadata["lstm"]


def _tensor(file: Any, name: str) -> NDArray[Any]:
    """Return an array of an open file, of a dtype that NumPy has."""
    dtype = file.get_slice(name).get_dtype()
    if dtype not in DTYPES.values():
        raise ValueError(f"{name} holds numbers of the kind {dtype}")
    return file.get_tensor(name)


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut, if the system allows it."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            with suppress(OSError):  # Some file systems cannot do this for a folder.
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

"""TextSource: the source of a text, read in chunks and as often as needed."""

import codecs
import glob
import gzip
import os
import sys
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO

from lstm import checks
from lstm.data import offline_corpus, shakespeare
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.text.corpus.pipe_copy import PipeCopy
from lstm.text.names import are_names, name_instead_of_text
from lstm.text.normalization import normalized_chunks

Name = str | os.PathLike[str]
Progress = Callable[[int], None]

STDIN = "-"
_SHAKESPEARE = "shakespeare"

_CHUNK = 1 << 20
"""Bytes of a file, or characters of a text in memory, to read at a time.

Much larger chunks take longer, because their tokens no longer fit in the caches."""

_GZIP = b"\x1f\x8b"
_WIDE = {
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
}
"""Byte order marks of the encodings with zero bytes; one mark is the start of another."""


class TextSource(ABC):
    """A text that can be read any number of times, in chunks of about a megabyte.

    Make one with `source`, or with `TextSource.of(text)`, and iterate over it. In both cases
    its line ends are normalized as by `source`.

    Attributes:
        names: what the source was made from, as the user wrote it.
        size: amount to read: bytes of files as they are on the disk, or characters of a text in
            memory. `read` reports its progress in the same unit.

    Example:
        >>> text = TextSource.of("to be or not to be")
        >>> list(text), text.size
        (['to be or not to be'], 18)
    """

    names: tuple[str, ...]
    size: int

    @staticmethod
    def of(text: str, name: str = "text") -> "TextSource":
        """Return the source of a text in memory, whatever the text looks like.

        Args:
            text: the text.
            name: its name in messages.

        Raises:
            InvalidTypeError: `text` is not a str.
        """
        checks.string("corpus", text)
        return _TextInMemory([text], name)

    @abstractmethod
    def read(self, progress: Progress | None = None) -> Iterator[str]:
        """Read the text from its beginning.

        Args:
            progress: called after each chunk with how much has been read, out of `size`.

        Returns:
            An iterator over chunks that together are the text. They are never empty and can end
            anywhere. All line ends are \\n, and there is no byte order mark at the start.

        Raises:
            InvalidValueError: while reading: there is no text, or it is not valid.
        """

    def to_config(self) -> dict[str, Any] | None:
        """Return the arguments with which `source` makes it again, as JSON values.

        None for a text in memory and for input that can be read only once, such as standard input.
        """
        return None

    def __iter__(self) -> Iterator[str]:
        return self.read()

    def text(self) -> str:
        """Return the whole text in memory.

        Raises:
            InvalidValueError: there is no text, or it is not valid.
        """
        return "".join(self)

    def __str__(self) -> str:
        shown = ", ".join(self.names[:3])
        return shown + (f" and {len(self.names) - 3} more" if len(self.names) > 3 else "")


TextLike = str | os.PathLike[str] | Sequence[str] | Sequence[os.PathLike[str]] | TextSource
"""A text as users pass it: the text itself, or the files that hold it."""


def source(
    corpus: TextLike,
    *,
    encoding: str = "utf-8",
    errors: str = "strict",
    chunk_size: int = _CHUNK,
) -> TextSource:
    r"""Return the source of a text: a str is the text itself, a Path names a file with it.

    The line ends \r\n and \r become \n, and a byte order mark at the start is removed; nothing else
    changes. Several texts or files are joined in their order, with a line break after each that
    does not end with one. A file that is named twice is read once.

    A str of one line that names a file is refused, and so is a list of such names: they would be
    taken as the text. `TextSource.of` accepts every str as a text.

    Args:
        corpus: one or more texts; or one or more Paths: a file, a folder (with all files below it),
            a pattern such as `Path("texts/**/*.txt")`, or `Path("-")` for standard input. Hidden
            files and folders are skipped unless they are named. Files compressed by gzip are
            decompressed. `Path("shakespeare")`, alone, is `lstm.data.shakespeare()` if there is no
            such file. A TextSource is returned unchanged.
        encoding: encoding of files, any text encoding of Python.
        errors: how to handle bytes that are not valid in that encoding: "strict" raises, "replace"
            puts U+FFFD in their place, "ignore" skips them. The latter two also read binary files.
        chunk_size: bytes of a file to read at once.

    Raises:
        InvalidTypeError: `corpus` or an option has the wrong type.
        InvalidValueError: there is no such file, no file in a folder or for a pattern, or no
            such encoding; a str names a file. While reading: a file is not valid in that encoding,
            binary, damaged, or there is no text at all.
        DataUnavailableError: the named corpus is not on this machine and cannot be fetched.

    Example:
        >>> import gzip, pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = pathlib.Path(folder, "a.txt").write_bytes(b"one\r\ntwo")
        ...     _ = pathlib.Path(folder, "b.txt.gz").write_bytes(gzip.compress(b"three"))
        ...     source(pathlib.Path(folder)).text()
        'one\ntwo\nthree'
        >>> source(["one", "two"]).text()
        'one\ntwo'
    """
    if isinstance(corpus, TextSource):
        return corpus
    parts = [corpus] if isinstance(corpus, str | os.PathLike) else corpus
    if not isinstance(parts, list | tuple):
        raise InvalidTypeError("corpus", "a text, or Paths of files", type(corpus).__name__)
    texts = [part for part in parts if isinstance(part, str)]
    if texts and len(texts) == len(parts):
        if are_names(texts) or texts in ([STDIN], [_SHAKESPEARE]):
            raise name_instead_of_text("corpus", texts[0])
        return _TextInMemory(texts, "text")
    for part in parts:
        if not isinstance(part, os.PathLike):
            expected = "only texts or only Paths of files"
            raise InvalidTypeError("corpus", expected, f"{type(part).__name__} {part!r:.40}")
    return named(parts, encoding=encoding, errors=errors, chunk_size=chunk_size)


def named(
    names: Name | Sequence[Name] | None,
    *,
    encoding: str = "utf-8",
    errors: str = "strict",
    chunk_size: int = _CHUNK,
) -> TextSource:
    """Return the text that these names refer to, as on the command line.

    Args:
        names: names as in the Paths for `source`; None for the offline corpus of `lstm.data`.
        encoding, errors, chunk_size: as for `source`.

    Raises:
        As `source`.
    """
    if names is None:
        return _TextInMemory([offline_corpus()], "offline", {"names": None})
    listed = [names] if isinstance(names, str | os.PathLike) else names
    if list(map(str, listed)) == [_SHAKESPEARE] and not Path(_SHAKESPEARE).exists():
        return _TextInMemory([shakespeare()], _SHAKESPEARE, {"names": _SHAKESPEARE})
    return _TextInFiles(listed, encoding, errors, chunk_size)


class _TextInMemory(TextSource):
    def __init__(
        self, texts: Sequence[str], name: str, config: dict[str, Any] | None = None
    ) -> None:
        self._texts = texts
        self._config = config
        self.names = (name,)
        self.size = sum(map(len, texts))

    def to_config(self) -> dict[str, Any] | None:
        return self._config

    def read(self, progress: Progress | None = None) -> Iterator[str]:
        starts = _starts(map(len, self._texts))
        parts = (_cut(*part, progress) for part in zip(self._texts, starts, strict=False))
        return _joined("no characters", parts)


class _TextInFiles(TextSource):
    def __init__(self, names: Sequence[Name], encoding: str, errors: str, chunk_size: int) -> None:
        self._encoding = encoding
        self._decoder = _decoder_of(encoding)
        self._errors = checks.one_of("errors", errors, ("strict", "replace", "ignore"))
        self._chunk_size = checks.positive_int("chunk_size", chunk_size)
        for name in names:
            if not isinstance(name, str | os.PathLike):
                raise InvalidTypeError("corpus", "the name of a file", f"{name!r:.40}")
        self.names = tuple(dict.fromkeys(os.fspath(name) for name in names))
        if not self.names:
            raise InvalidValueError("corpus", "the name of a file", "no name")
        found = [file for name in self.names for file in self._files_of(name)]
        self._files = list({(file.path, file.copy): file for file in found}.values())
        self._sizes = [file.size for file in self._files]
        self.size = sum(self._sizes)

    def read(self, progress: Progress | None = None) -> Iterator[str]:
        starts = _starts(self._sizes)
        parts = (self._decoded(*part, progress) for part in zip(self._files, starts, strict=False))
        return _joined(str(self), parts)

    def to_config(self) -> dict[str, Any] | None:
        if any(file.copy for file in self._files):
            return None
        names = [os.path.abspath(name) for name in self.names]
        return {"names": names, "encoding": self._encoding, "errors": self._errors}

    def _files_of(self, name: str) -> list["_File"]:
        """Return the files that a name refers to, in the order in which to read them."""
        if name == STDIN:
            pipe = standard_input("corpus")
            return [_File(Path(name), "standard input", PipeCopy(pipe))]
        try:
            os.stat(name)
        except (OSError, ValueError) as error:
            if not any(sign in name for sign in "*?["):
                raise _unreadable(name, error) from None
            paths = [Path(path) for path in glob.glob(name, recursive=True)]
            expected = "a pattern that matches a file"
        else:
            path = Path(name)
            if path.is_file():
                return [_File(path, name)]
            if not path.is_dir():
                with path.open("rb") as pipe:
                    return [_File(path, name, PipeCopy(pipe))]
            paths = _below(path)
            expected = "a folder with files (hidden ones do not count)"
        files = [_File(path, str(path)) for path in paths if path.is_file()]
        if not files:
            raise InvalidValueError("corpus", expected, name)
        return sorted(files, key=lambda file: file.path.parts)

    def _decoded(self, file: "_File", start: int, progress: Progress | None) -> Iterator[str]:
        """Yield the text of a file in chunks.

        Args:
            file: the file.
            start: size of the files before it.
            progress: called with how much has been read, after each chunk.

        Raises:
            InvalidValueError: the file is not valid.
        """
        decoder = self._decoder(self._errors)
        end = 0
        try:
            for block, position in file.blocks(self._chunk_size):
                if not end and self._errors == "strict":
                    self._check_text(file.name, block)
                end += len(block)
                yield decoder.decode(block)
                if progress is not None:
                    progress(start + position)
            yield decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            # The input of the decoder ends with the last block, but may start before it.
            offset = end - len(error.object) + error.start
            bad = f"byte 0x{error.object[error.start]:02x} at offset {offset} of {file.name}"
            raise self._no_such_text(bad) from None
        except UnicodeError as error:  # A byte order mark is missing, for example.
            raise self._no_such_text(f"{file.name}: {error}") from None

    def _check_text(self, name: str, block: bytes) -> None:
        """Check that a file does not start with signs that it is not text in this encoding."""
        if b"\0" not in block or b"\0" in "a".encode(self._encoding):
            return
        for wide, marks in _WIDE.items():
            if block.startswith(marks):
                raise self._no_such_text(f"{name}, which starts like {wide.upper()}")
        raise self._no_such_text(f"{name}, a binary file: it contains zero bytes")

    def _no_such_text(self, got: str) -> InvalidValueError:
        hint = "set the options encoding and errors to read it"
        return InvalidValueError("corpus", f"{self._encoding.upper()} text", f"{got} ({hint})")


@dataclass(frozen=True)
class _File:
    """A file to read, perhaps compressed.

    Args:
        path: the path of the file.
        name: the name as the user wrote it.
        copy: a copy of the content, if it can be read only once.
    """

    path: Path
    name: str
    copy: PipeCopy | None = None

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self.path.stat().st_size if self.copy is None else self.copy.size

    def blocks(self, size: int) -> Iterator[tuple[bytes, int]]:
        """Yield the content in blocks, each with the number of bytes of the file read so far."""
        try:
            with self.path.open("rb") if self.copy is None else self.copy.open() as raw:
                named = self.copy is None and self.path.suffix.lower() == ".gz"
                zipped = raw.read(len(_GZIP)) == _GZIP or named
                raw.seek(0)
                file = gzip.GzipFile(fileobj=raw) if zipped else raw
                while block := file.read(size):
                    yield block, raw.tell()
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise InvalidValueError(
                "corpus", "a complete gzip file", f"{self.name} ({checks.reason(error)})"
            ) from None
        except OSError as error:
            raise _unreadable(self.name, error) from None


def _below(folder: Path) -> list[Path]:
    """Return all files below a folder that are not hidden."""

    def fail(error: OSError) -> None:
        raise _unreadable(error.filename, error) from None

    paths = []
    for here, folders, files in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [Path(here, name) for name in files if not name.startswith(".")]
    return paths


def _decoder_of(encoding: str) -> Callable[[str], codecs.IncrementalDecoder]:
    """Return the factory of decoders for an encoding."""
    checks.string("encoding", encoding)
    try:
        b" ".decode(encoding, "replace")  # Refuses codecs that do not produce text.
        return codecs.getincrementaldecoder(encoding)
    except (LookupError, ValueError):
        raise InvalidValueError(
            "encoding", "a text encoding of Python, such as utf-8", repr(encoding)
        ) from None


def standard_input(argument: str) -> BinaryIO:
    """Return standard input as bytes, for an argument that names it.

    Raises:
        InvalidValueError: standard input is closed.
    """
    if sys.stdin is None:
        raise InvalidValueError(argument, "a file that can be read", "standard input, now closed")
    return sys.stdin.buffer


def _unreadable(name: str, error: Exception) -> InvalidValueError:
    return InvalidValueError(
        "corpus", "a file that can be read", f"{name} ({checks.reason(error)})"
    )


def _starts(sizes: Iterable[int]) -> Iterator[int]:
    """Yield the start of each of consecutive parts of these sizes, and the end of the last."""
    return accumulate(sizes, initial=0)


def _cut(text: str, start: int, progress: Progress | None) -> Iterator[str]:
    """Yield a text in chunks; for the arguments see `_TextInFiles._decoded`."""
    for end in range(_CHUNK, len(text) + _CHUNK, _CHUNK):
        yield text[end - _CHUNK : end]
        if progress is not None:
            progress(start + min(end, len(text)))


def _joined(name: str, texts: Iterable[Iterable[str]]) -> Iterator[str]:
    """Join texts in chunks, with a line break after each text that does not end with one.

    Raises:
        InvalidValueError: all texts are empty; `name` is their name in the message.
    """
    last = ""
    for text in texts:
        begun = False
        for chunk in normalized_chunks(text):
            yield chunk if begun or last in ("", "\n") else "\n" + chunk
            begun, last = True, chunk[-1]
    if not last:
        raise InvalidValueError("corpus", "a text that is not empty", name)

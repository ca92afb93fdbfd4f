"""PipeCopy: the content of a pipe, kept so that it can be read repeatedly."""

import io
import os
import shutil
import tempfile
import threading
import weakref
from typing import Any, BinaryIO


class PipeCopy:
    """A copy of a stream that can be read only once, in a temporary file without a name.

    The system removes the file with this process, however the process ends.

    Args:
        pipe: the stream, which is read to its end.

    Attributes:
        size: number of bytes.
    """

    def __init__(self, pipe: BinaryIO) -> None:
        self._file = tempfile.TemporaryFile(prefix="lstm-")  # noqa: SIM115, it stays open
        weakref.finalize(self, self._file.close)
        shutil.copyfileobj(pipe, self._file)
        self._file.flush()
        self.size = self._file.tell()
        self._lock = threading.Lock()

    def open(self) -> BinaryIO:
        """Return a reader from the start; readers do not disturb each other."""
        return io.BufferedReader(_Reader(self))

    def read(self, at: int, size: int) -> bytes:
        """Return up to this many bytes from a position on."""
        if hasattr(os, "pread"):
            return os.pread(self._file.fileno(), size, at)
        with self._lock:
            self._file.seek(at)
            return self._file.read(size)


class _Reader(io.RawIOBase):
    """A reader of a copy, with its own position."""

    def __init__(self, copy: PipeCopy) -> None:
        self._copy = copy
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._copy.size}
        self._at = starts[whence] + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        data = self._copy.read(self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

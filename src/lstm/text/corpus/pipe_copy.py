"""PipeCopy: what came through a pipe, kept to be read any number of times."""

import io
import os
import shutil
import tempfile
import threading
import weakref
from typing import Any, BinaryIO


class PipeCopy:
    """A copy of what can be read only once, in a temporary file that has no name.

    So the system removes it with this process, however that ends.

    Args:
        pipe: is read to its end.

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
        """The bytes from the beginning on; several readers do not disturb each other."""
        return io.BufferedReader(_Reader(self))

    def read(self, at: int, size: int) -> bytes:
        """So many bytes from a place on, or what there is."""
        if hasattr(os, "pread"):
            return os.pread(self._file.fileno(), size, at)
        with self._lock:
            self._file.seek(at)
            return self._file.read(size)


class _Reader(io.RawIOBase):
    """A reader of a copy, with a place of its own."""

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

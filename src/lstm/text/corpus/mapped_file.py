"""MappedFile: a file as an array, with only a little of it in memory at a time."""

import mmap
import os
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from lstm.errors import ModelFileError

_RESIDENT = 1 << 25
"""Bytes to read from a file before its pages are released from memory."""

_DROP: int | None = getattr(mmap, "MADV_DONTNEED", None)


class MappedFile:
    """A file mapped into memory that releases its pages as they are read.

    Pages that were read count as memory of the process as long as the machine has enough: for a
    large file, all of it in the end.

    Args:
        file: an open file that is not empty; it may be closed afterwards.

    Attributes:
        size: bytes of the file.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.size = os.fstat(file.fileno()).st_size
        self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._bytes_read = 0

    @classmethod
    def open(cls, path: Path) -> "MappedFile":
        """Map the file at a path.

        Raises:
            ModelFileError: the file is missing, empty, or cannot be read.
        """
        try:
            with path.open("rb") as file:
                if not os.fstat(file.fileno()).st_size:
                    raise ModelFileError(path, "is empty")
                return cls(file)
        except FileNotFoundError:
            raise ModelFileError(path, "there is no such file") from None
        except OSError as error:
            why = "is a folder" if path.is_dir() else f"cannot be read ({error.strerror})"
            raise ModelFileError(path, why) from None

    def array(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return the whole content as a read-only array of one axis."""
        return np.frombuffer(self._map, dtype)

    def have_read(self, size: int) -> None:
        """Count bytes of the array that were read."""
        self._bytes_read += size
        if self._bytes_read >= _RESIDENT:
            self._bytes_read = 0
            if _DROP is not None:
                # Pages that are needed again come from the disk or the system's cache.
                self._map.madvise(_DROP)

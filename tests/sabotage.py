"""Saves that end at a chosen point: where the process is killed, or where the disk fails.

As a program it is the command `lstm`, killed at that point: python sabotage.py POINT ARGUMENTS...
"""

import io
import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from lstm import storage
from lstm.cli import main


@contextmanager
def sabotaged(at: int, deed: Callable[[], Any]) -> Iterator[list[str]]:
    """Do a deed from a point of the saves within the `with` block on; they are counted from 1.

    A save has six points: before its bytes are written, when half of them are, before the file is
    flushed to the disk, before and after it is renamed, and after the folder is flushed.

    Args:
        at: number of the point; 0 for none.
        deed: what happens there, and at all later points that are reached.

    Returns:
        The names of the points, which grow as they are reached.
    """
    points: list[str] = []

    def reach(name: str) -> None:
        points.append(name)
        if 0 < at <= len(points):
            deed()

    class File(io.BufferedWriter):
        def write(self, data: Any) -> int:
            view = memoryview(data).cast("B")
            reach("begin")
            super().write(view[: len(view) // 2])
            self.flush()
            reach("half")
            super().write(view[len(view) // 2 :])
            return len(view)

    replace, fsync = os.replace, os.fsync

    def renamed(*arguments: Any) -> None:
        reach("rename")
        replace(*arguments)
        reach("renamed")

    def flushed(descriptor: int) -> None:
        folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        if not folder:
            reach("flush")
        fsync(descriptor)
        if folder:
            reach("folder")

    with (
        patch.object(storage, "open", lambda path, _: File(io.FileIO(path, "x")), create=True),
        patch.object(os, "replace", renamed),
        patch.object(os, "fsync", flushed),
    ):
        yield points


if __name__ == "__main__":
    point = int(sys.argv.pop(1))
    with sabotaged(point, lambda: os.kill(os.getpid(), signal.SIGKILL)):
        main()

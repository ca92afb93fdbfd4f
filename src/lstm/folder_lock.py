"""FolderLock: who trains in a folder does so alone."""

import json
import os
import platform
import time
import weakref
from contextlib import suppress
from pathlib import Path

from lstm import checks
from lstm.errors import ModelFileError
from lstm.locking import lock

_NAME = ".lock"


class FolderLock:
    """The right to write in the folder of a training, which one process has at a time.

    It ends with `release`, with this object, or with the process, however that ends: a file that
    is left behind stops nobody.

    Args:
        folder: that of the training.

    Raises:
        ModelFileError: another process has it, there is no such folder, or nothing can be written
            in it.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / _NAME
        while True:
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            except (FileNotFoundError, NotADirectoryError):
                raise ModelFileError(folder, "holds no training to go on with") from None
            except OSError as error:
                raise ModelFileError(
                    folder, f"cannot be written to ({checks.reason(error)})"
                ) from None
            if not lock(descriptor):
                owner = _owner(descriptor)
                os.close(descriptor)
                raise ModelFileError(folder, f"another process trains in it{owner}")
            if _is_at(descriptor, path):
                break
            os.close(descriptor)  # Whoever had it has just removed the file.
        self.release = weakref.finalize(self, _release, descriptor, path, os.getpid())
        _held.add(descriptor)
        with suppress(OSError):  # It holds on a full disk, too, where it cannot say whose it is.
            os.ftruncate(descriptor, 0)
            os.write(descriptor, json.dumps(_me()).encode())


_held: set[int] = set()
"""The open files of all locks of this process."""


def _release(descriptor: int, path: Path, pid: int) -> None:
    if os.getpid() != pid:
        return  # A child, which the lock does not belong to.
    _held.discard(descriptor)
    with suppress(OSError):  # Where a file that is open cannot be removed, it stays.
        path.unlink()
    os.close(descriptor)


def _close_all() -> None:
    """A child would keep the locks of its parent, also when that is gone."""
    while _held:
        os.close(_held.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_all)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _me() -> dict[str, str | int]:
    return {
        "pid": os.getpid(),
        "host": platform.node(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
    }


def _owner(descriptor: int) -> str:
    """Who has the lock, if it says so."""
    try:
        found = json.loads(os.read(descriptor, 1 << 12))
        return f": {found['pid']} on {found['host']}, since {found['since']}"
    except (OSError, ValueError, LookupError, TypeError):
        return ""

"""FolderLock: only one process at a time trains in a folder."""

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
    """The right to write in the folder of a training run; only one process has it at a time.

    It ends with `release`, with this object, or with the process, however the process ends. A
    leftover lock file blocks nobody.

    Args:
        folder: the folder of the training run.

    Raises:
        ModelFileError: another process has it, there is no such folder, or the folder is not
            writable.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / _NAME
        while True:
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            except (FileNotFoundError, NotADirectoryError):
                raise ModelFileError(folder, no_folder(folder)) from None
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
            os.close(descriptor)  # The last owner has just removed the file.
        self.release = weakref.finalize(self, _release, descriptor, path, os.getpid())
        _held.add(descriptor)
        with suppress(OSError):  # The lock also works on a full disk, without naming its owner.
            os.ftruncate(descriptor, 0)
            os.write(descriptor, json.dumps(_me()).encode())


def no_folder(folder: Path) -> str:
    """Return why there is no such folder, as the message of an error."""
    return "is not a folder" if folder.exists() else "there is no such folder"


_held: set[int] = set()
"""The open files of all locks of this process."""


def _release(descriptor: int, path: Path, pid: int) -> None:
    if os.getpid() != pid:
        return  # A child process, which does not own the lock.
    _held.discard(descriptor)
    with suppress(OSError):  # On systems that cannot remove open files, the file stays.
        path.unlink()
    os.close(descriptor)


def _close_all() -> None:
    """Close the locks in a child process, which would keep them even after its parent ends."""
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
    """Return the owner of the lock, if it is known."""
    try:
        found = json.loads(os.read(descriptor, 1 << 12))
        return f": {found['pid']} on {found['host']}, since {found['since']}"
    except (OSError, ValueError, LookupError, TypeError):
        return ""

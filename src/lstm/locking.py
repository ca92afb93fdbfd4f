"""Locks on open files, which the system releases when their process ends, however it ends."""

import errno
import os
import sys

_HELD = errno.EACCES, errno.EAGAIN

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        # A locked byte cannot be read by others, so lock one far beyond the end of any file.
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def lock(descriptor: int) -> bool:
    """Lock an open file until it is closed; return False if it is already locked.

    On a file system without locks, return True.
    """
    try:
        _lock(descriptor)
    except OSError as error:
        return error.errno not in _HELD
    return True

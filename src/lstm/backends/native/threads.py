"""The machine: its speed, and the threads that the kernels run on."""

import os
import sys

from lstm import checks
from lstm.backends import _kernels
from lstm.backends.cores import usable_cores
from lstm.errors import InvalidValueError

_SPEEDS = {"amx": 3e11, "avx512_bf16": 2.5e11, "avx512": 1.5e11, "avx2": 7e10, "baseline": 2e10}
"""Operations of a thread per second, roughly: machines differ."""


def num_threads() -> int:
    """Number of threads that the kernels run on."""
    return _kernels.num_threads()


def set_num_threads(count: int) -> None:
    """Choose the number of threads that the kernels run on.

    The results are the same bits for any number. By default, it is the number of cores, or the
    value of the environment variable `LSTM_NUM_THREADS`. Only cores that the process may use count:
    those on which it may run (`taskset`), within the quota of its container.

    Args:
        count: at least 1; more threads than cores would only wait for each other, so the number of
            cores is the limit.

    Raises:
        InvalidTypeError, InvalidValueError: `count` is not such a number.

    Example:
        >>> import lstm
        >>> lstm.set_num_threads(1)
        >>> lstm.num_threads()
        1
    """
    _kernels.set_num_threads(min(checks.positive_int("count", count), usable_cores()))


def speed(instruction_set: str) -> float:
    """Return the operations per second of all threads, roughly."""
    return num_threads() * _SPEEDS.get(instruction_set, _SPEEDS["baseline"])


def _asked_for() -> int:
    """Return the number of threads from the environment, or else the largest number."""
    text = os.environ.get("LSTM_NUM_THREADS")
    try:
        count = int(text) if text else sys.maxsize
    except ValueError:
        count = 0
    if count < 1:
        raise InvalidValueError("LSTM_NUM_THREADS", "a whole number of at least 1", repr(text))
    return count


set_num_threads(_asked_for())

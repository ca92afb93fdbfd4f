"""Settings: the main thread sets them for all, other threads and `with` blocks for themselves."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Generic, TypeVar, cast

T = TypeVar("T")

_NOTHING = object()


class Setting(Generic[T]):
    """A value that threads other than the main one cannot change for each other.

    The main thread's value holds in every thread, including running ones, with two exceptions: a
    value that another thread sets holds in that thread alone, and a value that is set for or within
    a `with` block holds only in the block, for the thread that entered it.

    Args:
        name: the name of the setting.
        value: the first one.
    """

    def __init__(self, name: str, value: T) -> None:
        # Not a context variable: in a notebook each cell may run in a context of its own.
        self._everywhere = value
        self._here = ContextVar[object](name, default=_NOTHING)

    def get(self) -> T:
        """Return the value that holds here."""
        here = self._here.get()
        return self._everywhere if here is _NOTHING else cast(T, here)

    def set(self, value: T) -> None:
        """Change the value; in the main thread, outside any block, it changes for every thread."""
        in_main = threading.current_thread() is threading.main_thread()
        if in_main and self._here.get() is _NOTHING:
            self._everywhere = value
        else:
            self._here.set(value)

    @contextmanager
    def within(self, value: T) -> Iterator[None]:
        """Let `value` hold within a `with` block."""
        token = self._here.set(value)
        try:
            yield
        finally:
            self._here.reset(token)

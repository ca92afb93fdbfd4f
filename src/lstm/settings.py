"""What the main thread chooses for all, and other threads and `with` blocks for themselves."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Generic, TypeVar, cast

T = TypeVar("T")

_NOTHING = object()


class Setting(Generic[T]):
    """A value that threads do not change for each other.

    What the main thread sets holds in every thread, also in those that run already, but for two
    cases: what another thread sets holds in that thread alone, and what is set for or within a
    `with` block holds in the block alone, for the thread that entered it.

    Args:
        name: of the setting.
        value: the first one.
    """

    def __init__(self, name: str, value: T) -> None:
        # Not a context variable: in a notebook each cell may run in a context of its own.
        self._everywhere = value
        self._here = ContextVar[object](name, default=_NOTHING)

    def get(self) -> T:
        """The value that holds here."""
        here = self._here.get()
        return self._everywhere if here is _NOTHING else cast(T, here)

    def set(self, value: T) -> None:
        """Change the value, for every thread if this is the main one, outside of any block."""
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

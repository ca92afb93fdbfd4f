"""Backends: one `contract`, several implementations, one chosen at a time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lstm import checks
from lstm.backends import reference
from lstm.backends.contract import Ops
from lstm.backends.native import Native, num_threads, set_num_threads
from lstm.errors import InvalidValueError
from lstm.settings import Setting

__all__ = ["BACKENDS", "Backend", "backend", "num_threads", "set_num_threads", "use", "using"]

BACKENDS: dict[str, Ops] = {Native.NAME: Native(), reference.NAME: reference}


@dataclass(frozen=True)
class Backend:
    """An implementation of the contract, together with the dtype in which it computes."""

    ops: Ops
    dtype: str

    def __reduce__(self) -> tuple[Any, ...]:
        return backend, (self.name, self.dtype)

    @property
    def name(self) -> str:
        """Name of the implementation, such as "reference"."""
        return self.ops.NAME


def backend(name: str | None = None, dtype: str | None = None) -> Backend:
    """Return the backend with this name and dtype; None means the active one.

    Raises:
        InvalidValueError: there is no such backend, or it does not compute in this dtype.
    """
    active = _active.get()
    ops = active.ops if name is None else BACKENDS[checks.one_of("backend", name, BACKENDS)]
    if dtype is None:
        dtype = active.dtype if name is None else ops.DTYPES[0]
    for other in BACKENDS.values():
        if isinstance(dtype, str) and dtype in other.DTYPES and dtype not in ops.DTYPES:
            expected = f"{' or '.join(map(repr, ops.DTYPES))} of the backend {ops.NAME!r}"
            remedy = f"lstm.use({other.NAME!r}, dtype={dtype!r}) computes in that"
            raise InvalidValueError("dtype", f"{expected} ({remedy})", repr(dtype))
    return Backend(ops, checks.one_of("dtype", dtype, ops.DTYPES))


def use(name: str | None = None, dtype: str | None = None) -> Backend:
    """Choose the backend and dtype of every model made from now on.

    Without this call, it is the backend in the environment variable `LSTM_BACKEND`, or "native".
    Called in the main thread, it holds for every thread; in another thread, only for that one.

    Args:
        name: "native" or "reference"; None keeps the active one.
        dtype: "float32" or "float64"; None uses the backend's default.

    Example:
        >>> import lstm
        >>> lstm.use("reference", dtype="float64").name
        'reference'
        >>> lstm.use("native").name
        'native'
    """
    chosen = backend(name, dtype)
    _active.set(chosen)
    return chosen


@contextmanager
def using(name: str | None = None, dtype: str | None = None) -> Iterator[Backend]:
    """Choose a backend for the models made within a `with` block, in this thread; see `use`.

    Without arguments it is the active backend, which `use` may change within the block.
    """
    chosen = _active.get() if name is None and dtype is None else backend(name, dtype)
    with _active.within(chosen):
        yield chosen


def _default() -> Backend:
    name = os.environ.get("LSTM_BACKEND") or Native.NAME
    ops = BACKENDS[checks.one_of("LSTM_BACKEND", name, BACKENDS)]
    return Backend(ops, ops.DTYPES[0])


_active = Setting("backend", _default())

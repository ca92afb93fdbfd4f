"""Backends: one contract (`ops`), several implementations, one chosen at a time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lstm import checks
from lstm.backends import native, reference
from lstm.backends.ops import Ops

BACKENDS: dict[str, Ops] = {native.NAME: native, reference.NAME: reference}


@dataclass(frozen=True)
class Backend:
    """An implementation of the contract together with the dtype it computes in."""

    ops: Ops
    dtype: str

    def __reduce__(self) -> tuple[Any, ...]:
        return backend, (self.name, self.dtype)

    @property
    def name(self) -> str:
        """Name of the implementation, such as "reference"."""
        return self.ops.NAME


def backend(name: str | None = None, dtype: str | None = None) -> Backend:
    """The backend of that name and dtype; where one is None, the active one.

    Raises:
        InvalidValueError: there is no such backend, or it does not compute in that dtype.
    """
    ops = _active.ops if name is None else BACKENDS[checks.one_of("backend", name, BACKENDS)]
    if dtype is None:
        dtype = _active.dtype if name is None else ops.DTYPES[0]
    return Backend(ops, checks.one_of("dtype", dtype, ops.DTYPES))


def use(name: str | None = None, dtype: str | None = None) -> Backend:
    """Choose the backend and dtype of every model made from now on.

    Without this call it is the one that the environment variable `LSTM_BACKEND` names, or "native".

    Args:
        name: "native" or "reference"; None keeps the active one.
        dtype: "float32" or "float64"; None takes the backend's default.

    Example:
        >>> import lstm
        >>> lstm.use("reference", dtype="float64").name
        'reference'
        >>> lstm.use("native").name
        'native'
    """
    global _active
    _active = backend(name, dtype)
    return _active


@contextmanager
def using(name: str | None = None, dtype: str | None = None) -> Iterator[Backend]:
    """Choose a backend for the models made within a `with` block; see `use`."""
    global _active
    before = _active
    try:
        yield use(name, dtype) if name is not None or dtype is not None else before
    finally:
        _active = before


def _default() -> Backend:
    name = os.environ.get("LSTM_BACKEND") or native.NAME
    ops = BACKENDS[checks.one_of("LSTM_BACKEND", name, BACKENDS)]
    return Backend(ops, ops.DTYPES[0])


_active = _default()

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
from lstm.interface import chosen_elsewhere
from lstm.settings import Setting

__all__ = [
    "BACKENDS",
    "BFLOAT16",
    "PRECISIONS",
    "Backend",
    "backend",
    "num_threads",
    "set_num_threads",
    "use",
    "using",
]

BACKENDS: dict[str, Ops] = {Native.NAME: Native(), reference.NAME: reference}
BFLOAT16: dict[str, Ops] = {reference.NAME: reference.BFLOAT16}
if _native := Native.in_bfloat16():
    BFLOAT16[Native.NAME] = _native
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Backend:
    """An implementation of the contract, together with what it computes in.

    Attributes:
        ops: the operations.
        dtype: of all arrays.
        precision: of the factors of matrix products: "bfloat16", or the dtype.
    """

    ops: Ops
    dtype: str
    precision: str

    def __reduce__(self) -> tuple[Any, ...]:
        return backend, self.chosen

    @property
    def name(self) -> str:
        """Name of the implementation, such as "reference"."""
        return self.ops.NAME

    def __str__(self) -> str:
        name, dtype, precision = self.chosen
        return f"{name}, {dtype}" + (f", products of {precision}" if precision else "")

    @property
    def chosen(self) -> tuple[str, str, str | None]:
        """The arguments with which `use` and `using` choose it."""
        return self.name, self.dtype, None if self.precision == self.dtype else self.precision

    def in_precision(self, precision: str) -> "Backend":
        """Return the same backend with matrix products of another precision.

        Raises:
            InvalidValueError: it has no such products, here or in its dtype.
        """
        return backend(self.name, self.dtype, precision)


def backend(
    name: str | None = None, dtype: str | None = None, precision: str | None = None
) -> Backend:
    """Return the backend with this name, dtype and precision; None means the active one.

    Raises:
        InvalidValueError: there is no such backend, it does not compute in this dtype, or the
            machine or the dtype lacks products of this precision.
    """
    active = _active.get()
    if name is None and dtype is None and precision is None:
        return active
    ops = BACKENDS[active.name if name is None else checks.one_of("backend", name, BACKENDS)]
    if dtype is None:
        dtype = active.dtype if name is None else ops.DTYPES[0]
    for other in BACKENDS.values():
        if isinstance(dtype, str) and dtype in other.DTYPES and dtype not in ops.DTYPES:
            expected = f"{' or '.join(map(repr, ops.DTYPES))} of the backend {ops.NAME!r}"
            remedy = f"lstm.use({other.NAME!r}, dtype={dtype!r}) computes in that"
            raise InvalidValueError("dtype", f"{expected} ({remedy})", repr(dtype))
    dtype = checks.one_of("dtype", dtype, ops.DTYPES)
    if precision is None:
        return Backend(ops, dtype, dtype)
    return _in_precision(ops, dtype, checks.one_of("precision", precision, PRECISIONS))


def _in_precision(ops: Ops, dtype: str, precision: str) -> Backend:
    if dtype != "float32":
        raise InvalidValueError("precision", f"None with dtype {dtype!r}", repr(precision))
    if precision == dtype:
        return Backend(ops, dtype, precision)
    if ops.NAME not in BFLOAT16:
        why = "needs a processor with AVX512-BF16, which this machine lacks"
        if ops.NAME != Native.NAME:
            why = f"is not known to the backend {ops.NAME!r}"
        remedy = f"lstm.use('reference', precision={precision!r}) computes it slowly anywhere"
        raise InvalidValueError(
            "precision", f"'float32' ({precision} {why}; {remedy})", repr(precision)
        )
    return Backend(BFLOAT16[ops.NAME], dtype, precision)


def use(name: str | None = None, dtype: str | None = None, precision: str | None = None) -> Backend:
    """Choose the backend, dtype and precision of every model made from now on.

    Without this call, it is the backend in the environment variable `LSTM_BACKEND`, or "native".
    Called in the main thread, it holds for every thread; in another thread, only for that one.

    Args:
        name: "native" or "reference"; None keeps the active one.
        dtype: "float32" or "float64"; None uses the backend's default.
        precision: "float32", or "bfloat16": both factors of each matrix product are then rounded to
            8 significant bits, and all else is float32: sums, weights, states, losses, optimizers.
            None is "float32" where a name or a dtype is given. Native bfloat16 needs a processor
            with AVX512-BF16.

    Raises:
        InvalidValueError: there is no such backend, or it does not compute in this dtype or
            precision; see `backends.backend`.

    Example:
        >>> import lstm
        >>> lstm.use("reference", dtype="float64").name
        'reference'
        >>> lstm.use("native").name
        'native'
    """
    chosen = backend(name, dtype, precision)
    _active.set(chosen)
    return chosen


@contextmanager
def using(
    name: str | None = None, dtype: str | None = None, precision: str | None = None
) -> Iterator[Backend]:
    """Choose a backend for the models made within a `with` block, in this thread; see `use`.

    Without arguments it is the active backend, which `use` may change within the block.
    """
    chosen = backend(name, dtype, precision)
    with _active.within(chosen):
        yield chosen


def _default() -> Backend:
    name = os.environ.get("LSTM_BACKEND") or Native.NAME
    ops = BACKENDS[checks.one_of("LSTM_BACKEND", name, BACKENDS)]
    return Backend(ops, ops.DTYPES[0], ops.DTYPES[0])


_active = Setting("backend", _default())
chosen_elsewhere("dtype", lambda: _active.get().dtype)

"""A backend whose arrays nobody can look into: the reference, behind a wall.

It stands for one on another device. What is not an operation of the contract fails on its arrays:
indexing, iteration, arithmetic, comparison and conversion; and no memory is shared with NumPy.
"""

import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from lstm.backends import BACKENDS, reference
from lstm.backends.contract import Ops, Quantized

FUNCTIONS = [name for name, _ in inspect.getmembers(Ops, inspect.isfunction) if name[0] != "_"]


class Opaque:
    """An array of which only the shape is known."""

    __slots__ = ("_hidden",)
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, hidden: Any) -> None:
        self._hidden = hidden

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self._hidden.shape)

    @property
    def ndim(self) -> int:
        return int(self._hidden.ndim)

    def _refuse(self, *_: Any) -> Any:
        raise TypeError("an array of a backend was looked into")

    __array__ = __bool__ = __eq__ = __ne__ = __float__ = __index__ = _refuse
    __copy__ = __deepcopy__ = __reduce_ex__ = _refuse


def _through(value: Any, kind: type, change: Callable[[Any], Any]) -> Any:
    """A value with the arrays within it changed."""
    if isinstance(value, kind):
        return change(value)
    if isinstance(value, dict):
        return {key: _through(part, kind, change) for key, part in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_through(part, kind, change) for part in value))
    if isinstance(value, Quantized):
        parts = (_through(part, kind, change) for part in (value.values, value.scale))
        return Quantized(*parts, value.inputs, value.axis)
    if type(value) in (list, tuple):
        return type(value)(_through(part, kind, change) for part in value)
    return value


def _walled(name: str) -> Callable[..., Any]:
    """An operation of the reference on opaque arrays."""
    function, signature = getattr(reference, name), inspect.signature(getattr(Ops, name))
    hosted = {
        parameter.name
        for parameter in signature.parameters.values()
        if "NDArray" in str(parameter.annotation) or "ndarray" in str(parameter.annotation)
    }
    # Of `generate` the tokens are NumPy's, the states the backend's.
    returns_host = name in ("to_numpy", "sample", "quantized_parts")

    def on_backend(value: Any) -> Any:
        def refuse(_: Any) -> Any:
            raise TypeError(f"{name}: an array of NumPy where one of the backend is due")

        _through(value, np.ndarray, refuse)
        return _through(value, Opaque, lambda x: x._hidden)

    def on_host(value: Any) -> Any:
        def refuse(_: Any) -> Any:
            raise TypeError(f"{name}: an array of the backend where one of NumPy is due")

        _through(value, Opaque, refuse)
        return _through(value, np.ndarray, np.copy)

    def operation(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(None, *args, **kwargs).arguments
        del given["self"]
        for key, value in given.items():
            given[key] = on_host(value) if key in hosted else on_backend(value)
        result = function(**given)
        if returns_host:
            return _through(result, np.ndarray, np.copy)
        if name == "generate":
            return np.copy(result[0]), _through(result[1], np.ndarray, Opaque)
        return _through(result, np.ndarray, Opaque)

    return operation


OPAQUE = cast(
    Ops,
    SimpleNamespace(
        NAME="opaque",
        DTYPES=reference.DTYPES,
        **{name: _walled(name) for name in FUNCTIONS},
    ),
)


@pytest.fixture
def opaque(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of this backend, while a test runs."""
    monkeypatch.setitem(BACKENDS, OPAQUE.NAME, OPAQUE)
    return OPAQUE.NAME

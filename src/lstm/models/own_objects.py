"""Losses and metrics of users in files: kept by name, and found again among custom objects."""

from collections.abc import Mapping
from types import FunctionType
from typing import Any

from lstm import checks, losses
from lstm.custom_objects import get_custom_objects
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.losses import Loss
from lstm.losses.function import FunctionLoss
from lstm.metrics import Metric

_KEY = "custom"


def own_config(thing: Any) -> dict[str, Any] | None:
    """Return what a file holds of a user's function or object; None if it cannot be named.

    Args:
        thing: a loss or a metric, its class, or a function.
    """
    if isinstance(thing, FunctionLoss):
        thing = thing.function
    if isinstance(thing, type | FunctionType):
        name = _name_of(thing)
        return None if name == "<lambda>" else {_KEY: name}
    if not isinstance(thing, Loss | Metric):
        return None
    try:
        return {_KEY: _name_of(type(thing)), "config": thing.get_config()}
    except InvalidTypeError:  # A file cannot hold an argument.
        return None


def found_again(spec: Any, custom: Mapping[str, Any]) -> Any:
    """Return a specification of `compile` from a file, with the users' objects in it.

    Args:
        spec: what the file holds: values, lists and dicts.
        custom: the users' classes and functions by name.

    Raises:
        InvalidValueError: one of them is not known.
    """
    if isinstance(spec, list):
        return [found_again(part, custom) for part in spec]
    if not isinstance(spec, Mapping) or _KEY not in spec:
        return spec
    name = checks.string(_KEY, spec[_KEY])
    kind = custom.get(name, vars(losses).get(name))
    if kind is None:
        expected = f"{name!r}, a loss or metric of yours, which the file names"
        raise InvalidValueError("custom_objects", expected, "none")
    return kind.from_config(spec["config"]) if "config" in spec else kind


def _name_of(kind: Any) -> str:
    """Return the name under which it is registered, or its own."""
    registered = (name for name, known in get_custom_objects().items() if known is kind)
    return str(next(registered, kind.__name__))

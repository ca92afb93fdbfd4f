"""What files and messages call a layer, and the arguments of its constructor."""

import re
from typing import Any

import numpy as np

from lstm.errors import InvalidTypeError
from lstm.initializers import INITIALIZERS, Initializer, Unavailable


def plain(argument: str, value: Any) -> Any:
    """An argument of a constructor as JSON values.

    Args:
        argument: its name, for the error.
        value: None, a bool, a number, a str, an Initializer, a layer, or a list of these.

    Raises:
        InvalidTypeError: it is something else.
    """
    if isinstance(value, Initializer) and type(value) not in (*INITIALIZERS.values(), Unavailable):
        value = Unavailable(type(value).__name__)
    if hasattr(value, "get_config"):  # An Initializer or a layer.
        return {"class": type(value).__name__, "config": value.get_config()}
    if isinstance(value, list | tuple):
        return [plain(argument, part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise InvalidTypeError(
        argument,
        "what a file can hold: None, a bool, a number, a str, an Initializer, or a list of these",
        type(value).__name__,
    )


def snake_case(name: str) -> str:
    """The name of a layer that has none of its own, from that of its class."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", name).lower()

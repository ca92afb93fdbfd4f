"""What files and messages call a layer, and the arguments of its constructor."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, TypeVar

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


Kind = TypeVar("Kind")


def members(value: Any, kind: type[Kind]) -> Iterator[Kind]:
    """What is of a kind in a value, which may be one itself, or lists, tuples and dicts of them."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from members(part, kind)


class Names:
    """Names that are taken."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._counts: dict[str, int] = defaultdict(int)

    def unique(self, base: str) -> str:
        """Take a name: this one, or with a number behind it."""
        name = base
        while name in self._taken:
            self._counts[base] += 1
            name = f"{base}_{self._counts[base]}"
        self._taken.add(name)
        return name


def snake_case(name: str) -> str:
    """The name of a layer that has none of its own, from that of its class."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", name).lower()

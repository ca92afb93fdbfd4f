"""What files and messages call a layer, and the arguments of its constructor."""

import copy
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from inspect import signature
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

from lstm.configured import kept
from lstm.errors import InvalidTypeError
from lstm.initializers import INITIALIZERS, Initializer, Unavailable
from lstm.interface import Interface, set_by_constructor


class Described(Interface):
    """Base of layers: what the arguments of their constructors say, to be written or made again."""

    name: str = set_by_constructor()

    never_called: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("load_assets", "load_own_variables", "save_assets", "save_own_variables"),
        "arguments of the constructor, by get_config, and weights of add_weight: files keep these",
    )

    _common: ClassVar[tuple[str, ...]]
    """The arguments that every layer takes."""

    def arguments(self) -> dict[str, Any]:
        """The arguments of the constructor, each of which is kept in an attribute of its name.

        Raises:
            InvalidTypeError: one has none.
        """
        names = [
            p.name
            for p in signature(type(self)).parameters.values()
            if p.kind is not p.VAR_KEYWORD and p.name not in self._common
        ]
        return kept(self, self.name, (*names, "name", "trainable"))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as JSON values.

        Raises:
            InvalidTypeError: one of them is nothing that a file can hold.
        """
        return {
            key: plain(f"{key} of {self.name}", value) for key, value in self.arguments().items()
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The layer that `get_config` describes, without weights."""
        return cls.made_with(config)

    @classmethod
    def made_with(cls, arguments: Mapping[str, Any]) -> Self:
        """The layer that the constructor makes of these arguments, without weights."""
        taken = signature(cls).parameters.values()
        if any(p.kind is p.VAR_KEYWORD for p in taken):
            return cls(**arguments)
        # A constructor need not hand on what every layer takes.
        options = {"name", "trainable"} & arguments.keys() - {p.name for p in taken}
        layer = cls(**{key: value for key, value in arguments.items() if key not in options})
        for key in options:
            setattr(layer, key, arguments[key])
        return layer

    @property
    def copied_whole(self) -> bool:
        """Whether it is copied as a whole, not made again by its constructor."""
        return False

    def twin(self, **changed: Any) -> Self:
        """A layer that shares the weights of this one, and has other attributes."""
        twin = object.__new__(type(self))
        vars(twin).update(vars(self) | changed)
        return twin

    def __copy__(self) -> Self:
        return copy.deepcopy(self)  # A copy shares nothing that either may change.


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

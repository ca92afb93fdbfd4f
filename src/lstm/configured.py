"""Configured: what the arguments of its constructor describe, now and in a file."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import suppress
from inspect import Parameter, get_annotations, signature
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

from lstm import checks
from lstm.errors import InvalidTypeError, LSTMError
from lstm.interface import Interface, of_library

_NAMED = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY, Parameter.VAR_POSITIONAL)


class Configured(Interface):
    """Base of what a constructor makes of arguments: each is an attribute of its name.

    So it can be shown, described in a file and made again. What this library defines can be
    changed at any time, to what the constructor takes, and has no other attributes: a name that is
    misspelled is refused. A class of your own is free.
    """

    state: ClassVar[tuple[str, ...]] = ()
    """Attributes that are no arguments but change as it is used."""

    free: ClassVar[bool] = False
    """Whether it may have other attributes, too."""

    _names: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[Mapping[str, Any]] = {}
    _attributes: ClassVar[tuple[str, ...]] = ()
    """What may be set: arguments, those of its bases included, state, properties, and what a class
    declares."""
    _closed: ClassVar[bool] = False
    """Whether the library defines it, where it defines the base."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        found = [p for p in signature(cls).parameters.values() if p.kind in _NAMED]
        cls._names = tuple(p.name for p in found)
        cls._defaults = {p.name: p.default for p in found if p.default is not p.empty}
        members = vars(cls).items()
        properties = [name for name, part in members if isinstance(part, property) and part.fset]
        declared = [k for k, kind in get_annotations(cls).items() if "ClassVar" not in str(kind)]
        names = [*cls._names, *properties, *declared, *cls.state, *cls._attributes]
        cls._attributes = tuple(dict.fromkeys(n for n in names if not n.startswith("_")))
        root = cls.__mro__[cls.__mro__.index(Configured) - 1]
        cls._closed = of_library(cls) and _part(cls) == _part(root)

    @property
    def called(self) -> str:
        """What errors call it."""
        return type(self).__name__

    def arguments(self) -> dict[str, Any]:
        """The arguments of the constructor by name.

        Raises:
            InvalidTypeError: one is not kept in an attribute of its name.
        """
        for name in self._names:
            if not hasattr(self, name):
                expected = "an attribute of that name that keeps it"
                raise InvalidTypeError(f"{name} of {self.called}", expected, "none")
        return {name: getattr(self, name) for name in self._names}

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as JSON values.

        Raises:
            InvalidTypeError: one of them is nothing that a file can hold.
        """
        return {
            name: plain(f"{name} of {self.called}", value)
            for name, value in self.arguments().items()
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """What `get_config` describes, made again."""
        return cls.made_with(config)

    @classmethod
    def made_with(cls, arguments: Mapping[str, Any]) -> Self:
        """What the constructor makes of these arguments."""
        return cls(**arguments)

    def description(self) -> dict[str, Any]:
        """Its class and its config, as JSON values."""
        return {"class": type(self).__name__, "config": self.get_config()}

    def __setattr__(self, name: str, value: Any) -> None:
        kind = type(self)
        if kind._closed and name not in kind.state and not name.startswith("_"):
            if name in kind._names and name in vars(self):
                self._set_again(name, value)
                return
            if not kind.free:
                checks.one_of(f"attribute of {kind.__name__}", name, kind._attributes)
        super().__setattr__(name, value)

    def _set_again(self, name: str, value: Any) -> None:
        """Change an argument to what the constructor makes of it, and all that follows from it."""
        changed = self._with(name, value)
        kept = {key: part for key, part in vars(self).items() if key in self.state}
        vars(self).update(vars(changed) | kept)

    def _with(self, name: str, value: Any) -> Self:
        """One with another value of an argument."""
        return type(self).made_with({**self.arguments(), name: value})

    def __repr__(self) -> str:
        """The call that makes it, without what the constructor chooses by itself."""
        if not self._closed:
            return super().__repr__()
        with suppress(LSTMError):  # As long as it is not complete.
            given = self.arguments()
            needed = {name: value for name, value in given.items() if name not in self._defaults}
            usual = self._usual(needed)
            shown = needed | {k: v for k, v in given.items() if not _alike(v, usual[k])}
            return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in shown.items())})"
        return super().__repr__()

    def _usual(self, needed: Mapping[str, Any]) -> Mapping[str, Any]:
        """The arguments where only these are given."""
        return type(self).made_with(needed).arguments()

    def __copy__(self) -> Self:
        return copy.deepcopy(self)  # A copy shares nothing that either may change.


def _part(kind: type) -> str:
    """The part of the library that a class is of, such as "layers"."""
    return kind.__module__.split(".")[1]


def _alike(value: Any, usual: Any) -> bool:
    if isinstance(value, Configured) and type(value) is type(usual):
        return value is usual or value.get_config() == usual.get_config()
    return type(value) is type(usual) and bool(value == usual)


def plain(argument: str, value: Any) -> Any:
    """An argument of a constructor as JSON values.

    Args:
        argument: its name, for the error.
        value: None, a bool, a number, a str, something Configured, or a list of these.

    Raises:
        InvalidTypeError: it is something else.
    """
    if isinstance(value, Configured):
        return value.description()
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
ConfiguredKind = TypeVar("ConfiguredKind", bound=Configured)


def described(
    argument: str,
    saved: Mapping[str, Any],
    kinds: Mapping[str, type[ConfiguredKind]],
    key: str = "class",
) -> ConfiguredKind:
    """What a file or a config describes: one of some kinds, and its config.

    Args:
        argument: its name, for errors.
        saved: the description.
        kinds: classes by what `key` may be.
        key: what names the class.

    Raises:
        InvalidValueError: it describes none of these.
    """
    if saved.keys() != {key, "config"} or not isinstance(saved["config"], dict):
        raise InvalidTypeError(argument, f"a dict of {key!r} and 'config'", f"{saved!r:.60}")
    kind = kinds[checks.one_of(argument, saved[key], kinds)]
    return kind.from_config(saved["config"])


def members(value: Any, kind: type[Kind]) -> Iterator[Kind]:
    """What is of a kind in a value, which may be one itself, or lists, tuples and dicts of them."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from members(part, kind)

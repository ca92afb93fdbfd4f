"""Configured: objects described by the arguments of their constructor, also in files."""

import copy
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from inspect import Parameter, get_annotations, signature
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

from lstm import checks
from lstm.errors import InvalidTypeError, InvalidValueError, LSTMError
from lstm.interface import Interface, of_library

_NAMED = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY, Parameter.VAR_POSITIONAL)


def _arguments(kind: type) -> list[Parameter]:
    """Return the arguments of a constructor: those of `signature(kind)`, in less time."""
    owner = next(base for base in kind.__mro__ if "__init__" in vars(base))
    if owner is object:
        return []
    _, *arguments = signature(vars(owner)["__init__"]).parameters.values()
    return arguments


class Configured(Interface):
    """Base of objects whose constructor keeps each argument in an attribute of the same name.

    So they can be shown, described in a file and rebuilt. On classes of this library, these
    attributes can be changed at any time, to what the constructor accepts; there are no others, so
    a misspelled name is refused. Your own classes may have any attributes, except those that only
    the library sets.
    """

    state: ClassVar[tuple[str, ...]] = ()
    """Attributes that are not arguments and change in use."""

    checked: ClassVar[Mapping[str, Callable[[str, Any], Any]]] = {}
    """Functions that check other attributes when they are set."""

    set_elsewhere: ClassVar[Mapping[str, str]] = {}
    """Attributes that cannot be set, and what to do instead."""

    replaceable: ClassVar[bool] = False
    """Whether functions may replace the methods of an object."""

    _names: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[Mapping[str, Any]] = {}
    _attributes: ClassVar[tuple[str, ...]] = ()
    """Attributes that may be set: arguments (also of base classes), state, properties, and what a
    class declares."""
    _closed: ClassVar[bool] = False
    """Whether the library defines the class."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        found = [p for p in _arguments(cls) if p.kind in _NAMED]
        cls._names = tuple(p.name for p in found)
        cls._defaults = {p.name: p.default for p in found if p.default is not p.empty}
        members = vars(cls).items()
        properties = [name for name, part in members if isinstance(part, property) and part.fset]
        declared = [k for k, kind in get_annotations(cls).items() if "ClassVar" not in str(kind)]
        names = [*cls._names, *properties, *declared, *cls.state, *cls._attributes]
        cls._attributes = tuple(dict.fromkeys(n for n in names if not n.startswith("_")))
        cls._closed = of_library(cls)

    @property
    def called(self) -> str:
        """Its name in errors."""
        return type(self).__name__

    def arguments(self) -> dict[str, Any]:
        """The arguments of the constructor by name.

        Raises:
            InvalidTypeError: an argument is not kept in an attribute of the same name.
        """
        return {name: self.kept(name) for name in self._names}

    def kept(self, name: str) -> Any:
        """Return one argument of the constructor."""
        if not hasattr(self, name):
            expected = "an attribute of that name that keeps it"
            raise InvalidTypeError(f"{name} of {self.called}", expected, "none")
        return getattr(self, name)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor, as JSON values.

        Raises:
            InvalidTypeError: a file cannot hold one of them.
        """
        return {
            name: plain(f"{name} of {self.called}", value)
            for name, value in self.arguments().items()
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Rebuild what `get_config` described."""
        return cls.made_with(config)

    @classmethod
    def made_with(cls, arguments: Mapping[str, Any]) -> Self:
        """Return what the constructor makes from these arguments."""
        return cls(**arguments)

    def description(self) -> dict[str, Any]:
        """Return its class and its config, as JSON values."""
        return {"class": type(self).__name__, "config": self.get_config()}

    def __setattr__(self, name: str, value: Any) -> None:
        kind = type(self)
        if name in kind.checked:
            value = kind.checked[name](name, value)
        elif not name.startswith("_"):
            kind._check_may_set(name, value)
            if kind._closed and name in kind._names and name in vars(self):
                self._set_again(name, value)
                return
        super().__setattr__(name, value)

    @classmethod
    def _check_may_set(cls, name: str, value: object) -> None:
        """Refuse an attribute that cannot be set, or that a class of the library does not have."""
        if cls.replaceable and callable(value) and callable(getattr(cls, name, None)):
            return
        owner = next((kind for kind in cls.__mro__ if name in vars(kind)), None)
        found = None if owner is None or not of_library(owner) else vars(owner)[name]
        read_only = isinstance(found, property) and found.fset is None
        if cls._closed and name not in cls.state:
            known = [other for other in cls._attributes if other not in cls.set_elsewhere]
            if name not in known:
                for meant in get_close_matches(name, cls.set_elsewhere, n=1, cutoff=0.8):
                    raise InvalidValueError(name, cls.set_elsewhere[meant], f"{value!r:.60}")
                checks.one_of(f"attribute of {cls.__name__}", name, known)
        elif read_only:
            other = f"another name for an attribute of {cls.__name__}: the library sets {name}"
            raise InvalidValueError(name, cls.set_elsewhere.get(name, other), f"{value!r:.60}")

    def _set_again(self, name: str, value: Any) -> None:
        """Change an argument as the constructor would, and everything that follows from it."""
        changed = self._with(name, value)
        kept = {key: part for key, part in vars(self).items() if key in self.state}
        vars(self).update(vars(changed) | kept)

    def _with(self, name: str, value: Any) -> Self:
        """Return one with another value of an argument."""
        return type(self).made_with({**self.arguments(), name: value})

    def __repr__(self) -> str:
        """Return the call that makes it, without arguments at their default."""
        if not self._closed:
            return super().__repr__()
        with suppress(LSTMError):  # While it is incomplete.
            given = self.arguments()
            needed = {name: value for name, value in given.items() if name not in self._defaults}
            usual = self._usual(needed)
            shown = needed | {k: v for k, v in given.items() if not _alike(v, usual.get(k))}
            return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in shown.items())})"
        return super().__repr__()

    def _usual(self, needed: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return all arguments if only these are given."""
        return type(self).made_with(needed).arguments()

    def __copy__(self) -> Self:
        return copy.deepcopy(self)  # A copy shares nothing that either may change.


_versions = itertools.count(1)


class Changes:
    """The changes of all that has a version."""

    latest = 0
    """The version of the last change: while it stays, nothing has another version."""


class Versioned(Configured):
    """Something configured that tells whether an attribute was set since one looked."""

    version = 0
    """Another number after each attribute that is set; no two objects have the same."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        new_version(self)


def new_version(changed: object) -> None:
    """Give an object its next version."""
    vars(changed)["version"] = version = next(_versions)
    Changes.latest = version


def _alike(value: Any, usual: Any) -> bool:
    if isinstance(value, Configured) and type(value) is type(usual):
        return value is usual or value.get_config() == usual.get_config()
    return type(value) is type(usual) and bool(value == usual)


def plain(argument: str, value: Any) -> Any:
    """Return an argument of a constructor as JSON values.

    Args:
        argument: its name in errors.
        value: None, a bool, a number, a str, something Configured, or a list of these.

    Raises:
        InvalidTypeError: `value` is something else.
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


_NAMES_THE_CLASS = ("class_name", "class", "name")
_SAYS_NOTHING = frozenset(("module", "registered_name", "build_config"))
"""What Keras adds to the description of an object."""


def described(
    argument: str, saved: Mapping[str, Any], kinds: Mapping[str, type[ConfiguredKind]]
) -> ConfiguredKind:
    """Return the class and the config that a file or a config describes.

    Args:
        argument: its name in errors.
        saved: the description: a dict of "config" and "class_name", as Keras writes it; files have
            "class" or "name" instead.
        kinds: the possible classes, by their names.

    Raises:
        InvalidValueError: `saved` describes none of these.
    """
    names = [key for key in _NAMES_THE_CLASS if key in saved]
    others = saved.keys() - {*names, "config"} - _SAYS_NOTHING
    if len(names) != 1 or others or not isinstance(saved.get("config"), dict):
        expected = f"a dict of {(*names, 'class_name')[0]!r} and 'config'"
        raise InvalidTypeError(argument, expected, f"{saved!r:.60}")
    kind = kinds[checks.one_of(argument, saved[names[0]], kinds)]
    return kind.from_config(saved["config"])


def snake_case(name: str) -> str:
    """Return the default name of an object, from the name of its class."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", name).lower()


def members(value: Any, kind: type[Kind]) -> Iterator[Kind]:
    """Yield all of a kind in a value: the value itself, or those in lists, tuples and dicts."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from members(part, kind)

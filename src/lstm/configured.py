"""Configured: what the arguments of its constructor describe, now and in a file."""

from collections.abc import Iterable
from inspect import Parameter, get_annotations, signature
from typing import Any, ClassVar

import numpy as np

from lstm import checks
from lstm.errors import InvalidTypeError
from lstm.interface import Interface

_NAMED = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


class Configured(Interface):
    """Base of optimizers, losses and initializers, whose arguments are attributes of the same name.

    Those of this library can be set at any time, to what the constructor takes, and have no
    other attributes: a name that is misspelled is refused. A class of your own is free.
    """

    state: ClassVar[tuple[str, ...]] = ()
    """Attributes that are no arguments but change as it is used."""

    _parameters: ClassVar[tuple[str, ...]] = ()
    _attributes: ClassVar[tuple[str, ...]] = ()
    """What may be set: arguments, those of its bases included, state, properties, and what a class
    declares."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        found = signature(cls).parameters.values()
        cls._parameters = tuple(p.name for p in found if p.kind in _NAMED)
        members = vars(cls).items()
        properties = [name for name, part in members if isinstance(part, property) and part.fset]
        declared = [k for k, kind in get_annotations(cls).items() if "ClassVar" not in str(kind)]
        names = [*cls._parameters, *properties, *declared, *cls.state, *cls._attributes]
        cls._attributes = tuple(dict.fromkeys(names))

    def arguments(self) -> dict[str, Any]:
        """The arguments of the constructor by name.

        Raises:
            InvalidTypeError: one is not kept in an attribute of its name.
        """
        return kept(self, type(self).__name__, self._parameters)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, as JSON values."""
        return {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in self.arguments().items()
        }

    def __setattr__(self, name: str, value: Any) -> None:
        kind = type(self)
        state = name in self.state  # Some of it changes at each step.
        if not state and kind.__module__.startswith("lstm.") and not name.startswith("_"):
            checks.one_of(f"attribute of {kind.__name__}", name, self._attributes)
            if name in self._parameters and name in vars(self):
                self._set_again(name, value)
                return
        super().__setattr__(name, value)

    def _set_again(self, name: str, value: Any) -> None:
        """Change an argument to what the constructor makes of it, and all that follows from it."""
        changed = type(self)(**{**self.arguments(), name: value})
        kept = {key: part for key, part in vars(self).items() if key in self.state}
        vars(self).update(vars(changed) | kept)


def kept(instance: object, called: str, arguments: Iterable[str]) -> dict[str, Any]:
    """The arguments of a constructor, each of which an attribute of its name keeps.

    Args:
        instance: what was made with them.
        called: its name in errors.
        arguments: their names.

    Raises:
        InvalidTypeError: one is not kept.
    """
    for name in arguments:
        if not hasattr(instance, name):
            expected = "an attribute of that name that keeps it"
            raise InvalidTypeError(f"{name} of {called}", expected, "none")
    return {name: getattr(instance, name) for name in arguments}

"""The exceptions of the library: each names the argument, what was expected and what was got."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from lstm.terminal import visible


class LSTMError(Exception):
    """Base of every error that the library raises on purpose.

    Messages may quote a file, so they show control characters as signs.
    """

    def __str__(self) -> str:
        return visible(super().__str__())

    def __reduce__(self) -> tuple[Any, ...]:
        # Not through the constructor: its arguments may be gone, and a pool waits forever for an
        # error that cannot be unpickled in the calling process.
        return _again, (type(self), self.args), vars(self)


def _again(kind: type[LSTMError], arguments: tuple[Any, ...]) -> LSTMError:
    return kind.__new__(kind, *arguments)


class InvalidValueError(LSTMError, ValueError):
    """An argument has the right type but an unusable value.

    Args:
        argument: name of the argument, as the caller wrote it.
        expected: what is accepted.
        got: what was passed.

    Example:
        >>> raise InvalidValueError("rate", "a number in [0, 1)", 1.5)
        Traceback (most recent call last):
        ...
        lstm.errors.InvalidValueError: rate: expected a number in [0, 1), got 1.5
    """

    def __init__(self, argument: str, expected: str, got: object) -> None:
        super().__init__(argument, expected, got)
        self.argument = argument
        self.expected = expected
        self.got = got

    def __str__(self) -> str:
        return visible(f"{self.argument}: expected {self.expected}, got {self.got}")

    def changed(
        self, argument: str | None = None, expected: str | None = None, got: object = None
    ) -> Self:
        """Return the same error with the given parts changed."""
        return type(self)(argument or self.argument, expected or self.expected, got or self.got)


class InvalidShapeError(InvalidValueError):
    """An array has the wrong number of axes or the wrong size along one."""


class InvalidTypeError(InvalidValueError, TypeError):
    """An argument has a type that cannot be used."""


@contextmanager
def naming(called: Callable[[str], str | None]) -> Iterator[None]:
    """Let the errors of a `with` block name the arguments of its caller.

    Args:
        called: returns the caller's name of an argument; None leaves an error unchanged.

    Example:
        >>> with naming({"x": "X"}.get):
        ...     raise InvalidValueError("x", "a number", "none")
        Traceback (most recent call last):
        ...
        lstm.errors.InvalidValueError: X: expected a number, got none
    """
    try:
        yield
    except InvalidValueError as error:
        argument = called(error.argument)
        if argument is None:
            raise
        raise error.changed(argument) from None


class NoSuchAttributeError(LSTMError, AttributeError):
    """An object has no such attribute; the message names the alternative."""


class NoSuchNameError(LSTMError, ImportError):
    """A module has no such name to import; the message names the alternative."""


class NotReadyError(LSTMError, ValueError):
    """A model was used before it was built or compiled; the message says what to call first."""


class NotDefinedError(LSTMError, NotImplementedError):
    """A class derived from one of the library lacks a method that it must define.

    Args:
        instance: an instance of that class.
        method: the method to define, with its arguments.
    """

    def __init__(self, instance: object, method: str) -> None:
        super().__init__(f"{type(instance).__name__}: define {method}")


class DivergedError(LSTMError, ValueError):
    """Training diverged: the loss is no longer a finite number."""


class ModelFileError(LSTMError, ValueError):
    """A model file is missing, damaged or of another kind; nothing was loaded from it."""

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return visible(f"{self.path}: {self.reason}")


class LSTMWarning(UserWarning):
    """A problem that stops nothing; the message says what to do."""


class StoppedWarning(LSTMWarning):
    """Training stopped before its end; the message says why, and which weights the model has."""


class DataUnavailableError(LSTMError, ValueError):
    """A data set is neither on this machine nor reachable; the message says how to provide it."""


class MissingExtraError(LSTMError, ImportError):
    """An optional dependency is not installed.

    Args:
        purpose: what needs it.
        extra: the extra of the distribution that installs it.
    """

    def __init__(self, purpose: str, extra: str) -> None:
        super().__init__(f"{purpose} needs an optional package: pip install 'lstm-kit[{extra}]'")

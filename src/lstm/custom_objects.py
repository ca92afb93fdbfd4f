"""Custom objects: the classes and functions of users that files name, for all that read one."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from lstm import checks
from lstm.interface import spelled

T = TypeVar("T")

_REGISTERED: dict[str, Any] = {}


@spelled
def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[T], T]:
    """Make a class or function known to `load_model`, as `custom_objects` would.

    Args:
        package: accepted for compatibility: files name classes without it.
        name: the name in files; that of the class by default.

    Returns:
        A decorator that returns the class as it is.

    Example:
        >>> import lstm
        >>> @lstm.utils.register_keras_serializable()
        ... class Last(lstm.layers.Layer):
        ...     def call(self, inputs):
        ...         return inputs[:, -1]
        >>> lstm.utils.get_custom_objects()["Last"] is Last
        True
        >>> _ = lstm.utils.get_custom_objects().pop("Last")
    """
    checks.string("package", package)

    def register(kind: T) -> T:
        known_as = kind.__name__ if name is None else name  # type: ignore[attr-defined]
        _REGISTERED[checks.string("name", known_as)] = kind
        return kind

    return register


def get_custom_objects() -> dict[str, Any]:
    """Return the dict of all registered classes and functions by name, which may be changed."""
    return _REGISTERED


@contextmanager
def custom_object_scope(custom_objects: Mapping[str, Any]) -> Iterator[None]:
    """Register classes and functions by name within a `with` block."""
    before = dict(_REGISTERED)
    _REGISTERED.update(custom_objects)
    try:
        yield
    finally:
        _REGISTERED.clear()
        _REGISTERED.update(before)


CustomObjectScope = custom_object_scope

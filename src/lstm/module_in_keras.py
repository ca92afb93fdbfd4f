"""ModuleInKeras: a function whose name is that of a module of Keras."""

from collections.abc import Callable, Mapping
from functools import update_wrapper
from types import ModuleType
from typing import Any

from lstm.errors import NoSuchAttributeError


class ModuleInKeras:
    """A function with the name of a module of Keras, and with the names in that module.

    Args:
        function: the function.
        names: the names that it has.
        module: where the others are.
        instead: what to write in place of those that are not here.
    """

    _function: Callable[..., Any]
    _names: Mapping[str, Any] = {}
    _module: ModuleType
    _instead: Mapping[str, str] = {}

    def __init__(
        self,
        function: Callable[..., Any],
        names: Mapping[str, Any],
        module: ModuleType,
        instead: Mapping[str, str],
    ) -> None:
        update_wrapper(self, function)
        self._function, self._names, self._module, self._instead = function, names, module, instead

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self._function(*args, **options)

    def __deepcopy__(self, memo: dict[int, Any]) -> "ModuleInKeras":
        return self

    def __getattr__(self, name: str) -> Any:
        if name in self._names:
            return self._names[name]
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._module.__all__ and name not in self._instead:
            return getattr(self._module, name)
        instead = self._instead.get(name, f"{self._module.__name__} has functions of tensors")
        raise NoSuchAttributeError(f"no {name} here: {instead}")

"""ModuleInKeras: a function whose name is that of a module of Keras."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, NoReturn

from lstm.errors import NoSuchAttributeError


class ModuleInKeras:
    """A function with the name of a module of Keras; it says where the names of that module are.

    Args:
        function: the function.
        instead: where they are.
    """

    _function: Callable[..., Any]
    _instead = ""

    def __init__(self, function: Callable[..., Any], instead: str) -> None:
        update_wrapper(self, function)
        self._function, self._instead = function, instead

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self._function(*args, **options)

    def __getattr__(self, name: str) -> NoReturn:
        raise NoSuchAttributeError(f"no {name} here: {self._instead}")

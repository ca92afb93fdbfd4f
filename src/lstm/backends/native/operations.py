"""The operations of the extension, as a recording writes them down."""

from collections.abc import Callable
from typing import Any

from lstm.backends import _kernels

OPERATIONS: dict[str, Any] = _kernels.operations()
"""The sizes and arguments of each operation."""

RETURNS = {
    name: (getattr(getattr(_kernels, name, None), "__doc__", "") or "")
    .rstrip()
    .endswith("-> float")
    for name in OPERATIONS
}
"""Whether it returns a number."""


class Writer:
    """The kernels, of which calls of operations are written down; all else is as in `kernels`."""

    def __init__(self, write: Callable[..., Any], kernels: Any) -> None:
        self._write = write
        self._kernels = kernels

    def __getattr__(self, name: str) -> Any:
        if name not in OPERATIONS:
            return getattr(self._kernels, name)

        def operation(*arguments: Any) -> Any:
            return self._write(name, *arguments)

        return operation

"""The machine as NumPy uses it."""

from typing import Any


def speed() -> float:
    return 1e10


def facts() -> dict[str, Any]:
    return {}

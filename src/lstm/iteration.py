"""Iteration: tells data that comes in batches from arrays and lists of examples."""

from collections.abc import Iterable, Mapping, Sequence
from inspect import isfunction, ismethod
from typing import Any

from lstm.errors import InvalidTypeError


def is_stream(x: Any) -> bool:
    """Whether data comes in batches, not as arrays or as lists of examples."""
    if hasattr(x, "__next__"):
        return True
    if hasattr(x, "__array__") or isinstance(x, Sequence | Mapping | memoryview):
        return False
    return isinstance(x, Iterable) or is_indexed(x)


def is_indexed(x: Any) -> bool:
    """Whether x is a sequence of batches, such as a `Sequence` or `PyDataset` of Keras."""
    return hasattr(x, "__getitem__") and hasattr(x, "__len__")


def check_not_function(argument: str, data: Any) -> None:
    """Refuse a function that yields batches: what it returns has them.

    Raises:
        InvalidTypeError: it is one; the message names `argument`.
    """
    if isfunction(data) or ismethod(data):
        expected = f"data, such as the batches that {data.__name__}() yields"
        raise InvalidTypeError(argument, expected, f"the function {data.__name__} itself")

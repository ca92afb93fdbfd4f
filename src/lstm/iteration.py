"""Iteration: tells data that comes in batches from arrays and lists of examples."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


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

"""PyDataset: batches of the user's own, by number, as in Keras."""

from collections.abc import Iterator
from typing import Any

from lstm import checks
from lstm.errors import NotDefinedError
from lstm.interface import Interface


class PyDataset(Interface):
    """Base of batches of your own: define `__len__`, `__getitem__` and, if needed, `on_epoch_end`.

    Nothing needs this base class: `fit`, `evaluate` and `predict` accept any object with `len` and
    an index. Batches are made one after the other, when they are needed; the arguments of Keras
    that would make them in advance are taken and mean nothing.

    Args:
        workers, use_multiprocessing, max_queue_size: those arguments.

    Example:
        >>> import numpy as np
        >>> class Squares(PyDataset):
        ...     def __len__(self):
        ...         return 3
        ...     def __getitem__(self, index):
        ...         return np.array([[index]]), np.array([[index**2]])
        >>> [int(y[0, 0]) for x, y in Squares()]
        [0, 1, 4]
    """

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        self.workers = checks.positive_int("workers", workers)
        self.use_multiprocessing = checks.boolean("use_multiprocessing", use_multiprocessing)
        self.max_queue_size = checks.positive_int("max_queue_size", max_queue_size)

    def __len__(self) -> int:
        """The number of batches."""
        raise NotDefinedError(self, "__len__()")

    def __getitem__(self, index: int) -> Any:
        """Batch `index`: x, (x, y) or (x, y, sample_weight)."""
        raise NotDefinedError(self, "__getitem__(index)")

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))

    def on_epoch_end(self) -> None:
        """Called after each epoch of `fit`."""

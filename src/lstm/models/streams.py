"""Streams: data that comes in batches, from a generator, a loader or a sequence of batches."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np

from lstm.errors import InvalidValueError
from lstm.layers.symbolic import SymbolicTensor
from lstm.models.batches import Batch, Check, examples, parts


def is_stream(x: Any) -> bool:
    """Whether data comes in batches, not as arrays or as lists of examples."""
    if hasattr(x, "__next__"):
        return True
    if hasattr(x, "__array__") or isinstance(x, Sequence | Mapping | memoryview):
        return False
    return isinstance(x, Iterable) or _is_indexed(x)


def _is_indexed(x: Any) -> bool:
    """Whether it is a sequence of batches, such as the `Sequence` and `PyDataset` of Keras."""
    return hasattr(x, "__getitem__") and hasattr(x, "__len__")


class Source:
    """Items one after the other: batches as users give them.

    Args:
        argument: named in errors.
        stream: an iterator, which is gone over once; or what can be gone over again.

    Attributes:
        again: whether it can be.
    """

    def __init__(self, argument: str, stream: Any) -> None:
        self.argument = argument
        self._stream = stream
        self._rng: np.random.Generator | None = None
        self.again = not hasattr(stream, "__next__")

    def shuffled(self, rng: np.random.Generator | None) -> "Source":
        """This source, with a sequence of batches in an order that `rng` draws for each pass."""
        self._rng = rng
        return self

    @property
    def size(self) -> int | None:
        """Number of items in a pass, where it is known."""
        if not (self.again and hasattr(self._stream, "__len__")):
            return None
        try:
            return len(self._stream)
        except TypeError:  # So loaders say that they do not know.
            return None

    def first(self) -> Any:
        """The first item, which a pass still gives.

        Raises:
            InvalidValueError: there is none.
        """
        items = self.items()
        for item in items:
            if not self.again:
                self._stream = chain([item], items)
            return item
        raise InvalidValueError(self.argument, "at least one batch", "none")

    def items(self) -> Iterator[Any]:
        """A pass over all items; over those that are left of an iterator."""
        if not self.again or not _is_indexed(self._stream):
            return iter(self._stream)
        order = np.arange(len(self._stream))
        if self._rng is not None:
            self._rng.shuffle(order)
        return (self._stream[int(k)] for k in order)

    def epoch_ended(self) -> None:
        """Tell a sequence of batches that wants to know."""
        tell = getattr(self._stream, "on_epoch_end", None)
        if callable(tell):
            tell()


class StreamBatches:
    """Batches from a source of (x, y) or (x, y, sample_weight), taken as they come.

    Args:
        source: gives the batches.
        inputs: those of the model.
        dtype: what the model computes in.
        steps: batches in an epoch; None for a pass.
        check: refuses a batch that cannot be used.
        anew: an epoch begins with the first batch, and does not go on where the one before ended.
    """

    def __init__(
        self,
        source: Source,
        inputs: Sequence[SymbolicTensor],
        dtype: str,
        steps: int | None,
        check: Check,
        *,
        anew: bool = False,
    ) -> None:
        self._source = source
        self._inputs = inputs
        self._dtype = dtype
        self._limit = steps
        self._check = check
        self._anew = anew
        self._endless = self._passes()
        self._begun: Iterator[tuple[Any, bool]] | None = None

    @property
    def steps(self) -> int | None:
        """Number of batches in an epoch; None where it is not known."""
        return self._source.size if self._limit is None else self._limit

    def more(self) -> bool:
        """Whether there is a batch for another epoch."""
        epoch = self._begun or self._epoch()
        for first in epoch:
            self._begun = chain([first], epoch)
            return True
        return False

    def __iter__(self) -> Iterator[Batch]:
        """The batches of the next epoch."""
        epoch, self._begun = self._begun or self._epoch(), None
        for item, fresh in epoch:
            x, y, weight = parts(f"batch of {self._source.argument}", item)
            batch = examples(x, y, weight, self._inputs, self._dtype).batch()
            batch.fresh = fresh
            self._check(batch)
            yield batch
        self._source.epoch_ended()

    def _epoch(self) -> Iterator[tuple[Any, bool]]:
        if self._limit is None or self._anew:
            return islice(self._pass(), self._limit)
        return islice(self._endless, self._limit)

    def _passes(self) -> Iterator[tuple[Any, bool]]:
        """All that there is: passes without end over what can be gone over again."""
        found = True
        while found:
            found = False
            for item in self._pass():
                found = self._source.again
                yield item

    def _pass(self) -> Iterator[tuple[Any, bool]]:
        """The items of a pass, each with whether carried state starts anew before it."""
        begins = self._source.again
        for item in self._source.items():
            yield item, begins
            begins = False

"""Streams: data that comes in batches, from a generator, a loader or a sequence of batches."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import numpy as np

from lstm import checks
from lstm.errors import InvalidValueError
from lstm.iteration import is_indexed
from lstm.models.batches import Batch, Batching, examples, parts
from lstm.models.epochs import Epochs, Order


class Source:
    """A source of batches in sequence, as users pass them.

    Args:
        argument: its name in errors.
        stream: an iterator, which can be read once; or an iterable that can be read again.

    Attributes:
        again: whether it can be read again.
        stream: the iterator or iterable.
    """

    def __init__(self, argument: str, stream: Any) -> None:
        self.argument = argument
        self.stream = stream
        self.again = not hasattr(stream, "__next__")

    @property
    def indexed(self) -> bool:
        """Whether each item is available by its number."""
        return self.again and is_indexed(self.stream)

    @property
    def size(self) -> int | None:
        """Number of items in a pass, if it is known."""
        if not (self.again and hasattr(self.stream, "__len__")):
            return None
        try:
            return len(self.stream)
        except TypeError:  # Loaders that do not know their length raise this.
            return None

    def first(self) -> Any:
        """Return the first item, without removing it from the pass.

        Raises:
            InvalidValueError: there is no item.
        """
        items = self.items()
        for item in items:
            if not self.again:
                self.stream = chain([item], items)
            return item
        raise InvalidValueError(self.argument, "at least one batch", "none")

    def items(self, order: Order | None = None, skip: int = 0) -> Iterator[Any]:
        """Yield all items of a pass except the first `skip`, or the rest of an iterator.

        `order` is the order for a sequence of batches; None keeps its own.
        """
        if not self.indexed:
            return islice(iter(self.stream), skip, None)
        numbers = range(len(self.stream)) if order is None else map(int, order)
        return (self.stream[k] for k in islice(numbers, skip, None))

    def for_training(
        self, batching: Batching, steps: int | None, rng: np.random.Generator | None
    ) -> "StreamBatches":
        """Return batches for epochs of this many steps, or one pass each; shuffled by `rng`."""
        limit = None if steps is None else checks.positive_int("steps_per_epoch", steps)
        return StreamBatches(self, batching, limit, rng)

    def for_evaluation(
        self, batching: Batching, argument: str, steps: int | None
    ) -> "StreamBatches":
        """Return batches to evaluate on, at most `steps`, named `argument` in errors."""
        limit = None if steps is None else checks.positive_int(argument, steps)
        return StreamBatches(self, batching, limit, restarts=True)

    def epoch_ended(self) -> None:
        """Tell a sequence of batches that the epoch ended, if it has a method for this."""
        tell = getattr(self.stream, "on_epoch_end", None)
        if callable(tell):
            tell()


class StreamBatches:
    """Batches from a source of (x, y) or (x, y, sample_weight), read as they come.

    Args:
        source: the source of the batches.
        batching: how the model reads them.
        steps: batches in an epoch; None for a pass.
        rng: shuffles each pass over a sequence of batches; None keeps their order.
        restarts: whether each epoch starts with the first batch, not where the last one ended.
    """

    def __init__(
        self,
        source: Source,
        batching: Batching,
        steps: int | None,
        rng: np.random.Generator | None = None,
        *,
        restarts: bool = False,
    ) -> None:
        self.source = source
        self._batching = batching
        self._limit = steps
        self._restarts = restarts
        ordered = (source.stream, rng) if source.indexed else ()
        self.epochs = Epochs(self._pass, steps, *ordered, once=not source.again)

    @property
    def steps(self) -> int | None:
        """Number of batches in an epoch; None if unknown."""
        return self.source.size if self._limit is None else self._limit

    @property
    def again(self) -> bool:
        """Whether they can be read again."""
        return self.source.again

    def more(self) -> bool:
        """Whether there is a batch for another epoch."""
        return self.epochs.more()

    def __iter__(self) -> Iterator[Batch]:
        """Yield the rest of the current epoch, or the batches of the next one."""
        if self._restarts:
            self.epochs.restart()
        batching = self._batching
        for item, fresh in self.epochs:
            given = batching.arranged(*parts(f"batch of {self.source.argument}", item))
            batch = examples(*given, batching.inputs, batching.dtype).batch()
            batch.fresh = fresh
            batching.check(batch)
            yield batch
        self.source.epoch_ended()

    def _pass(self, order: Order | None, skip: int) -> Iterator[tuple[Any, bool]]:
        """Yield the items of a pass, each with whether carried state is reset before it."""
        begins = self.source.again and not skip
        for item in self.source.items(order, skip):
            yield item, begins
            begins = False

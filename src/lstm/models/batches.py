"""Batches: data in the portions that a graph reads."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import floor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.iteration import check_not_function
from lstm.layers.masks import Mask
from lstm.models.columns import Column, Entry, Ragged, Rows, column, columns
from lstm.models.epochs import Epochs, Order

Values = NDArray[Any]


@dataclass
class Batch:
    """Some examples, ready for a model.

    Attributes:
        x: one array for each input of the model, batch first.
        y: targets, or None.
        weight: weight of each example (B,) or step (B, T), or None.
        masks: for each input, which steps are real (B, T); None without padding.
        fresh: whether carried state is reset before this batch.
        chunk: whether these steps are only a part of longer sequences.
        steps: number of equal batches that are joined here, each for a training step of its own.
    """

    x: list[Values]
    y: Values | None = None
    weight: Values | None = None
    masks: list[Mask | None] = field(default_factory=list)
    fresh: bool = False
    chunk: bool = False
    steps: int = 1

    @property
    def size(self) -> int:
        """Number of examples of a training step."""
        return len(self.x[0]) // self.steps

    def parts(self) -> Iterator["Batch"]:
        """Yield the batch of each training step."""
        for start in range(0, self.steps * self.size, self.size):
            rows = slice(start, start + self.size)
            y, weight = (None if part is None else part[rows] for part in (self.y, self.weight))
            masks = [None if mask is None else mask[rows] for mask in self.masks]
            fresh = self.fresh and start == 0
            yield Batch([x[rows] for x in self.x], y, weight, masks, fresh, self.chunk)


Check = Callable[[Batch], object]
"""Raises an error if a model cannot use the batch."""


@dataclass(frozen=True)
class Batching:
    """How a model reads data.

    Attributes:
        inputs: the inputs of the model.
        dtype: the dtype of the computation.
        check: refuses a batch that the model cannot use.
        batch_size: examples in a batch, if the data does not come in batches.
        carry: state is carried from batch to batch.
        chunk_length: steps of the chunks of a sequence, with `carry`; None for whole sequences.
        arranged: makes x, y and weights of a user, who may give them by output, those to be read.
    """

    inputs: Sequence[Entry]
    dtype: str
    check: Check
    batch_size: int
    carry: bool = False
    chunk_length: int | None = None
    arranged: Callable[[Any, Any, Any], tuple[Any, Any, Any]] = lambda *given: given


@dataclass
class Examples:
    """Data that is all available: it can be shuffled, split and read again.

    Attributes:
        x: one column for each input.
        y: targets, or None.
        weight: weights of examples (N,) or steps (N, T), or None.
    """

    x: list[Column]
    y: Column | None = None
    weight: Column | None = None

    def __post_init__(self) -> None:
        for name, part in (("y", self.y), ("sample_weight", self.weight)):
            if part is not None and len(part) != len(self):
                raise InvalidShapeError(name, f"{len(self)} examples, as many as x", len(part))
        for part in self.x[1:]:
            if len(part) != len(self):
                raise InvalidShapeError("x", f"{len(self)} examples for each input", len(part))
        if len(self) == 0:
            raise InvalidShapeError("x", "at least one example", "none")
        lengths = [part.lengths for part in self.x if isinstance(part, Ragged)]
        for name, part in (("y", self.y), ("sample_weight", self.weight)):
            if isinstance(part, Ragged) and not any((part.lengths == x).all() for x in lengths):
                raise InvalidShapeError(name, "sequences as long as those of x", "other lengths")
        if self.weight is not None:
            weight = self.weight[:] if isinstance(self.weight, Ragged) else self.weight
            if (weight < 0).any():
                raise InvalidValueError("sample_weight", "numbers of at least 0", weight.min())

    def __len__(self) -> int:
        return len(self.x[0])

    @property
    def ragged(self) -> bool:
        """Whether some sequences have different lengths."""
        return any(isinstance(part, Ragged) for part in (*self.x, self.y, self.weight))

    def batch(self, rows: Rows = slice(None)) -> Batch:
        """Return the chosen examples: views of the arrays if rows are a range."""
        return Batch(
            [part[rows] for part in self.x],
            None if self.y is None else self.y[rows],
            None if self.weight is None else self.weight[rows],
            [part.mask(rows) if isinstance(part, Ragged) else None for part in self.x],
        )

    def split(self, fraction: float) -> tuple["Examples", "Examples"]:
        """Return the first examples, and the last `fraction` of them.

        Raises:
            InvalidValueError: one of the two parts would be empty.
        """
        cut = floor(len(self) * (1 - fraction))  # As Keras rounds.
        if not 0 < cut < len(self):
            raise InvalidValueError(
                "validation_split",
                f"a share that leaves both parts of {len(self)} examples at least one",
                fraction,
            )
        return self._range(0, cut), self._range(cut, len(self))

    def first(self, count: int) -> "Examples":
        """Return the first examples, at most `count`."""
        return self._range(0, min(count, len(self)))

    def for_training(
        self, batching: Batching, steps: int | None, rng: np.random.Generator | None
    ) -> "ArrayBatches":
        """Return batches for epochs of this many steps, or one pass each; shuffled by `rng`."""
        return ArrayBatches(self, batching, rng, steps)

    def for_evaluation(
        self, batching: Batching, argument: str, steps: int | None
    ) -> "ArrayBatches":
        """Return batches to evaluate on, at most `steps`, named `argument` in errors."""
        if steps is None:
            return ArrayBatches(self, batching)
        return ArrayBatches(
            self.first(checks.positive_int(argument, steps) * batching.batch_size), batching
        )

    def _range(self, start: int, stop: int) -> "Examples":
        def part(values: Column) -> Column:
            return values.part(start, stop) if isinstance(values, Ragged) else values[start:stop]

        return Examples(
            [part(values) for values in self.x],
            None if self.y is None else part(self.y),
            None if self.weight is None else part(self.weight),
        )


def parts(argument: str, item: Any) -> tuple[Any, Any, Any]:
    """Return (x, y, sample_weight or None) from (x, y) or (x, y, sample_weight).

    Raises:
        InvalidTypeError: `item` is neither.
    """
    check_not_function(argument, item)
    if not isinstance(item, tuple | list) or len(item) not in (2, 3):
        raise InvalidTypeError(
            argument, "(x, y) or (x, y, sample_weight)", f"{type(item).__name__}"
        )
    x, y, weight = (*item, None)[:3]
    return x, y, weight


def examples(x: Any, y: Any, weight: Any, inputs: Sequence[Entry], dtype: str) -> Examples:
    """Return the examples for a model with these inputs, which computes in `dtype`."""
    return Examples(
        columns("x", x, inputs, dtype),
        None if y is None else column("y", y, dtype),
        None if weight is None else column("sample_weight", weight, dtype),
    )


class ArrayBatches:
    """The batches of one or more passes over examples.

    With `batching.carry`, each row of a batch continues the same row of the last one, and each pass
    starts again from zeros; all chunks of a batch follow one another.

    Args:
        examples: the data; it is all checked here, once.
        batching: how the model reads it; the last batch of a pass may have fewer examples.
        rng: shuffles each pass; None keeps the order.
        steps: batches in an epoch, which continues in the pass where the last one ended; None for
            one pass per epoch.

    Raises:
        InvalidValueError: with `carry`, batches would have different sizes.
    """

    again = True
    """They can be read again."""

    def __init__(
        self,
        examples: Examples,
        batching: Batching,
        rng: np.random.Generator | None = None,
        steps: int | None = None,
    ) -> None:
        self.examples = examples
        self._batch_size = min(
            checks.positive_int("batch_size", batching.batch_size), len(examples)
        )
        chunk_length = self._chunk_length = batching.chunk_length
        self._time = 0
        self._limit = None if steps is None else checks.positive_int("steps_per_epoch", steps)
        if batching.carry and chunk_length is None and len(examples) % self._batch_size:
            raise InvalidValueError(
                "batch_size",
                f"a divisor of the {len(examples)} examples, because state is carried from one "
                "batch to the next",
                batching.batch_size,
            )
        if chunk_length is not None:
            checks.positive_int("chunk_length", chunk_length)
            parts = [*examples.x, *([] if examples.y is None else [examples.y])]
            self._time = _common_length(parts)
        self.epochs = Epochs(self._pass, self._limit, examples, rng)
        # Arrays are checked as one batch, which is faster; sequences are not, because padding all
        # to the longest could be far larger than the data.
        for portion in self._cut(self._batch_size if examples.ragged else len(examples)):
            batching.check(self._read(portion))

    @property
    def steps(self) -> int:
        """Number of batches in an epoch."""
        if self._limit is not None:
            return self._limit
        return -(-len(self.examples) // self._batch_size) * self._chunks

    @property
    def _chunks(self) -> int:
        """Number of chunks into which a batch is cut."""
        return 1 if self._chunk_length is None else -(-self._time // self._chunk_length)

    def more(self) -> bool:
        """Whether there is a batch for another epoch."""
        return True

    def __iter__(self) -> Iterator[Batch]:
        """Yield the rest of the current epoch, or the batches of the next one."""
        return self.joined(lambda: 1)

    def joined(self, most: Callable[[], int]) -> Iterator[Batch]:
        """Yield the same, where possible in batches of several steps: `most` returns how many."""
        begins = not self.epochs.begun
        portions = iter(self.epochs)
        for first in portions:
            others = islice(portions, max(1, min(most(), first.equal)) - 1)
            *_, last = count = [first, *others]
            batch = self._read(first._replace(stop=last.stop))
            batch.steps = len(count)
            batch.fresh = batch.fresh or begins
            begins = False
            yield batch

    def _pass(self, order: Order | None, start: int) -> Iterator["_Portion"]:
        groups, chunks = divmod(start, max(1, self._chunks))
        return islice(self._cut(self._batch_size, order, groups), chunks, None)

    def _cut(self, size: int, order: Order | None = None, skip: int = 0) -> Iterator["_Portion"]:
        """Yield portions of `size` examples, except the first `skip`, cut into chunks."""
        ragged, count = self.examples.ragged, len(self.examples)
        for start in range(skip * size, count, size):
            stop = min(start + size, count)
            if self._chunk_length is None:
                equal = 1 if ragged else max(1, (count - start) // size)
                yield _Portion(order, start, stop, start == 0, equal)
                continue
            for t in range(0, self._time, self._chunk_length):
                yield _Portion(order, start, stop, t == 0, 1, t)

    def _read(self, portion: "_Portion") -> Batch:
        rows: Rows = slice(portion.start, portion.stop)
        batch = self.examples.batch(rows if portion.order is None else portion.order[rows])
        batch.fresh = portion.fresh
        if self._chunk_length is None:
            return batch
        time = slice(portion.time, portion.time + self._chunk_length)
        weight = batch.weight
        batch.x = [x[:, time] for x in batch.x]
        batch.y = None if batch.y is None else batch.y[:, time]
        batch.weight = weight[:, time] if weight is not None and weight.ndim > 1 else weight
        batch.chunk = self._chunk_length < self._time
        return batch


class _Portion(NamedTuple):
    """Where a batch stands in a pass.

    Attributes:
        order: the order of the examples in the pass; None for that of the data.
        start, stop: its examples in this order.
        fresh: whether carried state is reset before it.
        equal: number of portions of this size from here on that may be joined.
        time: its first step, if sequences are cut into chunks.
    """

    order: Order | None
    start: int
    stop: int
    fresh: bool
    equal: int
    time: int = 0


def _common_length(parts: Sequence[Column]) -> int:
    """Return the number of steps of all examples, which must be equal to cut them into chunks."""
    lengths = {
        None if isinstance(part, Ragged) or part.ndim < 2 else part.shape[1] for part in parts
    }
    length = lengths.pop()
    if length is None or lengths:
        arrays = [part for part in parts if not isinstance(part, Ragged)]
        shapes = " and ".join(str(array.shape) for array in arrays)
        got = f"shapes {shapes}" if len(arrays) == len(parts) else "sequences of different lengths"
        raise InvalidShapeError("chunk_length", "x and y as arrays (N, T, ...) of one T", got)
    return int(length)

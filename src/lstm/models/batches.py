"""Batches: data in the portions in which a graph is fed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers.masks import Mask
from lstm.layers.symbolic import SymbolicTensor
from lstm.models.columns import Column, Ragged, Rows, column, columns
from lstm.models.epochs import Epochs, Order

Values = NDArray[Any]


@dataclass
class Batch:
    """Some examples, ready for a model.

    Attributes:
        x: one array for each input of the model, batch first.
        y: targets, or None.
        weight: how much each example (B,) or step (B, T) counts, or None.
        masks: for each input, where its steps are real (B, T); None without padding.
        fresh: whether carried state starts anew before this batch.
        chunk: whether the sequences are longer than these steps of them.
    """

    x: list[Values]
    y: Values | None = None
    weight: Values | None = None
    masks: list[Mask | None] = field(default_factory=list)
    fresh: bool = False
    chunk: bool = False

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.x[0])


Check = Callable[[Batch], object]
"""Raises an error if a model cannot use the batch."""


@dataclass(frozen=True)
class Reading:
    """How a model reads data.

    Attributes:
        inputs: those of the model.
        dtype: what it computes in.
        check: refuses a batch that it cannot use.
        batch_size: examples in a batch, where the data does not come in batches.
        carry: state is carried from batch to batch.
        chunk_length: steps of the chunks of a sequence, with `carry`; None for whole sequences.
    """

    inputs: Sequence[SymbolicTensor]
    dtype: str
    check: Check
    batch_size: int
    carry: bool = False
    chunk_length: int | None = None


@dataclass
class Examples:
    """Data that is all there: it can be shuffled, split and gone over again.

    Attributes:
        x: one column for each input.
        y: targets, or None.
        weight: of examples (N,) or steps (N, T), or None.
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
        """Whether some sequences are of different lengths."""
        return any(isinstance(part, Ragged) for part in (*self.x, self.y, self.weight))

    def batch(self, rows: Rows = slice(None)) -> Batch:
        """The chosen examples: views of the arrays where rows are a range."""
        return Batch(
            [part[rows] for part in self.x],
            None if self.y is None else self.y[rows],
            None if self.weight is None else self.weight[rows],
            [part.mask(rows) if isinstance(part, Ragged) else None for part in self.x],
        )

    def split(self, fraction: float) -> tuple["Examples", "Examples"]:
        """The examples before, and the last `fraction` of them.

        Raises:
            InvalidValueError: one of the two would be empty.
        """
        cut = floor(len(self) * (1 - fraction))  # As Keras rounds.
        if not 0 < cut < len(self):
            raise InvalidValueError(
                "validation_split",
                f"a share that leaves both parts of {len(self)} examples some",
                fraction,
            )
        return self._range(0, cut), self._range(cut, len(self))

    def first(self, count: int) -> "Examples":
        """The first examples, at most `count`."""
        return self._range(0, min(count, len(self)))

    def to_train_on(
        self, how: Reading, steps: int | None, rng: np.random.Generator | None
    ) -> "ArrayBatches":
        """The batches of epochs of that many steps, or of a pass each; shuffled by `rng`."""
        return ArrayBatches(self, how, rng, steps)

    def to_judge(self, how: Reading, argument: str, steps: int | None) -> "ArrayBatches":
        """Batches to evaluate on, at most `steps`, which errors call `argument`."""
        if steps is None:
            return ArrayBatches(self, how)
        return ArrayBatches(self.first(checks.positive_int(argument, steps) * how.batch_size), how)

    def _range(self, start: int, stop: int) -> "Examples":
        def part(values: Column) -> Column:
            return values.part(start, stop) if isinstance(values, Ragged) else values[start:stop]

        return Examples(
            [part(values) for values in self.x],
            None if self.y is None else part(self.y),
            None if self.weight is None else part(self.weight),
        )


def parts(argument: str, item: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight or None) of what should be (x, y) or (x, y, sample_weight).

    Raises:
        InvalidTypeError: it is neither.
    """
    if not isinstance(item, tuple | list) or len(item) not in (2, 3):
        raise InvalidTypeError(
            argument, "(x, y) or (x, y, sample_weight)", f"{type(item).__name__}"
        )
    x, y, weight = (*item, None)[:3]
    return x, y, weight


def examples(x: Any, y: Any, weight: Any, inputs: Sequence[SymbolicTensor], dtype: str) -> Examples:
    """The examples of a model with these inputs, which computes in `dtype`."""
    return Examples(
        columns("x", x, inputs, dtype),
        None if y is None else column("y", y, dtype),
        None if weight is None else column("sample_weight", weight, dtype),
    )


class ArrayBatches:
    """The batches of one or more passes over examples.

    With `how.carry`, a batch's row goes on where the same row of the batch before ended, and each
    pass starts anew; all chunks of a batch follow one another.

    Args:
        examples: the data; all of it is checked here, once.
        how: how the model reads it; the last batch of a pass may have fewer examples.
        rng: shuffles each pass anew; None keeps the order.
        steps: batches in an epoch, which goes on in the pass where the one before ended; None for
            a pass in an epoch.

    Raises:
        InvalidValueError: with `carry`, batches would be of different sizes.
    """

    again = True
    """They can be gone over again."""

    def __init__(
        self,
        examples: Examples,
        how: Reading,
        rng: np.random.Generator | None = None,
        steps: int | None = None,
    ) -> None:
        self._examples = examples
        self._batch_size = min(checks.positive_int("batch_size", how.batch_size), len(examples))
        chunk_length = self._chunk_length = how.chunk_length
        self._time = 0
        self._limit = None if steps is None else checks.positive_int("steps_per_epoch", steps)
        if how.carry and chunk_length is None and len(examples) % self._batch_size:
            raise InvalidValueError(
                "batch_size",
                f"a divisor of the {len(examples)} examples, since state is carried from one "
                "batch to the next",
                how.batch_size,
            )
        if chunk_length is not None:
            checks.positive_int("chunk_length", chunk_length)
            parts = [*examples.x, *([] if examples.y is None else [examples.y])]
            self._time = _common_length(parts)
        self.epochs = Epochs(self._pass, self._limit, examples, rng)
        # Arrays are checked as one batch, which is faster; padding all sequences to the longest
        # could be far larger than the data.
        for batch in self._cut(self._batch_size if examples.ragged else len(examples)):
            how.check(batch)

    @property
    def steps(self) -> int:
        """Number of batches in an epoch."""
        if self._limit is not None:
            return self._limit
        return -(-len(self._examples) // self._batch_size) * self._chunks

    @property
    def _chunks(self) -> int:
        """Into how many of them a batch is cut."""
        return 1 if self._chunk_length is None else -(-self._time // self._chunk_length)

    def more(self) -> bool:
        """Whether there is a batch for another epoch."""
        return True

    def __iter__(self) -> Iterator[Batch]:
        """The batches that are left of the epoch under way, or those of the next one."""
        begins = not self.epochs.begun
        for batch in self.epochs:
            batch.fresh = batch.fresh or begins
            begins = False
            yield batch

    def _pass(self, order: Order | None, start: int) -> Iterator[Batch]:
        groups, chunks = divmod(start, max(1, self._chunks))
        return islice(self._cut(self._batch_size, order, groups), chunks, None)

    def _cut(self, size: int, order: Order | None = None, skip: int = 0) -> Iterator[Batch]:
        """Batches of `size` examples, all but the first `skip`, cut into chunks."""
        for start in range(skip * size, len(self._examples), size):
            rows = slice(start, start + size)
            batch = self._examples.batch(rows if order is None else order[rows])
            if self._chunk_length is None:
                batch.fresh = start == 0
                yield batch
                continue
            for t in range(0, self._time, self._chunk_length):
                time = slice(t, t + self._chunk_length)
                weight = batch.weight
                yield Batch(
                    [x[:, time] for x in batch.x],
                    None if batch.y is None else batch.y[:, time],
                    weight[:, time] if weight is not None and weight.ndim > 1 else weight,
                    batch.masks,
                    fresh=t == 0,
                    chunk=self._chunk_length < self._time,
                )


def _common_length(parts: Sequence[Column]) -> int:
    """The number of steps that all examples have, so that they can be cut into chunks together."""
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

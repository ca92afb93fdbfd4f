"""Batches: from what users pass as data to arrays that a graph can be fed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers.symbolic import SymbolicTensor

Values = NDArray[Any]

Rows = Values | slice
"""Which examples: their numbers, or a range of them."""


@dataclass
class Batch:
    """Some examples, ready for a model.

    Attributes:
        x: one array for each input of the model, batch first.
        y: targets, or None.
        weight: how much each example (B,) or step (B, T) counts, or None.
        masks: for each input, where its steps are real (B, T); None without padding.
        fresh: whether carried state starts anew before this batch.
    """

    x: list[Values]
    y: Values | None = None
    weight: Values | None = None
    masks: list[Values | None] = field(default_factory=list)
    fresh: bool = False

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.x[0])


Check = Callable[[Batch], object]
"""Raises an error if a model cannot use the batch."""


class Ragged:
    """Sequences of different lengths."""

    def __init__(self, argument: str, sequences: Sequence[Any]) -> None:
        self.sequences = [_array(f"{argument}[{k}]", s) for k, s in enumerate(sequences)]
        self.dtype = np.result_type(*self.sequences)
        self.lengths = np.array([len(sequence) for sequence in self.sequences])
        for k, sequence in enumerate(self.sequences):
            if not len(sequence):
                raise InvalidShapeError(f"{argument}[{k}]", "at least one time step", "none")
            if sequence.shape[1:] != self.sequences[0].shape[1:]:
                shape = ", ".join(map(str, ("T", *self.sequences[0].shape[1:])))
                raise InvalidShapeError(
                    f"{argument}[{k}]", f"shape ({shape}) like {argument}[0]", sequence.shape
                )

    def __len__(self) -> int:
        return len(self.sequences)

    def __getitem__(self, rows: Rows) -> Values:
        """The chosen sequences, padded at the end with zeros."""
        chosen = [self.sequences[row] for row in np.arange(len(self))[rows]]
        longest = max(len(sequence) for sequence in chosen)
        padded = np.zeros((len(chosen), longest, *chosen[0].shape[1:]), self.dtype)
        for row, sequence in zip(padded, chosen, strict=True):
            row[: len(sequence)] = sequence
        return padded

    def mask(self, rows: Rows) -> Values:
        """Where the chosen sequences, padded, are real."""
        lengths = self.lengths[rows]
        return np.asarray(np.arange(lengths.max()) < lengths[:, None])


Column = Values | Ragged


def column(argument: str, values: Any) -> Column:
    """An array, or sequences of different lengths, from what a user passed.

    Raises:
        InvalidTypeError: it is not numbers.
        InvalidValueError: a number is NaN or infinite.
    """
    if isinstance(values, list | tuple):
        lengths = {len(v) if isinstance(v, list | tuple) or np.ndim(v) else -1 for v in values}
        if len(lengths) > 1:
            if -1 in lengths:
                raise InvalidTypeError(argument, "numbers or sequences of numbers", "both")
            return Ragged(argument, values)
    return _array(argument, values)


def _depth(values: Any) -> int:
    """Number of axes, whether or not all parts are of the same length."""
    if isinstance(values, list | tuple):
        return 1 + (_depth(values[0]) if values else 0)
    return np.ndim(values)


def _array(argument: str, values: Any) -> Values:
    """An array of finite numbers with at least one axis."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise InvalidShapeError(argument, "an array", f"nested sequences ({error})") from error
    if array.dtype.kind not in "iufb":
        raise InvalidTypeError(argument, "numbers", f"dtype {array.dtype}")
    if array.ndim == 0:
        raise InvalidShapeError(argument, "an array with a batch axis", "a single number")
    checks.finite(argument, array)
    return array


def columns(argument: str, values: Any, inputs: Sequence[SymbolicTensor | None]) -> list[Column]:
    """One column for each input of a model.

    Args:
        argument: named in errors.
        values: an array; for several inputs a list of them, or a dict by input name.
        inputs: the inputs of the model; [None] for a single one of unknown shape.
    """
    names = [None if tensor is None else tensor.node.name for tensor in inputs]
    if isinstance(values, dict):
        missing = [name for name in names if name not in values]
        if missing:
            raise InvalidValueError(argument, f"the inputs {list(names)}", f"{list(values)}")
        return [column(f"{argument}[{name!r}]", values[name]) for name in names]
    if len(names) == 1:
        # Keras lets a single input come in a list; a list of one sequence has one axis less.
        alone = isinstance(values, list | tuple) and len(values) == 1
        if alone and inputs[0] is not None and _depth(values[0]) == inputs[0].ndim:
            values = values[0]
        return [column(argument, values)]
    if not isinstance(values, list | tuple) or len(values) != len(names):
        raise InvalidTypeError(argument, f"a list of {len(names)} arrays", type(values).__name__)
    return [column(f"{argument}[{k}]", part) for k, part in enumerate(values)]


@dataclass
class Examples:
    """Data that is all there: it can be shuffled, split and gone over again.

    Attributes:
        x: one column for each input.
        y: targets, or None.
        weight: (N,) or (N, T), or None.
    """

    x: list[Column]
    y: Column | None = None
    weight: Values | None = None

    def __post_init__(self) -> None:
        for name, part in (("y", self.y), ("sample_weight", self.weight)):
            if part is not None and len(part) != len(self):
                raise InvalidShapeError(name, f"{len(self)} examples, as many as x", len(part))
        for part in self.x[1:]:
            if len(part) != len(self):
                raise InvalidShapeError("x", f"{len(self)} examples for each input", len(part))
        if len(self) == 0:
            raise InvalidShapeError("x", "at least one example", "none")
        if isinstance(self.y, Ragged):
            lengths = [part.lengths for part in self.x if isinstance(part, Ragged)]
            if not any((self.y.lengths == of_x).all() for of_x in lengths):
                raise InvalidShapeError("y", "sequences as long as those of x", "other lengths")
        if self.weight is not None and (self.weight < 0).any():
            raise InvalidValueError("sample_weight", "numbers of at least 0", self.weight.min())

    def __len__(self) -> int:
        return len(self.x[0])

    @property
    def ragged(self) -> bool:
        """Whether some sequences are of different lengths."""
        return any(isinstance(part, Ragged) for part in (*self.x, self.y))

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
        cut = len(self) - int(len(self) * fraction)
        if not 0 < cut < len(self):
            raise InvalidValueError(
                "validation_split",
                f"a share that leaves both parts of {len(self)} examples some",
                fraction,
            )
        return self._range(0, cut), self._range(cut, len(self))

    def _range(self, start: int, stop: int) -> "Examples":
        def part(values: Column) -> Column:
            if isinstance(values, Ragged):
                return Ragged("x", values.sequences[start:stop])
            return values[start:stop]

        return Examples(
            [part(values) for values in self.x],
            None if self.y is None else part(self.y),
            None if self.weight is None else self.weight[start:stop],
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


def examples(x: Any, y: Any, weight: Any, inputs: Sequence[SymbolicTensor]) -> Examples:
    """The examples of a model with these inputs."""
    return Examples(
        columns("x", x, inputs),
        None if y is None else column("y", y),
        None if weight is None else _array("sample_weight", weight),
    )


class ArrayBatches:
    """The batches of one or more passes over examples.

    Args:
        examples: the data.
        batch_size: examples in a batch; the last batch of a pass may have fewer.
        check: refuses data that cannot be used; all of it is checked here, once.
        rng: shuffles each pass anew; None keeps the order.
        carry: state is carried from batch to batch: a batch's row goes on where the same row of the
            batch before ended, and each pass starts anew.
        chunk_length: with `carry`, cut the time axis into chunks of that many steps; all chunks of
            a batch follow one another.

    Raises:
        InvalidValueError: with `carry`, batches would be of different sizes.
    """

    def __init__(
        self,
        examples: Examples,
        batch_size: int,
        check: Check,
        rng: np.random.Generator | None = None,
        carry: bool = False,
        chunk_length: int | None = None,
    ) -> None:
        self._examples = examples
        self._batch_size = min(checks.positive_int("batch_size", batch_size), len(examples))
        self._rng = rng
        self._chunk_length = chunk_length
        self._steps = 0
        if carry and chunk_length is None and len(examples) % self._batch_size:
            raise InvalidValueError(
                "batch_size",
                f"a divisor of the {len(examples)} examples, since state is carried from one "
                "batch to the next",
                batch_size,
            )
        if chunk_length is not None:
            checks.positive_int("chunk_length", chunk_length)
            parts = [*examples.x, *([] if examples.y is None else [examples.y])]
            steps = {part.shape[1] for part in parts if not isinstance(part, Ragged)}
            if any(isinstance(part, Ragged) or part.ndim < 2 for part in parts) or len(steps) > 1:
                raise InvalidShapeError(
                    "chunk_length", "x and y as arrays (N, T, ...) of the same T", steps
                )
            self._steps = steps.pop()
        # Arrays are checked as one batch, which is faster; padding all sequences to the longest
        # could be far larger than the data.
        for batch in self._cut(self._batch_size if examples.ragged else len(examples)):
            check(batch)

    def __len__(self) -> int:
        """Number of batches in a pass."""
        groups = -(-len(self._examples) // self._batch_size)
        chunk = self._chunk_length
        return groups if chunk is None else groups * -(-self._steps // chunk)

    def __iter__(self) -> Iterator[Batch]:
        order = None
        if self._rng is not None:
            order = np.arange(len(self._examples))
            self._rng.shuffle(order)
        return self._cut(self._batch_size, order)

    def _cut(self, size: int, order: Values | None = None) -> Iterator[Batch]:
        """Batches of `size` examples, cut into chunks."""
        for start in range(0, len(self._examples), size):
            rows = slice(start, start + size)
            batch = self._examples.batch(rows if order is None else order[rows])
            if self._chunk_length is None:
                batch.fresh = start == 0
                yield batch
                continue
            for t in range(0, self._steps, self._chunk_length):
                time = slice(t, t + self._chunk_length)
                weight = batch.weight
                yield Batch(
                    [x[:, time] for x in batch.x],
                    None if batch.y is None else batch.y[:, time],
                    weight[:, time] if weight is not None and weight.ndim > 1 else weight,
                    fresh=t == 0,
                )


class StreamBatches:
    """Batches from an iterator of (x, y) or (x, y, sample_weight), taken as they come.

    Args:
        iterator: gives the batches.
        inputs: those of the model.
        steps: batches in a pass.
        check: refuses a batch that cannot be used.
    """

    def __init__(
        self,
        iterator: Iterator[Any],
        inputs: Sequence[SymbolicTensor],
        steps: int,
        check: Check,
    ) -> None:
        self._iterator = iterator
        self._inputs = inputs
        self._steps = steps
        self._check = check

    def __len__(self) -> int:
        """Number of batches in a pass."""
        return self._steps

    def __iter__(self) -> Iterator[Batch]:
        for step in range(self._steps):
            try:
                item = next(self._iterator)
            except StopIteration:
                raise InvalidValueError(
                    "x", f"a generator of at least {self._steps} batches an epoch", f"{step}"
                ) from None
            x, y, weight = parts("batch of the generator", item)
            batch = examples(x, y, weight, self._inputs).batch()
            self._check(batch)
            yield batch


Batches = ArrayBatches | StreamBatches


def is_stream(x: Any) -> bool:
    """Whether data comes from an iterator."""
    return hasattr(x, "__next__")

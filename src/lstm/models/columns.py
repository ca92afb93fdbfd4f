"""Columns: data from users as arrays or as sequences of different lengths."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers.masks import Mask

Values = NDArray[Any]

Rows = Values | slice
"""A choice of examples: their numbers, or a range of them."""


@dataclass(frozen=True)
class Entry:
    """One input of a model, as data are read for it.

    Attributes:
        name: the key of its data in a dict; None if it has none.
        ndim: the number of its axes, batch first; None if its shape is unknown.
    """

    name: str | None = None
    ndim: int | None = None


class Ragged:
    """Sequences of different lengths.

    Args:
        argument: its name in errors.
        sequences: arrays (T, ...), which differ only in T.
        dtype: the dtype to compute in.
    """

    def __init__(self, argument: str, sequences: Sequence[Any], dtype: str) -> None:
        self.sequences = [array(f"{argument}[{k}]", s, dtype) for k, s in enumerate(sequences)]
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
        """Return the chosen sequences, padded at the end with zeros."""
        chosen = [self.sequences[row] for row in np.arange(len(self))[rows]]
        longest = max(len(sequence) for sequence in chosen)
        padded = np.zeros((len(chosen), longest, *chosen[0].shape[1:]), self.dtype)
        for row, sequence in zip(padded, chosen, strict=True):
            row[: len(sequence)] = sequence
        return padded

    def part(self, start: int, stop: int) -> "Ragged":
        """Return the sequences in a range."""
        part = object.__new__(Ragged)
        part.sequences, part.dtype = self.sequences[start:stop], self.dtype
        part.lengths = self.lengths[start:stop]
        return part

    def mask(self, rows: Rows) -> Mask:
        """Return which steps of the chosen sequences, padded, are real."""
        lengths = self.lengths[rows]
        return np.asarray(np.arange(lengths.max()) < lengths[:, None])


Column = Values | Ragged


def column(argument: str, values: Any, dtype: str) -> Column:
    """Return data from a user as an array, or as sequences of different lengths.

    Args:
        argument: its name in errors.
        values: an array, a list, or an array of lists.
        dtype: the dtype to compute in.

    Raises:
        InvalidTypeError: `values` are not numbers.
        InvalidValueError: a number is NaN or infinite, or becomes so in `dtype`.
    """
    if isinstance(values, Iterable) and getattr(values, "dtype", None) == np.dtype(object):
        values = list(values)  # An array, or a column of a table, that holds sequences.
    if isinstance(values, list | tuple):
        lengths = {len(v) if isinstance(v, list | tuple) or np.ndim(v) else -1 for v in values}
        if len(lengths) > 1:
            if -1 in lengths:
                raise InvalidTypeError(argument, "numbers or sequences of numbers", "both")
            return Ragged(argument, values, dtype)
    return array(argument, values, dtype)


def array(argument: str, values: Any, dtype: str) -> Values:
    """Return an array of numbers that are finite in `dtype`, with at least one axis."""
    found = checks.numbers(argument, values)
    if found.ndim == 0:
        raise InvalidShapeError(argument, "an array with a batch axis", "a single number")
    checks.finite(argument, found, dtype)
    return found


def columns(argument: str, values: Any, inputs: Sequence[Entry], dtype: str) -> list[Column]:
    """Return one column for each input of a model.

    Args:
        argument: its name in errors.
        values: an array; for several inputs, a list or a dict by input name.
        inputs: the inputs of the model.
        dtype: the dtype to compute in.
    """
    names = [entry.name for entry in inputs]
    if isinstance(values, Mapping):
        given = zip(names, in_order(argument, values, names), strict=True)
        return [column(f"{argument}[{name!r}]", part, dtype) for name, part in given]
    if len(names) == 1:
        return [column(argument, values[0] if in_list(values, inputs) else values, dtype)]
    if not isinstance(values, list | tuple) or len(values) != len(names):
        raise InvalidTypeError(argument, f"a list of {len(names)} arrays", type(values).__name__)
    return [column(f"{argument}[{k}]", part, dtype) for k, part in enumerate(values)]


def in_list(values: Any, inputs: Sequence[Entry]) -> bool:
    """Whether data of a model with one input are in a list, as data of several inputs would be.

    A list of one sequence has one axis less.
    """
    if len(inputs) != 1 or not isinstance(values, list | tuple) or len(values) != 1:
        return False
    known, depth = inputs[0].ndim, _depth(values[0])
    return depth == known or (known is None and isinstance(values[0], np.ndarray) and depth > 2)


def of_one_output(argument: str, given: Any, name: str, x: Any, inputs: Sequence[Entry]) -> Any:
    """Return targets or weights for a model with one output, which may be in a list or a dict.

    Args:
        argument: what is given, in errors.
        given: the values, a list of them alone, or a dict by the name of the output.
        name: the name of the output.
        x: the data: a list of one array for as many examples holds the values.
        inputs: the inputs of the model.

    Raises:
        InvalidValueError: there is no output of a name.
    """
    if isinstance(given, Mapping):
        for key in given:
            checks.one_of(f"output in {argument}", key, (name,))
        return given.get(name)
    if not isinstance(given, list | tuple) or len(given) != 1 or not _depth(given[0]):
        return given
    packed = in_list(x, inputs)
    count = _count(x[0] if packed else x, inputs)
    return given[0] if len(given[0]) == count and (packed or count > 1) else given


def _count(x: Any, inputs: Sequence[Entry]) -> int:
    """Return the number of examples, 0 if that is unknown."""
    if isinstance(x, Mapping):
        x = next(iter(x.values()), ())
    elif len(inputs) > 1 and isinstance(x, list | tuple) and x:
        x = x[0]
    return len(x) if _depth(x) else 0


def in_order(argument: str, values: Mapping[Any, Any], names: Sequence[str | None]) -> list[Any]:
    """Return what a dict holds for each input of a model.

    Raises:
        InvalidValueError: it has nothing for one of them.
    """
    if any(name not in values for name in names):
        raise InvalidValueError(argument, f"the inputs {list(names)}", f"{list(values)}")
    return [values[name] for name in names]


def check_one_reading(argument: str, shape: tuple[int, ...]) -> None:
    """Refuse (N, 1) for sequences of one feature: N sequences of a step, or one of N steps?"""
    if shape[0] > 1 and shape[1:] == (1,):
        raise InvalidShapeError(
            argument,
            f"shape ({shape[0]}, 1, 1) for {shape[0]} sequences of one step, which is "
            f"{argument}[:, :, None], or shape (1, {shape[0]}, 1) for one sequence of {shape[0]} "
            f"steps, which is {argument}[None]",
            f"shape {shape}",
        )


def _depth(values: Any) -> int:
    """Return the number of axes, even if parts have different lengths."""
    if isinstance(values, list | tuple):
        return 1 + (_depth(values[0]) if values else 0)
    return np.ndim(values)

"""What is known of a series as a whole: numbers, and categories as one number for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from lstm import checks
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.forecasting import frames
from lstm.forecasting.panel import Values


@dataclass(frozen=True)
class Statics:
    """How columns become numbers.

    Attributes:
        numbers: mean and deviation of each column of numbers, by name.
        categories: the values of each other column, by name.
    """

    numbers: Mapping[str, tuple[float, float]]
    categories: Mapping[str, Sequence[Any]]

    @classmethod
    def of(cls, table: Any, names: Sequence[str], id_column: str) -> Self:
        """Return what the columns of a table look like.

        Raises:
            InvalidTypeError, InvalidValueError: there is no such column, or a value is missing.
        """
        numbers, categories = {}, {}
        for name in names:
            column = _column(table, name, id_column)
            if column.dtype.kind in "iuf":
                values = _numbers(name, column)
                deviation = float(values.std())
                numbers[name] = float(values.mean()), deviation if deviation > 0 else 1.0
            else:
                entries = column.tolist()
                for row, entry in enumerate(entries):
                    if not isinstance(entry, str | bool | int):
                        got = f"{entry!r} in row {row}"
                        raise InvalidValueError(f"static_df: column {name}", "a category", got)
                categories[name] = sorted(set(entries), key=str)
        return cls(numbers, categories)

    @property
    def size(self) -> int:
        """How many numbers describe a series."""
        return len(self.numbers) + sum(map(len, self.categories.values()))

    def encoded(self, table: Any, ids: Sequence[Any], id_column: str) -> Values:
        """Return the numbers of each series, (N, size).

        Raises:
            InvalidValueError: a series has no row, or a category that was not there in `fit`.
        """
        if not self.size:
            return np.zeros((len(ids), 0))
        if table is None:
            raise InvalidValueError("static_df", "a table, as in fit", "None")
        known = {entry: row for row, entry in enumerate(_column(table, id_column, id_column))}
        for entry in ids:
            if entry not in known:
                raise InvalidValueError("static_df", "a row for each series", f"none of {entry!r}")
        rows = [known[entry] for entry in ids]
        found = []
        for name, (mean, deviation) in self.numbers.items():
            column = _numbers(name, _column(table, name, id_column)[rows])
            found.append((column - mean) / deviation)
        for name, values in self.categories.items():
            column = _column(table, name, id_column)[rows].tolist()
            for entry, own in zip(column, ids, strict=True):
                if entry not in values:
                    got = f"{entry!r} of {own!r}"
                    expected = f"one of {list(values)!r:.80}"
                    raise InvalidValueError(f"static_df: column {name}", expected, got)
            found += [np.array([entry == value for entry in column], float) for value in values]
        return np.stack(found, axis=1)

    def to_config(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {  # Lists, because files sort the names of a dict.
            "numbers": [[name, *size] for name, size in self.numbers.items()],
            "categories": [[name, list(values)] for name, values in self.categories.items()],
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Return what `to_config` returned."""
        numbers = {name: (float(m), float(s)) for name, m, s in config["numbers"]}
        return cls(numbers, {name: tuple(values) for name, values in config["categories"]})


def _numbers(name: str, column: np.ndarray[Any, Any]) -> Values:
    """Return a column of finite numbers."""
    argument, expected = f"static_df: column {name}", "a finite number for each series"
    try:
        values = column.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidTypeError(argument, expected, str(error)) from None
    if (bad := ~np.isfinite(values)).any():
        row = int(bad.argmax())
        raise InvalidValueError(argument, expected, f"{values[row]} in row {row}")
    return values


def _column(table: Any, name: str, id_column: str) -> np.ndarray[Any, Any]:
    if not frames.is_frame(table):
        raise InvalidTypeError("static_df", "a frame", type(table).__name__)
    checks.one_of("static_df: a column", name, [str(k) for k in table.columns])
    column = frames.as_column(table[name])
    if name == id_column and len({*column.tolist()}) < len(column):
        raise InvalidValueError("static_df", "one row for each series", "two for some")
    return column

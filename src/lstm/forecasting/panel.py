"""A panel: many series with steps of one frequency, as flat arrays."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.errors import InvalidValueError
from lstm.forecasting.frequency import Frequency, Times, shown

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """Series, one behind the other. Every step of the frequency has a row, NaN where it is missing.

    Attributes:
        ids: the name of each series.
        frequency: what lies between two steps.
        dated: whether steps have dates, or only numbers.
        starts: the time of the first step of each, (N).
        offsets: (N + 1); series n has the rows from offsets[n] up to offsets[n + 1].
        y: the values, (S).
        covariates: other columns, (S) each.
    """

    ids: list[Any]
    frequency: Frequency
    dated: bool
    starts: Times
    offsets: Times
    y: Values
    covariates: dict[str, Values] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def lengths(self) -> Times:
        """Steps of each series, (N)."""
        return np.diff(self.offsets)

    @property
    def series_of_rows(self) -> Times:
        """The series that each row belongs to, (S)."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def series(self, n: int) -> Values:
        """Return the values of a series, a view (T)."""
        return self.y[self.offsets[n] : self.offsets[n + 1]]

    def times(self, n: int, begin: int, end: int) -> Times:
        """Return the times of the steps [begin, end) of a series, which may lie behind its end."""
        return self.frequency.times(int(self.starts[n]), np.arange(begin, end))

    def shown(self, n: int, step: int) -> str:
        """Return the time of a step as messages show it."""
        return shown(int(self.times(n, step, step + 1)[0]), self.dated)

    def cut(self, begins: Times, ends: Times) -> "Panel":
        """Return the steps [begin, end) of each series, without those that have none."""
        kept = np.flatnonzero(ends > begins)
        return self.of(kept, begins[kept], ends[kept])

    def of(self, series: Times, begins: Times, ends: Times, steps: int = 0) -> "Panel":
        """Return the steps [begin, end) of some series, and `steps` behind them with covariates.

        Args:
            series: the numbers of the series, which may come again.
            begins, ends: of each; what is before a series begins is left out.
            steps: rows behind the ends, with nothing but what is known of covariates.
        """
        begins = np.maximum(begins, 0)
        lengths = ends - begins + steps
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        rows = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - begins, lengths)
        of_rows = np.repeat(series, lengths)
        there = rows < self.lengths[of_rows]
        places = np.where(there, self.offsets[of_rows] + rows, 0)
        known = there & (rows < np.repeat(ends, lengths))
        starts = [
            self.times(int(n), int(b), int(b) + 1)[0] for n, b in zip(series, begins, strict=True)
        ]
        return replace(
            self,
            ids=[self.ids[n] for n in series],
            starts=np.array(starts, np.int64),
            offsets=offsets,
            y=np.where(known, self.y[places], np.nan),
            covariates={k: np.where(there, v[places], np.nan) for k, v in self.covariates.items()},
        )

    def ahead(self, cutoffs: Times, steps: int) -> "Panel":
        """Return the series up to their cutoffs, and steps behind them with nothing but covariates.

        What is known of these is kept; the rest is NaN.
        """
        return self.of(np.arange(len(self)), np.zeros_like(cutoffs), cutoffs, steps)

    def followed_by(self, more: "Panel") -> "Panel":
        """Return the series with other rows of theirs, which count where both have some.

        What is before the first step here is left out, steps between are missing.

        Raises:
            InvalidValueError: rows of a series that is not here, or between its steps.
        """
        places = {entry: n for n, entry in enumerate(self.ids)}
        added = np.zeros(len(self), np.int64)
        begins = np.zeros(len(more), np.int64)
        for m, entry in enumerate(more.ids):
            n = places.get(entry)
            if n is None:
                raise InvalidValueError("df", "series of fit", f"{entry!r}, which is new")
            both = np.array([self.starts[n], more.starts[m]])
            steps, off = self.frequency.positions(both)
            if off.any():
                expected = f"steps of {self.frequency} from {self.shown(n, 0)} on, for {entry!r}"
                raise InvalidValueError("df", expected, more.shown(m, 0))
            begins[m] = steps[1]
            added[n] = max(steps[1] + more.lengths[m] - self.lengths[n], 0)
        lengths = self.lengths + added
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        columns = {"": np.full(offsets[-1], np.nan)}
        columns |= {name: np.full(offsets[-1], np.nan) for name in self.covariates}
        for name, column in columns.items():
            old = self.covariates[name] if name else self.y
            new = more.covariates[name] if name else more.y
            for n, begin in enumerate(offsets[:-1]):
                column[begin : begin + self.lengths[n]] = old[self.offsets[n] : self.offsets[n + 1]]
            for m, entry in enumerate(more.ids):
                begin, skipped = begins[m], max(-begins[m], 0)
                rows = new[more.offsets[m] + skipped : more.offsets[m + 1]]
                place = offsets[places[entry]] + begin + skipped
                column[place : place + len(rows)] = rows
        y = columns.pop("")
        return replace(self, offsets=offsets, y=y, covariates=columns)


def joined(parts: list[Values]) -> Values:
    """Return arrays one behind the other; of none, an empty one."""
    return np.concatenate(parts) if parts else np.zeros(0)


def listed(ids: list[Any]) -> str:
    """Return the first names of series, as messages show them."""
    return ", ".join(map(repr, ids[:5])) + (", ..." if len(ids) > 5 else "")

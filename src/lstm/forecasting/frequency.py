"""Frequencies: how far apart the steps of a series are, and how long its seasons."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidTypeError, InvalidValueError

Times = NDArray[np.int64]
"""Times as nanoseconds since 1970, in UTC where there is a time zone; or numbers of steps."""

SECOND = 10**9
DAY = 86_400 * SECOND
_FIXED = {
    "ns": 1,
    "us": 10**3,
    "ms": 10**6,
    "s": SECOND,
    "min": 60 * SECOND,
    "h": 3_600 * SECOND,
    "D": DAY,
    "W": 7 * DAY,
}
_MONTHS = {"MS": 1, "ME": 1, "M": 1, "QS": 3, "QE": 3, "Q": 3, "YS": 12, "YE": 12, "Y": 12}
_OTHER_NAMES = {
    "T": "min", "H": "h", "S": "s", "L": "ms", "U": "us", "N": "ns", "d": "D", "w": "W",
    "A": "Y", "AS": "YS", "m": "min", "mo": "M", "q": "Q", "y": "Y",
}  # fmt: skip
_LAST_DAY = 31
_FIRST, _LAST = np.datetime64("1678-01-01", "us"), np.datetime64("2262-01-01", "us")


@dataclass(frozen=True)
class Frequency:
    """What lies between two steps of a series.

    Attributes:
        unit: "time" for a fixed number of nanoseconds, "month", "business day", or "number" where
            steps are numbered.
        count: how many of them.
        day: of months: the day; 31 for the last.
    """

    unit: str
    count: int
    day: int = 1

    @classmethod
    def named(cls, name: object) -> Self:
        """Return a frequency from its name, such as "h", "15min", "D", "W", "MS" or "B".

        The names are those of pandas; an anchor, as in "W-SUN" or "QS-JAN", follows from the data.

        Raises:
            InvalidValueError: there is no such frequency.
        """
        text = str(checks.integer("freq", name)) if isinstance(name, int) else name
        found = re.fullmatch(r"(\d*)([A-Za-z]*)(-[A-Z]{3})?", checks.string("freq", text))
        count, unit = (found[1], _OTHER_NAMES.get(found[2], found[2])) if found else ("", "?")
        n = checks.positive_int("freq", int(count or 1))
        if unit == "" and count:
            return cls("number", n)
        if unit == "B":
            return cls("business day", n)
        if unit in _MONTHS:
            return cls("month", n * _MONTHS[unit], 1 if unit.endswith("S") else _LAST_DAY)
        return cls("time", n * _FIXED[checks.one_of("freq", unit, (*_FIXED, *_MONTHS, "B"))])

    @classmethod
    def of(cls, series: list[Times], dated: bool) -> Self:
        """Return the frequency of series, each in ascending order.

        It is the most common distance. What does not fit is found by `positions`.

        Raises:
            InvalidValueError: no series has two steps.
        """
        apart = np.concatenate([np.diff(times) for times in series])
        if not apart.size:
            raise InvalidValueError("freq", 'the distance of two steps, such as "D"', "one step")
        distances, counts = np.unique(apart, return_counts=True)
        usual = int(distances[counts.argmax()])
        if not dated:
            return cls("number", usual)
        if usual >= 28 * DAY:
            times = np.concatenate(series).astype("datetime64[ns]")
            months = np.concatenate([np.diff(_month_of(t)) for t in series])
            if months.all() and not (times - times.astype("datetime64[D]")).astype(int).any():
                found, counts = np.unique(months, return_counts=True)
                return cls("month", int(found[counts.argmax()]), _usual_day(times))
        if usual == DAY and set(distances.tolist()) >= {3 * DAY}:
            days = np.concatenate(series).astype("datetime64[ns]").astype("datetime64[D]")
            if np.is_busday(days).all():
                return cls("business day", 1)
        return cls("time", usual)

    def positions(self, times: Times) -> tuple[Times, NDArray[np.bool_]]:
        """Return how many steps after the first each time is, and which times are on no step."""
        if self.unit in ("time", "number"):
            steps = times - times[0]
            return steps // self.count, steps % self.count != 0
        dates = times.astype("datetime64[ns]")
        days = dates.astype("datetime64[D]")
        off = dates != days if self.unit == "month" else np.zeros(len(dates), bool)
        if self.unit == "business day":
            steps = np.busday_count(days[0], days)
            off |= ~np.is_busday(days)
        else:
            steps = _month_of(times) - _month_of(times[:1])
            off |= _day_of(days) != np.minimum(self.day, _days_in_month(days))
        again = np.zeros(len(times), bool)
        again[1:] = np.diff(steps) == 0  # Two times of one day.
        return steps // self.count, off | again | (steps % self.count != 0)

    def times(self, start: int, positions: Times) -> Times:
        """Return the times of steps after a first one."""
        if self.unit in ("time", "number"):
            return start + positions * self.count
        first = np.datetime64(int(start), "ns")
        if self.unit == "business day":
            days = np.busday_offset(first.astype("datetime64[D]"), positions * self.count)
            return _nanoseconds(days) + int(start) % DAY
        months = first.astype("datetime64[M]") + positions * self.count
        days = months.astype("datetime64[D]")
        return _nanoseconds(days + np.minimum(self.day, _days_in_month(days)) - 1)

    @property
    def seasons(self) -> tuple[int, ...]:
        """Steps of the seasons that such series usually have, the shortest first."""
        if self.unit == "business day":
            return (5,) if self.count == 1 else ()
        if self.unit == "month":
            return (12 // self.count,) if self.count in (1, 2, 3, 4, 6) else ()
        if self.unit == "number":
            return ()
        week = 7 * DAY
        if self.count == week:
            return (52,)
        spans = [DAY, week]
        if self.count < 900 * SECOND:
            spans = [3_600 * SECOND, DAY]
        if self.count < 60 * SECOND:
            spans = [60 * SECOND, 3_600 * SECOND]
        return tuple(s // self.count for s in spans if s % self.count == 0 and s >= 2 * self.count)

    def __str__(self) -> str:
        if self.unit == "number":
            return str(self.count)
        if self.unit == "business day":
            return f"{_counted(self.count)}B"
        if self.unit == "month":
            end = "E" if self.day == _LAST_DAY else "S"
            for months, unit in ((12, "Y"), (3, "Q"), (1, "M")):
                if self.count % months == 0:
                    return f"{_counted(self.count // months)}{unit}{end}"
        for unit, size in reversed(_FIXED.items()):
            if self.count % size == 0:
                return f"{_counted(self.count // size)}{unit}"
        raise AssertionError


def as_times(name: str, column: NDArray[Any]) -> tuple[Times, bool]:
    """Return a column of times as numbers, and whether they are dates.

    Raises:
        InvalidTypeError, InvalidValueError: an entry is no time.
    """
    if column.dtype.kind in "iu":
        return column.astype(np.int64), False
    if column.dtype.kind == "f" and np.isfinite(column).all() and (column % 1 == 0).all():
        return column.astype(np.int64), False
    if column.dtype.kind in "fbc":
        raise InvalidTypeError(name, "dates or whole numbers", f"{column.dtype} {column[0]!r}")
    if column.dtype.kind != "M":
        column = np.array([_date(name, row, entry) for row, entry in enumerate(column.tolist())])
    if (none := np.isnat(column)).any():
        raise InvalidValueError(name, "a time in every row", f"none in row {int(none.argmax())}")
    return column.astype("datetime64[ns]").astype(np.int64), True


def shown(time: int, dated: bool) -> str:
    """Return a time as messages show it."""
    if not dated:
        return str(time)
    text = str(np.datetime64(int(time), "ns")).replace("T", " ").rstrip("0").rstrip(".")
    return re.sub(r"( 00:00:?(00)?|(?<=:\d\d):(00)?)$", "", text.ljust(16, "0"))


def _date(name: str, row: int, entry: object) -> np.datetime64:
    try:
        time: Any = datetime.fromisoformat(entry) if isinstance(entry, str) else entry
        if isinstance(time, datetime) and time.tzinfo is not None:
            time = time.astimezone(UTC).replace(tzinfo=None)
        found = np.datetime64(time, "us")
        if found != found or _FIRST < found < _LAST:
            return found.astype("datetime64[ns]")
    except (ValueError, TypeError, OverflowError):
        pass
    expected = 'dates from 1678 to 2261, such as "2026-01-31" or "2026-01-31 13:00"'
    raise InvalidValueError(name, expected, f"{entry!r:.40} in row {row}")


def _counted(count: int) -> str:
    return "" if count == 1 else str(count)


def _month_of(times: Times) -> Times:
    return times.astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)


def _nanoseconds(days: NDArray[Any]) -> Times:
    return days.astype("datetime64[ns]").astype(np.int64)


def _day_of(days: NDArray[Any]) -> Times:
    return (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1


def _days_in_month(days: NDArray[Any]) -> Times:
    months = days.astype("datetime64[M]")
    return ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64)


def _usual_day(times: NDArray[Any]) -> int:
    """Return the day of the month that dates have; 31 if each is the last of its month."""
    days = times.astype("datetime64[D]")
    found = _day_of(days)
    if (found == _days_in_month(days)).all():
        return _LAST_DAY
    values, counts = np.unique(found, return_counts=True)
    return int(values[counts.argmax()])

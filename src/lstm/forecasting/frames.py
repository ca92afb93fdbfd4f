"""Tables of users, as panels, and forecasts as tables of the same kind.

A table is recognized by what it offers; neither pandas nor polars is imported. There are three
kinds: a long frame with a column for each of id, time and target; a series of pandas, whose index
has the times; and an array or a list, whose steps are numbered.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidTypeError, InvalidValueError, LSTMWarning
from lstm.forecasting.frequency import Frequency, Times, as_times, shown
from lstm.forecasting.panel import Panel, Values, joined
from lstm.forecasting.tables import Table
from lstm.interface import warn

Column = NDArray[Any]

LARGEST = 1e30
"""Beyond it, squares in float32 are infinite."""


@dataclass(frozen=True)
class Columns:
    """The names of the columns of a long frame."""

    id: str = "unique_id"
    time: str = "ds"
    target: str = "y"


def is_frame(data: object) -> bool:
    """Whether data is a table with named columns, of pandas, polars or their like."""
    return hasattr(data, "columns") and hasattr(data, "__getitem__")


def read(
    data: Any,
    columns: Columns,
    freq: Frequency | str | int | None = None,
    covariates: Sequence[str] = (),
    target: bool = True,
    argument: str = "df",
    form: "Format | None" = None,
) -> Panel:
    """Return a table as a panel.

    Rows may come in any order. Steps without a row become NaN, and a warning says so.

    Args:
        data: the table.
        columns: the names of its columns; a frame without the id is one series.
        freq: the frequency or its name; by default it follows from the times.
        covariates: names of other columns to keep, of a frame.
        target: whether there must be a target; otherwise y is NaN where the table has none.
        argument: its name in messages.
        form: the format of the table that this one goes on from: a single time says nothing about
            how to read its time zone.

    Raises:
        InvalidTypeError, InvalidValueError: the table cannot be read.
    """
    if is_frame(data):
        names = [str(name) for name in data.columns]
        for k, name in enumerate(names):
            if name in names[:k]:
                raise InvalidValueError(argument, "different names of columns", f"{name!r} twice")
        checks.one_of(f"{argument}: the column time_col", columns.time, names)
        if target:
            checks.one_of(f"{argument}: the column target_col", columns.target, names)
        for name in covariates:
            checks.one_of(f"{argument}: a column of past, future or static", name, names)
        if not len(data):
            raise InvalidValueError(argument, "rows", "an empty table")
        ids = as_column(data[columns.id]) if columns.id in names else None
        times = _times(argument, data[columns.time], form)
        values = as_column(data[columns.target]) if columns.target in names else None
        others = {name: as_column(data[name]) for name in covariates}
        name_of_time = columns.time
    else:
        if covariates:
            raise InvalidTypeError(
                argument, "a frame, for past, future or static", type(data).__name__
            )
        index = getattr(data, "index", None)  # Also a method of lists.
        values = as_column(data)
        checks.rank(argument, values, "T")
        if not len(values):
            raise InvalidValueError(argument, "values", "an empty series")
        indexed = index is not None and not callable(index)
        numbered = Frequency("number", 1)
        if not indexed and freq in (None, 1, numbered) and len(values) > 1:
            y = _numbers(argument, columns.target, values, str)
            offsets = np.array([0, len(y)])
            return Panel([columns.target], numbered, False, np.zeros(1, np.int64), offsets, y)
        times = _times(argument, index, form) if indexed else np.arange(len(values))
        ids, others, name_of_time = None, {}, "the index of " + argument
    found, dated = as_times(name_of_time, times)
    return _panel(argument, columns, ids, found, dated, values, others, freq)


def _times(argument: str, column: Any, form: "Format | None") -> Column:
    """Return a column of times, with a zone or without one as those of `form`."""
    if form is None or form.kind == "array":
        return as_column(column)
    if (_zone(column) is None) != (form.zone is None):
        expected = (
            "times without a zone" if form.zone is None else f"times with a zone ({form.zone})"
        )
        got = _zone(column)
        raise InvalidValueError(argument, f"{expected}, as in fit", got or "times without one")
    return as_column(column, form.clock)


def as_column(column: Any, clock: bool | None = None) -> Column:
    """Return a column as an array.

    Args:
        column: of a frame, or an index.
        clock: of times with a zone: as its clocks show them, or in UTC; by default as
            `_by_the_clock` says.
    """
    if _zone(column) is not None:
        clock = _by_the_clock(column) if clock is None else clock
        column = _without_zone(column, clock)
    elif str(getattr(column, "dtype", "")).startswith("period"):
        column = getattr(column, "dt", column).to_timestamp()
    checks.unmasked("df", column)
    if isinstance(column, list | tuple) and any(isinstance(entry, str) for entry in column):
        return np.array(column, object)  # Numbers beside text stay numbers.
    return column.to_numpy() if hasattr(column, "to_numpy") else np.asarray(column)


def _by_the_clock(column: Any) -> bool:
    """Whether times with a zone follow its clocks.

    Days do, of which two in a year have 23 or 25 hours; hours do not: one would be missing, and one
    would come twice.
    """
    clock = np.asarray(_without_zone(column, True)).astype("datetime64[ns]")
    hours = clock - clock.astype("datetime64[D]")
    return bool((hours == hours[0]).all())


def _without_zone(column: Any, clock: bool) -> Any:
    """Return times with a zone as its clocks show them, or in UTC."""
    accessor = getattr(column, "dt", column)  # An index of pandas has the method itself.
    if hasattr(accessor, "convert_time_zone"):  # Of polars.
        shown = column if clock else accessor.convert_time_zone("UTC")
        return shown.dt.replace_time_zone(None)
    shown = column if clock else accessor.tz_convert("UTC")
    return getattr(shown, "dt", shown).tz_localize(None)


def _panel(
    argument: str,
    columns: Columns,
    ids: Column | None,
    times: Times,
    dated: bool,
    values: Column | None,
    others: Mapping[str, Column],
    freq: Frequency | str | int | None,
) -> Panel:
    if ids is None:
        names, series = [columns.target], np.zeros(len(times), np.int64)
    else:
        names, series = _numbered(columns.id, ids)
    order: Any = slice(None)
    if not (np.where(series[1:] == series[:-1], np.diff(times), np.diff(series)) > 0).all():
        order = np.lexsort((times, series))
    times, series = times[order], series[order]
    ends = np.cumsum(np.bincount(series, minlength=len(names)))
    offsets = np.concatenate([[0], ends]).astype(np.int64)

    def where(row: int) -> str:
        of = "" if ids is None else f" of {columns.id} {names[series[row]]!r}"
        return f"{shown(int(times[row]), dated)}{of}"

    again = np.flatnonzero((np.diff(times) == 0) & (np.diff(series) == 0))
    if again.size:
        expected = "one row for each time of a series (sum or average those of one time)"
        raise InvalidValueError(argument, expected, f"two rows for {where(int(again[0]))}")
    by_series = [times[offsets[n] : offsets[n + 1]] for n in range(len(names))]
    frequency = _frequency(argument, freq, by_series, dated)
    steps = []
    for n, own in enumerate(by_series):
        at, off = frequency.positions(own)
        if off.any():
            expected = f"times that are whole steps of {frequency} apart (freq= sets another step)"
            raise InvalidValueError(argument, expected, where(int(offsets[n] + off.argmax())))
        steps.append(at)
    lengths = np.array([at[-1] + 1 for at in steps])
    whole = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    rows = joined([whole[n] + at for n, at in enumerate(steps)]).astype(np.int64)
    if missing := int(whole[-1] - len(times)):
        gap = next(n for n in range(len(names)) if lengths[n] > len(by_series[n]))
        first = int(offsets[gap] + np.flatnonzero(np.diff(steps[gap]) > 1)[0])
        warn(
            f"{argument}: {missing:,} of {int(whole[-1]):,} steps of {frequency} have no row, the "
            f"first after {where(first)}: they count as missing values",
            LSTMWarning,
        )

    def spread(name: str, column: Column) -> Values:
        found = np.full(int(whole[-1]), np.nan)
        found[rows] = _numbers(argument, name, column[order], where)
        return found

    y = np.full(int(whole[-1]), np.nan)
    if values is not None:
        y = spread(columns.target, values)
    return Panel(
        names,
        frequency,
        dated,
        np.array([own[0] for own in by_series], np.int64),
        whole,
        y,
        {name: spread(name, column) for name, column in others.items()},
    )


def _frequency(
    argument: str, freq: Frequency | str | int | None, series: list[Times], dated: bool
) -> Frequency:
    """Return what lies between two steps: as given, or as the times of the series say."""
    if freq is None:
        return Frequency.of(series, dated)
    frequency = freq if isinstance(freq, Frequency) else Frequency.named(freq)
    if (frequency.unit == "number") != dated:
        return frequency
    if isinstance(freq, Frequency):
        what = ("numbered steps", "dates")
        raise InvalidValueError(argument, f"{what[not dated]}, as in fit", what[dated])
    expected = "a frequency of dates" if dated else "a number, as times are numbered"
    raise InvalidValueError("freq", expected, str(frequency))


def _numbered(name: str, ids: Column) -> tuple[list[Any], Times]:
    """Return the different ids in the order of their first rows, and the number of each row's."""
    found: dict[Any, int] = {}
    begins = np.flatnonzero(
        np.append(True, ids[1:] != ids[:-1])
    )  # Rows of a series are neighbours.
    try:
        runs = [found.setdefault(entry, len(found)) for entry in ids[begins].tolist()]
        series = np.repeat(runs, np.diff(np.append(begins, len(ids))))
    except TypeError as error:
        raise InvalidTypeError(name, "numbers or text", str(error)) from error
    for entry in found:
        if not isinstance(entry, str | int | float | bool) or entry != entry:
            row = int(np.flatnonzero(series == found[entry])[0])
            expected = "an id in every row, a number or text"
            raise InvalidValueError(name, expected, f"{entry!r:.40} in row {row}")
    return list(found), series


def _numbers(argument: str, name: str, column: Column, where: Any) -> Values:
    """Return a column as numbers, NaN where one is missing."""
    if column.dtype.kind not in "iufb":
        entries = [np.nan if entry is None else entry for entry in column.tolist()]
        values = np.empty(len(entries))
        for row, entry in enumerate(entries):
            try:
                if isinstance(entry, str | bytes):
                    raise ValueError
                values[row] = entry
            except (TypeError, ValueError):
                hint = ""
                if isinstance(entry, str):
                    comma = entry.replace(",", "", 1).replace("-", "", 1).isdigit() and "," in entry
                    hint = "; it has a decimal comma" if comma else ""
                got = f"{entry!r:.40} at {where(row)}{hint}"
                raise InvalidTypeError(f"{argument}: column {name}", "numbers", got) from None
    else:
        values = column.astype(np.float64)
    with np.errstate(invalid="ignore"):
        bad = np.abs(values) > LARGEST
    if bad.any():
        row = int(bad.argmax())
        got = f"{values[row]} at {where(row)}"
        expected = f"finite numbers up to {LARGEST:g}, or NaN"
        raise InvalidValueError(f"{argument}: column {name}", expected, got)
    return values


@dataclass(frozen=True)
class Format:
    """The kind of table that forecasts become.

    Attributes:
        kind: "frame", "series" (of pandas; forecasts have its index) or "array".
        library: the name of the library that has it; "" for arrays.
        has_id: whether a frame has a column of ids.
        zone: the name of the time zone, if times have one.
        clock: whether times are as its clocks show them; otherwise they are in UTC.
        constructor: makes a frame of columns by name.
        time_type: the type of times in polars, which joins columns of one type only.
    """

    kind: str
    library: str = ""
    has_id: bool = False
    zone: str | None = None
    clock: bool = False
    constructor: Callable[..., Any] | None = None
    time_type: Any = None

    @classmethod
    def of(cls, data: Any, columns: Columns, clock: bool | None = None) -> Self:
        """Return the format of a table.

        Args:
            data: the table.
            columns: the names of its columns.
            clock: how its times are read, where they have a zone; by default as they look.
        """
        library = type(data).__module__.partition(".")[0]
        if is_frame(data):
            times, has_id = data[columns.time], columns.id in data.columns
            kind = times.dtype if hasattr(data, "with_columns") else None
            if not str(kind).startswith("Date"):
                kind = None
            zone = _clock_of(times, clock)
            return cls("frame", library, has_id, *zone, constructor=type(data), time_type=kind)
        if hasattr(data, "to_frame") and not callable(getattr(data, "index", None)):
            constructor = type(data.to_frame())
            zone = _clock_of(data.index, clock)
            return cls("series", library, False, *zone, constructor=constructor)
        return cls("array")

    def to_config(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "kind": self.kind,
            "library": self.library,
            "has_id": self.has_id,
            "zone": self.zone,
            "clock": self.clock,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Return what `to_config` returned; in place of a library that is not there, `Table`."""
        if config["kind"] == "array":
            return cls("array")
        # No other module is imported because a file says so.
        if config["library"] in ("pandas", "polars"):
            with suppress(ImportError):
                return cls(**config, constructor=import_module(config["library"]).DataFrame)
        return cls("frame", "lstm", config["has_id"], constructor=Table)

    def written(
        self, columns: Columns, panel: Panel, times: Sequence[Times], parts: Mapping[str, Values]
    ) -> Any:
        """Return columns as a table.

        Args:
            columns: the names of id and time.
            panel: the series.
            times: the times of the rows of each; an array needs none.
            parts: the other columns by name, (rows).

        Returns:
            A frame with id, time and the columns; for a series of pandas a frame with the times as
            its index; for an array an array (rows), or (rows, columns) for several.
        """
        if self.constructor is None:
            return self.table(columns, panel.dated, (), {}, parts)
        ids = [n for n, own in zip(panel.ids, times, strict=True) for _ in range(len(own))]
        return self.table(columns, panel.dated, ids, {columns.time: joined_times(times)}, parts)

    def table(
        self,
        columns: Columns,
        dated: bool,
        ids: Sequence[Any],
        times: Mapping[str, Times],
        parts: Mapping[str, Values],
    ) -> Any:
        """Return ids, times by the names of columns, and other columns as a table."""
        if self.constructor is None:
            values = [column.astype(np.float64) for column in parts.values()]
            return values[0] if len(values) == 1 else np.stack(values, axis=1)
        stamps: dict[str, Any] = {
            name: column.astype("datetime64[ns]") if dated else column
            for name, column in times.items()
        }
        if self.kind == "frame":
            shown = {columns.id: list(ids)} if self.has_id else {}
            frame = self.constructor({**shown, **stamps, **parts})
            if self.time_type is not None and not self.zone and dated:
                for name in stamps:
                    frame = frame.with_columns(frame[name].cast(self.time_type, strict=False))
            for name in stamps if self.zone else ():
                column = _in_zone(frame[name], self.zone, self.clock)
                # A frame of polars does not change.
                frame = (
                    frame.with_columns(column)
                    if hasattr(frame, "with_columns")
                    else frame.assign(**{name: column})
                )
            return frame
        frame = self.constructor({**stamps, **parts})
        if self.zone:
            frame = frame.assign(
                **{name: _in_zone(frame[name], self.zone, self.clock) for name in stamps}
            )
        return frame.set_index(columns.time).rename_axis(None)


def joined_times(times: Sequence[Times]) -> Times:
    """Return times one behind the other."""
    return np.concatenate(times) if times else np.zeros(0, np.int64)


def _clock_of(times: Any, clock: bool | None) -> tuple[str | None, bool]:
    """Return the zone of times, and whether they follow its clocks."""
    zone = _zone(times)
    if zone is None:
        return None, False
    return zone, _by_the_clock(times) if clock is None else clock


def _zone(column: Any) -> str | None:
    dtype = getattr(column, "dtype", None)
    zone = getattr(dtype, "tz", None) or getattr(dtype, "time_zone", None)
    return None if zone is None else str(zone)


def _in_zone(column: Any, zone: str | None, clock: bool) -> Any:
    """Return a column of times, as clocks show them or in UTC, with a time zone."""
    if hasattr(column.dt, "convert_time_zone"):  # Of polars.
        if clock:
            return column.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        return column.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    if clock:
        earlier = np.ones(len(column), bool)
        return column.dt.tz_localize(zone, ambiguous=earlier, nonexistent="shift_forward")
    return column.dt.tz_localize("UTC").dt.tz_convert(zone)

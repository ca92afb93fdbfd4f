"""Tables of series as commands read them: which columns they have, and where forecasts begin."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from lstm import checks
from lstm.cli.running import warn
from lstm.errors import InvalidValueError, naming
from lstm.forecasting import LSTMForecaster, frames, read_table
from lstm.forecasting.frames import Columns, Format
from lstm.forecasting.frequency import as_times
from lstm.forecasting.horizon import with_table
from lstm.forecasting.panel import Panel, Values
from lstm.forecasting.statics import Statics
from lstm.forecasting.tables import Table

MODEL = "model.safetensors"
"""The forecaster in the folder that `lstm forecast` writes."""


def forecaster_at(path: Path) -> LSTMForecaster:
    """Return the forecaster in a file, or in a folder of `lstm forecast`."""
    return LSTMForecaster.load(path / MODEL if path.is_dir() else path)


def names_of(text: str) -> list[str]:
    """Return the names in an option such as "a,b"."""
    return [part.strip() for part in text.split(",") if part.strip()]


def options_named(**options: str) -> AbstractContextManager[None]:
    """Let errors about arguments, or parts of them, name the options that these came from.

    Args:
        options: the name of the option, for each argument.
    """

    def called(argument: str) -> str | None:
        name, colon, part = argument.partition(":")
        return options[name] + colon + part if name in options else None

    return naming(called)


@dataclass(frozen=True)
class Sources:
    """What a user's files say, and which columns of them to use.

    Attributes:
        table: the rows of the file with the series.
        columns: their id, time and target.
        known: the rows up to the last known target of each series.
        past, future: columns that are known up to the forecast, and behind it, too.
        coming: a table with the columns `future` of the steps to forecast; None without such.
        coming_from: the option that it came from.
        static: a table with a row for each series, or None.
        static_columns: its columns to use.
    """

    table: Any
    columns: Columns
    known: Any
    past: list[str]
    future: list[str]
    coming: Any
    coming_from: str
    static: Any
    static_columns: list[str]

    @classmethod
    def read(
        cls,
        data: Path,
        target: str | None,
        id: str | None,
        time: str | None,
        past: list[str],
        future: list[str],
        future_file: Path | None,
        static: Path | None,
        static_columns: list[str],
    ) -> Self:
        """Read files.

        Args:
            data: the file with the series.
            target, id, time: columns of it; by default what they must be.
            past, future: other columns of it.
            future_file: a file with the columns `future` of the steps to forecast; by default these
                are the rows of `data` behind the last target.
            static: a file with a row for each series.
            static_columns: columns of that file; by default all but the id.

        Raises:
            InvalidValueError: a file or a column is missing, or rows of one are.
        """
        with options_named(path="data"):
            table = read_table(data)
        columns = columns_of(table, target, id, time)
        given = [str(name) for name in table.columns]
        others = [n for n in given if n not in (columns.id, columns.time, columns.target)]
        for option, names in (("past", past), ("future", future)):
            for name in names:
                checks.one_of(option, name, others)
        known, coming = table, None
        if future_file is not None:
            if not future:
                raise InvalidValueError("future", f"columns of {future_file}, as a,b", "none")
            with options_named(path="future_file"):
                coming = read_table(future_file)
            known = parted(table, columns)[0]
        elif future:
            known, coming = parted(table, columns)
            if not len(known):
                raise InvalidValueError("target", "a column with known values", columns.target)
            if not len(coming):
                expected = (
                    f"rows behind the last {columns.target}, with {', '.join(future)} and an empty "
                    f"{columns.target} (or --future-file)"
                )
                raise InvalidValueError("future", expected, "none")
            with_values = _ids(known, columns)
            for entry in _ids(coming, columns):
                if entry not in with_values:
                    expected = "a column with a known value of each series"
                    raise InvalidValueError("target", expected, f"none of {entry!r}")
        elif behind := len(parted(table, columns)[1]):
            warn(
                f"{behind:,} rows behind the last {columns.target} have none: forecasts begin "
                "behind them (--future, with columns that are known there, forecasts these rows)"
            )
        about = None
        if static is not None:
            if columns.id not in given:
                raise InvalidValueError("id", "a column with the names of series", "none")
            with options_named(path="static"):
                about = read_table(static)
            all_of_it = [str(name) for name in about.columns]
            for name in static_columns:
                checks.one_of("static_columns", name, all_of_it)
            static_columns = static_columns or [n for n in all_of_it if n != columns.id]
            if not static_columns:
                raise InvalidValueError("static", f"columns besides {columns.id}", "none")
        elif static_columns:
            raise InvalidValueError("static", "a file with --static-columns", "none")
        where = "future" if future_file is None else "future_file"
        return cls(table, columns, known, past, future, coming, where, about, static_columns)

    @property
    def names(self) -> dict[str, Any]:
        """The names of the columns, as arguments of a forecaster."""
        return {f"{kind}_col": name for kind, name in asdict(self.columns).items()}

    def options_named(self) -> AbstractContextManager[None]:
        """Let errors about the arguments of a forecaster name the options of the user."""
        return options_named(df="data", future_df=self.coming_from, static_df="static")

    def panel(self, h: int, freq: str | None) -> tuple[Panel, Values]:
        """Return the known series, and the numbers that describe each, (N, static).

        Raises:
            InvalidTypeError, InvalidValueError: the tables cannot be used, such as one that lacks
                the columns `future` of one of h steps, or a series.
        """
        panel = frames.read(self.known, self.columns, freq, (*self.past, *self.future))
        if self.future:
            form = Format.of(self.known, self.columns)
            with_table(panel, self.coming, self.future, h, self.columns, form)
        if self.static is None:
            return panel, np.zeros((len(panel), 0))
        statics = Statics.of(self.static, self.static_columns, self.columns.id)
        return panel, statics.encoded(self.static, panel.ids, self.columns.id)


@contextmanager
def going_on(model: LSTMForecaster, new: Path | None, future_file: Path | None) -> Iterator[Any]:
    """Let a forecaster read new rows; yield a table of its columns `future` for what follows.

    Errors within the `with` block name the arguments of a command: `new` and `future_file`.

    Args:
        model: the forecaster.
        new: a file with rows that follow; behind the last target, they may be those of the horizon.
        future_file: a file with those of the horizon.
    """
    coming = None
    horizon = "new" if new and not future_file else "future_file"
    with options_named(df="new", future_df=horizon):
        if new is not None:
            with options_named(path="new"):
                rows = read_table(new)
            if model.future and future_file is None:
                rows, behind = parted(rows, model.learned.columns)
                coming = behind if len(behind) else None
            if len(rows) or coming is None:
                model.update(rows)
        if future_file is not None:
            with options_named(path="future_file"):
                coming = read_table(future_file)
        yield coming


def columns_of(table: Any, target: str | None, id: str | None, time: str | None) -> Columns:
    """Return the columns of a table: those that the user names, or what they must be."""
    names = [str(name) for name in table.columns]
    for option, name in (("target", target), ("id", id), ("time", time)):
        if name is not None:
            checks.one_of(option, name, names)
    if id is None and "unique_id" in names:
        id = "unique_id"
    others = [name for name in names if name != id]
    if time is None:
        time = next((name for name in others if name.lower() in ("ds", "time", "date")), None)
    if time is None:
        time = next((name for name in others if _has_times(table[name])), None)
    if time is None:
        raise InvalidValueError("time", f"the column with the times, of {names}", "none")
    if target is None:
        numbers = [
            k for k in others if k != time and frames.as_column(table[k]).dtype.kind in "iuf"
        ]
        if len(numbers) != 1 and "y" not in numbers:
            raise InvalidValueError("target", f"the column to forecast, of {numbers}", "none")
        target = "y" if "y" in numbers else numbers[0]
    return Columns(id or "unique_id", time, target)


def _has_times(column: Any) -> bool:
    values = frames.as_column(column)
    if values.dtype.kind == "M":
        return True
    if values.dtype.kind != "O" or not len(values):
        return False
    try:
        as_times("time", values[:3])
    except InvalidValueError:
        return False
    return True


def _ids(table: Any, columns: Columns) -> dict[Any, None]:
    """Return the different ids in a table, in order; None for that of a single series."""
    if columns.id not in [str(name) for name in table.columns]:
        return {None: None}
    return dict.fromkeys(frames.as_column(table[columns.id]).tolist())


def parted(table: Any, columns: Columns) -> tuple[Any, Any]:
    """Return the rows up to the last known target of each series, and those behind it.

    The second are to forecast: their other columns are known, their target is empty. Both tables
    may have no rows. Without the column of targets, all rows are to forecast.
    """
    names = [str(name) for name in table.columns]
    checks.one_of("df: the column of times", columns.time, names)
    times, _ = as_times(columns.time, frames.as_column(table[columns.time]))
    ids = [None] * len(times)
    if columns.id in names:
        ids = frames.as_column(table[columns.id]).tolist()
    last: dict[Any, int] = {}
    if columns.target in names:
        values = frames.as_column(table[columns.target]).tolist()
        for entry, time, value in zip(ids, times.tolist(), values, strict=True):
            if value is not None and value == value:
                last[entry] = max(time, last.get(entry, time))
    known = np.array(
        [entry in last and time <= last[entry] for entry, time in zip(ids, times, strict=True)],
        bool,
    )
    return _rows(table, known), _rows(table, ~known)


def _rows(table: Any, wanted: Any) -> Any:
    """Return some rows of a table, as a table of its kind."""
    if isinstance(table, Table) or hasattr(table, "with_columns"):  # Of polars.
        return table.filter(wanted)
    return table[wanted]


def described(path: Path, sources: Sources, panel: Panel, given: Sequence[int] = ()) -> str:
    """Return what was understood of a file, in a few lines."""
    lengths, known = panel.lengths, panel.y[~np.isnan(panel.y)]
    count = "one series" if len(panel) == 1 else f"{len(panel):,} series"
    steps = f"{lengths.min():,}"
    if lengths.min() < lengths.max():
        steps += f" to {lengths.max():,}"
    first = int(panel.starts.argmin())
    lines = [f"{path}: {count} of {sources.columns.target}, {steps} steps of {panel.frequency}"]
    lines[0] += f" each, from {panel.shown(first, 0)}"
    missing = int(np.isnan(panel.y).sum())
    values = f"values from {known.min():g} to {known.max():g}" if known.size else "no values"
    lines.append(f"{values}, {missing:,} missing" if missing else values)
    seasons = " and ".join(map(str, given or panel.frequency.seasons))
    if seasons:
        lines.append(f"seasons of {seasons} steps" + ("" if given else ", unless --season says"))
    for names, what in (
        (sources.past, "known up to a forecast"),
        (sources.future, "known for the steps to forecast, too"),
        (sources.static_columns, "known of each series"),
    ):
        if names:
            lines.append(f"{what}: {', '.join(names)}")
    lines += getattr(sources.table, "notes", ())
    return "\n".join(lines)

"""`lstm forecast`: learns from a table of series, and says how they go on."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table as ScreenTable

from lstm import checks, plotting, storage
from lstm.cli.running import Json, Seed, called, print_json, tell
from lstm.errors import InvalidValueError, MissingExtraError, naming
from lstm.forecasting import LSTMForecaster, frames, read_table, scores
from lstm.forecasting.arguments import Arguments
from lstm.forecasting.curves import plot_forecasts
from lstm.forecasting.frames import Columns
from lstm.forecasting.frequency import as_times
from lstm.forecasting.panel import Panel
from lstm.forecasting.tables import Table
from lstm.screen import Screen

MODEL = "model.safetensors"


def forecast(
    data: Annotated[
        Path,
        typer.Argument(help="A CSV or Parquet file; or a folder or model that this command wrote."),
    ],
    new: Annotated[
        Path | None, typer.Argument(help="With a model: a file with the rows to go on from.")
    ] = None,
    *,
    target: Annotated[
        str | None, typer.Option(help="The column to forecast; by default the only one there is.")
    ] = None,
    h: Annotated[
        int | None,
        typer.Option(help="Steps to forecast.", show_default="24, or those of the model"),
    ] = None,
    id: Annotated[str | None, typer.Option(help="The column with the name of the series.")] = None,
    time: Annotated[
        str | None, typer.Option(help="The column with the times; by default the first with some.")
    ] = None,
    season: Annotated[
        str, typer.Option(help="Steps of a season, or several, as 24,168; usual ones by default.")
    ] = "",
    freq: Annotated[
        str | None, typer.Option(help="Distance of two steps, such as h, 15min, D, MS.")
    ] = None,
    level: Annotated[
        str, typer.Option(help="Percentages that intervals are to cover, as 80,90.")
    ] = "",
    past: Annotated[
        str, typer.Option(help="Columns that are known up to the forecast, as a,b.")
    ] = "",
    backtest: Annotated[
        int, typer.Option(help="How many forecasts of what is known to compare; 0 for none.")
    ] = 3,
    max_steps: Annotated[
        int | None,
        typer.Option(help="Training steps.", show_default="as many as suit the data"),
    ] = None,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to create for the results.", show_default="NAME-forecast"),
    ] = None,
    json_output: Json = False,
) -> None:
    """Forecast the series in a table, and measure how well that works beside simple forecasts."""
    if not data.exists():
        raise InvalidValueError("data", "a file with a table, or a model", f"{data}: no such file")
    if data.is_dir() or data.suffix == ".safetensors":
        _go_on(data, new, h, level, json_output)
        return
    if new is not None:
        raise InvalidValueError("new", "no second file, with a table", str(new))
    folder = out or Path(f"{data.stem}-forecast")
    if folder.exists():
        raise InvalidValueError("out", "a folder to create", f"{folder}, which exists")
    table = read_table(data)
    columns = _columns(table, target, id, time)
    seasons, levels = _numbers("season", season, int), _levels(level)
    for name in _names(past):
        checks.one_of("past", name, [str(known) for known in table.columns])
    with naming({"season_length": "season", "random_state": "seed"}.get):
        model = LSTMForecaster(
            24 if h is None else h,
            season_length=seasons or None,
            freq=freq,
            past=_names(past),
            max_steps=max_steps,
            random_state=seed,
            verbose=0 if json_output else "auto",
        )
        Arguments.checked(model.get_params())
    say = tell if not json_output else _nothing
    with called("data", "df"):
        panel = frames.read(table, columns, freq, model.past)
        say(_described(data, table, panel, columns))
        windows = _windows_for(levels, panel, model.h)
        season_length = min(seasons or panel.frequency.seasons, default=1)
        names: dict[str, Any] = {f"{k}_col": v for k, v in asdict(columns).items()}
        found: dict[str, dict[str, float]] = {}
        if checks.int_at_least("backtest", backtest, 0):
            say("Learning from what precedes the last forecasts, to compare these with what came:")
            tested = model.cross_validation(table, n_windows=backtest, **names)
            found = scores(tested, table, season_length, **names)
            if not json_output:
                Screen().print(_score_table(found, backtest))
            say(_verdict(found))
        say("Learning from all of it:")
        model.fit(table, **names)
        if levels:
            say("Learning from less of it again, to see how far forecasts are off:")
            model.calibrate(table, windows)
        made = model.predict(level=levels or None)
    folder.mkdir(parents=True)
    files = ["forecast.csv", MODEL]
    _as_table(made).write(folder / files[0])
    model.save(folder / MODEL)
    try:
        with plotting.style(), storage.replacing(folder / "forecast.svg") as file:
            plot_forecasts(panel, made, columns, model.h).savefig(file, format="svg")
        files.append("forecast.svg")
    except MissingExtraError as error:
        say(f"No picture: {error}")
    if json_output:
        print_json({"scores": found, "forecast": _as_rows(made), "folder": str(folder)})
    say(f"Saved {folder}/ with {', '.join(files)}. Next: lstm forecast {folder} NEW.csv")


def _go_on(path: Path, new: Path | None, h: int | None, level: str, json_output: bool) -> None:
    """Forecast with a model from a file, from the end of its series or of new rows."""
    model = LSTMForecaster.load(path / MODEL if path.is_dir() else path)
    levels = _levels(level) or None
    if new is not None:
        with called("new", "df"):
            model.update(read_table(new))
    made = model.predict(h=h, level=levels)
    if json_output:
        print_json({"forecast": _as_rows(made)})
    else:
        print(_as_table(made).text(), end="")


def _nothing(text: str) -> None:
    """Say nothing."""


def _columns(table: Any, target: str | None, id: str | None, time: str | None) -> Columns:
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


def _described(path: Path, table: Any, panel: Panel, columns: Columns) -> str:
    """Return what was understood of a file."""
    lengths, known = panel.lengths, panel.y[~np.isnan(panel.y)]
    count = "one series" if len(panel) == 1 else f"{len(panel):,} series"
    steps = f"{lengths.min():,}"
    if lengths.min() < lengths.max():
        steps += f" to {lengths.max():,}"
    first = int(panel.starts.argmin())
    lines = [f"{path}: {count} of {columns.target}, {steps} steps of {panel.frequency} each"]
    lines[0] += f", from {panel.shown(first, 0)}"
    missing = int(np.isnan(panel.y).sum())
    values = f"values from {known.min():g} to {known.max():g}" if known.size else "no values"
    lines.append(f"{values}, {missing:,} missing" if missing else values)
    seasons = panel.frequency.seasons
    if seasons:
        lines.append(f"seasons of {' and '.join(map(str, seasons))} steps, unless --season says")
    lines += [note for note in getattr(table, "notes", ())]
    return "\n".join(lines)


def _score_table(found: dict[str, dict[str, float]], windows: int) -> ScreenTable:
    title = f"{windows} forecasts of what is known; means over series"
    table = ScreenTable(title=title, title_justify="left")
    table.add_column("")
    for name in next(iter(found.values())):
        table.add_column(name, justify="right")
    for name, measures in found.items():
        style = "bold" if name == "LSTM" else None
        table.add_row(name, *(f"{value:.4g}" for value in measures.values()), style=style)
    return table


def _verdict(found: dict[str, dict[str, float]]) -> str:
    best = next(iter(found))
    if np.isnan(found["LSTM"]["MASE"]):
        return "These series do not change from season to season: there is nothing to compare."
    if best == "LSTM":
        return "Here the LSTM is better than every simple forecast, by MASE."
    return f"Here {best} is better than the LSTM, by MASE: use it, or more data."


def _windows_for(levels: list[float], panel: Panel, h: int) -> int:
    """Return how many forecasts of each series make intervals: more where there is room for them.

    Raises:
        InvalidValueError: the series are too short for so high a level.
    """
    if not levels:
        return 0
    level, longest = max(levels), int(panel.lengths.max())
    needed = int(np.ceil(level / (100 - level) / len(panel)))
    if (needed + 2) * h > longest:
        expected = f"a lower level, or series of at least {(needed + 2) * h} steps"
        raise InvalidValueError("level", expected, f"{level:g} for {longest}")
    return max(needed, min(-(-40 // len(panel)), int(panel.lengths.min()) // (5 * h)))


def _numbers(option: str, text: str, kind: Any) -> list[Any]:
    try:
        return [kind(part) for part in _names(text)]
    except ValueError:
        raise InvalidValueError(option, "numbers, such as 24,168", repr(text)) from None


def _levels(text: str) -> list[float]:
    levels = _numbers("level", text, float)
    for percent in levels:
        if not 0 < percent < 100:
            raise InvalidValueError("level", "percentages between 0 and 100", percent)
    return levels


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _as_table(made: Any) -> Table:
    return Table({str(name): frames.as_column(made[name]) for name in made.columns})


def _as_rows(made: Any) -> list[dict[str, Any]]:
    table = _as_table(made)
    kinds = [table[name].dtype.kind for name in table.columns]
    return [
        {
            name: float(entry) if kind == "f" else entry
            for name, kind, entry in zip(table.columns, kinds, row, strict=True)
        }
        for row in table.rows()
    ]

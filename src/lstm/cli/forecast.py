"""`lstm forecast`: learns from a table of series, and says how they go on."""

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table as ScreenTable

from lstm import checks, plotting, storage
from lstm.cli.running import Json, Seed, given, print_json, tell
from lstm.cli.series import (
    MODEL,
    Sources,
    described,
    forecaster_at,
    going_on,
    names_of,
)
from lstm.errors import InvalidValueError, MissingExtraError, naming
from lstm.forecasting import LSTMForecaster, frames, scores
from lstm.forecasting.arguments import Arguments
from lstm.forecasting.curves import plot_forecasts
from lstm.forecasting.frames import Columns
from lstm.forecasting.pace import Pace
from lstm.forecasting.panel import Panel, Values
from lstm.forecasting.tables import Table
from lstm.screen import Screen

Say = Callable[[str], None]
"""What a command says goes there: to the screen, or nowhere if it writes JSON."""

Scores = dict[str, dict[str, float]]

_OF_EACH_FORECAST = {"data", "new", "h", "level", "future_file", "json_output"}
"""What can be said with a model, which has the rest."""


def forecast(
    context: typer.Context,
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
    future: Annotated[
        str,
        typer.Option(
            help="Columns that are known for the steps to forecast, too: in rows behind the last "
            "target, whose target is empty, or in --future-file."
        ),
    ] = "",
    future_file: Annotated[
        Path | None,
        typer.Option(help="A file with the --future columns of the steps to forecast, by time."),
    ] = None,
    static: Annotated[
        Path | None,
        typer.Option(help="A file with one row for each series: numbers or categories of it."),
    ] = None,
    static_columns: Annotated[
        str, typer.Option(help="Which columns of --static to use, as a,b; all by default.")
    ] = "",
    backtest: Annotated[
        int, typer.Option(help="How many forecasts of what is known to compare; 0 for none.")
    ] = 3,
    minutes: Annotated[
        float | None,
        typer.Option(
            help="About how long to take: sets the training steps, and the number of networks.",
            show_default="as long as suits the data",
        ),
    ] = None,
    max_steps: Annotated[
        int | None,
        typer.Option(help="Training steps.", show_default="as many as suit the data"),
    ] = None,
    ensemble: Annotated[
        int | None,
        typer.Option(help="Networks, whose forecasts are averaged.", show_default="1"),
    ] = None,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to create for the results.", show_default="NAME-forecast"),
    ] = None,
    json_output: Json = False,
) -> None:
    """Forecast the series in a table, and measure how well that works beside simple forecasts."""
    begin = perf_counter()
    if not data.exists():
        raise InvalidValueError("data", "a file with a table, or a model", f"{data}: no such file")
    if data.is_dir() or data.suffix == ".safetensors":
        for option in sorted(given(context) - _OF_EACH_FORECAST):
            expected = f"none with {data}, a model, which has its own"
            raise InvalidValueError(option, expected, context.params[option])
        _go_on(data, new, future_file, h, level, json_output)
        return
    if new is not None:
        raise InvalidValueError("new", "no second file, with a table", str(new))
    folder = out or Path(f"{data.stem}-forecast")
    if folder.exists():
        raise InvalidValueError("out", "a folder to create", f"{folder}, which exists")
    if minutes is not None:
        checks.number("minutes", minutes, 0, open_low=True)
        for option, value in (("max_steps", max_steps), ("ensemble", ensemble)):
            if value is not None:
                raise InvalidValueError(option, "none with --minutes, which sets it", value)
    windows = checks.int_at_least("backtest", backtest, 0)
    seasons, levels = _numbers("season", season, int), _levels(level)
    sources = Sources.read(
        data, target, id, time, names_of(past), names_of(future), future_file, static,
        names_of(static_columns),
    )  # fmt: skip
    with naming({"season_length": "season", "random_state": "seed"}.get):
        model = LSTMForecaster(
            24 if h is None else h,
            season_length=seasons or None,
            freq=freq,
            past=sources.past,
            future=sources.future,
            static=sources.static_columns,
            max_steps=max_steps,
            ensemble=1 if ensemble is None else ensemble,
            random_state=seed,
            verbose=0 if json_output else "auto",
        )
        Arguments.checked(model.get_params())
    say = tell if not json_output else _nothing
    with sources.options_named():
        panel, static_of_each = sources.panel(model.h, freq)
        say(described(data, sources, panel, seasons))
        calibrated = _windows_for(levels, panel, model.h)
        if minutes is not None:
            trainings = bool(windows) + 1 + bool(calibrated)
            say(_paced(model, panel, static_of_each, begin + 60 * minutes, trainings))
        season_length = min(seasons or panel.frequency.seasons, default=1)
        found = _compared(model, sources, windows, season_length, say) if windows else {}
        made = _learned(model, sources, levels, calibrated, say)
    files = _saved(folder, model, made, panel, sources.columns, say)
    if json_output:
        print_json({"scores": found, "forecast": _as_rows(made), "folder": str(folder)})
    following = f"lstm forecast {folder} NEW.csv, or lstm inspect {folder}"
    say(f"Saved {folder}/ with {', '.join(files)}. Next: {following}")


def _compared(
    model: LSTMForecaster, sources: Sources, windows: int, season_length: int, say: Say
) -> Scores:
    """Forecast what is known from what precedes it, and compare that with simple forecasts."""
    say("Learning from what precedes the last forecasts, to compare these with what came:")
    names = sources.names
    tested = model.cross_validation(
        sources.known, n_windows=windows, static_df=sources.static, **names
    )
    found = scores(tested, sources.known, season_length, **names)
    if say is tell:
        Screen().print(_score_table(found, windows))
    say(_verdict(found))
    return found


def _learned(
    model: LSTMForecaster, sources: Sources, levels: list[float], calibrated: int, say: Say
) -> Any:
    """Let a forecaster learn from all of the data; return its forecast as a table."""
    say("Learning from all of it:")
    model.fit(sources.known, static_df=sources.static, **sources.names)
    if levels:
        say("Learning from less of it again, to see how far forecasts are off:")
        model.calibrate(sources.known, calibrated, static_df=sources.static)
    return model.predict(future_df=sources.coming, level=levels or None)


def _saved(
    folder: Path, model: LSTMForecaster, made: Any, panel: Panel, columns: Columns, say: Say
) -> list[str]:
    """Write forecast, model and picture to a new folder; return the names of the files."""
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
    return files


def _go_on(
    path: Path,
    new: Path | None,
    future_file: Path | None,
    h: int | None,
    level: str,
    json_output: bool,
) -> None:
    """Forecast with a model from a file, from the end of its series or of new rows."""
    model = forecaster_at(path)
    with going_on(model, new, future_file) as coming:
        made = model.predict(h=h, future_df=coming, level=_levels(level) or None)
    if json_output:
        print_json({"forecast": _as_rows(made)})
    else:
        print(_as_table(made).text(), end="")


def _paced(model: LSTMForecaster, panel: Panel, static: Values, end: float, trainings: int) -> str:
    """Set how long a forecaster trains, so that all ends at a time; return a sentence about it."""
    given = Arguments.checked(model.get_params())
    pace = Pace.measured(given, panel, static, max(end - perf_counter(), 0) / trainings)
    steps, networks = pace.within(max(end - perf_counter(), 0) / trainings)
    model.set_params(max_steps=steps, ensemble=networks)
    what = f"{networks} networks of {steps:,} steps" if networks > 1 else f"{steps:,} steps"
    said = f"In this time: {what} (--max-steps {steps} --ensemble {networks} does the same again)"
    if steps < pace.usual / 2:
        needed = trainings * pace.seconds(pace.usual) / 60
        said += f"; {pace.usual:,} would suit these series, in about {needed:.1g} minutes"
    return said


def _nothing(text: str) -> None:
    """Say nothing."""


def _score_table(found: Scores, windows: int) -> ScreenTable:
    title = f"{windows} forecasts of what is known; means over series"
    table = ScreenTable(title=title, title_justify="left")
    table.add_column("")
    for name in next(iter(found.values())):
        table.add_column(name, justify="right")
    for name, measures in found.items():
        style = "bold" if name == "LSTM" else None
        table.add_row(name, *(f"{value:.4g}" for value in measures.values()), style=style)
    return table


def _verdict(found: Scores) -> str:
    best = next(iter(found))
    if np.isnan(found["LSTM"]["MAE"]):
        return "Nothing is known of the steps of these forecasts: there is nothing to compare."
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
        return [kind(part) for part in names_of(text)]
    except ValueError:
        raise InvalidValueError(option, "numbers, such as 24,168", repr(text)) from None


def _levels(text: str) -> list[float]:
    levels = _numbers("level", text, float)
    for percent in levels:
        if not 0 < percent < 100:
            raise InvalidValueError("level", "percentages between 0 and 100", percent)
    return levels


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

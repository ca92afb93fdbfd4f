"""Scores: one number for each measure and each column of forecasts in a backtest."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm import checks
from lstm.errors import InvalidTypeError
from lstm.forecasting import frames, metrics
from lstm.forecasting.frames import Columns, Format
from lstm.forecasting.frequency import as_times
from lstm.forecasting.panel import Values
from lstm.interface import spelled

MEASURES = ("MAE", "RMSE", "sMAPE", "WAPE", "MASE")


@spelled
def scores(
    found: Any,
    df: Any,
    season_length: int | None = None,
    *,
    id_col: str = "unique_id",
    time_col: str = "ds",
    target_col: str = "y",
) -> dict[str, dict[str, float]]:
    """Return the measures of all forecasts in what `cross_validation` returned.

    Each is the mean over series of the measure of the series over all its windows, so that a large
    series counts as much as a small one. MASE is scaled by what precedes the first window.

    Args:
        found: the table of the backtest.
        df: the data of the backtest.
        season_length: steps of a season, for MASE; by default that of the frequency.
        id_col, time_col, target_col: names of columns.

    Returns:
        For each column of forecasts, the best first by MASE: "MAE", "RMSE", "sMAPE" (0 to 200),
        "WAPE", "MASE". In pandas, `pd.DataFrame(found).T` is a table of it.

    Example:
        >>> import numpy as np
        >>> from lstm.forecasting import LSTMForecaster, scores
        >>> class Frame(dict):
        ...     columns = property(lambda self: list(self))
        ...     def __len__(self):
        ...         return len(self["y"])
        >>> df = Frame(ds=np.arange(60), y=np.tile([1.0, 2, 3, 4, 5, 6], 10))
        >>> model = LSTMForecaster(6, season_length=6, units=8, max_steps=1, random_state=0)
        >>> found = scores(model.cross_validation(df, n_windows=2), df, season_length=5)
        >>> next(iter(found)), found["SeasonalNaive"]["MAE"]
        ('SeasonalNaive', 0.0)
    """
    if not frames.is_frame(found):
        raise InvalidTypeError("found", "the frame that cross_validation returned", type(found))
    columns = Columns(id_col, time_col, target_col)
    panel = frames.read(df, columns)
    usual = panel.frequency.seasons[:1] or (1,)
    season = checks.positive_int(
        "season_length", usual[0] if season_length is None else season_length
    )
    table = {str(name): frames.as_column(found[name]) for name in found.columns}
    others = {columns.id, columns.time, "cutoff", "y"}
    names = [name for name in table if name not in others and not name.startswith("LSTM-")]
    ids = table.get(columns.id, np.zeros(len(table["y"]), np.int64))
    y = table["y"].astype(np.float64)
    # As times of the data are read: cutoffs alone may look like days.
    cutoffs = frames.as_column(found["cutoff"], Format.of(df, columns).clock)
    kinds: dict[Any, list[int]] = {}
    for row, entry in enumerate(ids.tolist()):
        kinds.setdefault(entry, []).append(row)
    each: dict[str, list[Values]] = {name: [] for name in names}
    for place, (entry, rows) in enumerate(kinds.items()):
        n = panel.ids.index(entry) if columns.id in table else place
        first = as_times("cutoff", np.sort(cutoffs[rows])[:1])[0][0]
        known = int(np.searchsorted(panel.times(n, 0, int(panel.lengths[n])), first)) + 1
        error = metrics.naive_error(panel.series(n)[:known], season)
        for name in names:
            each[name].append(_measured(y[rows], table[name][rows].astype(np.float64), error))
    made = {name: dict(zip(MEASURES, _means(values), strict=True)) for name, values in each.items()}
    return dict(sorted(made.items(), key=lambda item: _or_last(item[1]["MASE"], item[1]["MAE"])))


def _measured(y: Values, forecast: Values, error: float) -> Values:
    if np.isnan(y).all():
        return np.full(len(MEASURES), np.nan)
    absolute = metrics.mae(y, forecast)
    scaled = absolute / error if error > 0 else np.nan
    measures = (metrics.rmse, metrics.smape, metrics.wape)
    return np.array([absolute, *(measure(y, forecast) for measure in measures), scaled])


def _means(values: Sequence[Values]) -> list[float]:
    """Return the mean of each measure over the series that have it; NaN if none has."""
    rows = np.array(values)
    known = ~np.isnan(rows)
    total = np.where(known, rows, 0).sum(0)
    return [float(t / c) if c else float("nan") for t, c in zip(total, known.sum(0), strict=True)]


def _or_last(*values: float) -> tuple[float, ...]:
    return tuple(value if value == value else float("inf") for value in values)

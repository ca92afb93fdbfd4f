"""Backtests: forecasts of what is known already, from what was known before it."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from lstm.errors import InvalidValueError
from lstm.forecasting.baselines import BASELINES
from lstm.forecasting.frequency import Times
from lstm.forecasting.panel import Panel, Values, listed
from lstm.forecasting.statistical import STATISTICAL
from lstm.interface import warn

ALL_BASELINES = BASELINES | STATISTICAL
"""What forecasts may be compared with, by name."""


class Backtest(NamedTuple):
    """Forecasts in the order of series, windows and steps.

    Attributes:
        ids: the series of each row.
        times, cutoffs: the time of each row, and the last one that was known to its forecast.
        columns: "y", the forecasts, and those of the baselines.
    """

    ids: list[object]
    times: Times
    cutoffs: Times
    columns: dict[str, Values]


def backtested(
    panel: Panel,
    h: int,
    n_windows: int,
    step_size: int,
    season: int,
    least: int,
    baselines: Sequence[str],
    forecasts: Callable[[int, Panel, Times], Mapping[str, Values]],
) -> Backtest:
    """Return the forecasts of several windows of each series.

    Args:
        panel: the series.
        h: steps to forecast.
        n_windows: how many forecasts of each series, of which the last ends with it.
        step_size: steps from one to the next.
        season: length of the season of the baselines.
        least: a series that is shorter before its first forecast is left out.
        baselines: names of the forecasts beside.
        forecasts: returns columns (N, h) for a window, from its number, the series, and the steps
            at which their forecasts begin.

    Raises:
        InvalidValueError: no series is long enough.
    """
    first = panel.lengths - h - (n_windows - 1) * step_size
    if not (first >= least).any():
        expected = f"a series of at least {least + h + (n_windows - 1) * step_size} steps"
        raise InvalidValueError("df", expected, f"at most {int(panel.lengths.max())}")
    known = [not np.isnan(panel.series(n)[: max(end, 0)]).all() for n, end in enumerate(first)]
    kept = (first >= least) & np.array(known)
    if left_out := [entry for entry, keep in zip(panel.ids, kept, strict=True) if not keep]:
        warn(f"{len(left_out):,} series are too short for this, and left out: {listed(left_out)}")
    panel = panel.cut(np.zeros(len(panel), np.int64), np.where(kept, panel.lengths, 0))
    N = len(panel)
    columns: dict[str, Values] = {}
    times, cutoffs = np.zeros((N, n_windows, h), np.int64), np.zeros((N, n_windows, h), np.int64)
    for window in range(n_windows):
        begins = panel.lengths - h - (n_windows - 1 - window) * step_size
        found = dict(forecasts(window, panel, begins))
        for n, begin in enumerate(begins.tolist()):
            stamps = panel.times(n, begin - 1, begin + h)
            times[n, window], cutoffs[n, window] = stamps[1:], stamps[0]
        found["y"] = np.stack([panel.series(n)[b : b + h] for n, b in enumerate(begins)])
        for name in baselines:
            baseline = ALL_BASELINES[name]
            pasts = (panel.series(n)[:b] for n, b in enumerate(begins))
            found[name] = np.stack([baseline(past, h, season) for past in pasts])
        for name, values in found.items():
            columns.setdefault(name, np.zeros((N, n_windows, h)))[:, window] = values
    ids = [entry for entry in panel.ids for _ in range(n_windows * h)]
    order = ["y", *(name for name in columns if name != "y")]
    flat = {name: columns[name].reshape(-1) for name in order}
    return Backtest(ids, times.reshape(-1), cutoffs.reshape(-1), flat)

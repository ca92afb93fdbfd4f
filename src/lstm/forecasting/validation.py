"""Validation: forecasts of what is known, by networks that learned from what precedes it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lstm.errors import InvalidValueError
from lstm.forecasting.arguments import Arguments
from lstm.forecasting.backtest import Backtest, backtested
from lstm.forecasting.conformal import Conformal
from lstm.forecasting.design import designed
from lstm.forecasting.ensemble import Ensemble, Training, least_history
from lstm.forecasting.frames import Columns
from lstm.forecasting.frequency import Times
from lstm.forecasting.outputs import Asked, columns_of, middle_of
from lstm.forecasting.panel import Panel, Values
from lstm.forecasting.statics import Statics


def fitted(given: Arguments, panel: Panel, static: Values, val_size: int = 0) -> Ensemble:
    """Return networks that have learned from a panel."""
    design = designed(given, panel, static.shape[1])
    training = Training(given.max_steps, given.batch_size, given.learning_rate, given.verbose)
    return Ensemble.fitted(
        design, panel, static, training, given.ensemble, given.random_state, val_size
    )


def statics_of(given: Arguments, static_df: Any, columns: Columns) -> Statics:
    """Return what the columns `static` look like."""
    if not given.static:
        return Statics({}, {})
    if static_df is None:
        raise InvalidValueError("static_df", f"a frame with {list(given.static)}", "None")
    return Statics.of(static_df, given.static, columns.id)


def validated(
    given: Arguments,
    panel: Panel,
    columns: Columns,
    static_df: Any,
    n_windows: int,
    step_size: int,
    refit: bool = False,
    level: Sequence[float] | None = None,
    baselines: Sequence[str] = (),
    keep: Callable[[Values, Values, Values], None] | None = None,
) -> Backtest:
    """Return the forecasts of the last parts of series, beside simple ones.

    Args:
        given: the arguments of a forecaster.
        panel, columns, static_df: the data.
        n_windows: forecasts of each series.
        step_size: steps from one to the next.
        refit: whether to learn again before each of them.
        level: percentages, for intervals.
        baselines: names of simple forecasts beside.
        keep: gets y (N, h), forecasts (N, h) and units (N) of each window.
    """
    asked = given.asked(level)
    statics, windows = statics_of(given, static_df, columns), _windows_for(given, asked, len(panel))
    ensemble: Ensemble | None = None
    conformal: Conformal | None = None

    def forecasts(window: int, series: Panel, cutoffs: Times) -> Mapping[str, Values]:
        nonlocal ensemble, conformal
        static = statics.encoded(static_df, series.ids, columns.id)
        if ensemble is None or refit:
            before = series.cut(np.zeros(len(series), np.int64), cutoffs)
            ensemble = fitted(given, before, static)
            if windows:
                conformal = errors_of(given, before, columns, static_df, windows)
        found, units = ensemble.forecast(
            series, static, cutoffs, given.h, given.recursive, asked.outputs
        )
        if keep:
            y = [series.series(n)[c : c + given.h] for n, c in enumerate(cutoffs.tolist())]
            keep(np.stack(y), found[..., middle_of(asked.outputs)], units)
        return columns_of(found, units, asked, conformal)

    design = designed(given, panel, statics.size)
    given.check_patches(given.h, design.h)
    least = least_history(design) + design.h
    season = min(design.seasons, default=1)
    return backtested(panel, given.h, n_windows, step_size, season, least, baselines, forecasts)


def errors_of(
    given: Arguments, panel: Panel, columns: Columns, static_df: Any, n_windows: int
) -> Conformal:
    """Return the errors of forecasts of the last parts of series that networks did not see."""
    kept: list[tuple[Values, Values, Values]] = []
    validated(
        given,
        panel,
        columns,
        static_df,
        n_windows,
        given.h,
        keep=lambda *score: kept.append(score),
    )
    y, found, units = (np.concatenate(part) for part in zip(*kept, strict=True))
    return Conformal.of(y, found, units)


def _windows_for(given: Arguments, asked: Asked, series: int) -> int:
    """Return how many forecasts of each series make the intervals of a backtest; 0 for none."""
    if not asked.levels or given.quantiles or given.distribution:
        return 0
    most = max(asked.levels)
    return max(3, -(-int(np.ceil(most / (100 - most))) // series))

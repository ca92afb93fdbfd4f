"""Statistical forecasts of one series at a time, by `statsforecast`, if that is installed."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lstm.errors import MissingExtraError
from lstm.forecasting.baselines import Values


def theta(y: ArrayLike, h: int, season_length: int) -> Values:
    """Return the forecast of the best of four Theta models (Fiorucci et al., 2016)."""
    return _forecast(_models().AutoTheta(season_length=season_length), y, h)


def auto_ets(y: ArrayLike, h: int, season_length: int) -> Values:
    """Return the forecast of exponential smoothing, its form chosen by AICc (Hyndman, 2008)."""
    return _forecast(_models().AutoETS(season_length=season_length), y, h)


STATISTICAL: dict[str, Callable[[ArrayLike, int, int], Values]] = {
    "Theta": theta,
    "AutoETS": auto_ets,
}
"""All of them, from y, h and season_length, by the names of their columns in tables."""


def _forecast(model: Any, y: ArrayLike, h: int) -> Values:
    """Return the forecast of a model; missing values are taken to be as the one before."""
    series = np.asarray(y, np.float64)
    known = np.flatnonzero(~np.isnan(series))
    rows = np.maximum.accumulate(np.where(np.isnan(series), known[0], np.arange(len(series))))
    found = model.forecast(y=series[rows], h=h)
    return np.asarray(found["mean"], np.float64)


def _models() -> Any:
    try:
        from statsforecast import models
    except ImportError as error:
        raise MissingExtraError("this forecast", "statistical") from error
    return models

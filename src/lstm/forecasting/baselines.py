"""Forecasts without a model: what every model has to be better than.

Each continues series by h steps: (..., T) -> (..., h). Missing values are NaN; a series must have
a known one. Source: Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 2021, ch. 5.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm import checks
from lstm.errors import InvalidValueError

Values = NDArray[np.float64]


def naive(y: ArrayLike, h: int) -> Values:
    """Return the last known value, h times.

    Example:
        >>> naive([1, 2, 4], 2)
        array([4., 4.])
    """
    series = _series(y)
    return _repeated(_last(series), h)


def seasonal_naive(y: ArrayLike, h: int, season_length: int) -> Values:
    """Return the last season again and again; with a season of 1 step, `naive`.

    What is missing in it is taken from the season before; what is missing in all, from `naive`.

    Example:
        >>> seasonal_naive([1, 2, 3, 4, 5], 3, season_length=2)
        array([4., 5., 4.])
    """
    series, season = _series(y), checks.positive_int("season_length", season_length)
    T = series.shape[-1]
    missing = -T % season
    whole = np.full((*series.shape[:-1], T + missing), np.nan)
    whole[..., missing:] = series
    seasons = whole.reshape(*series.shape[:-1], -1, season)
    last = _last(np.moveaxis(seasons, -2, -1))
    last = np.where(np.isnan(last), _last(series)[..., None], last)
    return last[..., np.arange(checks.positive_int("h", h)) % season]


def drift(y: ArrayLike, h: int) -> Values:
    """Return the straight line through the first and the last known value.

    Example:
        >>> drift([1, 2, 5], 2)
        array([7., 9.])
    """
    series = _series(y)
    T, known = series.shape[-1], ~np.isnan(series)
    first, last = known.argmax(-1), T - 1 - known[..., ::-1].argmax(-1)
    begin, end = (np.take_along_axis(series, k[..., None], -1) for k in (first, last))
    slope = (end - begin) / np.maximum(last - first, 1)[..., None]
    return end + slope * (np.arange(1, checks.positive_int("h", h) + 1) + (T - 1 - last[..., None]))


def mean(y: ArrayLike, h: int) -> Values:
    """Return the mean of the known values, h times."""
    series = _series(y)
    return _repeated(np.nanmean(series, -1), h)


BASELINES: dict[str, Callable[[ArrayLike, int, int], Values]] = {
    "Naive": lambda y, h, season: naive(y, h),
    "SeasonalNaive": seasonal_naive,
    "Drift": lambda y, h, season: drift(y, h),
    "Mean": lambda y, h, season: mean(y, h),
}
"""All of them, from y, h and season_length, by the names of their columns in tables."""


def _series(y: ArrayLike) -> Values:
    series = checks.numbers("y", y).astype(np.float64)
    if series.ndim == 0 or not (~np.isnan(series)).any(-1).all():
        raise InvalidValueError("y", "series (..., T), each with a known value", "none")
    return series


def _repeated(value: Values, h: int) -> Values:
    return np.repeat(value[..., None], checks.positive_int("h", h), axis=-1)


def _last(series: Values) -> Values:
    """Return the last known value along the last axis; NaN where there is none."""
    known = ~np.isnan(series)
    last = series.shape[-1] - 1 - known[..., ::-1].argmax(-1)
    return np.take_along_axis(series, last[..., None], -1)[..., 0]

"""Measures of forecasts: of single series, in their own units, where the actual value is known.

Everything takes actual values first. Steps whose actual value is missing (NaN) do not count.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidValueError

Values = NDArray[np.float64]


def mae(y: ArrayLike, forecast: ArrayLike) -> float:
    """Return the mean absolute error, `mean |y - ŷ|`.

    Example:
        >>> mae([1, 2, 3], [1, 3, 5])
        1.0
    """
    return float(np.mean(np.abs(_errors(y, forecast))))


def rmse(y: ArrayLike, forecast: ArrayLike) -> float:
    """Return the root of the mean squared error."""
    return float(np.sqrt(np.mean(_errors(y, forecast) ** 2)))


def smape(y: ArrayLike, forecast: ArrayLike) -> float:
    """Return the symmetric mean absolute percentage error, `200 · mean |y - ŷ| / (|y| + |ŷ|)`.

    It lies between 0 and 200; 0 / 0 counts as 0.

    Source: Makridakis, 1993, as in the M4 competition.

    Example:
        >>> smape([100, 0], [50, 0])
        33.33
    """
    errors, actual, found = _known(y, forecast)
    size = np.abs(actual) + np.abs(found)
    return float(200 * np.mean(np.abs(errors) / np.where(size == 0, 1, size)))


def wape(y: ArrayLike, forecast: ArrayLike) -> float:
    """Return the weighted absolute percentage error, `Σ |y - ŷ| / Σ |y|`; NaN if all y are 0."""
    errors, actual, _ = _known(y, forecast)
    total = np.abs(actual).sum()
    return float(np.abs(errors).sum() / total) if total else float("nan")


def mase(y: ArrayLike, forecast: ArrayLike, history: ArrayLike, season_length: int = 1) -> float:
    """Return the mean absolute scaled error: the mean absolute error in units of `naive_error`.

    Below 1, forecasts are better than repeating the last season was, one season ahead, in the
    history.

    Args:
        y: actual values, (h).
        forecast: (h).
        history: the values before them, (T); never those that are forecast.
        season_length: steps of a season; 1 for none.

    Source: Hyndman and Koehler, 2006.

    Example:
        >>> mase([5, 6], [5, 7], history=[1, 3, 2, 4])
        0.3
    """
    return mae(y, forecast) / naive_error(history, season_length)


def rmsse(y: ArrayLike, forecast: ArrayLike, history: ArrayLike, season_length: int = 1) -> float:
    """Return the root mean squared scaled error, `mase` with squares.

    Source: Makridakis, Spiliotis and Assimakopoulos, 2022 (the M5 competition).
    """
    apart = _season_apart(history, season_length)
    return rmse(y, forecast) / float(np.sqrt(np.mean(apart**2)))


def naive_error(history: ArrayLike, season_length: int = 1) -> float:
    """Return the mean absolute difference of values that are a season apart.

    It is 0 for a constant history, and NaN for one that is not longer than a season.
    """
    apart = np.abs(_season_apart(history, season_length))
    return float(apart.mean()) if apart.size else float("nan")


def pinball(y: ArrayLike, forecast: ArrayLike, quantile: float) -> float:
    """Return the mean pinball loss of forecasts of a quantile, mean max(q e, (q - 1) e), e = y - ŷ.

    Source: Koenker and Bassett, 1978.

    Example:
        >>> pinball([10, 10], [8, 12], quantile=0.9)
        1.0
    """
    q = checks.number("quantile", quantile, 0, 1)
    errors = _errors(y, forecast)
    return float(np.mean(np.maximum(q * errors, (q - 1) * errors)))


def weighted_quantile_loss(y: ArrayLike, forecasts: ArrayLike, quantiles: ArrayLike) -> float:
    """Return the mean over quantiles of `2 Σ pinball / Σ |y|`.

    Args:
        y: actual values, (h).
        forecasts: (h, quantiles).
        quantiles: between 0 and 1.
    """
    levels = checks.numbers("quantiles", quantiles)
    found = checks.numbers("forecasts", forecasts)
    actual = checks.numbers("y", y)
    checks.shape("forecasts", found.shape, (*actual.shape, len(levels)))
    total = np.nansum(np.abs(actual))
    known = np.count_nonzero(~np.isnan(actual))
    losses = [pinball(actual, found[..., k], q) * known for k, q in enumerate(levels)]
    return float(2 * np.mean(losses) / total) if total else float("nan")


def coverage(y: ArrayLike, low: ArrayLike, high: ArrayLike) -> float:
    """Return the share of actual values within [low, high]."""
    below, above = _errors(y, low), _errors(y, high)
    return float(np.mean((below >= 0) & (above <= 0)))


def width(low: ArrayLike, high: ArrayLike) -> float:
    """Return the mean width of intervals."""
    return float(np.mean(checks.numbers("high", high) - checks.numbers("low", low)))


def _known(y: ArrayLike, forecast: ArrayLike) -> tuple[Values, Values, Values]:
    """Return errors, actual values and forecasts where the actual value is known."""
    actual = checks.numbers("y", y).astype(np.float64)
    found = checks.numbers("forecast", forecast).astype(np.float64)
    if actual.shape != found.shape:  # (h) against (h, 1) would compare all with all.
        raise InvalidShapeError("forecast", f"shape {actual.shape}, as y", f"shape {found.shape}")
    known = ~np.isnan(actual)
    if not known.any():
        raise InvalidValueError("y", "actual values", "none")
    return (actual - found)[known], actual[known], found[known]


def _errors(y: ArrayLike, forecast: ArrayLike) -> Values:
    return _known(y, forecast)[0]


def _season_apart(history: ArrayLike, season_length: int) -> Values:
    """Return the differences of known values that are a season apart."""
    past = checks.numbers("history", history).astype(np.float64)
    checks.rank("history", past, "T")
    season = checks.positive_int("season_length", season_length)
    apart = past[season:] - past[:-season]
    return apart[~np.isnan(apart)]

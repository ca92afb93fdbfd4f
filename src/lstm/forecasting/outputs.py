"""What a forecast consists of: the columns that a user asks for, by name."""

from collections.abc import Sequence

from lstm import checks
from lstm.errors import InvalidValueError, NotReadyError
from lstm.forecasting.conformal import Conformal
from lstm.forecasting.panel import Values

NAME = "LSTM"
"""The column of forecasts, and the beginning of all others."""


def middle_of(quantiles: tuple[float, ...]) -> int:
    """Return the place of the forecast itself among the outputs of a network: of the median."""
    return quantiles.index(0.5) if quantiles else 0


def columns_of(
    found: Values,
    units: Values,
    quantiles: tuple[float, ...],
    conformal: Conformal | None,
    level: Sequence[float] | None = None,
    wanted: Sequence[float] | None = None,
) -> dict[str, Values]:
    """Return forecasts as columns (N, h) by name.

    Args:
        found: the outputs of networks, (N, h, outputs).
        units: the error that counts as 1 in the loss, (N).
        quantiles: what the outputs are; none for a single one.
        conformal: errors of forecasts, for intervals.
        level: percentages, each for an interval.
        wanted: quantiles to return; all by default.

    Raises:
        NotReadyError: nothing says how wide an interval is.
        InvalidValueError: there is no such quantile, or no such level.
    """
    middle = found[..., middle_of(quantiles)]
    columns = {NAME: middle}
    for q in quantiles if wanted is None else quantiles_of(wanted):
        place = quantiles.index(checks.one_of("quantiles", q, quantiles))
        columns[f"{NAME}-q{q:g}"] = found[..., place]
    levels = [] if level is None else checks.sequence("level", level, "a list of percentages")
    for percent in levels:
        checks.number("level", percent, 0, 100, open_low=True, open_high=True)
        low, high = (50 - percent / 2) / 100, (50 + percent / 2) / 100
        bounds = [k for q in (low, high) for k, p in enumerate(quantiles) if abs(p - q) < 1e-9]
        if len(bounds) == 2:
            below, above = found[..., bounds[0]], found[..., bounds[1]]
        elif conformal is None:
            raise NotReadyError(
                f"level={percent:g}: call calibrate(df) first, or make the forecaster with "
                f"quantiles=({low:g}, 0.5, {high:g})"
            )
        else:
            half = conformal.half_width(percent, middle.shape[1]) * units[:, None]
            below, above = middle - half, middle + half
        columns[f"{NAME}-lo-{percent:g}"], columns[f"{NAME}-hi-{percent:g}"] = below, above
    return columns


def quantiles_of(quantiles: Sequence[float]) -> tuple[float, ...]:
    """Return quantiles that a user gives.

    Raises:
        InvalidTypeError, InvalidValueError: they are not numbers in (0, 1), in ascending order.
    """
    given = checks.sequence("quantiles", quantiles, "a list of numbers between 0 and 1")
    levels = tuple(
        checks.number("quantiles", q, 0, 1, open_low=True, open_high=True) for q in given
    )
    if not levels or list(levels) != sorted({*levels}):
        raise InvalidValueError("quantiles", "numbers in ascending order", list(levels))
    return levels

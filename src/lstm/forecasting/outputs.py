"""What a forecast consists of: the columns that a user asks for, by name."""

from collections.abc import Sequence
from typing import NamedTuple, Self

from lstm import checks
from lstm.errors import InvalidValueError, NotReadyError
from lstm.forecasting.conformal import Conformal
from lstm.forecasting.panel import Values

NAME = "LSTM"
"""The column of forecasts, and the beginning of all others."""


def middle_of(quantiles: tuple[float, ...]) -> int:
    """Return the place of the forecast itself among the outputs of a network: of the median."""
    return quantiles.index(0.5) if quantiles else 0


class Asked(NamedTuple):
    """What a user asks for besides the forecast itself.

    Attributes:
        outputs: the quantiles that networks return for it; none for one number.
        quantiles: those with a column of their own.
        levels: percentages, each for an interval.
    """

    outputs: tuple[float, ...]
    quantiles: tuple[float, ...]
    levels: tuple[float, ...]

    @classmethod
    def of(
        cls,
        known: tuple[float, ...],
        any_quantile: bool,
        level: Sequence[float] | None = None,
        quantiles: Sequence[float] | None = None,
    ) -> Self:
        """Return it, checked.

        Args:
            known: the quantiles of the forecaster.
            any_quantile: whether it can return all others, too.
            level, quantiles: as in `LSTMForecaster.predict`.

        Raises:
            InvalidTypeError, InvalidValueError: there is no such quantile, or no such level.
        """
        shown = known if quantiles is None else quantiles_of(quantiles)
        levels = () if level is None else checks.sequence("level", level, "a list of percentages")
        for percent in levels:
            checks.number("level", percent, 0, 100, open_low=True, open_high=True)
        if any_quantile:
            bounds = [bound for percent in levels for bound in _bounds(percent)]
            return cls(tuple(sorted({0.5, *shown, *bounds})), shown, levels)
        for q in shown:
            checks.one_of("quantiles", q, known)
        return cls(known, shown, levels)


def columns_of(
    found: Values, units: Values, asked: Asked, conformal: Conformal | None
) -> dict[str, Values]:
    """Return forecasts as columns (N, h) by name.

    Args:
        found: the outputs of networks, (N, h, outputs).
        units: the error that counts as 1 in the loss, (N).
        asked: what the outputs are, and what is wanted.
        conformal: errors of forecasts, for intervals.

    Raises:
        NotReadyError: nothing says how wide an interval is.
        InvalidValueError: there are too few errors for such a level.
    """
    outputs = asked.outputs
    middle = found[..., middle_of(outputs)]
    columns = {NAME: middle}
    for q in asked.quantiles:
        columns[f"{NAME}-q{q:g}"] = found[..., outputs.index(q)]
    for percent in asked.levels:
        low, high = _bounds(percent)
        bounds = [k for q in (low, high) for k, p in enumerate(outputs) if abs(p - q) < 1e-9]
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


def _bounds(percent: float) -> tuple[float, float]:
    """Return the quantiles that bound an interval in the middle."""
    return round((50 - percent / 2) / 100, 12), round((50 + percent / 2) / 100, 12)


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

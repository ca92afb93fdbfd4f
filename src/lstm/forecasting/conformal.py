"""Conformal intervals: as wide as forecasts were wrong, step by step, where nothing was learned."""

from dataclasses import dataclass

import numpy as np

from lstm.errors import InvalidValueError
from lstm.forecasting.panel import Values


@dataclass(frozen=True)
class Conformal:
    """Errors of forecasts of data that took no part in training.

    Attributes:
        scores: for each step of the horizon the sizes of the errors, in units of the loss, in
            ascending order: (h, forecasts).

    Source: Vovk, Gammerman and Shafer, 2005; Stankeviciute, Alaa and van der Schaar, 2021.
    """

    scores: Values

    @classmethod
    def of(cls, y: Values, forecasts: Values, units: Values) -> "Conformal":
        """Return the errors of forecasts (N, h) of y (N, h), where y is known.

        Args:
            units: the error that counts as 1, (N).
        """
        scores = np.abs(y - forecasts) / units[:, None]
        return cls(np.sort(scores, axis=0).T)  # NaN last

    def half_width(self, level: float, h: int) -> Values:
        """Return what is on either side of a forecast in an interval, for each step, (h).

        Args:
            level: a percentage: so many actual values lie within, if the future is as the past.
            h: number of steps; those behind the last one with errors are taken to be as wide.

        Raises:
            InvalidValueError: there are too few forecasts for such a level.
        """
        counts = (~np.isnan(self.scores)).sum(1)
        place = np.ceil((counts + 1) * level / 100).astype(np.int64) - 1
        if (place >= counts).any():
            needed = int(np.ceil(level / (100 - level)))
            expected = f"at most {int(100 * counts.min() / (counts.min() + 1))}"
            got = f"{level:g}, which needs {needed} forecasts: calibrate with more n_windows"
            raise InvalidValueError("level", expected, got)
        widths = np.take_along_axis(self.scores, place[:, None], axis=1)[:, 0]
        return widths[np.minimum(np.arange(h), len(widths) - 1)]

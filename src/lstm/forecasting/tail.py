"""Errors of forecasts of normal data: how large they usually are, and how often they are larger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from lstm.forecasting.panel import Panel, Values

ENOUGH = 30
"""Readings from which the usual error of a series follows; that of others is the one of all."""


@dataclass(frozen=True)
class Usual:
    """The usual error of each series: its median, in units of the loss.

    Attributes:
        of_all: the median of them.
        of_series: them, by the names of the series.
    """

    of_all: float
    of_series: Mapping[Any, float]

    @classmethod
    def of(cls, errors: Values, panel: Panel) -> Self:
        """Return those of a panel, from an error for each of its rows; NaN where there is none."""
        found = {}
        for n, entry in enumerate(panel.ids):
            own = errors[panel.offsets[n] : panel.offsets[n + 1]]
            own = own[~np.isnan(own)]
            if len(own) >= ENOUGH and (usual := float(np.median(own))) > 0:
                found[entry] = usual
        known = errors[~np.isnan(errors)]
        rest = float(np.median(known)) if known.size else 1.0
        return cls(float(np.median(list(found.values()))) if found else rest or 1.0, found)

    def of_ids(self, ids: Sequence[Any]) -> Values:
        """Return those of some series, (N)."""
        return np.array([self.of_series.get(entry, self.of_all) for entry in ids])

    def of_rows(self, panel: Panel) -> Values:
        """Return that of the series of each row of a panel, (S)."""
        return np.repeat(self.of_ids(panel.ids), panel.lengths)


@dataclass(frozen=True)
class Tail:
    """How often errors are larger than others: as in the data, and beyond it as an exponential.

    Attributes:
        errors: sizes of errors of forecasts, in units of those that are usual, in ascending order.

    Source: the exponential is the peaks-over-threshold method of Pickands, 1975, with a shape of 0.
    """

    errors: Values

    SHARE = 0.05
    """The part of the errors that the exponential is fitted to."""

    def probability(self, errors: Values) -> Values:
        """Return the share of errors that are at least so large; NaN where one is not known."""
        n = len(self.errors)
        found = (n - np.searchsorted(self.errors, errors) + 1) / (n + 1)
        above = max(int(self.SHARE * n), 1)
        threshold = self.errors[-above - 1]
        excess = max(float(np.mean(self.errors[-above:] - threshold)), 1e-300)
        beyond = above / n * np.exp(-np.maximum(errors - threshold, 0) / excess)
        return np.where(np.isnan(errors), np.nan, np.where(errors > threshold, beyond, found))

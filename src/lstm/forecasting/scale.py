"""The scale of a window: how the numbers of the network become values."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstm.forecasting.design import Design
from lstm.forecasting.panel import Values

Known = NDArray[np.bool_] | None
"""Which values are known; None for all."""


class Scale(NamedTuple):
    """From the scale of the network to that of the values, for each window, (N).

    With a number z of the network, a value is spread · z + center, or the exponential of that.
    `unit` is the error that counts as 1 in the loss, `known` how many values are there, `shift`
    what was added to values before their logarithm.
    """

    center: Values
    spread: Values
    unit: Values
    known: Values
    shift: Values | None = None

    @classmethod
    def of(
        cls, design: Design, y: Values, z: Values, known: Known, shift: Values | None = None
    ) -> "Scale":
        """Return the scale of windows.

        Args:
            design: of the network.
            y: the values, (N, T).
            z: the same, or their logarithms.
            known: which of them are known.
            shift: what was added to each window before, (N).
        """
        center, spread = mean_of(z, known), np.ones(len(z))
        if design.scaler == "window":
            spread = _deviation(z, center, known)
        count = np.full(len(y), y.shape[1]) if known is None else known.sum(1)
        if design.loss != "mase":
            return cls(center, spread, _deviation(y, mean_of(y, known), known), count, shift)
        m = design.change
        pairs = None if known is None else known[:, m:] & known[:, :-m]
        change = mean_of(np.abs(y[:, m:] - y[:, :-m]), pairs)
        unit = change + 0.02 * mean_of(np.abs(y), known)
        return cls(center, spread, np.where(unit > 0, unit, 1.0), count, shift)

    def standard(self, design: Design, y: Values) -> Values:
        """Return values (N, h) on the scale of the network; NaN where there is no logarithm."""
        if self.shift is not None:
            y = y + self.shift[:, None]
        if design.log:
            y = np.log(np.where(y > 0, y, np.nan))
        return (y - self.center[:, None]) / self.spread[:, None]

    def values(self, design: Design, z: Values) -> Values:
        """Return the values (N, ...) of numbers on the scale of the network."""
        each = (-1, *[1] * (z.ndim - 1))
        y = z * self.spread.reshape(each) + self.center.reshape(each)
        if design.log:
            y = np.exp(y)
        return y if self.shift is None else np.maximum(y - self.shift.reshape(each), 0)

    def in_units(self, design: Design) -> tuple[Values, Values]:
        """Return spread and center for values in units of the loss, (N) each; of counts in 1."""
        if design.distribution is not None:
            return self.spread, self.center
        if design.log:
            return self.spread, self.center - np.log(self.unit)
        return self.spread / self.unit, self.center / self.unit


def mean_of(values: Values, known: Known) -> Values:
    """Return the mean of the known values in each row, (N); 0 if there are none."""
    if known is None:
        return values.sum(1) / values.shape[1]
    return np.where(known, values, 0).sum(1) / np.maximum(known.sum(1), 1)


def _deviation(values: Values, mean: Values, known: Known) -> Values:
    """Return the standard deviation in each row, (N); 1 where values do not vary."""
    deviation = np.sqrt(mean_of((values - mean[:, None]) ** 2, known))
    return np.where(deviation > 1e-9 * np.abs(mean), deviation, 1.0)

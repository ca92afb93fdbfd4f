"""What the network reads and learns from: windows of a panel, brought to one scale."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.forecasting.candidates import candidates
from lstm.forecasting.design import Design, phases
from lstm.forecasting.frequency import Times
from lstm.forecasting.panel import Panel, Values
from lstm.forecasting.scale import Known, Scale, mean_of

Batch = list[NDArray[np.float32]]


class Examples:
    """The windows of a panel.

    Args:
        design: what the network reads.
        panel: the series.
        static: numbers that describe each series, (N, static).
        sizes: mean and deviation of each covariate in the data to learn from.
    """

    def __init__(
        self,
        design: Design,
        panel: Panel,
        static: Values | None = None,
        sizes: dict[str, tuple[float, float]] | None = None,
    ) -> None:
        self.design, self.panel = design, panel
        self._static = static
        self._covariates = {
            name: (panel.covariates[name] - mean) / deviation
            for name, (mean, deviation) in (sizes or {}).items()
        }

    def inputs(self, series: Times, cutoffs: Times) -> tuple[Batch, Scale]:
        """Return what the network reads for forecasts after the steps before `cutoffs`.

        Args:
            series: the number of the series of each window, (N).
            cutoffs: the first step of each forecast, (N); it may be the one behind the end.

        Returns:
            The inputs of `network`, and what their numbers mean.
        """
        d = self.design
        y = self.windows(self.panel.y, series, cutoffs)
        known, shift = None, None
        least = y.min()  # NaN if one is missing.
        positive = d.log and not d.shift
        if np.isnan(least) or (positive and least <= 0):
            # What has no logarithm counts as missing.
            known = y > 0 if positive else ~np.isnan(y)
            y = np.where(known, y, np.nan)
        if d.shift:
            level = mean_of(y, known)
            shift = d.shift * np.where(level > 0, level, 1.0)
            z = np.log(np.maximum(y, 0) + shift[:, None])
        else:
            z = np.log(y) if d.log else y
        scale = Scale.of(d, y, z, known, shift)
        x = (z - scale.center[:, None]) / scale.spread[:, None]
        parts: list[NDArray[Any]] = [self._channels(x, known, series, cutoffs)]
        filled = x if known is None else np.where(known, x, 0)
        parts.append(filled[:, -d.recent :])
        if d.baseline:
            parts.append(candidates(d, x, known))
        if d.extras:
            parts.append(self._extras(series, cutoffs))
        if d.in_values:
            spread, center = scale.in_units(d)
            parts += [spread[:, None, None], center[:, None, None]]
        if shift is not None and d.distribution is None:
            parts.append((shift / scale.unit)[:, None, None])
        return [np.ascontiguousarray(part, np.float32) for part in parts], scale

    def targets(self, series: Times, cutoffs: Times, scale: Scale) -> tuple[Values, Values]:
        """Return what the outputs are compared with, and the weight of each value: (N, h) each.

        They are values in units of the loss; of a distribution, as its outputs.
        """
        begins, ends = self.panel.offsets[series], self.panel.offsets[series + 1]
        rows = (begins + cutoffs)[:, None] + np.arange(self.design.h)
        y = self.panel.y[np.minimum(rows, ends[:, None] - 1)]
        if self.design.distribution is None:
            y = y / scale.unit[:, None]
        elif not self.design.in_values:
            y = scale.standard(self.design, y)
        known = (rows < ends[:, None]) & ~np.isnan(y)
        return np.where(known, y, 0), known.astype(np.float64)

    def windows(self, column: Values, series: Times, cutoffs: Times) -> Values:
        """Return what a column has before cutoffs, (N, input_size); NaN before a series begins."""
        size, begins = self.design.input_size, self.panel.offsets[series]
        if len(series) == 1 and cutoffs[0] >= size:
            end = int(begins[0] + cutoffs[0])
            return column[None, end - size : end]
        rows = (begins + cutoffs)[:, None] + np.arange(-size, 0)
        if (cutoffs >= size).all():
            return column[rows]
        return np.where(rows >= begins[:, None], column[np.maximum(rows, 0)], np.nan)

    def _channels(self, x: Values, known: Known, series: Times, cutoffs: Times) -> Values:
        """Return what the LSTM reads, (N, steps, channels · patch)."""
        d, N = self.design, len(x)
        channels = [x if known is None else np.where(known, x, 0)]
        if d.masked:
            channels.append(np.ones(x.shape) if known is None else known)
        for name in (*d.past, *d.future):
            channels.append(_filled(self.windows(self._covariates[name], series, cutoffs)))
        if len(channels) == 1:
            return channels[0].reshape(N, d.steps, d.patch)
        return np.concatenate([c.reshape(N, d.steps, d.patch) for c in channels], axis=2)

    def _extras(self, series: Times, cutoffs: Times) -> Values:
        """Return the numbers that belong to whole forecasts, (N, extras)."""
        d = self.design
        found: list[Values] = []
        if d.calendar:
            found.append(phases(self._times(series, cutoffs), d.calendar))
        if d.static:
            assert self._static is not None
            found.append(self._static[series])
        begins, ends = self.panel.offsets[series], self.panel.offsets[series + 1]
        for name in d.future:
            ahead = (begins + cutoffs)[:, None] + np.arange(d.h)
            part = self._covariates[name][np.minimum(ahead, ends[:, None] - 1)]
            found.append(_filled(np.where(ahead < ends[:, None], part, np.nan)))
        return np.concatenate(found, axis=1)

    def _times(self, series: Times, cutoffs: Times) -> Times:
        frequency, starts = self.panel.frequency, self.panel.starts[series]
        if frequency.unit == "time":
            return starts + cutoffs * frequency.count
        pairs = zip(starts.tolist(), cutoffs, strict=True)
        return np.array([frequency.times(a, c[None])[0] for a, c in pairs], np.int64)


def _filled(column: Values) -> Values:
    """Return a column of a mean of 0 with its mean where it is unknown."""
    return np.where(np.isnan(column), 0, column)

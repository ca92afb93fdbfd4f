"""What the network reads and learns from: windows of a panel, brought to one scale."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstm.forecasting.baselines import drift, naive, seasonal_naive
from lstm.forecasting.design import Design, phases
from lstm.forecasting.frequency import Times
from lstm.forecasting.panel import Panel, Values

Batch = list[NDArray[np.float32]]


class Scale(NamedTuple):
    """From the scale of the network to that of the values, for each window, (N).

    With a number z of the network, a value is spread · z + center, or the exponential of that.
    `unit` is the error that counts as 1 in the loss, `known` how many values are there.
    """

    center: Values
    spread: Values
    unit: Values
    known: Values


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
        self._static = np.zeros((len(panel), 0)) if static is None else static
        # What has no logarithm counts as missing.
        self._values = panel.y
        if design.log:
            least = -np.inf if design.shift else 0
            self._values = np.where(panel.y > least, panel.y, np.nan)
        if design.log and not design.shift:
            self._values = np.log(self._values)
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
        begins, ends = self.panel.offsets[series], self.panel.offsets[series + 1]
        rows = (begins + cutoffs)[:, None] + np.arange(-d.input_size, 0)
        inside = rows >= begins[:, None]
        rows = np.where(inside, rows, begins[:, None])
        found = self._values[rows]
        known = inside & ~np.isnan(found)
        shift = np.zeros(len(series))
        if d.shift:
            level = np.where(known, found, 0).sum(1) / np.maximum(known.sum(1), 1)
            shift = d.shift * np.where(level > 0, level, 1.0)
            found = np.log(np.maximum(found, 0) + shift[:, None])
        scale = self._scale(np.where(known, found, np.nan), known, rows)
        x = (found - scale.center[:, None]) / scale.spread[:, None]
        x[~known] = 0
        channels = [x]
        if d.masked:
            channels.append(known)
        for name in (*d.past, *d.future):
            part = self._covariates[name][rows]
            part[~inside | np.isnan(part)] = 0
            channels.append(part)
        N = len(series)
        window = np.concatenate([c.reshape(N, d.steps, d.patch) for c in channels], axis=2)
        extras = [phases(self._times(series, cutoffs), d.calendar), self._static[series]]
        for name in d.future:
            ahead = (begins + cutoffs)[:, None] + np.arange(d.h)
            part = self._covariates[name][np.minimum(ahead, ends[:, None] - 1)]
            part[(ahead >= ends[:, None]) | np.isnan(part)] = 0
            extras.append(part)
        log_unit = np.log(scale.unit)
        spread, center = scale.spread, scale.center - log_unit
        if not d.log:
            spread, center = scale.spread / scale.unit, scale.center / scale.unit
        parts = [window, x[:, -d.recent :]]
        if d.baseline:
            parts.append(self._candidates(np.where(known, x, np.nan), x, bool(known.all())))
        if d.extras:
            parts.append(np.concatenate(extras, axis=1))
        parts += [spread[:, None, None], center[:, None, None]]
        if d.shift:
            parts.append((shift / scale.unit)[:, None, None])
        return [np.ascontiguousarray(part, np.float32) for part in parts], scale

    def targets(self, series: Times, cutoffs: Times, scale: Scale) -> tuple[Values, Values]:
        """Return the values to forecast, in units of the loss, and their weights: (N, h) each."""
        begins, ends = self.panel.offsets[series], self.panel.offsets[series + 1]
        rows = (begins + cutoffs)[:, None] + np.arange(self.design.h)
        y = self.panel.y[np.minimum(rows, ends[:, None] - 1)] / scale.unit[:, None]
        known = (rows < ends[:, None]) & ~np.isnan(y)
        return np.where(known, y, 0), known.astype(np.float64)

    def _scale(self, found: Values, known: NDArray[np.bool_], rows: Times) -> Scale:
        d = self.design
        count = np.maximum(known.sum(1), 1)
        center = np.where(known, found, 0).sum(1) / count
        spread = np.ones(len(found))
        if d.scaler == "window":
            off = np.where(known, found - center[:, None], 0)
            deviation = np.sqrt((off**2).sum(1) / count)
            spread = np.where(deviation > 1e-9 * np.abs(center), deviation, 1.0)
        y = np.where(known, self.panel.y[rows], np.nan)
        if d.loss != "mase":
            mean = np.where(known, y, 0).sum(1) / count
            unit = np.sqrt((np.where(known, y - mean[:, None], 0) ** 2).sum(1) / count)
            return Scale(
                center, spread, np.where(unit > 1e-9 * np.abs(mean), unit, 1.0), known.sum(1)
            )
        m = d.seasons[0] if d.seasons and d.seasons[0] < d.input_size else 1
        apart = np.abs(y[:, m:] - y[:, :-m])
        level = np.where(known, np.abs(y), 0).sum(1) / count
        pairs = ~np.isnan(apart)
        change = np.where(pairs, apart, 0).sum(1) / np.maximum(pairs.sum(1), 1)
        unit = change + 0.02 * level
        return Scale(center, spread, np.where(unit > 0, unit, 1.0), known.sum(1))

    def _candidates(self, x: Values, filled: Values, whole: bool) -> Values:
        """Return simple forecasts (N, candidates, h) of windows on the scale of the network."""
        d = self.design
        found: list[Values] = []
        if not whole:
            # An unknown series has a mean of 0.
            x = np.where(np.isnan(x).all(1, keepdims=True), 0, x)
        ahead = np.arange(d.h)
        for m in d.seasons:
            for back in (1, 2):
                if back * m > d.input_size:
                    continue
                end = d.input_size - (back - 1) * m
                if whole:
                    last = filled[:, end - m : end][:, ahead % m]
                else:
                    part = x[:, :end]
                    part = np.where(np.isnan(part).all(1, keepdims=True), 0, part)
                    last = seasonal_naive(part, d.h, m)
                found.append(last if back == 1 else (found[-1] + last) / 2)
        found.append(np.repeat(filled[:, -1:], d.h, 1) if whole else naive(x, d.h))
        found.append(drift(x, d.h))
        return np.stack(found, axis=1)

    def _times(self, series: Times, cutoffs: Times) -> Times:
        frequency, starts = self.panel.frequency, self.panel.starts[series]
        if not self.design.calendar:
            return cutoffs
        if frequency.unit == "time":
            return starts + cutoffs * frequency.count
        pairs = zip(starts.tolist(), cutoffs, strict=True)
        return np.array([frequency.times(a, c[None])[0] for a, c in pairs], np.int64)

"""Attribution: how much of a forecast is owed to each number that its networks read."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lstm.forecasting.candidates import candidates
from lstm.forecasting.ensemble import Ensemble
from lstm.forecasting.examples import Examples
from lstm.forecasting.frequency import Times
from lstm.forecasting.outputs import middle_of
from lstm.forecasting.panel import Panel, Values
from lstm.inspection.probe import Probe

POINTS = 64
"""Points of a path at which gradients are taken: then sums are right to about a thousandth."""


@dataclass(frozen=True)
class Slopes:
    """A forecast, and how it changes with what the networks read.

    All of it is on their scale: of logarithms, where values enter as such.

    Attributes:
        forecast: (h).
        values: the change of each step with each value of the window, (h, T). A value also changes
            the mean and the deviation of its window, by which all are measured; both count.
        columns: the change with each column by name, as a multiple of its deviation: (h, T), or
            (h, T + h) for those known of the horizon.
    """

    forecast: Values
    values: Values
    columns: dict[str, Values]


@dataclass(frozen=True)
class Attribution:
    """The parts of a forecast, in units of the series.

    Attributes:
        base: the forecast from a window without ups and downs, at the mean of this one, (h).
        values: what each value of the window adds, (h, T).
        columns: what the entries of each column add, (h, T) or (h, T + h).
        weights: `Slopes.values` of the forecast itself, (h, T).
    """

    base: Values
    values: Values
    columns: dict[str, Values]
    weights: Values


class ReadWindow:
    """The window that the networks of a forecaster read for one forecast.

    Args:
        ensemble: the networks.
        panel: a single series.
        static: the numbers that describe it, (1, static).
        cutoff: the first step to forecast.

    Attributes:
        inputs: what each input of the networks gets, by name.
    """

    def __init__(self, ensemble: Ensemble, panel: Panel, static: Values, cutoff: int) -> None:
        d = self._design = ensemble.design
        self._ensemble = ensemble
        examples = Examples(d, panel, static, ensemble.sizes)
        first: Times = np.zeros(1, np.int64)
        batch, scale = examples.inputs(first, first + cutoff)
        names = ensemble.networks[0].input_names
        self.inputs = dict(zip(names, batch, strict=True))
        self._center, self._spread = float(scale.center[0]), float(scale.spread[0])
        self._unit = float(scale.unit[0])
        shift = self.inputs.get("shift")
        self._shift = 0.0 if shift is None else float(shift[0, 0, 0]) * self._unit
        self._channels = self._by_channel(self.inputs["window"])[0].astype(np.float64)
        self._x = self._channels[0]
        y = examples.windows(panel.y, first, first + cutoff)[0]
        self._known = y > 0 if d.log and not d.shift else ~np.isnan(y)
        self._simple = self._candidates()

    def slopes(self, values: float = 1.0, columns: float = 1.0) -> Slopes:
        """Return the forecast and its slopes, on the straight way to a window without anything.

        Args:
            values, columns: how far: values times this number, around their mean, and entries of
                columns times this number, around theirs.
        """
        d, h = self._design, self._design.h
        feeds, own = self._scaled(values, columns), np.arange(h)
        total = {name: np.zeros((h, *part.shape[1:])) for name, part in feeds.items()}
        found = np.zeros(h)
        for net in self._ensemble.networks:
            probe = Probe(net)
            # One copy of the window for each step of the forecast, which alone is followed back.
            copies = [np.repeat(part, h, axis=0) for part in feeds.values()]
            run, trace = probe.forward(copies, keep_cache=True)
            y = np.asarray(run.ops.to_numpy(trace.outputs[0]))
            dy = np.zeros_like(y)
            dy[own, own, middle_of(d.quantiles)] = 1
            tensors = dict(zip(feeds, net.graph.inputs, strict=True))
            gradients = probe.backward(run, trace, run.ops.array(dy), set(tensors.values()))
            found += y[0, :, middle_of(d.quantiles)]
            for name, tensor in tensors.items():
                if tensor in gradients:
                    total[name] += run.ops.to_numpy(gradients[tensor])
        # From the units of the loss to those of the series, or to logarithms.
        count = len(self._ensemble.networks)
        forecast, unit = found * self._unit / count + self._shift, self._unit / count
        factor = (unit / forecast if d.log else np.full(h, unit))[:, None]
        forecast = np.log(forecast) if d.log else forecast
        window = self._by_channel(total["window"])
        dx = window[:, 0].copy()
        dx[:, -d.recent :] += total["recent"]
        if d.baseline:
            dx += np.einsum("kch,cht->kt", total["candidates"], self._simple)
        first = 1 + d.masked
        by_column = {}
        for k, name in enumerate((*d.past, *d.future)):
            part = window[:, first + k]
            if name in d.future:
                begin = d.extras - h * (len(d.future) - d.future.index(name))
                part = np.concatenate([part, total["extras"][:, begin : begin + h]], axis=1)
            by_column[name] = part * factor
        return Slopes(forecast, self._of_values(forecast, dx * factor), by_column)

    def attribution(self) -> Attribution:
        """Return what each number adds to the forecast: integrated gradients, along a path of two.

        It leads from a window without ups and downs, and columns at the means that they had in
        `fit`, to the values of the window, and from there to the columns. On the first part the
        gradient of a forecaster with `scaler="window"` does not change, which makes it exact.

        Source: Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", 2017.
        """
        d = self._design
        scaled, deviation = self._scaled_by_deviation, self._spread * self._x
        alone = self.slopes(columns=0)
        if scaled:
            base, parts = np.full(d.h, self._center), alone.values * deviation
        else:
            base = self.slopes(values=0, columns=0).forecast
            parts = sum(w * self.slopes(at, 0).values for at, w in _path()) * deviation
        whole, by_column = (self.slopes() if d.past or d.future else alone), {}
        if d.past or d.future:
            on_the_way = [(w, self.slopes(columns=at).columns) for at, w in _path()]
            for name, column in self._columns().items():
                by_column[name] = sum(w * slopes[name] for w, slopes in on_the_way) * column
        values = parts * self._in_units(base, alone.forecast)
        factor = self._in_units(alone.forecast, whole.forecast)
        return Attribution(
            self._series(base),
            values,
            {name: part * factor for name, part in by_column.items()},
            whole.values,
        )

    # ---- within

    @property
    def _scaled_by_deviation(self) -> bool:
        """Whether values are divided by their deviation; not where they do not differ."""
        varied = abs(float((self._x[self._known] ** 2).mean()) - 1) < 1e-3
        return self._design.scaler == "window" and varied

    def _of_values(self, forecast: Values, dx: Values) -> Values:
        """Return slopes by the values from those by what networks read of them, (h, T).

        With mean c and deviation σ of the n values v, and x = (v − c)/σ, a forecast is y = σz(x) +
        c. So ∂y/∂vₜ = gₜ + (1 − Σg)/n + xₜ(z − Σgx)/n with g = ∂z/∂x, and without the last term if
        σ is not the deviation, but 1.
        """
        n, x, g = self._known.sum(), self._x, dx / self._spread
        found = g + (1 - g.sum(1, keepdims=True, where=self._known)) / n
        if self._scaled_by_deviation:
            z = (forecast - self._center) / self._spread
            found += x * (z - g @ x)[:, None] / n
        return np.where(self._known, found, 0)

    def _scaled(self, values: float, columns: float) -> dict[str, NDArray[np.float32]]:
        """Return the inputs with values and columns times numbers."""
        d, feeds = self._design, dict(self.inputs)
        channels = self._channels.copy()
        channels[0] *= values
        channels[1 + d.masked :] *= columns
        parts = channels.reshape(d.channels, d.steps, d.patch).transpose(1, 0, 2)
        feeds["window"] = parts.reshape(1, d.steps, -1)
        for name in ("recent", "candidates"):
            if name in feeds:
                feeds[name] = feeds[name] * values
        if d.future:
            feeds["extras"] = feeds["extras"].copy()
            feeds["extras"][:, d.extras - d.h * len(d.future) :] *= columns
        return {name: np.asarray(part, np.float32) for name, part in feeds.items()}

    def _by_channel(self, window: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return windows (B, steps, channels · patch) as (B, channels, T)."""
        d = self._design
        parts = window.reshape(-1, d.steps, d.channels, d.patch)
        return parts.transpose(0, 2, 1, 3).reshape(-1, d.channels, d.input_size)

    def _columns(self) -> dict[str, Values]:
        """Return the entries of columns as the networks read them, by name."""
        d, found = self._design, {}
        for k, name in enumerate((*d.past, *d.future)):
            part = self._channels[1 + d.masked + k]
            if name in d.future:
                begin = d.extras - d.h * (len(d.future) - d.future.index(name))
                part = np.concatenate([part, self.inputs["extras"][0, begin : begin + d.h]])
            found[name] = part
        return found

    def _candidates(self) -> Values:
        """Return how simple forecasts follow from values, to which they are linear: (…, h, T)."""
        d, places = self._design, np.flatnonzero(self._known)
        units = np.where(self._known, 0.0, np.nan) + np.zeros((len(places), 1))
        units[np.arange(len(places)), places] = 1
        found = np.zeros((d.candidates, d.h, d.input_size))
        if d.baseline:
            known = None if self._known.all() else np.repeat(self._known[None], len(units), 0)
            each = candidates(d, units, known)
            found[:, :, places] = each.transpose(1, 2, 0)
        return found

    def _series(self, forecast: Values) -> Values:
        """Return a forecast on the scale of the networks in units of the series."""
        return np.exp(forecast) - self._shift if self._design.log else forecast

    def _in_units(self, before: Values, after: Values) -> Values:
        """Return the change in units of the series for a change of 1 on the way, (h, 1)."""
        if not self._design.log:
            return np.ones((len(before), 1))
        change = after - before
        small = np.abs(change) < 1e-6
        ratio = np.where(small, 1.0, np.expm1(change) / np.where(small, 1.0, change))
        return (np.exp(before) * ratio)[:, None]


def _path() -> list[tuple[float, float]]:
    """Return points between 0 and 1 with weights, for an integral."""
    points, weights = np.polynomial.legendre.leggauss(POINTS)
    return [((float(p) + 1) / 2, float(w) / 2) for p, w in zip(points, weights, strict=True)]

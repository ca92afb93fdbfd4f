"""Explanation: where one forecast of a series came from."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.forecasting import LSTMForecaster
from lstm.forecasting.ensemble import Ensemble
from lstm.forecasting.horizon import Horizon
from lstm.forecasting.outputs import middle_of
from lstm.forecasting.panel import Panel
from lstm.inspection.attribution import ReadWindow
from lstm.inspection.recording import record
from lstm.layers import Activation
from lstm.models import Model

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Explanation:
    """Where a forecast of h steps came from, which a forecaster made from a window of T values.

    Attributes:
        id: the name of the series.
        target: the name of its values.
        times: of the window, (T): datetime64[ns], those with a zone as clocks show days, and
            otherwise in UTC; or numbers.
        values: the window, (T); NaN where one is missing.
        ahead: the times of the forecast, (h).
        forecast: the forecast, (h).
        base: what it starts from, (h): the forecast of a window without ups and downs, at the mean
            of this one, or at that of its logarithms. With `scaler="window"` that is the mean.
        contributions: what each number adds to that, in units of the series: by `target` (h, T),
            and by the name of each column (h, T), or (h, T + h) if it is known for the horizon. The
            sum of all of it and `base` is the forecast.
        weights: the change of the forecast for a change of one value by 1, (h, T); with logarithms
            in percent for a percent. They sum to 1 over the window: a forecast is a weighted mean
            of it, with weights that depend on the window. Where some values are 0, all this is
            about values to which a part of their mean is added, as if that stayed the same; and a
            forecast below 0 is shown as 0.
        columns: the entries of each column, (T) or (T + h).
        mix: the shares of simple forecasts in the forecast by name, (h) each; empty without them.
        gates: for each recurrent layer, the mean over its units of each state and gate by letter,
            (steps) each; of h and c the mean size. An ensemble has the mean of its networks.
        patch: values that the layer reads in each of its steps.
        log: whether values enter as logarithms.
    """

    id: Any
    target: str
    times: NDArray[Any]
    values: Values
    ahead: NDArray[Any]
    forecast: Values
    base: Values
    contributions: dict[str, Values]
    weights: Values
    columns: dict[str, Values]
    mix: dict[str, Values]
    gates: dict[str, dict[str, Values]]
    patch: int
    log: bool

    @property
    def lags(self) -> NDArray[np.int64]:
        """How many steps each value is before the first of the forecast, (T)."""
        return np.arange(len(self.times), 0, -1)

    def contribution(self, name: str, step: int | None = None) -> Values:
        """Return what the target or a column adds to a step of the forecast, or to its mean.

        Args:
            name: of the target or a column.
            step: from 1 to h; None for the mean of all.

        Raises:
            InvalidValueError: there is no such name, or no such step.
        """
        parts = self.contributions[checks.one_of("name", name, tuple(self.contributions))]
        if step is None:
            return parts.mean(0)
        if not 1 <= checks.integer("step", step) <= len(parts):
            raise InvalidValueError("step", f"a step from 1 to {len(parts)}", step)
        return parts[step - 1]

    def largest(self, count: int = 8) -> list[tuple[str, int, float, float]]:
        """Return the largest contributions to the mean forecast.

        Args:
            count: how many, at most.

        Returns:
            For each the name of the target or column, the place in the window (from T on: in the
            horizon), the entry there, and the contribution.
        """
        found = []
        for name in self.contributions:
            entries = self.values if name == self.target else self.columns[name]
            for place, part in enumerate(self.contribution(name).tolist()):
                if part:
                    found.append((name, place, float(entries[place]), part))
        return sorted(found, key=lambda row: -abs(row[3]))[: checks.positive_int("count", count)]


def explain_forecast(
    forecaster: LSTMForecaster,
    df: Any = None,
    *,
    id: Any = None,
    future_df: Any = None,
    static_df: Any = None,
) -> Explanation:
    """Explain the forecast that follows a series.

    Contributions are integrated gradients. Their path starts at a window without ups and downs, all
    values at the mean, and at columns that are at the means they had in `fit`. It leads first to
    the values of the window, then to the columns: so the values get what the series alone would
    give, and the columns what they change. The calendar, columns of a series as a whole, and which
    values are missing stay as they are.

    Args:
        forecaster: the forecaster, after `fit`.
        df: series, as in `predict`; by default those of `fit`.
        id: the name of the one to explain; by default the only one.
        future_df, static_df: as in `predict`.

    Returns:
        The explanation of h steps; with `strategy="recursive"`, of the first patch.

    Raises:
        NotReadyError: it is not fitted.
        InvalidTypeError, InvalidValueError: the data cannot be used, or there is no such series.

    Source:
        Sundararajan, Taly & Yan, "Axiomatic attribution for deep networks", 2017.

    Example:
        >>> import lstm
        >>> import numpy as np
        >>> from lstm.forecasting import LSTMForecaster
        >>> t = np.arange(120)
        >>> y = 50 + 10 * np.sin(2 * np.pi * t / 12)
        >>> model = LSTMForecaster(h=12, season_length=12, units=16, max_steps=50, random_state=0)
        >>> found = lstm.inspection.explain_forecast(model.fit(y))
        >>> found.contributions["y"].shape, found.mix["last value"].shape
        ((12, 60), (12,))
        >>> parts = found.base + found.contributions["y"].sum(1)
        >>> np.allclose(parts, found.forecast, rtol=1e-4)
        True
    """
    if not isinstance(forecaster, LSTMForecaster):
        raise InvalidTypeError("forecaster", "an LSTMForecaster", type(forecaster).__name__)
    learned = forecaster.learned
    given, ensemble = learned.arguments, learned.ensemble
    design = ensemble.design
    if design.distribution is not None:
        expected = "one of values or quantiles"
        raise InvalidValueError(
            "forecaster", expected, f"one of a {design.distribution} distribution"
        )
    panel = _single(learned.panel if df is None else learned.read(df), id)
    ahead = Horizon.of(learned, df, panel, design.h, future_df, static_df)
    longer, static = ahead.panel, ahead.static
    found, _ = ensemble.forecast(longer, static, ahead.cutoffs, design.h)
    T = int(ahead.cutoffs[0])
    begin = max(T - design.input_size, 0)
    seen = slice(begin - T, None)
    window = ReadWindow(ensemble, longer, static, T)
    parts = window.attribution()
    kind = "datetime64[ns]" if panel.dated else np.int64
    of_columns = {}
    for name in (*design.past, *design.future):
        end = T + design.h * (name in design.future)
        of_columns[name] = longer.covariates[name][begin:end]
    behind = {name: len(entries) for name, entries in of_columns.items()}
    return Explanation(
        id=panel.ids[0],
        target=learned.columns.target,
        times=panel.times(0, begin, T).astype(kind),
        values=panel.y[begin:],
        ahead=panel.times(0, T, T + design.h).astype(kind),
        forecast=found[0, :, middle_of(given.quantiles)],
        base=parts.base,
        contributions={learned.columns.target: parts.values[:, seen]}
        | {name: part[:, -behind[name] :] for name, part in parts.columns.items()},
        weights=parts.weights[:, seen],
        columns=of_columns,
        mix=_mix(ensemble, window),
        gates=_gates(ensemble, window),
        patch=design.patch,
        log=design.log,
    )


def _single(panel: Panel, id: Any) -> Panel:
    """Return one series of a panel."""
    if id is None and len(panel) > 1:
        raise InvalidValueError("id", f"the name of a series, of {panel.ids!r:.80}", "None")
    n = 0 if id is None else panel.ids.index(checks.one_of("id", id, tuple(panel.ids)))
    ends = np.zeros(len(panel), np.int64)
    ends[n] = panel.lengths[n]
    return panel.cut(np.zeros(len(panel), np.int64), ends)


def _mix(ensemble: Ensemble, window: ReadWindow) -> dict[str, Values]:
    """Return the shares of simple forecasts at each step of the horizon, (h) each."""
    d = ensemble.design
    if not d.baseline:
        return {}
    shares = np.zeros((d.blocks, d.candidates))
    for net in ensemble.networks:
        (mixed,) = (
            node.outputs[0]
            for node in net.graph.nodes
            if isinstance(node.layer, Activation) and node.layer.activation == "softmax"
        )
        found = Model(net.inputs, mixed).predict_on_batch(list(window.inputs.values()))
        shares += found[0] / len(ensemble.networks)
    of_steps = np.repeat(shares, -(-d.h // d.blocks), axis=0)[: d.h]
    return dict(zip(d.candidate_names, of_steps.T, strict=True))


def _gates(ensemble: Ensemble, window: ReadWindow) -> dict[str, dict[str, Values]]:
    """Return the mean of each state and gate over units and networks, by layer and letter."""
    found: dict[str, dict[str, Values]] = {}
    for net in ensemble.networks:
        layers = record(net, list(window.inputs.values())).layers
        for name, quantities in zip(found or layers, layers.values(), strict=True):
            kept = found.setdefault(name, {})
            for letter, values in quantities.items():
                each = np.abs(values[0]) if letter in "hcg" else values[0]
                mean = each.mean(-1, dtype=np.float64) / len(ensemble.networks)
                kept[letter] = kept.get(letter, 0.0) + mean
    return found

"""The three kinds of work: what a contender gets, and how its answer is measured.

All contenders are measured by this code, with the measures of `lstm.forecasting.metrics`. The
answer is an array; what is to be forecast never leaves this process.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lstm.forecasting import metrics

Values = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Ends:
    """Each series is continued once, by h steps.

    Attributes:
        series: the known values of each, (T).
        actual: what follows, (N, h).
        seasons: lengths of the seasons; the first is that of MASE.
    """

    series: list[Values]
    actual: Values
    seasons: tuple[int, ...]
    kind: ClassVar[str] = "ends"

    def settings(self) -> dict[str, Any]:
        return {"h": self.actual.shape[1], "seasons": self.seasons}

    def arrays(self) -> Arrays:
        lengths = np.array([len(y) for y in self.series])
        return {"values": np.concatenate(self.series), "lengths": lengths}

    def measured(self, forecast: Values) -> dict[str, float]:
        """Return means over the series. A series that never changes has no MASE."""
        _check_finite(forecast)
        rows = []
        for known, y, found in zip(self.series, self.actual, forecast, strict=True):
            unit = metrics.naive_error(known, self.seasons[0])
            error = metrics.mae(y, found)
            rows.append((metrics.smape(y, found), error / unit if unit > 0 else np.nan, error))
        return dict(zip(("sMAPE", "MASE", "MAE"), np.nanmean(rows, axis=0).tolist(), strict=True))

    def trial(self) -> "Ends":
        """Return a few series."""
        return Ends(self.series[:8], self.actual[:8], self.seasons)


@dataclass(frozen=True)
class Windows:
    """Series of one length are continued after each of their last steps, by h steps.

    Attributes:
        values: (N, T), NaN where one is missing.
        start: the time of the first, in UTC. Steps are hours.
        h: steps to forecast.
        held_out: the steps [a, b) before the test part: to choose on, not to learn from. The test
            part begins at b. Windows whose h steps lie in it are forecast, one after each step.
        covariates: other columns, (N, T) each.
    """

    values: Values
    start: datetime
    h: int
    held_out: tuple[int, int]
    covariates: dict[str, Values] = field(default_factory=dict)
    kind: ClassVar[str] = "windows"

    @property
    def cutoffs(self) -> NDArray[np.int64]:
        """The first step of each forecast."""
        return np.arange(self.held_out[1], self.values.shape[1] - self.h + 1)

    def settings(self) -> dict[str, Any]:
        return {"h": self.h, "seasons": (24, 168), "start": self.start.isoformat()}

    def arrays(self) -> Arrays:
        """All values, of which a contender reads for each cutoff only what precedes it."""
        others = {f"covariate {name}": column for name, column in self.covariates.items()}
        held_out = np.array(self.held_out)
        return {"values": self.values, "held_out": held_out, "cutoffs": self.cutoffs, **others}

    def measured(self, forecast: Values) -> dict[str, float]:
        """Return means over all known values of all windows, from forecasts (N, windows, h)."""
        _check_finite(forecast)
        actual = np.lib.stride_tricks.sliding_window_view(self.values, self.h, axis=1)
        actual = actual[:, self.cutoffs]
        rmse = metrics.rmse(actual, forecast)
        return {"MSE": rmse**2, "MAE": metrics.mae(actual, forecast), "RMSE": rmse}

    def trial(self) -> "Windows":
        """Return the first series, with few windows."""
        steps = self.held_out[1] + self.h + 9
        others = {name: column[:2, :steps] for name, column in self.covariates.items()}
        return Windows(self.values[:2, :steps], self.start, self.h, self.held_out, others)


@dataclass(frozen=True)
class Labels:
    """Sequences get labels.

    Attributes:
        train, test: sequences (T, C) each.
        train_labels, test_labels: (N).
    """

    train: list[Values]
    train_labels: NDArray[Any]
    test: list[Values]
    test_labels: NDArray[Any]
    kind: ClassVar[str] = "labels"

    def settings(self) -> dict[str, Any]:
        return {}

    def arrays(self) -> Arrays:
        found = {"train_labels": self.train_labels}
        for name, sequences in (("train", self.train), ("test", self.test)):
            found[name] = np.concatenate(sequences)
            found[f"{name}_lengths"] = np.array([len(x) for x in sequences])
        return found

    def measured(self, labels: NDArray[Any]) -> dict[str, float]:
        """Return the share of right labels, in percent."""
        if labels.shape != self.test_labels.shape:
            raise ValueError(f"labels of shape {labels.shape}, not {self.test_labels.shape}")
        return {"accuracy": 100 * float(np.mean(labels == self.test_labels))}

    def trial(self) -> "Labels":
        """Return a few sequences of all classes."""
        a, b = (max(1, len(x) // 40) for x in (self.train, self.test))
        return Labels(
            self.train[::a], self.train_labels[::a], self.test[::b], self.test_labels[::b]
        )


def _check_finite(forecast: Values) -> None:
    """Raise ValueError if a forecast is missing: it would not count."""
    if missing := int(np.count_nonzero(~np.isfinite(forecast))):
        raise ValueError(f"{missing:,} of {forecast.size:,} forecasts are no numbers")


Data = Ends | Windows | Labels

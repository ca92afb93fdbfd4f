"""Alarms: how improbable a reading is, given what precedes it."""

from collections.abc import Sequence
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm import checks, storage
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.forecasting.arguments import Arguments
from lstm.forecasting.ensemble import Ensemble, least_history
from lstm.forecasting.examples import Examples
from lstm.forecasting.frames import Format
from lstm.forecasting.frequency import Times
from lstm.forecasting.learned import Learned
from lstm.forecasting.outputs import NAME, middle_of
from lstm.forecasting.panel import Panel, Values
from lstm.forecasting.tail import Tail, Usual
from lstm.interface import Interface

AT_ONCE = 4096
"""Readings that are scored together."""


class Detector(Interface):
    """Says how improbable each reading is, and raises alarms; `LSTMForecaster.detector` makes it.

    A score is a probability: that a reading of normal data is at least as far from its forecast.
    So the rate of false alarms is what is asked for, whatever the series and its noise: errors are
    compared in units of what is usual in their own series. Scores are those of single readings: an
    alarm says nothing about the next.

    Args:
        learned: the forecaster that it compares readings with.
        usual: how large errors of its forecasts of normal data usually are.
        tail: the errors, in these units.
        false_alarms: the rate below which a score is an alarm.
        measured: the rate of alarms in one half of the normal data, by the tail of the other; None
            where series are too short to be halved.
    """

    def __init__(
        self,
        learned: Learned,
        usual: Usual,
        tail: Tail,
        false_alarms: float,
        measured: float | None = None,
    ) -> None:
        self.false_alarms, self.measured = false_alarms, measured
        self._learned, self._usual, self._tail = learned, usual, tail

    @classmethod
    def fitted(cls, learned: Learned, panel: Panel, false_alarms: float) -> Self:
        """Return a detector for the errors of forecasts of a panel.

        All of them make the tail; `measured` is the rate in one half by the tail of the other.
        """
        errors = _errors(learned, panel)[0]
        known = ~np.isnan(errors)
        if known.sum() < 100:
            least = least_history(learned.ensemble.design)
            expected = f"at least 100 readings to compare, after {least} steps of each series"
            raise InvalidValueError("df", expected, int(known.sum()))
        # One half follows the other in each series, so that neighbours are not in both.
        first = np.zeros(len(errors), bool)
        for begin, end in zip(panel.offsets[:-1], panel.offsets[1:], strict=True):
            rows = begin + np.flatnonzero(known[begin:end])
            first[rows[: (len(rows) + 1) // 2]] = True
        scaled = errors / Usual.of(np.where(first, errors, np.nan), panel).of_rows(panel)
        checked = Tail(np.sort(scaled[first]))
        rest = scaled[known & ~first]
        measured = float((checked.probability(rest) < false_alarms).mean()) if len(rest) else None
        usual = Usual.of(errors, panel)
        tail = Tail(np.sort((errors / usual.of_rows(panel))[known]))
        return cls(learned, usual, tail, false_alarms, measured)

    def score(self, df: Any) -> Any:
        """Return how improbable the readings of a table are.

        Args:
            df: a table as in `LSTMForecaster.fit`; each reading is compared with a forecast from
                those before it.

        Returns:
            A table of the same kind: id, time, the value, "LSTM" (the forecast), "score" (the
            probability) and "alarm" (1.0 or 0.0). Of the first readings of a series, and of missing
            ones, nothing is known: NaN, and no alarm.
        """
        learned = self._learned
        panel = learned.read(df)
        errors, expected = _errors(learned, panel)
        scores = self._tail.probability(errors / self._usual.of_rows(panel))
        alarms = np.where(np.isnan(scores), 1.0, scores) < self.false_alarms
        parts = {
            learned.columns.target: panel.y,
            NAME: expected,
            "score": scores,
            "alarm": alarms.astype(np.float64),
        }
        times = [panel.times(n, 0, T) for n, T in enumerate(panel.lengths.tolist())]
        return Format.of(df, learned.columns, learned.format.clock).written(
            learned.columns, panel, times, parts
        )

    def stream(self) -> "AlarmStream":
        """Return what takes a reading of each series at a time, from the ends of those of `fit`."""
        return AlarmStream(self._learned, self._usual, self._tail, self.false_alarms)

    def save(self, path: str | PathLike[str]) -> None:
        """Write it to a file that `load` reads, with the forecaster.

        Raises:
            ModelFileError: the file cannot be written.
        """
        tensors, header = self._learned.packed()
        usual = self._usual.of_series
        own = {
            "false_alarms": self.false_alarms,
            "measured": self.measured,
            "usual": self._usual.of_all,
            "usual_ids": list(usual),
        }
        header = {"kind": "detector", **header, **own, "arguments": self._learned.given()}
        errors = {"tail": self._tail.errors, "usual": np.array([*usual.values()], np.float64)}
        storage.write(path, {**tensors, **errors}, header)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read a detector from a file.

        Raises:
            ModelFileError: the file is missing, damaged, or of another kind.
        """
        with storage.reading(path, ("detector",)) as (tensors, header):
            learned = Learned.unpacked(Arguments.checked(header["arguments"]), tensors, header)
            each = dict(zip(header["usual_ids"], tensors["usual"].tolist(), strict=True))
            usual, tail = Usual(float(header["usual"]), each), Tail(tensors["tail"])
            rate, measured = float(header["false_alarms"]), header["measured"]
            return cls(learned, usual, tail, rate, None if measured is None else float(measured))

    def __repr__(self) -> str:
        measured = "not measured" if self.measured is None else f"{self.measured:.2g}"
        return (
            f"Detector(false_alarms={self.false_alarms:g}: {measured} in one half of "
            f"{len(self._tail.errors):,} normal readings, by the other)"
        )


class AlarmStream(Interface):
    """Takes readings one at a time, of all series at once, in constant memory.

    Attributes:
        ids: the series, in the order of the readings.
    """

    def __init__(self, learned: Learned, usual: Usual, tail: Tail, false_alarms: float) -> None:
        design, panel = learned.ensemble.design, learned.panel
        if design.past or design.future or design.calendar:
            expected = "a forecaster without past, future and calendar, for single readings"
            raise InvalidValueError("detector", expected, "one with some")
        self._learned, self._tail, self._false_alarms = learned, tail, false_alarms
        self._static = learned.static(panel)
        self.ids: Sequence[Any] = list(panel.ids)
        self._usual = usual.of_ids(self.ids)
        # The last readings of each series up to the latest time of all, which comes last.
        size = design.input_size
        self._recent = np.full((len(panel), size), np.nan)
        ends = [int(panel.times(n, T - 1, T)[0]) for n, T in enumerate(panel.lengths.tolist())]
        for n, end in enumerate(ends):
            silent = int(panel.frequency.positions(np.array([end, max(ends)]))[0][1])
            room, own = max(size - silent, 0), panel.series(n)
            kept = own[max(len(own) - room, 0) :]
            self._recent[n, room - len(kept) : room] = kept
        self._expected = self._forecast()

    @property
    def expected(self) -> Values:
        """The forecasts of the next readings, (series)."""
        return self._expected[0]

    def __call__(self, readings: ArrayLike) -> Values:
        """Return how improbable readings are, and read them.

        Args:
            readings: one of each series, in the order of `ids`, (series); NaN where one is missing.

        Returns:
            Their probabilities, (series); NaN where one is missing. Below `false_alarms` they are
            alarms.
        """
        values = checks.numbers("readings", readings).astype(np.float64)
        if values.shape != (len(self.ids),):
            raise InvalidShapeError(
                "readings", f"shape ({len(self.ids)},)", f"shape {values.shape}"
            )
        if np.isinf(values).any():
            raise InvalidValueError("readings", "finite numbers, or NaN", "infinity")
        expected, units = self._expected
        found = self._tail.probability(np.abs(values - expected) / (units * self._usual))
        self._recent[:, :-1] = self._recent[:, 1:]
        self._recent[:, -1] = values
        self._expected = self._forecast()
        return found

    def alarms(self, readings: ArrayLike) -> NDArray[np.bool_]:
        """Return which readings are alarms, and read them."""
        scores = self(readings)
        return np.where(np.isnan(scores), 1.0, scores) < self._false_alarms

    def _forecast(self) -> tuple[Values, Values]:
        N, T = self._recent.shape
        panel = Panel(
            list(self.ids),
            self._learned.panel.frequency,
            self._learned.panel.dated,
            np.zeros(N, np.int64),
            np.arange(N + 1) * T,
            self._recent.reshape(-1),
        )
        return _next(self._learned.ensemble, panel, self._static, None)


def _next(
    ensemble: Ensemble, panel: Panel, static: Values, rows: tuple[Times, Times] | None
) -> tuple[Values, Values]:
    """Return forecasts of single steps, and units: for series and steps, or behind the ends.

    Where so little is known that a forecast means nothing, it is NaN.
    """
    examples = Examples(ensemble.design, panel, static, ensemble.sizes)
    series, cutoffs = rows or (np.arange(len(panel)), panel.lengths)
    found, scale = ensemble.outputs(examples, series, cutoffs)
    little = 2 * scale.known < least_history(ensemble.design)
    middle = found[:, 0, middle_of(ensemble.design.quantiles)]
    return np.where(little, np.nan, middle), scale.unit


def _errors(learned: Learned, panel: Panel) -> tuple[Values, Values]:
    """Return the errors of all readings, in units of the loss, and forecasts; NaN for none."""
    ensemble = learned.ensemble
    static, least = learned.static(panel), least_history(ensemble.design)
    errors, expected = np.full(len(panel.y), np.nan), np.full(len(panel.y), np.nan)
    series = panel.series_of_rows
    steps = np.arange(len(panel.y)) - panel.offsets[series]
    rows = np.flatnonzero(steps >= least)
    for begin in range(0, len(rows), AT_ONCE):
        some = rows[begin : begin + AT_ONCE]
        found, units = _next(ensemble, panel, static, (series[some], steps[some]))
        expected[some] = found
        errors[some] = np.abs(panel.y[some] - found) / units
    return errors, expected

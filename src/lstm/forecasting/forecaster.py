"""LSTMForecaster: one network for many series, from a table to a table."""

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from typing import Any, Self

import numpy as np

from lstm import checks, storage
from lstm.errors import InvalidTypeError, NotReadyError
from lstm.estimator_data import not_fitted
from lstm.estimators import Estimator
from lstm.forecasting import frames
from lstm.forecasting.arguments import Arguments
from lstm.forecasting.backtest import ALL_BASELINES
from lstm.forecasting.baselines import BASELINES
from lstm.forecasting.design import Design, check_counts
from lstm.forecasting.detector import Detector
from lstm.forecasting.frames import Columns, Format
from lstm.forecasting.horizon import Horizon
from lstm.forecasting.learned import Learned
from lstm.forecasting.outputs import NAME, columns_of
from lstm.forecasting.panel import Panel
from lstm.forecasting.validation import errors_of, fitted, statics_of, validated
from lstm.interface import warn


class LSTMForecaster(Estimator):
    """Forecasts series with an LSTM that learns from all of them.

    Data is a long frame of pandas or polars with a row for each series and time, as Nixtla's; a
    series of pandas with dates as its index; or an array of one dimension. Forecasts come as a
    table of the same kind. Several series may have different lengths, and steps may be missing.

    The network reads whole seasons at a time and corrects a mix of simple forecasts; all numbers
    are relative to the window that it reads. Nothing that follows a forecast takes part in it.

    Args:
        h: steps to forecast.
        input_size: values to read, in whole patches; by default several seasons.
        units, layers: of the recurrent layers.
        cell: "lstm", "gru" or "rnn".
        strategy: "direct" forecasts all h steps at once; "recursive" forecasts one patch, reads it
            as if it were known, and goes on, for any number of steps.
        patch: values that the LSTM reads in each of its steps; by default a season.
        freq: distance of two steps, such as "h", "15min", "D", "MS" or "B", as in pandas; by
            default it follows from the times.
        season_length: values in a season, or several such lengths; by default those that are usual
            for the frequency. 1 for none.
        transform: "log", None, or "auto" for the logarithm where no value is below 0; if some are
            0, a part of the mean is added before.
        scaler: "window" divides values by the deviation of the window, None does not.
        baseline: "auto" corrects a mix of simple forecasts, None forecasts without them.
        past: names of columns that are known up to the forecast.
        future: names of columns that are known for the horizon, too.
        static: names of columns of `static_df`, numbers or categories.
        calendar: "auto" for the cycles that steps pass through, names of "day", "week" and "year",
            or ().
        quantiles: levels between 0 and 1 to forecast, 0.5 among them; by default that alone.
        distribution: "normal", "student_t" or "negative_binomial" (for counts) forecasts a whole
            distribution instead: any quantile, and paths to draw. The first two are those of
            logarithms where `transform` takes these.
        loss: "mase" in units of the change from season to season, "mae" or "mse" in units of the
            window's deviation. With quantiles, these are the units of the pinball loss; a
            distribution learns by its likelihood.
        max_steps: training steps; by default as many as suit the number of windows.
        batch_size: windows in each.
        learning_rate: of AdamW; it falls to 0.
        ensemble: number of networks, whose forecasts are averaged.
        random_state: makes the result reproducible, to the bit; None for another one each time.
        verbose: 0 shows nothing, 1 a bar, 2 a line, "auto" a bar on a terminal.

    Example:
        >>> import numpy as np
        >>> from lstm.forecasting import LSTMForecaster
        >>> t = np.arange(120)
        >>> y = 50 + t / 4 + 10 * np.sin(2 * np.pi * t / 12)
        >>> model = LSTMForecaster(h=12, season_length=12, units=16, max_steps=200, random_state=0)
        >>> forecast = model.fit(y[:108]).predict()
        >>> bool(np.abs(forecast - y[108:]).mean() < 2)
        True
    """

    def __init__(
        self,
        h: int,
        input_size: int | None = None,
        *,
        units: int = 128,
        layers: int = 1,
        cell: str = "lstm",
        strategy: str = "direct",
        patch: int | str = "auto",
        freq: str | int | None = None,
        season_length: int | Sequence[int] | None = None,
        transform: str | None = "auto",
        scaler: str | None = "window",
        baseline: str | None = "auto",
        past: Sequence[str] = (),
        future: Sequence[str] = (),
        static: Sequence[str] = (),
        calendar: str | Sequence[str] = "auto",
        quantiles: Sequence[float] | None = None,
        distribution: str | None = None,
        loss: str = "mase",
        max_steps: int | None = None,
        batch_size: int = 256,
        learning_rate: float = 2e-3,
        ensemble: int = 1,
        random_state: int | None = None,
        verbose: int | str = 0,
    ) -> None:
        # Kept as they are given, and checked in `fit`: so scikit-learn's tools ask.
        self.h, self.input_size, self.units, self.layers = h, input_size, units, layers
        self.cell, self.strategy, self.patch, self.freq = cell, strategy, patch, freq
        self.season_length, self.transform, self.scaler = season_length, transform, scaler
        self.baseline, self.past, self.future, self.static = baseline, past, future, static
        self.calendar, self.quantiles = calendar, quantiles
        self.distribution, self.loss = distribution, loss
        self.max_steps, self.batch_size, self.learning_rate = max_steps, batch_size, learning_rate
        self.ensemble, self.random_state, self.verbose = ensemble, random_state, verbose

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_learned")

    def _arguments(self) -> Arguments:
        return Arguments.checked(self.get_params())

    # ---- fitting

    def fit(
        self,
        df: Any,
        *,
        static_df: Any = None,
        val_size: int = 0,
        id_col: str = "unique_id",
        time_col: str = "ds",
        target_col: str = "y",
    ) -> Self:
        """Learn from series.

        Args:
            df: the data. A frame has a row for each time of each series; without the column
                `id_col` it is one series.
            static_df: a frame with a row for each series: `id_col` and the columns `static`.
            val_size: last steps of each series to hold out: the weights are kept that forecast them
                best. 0 learns from all steps, for `max_steps`.
            id_col, time_col, target_col: names of columns.

        Raises:
            InvalidTypeError, InvalidValueError: the data cannot be used; the message names the
                column, the series and the time.
        """
        given, columns = self._arguments(), _columns(id_col, time_col, target_col)
        panel = frames.read(df, columns, given.freq, given.covariates)
        statics = statics_of(given, static_df, columns)
        static = statics.encoded(static_df, panel.ids, columns.id)
        held_out = checks.int_at_least("val_size", val_size, 0)
        held_out = held_out and checks.int_at_least("val_size", held_out, given.h)
        ensemble = fitted(given, panel, static, held_out)
        form = Format.of(df, columns)
        static_of = dict(zip(panel.ids, static, strict=True))
        ends = _ends_of(panel, ensemble.design)
        self._learned = Learned(given, ensemble, columns, form, ends, statics, static_of)
        return self

    # ---- forecasting

    def predict(
        self,
        df: Any = None,
        *,
        h: int | None = None,
        future_df: Any = None,
        static_df: Any = None,
        level: Sequence[float] | None = None,
        quantiles: Sequence[float] | None = None,
    ) -> Any:
        """Forecast the steps that follow series.

        Args:
            df: the series, as in `fit`; by default those of `fit`.
            h: steps to forecast; by default those of the constructor.
            future_df: a frame with a row for each series and step to forecast: id, time and the
                columns `future`. `make_future_dataframe` makes one without these columns.
            static_df: a frame as in `fit`, for series that `fit` did not see.
            level: percentages; for each of them the bounds of an interval that covers so many of
                the actual values.
            quantiles: some of those of the constructor, all by default; of a distribution, any.

        Returns:
            A table of the kind of `df`: id, time, and a column "LSTM"; for levels "LSTM-lo-90" and
            "LSTM-hi-90"; for quantiles "LSTM-q0.1" and so on. Of an array, an array (h,), or
            (h, columns) where there are several.

        Raises:
            NotReadyError: it is not fitted, or a level needs `calibrate` or quantiles.
            InvalidTypeError, InvalidValueError: the data cannot be used.
        """
        learned, ahead = self._ahead(df, h, future_df, static_df)
        asked = learned.arguments.asked(level, quantiles)
        found, units = learned.ensemble.forecast(
            ahead.panel,
            ahead.static,
            ahead.cutoffs,
            ahead.steps,
            learned.arguments.recursive,
            asked.outputs,
        )
        return ahead.written(learned, columns_of(found, units, asked, learned.conformal))

    def sample_paths(
        self,
        n: int = 100,
        df: Any = None,
        *,
        h: int | None = None,
        future_df: Any = None,
        static_df: Any = None,
    ) -> Any:
        """Draw ways that series may go on, from the distribution that is forecast.

        With `strategy="recursive"` each patch is drawn after the values drawn before it, so sums
        and maxima of a path mean something; with "direct" each step is drawn by itself.

        Args:
            n: number of paths of each series.
            df, h, future_df, static_df: as in `predict`.

        Returns:
            A table as from `predict`, with the columns "LSTM-path-1" and so on. The same numbers
            each time, if the constructor got a `random_state`.

        Raises:
            NotReadyError: it is not fitted, or it forecasts no distribution.
        """
        learned, ahead = self._ahead(df, h, future_df, static_df)
        given, count = learned.arguments, checks.positive_int("n", n)
        if given.distribution is None:
            raise NotReadyError(
                'sample_paths: make the forecaster with distribution="normal" or another one'
            )
        rng = np.random.default_rng(given.random_state)
        paths, _ = learned.ensemble.paths(
            ahead.panel, ahead.static, ahead.cutoffs, ahead.steps, count, rng, given.recursive
        )
        return ahead.written(learned, {f"{NAME}-path-{k + 1}": paths[:, k] for k in range(count)})

    def make_future_dataframe(self, h: int | None = None) -> Any:
        """Return a table of the steps that follow the series of `fit`: id and time.

        Args:
            h: how many; by default those of the constructor.
        """
        learned = self.learned
        steps = learned.arguments.h if h is None else checks.positive_int("h", h)
        panel, form = learned.panel, learned.format
        if form.kind != "frame":
            raise InvalidTypeError("df", "a frame in fit", f"a {form.kind}")
        times = [panel.times(n, T, T + steps) for n, T in enumerate(panel.lengths.tolist())]
        return form.written(learned.columns, panel, times, {})

    def update(self, df: Any) -> Self:
        """Read rows that follow the series of `fit`, without training: forecasts begin after them.

        Args:
            df: a table as in `fit`, with later times; series may be missing. Rows of times that are
                known already replace these. An array goes on where the one before ended.

        Raises:
            InvalidValueError: a series is new, or a time is not one of its steps.
        """
        learned = self.learned
        more, known = self._read(df), learned.panel
        if Format.of(df, learned.columns).kind == "array":
            ends = [known.times(n, T, T + 1) for n, T in enumerate(known.lengths.tolist())]
            more = replace(more, starts=np.concatenate(ends))
        panel = known.followed_by(more)
        self._learned = replace(learned, panel=_ends_of(panel, learned.ensemble.design))
        return self

    def cross_validation(
        self,
        df: Any,
        *,
        n_windows: int = 3,
        step_size: int | None = None,
        refit: bool = False,
        level: Sequence[float] | None = None,
        baselines: Sequence[str] = tuple(BASELINES),
        static_df: Any = None,
        id_col: str = "unique_id",
        time_col: str = "ds",
        target_col: str = "y",
    ) -> Any:
        """Forecast the last parts of series from what precedes them, beside simple forecasts.

        The forecaster itself does not change. A copy learns from what precedes the first forecast.

        Args:
            df, static_df, id_col, time_col, target_col: as in `fit`.
            n_windows: forecasts of each series, of which the last ends with it.
            step_size: steps from one to the next; h by default.
            refit: learn again before each of them.
            level: percentages, each for an interval; without quantiles, its width follows from
                forecasts before the first window, for which another copy learns from less.
            baselines: forecasts to compare with. Besides the simple ones, "Theta" and "AutoETS",
                which need `statsforecast` (`pip install 'lstm-kit[statistical]'`), and time.

        Returns:
            A table of the kind of `df`: id, time, "cutoff" (the last time that was known), "y",
            "LSTM", and a column for each baseline. `scores` makes one number for each measure.
        """
        given, columns = self._arguments(), _columns(id_col, time_col, target_col)
        windows = checks.positive_int("n_windows", n_windows)
        apart = given.h if step_size is None else checks.positive_int("step_size", step_size)
        checks.boolean("refit", refit)
        names = checks.sequence("baselines", baselines, "a list of names")
        names = tuple(checks.one_of("baselines", name, tuple(ALL_BASELINES)) for name in names)
        panel = frames.read(df, columns, given.freq, given.covariates)
        found = validated(given, panel, columns, static_df, windows, apart, refit, level, names)
        form = Format.of(df, columns)
        times = {columns.time: found.times, "cutoff": found.cutoffs}
        return form.table(columns, panel.dated, found.ids, times, found.columns)

    def calibrate(self, df: Any, n_windows: int = 3, *, static_df: Any = None) -> Self:
        """Learn how wrong forecasts are, step by step: then `predict(level=)` has intervals.

        A copy learns from what precedes the last windows of each series, and forecasts them. So
        nothing that sets the width of an interval took part in training. Quantiles and
        distributions have widths of their own, which stay.

        Args:
            df: the data of `fit`, or other series of its kind.
            n_windows: forecasts of each series, side by side.
            static_df: as in `fit`.

        Raises:
            NotReadyError: it is not fitted.
        """
        learned = self.learned
        windows, panel = checks.positive_int("n_windows", n_windows), self._read(df)
        conformal = errors_of(learned.arguments, panel, learned.columns, static_df, windows)
        self._learned = replace(learned, conformal=conformal)
        return self

    def detector(self, df: Any, false_alarms: float = 1e-3) -> Detector:
        """Return what raises alarms at readings that are too improbable.

        Args:
            df: normal data that `fit` did not get, such as the rows that follow; forecasts of them
                show how far a normal reading may be off.
            false_alarms: the rate of alarms in normal data.

        Raises:
            NotReadyError: it is not fitted.
            InvalidValueError: there are too few readings.
        """
        learned = self.learned
        rate = checks.number("false_alarms", false_alarms, 0, 1, open_low=True, open_high=True)
        return Detector.fitted(learned, self._read(df), rate)

    # ---- files

    def save(self, path: str | PathLike[str]) -> None:
        """Write everything to a file that `load` reads: networks, columns, the end of each series.

        Raises:
            NotReadyError: it is not fitted.
            ModelFileError: the file cannot be written.
        """
        learned = self.learned
        tensors, header = learned.packed()
        storage.own_format("path", path)
        storage.write(path, tensors, {"kind": "forecaster", "arguments": learned.given(), **header})

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read a forecaster from a file.

        Raises:
            ModelFileError: the file is missing, damaged, or of another kind.
        """
        with storage.reading(path, ("forecaster",)) as (tensors, header):
            model = cls(**header["arguments"])
            model._learned = Learned.unpacked(model._arguments(), tensors, header)
        return model

    # ---- within

    @property
    def learned(self) -> Learned:
        """What `fit` left: its networks, and how tables become what they read.

        Raises:
            NotReadyError: it is not fitted.
        """
        if not hasattr(self, "_learned"):
            raise not_fitted("LSTMForecaster: call fit(df) first")
        return self._learned

    def _ahead(
        self, df: Any, h: int | None, future_df: Any, static_df: Any
    ) -> tuple[Learned, Horizon]:
        """Return what was learned, and the steps that follow a table; None for that of `fit`."""
        learned = self.learned
        panel = learned.panel if df is None else self._read(df)
        return learned, Horizon.of(learned, df, panel, h, future_df, static_df)

    def _read(self, df: Any) -> Panel:
        """Return a table with the columns and the frequency of `fit`."""
        learned = self._learned
        panel = learned.read(df)
        design = learned.ensemble.design
        check_counts(design, panel)
        low = panel.y < 0 if design.shift else panel.y <= 0
        if design.log and low.any():
            row = int(low.argmax())
            n = int(panel.series_of_rows[row])
            where = panel.shown(n, row - int(panel.offsets[n]))
            count = "0" if design.shift else "missing"
            warn(
                f"df: {int(low.sum()):,} values have no logarithm and count as {count}, the first "
                f"{panel.y[row]} of {panel.ids[n]!r} at {where} (transform=None does without)"
            )
        return panel


def _columns(id_col: str, time_col: str, target_col: str) -> Columns:
    return Columns(
        checks.string("id_col", id_col),
        checks.string("time_col", time_col),
        checks.string("target_col", target_col),
    )


def _ends_of(panel: Panel, design: Design) -> Panel:
    """Return what the next forecasts need of series: their ends."""
    return panel.cut(np.maximum(panel.lengths - design.input_size, 0), panel.lengths)

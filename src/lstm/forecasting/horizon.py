"""The horizon: the steps to forecast, and what is known of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Self

import numpy as np

from lstm import checks
from lstm.errors import InvalidValueError
from lstm.forecasting import frames
from lstm.forecasting.frames import Columns, Format
from lstm.forecasting.frequency import Times
from lstm.forecasting.learned import Learned
from lstm.forecasting.panel import Panel, Values


class Horizon(NamedTuple):
    """The steps to forecast.

    Attributes:
        panel: the series, with rows behind their ends where columns `future` are known there.
        static: numbers that describe each, (N, static).
        cutoffs: the first step to forecast of each, (N).
        steps: how many.
        form: the kind of table that forecasts become.
    """

    panel: Panel
    static: Values
    cutoffs: Times
    steps: int
    form: Format

    @classmethod
    def of(
        cls,
        learned: Learned,
        df: Any,
        panel: Panel,
        h: int | None,
        future_df: Any,
        static_df: Any,
    ) -> Self:
        """Return the steps that follow series.

        Args:
            learned: what forecasts them.
            df: the table of the series; None for those of `fit`.
            panel: the same, read.
            h: how many steps; None for those of the constructor.
            future_df, static_df: as in `LSTMForecaster.predict`.

        Raises:
            InvalidTypeError, InvalidValueError: the data cannot be used.
        """
        given, most = learned.arguments, learned.ensemble.design.h
        steps = given.h if h is None else checks.positive_int("h", h)
        if steps > most and not given.recursive:
            expected = f'at most {most}, as in the constructor (strategy="recursive" goes on)'
            raise InvalidValueError("h", expected, steps)
        form = learned.format
        if df is not None:
            form = Format.of(df, learned.columns, form.clock)
        cutoffs = panel.lengths
        given.check_patches(steps, most)
        if given.future:
            wanted = given.future, steps, learned.columns, learned.format
            panel = with_table(panel, future_df, *wanted)
        elif future_df is not None:
            raise InvalidValueError("future_df", "None, without columns future", "a table")
        return cls(panel, learned.static(panel, static_df), cutoffs, steps, form)

    def written(self, learned: Learned, columns: dict[str, Values]) -> Any:
        """Return columns (N, steps) as a table."""
        ends = [] if self.form.kind == "array" else self.cutoffs.tolist()
        times = [self.panel.times(n, T, T + self.steps) for n, T in enumerate(ends)]
        flat = {name: values.reshape(-1) for name, values in columns.items()}
        return self.form.written(learned.columns, self.panel, times, flat)


def with_table(
    panel: Panel, future_df: Any, names: Sequence[str], steps: int, columns: Columns, form: Format
) -> Panel:
    """Return series with the columns known of the steps to forecast, from the table of a user.

    Args:
        panel: the series.
        future_df: the table, with id, time and the columns.
        names: the columns.
        steps: how many steps to forecast.
        columns, form: the names of id and time, and the kind of table, as in `fit`.

    Raises:
        InvalidTypeError, InvalidValueError: it is None, cannot be read, or too short.
    """
    if future_df is None:
        expected = f"a frame with the columns {list(names)} for {steps} steps"
        raise InvalidValueError("future_df", expected, "None")
    coming = frames.read(future_df, columns, panel.frequency, names, False, "future_df", form)
    single = len(panel) == len(coming) == 1
    if single and columns.target in (panel.ids[0], coming.ids[0]):  # A table without ids.
        coming = replace(coming, ids=panel.ids)
    return with_future(panel, coming, names, steps)


def with_future(panel: Panel, coming: Panel, names: Sequence[str], steps: int) -> Panel:
    """Return series with rows behind their ends that have the columns known of these.

    Args:
        panel: the series.
        coming: rows of theirs, with times and columns.
        names: the columns.
        steps: rows to add to each.

    Raises:
        InvalidValueError: a series or a step is missing, or a number is.
    """
    places = {entry: m for m, entry in enumerate(coming.ids)}
    longer = panel.ahead(panel.lengths, steps)
    for n, entry in enumerate(panel.ids):
        if entry not in places:
            raise InvalidValueError("future_df", "rows for each series", f"none of {entry!r}")
        m, T = places[entry], int(panel.lengths[n])
        own, wanted = coming.times(m, 0, int(coming.lengths[m])), panel.times(n, T, T + steps)
        rows = np.minimum(np.searchsorted(own, wanted), len(own) - 1)
        columns = {name: coming.covariates[name][coming.offsets[m] + rows] for name in names}
        missing = (own[rows] != wanted) | np.any([np.isnan(v) for v in columns.values()], axis=0)
        if missing.any():
            step = longer.shown(n, T + int(missing.argmax()))
            expected = f"{list(names)} for {steps} steps of {entry!r}"
            raise InvalidValueError("future_df", expected, f"nothing for {step}")
        begin = longer.offsets[n] + T
        for name, values in columns.items():
            longer.covariates[name][begin : begin + steps] = values
    return longer

"""The design of a forecaster's network: what follows from its arguments and from the data."""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidValueError
from lstm.forecasting.arguments import Arguments
from lstm.forecasting.distributions import DISTRIBUTIONS
from lstm.forecasting.frequency import DAY
from lstm.forecasting.panel import Panel

CALENDAR = {"day": DAY, "week": 7 * DAY, "year": 365.2425 * DAY}
"""Cycles of the calendar that a network may be told the phase of, in nanoseconds."""

SHIFT = 0.05
"""Part of the mean of a window that is added to values before their logarithm, if some are 0."""

SEASONS = 5
"""Of the shortest kind, which a network reads at least by default."""


@dataclass(frozen=True)
class Design:
    """What a network reads and writes.

    Attributes:
        h: steps that it forecasts.
        patch: values that the LSTM reads in one of its steps.
        steps: steps of the LSTM; it reads the last steps · patch values.
        seasons: lengths of the seasons in values, the shortest first.
        log: whether values enter as logarithms.
        shift: what is added to values before, in units of their mean in the window.
        scaler: "window" for the deviation of the values that it reads, None for none.
        masked: whether it is told which values are missing.
        past, future: columns that it reads besides the values; the second also for the horizon.
        static: numbers that describe a series.
        calendar: names in `CALENDAR`.
        baseline: whether it corrects a mix of simple forecasts.
        cell: "lstm", "gru" or "rnn".
        units, layers: of the recurrent layers.
        quantiles: what it forecasts; none for one number, whose error is smallest.
        distribution: the distribution that it forecasts instead, a name in `DISTRIBUTIONS`.
        loss: "mase", "mae" or "mse".
    """

    h: int
    patch: int
    steps: int
    seasons: tuple[int, ...]
    log: bool
    shift: float
    scaler: str | None
    masked: bool
    past: tuple[str, ...]
    future: tuple[str, ...]
    static: int
    calendar: tuple[str, ...]
    baseline: bool
    cell: str
    units: int
    layers: int
    quantiles: tuple[float, ...]
    distribution: str | None
    loss: str

    @cached_property
    def input_size(self) -> int:
        """Values that it reads."""
        return self.steps * self.patch

    @cached_property
    def recent(self) -> int:
        """The last values, which it also sees one by one beside the state of the LSTM."""
        return min(self.input_size, max((*self.seasons, self.patch)))

    @cached_property
    def channels(self) -> int:
        """Numbers that the LSTM reads for each value."""
        return 1 + self.masked + len(self.past) + len(self.future)

    @cached_property
    def extras(self) -> int:
        """Numbers that belong to the whole forecast."""
        return 4 * len(self.calendar) + self.static + self.h * len(self.future)

    @cached_property
    def blocks(self) -> int:
        """Parts of the horizon, for each of which simple forecasts are mixed anew."""
        return -(-self.h // max(self.patch, -(-self.h // 8)))

    @cached_property
    def candidate_names(self) -> list[str]:
        """The simple forecasts that are mixed, in order."""
        found = []
        for m in self.seasons:
            kinds = (f"last season of {m}", f"mean of 2 seasons of {m}")
            found += [name for back, name in enumerate(kinds, 1) if back * m <= self.input_size]
        return [*found, "last value", "drift"]

    @cached_property
    def candidates(self) -> int:
        """How many simple forecasts are mixed."""
        return len(self.candidate_names)

    @cached_property
    def in_values(self) -> bool:
        """Whether outputs are values; otherwise they are numbers on the scale of the network."""
        return self.distribution is None or DISTRIBUTIONS[self.distribution].of_counts

    @cached_property
    def change(self) -> int:
        """Steps between two values whose difference is the unit of errors: a season, or 1."""
        return self.seasons[0] if self.seasons and self.seasons[0] < self.input_size else 1

    @cached_property
    def ahead(self) -> NDArray[np.float64]:
        """The steps of the horizon from 1 on, (h)."""
        return np.arange(1.0, self.h + 1)

    @cached_property
    def of_season(self) -> dict[int, NDArray[np.intp]]:
        """For each season, where in it the steps of the horizon are, (h)."""
        return {m: np.arange(self.h) % m for m in self.seasons}

    def to_config(self) -> dict[str, Any]:
        """Return the attributes as JSON values."""
        return asdict(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the design with these attributes."""
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in config.items()
        }
        return cls(**values)


def designed(given: Arguments, panel: Panel, static: int) -> Design:
    """Return the design that follows from the arguments of a forecaster and its data.

    Args:
        given: the arguments of a forecaster.
        panel: the series to learn from.
        static: numbers that describe a series.

    Raises:
        InvalidValueError: arguments do not fit each other, or the data.
    """
    longest = int(panel.lengths.max())
    usual = tuple(m for m in panel.frequency.seasons if 2 * m + given.h <= longest)
    seasons = tuple(m for m in given.season_length or usual if m > 1)
    patch = min(seasons, default=1) if given.patch == "auto" else int(given.patch)
    h = patch if given.strategy == "recursive" else given.h
    size = given.input_size
    if size is None:
        size = max(2 * max(seasons, default=0), SEASONS * min(seasons, default=0), 2 * given.h, 8)
        # No more than what there is, or nearly so.
        size = max(min(size, longest - h), patch, 2)
    steps = max(-(-size // patch), 1)
    known = panel.y[~np.isnan(panel.y)]
    if not known.size:
        raise InvalidValueError("df", "values", "only missing ones")
    log = given.transform == "log" or (given.transform == "auto" and bool((known >= 0).all()))
    shift = SHIFT if log and (known == 0).any() else 0.0
    if given.transform == "log":
        _check_loggable(panel, shift)
    if given.distribution == "negative_binomial":
        log, shift = True, SHIFT
    masked = bool(np.isnan(panel.y).any() or panel.lengths.min() < steps * patch + h)
    design = Design(
        h=h,
        patch=patch,
        steps=steps,
        seasons=seasons,
        log=log,
        shift=shift,
        scaler=given.scaler,
        masked=masked,
        past=given.past,
        future=given.future,
        static=static,
        calendar=_calendar(given.calendar, panel),
        baseline=given.baseline == "auto",
        cell=given.cell,
        units=given.units,
        layers=given.layers,
        quantiles=given.quantiles,
        distribution=given.distribution,
        loss=given.loss,
    )
    check_counts(design, panel)
    return design


def _check_loggable(panel: Panel, shift: float) -> None:
    """Check that values, perhaps shifted, have logarithms.

    Raises:
        InvalidValueError: one does not.
    """
    low = panel.y < 0 if shift else panel.y <= 0
    if low.any():
        row = int(low.argmax())
        n = int(panel.series_of_rows[row])
        where = f"{panel.ids[n]!r} at {panel.shown(n, row - int(panel.offsets[n]))}"
        expected = f"values {'of at least' if shift else 'above'} 0, for logarithms"
        got = f"{panel.y[row]} in {where}"
        raise InvalidValueError("df", f"{expected} (transform=None does without)", got)


def check_counts(design: Design, panel: Panel) -> None:
    """Check that values are counts, where the distribution is one of counts.

    Raises:
        InvalidValueError: one is not.
    """
    if design.distribution is None or not DISTRIBUTIONS[design.distribution].of_counts:
        return
    other = (panel.y < 0) | (panel.y != np.floor(panel.y)) & ~np.isnan(panel.y)
    if other.any():
        row = int(other.argmax())
        n = int(panel.series_of_rows[row])
        where = f"{panel.ids[n]!r} at {panel.shown(n, row - int(panel.offsets[n]))}"
        expected = 'counts, for distribution="negative_binomial"'
        raise InvalidValueError("df", expected, f"{panel.y[row]} in {where}")


def _calendar(chosen: str | tuple[str, ...], panel: Panel) -> tuple[str, ...]:
    """Return the cycles that steps pass through, and series at least once."""
    if chosen != "auto":
        for name in chosen:
            checks.one_of("calendar", name, tuple(CALENDAR))
        if chosen and not panel.dated:
            raise InvalidValueError("calendar", "dates, for a calendar", "numbered steps")
        return tuple(chosen)
    if not panel.dated:
        return ()
    frequency, found = panel.frequency, []
    step = {"month": 30 * DAY, "business day": DAY}.get(frequency.unit, 1) * frequency.count
    for name, cycle in CALENDAR.items():
        if step < cycle / 1.5 and step * int(panel.lengths.max()) >= cycle:
            found.append(name)
    return tuple(found)


def phases(times: np.ndarray[Any, Any], calendar: tuple[str, ...]) -> np.ndarray[Any, Any]:
    """Return where times (N) are in cycles of the calendar, as two waves each: (N, 4 · cycles).

    Weeks begin on Monday; a year, as here, on 1 January at 0:00, give or take half a day.
    """
    monday = 4 * DAY  # 1970-01-05
    waves = [
        wave(2 * np.pi * k * ((times - (monday if name == "week" else 0)) % CALENDAR[name])
             / CALENDAR[name])
        for name in calendar
        for k in (1, 2)
        for wave in (np.sin, np.cos)
    ]  # fmt: skip
    return np.stack(waves, axis=-1) if waves else np.zeros((len(times), 0))

"""Pace: how long networks take to learn, and what fits into a given time."""

from dataclasses import dataclass, replace
from time import perf_counter
from typing import Self

import numpy as np

from lstm.forecasting.arguments import Arguments
from lstm.forecasting.design import designed
from lstm.forecasting.ensemble import learned_from, usual_steps
from lstm.forecasting.panel import Panel, Values
from lstm.forecasting.validation import fitted

MOST = 10
"""More networks hardly make a mean better: what differs between them is a tenth by then."""

LONGEST = 1.25
"""Times the usual number of steps: more would learn the data by heart."""


@dataclass(frozen=True)
class Pace:
    """The time that a network takes to learn.

    Attributes:
        start: seconds before its first step.
        step: seconds for each step.
        usual: the number of steps that suits the data.
    """

    start: float
    step: float
    usual: int

    @classmethod
    def measured(cls, given: Arguments, panel: Panel, static: Values, seconds: float) -> Self:
        """Return the pace on this machine, from a few steps.

        Args:
            given: the arguments of a forecaster.
            panel: the series to learn from.
            static: numbers that describe each series, (N, static).
            seconds: the time that there is; measuring should take a small part of it.

        Raises:
            InvalidValueError: no series is long enough to learn from.
        """

        def taken(steps: int) -> float:
            begin = perf_counter()
            fitted(replace(given, max_steps=steps, ensemble=1, verbose=0), panel, static)
            return perf_counter() - begin

        taken(3)  # What only the first one needs.
        few = 6
        short = min(taken(few), taken(few))
        many = int(np.clip(0.05 * seconds * few / short, 3 * few, 16 * few))
        long = taken(many)
        step = (long - short) / (many - few) if long > short else long / many
        design = designed(given, panel, static.shape[1])
        return cls(max(short - few * step, 0.0), step, usual_steps(*learned_from(design, panel)))

    def seconds(self, steps: int) -> float:
        """Return how long one network takes for training steps."""
        return self.start + steps * self.step

    def within(self, seconds: float) -> tuple[int, int]:
        """Return how many steps of how many networks take so many seconds.

        About the usual number of steps, and as many networks as there is time for; less of one if
        there is not enough.

        Example:
            >>> pace = Pace(start=0.5, step=0.01, usual=400)
            >>> pace.within(2.5), pace.within(4.5), pace.within(9.0), pace.within(3600.0)
            ((200, 1), (400, 1), (400, 2), (500, 10))
        """
        networks = int(np.clip(round(seconds / self.seconds(self.usual)), 1, MOST))
        steps = (seconds / networks - self.start) / self.step
        return int(np.clip(round(steps), 1, LONGEST * self.usual)), networks

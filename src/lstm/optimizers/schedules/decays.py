"""Decays: schedules that fall exponentially, by a polynomial, with the time, or in steps."""

import math
from bisect import bisect_left
from collections.abc import Sequence

from lstm import checks
from lstm.errors import InvalidValueError
from lstm.optimizers.schedules.base import LearningRateSchedule


class _Decay(LearningRateSchedule):
    """A rate that falls with the number of periods of so many steps."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool,
        name: str,
    ) -> None:
        self.initial_learning_rate = checks.number(
            "initial_learning_rate", initial_learning_rate, 0
        )
        self.decay_steps = checks.number("decay_steps", decay_steps, 0, open_low=True)
        self.decay_rate = checks.number("decay_rate", decay_rate, 0)
        self.staircase = checks.boolean("staircase", staircase)
        self.name = checks.string("name", name)

    def periods(self, step: int) -> float:
        """Return how many periods are over, or have begun."""
        found = step / self.decay_steps
        return math.floor(found) if self.staircase else found


class ExponentialDecay(_Decay):
    """Multiplied by the same factor in every period: initial · decay_rate^(step / decay_steps).

    Args:
        initial_learning_rate: the rate of the first step.
        decay_steps: number of steps in a period.
        decay_rate: the factor of a period.
        staircase: lower the rate at the end of each period instead of at each step.
        name: a name.

    Example:
        >>> decay = ExponentialDecay(0.1, decay_steps=100, decay_rate=0.5)
        >>> [decay(step) for step in (0, 100, 200)]
        [0.1, 0.05, 0.025]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def __call__(self, step: int) -> float:
        return self.initial_learning_rate * self.decay_rate ** self.periods(step)


class InverseTimeDecay(_Decay):
    """Divided by a number that grows evenly: initial / (1 + decay_rate · step / decay_steps).

    Args:
        initial_learning_rate: the rate of the first step.
        decay_steps: number of steps in a period.
        decay_rate: by how much the divisor grows in a period.
        staircase: lower the rate at the end of each period instead of at each step.
        name: a name.

    Example:
        >>> decay = InverseTimeDecay(0.1, decay_steps=10, decay_rate=1.0)
        >>> [decay(step) for step in (0, 10, 30)]
        [0.1, 0.05, 0.025]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def __call__(self, step: int) -> float:
        return self.initial_learning_rate / (1 + self.decay_rate * self.periods(step))


class PolynomialDecay(LearningRateSchedule):
    """Falls from one rate to another: (initial - end) · (1 - step / decay_steps)^power + end.

    Args:
        initial_learning_rate: the rate of the first step.
        decay_steps: number of steps until the last rate.
        end_learning_rate: the last rate, which stays.
        power: 1 falls along a straight line.
        cycle: never stay: the way down becomes as long as the first multiple of `decay_steps` that
            is not behind the step, so that the rate jumps up wherever it has reached its end.
        name: a name.

    Example:
        >>> decay = PolynomialDecay(0.1, decay_steps=100, end_learning_rate=0.0)
        >>> [decay(step) for step in (0, 50, 100, 200)]
        [0.1, 0.05, 0.0, 0.0]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = checks.number(
            "initial_learning_rate", initial_learning_rate, 0
        )
        self.decay_steps = checks.number("decay_steps", decay_steps, 0, open_low=True)
        self.end_learning_rate = checks.number("end_learning_rate", end_learning_rate, 0)
        self.power = checks.number("power", power, 0)
        self.cycle = checks.boolean("cycle", cycle)
        self.name = checks.string("name", name)

    def __call__(self, step: int) -> float:
        way = self.decay_steps
        if self.cycle:
            way *= max(1, math.ceil(step / way))
        left = 1 - min(step, way) / way
        span = self.initial_learning_rate - self.end_learning_rate
        return span * left**self.power + self.end_learning_rate


class PiecewiseConstantDecay(LearningRateSchedule):
    """One rate up to a step, another up to the next, and so on.

    Args:
        boundaries: the last steps of all rates but the last, in rising order.
        values: the rates, one more than there are boundaries.
        name: a name.

    Example:
        >>> decay = PiecewiseConstantDecay([100, 200], [0.1, 0.01, 0.001])
        >>> [decay(step) for step in (0, 100, 101, 201)]
        [0.1, 0.1, 0.01, 0.001]
    """

    def __init__(
        self,
        boundaries: Sequence[float],
        values: Sequence[float],
        name: str = "PiecewiseConstant",
    ) -> None:
        steps = checks.sequence("boundaries", boundaries, "a list of numbers of steps")
        rates = checks.sequence("values", values, "a list of learning rates")
        self.boundaries = [checks.number(f"boundaries[{k}]", x) for k, x in enumerate(steps)]
        self.values = [checks.number(f"values[{k}]", x, 0) for k, x in enumerate(rates)]
        self.name = checks.string("name", name)
        if sorted({*self.boundaries}) != self.boundaries:
            raise InvalidValueError("boundaries", "rising numbers", boundaries)
        if len(rates) != len(steps) + 1:
            expected = f"{len(steps) + 1} rates, one more than boundaries"
            raise InvalidValueError("values", expected, len(rates))

    def __call__(self, step: int) -> float:
        return self.values[bisect_left(self.boundaries, step)]

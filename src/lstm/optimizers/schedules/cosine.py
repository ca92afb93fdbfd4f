"""Schedules that fall along half a cosine, once or again and again."""

import math

from lstm import checks
from lstm.optimizers.schedules.base import LearningRateSchedule


def _left(done: float) -> float:
    """Return the height after a share of the way down, half a cosine from 1 to 0."""
    return 0.5 * (1 + math.cos(math.pi * done))


class CosineDecay(LearningRateSchedule):
    """Falls along half a cosine, perhaps after a linear rise.

    Args:
        initial_learning_rate: the rate of the first step.
        decay_steps: number of steps of the way down.
        alpha: share of the highest rate at the end, which stays.
        name: a name.
        warmup_target: the rate at the end of the rise; None for no rise.
        warmup_steps: number of steps of the rise, before the way down.

    Source:
        Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.

    Example:
        >>> decay = CosineDecay(0.0, decay_steps=100, warmup_target=0.1, warmup_steps=10)
        >>> [round(decay(step), 3) for step in (0, 5, 10, 60, 110)]
        [0.0, 0.05, 0.1, 0.05, 0.0]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        self.initial_learning_rate = checks.number(
            "initial_learning_rate", initial_learning_rate, 0
        )
        self.decay_steps = checks.number("decay_steps", decay_steps, 0, open_low=True)
        self.alpha = checks.number("alpha", alpha, 0)
        self.name = checks.string("name", name)
        self.warmup_target = (
            None if warmup_target is None else checks.number("warmup_target", warmup_target, 0)
        )
        self.warmup_steps = checks.number("warmup_steps", warmup_steps, 0)

    def __call__(self, step: int) -> float:
        first, top, rise = self.initial_learning_rate, self.warmup_target, self.warmup_steps
        if top is None:
            top, rise = first, 0.0
        if step < rise:
            return first + (top - first) * step / rise
        left = _left(min(1.0, (step - rise) / self.decay_steps))
        return top * ((1 - self.alpha) * left + self.alpha)


class CosineDecayRestarts(LearningRateSchedule):
    """Falls along half a cosine, jumps up again, and so on.

    Args:
        initial_learning_rate: the rate of the first step.
        first_decay_steps: number of steps of the first way down.
        t_mul: how much longer each way is than the one before, at least 1.
        m_mul: the share of its start at which the next way starts.
        alpha: share of the first rate to which the rate falls.
        name: a name.

    Source:
        Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.

    Example:
        >>> decay = CosineDecayRestarts(0.1, first_decay_steps=100, m_mul=0.5)
        >>> [round(decay(step), 3) for step in (0, 50, 100, 200, 300)]
        [0.1, 0.05, 0.05, 0.025, 0.025]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = checks.number(
            "initial_learning_rate", initial_learning_rate, 0
        )
        self.first_decay_steps = checks.number(
            "first_decay_steps", first_decay_steps, 0, open_low=True
        )
        self.t_mul = checks.number("t_mul", t_mul, 1)
        self.m_mul = checks.number("m_mul", m_mul, 0)
        self.alpha = checks.number("alpha", alpha, 0)
        self.name = checks.string("name", name)

    def __call__(self, step: int) -> float:
        restarts, way = 0.0, self.first_decay_steps
        gone: float = step
        if self.t_mul == 1:
            restarts, gone = divmod(gone, way)
        while gone >= way:
            restarts, gone, way = restarts + 1, gone - way, way * self.t_mul
        height = self.m_mul**restarts * _left(gone / way)
        return self.initial_learning_rate * ((1 - self.alpha) * height + self.alpha)

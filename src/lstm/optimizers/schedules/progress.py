"""Shares of a peak rate, as functions of the progress of training."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from lstm import checks
from lstm.configured import Configured

Schedule = Callable[[float], float]
"""The share of the peak learning rate, as a function of the progress in [0, 1]."""


def constant(progress: float, warmup: float = 0.0) -> float:
    """Return the share of the peak learning rate: a linear rise, then all of it.

    Args:
        progress: share of training that is done, in [0, 1].
        warmup: share of training spent on the rise, in [0, 1).

    Returns:
        A number in (0, 1].

    Example:
        >>> [constant(p, warmup=0.1) for p in (0.05, 0.1, 1.0)]
        [0.5, 1.0, 1.0]
    """
    checks.number("progress", progress, 0)
    checks.number("warmup", warmup, 0, 1, open_high=True)
    return max(progress / warmup, 1e-3) if progress < warmup else 1.0


def cosine(progress: float, warmup: float = 0.0, floor: float = 0.0) -> float:
    """Return the share of the peak learning rate: a linear rise, then half a cosine down.

    Args:
        progress: share of training that is done, in [0, 1].
        warmup: share of training spent on the rise, in [0, 1).
        floor: share of the peak at the end, in [0, 1].

    Returns:
        A number in [0, 1].

    Source:
        Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.

    Example:
        >>> [round(cosine(p, warmup=0.1, floor=0.1), 2) for p in (0.05, 0.1, 0.55, 1.0)]
        [0.5, 1.0, 0.55, 0.1]
    """
    rise = constant(progress, warmup)
    checks.number("floor", floor, 0, 1)
    if progress < warmup:
        return rise
    done = min(1.0, (progress - warmup) / (1 - warmup))
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done))


def one_cycle(progress: float, warmup: float = 0.3, start: float = 0.04) -> float:
    """Return the share of the peak learning rate: half a cosine up from `start`, another to 0.

    Args:
        progress: share of training that is done, in [0, 1].
        warmup: share of training spent on the rise, in [0, 1).
        start: share of the peak at the start, in (0, 1].

    Returns:
        A number in [0, 1].

    Source:
        Smith & Topin, "Super-convergence: very fast training of neural networks using large
        learning rates", 2019.

    Example:
        >>> [round(one_cycle(p), 2) for p in (0.0, 0.15, 0.3, 0.65, 1.0)]
        [0.04, 0.52, 1.0, 0.5, 0.0]
    """
    checks.number("start", start, 0, 1, open_low=True)
    fall = cosine(progress, warmup)
    if progress >= warmup:
        return fall
    return start + (1 - start) * 0.5 * (1 - math.cos(math.pi * progress / warmup))


class Plateau(Configured):
    """Reduces the learning rate when a loss has stopped falling.

    Args:
        patience: evaluations without improvement after which to reduce it.
        factor: the factor of each reduction, in (0, 1).
        minimum: lowest share of the peak.

    Attributes:
        share: the current share of the peak learning rate, in [minimum, 1].
        best: the lowest loss so far.
        waited: evaluations since then.

    Example:
        >>> plateau = Plateau(patience=2, factor=0.5)
        >>> [plateau.update(loss) for loss in (3.0, 2.0, 2.1, 2.0, 1.5)]
        [1.0, 1.0, 1.0, 0.5, 0.5]
    """

    state = ("share", "best", "waited")
    checked: ClassVar[Mapping[str, Any]] = {
        "share": partial(checks.number, low=0, high=1),
        "waited": partial(checks.int_at_least, minimum=0),
    }

    def __init__(self, patience: int = 2, factor: float = 0.5, minimum: float = 0.001) -> None:
        self.patience = checks.positive_int("patience", patience)
        self.factor = checks.number("factor", factor, 0, 1, open_low=True, open_high=True)
        self.minimum = checks.number("minimum", minimum, 0, 1)
        self.share, self.best, self.waited = 1.0, math.inf, 0

    def update(self, loss: float) -> float:
        """Record a loss, and return the share from now on."""
        if loss < self.best:
            self.best, self.waited = loss, 0
            return self.share
        self.waited += 1
        if self.waited >= self.patience:
            self.share, self.waited = max(self.minimum, self.share * self.factor), 0
        return self.share

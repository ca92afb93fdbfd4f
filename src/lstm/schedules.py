"""Schedules: the learning rate as a function of how far a training has come."""

import math

from lstm import checks


def cosine(progress: float, warmup: float = 0.0, floor: float = 0.0) -> float:
    """The share of the peak learning rate: a linear rise, then half a cosine down.

    Args:
        progress: how much of the training is done, in [0, 1].
        warmup: share of the training spent on the rise, in [0, 1).
        floor: share of the peak at the end, in [0, 1].

    Returns:
        A number in (0, 1].

    Source:
        Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.

    Example:
        >>> [round(cosine(p, warmup=0.1, floor=0.1), 2) for p in (0.05, 0.1, 0.55, 1.0)]
        [0.5, 1.0, 0.55, 0.1]
    """
    checks.number("progress", progress, 0)
    checks.number("warmup", warmup, 0, 1, open_high=True)
    checks.number("floor", floor, 0, 1)
    if progress < warmup:
        return max(progress / warmup, 1e-3)
    done = min(1.0, (progress - warmup) / (1 - warmup))
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done))

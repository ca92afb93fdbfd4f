"""Random: independent draws from one distribution, whatever the shape."""

from collections.abc import Sequence

import numpy as np

from lstm import checks
from lstm.initializers.base import Initializer, Values


def truncated(shape: Sequence[int], rng: np.random.Generator) -> Values:
    """Return draws from the standard normal distribution within ±2: others are drawn again."""
    drawn = rng.standard_normal(shape)
    while (beyond := np.abs(drawn) > 2).any():
        drawn[beyond] = rng.standard_normal(np.count_nonzero(beyond))
    return drawn


class RandomUniform(Initializer):
    """Uniform in [minval, maxval).

    Args:
        minval: the lower bound.
        maxval: the upper bound.
        seed: seed of its own generator, instead of the generator of `lstm.set_seed`.
    """

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None
    ) -> None:
        super().__init__(seed)
        self.minval = checks.number("minval", minval)
        self.maxval = checks.number("maxval", maxval, low=self.minval)

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        return rng.uniform(self.minval, self.maxval, shape)


class RandomNormal(Initializer):
    """Normal with the given mean and standard deviation.

    Args:
        mean: the mean.
        stddev: the standard deviation.
        seed: seed of its own generator, instead of the generator of `lstm.set_seed`.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean = checks.number("mean", mean)
        self.stddev = checks.number("stddev", stddev, low=0)

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        return rng.normal(self.mean, self.stddev, shape)


class TruncatedNormal(Initializer):
    """Normal; what is more than two standard deviations from the mean is drawn again.

    Args:
        mean: the mean.
        stddev: the standard deviation before anything is drawn again.
        seed: seed of its own generator, instead of the generator of `lstm.set_seed`.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean = checks.number("mean", mean)
        self.stddev = checks.number("stddev", stddev, low=0)

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        return self.mean + self.stddev * truncated(shape, rng)

"""Thresholds: biases that depend on the kernel beside them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidTypeError
from lstm.initializers.base import Initializer, Values


class Thresholds(Initializer):
    """For the bias of a layer: each unit is 0 at a different point, b = -Σ_d w_d·θ_d.

    w is the kernel of the layer and θ a point for each unit, uniform in [low, high) in all D
    directions. With a steep kernel, such as `RandomNormal(stddev=n)`, the units can distinguish
    inputs that differ by only 1 / n, for example if a number k / n stands for one of n classes.
    Ordinary units, which are all 0 at the origin, need thousands of steps to learn this.

    Args:
        low: lower bound of the inputs.
        high: upper bound of the inputs.
        seed: seed of its own generator, instead of the generator of `lstm.set_seed`.
    """

    _kernel: NDArray[Any] | None = None

    def __init__(self, low: float = 0.0, high: float = 1.0, seed: int | None = None) -> None:
        super().__init__(seed)
        self.low = checks.number("low", low)
        self.high = checks.number("high", high, low=self.low)

    def beside(self, weights: Mapping[str, NDArray[Any]]) -> Initializer:
        bound = Thresholds(self.low, self.high, self.seed)
        bound._kernel = weights.get("kernel")
        return bound

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        w = self._kernel
        if w is None:
            raise InvalidTypeError("Thresholds", "the bias of a layer with a kernel", "none")
        theta = rng.uniform(self.low, self.high, w.shape)
        b = np.zeros(shape)
        # A GRU has a second row, for the hidden state.
        b.reshape(-1, w.shape[-1])[0] = -(w * theta).reshape(-1, w.shape[-1]).sum(0)
        return b

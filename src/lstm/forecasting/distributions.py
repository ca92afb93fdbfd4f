"""Distributions of the values to forecast: what a network says about how sure it is.

A network returns a location and numbers that shape the distribution around it. Normal and Student's
distributions live on the scale of the network: with the logarithm, values are log-normal, and never
below 0. The negative binomial distribution is one of counts.

Source: Salinas, Flunkert, Gasthaus and Januschowski, 2020 (DeepAR).
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any, ClassVar

import numpy as np

from lstm import ops
from lstm.errors import MissingExtraError
from lstm.forecasting.panel import Values

LEAST = 1e-3
"""Of deviations, on the scale of the network, and of what makes counts spread."""


class Distribution(ABC):
    """A distribution of each value: outputs are (..., 1 + shapes), the location first.

    Attributes:
        shapes: how many positive numbers shape it.
        of_counts: whether the location is the mean of counts, not a number on the network's scale.
    """

    shapes: ClassVar[int] = 1
    of_counts: ClassVar[bool] = False

    @abstractmethod
    def loss(self, y_true: Any, y_pred: Any) -> Any:
        """Return the negative logarithm of the likelihood (B, h).

        Args:
            y_true: values, (B, h, 1).
            y_pred: outputs, (B, h, 1 + shapes).
        """

    @abstractmethod
    def quantiles(self, outputs: Values, levels: Sequence[float]) -> Values:
        """Return the quantiles (..., levels) of outputs (..., 1 + shapes)."""

    @abstractmethod
    def drawn(self, outputs: Values, rng: np.random.Generator) -> Values:
        """Return a value (...) for each of outputs (..., 1 + shapes)."""


class Normal(Distribution):
    """The normal distribution; the shape is its deviation."""

    def loss(self, y_true: Any, y_pred: Any) -> Any:
        """Return the negative logarithm of the likelihood (B, h)."""
        deviation = y_pred[..., 1] + LEAST
        error = (y_true[..., 0] - y_pred[..., 0]) / deviation
        return ops.log(deviation) + 0.5 * error * error + 0.5 * math.log(2 * math.pi)

    def quantiles(self, outputs: Values, levels: Sequence[float]) -> Values:
        """Return the quantiles (..., levels) of outputs (..., 2)."""
        off = np.array([NormalDist().inv_cdf(level) for level in levels])
        return outputs[..., :1] + (outputs[..., 1:] + LEAST) * off

    def drawn(self, outputs: Values, rng: np.random.Generator) -> Values:
        """Return a value (...) for each of outputs (..., 2)."""
        return rng.normal(outputs[..., 0], outputs[..., 1] + LEAST)


class StudentT(Distribution):
    """Student's t distribution, whose tails are heavy; shapes are its scale and its degrees of
    freedom, less 2.
    """

    shapes = 2

    def loss(self, y_true: Any, y_pred: Any) -> Any:
        """Return the negative logarithm of the likelihood (B, h)."""
        scale, freedom = y_pred[..., 1] + LEAST, y_pred[..., 2] + 2.0
        error = (y_true[..., 0] - y_pred[..., 0]) / scale
        tail = 0.5 * (freedom + 1.0) * ops.log1p(error * error / freedom)
        halves = log_gamma(0.5 * freedom) - log_gamma(0.5 * freedom + 0.5)
        return tail + halves + ops.log(scale) + 0.5 * (ops.log(freedom) + math.log(math.pi))

    def quantiles(self, outputs: Values, levels: Sequence[float]) -> Values:
        """Return the quantiles (..., levels) of outputs (..., 3)."""
        off = _scipy_special().stdtrit(outputs[..., 2:] + 2.0, np.asarray(levels))
        return outputs[..., :1] + (outputs[..., 1:2] + LEAST) * off

    def drawn(self, outputs: Values, rng: np.random.Generator) -> Values:
        """Return a value (...) for each of outputs (..., 3)."""
        off = rng.standard_t(outputs[..., 2] + 2.0)
        return outputs[..., 0] + (outputs[..., 1] + LEAST) * off


class NegativeBinomial(Distribution):
    """The negative binomial distribution of counts, with the variance mean + shape · mean²."""

    of_counts = True

    def loss(self, y_true: Any, y_pred: Any) -> Any:
        """Return the negative logarithm of the likelihood (B, h)."""
        y, mean = y_true[..., 0], y_pred[..., 0]
        spread = y_pred[..., 1] + LEAST
        size = 1.0 / spread
        ways = log_gamma(size) + log_gamma(y + 1.0) - log_gamma(y + size)
        return ways + (y + size) * ops.log1p(spread * mean) - y * ops.log(spread * mean)

    def quantiles(self, outputs: Values, levels: Sequence[float]) -> Values:
        """Return the quantiles (..., levels) of outputs (..., 2): the least count that suffices."""
        size = 1.0 / (outputs[..., 1:] + LEAST)
        share = size / (size + outputs[..., :1])  # Of failures, after which one stops counting.
        special, p = _scipy_special(), np.asarray(levels)
        count = np.ceil(special.nbdtrik(p, size, share) - 1e-6)
        # Below the probability of 0 there is no such number.
        none = np.isnan(count) & np.isfinite(share)
        return np.where(none, 0, np.maximum(count, 0))

    def drawn(self, outputs: Values, rng: np.random.Generator) -> Values:
        """Return a count (...) for each of outputs (..., 2)."""
        size = 1.0 / (outputs[..., 1] + LEAST)
        return rng.negative_binomial(size, size / (size + outputs[..., 0])).astype(np.float64)


DISTRIBUTIONS: dict[str, Distribution] = {
    "normal": Normal(),
    "student_t": StudentT(),
    "negative_binomial": NegativeBinomial(),
}


def log_gamma(x: Any) -> Any:
    """Return the logarithm of Γ(x), for x > 0, to seven digits.

    Stirling's series is exact enough from 6 on; Γ(x) = Γ(x + 6) / (x (x + 1) … (x + 5)).
    """
    steps = ops.log(x)
    for k in range(1, 6):
        steps = steps + ops.log(x + float(k))
    z = x + 6.0
    series = 1.0 / (12.0 * z) - 1.0 / (360.0 * z * z * z)
    return (z - 0.5) * ops.log(z) - z + 0.5 * math.log(2 * math.pi) + series - steps


def _scipy_special() -> Any:
    try:
        import scipy.special
    except ImportError as error:
        raise MissingExtraError("a quantile of this distribution", "distributions") from error
    return scipy.special

"""Correlation: whether outputs and targets rise and fall together."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.interface import spelled
from lstm.metrics.arrays import EPSILON, aligned, divided
from lstm.metrics.reductions import MeanMetricWrapper

Values = NDArray[Any]


@spelled
def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Values:
    """Return the covariance over both standard deviations, along an axis; 0 for a constant."""
    target, found = (part - part.mean(axis, keepdims=True) for part in aligned(y_true, y_pred))
    return divided((target * found).mean(axis), target.std(axis) * found.std(axis))


@spelled
def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Values:
    """Return 2·covariance / (var t + var y + (mean t - mean y)² + 1e-7), along an axis."""
    target, found = aligned(y_true, y_pred)
    apart = target.mean(axis) - found.mean(axis)
    together = (target - target.mean(axis, keepdims=True)) * (
        found - found.mean(axis, keepdims=True)
    )
    spread = target.var(axis) + found.var(axis) + apart**2
    return np.asarray(2 * together.mean(axis) / (spread + EPSILON))


class PearsonCorrelation(MeanMetricWrapper):
    """Mean of the correlation of outputs with targets, of each example along an axis.

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.
        axis: the axis along which they vary.

    Example:
        >>> from lstm.metrics import PearsonCorrelation
        >>> metric = PearsonCorrelation()
        >>> round(metric([[0, 1, 0.5], [1, 1, 0.2]], [[0.1, 0.9, 0.5], [1, 0.9, 0.2]]), 4)
        0.9967
    """

    rises = True

    def __init__(
        self, name: str = "pearson_correlation", dtype: str | None = None, axis: int = -1
    ) -> None:
        self.axis = checks.integer("axis", axis)
        super().__init__(pearson_correlation, name, dtype, axis=self.axis)


class ConcordanceCorrelation(MeanMetricWrapper):
    """Mean of the concordance of outputs with targets: 1 only if they are equal.

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.
        axis: the axis along which they vary.

    Source:
        Lin, "A concordance correlation coefficient to evaluate reproducibility", 1989.

    Example:
        >>> from lstm.metrics import ConcordanceCorrelation
        >>> metric = ConcordanceCorrelation()
        >>> round(metric([[0, 1, 0.5], [1, 1, 0.2]], [[0.1, 0.9, 0.5], [1, 0.9, 0.2]]), 4)
        0.9816
    """

    rises = True

    def __init__(
        self, name: str = "concordance_correlation", dtype: str | None = None, axis: int = -1
    ) -> None:
        self.axis = checks.integer("axis", axis)
        super().__init__(concordance_correlation, name, dtype, axis=self.axis)

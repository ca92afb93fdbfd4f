"""R²: the share of the variance of targets that outputs explain."""

from typing import Any

import numpy as np

from lstm import checks
from lstm.interface import warn
from lstm.metrics.arrays import aligned, rows, spread
from lstm.metrics.base import Metric
from lstm.metrics.variable import Variable

_AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


class R2Score(Metric):
    """1 - Σ (y - t)² / Σ (t - mean t)², of each output: 1 is the best, 0 that of the mean.

    Args:
        class_aggregation: None for an array with the score of each output; "uniform_average" for
            their mean, "variance_weighted_average" for their mean by the variance of the targets.
        num_regressors: the number of independent inputs, for the adjusted score; 0 for the plain
            one.
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Source:
        Wright, "Correlation and causation", 1921.

    Example:
        >>> from lstm.metrics import R2Score
        >>> round(R2Score()([[1], [4], [3]], [[2], [4], [4]]), 4)
        0.5714
    """

    rises = True

    num_samples: Variable
    squared_sum: Variable
    sum: Variable
    total_mse: Variable
    count: Variable

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str = "r2_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(dtype, name)
        self.class_aggregation = checks.one_of(
            "class_aggregation", class_aggregation, _AGGREGATIONS
        )
        self.num_regressors = checks.int_at_least("num_regressors", num_regressors, 0)
        self.num_samples = self.add_variable((), name="num_samples")
        self.squared_sum = self._open_variable("squared_sum")
        self.sum = self._open_variable("sum")
        self.total_mse = self._open_variable("residual")
        self.count = self._open_variable("count")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of targets and outputs (..., V), with a weight for each position or example.

        Raises:
            InvalidShapeError: they do not match each other.
        """
        target, found = aligned(y_true, y_pred)
        weights = np.ones(found.shape) if sample_weight is None else sample_weight
        weights = rows("y_pred", spread(weights, found.shape))
        target, found = rows("y_true", target), rows("y_pred", found)
        weighted = target * weights
        self.sum.assign_add(weighted.sum(0))
        self.squared_sum.assign_add((target * weighted).sum(0))
        self.total_mse.assign_add(((target - found) ** 2 * weights).sum(0))
        self.count.assign_add(weights.sum(0))
        self.num_samples.assign_add(np.count_nonzero(weights))

    def result(self) -> Any:
        """Return the score, or that of each output; NaN if targets do not vary."""
        with np.errstate(invalid="ignore", divide="ignore"):
            total = self.squared_sum - self.sum * (self.sum / self.count)
            scores = 1 - self.total_mse / total
            scores = np.where(np.isinf(scores), 0, scores)
            if self.class_aggregation == "uniform_average":
                scores = scores.mean()
            elif self.class_aggregation == "variance_weighted_average":
                scores = np.sum(total * scores) / np.sum(total)
        rest = float(self.num_samples) - self.num_regressors - 1
        if self.num_regressors and rest > 0:
            scores = 1 - (1 - scores) * (float(self.num_samples) - 1) / rest
        elif self.num_regressors:
            warn("R2Score: more regressors than samples; the plain score is reported")
        return float(scores) if np.ndim(scores) == 0 else scores

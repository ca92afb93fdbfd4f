"""F-scores: a mean of precision and recall, of each class."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.metrics.arrays import EPSILON, aligned, rows, spread
from lstm.metrics.base import Metric
from lstm.metrics.variable import Variable

Values = NDArray[Any]

_AVERAGES = (None, "micro", "macro", "weighted")


class FBetaScore(Metric):
    """(1 + β²)·P·R / (β²·P + R) of precision P and recall R, of each class.

    Args:
        average: None for an array with the score of each class; "macro" for their mean, "weighted"
            for their mean by the number of positives, "micro" for the score of all entries.
        beta: how much more recall counts than precision.
        threshold: what an output must be above to be positive, in (0, 1]; None: the largest of each
            row is.
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Source:
        van Rijsbergen, "Information retrieval", 1979.

    Example:
        >>> from lstm.metrics import FBetaScore
        >>> metric = FBetaScore(beta=2.0, threshold=0.5)
        >>> y_true = [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
        >>> metric(y_true, [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]).round(4)
        array([0.3846, 0.9091, 0.8333])
    """

    rises = True

    true_positives: Variable
    false_positives: Variable
    false_negatives: Variable

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str = "fbeta_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(dtype, name)
        self.average = checks.one_of("average", average, _AVERAGES)
        self.beta = checks.number("beta", beta, 0, open_low=True)
        self.threshold = (
            None
            if threshold is None
            else checks.number("threshold", threshold, 0, 1, open_low=True)
        )
        self.true_positives = self._open_variable("true_positives")
        self.false_positives = self._open_variable("false_positives")
        self.false_negatives = self._open_variable("false_negatives")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of targets and outputs (..., V), with a weight for each position or example.

        Raises:
            InvalidShapeError: they do not match each other.
        """
        target, found = (
            rows(f"y_{kind}", part)
            for kind, part in zip(("true", "pred"), aligned(y_true, y_pred), strict=True)
        )
        if self.threshold is None:
            chosen = (found >= found.max(-1, keepdims=True)) & (np.abs(found) > 1e-9)
        else:
            chosen = found > self.threshold
        weights = np.ones((len(found), 1))
        if sample_weight is not None:
            weights = spread(sample_weight, np.shape(y_pred)[:-1]).reshape(-1, 1)
        axis = None if self.average == "micro" else 0
        self.true_positives.assign_add((chosen * target * weights).sum(axis))
        self.false_positives.assign_add((chosen * (1 - target) * weights).sum(axis))
        self.false_negatives.assign_add((~chosen * target * weights).sum(axis))

    def result(self) -> Any:
        """Return the score, or that of each class."""
        positives = self.true_positives + self.false_negatives
        precision = self.true_positives / (self.true_positives + self.false_positives + EPSILON)
        recall = self.true_positives / (positives + EPSILON)
        beta = self.beta**2
        scores = (1 + beta) * precision * recall / (beta * precision + recall + EPSILON)
        if self.average == "weighted":
            return float((scores * positives).sum() / (positives.sum() + EPSILON))
        return scores if self.average is None else float(np.mean(scores))


class F1Score(FBetaScore):
    """2·P·R / (P + R), the harmonic mean of precision P and recall R, of each class.

    Args:
        average: as for `FBetaScore`.
        threshold: as for `FBetaScore`.
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Example:
        >>> from lstm.metrics import F1Score
        >>> metric = F1Score(threshold=0.5)
        >>> y_true = [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
        >>> metric(y_true, [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]).round(4)
        array([0.5   , 0.8   , 0.6667])
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str = "f1_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)

"""AUC: the area under a curve of two rates, over all thresholds."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.metrics.arrays import EPSILON, divided, rows
from lstm.metrics.confusion import Counting, counts

Values = NDArray[Any]

_CURVES = {"ROC": "ROC", "roc": "ROC", "PR": "PR", "pr": "PR", "PRGAIN": "PRGAIN"}
_METHODS = ("interpolation", "majoring", "minoring")


class AUC(Counting):
    """Area under the curve of the outputs' rates at all thresholds.

    "ROC" is the share of positives found against that of negatives taken for positives: the
    probability that a positive output is above a negative one. "PR" is precision against recall,
    interpolated between thresholds as by Davis & Goadrich. "PRGAIN" is precision gain against
    recall gain.

    Args:
        num_thresholds: how many thresholds divide [0, 1]; at least 2.
        curve: "ROC", "PR" or "PRGAIN".
        summation_method: "interpolation", or "majoring" or "minoring": the height of the area
            between two thresholds is the mean, the higher or the lower of the two there.
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.
        thresholds: the thresholds within [0, 1] instead of `num_thresholds`.
        multi_label: the mean of the areas of all labels of outputs (B, L), instead of one area of
            all entries.
        num_labels: the number of labels, with `multi_label`.
        label_weights: a weight for each label: of its area, or of its entries.
        from_logits: whether outputs are logits, whose sigmoid counts.

    Source:
        Davis & Goadrich, "The relationship between precision-recall and ROC curves", 2006; Flach &
        Kull, "Precision-recall-gain curves", 2015.

    Example:
        >>> from lstm.metrics import AUC
        >>> metric = AUC(num_thresholds=3)
        >>> metric.update_state([0, 0, 1, 1], [0, 0.5, 0.3, 0.9])
        >>> metric.result()
        0.75
    """

    rises = True

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: str | None = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(dtype, name)
        count = checks.int_at_least("num_thresholds", num_thresholds, 2)
        between = np.linspace(0, 1, count)[1:-1].tolist()
        if thresholds is not None:
            between = sorted(_numbers("thresholds", thresholds, 1))
        self.num_thresholds = len(between) + 2
        self.thresholds = None if thresholds is None else between
        self.curve = _CURVES[checks.one_of("curve", curve, _CURVES)]
        self.summation_method = checks.one_of("summation_method", summation_method, _METHODS)
        self.multi_label = checks.boolean("multi_label", multi_label)
        if num_labels is not None and not self.multi_label:
            raise InvalidValueError("num_labels", "None without multi_label", num_labels)
        labels = None if num_labels is None else checks.positive_int("num_labels", num_labels)
        self.num_labels = labels
        self.label_weights = (
            None if label_weights is None else _numbers("label_weights", label_weights)
        )
        self.from_logits = checks.boolean("from_logits", from_logits)
        # At the first threshold everything is positive, at the last nothing.
        self._at = np.array([-EPSILON, *between, 1 + EPSILON])
        evenly = np.allclose(self._at, np.linspace(0, 1, len(self._at)), atol=2 * EPSILON)
        self._limited = thresholds is None or evenly
        for kind in self.counted:
            several, one = self._open_variable, partial(self.add_variable, (len(self._at),))
            setattr(self, kind, (several if self.multi_label else one)(name=kind))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of targets and outputs, with a weight for each entry, position or example.

        Raises:
            InvalidShapeError: targets, weights or labels do not match the outputs.
        """
        target, found, weights = self._entries(y_true, y_pred, sample_weight)
        if self.from_logits:
            found = 0.5 + np.tanh(found / 2) / 2
        if self._limited:
            found = np.clip(found, 0, 1)
        if self.multi_label:
            self._add_labels(rows("y_true", target), rows("y_pred", found), weights)
            return
        if self.label_weights is not None:
            self._check_labels(found.shape[-1])
            of_labels = np.broadcast_to(self.label_weights, found.shape)
            weights = of_labels if weights is None else weights * of_labels
        flat = None if weights is None else weights.ravel()
        self._add(counts(target.ravel(), found.ravel(), self._at, flat))

    def _add_labels(self, target: Values, found: Values, weights: Values | None) -> None:
        self._check_labels(found.shape[1])
        flat = None if weights is None else rows("sample_weight", weights)
        columns = [
            counts(target[:, k], found[:, k], self._at, None if flat is None else flat[:, k])
            for k in range(found.shape[1])
        ]
        self._add([np.stack(parts, axis=1) for parts in zip(*columns, strict=True)])

    def _check_labels(self, size: int) -> None:
        """Refuse outputs of another number of labels than was announced."""
        weighted = None if self.label_weights is None else len(self.label_weights)
        for expected in (self.num_labels, weighted):
            if expected not in (None, size):
                raise InvalidShapeError("y_pred", f"{expected} labels", size)

    def result(self) -> float:
        """Return the area; of several labels, the mean of their areas."""
        if not self.true_positives.ndim:  # Nothing was added.
            return 0.0
        areas = self._areas().sum(0)
        if not self.multi_label:
            return float(areas)
        if self.label_weights is None:
            return float(areas.mean())
        return float(divided((areas * self.label_weights).sum(), sum(self.label_weights)))

    def _areas(self) -> Values:
        """Return the area between each threshold and the next, (K - 1) or (K - 1, L)."""
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._interpolated_precision()
        x, y = self._rates()
        match self.summation_method:
            case "interpolation":
                heights = (y[:-1] + y[1:]) / 2
            case "majoring":
                heights = np.maximum(y[:-1], y[1:])
            case _:
                heights = np.minimum(y[:-1], y[1:])
        return (x[:-1] - x[1:]) * heights

    def _rates(self) -> tuple[Values, Values]:
        """Return the two rates of the curve at each threshold."""
        if self.curve == "ROC":
            negatives = self.false_positives + self.true_negatives
            return divided(self.false_positives, negatives), self._recall()
        if self.curve == "PR":
            return self._recall(), self._precision()
        tp = self.true_positives.value
        scale = divided(tp + self.false_negatives, self.true_negatives + self.false_positives)
        recall = 1 - scale * divided(self.false_negatives, tp)
        precision = 1 - scale * divided(self.false_positives, tp)
        return np.maximum(np.where(tp == 0, 0, recall), 0), np.where(tp == 0, 1, precision)

    def _interpolated_precision(self) -> Values:
        """Return the areas under the curve of precision, on which FP is linear in TP.

        With P = TP + FP, and between two thresholds TP = s·P + c, the area is
        s·(ΔTP + c·log(P₁ / P₂)) / (TP + FN).
        """
        tp = self.true_positives.value
        predicted = tp + self.false_positives.value
        found = tp[:-1] - tp[1:]
        slope = divided(found, np.maximum(predicted[:-1] - predicted[1:], 0))
        intercept = tp[1:] - slope * predicted[1:]
        both = (predicted[:-1] > 0) & (predicted[1:] > 0)
        ratio = np.where(both, divided(predicted[:-1], predicted[1:]), 1)
        positive = tp[1:] + self.false_negatives.value[1:]
        return divided(slope * (found + intercept * np.log(ratio)), positive)


def _numbers(argument: str, values: Any, high: float = np.inf) -> list[float]:
    """Return a list of numbers from 0 to `high`."""
    given = checks.sequence(argument, values, "a list of numbers")
    return [checks.number(argument, value, 0, high) for value in given]

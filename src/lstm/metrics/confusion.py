"""Confusion: how often outputs above a threshold are right; what follows from these counts."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidShapeError
from lstm.metrics.arrays import aligned, divided, spread
from lstm.metrics.base import Metric
from lstm.metrics.variable import Variable

Values = NDArray[Any]
Thresholds = float | Sequence[float] | None

_EVERY = -1e10
"""A threshold that all outputs are above, except those that `top_k` leaves out."""


def counts(
    y_true: Values, y_pred: Values, thresholds: Values, weights: Values | None
) -> tuple[Values, Values, Values, Values]:
    """Return true and false positives, true and false negatives at each threshold.

    Args:
        y_true: whether each entry is positive, (N): other numbers than 0 are.
        y_pred: outputs (N), positive above a threshold.
        thresholds: the thresholds (K).
        weights: weight of each entry (N).

    Returns:
        Four arrays (K).
    """
    order = np.argsort(thresholds, kind="stable")
    # The number of thresholds below each output, in the precision of the outputs.
    below = np.searchsorted(thresholds[order].astype(y_pred.dtype), y_pred)
    found = []
    for side in (y_true != 0, y_true == 0):
        weight = None if weights is None else weights[side]
        each = np.bincount(below[side], weight, len(thresholds) + 1)
        positive = np.empty(len(thresholds))
        positive[order] = each[::-1].cumsum()[-2::-1]
        found.append((positive, each.sum() - positive))
    (tp, fn), (fp, tn) = found
    return tp, fp, tn, fn


class Counting(Metric):
    """Base of the metrics that count which outputs are above thresholds, and rightly so."""

    class_id: int | None = None
    top_k: int | None = None

    true_positives: Variable
    false_positives: Variable
    true_negatives: Variable
    false_negatives: Variable

    counted: ClassVar[tuple[str, ...]] = (
        "true_positives",
        "false_positives",
        "true_negatives",
        "false_negatives",
    )
    """The names of its variables."""

    def _count_at(self, thresholds: Sequence[float]) -> None:
        """Make the variables that count at these thresholds."""
        self._at = np.array(thresholds, np.float64)
        evenly = np.linspace(0, 1, len(self._at))
        self._limited = len(self._at) > 2 and np.allclose(self._at, evenly, atol=1e-7)
        for name in self.counted:
            setattr(self, name, self.add_variable((len(self._at),), name=name))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of targets and outputs, with a weight for each entry, position or example.

        Raises:
            InvalidShapeError: targets or weights do not match the outputs.
        """
        target, found, weights = self._entries(y_true, y_pred, sample_weight)
        if self._limited:  # Thresholds that divide [0, 1] are those of probabilities.
            found = np.clip(found, 0, 1)
        flat = None if weights is None else weights.ravel()
        self._add(counts(target.ravel(), found.ravel(), self._at, flat))

    def _add(self, found: Sequence[Values]) -> None:
        """Add true and false positives, true and false negatives."""
        for name, values in zip(Counting.counted, found, strict=True):
            if name in self.counted:
                getattr(self, name).assign_add(values)

    def _entries(
        self, y_true: Any, y_pred: Any, sample_weight: Any
    ) -> tuple[Values, Values, Values | None]:
        """Return targets, outputs and weights of the entries that count, in the same shape."""
        target, found = aligned(y_true, y_pred)
        weights = None if sample_weight is None else spread(sample_weight, found.shape)
        if self.top_k is not None:
            found = _largest(found, self.top_k)
        if self.class_id is not None:
            if found.ndim < 2:
                expected = "axes (B, ..., V), because class_id is given"
                raise InvalidShapeError("y_pred", expected, f"shape {found.shape}")
            class_id = checks.int_at_least("class_id", self.class_id, 0)
            if class_id >= found.shape[-1]:
                expected = f"more than {class_id} outputs, because of class_id"
                raise InvalidShapeError("y_pred", expected, f"shape {found.shape}")
            target, found = target[..., class_id], found[..., class_id]
            weights = None if weights is None else weights[..., class_id]
        return target, found, weights

    def _precision(self) -> Values:
        return divided(self.true_positives, self.true_positives + self.false_positives)

    def _recall(self) -> Values:
        return divided(self.true_positives, self.true_positives + self.false_negatives)

    def _specificity(self) -> Values:
        return divided(self.true_negatives, self.true_negatives + self.false_positives)


def _largest(found: Values, k: int) -> Values:
    """Return outputs (..., V), with all but the k largest below every threshold."""
    order = np.argsort(-found, axis=-1, kind="stable")[..., k:]
    kept = found.copy()
    np.put_along_axis(kept, order, _EVERY, -1)
    return kept


def checked_thresholds(thresholds: Thresholds) -> Thresholds:
    """Return one or several thresholds, each in [0, 1].

    Raises:
        InvalidValueError: one of them is not.
    """
    if thresholds is None:
        return None
    if isinstance(thresholds, list | tuple | np.ndarray):
        return [checks.number("thresholds", value, 0, 1) for value in thresholds]
    return checks.number("thresholds", thresholds, 0, 1)


class _AtThresholds(Counting):
    """Base of what is counted at one or several thresholds."""

    def __init__(
        self,
        thresholds: Thresholds = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(dtype, name)
        self.top_k = None if top_k is None else checks.positive_int("top_k", top_k)
        self.class_id = None if class_id is None else checks.int_at_least("class_id", class_id, 0)
        self.thresholds = checked_thresholds(thresholds)
        usual = 0.5 if top_k is None else _EVERY
        given = usual if self.thresholds is None else self.thresholds
        self._count_at(np.atleast_1d(given).tolist())

    def _shown(self, values: Any) -> Any:
        """Return one number, or an array if there are several thresholds."""
        found = np.asarray(values)
        return float(found[0]) if len(found) == 1 else found.copy()


class _Count(_AtThresholds):
    """Base of the metrics that are a count."""

    def __init__(
        self, thresholds: Thresholds = None, name: str | None = None, dtype: str | None = None
    ) -> None:
        super().__init__(thresholds, name=name, dtype=dtype)

    def result(self) -> Any:
        """Return the count; an array if there are several thresholds."""
        return self._shown(getattr(self, self.counted[0]))


class TruePositives(_Count):
    """Number of entries above the threshold whose target is positive, or the sum of their weights.

    Args:
        thresholds: one or several numbers in [0, 1]; 1/2 by default.
        name: the key under which it is reported.
        dtype: the dtype of its variable; float64 by default.

    Example:
        >>> from lstm.metrics import TruePositives
        >>> TruePositives()([0, 1, 1, 1], [0.0, 1.0, 0.0, 1.0])
        2.0
    """

    rises = True
    counted = ("true_positives",)


class FalsePositives(_Count):
    """Number of entries above the threshold whose target is 0, or the sum of their weights.

    Args:
        thresholds: one or several numbers in [0, 1]; 1/2 by default.
        name: the key under which it is reported.
        dtype: the dtype of its variable; float64 by default.

    Example:
        >>> from lstm.metrics import FalsePositives
        >>> FalsePositives()([0, 1, 0, 0], [0.0, 0.0, 1.0, 1.0])
        2.0
    """

    rises = False
    counted = ("false_positives",)


class TrueNegatives(_Count):
    """Number of entries not above the threshold whose target is 0, or the sum of their weights.

    Args:
        thresholds: one or several numbers in [0, 1]; 1/2 by default.
        name: the key under which it is reported.
        dtype: the dtype of its variable; float64 by default.

    Example:
        >>> from lstm.metrics import TrueNegatives
        >>> TrueNegatives()([0, 1, 0, 0], [1.0, 1.0, 0.0, 0.0])
        2.0
    """

    rises = True
    counted = ("true_negatives",)


class FalseNegatives(_Count):
    """Number of entries not above the threshold whose target is positive, or their weights' sum.

    Args:
        thresholds: one or several numbers in [0, 1]; 1/2 by default.
        name: the key under which it is reported.
        dtype: the dtype of its variable; float64 by default.

    Example:
        >>> from lstm.metrics import FalseNegatives
        >>> FalseNegatives()([0, 1, 1, 1], [0.0, 1.0, 0.0, 0.0])
        2.0
    """

    rises = False
    counted = ("false_negatives",)


class Precision(_AtThresholds):
    """Share of true ones among the entries above the threshold: TP / (TP + FP).

    Args:
        thresholds: one or several numbers in [0, 1]; 1/2 by default, none with `top_k`.
        top_k: count only the k largest outputs of each row as positive.
        class_id: count only this class.
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Example:
        >>> from lstm.metrics import Precision
        >>> Precision()([0, 1, 1, 1], [1.0, 0.0, 1.0, 1.0])
        0.6666666666666666
    """

    rises = True
    counted = ("true_positives", "false_positives")

    def result(self) -> Any:
        """Return the precision; an array if there are several thresholds."""
        return self._shown(self._precision())


class Recall(_AtThresholds):
    """Share of the positive entries that are above the threshold: TP / (TP + FN).

    Args:
        thresholds: one or several numbers in [0, 1]; 1/2 by default, none with `top_k`.
        top_k: count only the k largest outputs of each row as positive.
        class_id: count only this class.
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Example:
        >>> from lstm.metrics import Recall
        >>> Recall()([0, 1, 1, 1], [1.0, 0.0, 1.0, 1.0])
        0.6666666666666666
    """

    rises = True
    counted = ("true_positives", "false_negatives")

    def result(self) -> Any:
        """Return the recall; an array if there are several thresholds."""
        return self._shown(self._recall())

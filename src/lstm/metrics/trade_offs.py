"""Trade-offs: the best of one rate at the thresholds at which another is high enough."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.metrics.confusion import Counting

Values = NDArray[Any]


class _AtRate(Counting):
    """Base of the trade-offs."""

    rises = True

    def __init__(
        self,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(dtype, name)
        self.num_thresholds = checks.positive_int("num_thresholds", num_thresholds)
        self.class_id = None if class_id is None else checks.int_at_least("class_id", class_id, 0)
        several = self.num_thresholds > 1
        self._count_at(np.linspace(0, 1, self.num_thresholds).tolist() if several else [0.5])

    def _best(self, rates: Values, needed: Values, least: float) -> float:
        return float(np.max(rates, where=needed >= least, initial=0.0))


class SensitivityAtSpecificity(_AtRate):
    """The highest sensitivity, TP / (TP + FN), where TN / (TN + FP) is at least `specificity`.

    Args:
        specificity: in [0, 1].
        num_thresholds: how many thresholds divide [0, 1].
        class_id: count only this class.
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Example:
        >>> from lstm.metrics import SensitivityAtSpecificity
        >>> SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
        0.5
    """

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        self.specificity = checks.number("specificity", specificity, 0, 1)
        super().__init__(num_thresholds, class_id, name, dtype)

    def result(self) -> float:
        """Return the sensitivity; 0 if no threshold has that specificity."""
        return self._best(self._recall(), self._specificity(), self.specificity)


class SpecificityAtSensitivity(_AtRate):
    """The highest specificity, TN / (TN + FP), where TP / (TP + FN) is at least `sensitivity`.

    Args:
        sensitivity: in [0, 1].
        num_thresholds: how many thresholds divide [0, 1].
        class_id: count only this class.
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Example:
        >>> from lstm.metrics import SpecificityAtSensitivity
        >>> SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
        0.6666666666666666
    """

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        self.sensitivity = checks.number("sensitivity", sensitivity, 0, 1)
        super().__init__(num_thresholds, class_id, name, dtype)

    def result(self) -> float:
        """Return the specificity; 0 if no threshold has that sensitivity."""
        return self._best(self._specificity(), self._recall(), self.sensitivity)


class PrecisionAtRecall(_AtRate):
    """The highest precision, TP / (TP + FP), where TP / (TP + FN) is at least `recall`.

    Args:
        recall: in [0, 1].
        num_thresholds: how many thresholds divide [0, 1].
        class_id: count only this class.
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Example:
        >>> from lstm.metrics import PrecisionAtRecall
        >>> PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
        0.5
    """

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        self.recall = checks.number("recall", recall, 0, 1)
        super().__init__(num_thresholds, class_id, name, dtype)

    def result(self) -> float:
        """Return the precision; 0 if no threshold has that recall."""
        return self._best(self._precision(), self._recall(), self.recall)


class RecallAtPrecision(_AtRate):
    """The highest recall, TP / (TP + FN), where TP / (TP + FP) is at least `precision`.

    Args:
        precision: in [0, 1].
        num_thresholds: how many thresholds divide [0, 1].
        class_id: count only this class.
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Example:
        >>> from lstm.metrics import RecallAtPrecision
        >>> RecallAtPrecision(0.8)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9])
        0.5
    """

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        self.precision = checks.number("precision", precision, 0, 1)
        super().__init__(num_thresholds, class_id, name, dtype)

    def result(self) -> float:
        """Return the recall; 0 if no threshold has that precision."""
        return self._best(self._recall(), self._precision(), self.precision)

"""Regression: how far outputs are from targets."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.interface import spelled
from lstm.metrics.arrays import EPSILON, aligned, divided, mean_of
from lstm.metrics.reductions import Average, MeanMetricWrapper

Values = NDArray[Any]


@spelled
def mean_squared_error(y_true: Any, y_pred: Any) -> Values:
    """Return (y - t)², its mean over the last axis."""
    target, found = aligned(y_true, y_pred)
    return mean_of((found - target) ** 2)


@spelled
def mean_absolute_error(y_true: Any, y_pred: Any) -> Values:
    """Return `|y - t|`, its mean over the last axis."""
    target, found = aligned(y_true, y_pred)
    return mean_of(np.abs(found - target))


@spelled
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Values:
    """Return `100·|y - t| / max(|t|, 1e-7)`, its mean over the last axis."""
    target, found = aligned(y_true, y_pred)
    return 100 * mean_of(np.abs(found - target) / np.maximum(np.abs(target), EPSILON))


@spelled
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Values:
    """Return (log(1 + y) - log(1 + t))², its mean over the last axis; both are at least 1e-7."""
    target, found = (np.log1p(np.maximum(part, EPSILON)) for part in aligned(y_true, y_pred))
    return mean_of((found - target) ** 2)


@spelled
def log_cosh(y_true: Any, y_pred: Any) -> Values:
    """Return log cosh(y - t), its mean over the last axis."""
    target, found = aligned(y_true, y_pred)
    size = np.abs(found - target)
    return mean_of(size + np.log1p(np.exp(-2 * size)) - np.log(2))


@spelled
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Values:
    """Return the cosine of the angle between outputs and targets along an axis; 0 for zeros."""
    target, found = aligned(y_true, y_pred)
    lengths = np.linalg.norm(target, axis=axis) * np.linalg.norm(found, axis=axis)
    return divided((target * found).sum(axis), lengths).astype(found.dtype)


class MeanSquaredError(MeanMetricWrapper):
    """Mean of (y - t)².

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Example:
        >>> from lstm.metrics import MeanSquaredError
        >>> MeanSquaredError()([[0, 1], [0, 0]], [[1, 1], [0, 0]])
        0.25
    """

    rises = False

    def __init__(self, name: str = "mean_squared_error", dtype: str | None = None) -> None:
        super().__init__(mean_squared_error, name, dtype)


class RootMeanSquaredError(Average):
    """Square root of the mean of (y - t)², over all batches.

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Example:
        >>> from lstm.metrics import RootMeanSquaredError
        >>> RootMeanSquaredError()([[0, 1], [0, 0]], [[1, 1], [0, 0]])
        0.5
    """

    rises = False

    def __init__(self, name: str = "root_mean_squared_error", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of targets and outputs, with a weight for each position or example."""
        target, found = aligned(y_true, y_pred)
        self._include((found - target) ** 2, sample_weight)

    def result(self) -> float:
        """Return the root of the mean so far."""
        return float(np.sqrt(super().result()))


class MeanAbsoluteError(MeanMetricWrapper):
    """Mean of `|y - t|`.

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Example:
        >>> from lstm.metrics import MeanAbsoluteError
        >>> MeanAbsoluteError()([[0, 1], [0, 0]], [[3, 1], [0, 0]])
        0.75
    """

    rises = False

    def __init__(self, name: str = "mean_absolute_error", dtype: str | None = None) -> None:
        super().__init__(mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(MeanMetricWrapper):
    """Mean of `100·|y - t| / |t|`, in percent.

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Example:
        >>> from lstm.metrics import MeanAbsolutePercentageError
        >>> MeanAbsolutePercentageError()([[2.0], [4.0]], [[3.0], [4.0]])
        25.0
    """

    rises = False

    def __init__(
        self, name: str = "mean_absolute_percentage_error", dtype: str | None = None
    ) -> None:
        super().__init__(mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """Mean of (log(1 + y) - log(1 + t))².

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Example:
        >>> from lstm.metrics import MeanSquaredLogarithmicError
        >>> round(MeanSquaredLogarithmicError()([[0, 1], [0, 0]], [[1, 1], [0, 0]]), 4)
        0.1201
    """

    rises = False

    def __init__(
        self, name: str = "mean_squared_logarithmic_error", dtype: str | None = None
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, name, dtype)


class LogCoshError(MeanMetricWrapper):
    """Mean of log cosh(y - t).

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Example:
        >>> from lstm.metrics import LogCoshError
        >>> round(LogCoshError()([[0, 1], [0, 0]], [[1, 1], [0, 0]]), 4)
        0.1084
    """

    rises = False

    def __init__(self, name: str = "logcosh", dtype: str | None = None) -> None:
        super().__init__(log_cosh, name, dtype)


class CosineSimilarity(MeanMetricWrapper):
    """Mean cosine of the angle between outputs and targets: 1 if they point the same way.

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.
        axis: the axis along which they are vectors.

    Example:
        >>> from lstm.metrics import CosineSimilarity
        >>> CosineSimilarity()([[0.0, 1.0], [1.0, 0.0]], [[0.0, 2.0], [0.0, 3.0]])
        0.5
    """

    rises = True

    def __init__(
        self, name: str = "cosine_similarity", dtype: str | None = None, axis: int = -1
    ) -> None:
        self.axis = checks.integer("axis", axis)
        super().__init__(cosine_similarity, name, dtype, axis=self.axis)

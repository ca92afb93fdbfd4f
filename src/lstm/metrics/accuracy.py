"""Accuracy: how many answers are right."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.interface import spelled
from lstm.metrics.arrays import aligned, classes, outputs
from lstm.metrics.reductions import MeanMetricWrapper

Values = NDArray[Any]


@spelled
def accuracy(y_true: Any, y_pred: Any) -> Values:
    """Return 1 where outputs equal targets, else 0; in the shape of the outputs."""
    target, found = aligned(y_true, y_pred)
    return np.asarray(target == found, found.dtype)


@spelled
def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Values:
    """Return 1 where an output is above the threshold and the target 1, or neither; else 0."""
    target, found = aligned(y_true, y_pred)
    return np.asarray((found > threshold) == target, found.dtype)


@spelled
def categorical_accuracy(y_true: Any, y_pred: Any) -> Values:
    """Return 1 where the largest output (..., V) is the right class, else 0.

    Targets are one-hot rows (..., V), or classes (...) or (..., 1).
    """
    found = outputs(y_pred)
    return np.asarray(found.argmax(-1) == classes(y_true, found), found.dtype)


@spelled
def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Values:
    """Return 1 where the largest output (..., V) is the right class (...), else 0."""
    return categorical_accuracy(y_true, y_pred)


@spelled
def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Values:
    """Return 1 where the right class is among the k largest outputs (..., V), else 0.

    Equal outputs share a place. Targets are as for `categorical_accuracy`.
    """
    found = outputs(y_pred)
    right, last = classes(y_true, found), found.shape[-1]
    checks.index_range("y_true", right, last)
    at = np.take_along_axis(found, right[..., None].astype(np.int64), -1)[..., 0]
    lowest = np.partition(found, max(0, last - k), -1)[..., max(0, last - k)]
    return np.asarray(at >= lowest, found.dtype)


@spelled
def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> Values:
    """Return 1 where the right class (...) is among the k largest outputs (..., V), else 0.

    Args:
        y_true: classes (...) or (..., 1).
        y_pred: outputs; or classes in the order of their outputs, if `from_sorted_ids`.
        k: how many of them count.
        from_sorted_ids: whether `y_pred` are classes.
    """
    if not from_sorted_ids:
        return top_k_categorical_accuracy(y_true, y_pred, k)
    found = outputs(y_pred)
    right = classes(y_true, found)
    return np.asarray((found[..., :k] == right[..., None]).any(-1), found.dtype)


@spelled
def matching_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Values:
    """Return what "accuracy" is: of entries if each row has one output, else of classes."""
    found = outputs(y_pred)
    if found.ndim == 1 or found.shape[-1] == 1:
        return binary_accuracy(y_true, found, threshold)
    return categorical_accuracy(y_true, found)


class Accuracy(MeanMetricWrapper):
    """Share of outputs that equal the targets. (The name "accuracy" chooses the fitting kind.)

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Example:
        >>> from lstm.metrics import Accuracy
        >>> Accuracy()([[1], [2], [3], [4]], [[0], [2], [3], [4]])
        0.75
    """

    rises = True

    def __init__(self, name: str = "accuracy", dtype: str | None = None) -> None:
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """Share of entries that are above `threshold` where the target is 1, and not where it is 0.

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.
        threshold: 1/2 for probabilities, 0 for logits.

    Example:
        >>> from lstm.metrics import BinaryAccuracy
        >>> BinaryAccuracy()([[1], [1], [0], [0]], [[0.98], [1], [0], [0.6]])
        0.75
    """

    rises = True

    def __init__(
        self, name: str = "binary_accuracy", dtype: str | None = None, threshold: float = 0.5
    ) -> None:
        self.threshold = checks.number("threshold", threshold)
        super().__init__(binary_accuracy, name, dtype, threshold=self.threshold)


class CategoricalAccuracy(MeanMetricWrapper):
    """Share of positions at which the largest output is the right class.

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Example:
        >>> from lstm.metrics import CategoricalAccuracy
        >>> CategoricalAccuracy()([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]])
        0.5
    """

    rises = True

    def __init__(self, name: str = "categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """Share of positions at which the largest output is the right class, given as an integer.

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Example:
        >>> from lstm.metrics import SparseCategoricalAccuracy
        >>> SparseCategoricalAccuracy()([2, 1], [[0.1, 0.6, 0.3], [0.05, 0.95, 0]])
        0.5
    """

    rises = True

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """Share of positions at which the right class is among the k largest outputs.

    Args:
        k: how many outputs count.
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Example:
        >>> from lstm.metrics import TopKCategoricalAccuracy
        >>> TopKCategoricalAccuracy(k=2)([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.5, 0.1, 0.4]])
        0.5
    """

    rises = True

    def __init__(
        self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: str | None = None
    ) -> None:
        self.k = checks.positive_int("k", k)
        super().__init__(top_k_categorical_accuracy, name, dtype, k=self.k)


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """Share of positions at which the right class, an integer, is among the k largest outputs.

    Args:
        k: how many outputs count.
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.
        from_sorted_ids: whether outputs are classes instead, the most probable first.

    Example:
        >>> from lstm.metrics import SparseTopKCategoricalAccuracy
        >>> SparseTopKCategoricalAccuracy(k=2)([2, 1], [[0.1, 0.9, 0.8], [0.5, 0.1, 0.4]])
        0.5
    """

    rises = True

    def __init__(
        self,
        k: int = 5,
        name: str = "sparse_top_k_categorical_accuracy",
        dtype: str | None = None,
        from_sorted_ids: bool = False,
    ) -> None:
        self.k = checks.positive_int("k", k)
        self.from_sorted_ids = checks.boolean("from_sorted_ids", from_sorted_ids)
        options: dict[str, Any] = {"k": self.k, "from_sorted_ids": self.from_sorted_ids}
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, **options)

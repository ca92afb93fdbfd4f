"""Margin: how far outputs are from the right side of a margin."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.interface import spelled
from lstm.metrics.arrays import aligned, mean_of
from lstm.metrics.reductions import MeanMetricWrapper

Values = NDArray[Any]


@spelled
def hinge(y_true: Any, y_pred: Any) -> Values:
    """Return max(1 - t·y, 0), its mean over the last axis; t is -1 or 1, or 0 for -1."""
    return mean_of(_margins(y_true, y_pred))


@spelled
def squared_hinge(y_true: Any, y_pred: Any) -> Values:
    """Return max(1 - t·y, 0)², its mean over the last axis; t is -1 or 1, or 0 for -1."""
    return mean_of(_margins(y_true, y_pred) ** 2)


@spelled
def categorical_hinge(y_true: Any, y_pred: Any) -> Values:
    """Return max(1 + n - p, 0): p = Σ t·y of the right class, n the largest of the others."""
    target, found = aligned(y_true, y_pred)
    right, wrong = (target * found).sum(-1), ((1 - target) * found).max(-1)
    return np.maximum(wrong - right + 1, 0)


def _margins(y_true: Any, y_pred: Any) -> Values:
    target, found = aligned(y_true, y_pred)
    if np.isin(target, (0, 1)).all():
        target = 2 * target - 1
    return np.maximum(1 - target * found, 0)


class Hinge(MeanMetricWrapper):
    """Mean of max(1 - t·y, 0). Targets are -1 or 1; if all are 0 or 1, 0 stands for -1.

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Example:
        >>> from lstm.metrics import Hinge
        >>> round(Hinge()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 2)
        1.3
    """

    rises = False

    def __init__(self, name: str = "hinge", dtype: str | None = None) -> None:
        super().__init__(hinge, name, dtype)


class SquaredHinge(MeanMetricWrapper):
    """Mean of max(1 - t·y, 0)². Targets are those of `Hinge`.

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Example:
        >>> from lstm.metrics import SquaredHinge
        >>> round(SquaredHinge()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 2)
        1.86
    """

    rises = False

    def __init__(self, name: str = "squared_hinge", dtype: str | None = None) -> None:
        super().__init__(squared_hinge, name, dtype)


class CategoricalHinge(MeanMetricWrapper):
    """Mean of max(1 + n - p, 0): p is the output of the right class, n the largest other one.

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Example:
        >>> from lstm.metrics import CategoricalHinge
        >>> round(CategoricalHinge()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 2)
        1.4
    """

    rises = False

    def __init__(self, name: str = "categorical_hinge", dtype: str | None = None) -> None:
        super().__init__(categorical_hinge, name, dtype)

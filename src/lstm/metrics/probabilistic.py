"""Probabilistic: how probable outputs call the targets, in nats."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.interface import spelled
from lstm.metrics.arrays import EPSILON, aligned, classes, mean_of, outputs, spread
from lstm.metrics.reductions import MeanMetricWrapper

Values = NDArray[Any]


@spelled
def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Values:
    """Return -t·log p - (1 - t)·log(1 - p), its mean over an axis.

    Args:
        y_true: targets in [0, 1].
        y_pred: probabilities, which count as at least 1e-7 and at most 1 - 1e-7; or logits.
        from_logits: whether outputs are logits.
        label_smoothing: how far targets are moved towards 1/2, in [0, 1].
        axis: over which the mean is taken.
    """
    target, found = aligned(y_true, y_pred)
    target = target * (1 - label_smoothing) + label_smoothing / 2
    if from_logits:
        losses = np.maximum(found, 0) - found * target + np.log1p(np.exp(-np.abs(found)))
    else:
        p = np.clip(found, EPSILON, 1 - EPSILON)
        losses = -target * np.log(p) - (1 - target) * np.log(1 - p)
    return mean_of(losses, axis)


@spelled
def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Values:
    """Return -Σ_v t_v·log p_v.

    Args:
        y_true: distributions, in the shape of the outputs; or classes, if `axis` is the last.
        y_pred: probabilities, which are divided by their sum and limited to [1e-7, 1 - 1e-7]; or
            logits.
        from_logits: whether outputs are logits.
        label_smoothing: how far targets are moved towards 1/V, in [0, 1].
        axis: the axis of the V classes.
    """
    target, found = aligned(y_true, y_pred)
    target = target * (1 - label_smoothing) + label_smoothing / found.shape[axis]
    return np.asarray(-(target * _logarithms(found, from_logits, axis)).sum(axis))


@spelled
def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Values:
    """Return -log p of the right class.

    Args:
        y_true: classes, in the shape of the outputs without the axis of classes.
        y_pred: as for `categorical_crossentropy`.
        from_logits: whether outputs are logits.
        ignore_class: where this class is the right one, the result is 0.
        axis: the axis of the V classes.
    """
    found = np.moveaxis(outputs(y_pred), axis, -1)
    right = classes(y_true, found)
    ignored = np.zeros(right.shape, bool) if ignore_class is None else right == ignore_class
    right = np.where(ignored, 0, right)
    checks.index_range("y_true", right, found.shape[-1])
    chosen = right[..., None].astype(np.int64)
    losses = -np.take_along_axis(_logarithms(found, from_logits, -1), chosen, -1)[..., 0]
    return np.asarray(np.where(ignored, 0, losses), found.dtype)


@spelled
def kl_divergence(y_true: Any, y_pred: Any) -> Values:
    """Return Σ_v t_v·log(t_v / y_v); both are limited to [1e-7, 1]."""
    target, found = (np.clip(part, EPSILON, 1) for part in aligned(y_true, y_pred))
    return np.asarray((target * np.log(target / found)).sum(-1))


@spelled
def poisson(y_true: Any, y_pred: Any) -> Values:
    """Return y - t·log(y + 1e-7), its mean over the last axis."""
    target, found = aligned(y_true, y_pred)
    with np.errstate(invalid="ignore", divide="ignore"):  # Of rates below 0.
        losses = found - target * np.log(found + EPSILON)
    return mean_of(losses)


def _logarithms(found: Values, from_logits: bool, axis: int) -> Values:
    """Return the logarithms of probabilities along an axis."""
    if from_logits:
        below = found - found.max(axis, keepdims=True)
        return np.asarray(below - np.log(np.exp(below).sum(axis, keepdims=True)))
    with np.errstate(invalid="ignore", divide="ignore"):  # Of outputs whose sum is 0.
        shares = found / found.sum(axis, keepdims=True)
    return np.log(np.clip(shares, EPSILON, 1 - EPSILON))


class BinaryCrossentropy(MeanMetricWrapper):
    """Mean of -t·log p - (1 - t)·log(1 - p), over all entries, in nats.

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.
        from_logits: whether outputs are logits.
        label_smoothing: how far targets are moved towards 1/2, in [0, 1].

    Example:
        >>> from lstm.metrics import BinaryCrossentropy
        >>> round(BinaryCrossentropy()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 4)
        0.8149
    """

    rises = False

    def __init__(
        self,
        name: str = "binary_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
    ) -> None:
        self.from_logits = checks.boolean("from_logits", from_logits)
        self.label_smoothing = checks.number("label_smoothing", label_smoothing, 0, 1)
        options: dict[str, Any] = {
            "from_logits": self.from_logits,
            "label_smoothing": self.label_smoothing,
        }
        super().__init__(binary_crossentropy, name, dtype, **options)


class CategoricalCrossentropy(MeanMetricWrapper):
    """Mean of -Σ_v t_v·log p_v, in nats. Targets are distributions or classes.

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.
        from_logits: whether outputs are logits.
        label_smoothing: how far targets are moved towards 1/V, in [0, 1].
        axis: the axis of the classes.

    Example:
        >>> from lstm.metrics import CategoricalCrossentropy
        >>> metric = CategoricalCrossentropy()
        >>> round(metric([[0, 1, 0], [0, 0, 1]], [[0.05, 0.95, 0], [0.1, 0.8, 0.1]]), 4)
        1.1769
    """

    rises = False

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
    ) -> None:
        self.from_logits = checks.boolean("from_logits", from_logits)
        self.label_smoothing = checks.number("label_smoothing", label_smoothing, 0, 1)
        self.axis = checks.integer("axis", axis)
        options: dict[str, Any] = {
            "from_logits": self.from_logits,
            "label_smoothing": self.label_smoothing,
            "axis": self.axis,
        }
        super().__init__(categorical_crossentropy, name, dtype, **options)


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """Mean of -log p of the right class, given as an integer, in nats.

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.
        from_logits: whether outputs are logits.
        ignore_class: a class whose positions do not count. (In Keras they count as 0 unless there
            are weights.)
        axis: the axis of the classes.

    Example:
        >>> from lstm.metrics import SparseCategoricalCrossentropy
        >>> round(SparseCategoricalCrossentropy()([1, 2], [[0.05, 0.95, 0], [0.1, 0.8, 0.1]]), 4)
        1.1769
    """

    rises = False

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        self.from_logits = checks.boolean("from_logits", from_logits)
        self.ignore_class = (
            None if ignore_class is None else checks.integer("ignore_class", ignore_class)
        )
        self.axis = checks.integer("axis", axis)
        options: dict[str, Any] = {
            "from_logits": self.from_logits,
            "ignore_class": self.ignore_class,
            "axis": self.axis,
        }
        super().__init__(sparse_categorical_crossentropy, name, dtype, **options)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of targets and outputs, with a weight for each position or example."""
        if self.ignore_class is not None:
            found = np.moveaxis(outputs(y_pred), self.axis, -1)
            counts = (classes(y_true, found) != self.ignore_class).astype(np.float64)
            sample_weight = (
                counts if sample_weight is None else counts * spread(sample_weight, counts.shape)
            )
        super().update_state(y_true, y_pred, sample_weight)


class KLDivergence(MeanMetricWrapper):
    """Mean of Σ_v t_v·log(t_v / y_v), the Kullback-Leibler divergence, in nats.

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Source:
        Kullback & Leibler, "On information and sufficiency", 1951.

    Example:
        >>> from lstm.metrics import KLDivergence
        >>> round(KLDivergence()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 4)
        0.4581
    """

    rises = False

    def __init__(self, name: str = "kl_divergence", dtype: str | None = None) -> None:
        super().__init__(kl_divergence, name, dtype)


class Poisson(MeanMetricWrapper):
    """Mean of y - t·log y, the loss of rates y of counts t, but for a constant.

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Example:
        >>> from lstm.metrics import Poisson
        >>> round(Poisson()([[0, 1], [0, 0]], [[1, 1], [0, 0]]), 4)
        0.5
    """

    rises = False

    def __init__(self, name: str = "poisson", dtype: str | None = None) -> None:
        super().__init__(poisson, name, dtype)

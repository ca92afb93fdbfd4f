"""Losses as functions of targets and outputs, with a number for each position.

They take the mean over the last axis, unless they compare whole rows, as cross-entropies do.
Targets and outputs may differ in a last axis of size 1, such as (N,) and (N, 1). `lstm.metrics` has
the same functions.
"""

import math
from typing import Any

import numpy as np

from lstm import checks, ops
from lstm.errors import naming
from lstm.interface import spelled
from lstm.layers.ctc_labels import check_labels, check_shape
from lstm.layers.ctc_loss import CTCLoss
from lstm.layers.symbolic import Operators, has_tensors
from lstm.ops.calling import apply, shape_of
from lstm.ops.crossentropies import EPSILON

BLANK = 0
"""The class of connectionist temporal classification that stands for no label, as in Keras."""


def _arrays(y_true: Any, y_pred: Any) -> list[Any]:
    return [
        x if isinstance(x, Operators) else checks.numbers(argument, x).astype(float)
        for argument, x in (("y_true", y_true), ("y_pred", y_pred))
    ]


def _alike(y_true: Any, y_pred: Any) -> list[Any]:
    """Return targets and outputs with the same number of axes, as Keras does.

    A last axis of size 1 that only one of them has is dropped, or added to numbers of examples.
    """
    given = _arrays(y_true, y_pred)
    sizes = [shape_of(x) for x in given]
    for long, short in ((0, 1), (1, 0)):
        if sizes[long][-1:] == (1,) and len(sizes[long]) == len(sizes[short]) + 1:
            if len(sizes[short]) == 1:
                given[short] = ops.expand_dims(given[short], -1)
            else:
                given[long] = ops.squeeze(given[long], -1)
    return given


@spelled
def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """(y - t)².

    Example:
        >>> import lstm
        >>> lstm.losses.mean_squared_error([[1.0, 2.0]], [[1.0, 4.0]]).tolist()
        [2.0]
    """
    y_true, y_pred = _alike(y_true, y_pred)
    return ops.mean(ops.square(y_pred - y_true), -1)


@spelled
def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """`|y - t|`."""
    y_true, y_pred = _alike(y_true, y_pred)
    return ops.mean(ops.absolute(y_pred - y_true), -1)


@spelled
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """100·`|y - t| / |t|`."""
    y_true, y_pred = _alike(y_true, y_pred)
    sizes = ops.maximum(ops.absolute(y_true), EPSILON)
    return 100.0 * ops.mean(ops.absolute((y_true - y_pred) / sizes), -1)


@spelled
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """(ln(1 + y) - ln(1 + t))²; what is below 0 counts as 0."""
    logs = (ops.log(ops.maximum(y, EPSILON) + 1.0) for y in _alike(y_true, y_pred))
    return ops.mean(ops.square(ops.subtract(*logs)), -1)


@spelled
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """(y - t)² / 2 near the target, linear beyond `delta`."""
    y_true, y_pred = _alike(y_true, y_pred)
    size = ops.absolute(y_pred - y_true)
    near = ops.minimum(size, delta)
    return ops.mean(near * (size - 0.5 * near), -1)


@spelled
def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """ln cosh(y - t), which is a squared error near the target and an absolute one far away."""
    y_true, y_pred = _alike(y_true, y_pred)
    error = y_pred - y_true
    return ops.mean(error + ops.softplus(-2.0 * error) - math.log(2), -1)


@spelled
def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """Σ t·ln(t / y), of probabilities limited to [1e-7, 1].

    Source:
        Kullback & Leibler, "On information and sufficiency", 1951.
    """
    y_true, y_pred = (ops.clip(y, EPSILON, 1.0) for y in _alike(y_true, y_pred))
    return ops.sum(y_true * ops.log(y_true / y_pred), -1)


@spelled
def poisson(y_true: Any, y_pred: Any) -> Any:
    """y - t·ln y, for counts t."""
    y_true, y_pred = _alike(y_true, y_pred)
    return ops.mean(y_pred - y_true * ops.log(y_pred + EPSILON), -1)


@spelled
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Minus the cosine between y and t: -1 for the same direction."""
    y_true, y_pred = (ops.normalize(y, axis) for y in _alike(y_true, y_pred))
    return -1.0 * ops.sum(y_true * y_pred, axis)


def _signs(y_true: Any) -> Any:
    """Return targets, which may be 0 and 1, as -1 and 1."""
    if isinstance(y_true, Operators):
        binary = ops.all(ops.logical_or(ops.equal(y_true, 0.0), ops.equal(y_true, 1.0)))
        return ops.where(binary, 2.0 * y_true - 1.0, y_true)
    values = checks.numbers("y_true", y_true)
    return 2 * values - 1 if np.isin(values, (0, 1)).all() else values


@spelled
def hinge(y_true: Any, y_pred: Any) -> Any:
    """max(0, 1 - t·y), with targets -1 and 1; if all are 0 or 1, 0 stands for -1."""
    y_true, y_pred = _alike(y_true, y_pred)
    return ops.mean(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0), -1)


@spelled
def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """max(0, 1 - t·y)²."""
    y_true, y_pred = _alike(y_true, y_pred)
    return ops.mean(ops.square(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0)), -1)


@spelled
def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """max(0, 1 + the best wrong output - the right one), with one-hot targets."""
    y_true, y_pred = _alike(y_true, y_pred)
    right = ops.sum(y_true * y_pred, -1)
    wrong = ops.max((1.0 - y_true) * y_pred, -1)
    return ops.maximum(wrong - right + 1.0, 0.0)


@spelled
def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """-Σ t·ln p over the classes, along an axis, with one-hot targets or distributions.

    Example:
        >>> import lstm
        >>> loss = lstm.losses.categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])
        >>> loss.round(4).tolist()  # ln 2
        [0.6931]
    """
    y_true, y_pred = _alike(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / (shape_of(y_pred)[axis] or 1)
    return ops.categorical_crossentropy(y_true, y_pred, from_logits, axis)


@spelled
def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Any:
    """-ln p of the right class, which is an integer; 0 where that is `ignore_class`.

    Args:
        y_true: classes, in the shape of the outputs without the axis of the classes.
        y_pred: probabilities, or shares of any sum; or logits.
        from_logits: whether outputs are logits.
        ignore_class: a class whose positions cost nothing.
        axis: the axis of the classes.
    """
    y_true, y_pred = _arrays(y_true, y_pred)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits, axis)
    if len(shape_of(y_true)) == len(shape_of(y_pred)) and shape_of(y_true)[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    kept = ops.not_equal(y_true, ignore_class)
    known = ops.where(kept, y_true, 0.0)
    return kept * ops.sparse_categorical_crossentropy(known, y_pred, from_logits, axis)


@spelled
def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """-t·ln p - (1 - t)·ln(1 - p), its mean over an axis."""
    y_true, y_pred = _alike(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / 2
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits), axis)


@spelled
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
) -> Any:
    """Binary cross-entropy times (1 - p of the right class)^γ, so that easy examples count less.

    Source:
        Lin et al., "Focal loss for dense object detection", 2017.
    """
    y_true, y_pred = _alike(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / 2
    p = ops.sigmoid(y_pred) if from_logits else y_pred
    p = ops.clip(p, EPSILON, 1 - EPSILON)
    right = y_true * p + (1.0 - y_true) * (1.0 - p)
    entropy = -1.0 * (y_true * ops.log(p) + (1.0 - y_true) * ops.log(1.0 - p))
    focal = ops.power(1.0 - right, gamma) * entropy
    if apply_class_balancing:
        focal = focal * (y_true * alpha + (1.0 - y_true) * (1 - alpha))
    return ops.mean(focal, -1)


@spelled
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
) -> Any:
    """Cross-entropy times α·(1 - p)^γ of each class, so that easy examples count less.

    Source:
        Lin et al., "Focal loss for dense object detection", 2017.
    """
    y_true, y_pred = _alike(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / (shape_of(y_pred)[-1] or 1)
    p = ops.softmax(y_pred) if from_logits else y_pred / ops.sum(y_pred, -1, True)
    p = ops.clip(p, EPSILON, 1 - EPSILON)
    factor = alpha * ops.power(1.0 - p, gamma)
    return -1.0 * ops.sum(factor * y_true * ops.log(p), -1)


@spelled
def ctc(y_true: Any, y_pred: Any) -> Any:
    """-log p(labels) of each example, all ways to spread them over its steps together, (C6).

    `lstm.losses.CTC` says what labels (B, L) and logits (B, T, C) must be. Of arrays all steps
    count, and so they do in a loss of your own.

    Source:
        Graves et al., "Connectionist temporal classification: labelling unsegmented sequence data
        with recurrent neural networks", 2006.

    Example:
        >>> import numpy as np
        >>> import lstm
        >>> lstm.losses.ctc([[1], [2]], np.zeros((2, 1, 4))).round(4).tolist()  # log 4
        [1.3863, 1.3863]
    """
    if has_tensors([y_true, y_pred]):
        return apply(CTCLoss(BLANK), y_true, y_pred)
    labels, outputs = checks.numbers("y_true", y_true), checks.numbers("y_pred", y_pred)
    checks.rank("y_pred", outputs, "B T C")
    check_shape("y_true", labels, len(outputs))
    check_labels("y_true", labels, outputs.shape[2], BLANK)
    lengths, steps = (labels != BLANK).sum(1), np.full(len(outputs), outputs.shape[1])
    with naming({"target": "y_true", "output": "y_pred"}.get):
        return ops.ctc_loss(labels, outputs, lengths, steps, BLANK)

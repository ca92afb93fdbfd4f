"""Arrays: targets in the shape of outputs, weights in the shape of values."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidShapeError

Values = NDArray[Any]

EPSILON = 1e-7
"""What keeps divisions and logarithms from 0, as in Keras."""


def outputs(y_pred: Any) -> Values:
    """Return outputs as floating-point numbers."""
    if type(y_pred) is np.ndarray and y_pred.dtype.kind == "f":
        return y_pred
    values = checks.numbers("y_pred", y_pred)
    return values if values.dtype.kind == "f" else values.astype(np.float64)


def aligned(y_true: Any, y_pred: Any) -> tuple[Values, Values]:
    """Return targets and outputs in the shape and dtype of the outputs.

    Integer classes (...) or (..., 1) of outputs (..., V) become one-hot rows. Otherwise the shapes
    may differ in a last axis of 1.

    Raises:
        InvalidShapeError: the targets do not match the outputs.
        InvalidValueError: a class is not in [0, V).
    """
    found = outputs(y_pred)
    target, shape = checks.numbers("y_true", y_true), found.shape
    if target.shape == shape:
        return target.astype(found.dtype, copy=False), found
    if (*target.shape, 1) == shape or target.shape == (*shape, 1):
        return target.reshape(shape).astype(found.dtype), found
    if target.dtype.kind in "iub" and target.shape in (shape[:-1], (*shape[:-1], 1)):
        checks.index_range("y_true", target, shape[-1])
        rows = target.reshape(*shape[:-1], 1) == np.arange(shape[-1])
        return rows.astype(found.dtype), found
    raise InvalidShapeError("y_true", f"shape {shape}, as y_pred has", f"shape {target.shape}")


def classes(y_true: Any, y_pred: Values) -> Values:
    """Return the right class (...) at each row of outputs (..., V), from rows or classes.

    Raises:
        InvalidShapeError: the targets do not match the outputs.
    """
    target, shape = checks.numbers("y_true", y_true), y_pred.shape
    if target.shape == shape and shape[-1:] != (1,):
        return np.asarray(target.argmax(-1))
    if target.shape not in (shape[:-1], (*shape[:-1], 1)):
        expected = f"shape {shape}, or classes of shape {shape[:-1]}"
        raise InvalidShapeError("y_true", expected, f"shape {target.shape}")
    return target.reshape(shape[:-1])


def mean_of(values: Values, axis: int = -1) -> Values:
    """Return the means over an axis; single numbers of each example stay as they are."""
    if values.ndim < 2:
        return values
    return np.asarray(np.add.reduce(values, axis) / values.shape[axis])


def rows(argument: str, values: Values) -> Values:
    """Return the rows (N, V) of an array (..., V).

    Raises:
        InvalidShapeError: it has fewer than two axes.
    """
    if values.ndim < 2:
        raise InvalidShapeError(argument, "axes (B, ..., V)", f"shape {values.shape}")
    return values.reshape(-1, values.shape[-1])


def spread(sample_weight: Any, shape: tuple[int, ...]) -> Values:
    """Return weights for values of `shape`.

    Weights of the first axes count for all that follow them; of weights with more axes, the mean
    counts.

    Raises:
        InvalidShapeError: they do not fit.
    """
    weights = checks.numbers("sample_weight", sample_weight).astype(np.float64, copy=False)
    given = weights.shape
    if weights.ndim > len(shape):
        weights = weights.mean(tuple(range(len(shape), weights.ndim)))
    elif weights.ndim:
        weights = weights.reshape(weights.shape + (1,) * (len(shape) - weights.ndim))
    if any(n not in (1, m) for n, m in zip(weights.shape, shape, strict=bool(weights.ndim))):
        expected = f"shape {shape}, or its first axes"
        raise InvalidShapeError("sample_weight", expected, f"shape {given}")
    return np.broadcast_to(weights, shape)


def divided(numerator: Any, denominator: Any) -> Values:
    """Return quotients, and 0 where the denominator is 0."""
    above, below = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    out = np.zeros(np.broadcast_shapes(above.shape, below.shape))
    return np.divide(above, below, out=out, where=below != 0)

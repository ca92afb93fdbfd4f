"""Losses: each a weighted sum over positions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import Cache, PointwiseLossName, Quantized
from lstm.backends.reference.activations import sigmoid
from lstm.backends.reference.layers import ReferenceLayers

Array = NDArray[Any]


def softmax_cross_entropy_forward(
    z: Array, target: Array, weight: Array | None
) -> tuple[float, Cache]:
    shifted = z - z.max(-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    target, weight = _distribution(z, target), _weights(z[..., 0], weight)
    return float(-(weight * (target * log_p).sum(-1)).sum()), (log_p, target, weight)


def softmax_cross_entropy_backward(cache: Cache) -> Array:
    log_p, target, weight = cache
    p = np.exp(log_p)
    return weight[..., None] * (p * target.sum(-1, keepdims=True) - target)


def cross_entropy_forward(p: Array, target: Array, weight: Array | None) -> tuple[float, Cache]:
    total = p.sum(-1, keepdims=True)
    total = np.where(total == 0, np.inf, total)
    target, weight = _distribution(p, target), _weights(p[..., 0], weight)
    q, inside = _limited(p / total)  # (E1)
    loss = -(weight * (target * np.log(q)).sum(-1)).sum()  # (E2)
    return float(loss), (q, inside, total, target, weight)


def cross_entropy_backward(cache: Cache) -> Array:
    q, inside, total, target, weight = cache
    dq = -weight[..., None] * target / q * inside  # (E3)
    return (dq - (dq * q).sum(-1, keepdims=True)) / total  # (E4)


def weighted_total(values: Array, weight: Array | None) -> float:
    return float(values.mean() if weight is None else (values * weight).sum())


def pointwise_loss_forward(
    loss: PointwiseLossName, y: Array, target: Array, weight: Array | None, delta: float
) -> tuple[float, Cache]:
    error, weight = y - target, _weights(y, weight)
    match loss:
        case "squared_error":
            value, slope = error**2, 2 * error
        case "absolute_error":
            value, slope = np.abs(error), np.sign(error)
        case "huber":
            slope = np.clip(error, -delta, delta)
            value = slope * (error - slope / 2)
        case "binary_cross_entropy":
            q, inside = _limited(y)
            value = -target * np.log(q) - (1 - target) * np.log(1 - q)
            slope = ((1 - target) / (1 - q) - target / q) * inside
        case "sigmoid_cross_entropy":
            value = np.logaddexp(0, y) - target * y
            slope = sigmoid(y) - target
    return float((weight * value).sum()), weight * slope


def pointwise_loss_backward(cache: Cache) -> Array:
    return cache


class ReferenceLosses(ReferenceLayers):
    """Losses that multiply."""

    def linear_softmax_cross_entropy(
        self,
        x: Array,
        w: Array | Quantized,
        b: Array | None,
        target: Array,
        weight: Array | None,
        dw: Array | None,
        db: Array | None,
        need_dx: bool,
    ) -> tuple[float, Array | None]:
        counts: Any = ... if weight is None else weight != 0
        of_counted = None if weight is None else weight[counts]
        z, linear = self.linear_forward(x[counts], w, b, "linear")
        loss, cache = softmax_cross_entropy_forward(z, target[counts], of_counted)
        dz = softmax_cross_entropy_backward(cache)
        found = self.linear_backward(dz, linear, dw, db, need_dx)
        if found is None:
            return loss, None
        dx = np.zeros_like(x)
        dx[counts] = found
        return loss, dx


def _limited(q: Array) -> tuple[Array, Array]:
    """Return q limited so that q and 1 - q are not too small, and where this changed nothing."""
    least, most = q.dtype.type(1e-7), q.dtype.type(1 - 1e-7)
    return np.clip(q, least, most), (q >= least) & (q <= most)


def _weights(positions: Array, weight: Array | None) -> Array:
    if weight is not None:
        return weight
    return np.full(positions.shape, 1 / max(1, positions.size), positions.dtype)


def _distribution(z: Array, target: Array) -> Array:
    """Return integer targets (...) as one-hot rows (..., V); distributions stay unchanged."""
    if target.ndim == z.ndim:
        return target
    rows = np.zeros(z.shape, z.dtype)
    np.put_along_axis(rows, target[..., None], 1, -1)
    return rows

"""Losses, in C++."""

from typing import Any, get_args

from numpy.typing import NDArray

from lstm.backends import _kernels
from lstm.backends.contract import Cache, PointwiseLossName
from lstm.backends.native.arrays import empty, flat_tokens, like, rows

Array = NDArray[Any]

_LOSSES = {name: code for code, name in enumerate(get_args(PointwiseLossName))}


def _flat(
    z: Array, target: Array, weight: Array | None
) -> tuple[Array | None, Array | None, Array | None]:
    """Classes, rows and weights by position, as the kernels take them; two may be None."""
    weights = None if weight is None else weight.reshape(-1)
    if target.ndim == z.ndim:
        return None, target.reshape(-1, target.shape[-1]), weights
    return flat_tokens(target), None, weights


def softmax_cross_entropy_forward(
    z: Array, target: Array, weight: Array | None
) -> tuple[float, Cache]:
    log_p, flat = like(z), _flat(z, target, weight)
    loss = _kernels.softmax_cross_entropy_forward(rows(z), *flat, rows(log_p))
    return loss, (log_p, *flat)


def softmax_cross_entropy_backward(cache: Cache) -> Array:
    log_p, classes, targets, weights = cache
    dz = like(log_p)
    _kernels.softmax_cross_entropy_backward(rows(log_p), classes, targets, weights, rows(dz))
    return dz


def linear_softmax_cross_entropy(
    x: Array,
    w: Array,
    b: Array | None,
    target: Array,
    weight: Array | None,
    dw: Array | None,
    db: Array | None,
    need_dx: bool,
) -> tuple[float, Array | None]:
    D, V = w.shape
    dx = like(x) if need_dx else None
    positions = x.size // D
    z = empty((_rows_at_once(positions, V), _kernels.logits_pitch(V)))
    loss = _kernels.linear_cross_entropy(
        x.reshape(-1, D),
        w,
        b,
        *_flat(x, target, weight),
        z,
        dw,
        db,
        None if dx is None else dx.reshape(-1, D),
    )
    return loss, dx


def _rows_at_once(rows: int, V: int) -> int:
    """Rows of V logits in a chunk.

    As many as the second-level cache holds, and at least so many that reading and writing weights
    and gradients for each chunk costs less than a tenth of the products.
    """
    return max(1, min(rows, max(256, (1 << 17) // V)))


def cross_entropy_forward(p: Array, target: Array, weight: Array | None) -> tuple[float, Cache]:
    flat = _flat(p, target, weight)
    return _kernels.cross_entropy_forward(rows(p), *flat), (p, *flat)


def cross_entropy_backward(cache: Cache) -> Array:
    p, classes, targets, weights = cache
    dp = like(p)
    _kernels.cross_entropy_backward(rows(p), classes, targets, weights, rows(dp))
    return dp


def pointwise_loss_forward(
    loss: PointwiseLossName, y: Array, target: Array, weight: Array | None, delta: float
) -> tuple[float, Cache]:
    dy = like(y)
    weights = None if weight is None else weight.reshape(-1)
    value = _kernels.pointwise_loss(
        _LOSSES[loss], y.reshape(-1), target.reshape(-1), weights, delta, dy.reshape(-1)
    )
    return value, dy


def pointwise_loss_backward(cache: Cache) -> Array:
    return cache

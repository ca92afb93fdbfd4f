"""Losses, in C++."""

from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import Cache, PointwiseLossName, Quantized
from lstm.backends.native.layers import NativeLayers

Array = NDArray[Any]

_LOSSES = {name: code for code, name in enumerate(get_args(PointwiseLossName))}


class NativeLosses(NativeLayers):
    """Losses."""

    def softmax_cross_entropy_forward(
        self, z: Array, target: Array, weight: Array | None
    ) -> tuple[float, Cache]:
        log_p, given = self.like(z), (*_split(z, target), weight)
        return self.kernels.softmax_cross_entropy_forward(z, *given, log_p), (log_p, *given)

    def softmax_cross_entropy_backward(self, cache: Cache) -> Array:
        log_p, classes, rows, weight = cache
        dz = self.like(log_p)
        self.kernels.softmax_cross_entropy_backward(log_p, classes, rows, weight, dz)
        return dz

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
        if isinstance(w, Quantized):
            z, linear = self.linear_forward(x, w, b, "linear")
            loss, cache = self.softmax_cross_entropy_forward(z, target, weight)
            if dw is None and db is None and not need_dx:
                return loss, None
            dz = self.softmax_cross_entropy_backward(cache)
            return loss, self.linear_backward(dz, linear, dw, db, need_dx)
        D, V = w.shape
        dx = self.like(x) if need_dx else None
        z = self.empty((_rows_at_once(x.size // D, V), self.kernels.logits_pitch(V)))
        targets = _split(x, target)
        return self.kernels.linear_cross_entropy(x, w, b, *targets, weight, z, dw, db, dx), dx

    def cross_entropy_forward(
        self, p: Array, target: Array, weight: Array | None
    ) -> tuple[float, Cache]:
        given = (p, *_split(p, target), weight)
        return self.kernels.cross_entropy_forward(*given), given

    def cross_entropy_backward(self, cache: Cache) -> Array:
        p, classes, rows, weight = cache
        dp = self.like(p)
        self.kernels.cross_entropy_backward(p, classes, rows, weight, dp)
        return dp

    def ctc_forward(
        self, z: Array, labels: Array, blank: int, mask: NDArray[np.bool_] | None
    ) -> tuple[Array, Cache]:
        loss, slope = self.empty(z.shape[:1]), self.like(z)
        self.kernels.ctc_forward(z, labels, blank, mask, loss, slope)
        return loss, slope

    def ctc_backward(self, dloss: Array, cache: Cache) -> Array:
        dz = self.like(cache)
        self.kernels.ctc_backward(dloss, cache, dz)
        return dz

    def weighted_total(self, values: Array, weight: Array | None) -> float:
        return self.kernels.weighted_total(values, weight)

    def pointwise_loss_forward(
        self, loss: PointwiseLossName, y: Array, target: Array, weight: Array | None, delta: float
    ) -> tuple[float, Cache]:
        dy = self.like(y)
        return self.kernels.pointwise_loss(_LOSSES[loss], y, target, weight, delta, dy), dy

    def pointwise_loss_backward(self, cache: Cache) -> Array:
        return cache


def _split(z: Array, target: Array) -> tuple[Array | None, Array | None]:
    """Return targets as classes and as rows: one of the two is None."""
    return (None, target) if target.ndim == z.ndim else (target, None)


def _rows_at_once(rows: int, V: int) -> int:
    """Return the number of rows of V logits in a chunk.

    As many as fit in the second-level cache, but enough that reading and writing weights and
    gradients for each chunk costs less than a tenth of the products.
    """
    return max(1, min(rows, max(256, (1 << 17) // V)))

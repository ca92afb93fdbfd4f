"""Optimizers, in C++."""

from typing import Any

from numpy.typing import NDArray

from lstm.backends.native.arrays import NativeArrays

Array = NDArray[Any]


class NativeOptimizers(NativeArrays):
    """Steps of the optimizers."""

    def clip_by_global_norm(self, g: Array, max_norm: float) -> float:
        return self.kernels.clip_by_global_norm(g, max_norm)

    def sgd_step(
        self, p: Array, g: Array, v: Array, lr: float, momentum: float, nesterov: bool
    ) -> None:
        self.kernels.sgd_step(p, g, v, lr, momentum, nesterov)

    def rmsprop_step(
        self,
        p: Array,
        g: Array,
        s: Array,
        m: Array | None,
        v: Array | None,
        lr: float,
        rho: float,
        momentum: float,
        eps: float,
    ) -> None:
        self.kernels.rmsprop_step(p, g, s, m, v, lr, rho, momentum, eps)

    def adam_step(
        self,
        p: Array,
        g: Array,
        m: Array,
        s: Array,
        step: int,
        lr: float,
        beta_1: float,
        beta_2: float,
        eps: float,
        weight_decay: float,
    ) -> None:
        self.kernels.adam_step(p, g, m, s, step, lr, beta_1, beta_2, eps, weight_decay)

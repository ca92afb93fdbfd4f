"""Optimizers, in C++."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.native.arrays import NativeArrays

Array = NDArray[Any]


class NativeOptimizers(NativeArrays):
    """Steps of the optimizers."""

    def mix(self, y: Array, keep: float, x: Array, share: float) -> None:
        self.kernels.mix(y, keep, x, share)

    def clip_by_norm(self, g: Array, ends: NDArray[np.int64], max_norm: float) -> float:
        return self.kernels.clip_by_norm(g, ends, max_norm)

    def clip_by_value(self, g: Array, limit: float) -> None:
        self.kernels.clip_by_value(g, limit)

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

    def adagrad_step(self, p: Array, g: Array, s: Array, lr: float, eps: float) -> None:
        self.kernels.adagrad_step(p, g, s, lr, eps)

    def adadelta_step(
        self, p: Array, g: Array, s: Array, a: Array, lr: float, rho: float, eps: float
    ) -> None:
        self.kernels.adadelta_step(p, g, s, a, lr, rho, eps)

    def adam_step(
        self,
        p: Array,
        g: Array,
        m: Array,
        s: Array,
        s_max: Array | None,
        step: int,
        lr: float,
        beta_1: float,
        beta_2: float,
        eps: float,
    ) -> None:
        self.kernels.adam_step(p, g, m, s, s_max, step, lr, beta_1, beta_2, eps)

    def adamax_step(
        self,
        p: Array,
        g: Array,
        m: Array,
        u: Array,
        step: int,
        lr: float,
        beta_1: float,
        beta_2: float,
        eps: float,
    ) -> None:
        self.kernels.adamax_step(p, g, m, u, step, lr, beta_1, beta_2, eps)

    def nadam_step(
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
    ) -> None:
        self.kernels.nadam_step(p, g, m, s, step, lr, beta_1, beta_2, eps)

    def ftrl_step(
        self,
        p: Array,
        g: Array,
        s: Array,
        z: Array,
        lr: float,
        power: float,
        l1: float,
        l2: float,
        shrinkage: float,
        beta: float,
    ) -> None:
        self.kernels.ftrl_step(p, g, s, z, lr, power, l1, l2, shrinkage, beta)

    def lion_step(
        self, p: Array, g: Array, m: Array, lr: float, beta_1: float, beta_2: float
    ) -> None:
        self.kernels.lion_step(p, g, m, lr, beta_1, beta_2)

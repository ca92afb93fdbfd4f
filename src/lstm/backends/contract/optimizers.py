"""Optimizers: one pass over the flat parameters p (P) and gradients g (P)."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract.types import Array


class OptimizerOps(Protocol):
    """One pass over the flat parameters p (P) and gradients g (P).

    All change their arrays in place. t is `step`, which counts from 1.
    """

    # ---- what surrounds a step

    def mix(self, y: Array, keep: float, x: Array, share: float) -> None:
        """y = keep·y + share·x, numbers of any kind; x may be y.

        It takes away a share of the weights, adds up gradients and averages weights.
        """

    def clip_by_norm(self, g: Array, ends: NDArray[np.int64], max_norm: float) -> float:
        """Scale every part of `g` so that its norm is at most `max_norm`.

        Args:
            ends: where each part ends; it begins at the end of the one before, and the last one
                ends with `g`. One part is the whole gradient.

        Returns:
            The norm of the whole gradient before.
        """

    def clip_by_value(self, g: Array, limit: float) -> None:
        """Move every number of `g` into [-limit, limit]."""

    # ---- steps

    def sgd_step(
        self, p: Array, g: Array, v: Array, lr: float, momentum: float, nesterov: bool
    ) -> None:
        """v = momentum·v - lr·g; p += v, or momentum·v - lr·g with Nesterov."""

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
        """s = rho·s + (1 - rho)·g²; p -= lr·g / √(s + eps).

        Args:
            m: the mean of the gradient, to center s; None does not center.
                m = rho·m + (1 - rho)·g, and max(0, s - m²) + eps is below the root.
            v: velocity; None for no momentum. v = momentum·v + lr·g / √(s + eps); p -= v.
        """

    def adagrad_step(self, p: Array, g: Array, s: Array, lr: float, eps: float) -> None:
        """s += g²; p -= lr·g / √(s + eps)."""

    def adadelta_step(
        self, p: Array, g: Array, s: Array, a: Array, lr: float, rho: float, eps: float
    ) -> None:
        """s = rho·s + (1 - rho)·g²; d = √(a + eps) / √(s + eps)·g; p -= lr·d.

        Args:
            a: the mean square of d so far; then a = rho·a + (1 - rho)·d².
        """

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
        """m = β₁·m + (1 - β₁)·g; s = β₂·s + (1 - β₂)·g².

        p -= lr · √(1 - β₂ᵗ) / (1 - β₁ᵗ) · m / (√s + eps).

        Args:
            s_max: the largest s so far, which is below the root in its place (AMSGrad); or None.
        """

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
        """`m = β₁·m + (1 - β₁)·g; u = max(β₂·u, |g|); p -= lr / (1 - β₁ᵗ) · m / (u + eps)`."""

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
        """m = β₁·m + (1 - β₁)·g; s = β₂·s + (1 - β₂)·g²; with μᵢ = β₁·(1 - 0.96ⁱ / 2),

        p -= lr·(μₜ₊₁·m / (1 - μ₁⋯μₜ₊₁) + (1 - μₜ)·g / (1 - μ₁⋯μₜ)) / (√(s / (1 - β₂ᵗ)) + eps).
        """

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
        """z += g + 2·shrinkage·p - ((s + g²)^-power - s^-power) / lr · p; s += g².

        p = (min(max(z, -l1), l1) - z) / (s^-power / lr + 2·l2 + beta / lr), where this divides by
        more than 0.
        """

    def lion_step(
        self, p: Array, g: Array, m: Array, lr: float, beta_1: float, beta_2: float
    ) -> None:
        """p -= lr·sign(β₁·m + (1 - β₁)·g); m = β₂·m + (1 - β₂)·g."""

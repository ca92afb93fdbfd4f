"""Optimizers: one pass over the flat parameters p (P) and gradients g (P)."""

from typing import Protocol

from lstm.backends.contract.types import Array


class OptimizerOps(Protocol):
    """One pass over the flat parameters p (P) and gradients g (P)."""

    def clip_by_global_norm(self, g: Array, max_norm: float) -> float:
        """Scale `g` in place so that ‖g‖ ≤ max_norm; returns the norm before."""

    def sgd_step(
        self, p: Array, g: Array, v: Array, lr: float, momentum: float, nesterov: bool
    ) -> None:
        """v = momentum·v - lr·g; p += v, or momentum·v - lr·g with Nesterov; in place."""

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
        """s = rho·s + (1 - rho)·g²; p -= lr·g / √(s + eps); in place.

        Args:
            m: the mean of the gradient, to center s; None does not center.
                m = rho·m + (1 - rho)·g, and max(0, s - m²) + eps is below the root.
            v: velocity; None for no momentum. v = momentum·v + lr·g / √(s + eps); p -= v.
        """

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
        """Adam with decoupled weight decay (AdamW); in place; `step` counts from 1.

        p -= lr·weight_decay·p; m = β₁·m + (1 - β₁)·g; s = β₂·s + (1 - β₂)·g²;
        p -= lr · √(1 - β₂ᵗ) / (1 - β₁ᵗ) · m / (√s + eps).
        """

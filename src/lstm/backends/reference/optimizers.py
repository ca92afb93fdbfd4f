"""Optimizers: one pass over the flat parameters and gradients; docs/theory/training.md."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def clip_by_global_norm(g: Array, max_norm: float) -> float:
    wide = g.astype(np.float64)  # in float32 the square of an exploding gradient overflows
    norm = float(np.sqrt(wide @ wide))
    if norm > max_norm:
        g *= max_norm / norm
    return norm


def sgd_step(p: Array, g: Array, v: Array, lr: float, momentum: float, nesterov: bool) -> None:
    v *= momentum
    v -= lr * g  # (O1)
    p += momentum * v - lr * g if nesterov else v  # (O2)


def rmsprop_step(
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
    s *= rho
    s += (1 - rho) * g * g  # (O3)
    spread = s
    if m is not None:
        m *= rho
        m += (1 - rho) * g
        spread = np.maximum(s - m * m, 0)  # rounding may take it below
    step = lr * g / np.sqrt(spread + eps)  # (O4)
    if v is not None:
        v *= momentum
        v += step
        step = v
    p -= step


def adam_step(
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
    if weight_decay:
        p *= 1 - lr * weight_decay  # (O5)
    m *= beta_1
    m += (1 - beta_1) * g  # (O6)
    s *= beta_2
    s += (1 - beta_2) * g * g  # (O3)
    unbiased = lr * math.sqrt(1 - beta_2**step) / (1 - beta_1**step)
    p -= unbiased * m / (np.sqrt(s) + eps)  # (O7)

"""Optimizers: one pass over the flat parameters and gradients; docs/theory/training.md."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def mix(y: Array, keep: float, x: Array, share: float) -> None:
    added = share * x
    y *= keep
    y += added


def clip_by_norm(g: Array, ends: NDArray[np.int64], max_norm: float) -> float:
    total = 0.0
    for part in np.split(g, ends[:-1]):
        wide = part.astype(np.float64)  # in float32 the square of an exploding gradient overflows
        square = float(wide @ wide)
        total += square
        if math.sqrt(square) > max_norm:
            part *= max_norm / math.sqrt(square)
    return math.sqrt(total)


def clip_by_value(g: Array, limit: float) -> None:
    np.clip(g, -limit, limit, out=g)


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
    _average(s, g * g, rho)  # (O3)
    spread = s
    if m is not None:
        _average(m, g, rho)
        spread = np.maximum(s - m * m, 0)  # rounding may take it below
    step = lr * g / np.sqrt(spread + eps)  # (O4)
    if v is not None:
        v *= momentum
        v += step
        step = v
    p -= step


def adagrad_step(p: Array, g: Array, s: Array, lr: float, eps: float) -> None:
    s += g * g  # (O8)
    p -= lr * g / np.sqrt(s + eps)  # (O4)


def adadelta_step(
    p: Array, g: Array, s: Array, a: Array, lr: float, rho: float, eps: float
) -> None:
    _average(s, g * g, rho)  # (O3)
    step = np.sqrt(a + eps) / np.sqrt(s + eps) * g  # (O9)
    _average(a, step * step, rho)
    p -= lr * step


def adam_step(
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
    _average(m, g, beta_1)  # (O6)
    _average(s, g * g, beta_2)  # (O3)
    if s_max is not None:
        s = np.maximum(s_max, s, out=s_max)  # (O10)
    unbiased = lr * math.sqrt(1 - beta_2**step) / (1 - beta_1**step)
    p -= unbiased * m / (np.sqrt(s) + eps)  # (O7)


def adamax_step(
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
    _average(m, g, beta_1)  # (O6)
    np.maximum(beta_2 * u, np.abs(g), out=u)  # (O11)
    p -= lr / (1 - beta_1**step) * m / (u + eps)


def nadam_step(
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
    def warmth(t: int) -> float:
        return 1 - 0.5 * 0.96**t

    _average(m, g, beta_1)  # (O6)
    _average(s, g * g, beta_2)  # (O3)
    now, following = beta_1 * warmth(step), beta_1 * warmth(step + 1)
    # From 1000 on, the warmth is 1.
    product = beta_1**step * math.prod(map(warmth, range(1, min(step, 1000) + 1)))
    ahead = following / (1 - product * following) * m + (1 - now) / (1 - product) * g
    p -= lr * ahead / (np.sqrt(s / (1 - beta_2**step)) + eps)  # (O12)


def ftrl_step(
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
    before = s**-power
    s += g * g  # (O8)
    root = s**-power
    z += g + 2 * shrinkage * p - (root - before) / lr * p  # (O13)
    curve = root / lr + 2 * l2 + beta / lr
    np.divide(np.clip(z, -l1, l1) - z, curve, out=p, where=curve > 0)  # (O14)


def lion_step(p: Array, g: Array, m: Array, lr: float, beta_1: float, beta_2: float) -> None:
    p -= lr * np.sign(beta_1 * m + (1 - beta_1) * g)  # (O15)
    _average(m, g, beta_2)


def _average(mean: Array, new: Array, memory: float) -> None:
    """Let a running mean take in new numbers."""
    mean *= memory
    mean += (1 - memory) * new

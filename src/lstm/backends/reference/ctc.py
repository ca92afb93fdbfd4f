"""Connectionist temporal classification: labels of which nobody says at which steps they are.

Logarithms of probabilities grow with the number of steps, their differences decide. So they are
computed in float64, whatever the dtype of the logits.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import Cache

Array = NDArray[Any]


_not_a_number = np.errstate(invalid="ignore")
"""NaN in logits is NaN in the loss, without a warning."""


@_not_a_number
def ctc_forward(z: Array, labels: Array, blank: int, mask: Array | None) -> tuple[Array, Cache]:
    B, T, _ = z.shape
    if mask is None:
        mask = np.ones((B, T), bool)
    log_p = z - np.logaddexp.reduce(z, axis=-1, keepdims=True, dtype=np.float64)  # (C1)
    symbols = _with_blanks(labels, blank)  # (C3)
    emitted = np.take_along_axis(log_p, symbols[:, None], axis=-1)
    skips = _skips(symbols, blank)
    alpha = np.full((B, T + 1, symbols.shape[1]), -np.inf)
    alpha[:, 0, 0] = 0  # (C4)
    for t in range(T):
        before = alpha[:, t]
        arriving = _log_sum(before, _later(before, 1), _later(before, 2) + skips)
        # (C5), (C10)
        alpha[:, t + 1] = np.where(mask[:, t, None], arriving + emitted[:, t], before)
    ends = _ends(labels, blank)
    loss = -np.logaddexp.reduce(alpha[:, T] + ends, axis=-1)  # (C6), which is (C2)
    return loss.astype(z.dtype), (log_p, mask, symbols, emitted, skips, alpha, ends, loss)


@_not_a_number
def ctc_backward(dloss: Array, cache: Cache) -> Array:
    log_p, mask, symbols, emitted, skips, alpha, beta, loss = cache
    possible = np.isfinite(loss)
    loss, rows = np.where(possible, loss, 0)[:, None], np.arange(len(loss))[:, None]
    dz = np.exp(log_p)
    for t in reversed(range(dz.shape[1])):
        posterior = np.exp(alpha[:, t + 1] + beta + loss)  # (C8)
        np.subtract.at(dz[:, t], (rows, symbols), posterior)  # (C9)
        on = beta + emitted[:, t]
        leaving = _log_sum(on, _earlier(on, 1), _earlier(on + skips, 2))
        beta = np.where(mask[:, t, None], leaving, beta)  # (C7), (C10)
    dz *= (dloss * possible)[:, None, None] * mask[..., None]
    return dz.astype(dloss.dtype)


def _with_blanks(labels: Array, blank: int) -> Array:
    """Return the symbols of all states (B, 2L + 1): the labels, with a blank around each."""
    symbols = np.full((labels.shape[0], 2 * labels.shape[1] + 1), blank)
    symbols[:, 1::2] = labels
    return symbols


def _skips(symbols: Array, blank: int) -> Array:
    """Return 0 where a path may come from two states before, else -inf; as (B, S)."""
    others = np.zeros(symbols.shape, bool)
    others[:, 2:] = (symbols[:, 2:] != blank) & (symbols[:, 2:] != symbols[:, :-2])
    return np.where(others, 0.0, -np.inf)


def _ends(labels: Array, blank: int) -> Array:
    """Return 0 at the last label and at the blank behind it, else -inf; as (B, S)."""
    lengths = np.logical_and.accumulate(labels != blank, axis=1).sum(1)[:, None]
    states = np.arange(2 * labels.shape[1] + 1)
    return np.where((states == 2 * lengths) | (states == 2 * lengths - 1), 0.0, -np.inf)


def _later(x: Array, states: int) -> Array:
    """Return x (B, S) at so many states before; -inf where there is none."""
    return np.pad(x, ((0, 0), (states, 0)), constant_values=-np.inf)[:, : x.shape[1]]


def _earlier(x: Array, states: int) -> Array:
    """Return x (B, S) at so many states behind; -inf where there is none."""
    return np.pad(x, ((0, 0), (0, states)), constant_values=-np.inf)[:, states:]


def _log_sum(*terms: Array) -> Array:
    return np.logaddexp(np.logaddexp(terms[0], terms[1]), terms[2])

"""Recurrent layers, in C++: the plain LSTM on a path of its own, all else in one frame."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends import _kernels
from lstm.backends.contract import CELLS, Cache, RecurrentSpec, RecurrentWeights, State
from lstm.backends.native.arrays import empty, like
from lstm.backends.native.layers import ACTIVATIONS

Array = NDArray[Any]

_KEPT = {"lstm": 4, "framed_lstm": 4, "gru": 4}
"""Numbers that a path keeps for each unit and step, for the backward pass; others keep none."""


def recurrent_forward(
    spec: RecurrentSpec,
    x: Array,
    weights: RecurrentWeights,
    state: Sequence[Array | None],
    mask: Array | None,
    recurrent_mask: Array | None,
    keep_cache: bool,
) -> tuple[Array, State, Cache]:
    path = "inference_lstm" if spec.cell == "lstm" and not keep_cache else spec.cell
    return run(path, spec, x, weights, state, mask, recurrent_mask, keep_cache)


def run(
    path: str,
    spec: RecurrentSpec,
    x: Array,
    weights: RecurrentWeights,
    state: Sequence[Array | None],
    mask: Array | None,
    recurrent_mask: Array | None,
    keep_cache: bool,
) -> tuple[Array, State, Cache]:
    """`recurrent_forward` by a path of the kernels, which its backward pass takes too."""
    (B, T), H = x.shape[:2], weights.r.shape[0]
    first = state if len(state) == 2 else (*state, None)
    gates = empty((B, T, _KEPT[path] * H)) if path in _KEPT else None
    masked_h = None if recurrent_mask is None else empty((B, T, H))
    c = None if len(state) == 1 else empty((B, H) if gates is None else (B, T, H))
    y = empty((B, T, H))
    inputs = (None, x) if x.ndim == 2 else (x, None)
    codes = spec.reverse, ACTIVATIONS[spec.activation], ACTIVATIONS[spec.recurrent_activation]
    options = *first, mask, recurrent_mask, *codes
    getattr(_kernels, f"{path}_forward")(*inputs, *weights, *options, gates, masked_h, c, y)
    if T:
        last = tuple(_last(part, spec.reverse) for part in (y, c) if part is not None)
    else:
        last = tuple(np.zeros((B, H), np.float32) if part is None else part for part in state)
    if not keep_cache:
        return y, last, None
    arguments = *inputs, weights.w, weights.r, *options, gates, masked_h, c, y
    return y, last, (path, spec, arguments)


def recurrent_backward(
    dy: Array | None,
    dstate: Sequence[Array | None],
    cache: Cache,
    gradients: RecurrentWeights,
    need_dx: bool,
) -> tuple[Array | None, State]:
    path, _, (x, *given, gates, masked_h, c, y) = cache
    B, _, H = y.shape
    d = tuple(_gradient_of_state(part, (B, H)) for part in dstate)
    dh, dc = d if len(d) == 2 else (*d, None)
    dx = like(x) if need_dx and x is not None else None
    dz = like(y) if gates is None else gates
    outputs = dz, masked_h, c, y, dy, dh, dc, *gradients, dx
    getattr(_kernels, f"{path}_backward")(x, *given, *outputs)
    return dx, d


def recurrent_gates(cache: Cache) -> dict[str, Array]:
    _, spec, (*_, gates, _, c, y) = cache
    cell, H = CELLS[spec.cell], y.shape[2]
    found = dict(zip(cell.states, (y, c), strict=False))
    for k, name in enumerate(cell.gates):
        found[name] = gates[..., k * H : (k + 1) * H]
    return found


def _last(states: Array, reverse: bool) -> Array:
    """The last of some states (B, T, H), as an array of its own; what is one already stays."""
    return states if states.ndim == 2 else states[:, 0 if reverse else -1].copy()


def _gradient_of_state(d: Array | None, shape: tuple[int, ...]) -> Array:
    """A copy that the kernel may change."""
    return np.zeros(shape, np.float32) if d is None else np.array(d, order="C")

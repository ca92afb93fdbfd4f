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

_CODES = {name: code for code, name in enumerate(CELLS)}

_KEPT = {"lstm": 4, "gru": 4, "rnn": 0}
"""Numbers that are kept for each unit and step, for the backward pass."""


def recurrent_forward(
    spec: RecurrentSpec,
    x: Array,
    weights: RecurrentWeights,
    state: Sequence[Array | None],
    mask: Array | None,
    recurrent_mask: Array | None,
    keep_cache: bool,
) -> tuple[Array, State, Cache]:
    given = spec, x, weights, state, mask, recurrent_mask, keep_cache
    return run(*given, framed=spec.cell != "lstm")


def run(
    spec: RecurrentSpec,
    x: Array,
    weights: RecurrentWeights,
    state: Sequence[Array | None],
    mask: Array | None,
    recurrent_mask: Array | None,
    keep_cache: bool,
    *,
    framed: bool,
) -> tuple[Array, State, Cache]:
    """`recurrent_forward`, in the frame or on the path of the plain LSTM, and its backward pass."""
    w, r, b = weights
    (B, T), H = x.shape[:2], r.shape[0]
    h0, c0 = state if len(state) == 2 else (*state, None)
    kept = _KEPT[spec.cell]
    gates = empty((B, T, kept * H)) if kept and (keep_cache or framed) else None
    masked_h = None if recurrent_mask is None else empty((B, T, H))
    c = None if len(state) == 1 else empty((B, H) if gates is None else (B, T, H))
    y = empty((B, T, H))
    vectors, tokens = (None, np.ascontiguousarray(x)) if x.ndim == 2 else (x, None)
    codes = spec.reverse, ACTIVATIONS[spec.activation], ACTIVATIONS[spec.recurrent_activation]
    options = mask, recurrent_mask, *codes
    _kernels.recurrent_forward(
        _CODES[spec.cell], vectors, tokens, w, r, b, h0, c0, *options, gates, masked_h, c, y, framed
    )
    if T:
        last = tuple(_last(part, spec.reverse) for part in (y, c) if part is not None)
    else:
        last = tuple(np.zeros((B, H), np.float32) if part is None else part for part in state)
    if not keep_cache:
        return y, last, None
    arguments = vectors, tokens, w, r, h0, c0, *options, gates, masked_h, c, y
    return y, last, (spec, framed, arguments)


def recurrent_backward(
    dy: Array | None,
    dstate: Sequence[Array | None],
    cache: Cache,
    gradients: RecurrentWeights,
    need_dx: bool,
) -> tuple[Array | None, State]:
    spec, framed, (vectors, *given, gates, masked_h, c, y) = cache
    B, _, H = y.shape
    d = tuple(_gradient_of_state(part, (B, H)) for part in dstate)
    dh, dc = d if len(d) == 2 else (*d, None)
    dx = like(vectors) if need_dx and vectors is not None else None
    dz = like(y) if gates is None else gates
    outputs = dz, masked_h, c, y, dy, dh, dc, *gradients, dx, framed
    _kernels.recurrent_backward(*(_CODES[spec.cell], vectors, *given, *outputs))
    return dx, d


def recurrent_gates(cache: Cache) -> dict[str, Array]:
    spec, _, (*_, gates, _, c, y) = cache
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

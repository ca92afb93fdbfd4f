"""Recurrent layers, in C++: the plain LSTM on a path of its own, all else in one frame."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends import _kernels
from lstm.backends.contract import CELLS, Cache, CellName, RecurrentSpec, RecurrentWeights, State
from lstm.backends.native.arrays import empty, like
from lstm.backends.native.layers import ACTIVATIONS

Array = NDArray[Any]

_CODES = {name: code for code, name in enumerate(CELLS)}

PLAIN = "lstm", ()
"""The cell that has a path of its own, and its options."""


@cache
def _options(cell: CellName, options: tuple[str, ...]) -> tuple[int, int]:
    """The options of a cell as bits, and how much is kept of each step, in blocks of H."""
    bits = sum(1 << CELLS[cell].options.index(option) for option in options)
    _, kept, _, _ = _kernels.cell_sizes(_CODES[cell], bits)
    return bits, kept


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
    return run(*given, framed=(spec.cell, spec.options) != PLAIN)


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
    B, T, *_ = x.shape
    H = r.shape[0]
    bits, kept = _options(spec.cell, spec.options)
    h0, c0 = state if len(state) == 2 else (state[0], None)
    whole = B, T, H
    gates = empty((B, T, kept * H)) if kept > 1 and (keep_cache or framed) else None
    masked_h = None if recurrent_mask is None else empty(whole)
    c = None if len(state) == 1 else empty((B, H) if gates is None else whole)
    y = empty(whole)
    vectors, tokens = (None, np.ascontiguousarray(x)) if x.ndim == 2 else (x, None)
    # In the order of the kernel's arguments, which the backward pass takes again, but for b.
    cell: Any = _CODES[spec.cell], bits, vectors, tokens, w, r
    codes = spec.reverse, ACTIVATIONS[spec.activation], ACTIVATIONS[spec.recurrent_activation]
    steps: Any = h0, c0, mask, recurrent_mask, *codes, gates, masked_h, c, y
    _kernels.recurrent_forward(*(*cell, b, *steps, framed))
    if not T:
        last = tuple([np.zeros((B, H), np.float32) if part is None else part for part in state])
    elif c is None:
        last = (_last(y, spec.reverse),)
    else:
        last = _last(y, spec.reverse), _last(c, spec.reverse)
    return y, last, (spec, framed, cell, steps) if keep_cache else None


def recurrent_backward(
    dy: Array | None,
    dstate: Sequence[Array | None],
    cache: Cache,
    gradients: RecurrentWeights,
    need_dx: bool,
) -> tuple[Array | None, State]:
    _, framed, cell, (*given, gates, masked_h, c, y) = cache
    vectors = cell[2]
    dh, dc = dstate if len(dstate) == 2 else (dstate[0], None)
    shape = y.shape[0], y.shape[2]
    dh = _gradient_of_state(dh, shape)
    dc = None if c is None else _gradient_of_state(dc, shape)
    dx = like(vectors) if need_dx and vectors is not None else None
    dz = like(y) if gates is None else gates
    outputs = dz, masked_h, c, y, dy, dh, dc, *gradients, dx, framed
    _kernels.recurrent_backward(*(*cell, *given, *outputs))
    return dx, (dh,) if dc is None else (dh, dc)


def recurrent_gates(cache: Cache) -> dict[str, Array]:
    spec, *_, (*_, gates, _, c, y) = cache
    layout, H = spec.layout, y.shape[2]
    found = dict(zip(layout.states, (y, c), strict=False))
    for k, name in enumerate(layout.gates):
        found[name] = gates[..., k * H : (k + 1) * H]
    return found


def _last(states: Array, reverse: bool) -> Array:
    """The last of some states (B, T, H), as an array of its own; what is one already stays."""
    return states if states.ndim == 2 else states[:, 0 if reverse else -1].copy()


def _gradient_of_state(d: Array | None, shape: tuple[int, ...]) -> Array:
    """A copy that the kernel may change."""
    return np.zeros(shape, np.float32) if d is None else np.array(d, order="C")

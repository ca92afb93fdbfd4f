"""All steps of a recurrent layer, around the cell that computes one.

The labels are those in docs/theory/ for the LSTM, the simple layer and the GRU, which share this
code.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import Cache, RecurrentSpec, RecurrentWeights
from lstm.backends.reference.cells import MODULES, gru
from lstm.backends.reference.products import Products
from lstm.backends.reference.quantization import plain

Array = NDArray[Any]
Arrays = tuple[Array, ...]


class ReferenceRecurrent(Products):
    """Recurrent layers."""

    def recurrent_forward(
        self,
        spec: RecurrentSpec,
        x: Array,
        weights: RecurrentWeights,
        state: Sequence[Array | None],
        mask: Array | None,
        recurrent_mask: Array | None,
        keep_cache: bool,
    ) -> tuple[Array, Arrays, Cache]:
        cell, layout = MODULES[spec.cell], spec.layout
        w, r, b = weights
        dtype = w.dtype if _tokens(x) else x.dtype
        (B, T), H = x.shape[:2], r.shape[1] // layout.blocks
        first = tuple(
            np.zeros((B, width), dtype) if part is None else part
            for part, width in zip(state, layout.widths(H), strict=True)
        )
        b_x, b_h = (None, None) if b is None else (b, None) if layout.biases == 1 else b
        xw = self.x_side(x, w, b_x)
        states = tuple(np.empty((B, T, part.shape[1]), dtype) for part in first)
        kept: list[dict[str, Array]] = [{}] * T

        now = first
        for t in order(T, spec.reverse):
            seen = _seen(now[0], recurrent_mask)
            q = self.product(seen, r)
            if b_h is not None:
                q = q + b_h  # (G1)
            if "reset_before" in spec.options:
                again = gru.reset(spec, xw[:, t], q) * seen
                q[:, 2 * H :] = self.product(again, r)[:, 2 * H :]  # (G19)
            new, kept[t] = cell.forward(spec, xw[:, t], q, now)
            if mask is not None:  # (L8), (R3), (G7)
                m = mask[:, t, None]
                new = tuple(np.where(m, n, o) for n, o in zip(new, now, strict=True))
            now = new
            for array, part in zip(states, now, strict=True):
                array[:, t] = part

        cache = spec, x, weights, first, mask, recurrent_mask, states, kept
        return states[0], now, cache if keep_cache else None

    def recurrent_backward(
        self,
        dy: Array | None,
        dstate: Sequence[Array | None],
        cache: Cache,
        gradients: RecurrentWeights,
        need_dx: bool,
    ) -> tuple[Array | None, Arrays]:
        spec, x, weights, first, mask, recurrent_mask, states, kept = cache
        dtype = first[0].dtype
        w, r = plain(weights.w), plain(weights.r)
        cell, layout = MODULES[spec.cell], spec.layout
        dw, dr, db = gradients
        B, T = x.shape[:2]
        before = [
            states_before(of_all, start, spec.reverse)
            for of_all, start in zip(states, first, strict=True)
        ]
        d = tuple(
            np.zeros_like(start) if part is None else part
            for part, start in zip(dstate, first, strict=True)
        )
        dz, dq = (np.zeros((B, T, w.shape[1]), dtype) for _ in range(2))

        for t in reversed(order(T, spec.reverse)):
            if dy is not None:
                d = (d[0] + dy[:, t], *d[1:])  # (B1), (R4), (G8)
            at_t = [tuple(part[:, t] for part in every) for every in (before, states)]
            dz[:, t], dq[:, t], rest = cell.backward(spec, d, kept[t], *at_t)
            if mask is not None:
                dz[:, t] *= mask[:, t, None]
                dq[:, t] *= mask[:, t, None]
            through = None
            if "reset_before" in spec.options:
                seen = _seen(before[0][:, t], recurrent_mask)
                through = self._through_reset(spec, kept[t], seen, r, dz[:, t], dq[:, t])
            back = self.product(dq[:, t], r.T)  # (B7), (R6), (G13)
            if through is not None:
                back = back + through  # (G21)
            if recurrent_mask is not None:
                back = back * recurrent_mask  # (B14)
            d_before = (rest[0] + back, *rest[1:])
            if mask is not None:  # (B8), (R7), (G14)
                m = mask[:, t, None]
                d_before = tuple(np.where(m, n, o) for n, o in zip(d_before, d, strict=True))
            d = d_before

        if dw is not None:  # (B9), (R8), (G15)
            if _tokens(x):
                np.add.at(dw, x, dz)
            else:
                dw += self.summed_product(x, dz)
        if dr is not None:
            h_before = before[0]
            if recurrent_mask is not None:
                h_before = h_before * recurrent_mask[:, None]  # (B15)
            dr += self.summed_product(h_before, dq)  # (B10), (R9), (G16)
            if "reset_before" in spec.options and T:
                again = np.stack([step["s"] for step in kept], 1) * h_before
                H = again.shape[2]
                dr[:, 2 * H :] += self.summed_product(again, dz[..., 2 * H :])  # (G22)
        if db is not None:  # (B11), (R10), (G17)
            sides = dz.sum((0, 1)), dq.sum((0, 1))
            db += sides[0] if layout.biases == 1 else np.stack(sides)
        dx = self.product(dz, w.T) if need_dx and not _tokens(x) else None  # (B12), (R11), (G18)
        return dx, d

    def _through_reset(
        self,
        spec: RecurrentSpec,
        kept: dict[str, Array],
        seen: Array,
        r: Array,
        dz: Array,
        dq: Array,
    ) -> Array:
        """Add what the reset gates get to dz and dq of a step; return what the state gets."""
        s, H = kept["s"], seen.shape[1]
        dagain = self.product(dz[:, 2 * H :], r[:, 2 * H :].T)  # (G20)
        dz[:, H : 2 * H] = dq[:, H : 2 * H] = gru.reset_backward(spec, dagain * seen, s)
        return s * dagain

    def x_side(self, x: Array, w: Any, b: Array | None) -> Array:
        """Return x·w + b for all steps; tokens stand for rows of the identity."""
        xw = w[x] if _tokens(x) else self.product(x, w)
        return xw if b is None else xw + b


def recurrent_gates(cache: Cache) -> dict[str, Array]:
    spec, *_, mask, _, states, kept = cache
    found = dict(zip(spec.layout.states, states, strict=True))
    for name in spec.layout.gates:
        gate = np.stack([step[name] for step in kept], 1) if kept else states[0]
        found[name] = gate if mask is None else gate * mask[..., None]
    return found


def order(T: int, reverse: bool) -> range:
    """Return the time steps in order of computation."""
    return range(T - 1, -1, -1) if reverse else range(T)


def _seen(h: Array, recurrent_mask: Array | None) -> Array:
    """Return what r multiplies."""
    return h if recurrent_mask is None else h * recurrent_mask  # (L10)


def _tokens(x: Array) -> bool:
    """Whether `x` holds tokens (B, T) rather than vectors (B, T, D)."""
    return x.ndim == 2


def states_before(states: Array, first: Array, reverse: bool) -> Array:
    """Return, for each step of `states` (B, T, H), the state before it."""
    if reverse:
        return np.concatenate((states, first[:, None]), 1)[:, 1:]
    return np.concatenate((first[:, None], states), 1)[:, :-1]

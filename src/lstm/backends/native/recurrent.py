"""Recurrent layers, in C++: two fast paths for the plain LSTM, one frame for all others."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from math import prod
from operator import getitem
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstm.backends import _kernels, lanes
from lstm.backends.contract import (
    CELLS,
    Cache,
    CellName,
    Quantized,
    RecurrentSpec,
    RecurrentWeights,
    State,
)
from lstm.backends.native.arithmetic import NativeArithmetic
from lstm.backends.native.layers import ACTIVATIONS
from lstm.backends.native.quantization import NativeQuantization
from lstm.backends.native.ragged import Ragged, spread

Array = NDArray[Any]


class KernelPath(NamedTuple):
    """A way through the kernels.

    Attributes:
        forward, backward: the names of its kernels.
        kept: blocks of H numbers to keep from each step for the backward pass; 0 for none.
        lanes: whether they are kept as `backends.lanes` says.
        pack: the operation that packs kernels for it; None if it reads them as they are.
        pack_table: the same of the kernel of tokens.
    """

    forward: str
    backward: str
    kept: int
    lanes: bool = False
    pack: str | None = None
    pack_table: str | None = None


LANES = KernelPath("lanes_lstm_forward", "lanes_lstm_backward", lanes.BLOCKS, True)
"""The path for narrow layers: sequences lie in the lanes of vectors, where units would not fill
them."""


@cache
def path_of(cell: CellName, options: tuple[str, ...], keep_cache: bool, framed: bool) -> KernelPath:
    """Return the fastest path for a cell with these options; if `framed`, the general one."""
    bits = sum(1 << CELLS[cell].options.index(option) for option in options)
    _, kept, _, _ = _kernels.cell_sizes(list(CELLS).index(cell), bits)
    name = f"framed_{cell}_{bits}" if bits else f"framed_{cell}"
    pack: tuple[str, str | None] = "pack_panels", None
    if cell == "lstm" and not bits and not framed:
        name = "lstm" if keep_cache else "inference_lstm"
        kept *= keep_cache
        pack = "pack_gates", "pack_table"
    kept = 0 if kept == 1 else kept
    return KernelPath(f"{name}_forward", f"{name}_backward", kept, False, *pack)


@cache
def int8_path_of(cell: CellName, options: tuple[str, ...], keep_cache: bool) -> KernelPath:
    """Return the path with int8 weights; the way back is that of the general one."""
    general = path_of(cell, options, True, True)
    name = general.forward.removeprefix("framed_")
    if not keep_cache and general.kept:
        return KernelPath(f"int8_inference_{name}", general.backward, 0)
    return general._replace(forward=f"int8_{name}")


class Call(NamedTuple):
    """What `recurrent_forward` computes: on a path, and as the contract says."""

    path: KernelPath
    spec: RecurrentSpec
    x: Array
    weights: RecurrentWeights
    state: Sequence[Array | None]
    recurrent_mask: Array | None

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of the outputs, (B, T, H)."""
        (B, T, *_), (_, r, _) = self.x.shape, self.weights
        return B, T, r.shape[0]

    @property
    def shape_of_cells(self) -> tuple[int, ...] | None:
        """The shape of the cells: of all steps, or where none is kept the last ones, or None."""
        if len(self.spec.layout.states) == 1:
            return None
        B, T, H = self.shape
        return (B, T, H) if self.path.kept and not self.path.lanes else (B, H)


class NativeRecurrent(NativeArithmetic, NativeQuantization):
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
    ) -> tuple[Array, State, Cache]:
        _, r, _ = weights
        which, sizes = (spec.cell, spec.options, keep_cache), (x.shape[0], r.shape[0])
        if isinstance(r, Quantized):
            path = int8_path_of(*which)
        else:
            path = path_of(*which, False)
            if path.forward == "lstm_forward" and self.kernels.best_in_lanes(*sizes):
                path = LANES if mask is None or lanes.are_filled(mask) else path
        return self.run(path, spec, x, weights, state, mask, recurrent_mask, keep_cache)

    def run(
        self,
        path: KernelPath,
        spec: RecurrentSpec,
        x: Array,
        weights: RecurrentWeights,
        state: Sequence[Array | None],
        mask: Array | None,
        recurrent_mask: Array | None,
        keep_cache: bool,
    ) -> tuple[Array, State, Cache]:
        """Run `recurrent_forward` on a path of the kernels, which its backward pass also uses."""
        call = Call(path, spec, x, weights, state, recurrent_mask)
        if mask is not None and not mask.all():
            return self._run_ragged(call, mask, keep_cache)
        (B, T, H), of_cells = call.shape, call.shape_of_cells
        y, c = self.empty((B, T, H)), self.empty(of_cells) if of_cells else None
        kept = self._steps(call, None, y, c)
        last: State
        if not T:
            zeros = (B, H), "float32"
            last = tuple([self.zeros(*zeros) if part is None else part for part in state])
        else:
            last = tuple([self._last(part, spec.reverse) for part in (y, c) if part is not None])
        return y, last, (path, spec, *kept, None, ()) if keep_cache else None

    def _run_ragged(self, call: Call, mask: Array, keep_cache: bool) -> tuple[Array, State, Cache]:
        """Run the real steps alone, forwards: a mask costs what they cost."""
        (B, T, H), state, x = call.shape, call.state, call.x
        ragged = self.of_data(Ragged.of, mask, call.spec.reverse)
        rows = self.reshape(x, (B * T, *x.shape[2:]))
        if x.ndim == 2:
            rows = self.of_data(getitem, rows, ragged.steps)
        else:
            rows = self.take(rows, ragged.steps, 0)
        *given, dropped = [
            None if part is None else self.take(part, ragged.sequences, 0)
            for part in (*state, call.recurrent_mask)
        ]
        forwards = replace(call.spec, reverse=False)
        real = Call(call.path, forwards, self.reshape(rows, x.shape), call.weights, given, dropped)
        of_y, y = self._room((B, T, H), state[0])
        of_c, c = self._room(call.shape_of_cells, state[1]) if call.shape_of_cells else (None, None)
        kept = self._steps(real, ragged.lengths, y, c)
        last = [self.take(of_y, ragged.last, 0)]
        if of_c is not None and c is not None:
            last.append(self.take(of_c, ragged.last if c.ndim == 3 else ragged.ended, 0))
        shown = self.reshape(self.take(of_y, ragged.shown, 0), (B, T, H))
        cache = (call.path, forwards, *kept, ragged, state) if keep_cache else None
        return shown, tuple(last), cache

    def _room(self, shape: tuple[int, ...], first: Array | None) -> tuple[Array, Array]:
        """Return rows for states of some shape (B, ..., H), behind them the first ones; and those.

        Args:
            shape: (B, T, H), or (B, H).
            first: the first states (B, H); None if they are zeros.
        """
        (B, *_, H), count = shape, prod(shape[:-1])
        rows = self.empty((count + B, H))
        behind = self.part(rows, count, count + B)
        if first is None:
            self.fill(behind, 0.0)
        else:
            self.assign(behind, first)
        return rows, self.reshape(self.part(rows, 0, count), shape)

    def _steps(
        self, call: Call, lengths: Array | None, y: Array, c: Array | None
    ) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Compute y (B, T, H) and the cells, and return what a kernel for the way back reads.

        Args:
            lengths: steps of each sequence, the longest first; None if all have T.
        """
        path, spec, x, (w, r, b), state, recurrent_mask = call
        B, T, H = y.shape
        h0, c0 = state if len(state) == 2 else (state[0], None)
        rows = lanes.rows(B) if path.lanes else B
        gates = self.empty((rows, T, path.kept * H)) if path.kept else None
        masked_h = None if recurrent_mask is None else self.empty(y.shape)
        read = (None, x) if x.ndim == 2 else (x, None)
        codes = spec.reverse, ACTIVATIONS[spec.activation], ACTIVATIONS[spec.recurrent_activation]
        steps = h0, c0, lengths, recurrent_mask, *codes, gates, masked_h, c, y
        given: tuple[Any, ...]
        if not isinstance(r, Quantized):
            given = w, r, *self._packed(path, x, w, r, b)
        else:
            of_w = (w.values, w.scale, None) if isinstance(w, Quantized) else (None, None, w)
            given = (*of_w, r.values, r.scale)
        getattr(self.kernels, path.forward)(*read, *given, b, *steps)
        return (*read, w, r), steps

    def _packed(
        self, path: KernelPath, x: Array, w: Array, r: Array, b: Array | None
    ) -> tuple[Array | None, Array | None]:
        """Return what a path makes of w and r, where it is kept."""
        B, T, *_ = x.shape
        # Where nothing is kept, the fast path may still go through lanes.
        free = path.pack_table is not None and not path.kept
        if not path.pack or (free and self.kernels.best_in_lanes(B, r.shape[0])):
            return None, None
        of_w = None
        if x.ndim == 3:
            of_w = self.packed(path.pack, B * T, w)
        elif path.pack_table:
            of_w = self.packed(path.pack_table, B * T, w, b)
        return of_w, self.packed(path.pack, B * T, r)

    def recurrent_backward(
        self,
        dy: Array | None,
        dstate: Sequence[Array | None],
        cache: Cache,
        gradients: RecurrentWeights,
        need_dx: bool,
    ) -> tuple[Array | None, State]:
        _, _, (x, *_), (*_, y), ragged, _ = cache
        B, T, H = y.shape
        need_dx = need_dx and x is not None
        d = [self._gradient_of_state(part, (B, H)) for part in dstate]
        if ragged is None:
            dx = self.like(x) if need_dx else None
            self._steps_back(cache, dy, d, gradients, dx)
            return dx, tuple(d)
        dy_rows = d_first = dx_rows = dx = None
        if dy is not None:
            rows = self.take_backward(self.reshape(dy, (B * T, H)), ragged.shown, 0, B * T + B)
            dy_rows = self.reshape(self.part(rows, 0, B * T), y.shape)
            d_first = self.part(rows, B * T, B * T + B)
        if need_dx:
            dx = self.empty((B * T + 1, x.shape[2]))
            self.fill(self.part(dx, B * T, B * T + 1), 0.0)
            dx_rows = self.reshape(self.part(dx, 0, B * T), x.shape)
        d = [self.take(part, ragged.sequences, 0) for part in d]
        self._steps_back(cache, dy_rows, d, gradients, dx_rows)
        d = [self.take(part, ragged.places, 0) for part in d]
        if d_first is not None:
            self.accumulate(d_first, d[0])
        if dx is not None:
            dx = self.reshape(self.take(dx, ragged.own, 0), x.shape)
        return dx, tuple(d)

    def _steps_back(
        self,
        cache: Cache,
        dy: Array | None,
        d: Sequence[Array],
        gradients: RecurrentWeights,
        dx: Array | None,
    ) -> None:
        """Go back through the steps of `_steps`.

        Args:
            d: the gradients of the last states, which become those of the first.
            dx: where the gradient of x is written; None if it is not wanted.
        """
        path, _, (x, tokens, w, r), (*given, gates, masked_h, c, y), *_ = cache
        inputs = x, tokens, self.plain(w), self.plain(r)
        dh, dc = d if len(d) == 2 else (d[0], None)
        dz = self.like(y) if gates is None else gates
        getattr(self.kernels, path.backward)(
            *inputs, *given, dz, masked_h, c, y, dy, dh, dc, *gradients, dx
        )

    def recurrent_gates(self, cache: Cache) -> dict[str, Array]:
        path, spec, _, (*_, gates, _, c, y), ragged, first = cache
        layout, (B, _, H) = spec.layout, y.shape
        if path.lanes:
            gates, c = lanes.out_of_lanes(gates, y.shape)
        states: Sequence[Array] = [part for part in (y, c) if part is not None]
        if ragged is not None:
            before = [np.zeros((B, H), np.float32) if part is None else part for part in first]
            states = [spread(*parts, ragged.shown) for parts in zip(states, before, strict=True)]
        found = dict(zip(layout.states, states, strict=True))
        if ragged is not None and layout.gates:
            gates = spread(gates, np.zeros((1, gates.shape[2]), np.float32), ragged.own)
        for k, name in enumerate(layout.gates):
            found[name] = gates[..., k * H : (k + 1) * H]
        return found

    def _last(self, states: Array, reverse: bool) -> Array:
        """Return the last of some states (B, T, H); without a time axis, they are the last."""
        if states.ndim == 2:
            return states
        return self.slice_forward(states, (slice(None), 0 if reverse else -1))

    def _gradient_of_state(self, d: Array | None, shape: tuple[int, ...]) -> Array:
        """Return a copy that the kernel may change."""
        return self.zeros(shape, "float32") if d is None else self.copy(d)

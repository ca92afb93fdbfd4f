"""The recurrent operations, called with their arguments by name, as the tests have them."""

from collections.abc import Sequence
from typing import Any

from lstm.backends.contract import Ops, RecurrentSpec, RecurrentWeights
from op_cases import Array, Arrays, Pullback


def through(ops: Ops, spec: RecurrentSpec, a: Arrays) -> tuple[tuple[Any, ...], Pullback]:
    """The outputs, and the backward pass."""
    states = [f"{state}0" for state in spec.layout.states]
    y, last, cache = ops.recurrent_forward(
        spec,
        a["x"] if "x" in a else a["tokens"],
        RecurrentWeights(a["w"], a["r"], a.get("b")),
        [a.get(name) for name in states],
        a.get("mask"),
        a.get("recurrent_mask"),
        True,
    )

    def pull(dys: Sequence[Array | None], buffers: Arrays, need: bool) -> Arrays:
        gradients = RecurrentWeights(*(buffers.get(name) for name in ("w", "r", "b")))
        dx, first = ops.recurrent_backward(dys[0], dys[1:], cache, gradients, need)
        return ({"x": dx} if "x" in a else {}) | dict(zip(states, first, strict=True))

    return (y, *last), pull


def lstm_forward(
    ops: Ops,
    x: Array,
    w: Array,
    r: Array,
    b: Array | None,
    h0: Array | None,
    c0: Array | None,
    mask: Array | None,
    recurrent_mask: Array | None,
    reverse: bool,
    activation: Any,
    recurrent_activation: Any,
    keep_cache: bool,
) -> Any:
    """y, h_n, c_n and cache of an LSTM."""
    spec = RecurrentSpec("lstm", activation, recurrent_activation, reverse)
    weights = RecurrentWeights(w, r, b)
    y, (h, c), cache = ops.recurrent_forward(
        spec, x, weights, (h0, c0), mask, recurrent_mask, keep_cache
    )
    return y, h, c, cache


def lstm_backward(
    ops: Ops,
    dy: Array | None,
    dh_n: Array | None,
    dc_n: Array | None,
    cache: Any,
    dw: Array | None,
    dr: Array | None,
    db: Array | None,
    need_dx: bool,
) -> Any:
    """dx, dh0 and dc0 of an LSTM."""
    gradients = RecurrentWeights(dw, dr, db)
    dx, (dh0, dc0) = ops.recurrent_backward(dy, (dh_n, dc_n), cache, gradients, need_dx)
    return dx, dh0, dc0


def functions(ops: Ops, variant: str) -> tuple[Any, Any]:
    """The passes of a cell with one state, as functions of their arguments in a row.

    Its options follow its name, as in `recurrent_cases.VARIANTS`.
    """
    cell: Any
    cell, *options_of_cell = variant.split("-")

    def forward(
        x: Array,
        w: Array,
        r: Array,
        b: Array | None,
        h0: Array | None,
        mask: Array | None,
        recurrent_mask: Array | None,
        reverse: bool,
        *options: Any,
    ) -> Any:
        *activations, keep_cache = options
        spec = RecurrentSpec(cell, *activations, reverse=reverse, options=tuple(options_of_cell))
        weights = RecurrentWeights(w, r, b)
        y, (h,), cache = ops.recurrent_forward(
            spec, x, weights, (h0,), mask, recurrent_mask, keep_cache
        )
        return y, h, cache

    def backward(
        dy: Array | None, dh_n: Array | None, cache: Any, *rest: Any
    ) -> tuple[Array | None, Array]:
        *gradients, need_dx = rest
        weights = RecurrentWeights(*gradients)
        dx, (dh0,) = ops.recurrent_backward(dy, (dh_n,), cache, weights, need_dx)
        return dx, dh0

    return forward, backward

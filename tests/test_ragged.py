"""Masked steps: kernels get the real steps alone, and compute no others."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lstm.backends import lanes
from lstm.backends.contract import CELLS, RecurrentSpec, RecurrentWeights
from lstm.backends.native import Native
from lstm.backends.native.ragged import Ragged
from lstm.backends.native.recurrent import LANES, KernelPath, path_of
from native_cases import threads
from op_cases import Array


class Filled(Native):
    """Whatever was in memory is not a number."""

    def empty(self, shape: tuple[int, ...]) -> Array:
        return np.full(shape, np.nan, np.float32)


native = Filled()

MASKS = arrays.arrays(bool, arrays.array_shapes(min_dims=2, max_dims=2, max_side=6))


@given(mask=MASKS, reverse=st.booleans())
def test_rows_are_the_real_steps_in_the_order_of_computation(mask: Array, reverse: bool) -> None:
    ragged = Ragged.of(mask, reverse)
    B, T = mask.shape
    order = range(T - 1, -1, -1) if reverse else range(T)
    real = {b: [b * T + t for t in order if mask[b, t]] for b in range(B)}
    assert ragged.lengths.tolist() == sorted((len(r) for r in real.values()), reverse=True)
    steps = ragged.steps.reshape(B, T)
    for n, b in enumerate(ragged.sequences):
        assert steps[n, : ragged.lengths[n]].tolist() == real[b]
        assert ragged.places[b] == n
        assert ragged.ended[b] == (n if real[b] else B + b)
    if mask.any():
        assert mask.reshape(-1)[ragged.steps].all()  # also where a sequence has ended

    own, shown = (index.reshape(B, T) for index in (ragged.own, ragged.shown))
    for b in range(B):
        latest = B * T + b
        for t in order:
            if mask[b, t]:
                latest = own[b, t]
                assert ragged.steps[latest] == b * T + t
            else:
                assert own[b, t] == B * T
            assert shown[b, t] == latest
        assert ragged.last[b] == latest


SPECS = [RecurrentSpec(cell, "tanh", "sigmoid") for cell in CELLS]
SPECS += [
    RecurrentSpec(cell, "tanh", "sigmoid", options=(option,))
    for cell in CELLS
    for option in CELLS[cell].options
]
PATHS = [
    (spec, path_of(spec.cell, spec.options, True, framed)) for spec in SPECS for framed in (0, 1)
]
PATHS.append((SPECS[0], LANES))


def named(part: Any) -> str:
    return part.forward if isinstance(part, KernelPath) else part.cell


@pytest.mark.parametrize("tokens", [False, True], ids=["vectors", "tokens"])
@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "reverse"])
@pytest.mark.parametrize(("spec", "path"), PATHS, ids=named)
def test_nobody_reads_what_is_masked(
    spec: RecurrentSpec, path: KernelPath, reverse: bool, tokens: bool
) -> None:
    rng = np.random.default_rng(3)
    B, T, D, H = 39, 6, 5, 7
    spec = replace(spec, reverse=reverse)
    layout = spec.layout
    shapes = [(D, layout.blocks * H), (H, layout.blocks * H)]
    shapes.append((layout.blocks * H,) if layout.biases == 1 else (2, layout.blocks * H))
    weights = RecurrentWeights(*(rng.normal(0, 0.5, s).astype(np.float32) for s in shapes))
    mask = rng.random((B, T)) < 0.5
    mask[0] = False
    x = rng.integers(0, D, (B, T)) if tokens else rng.normal(size=(B, T, D)).astype(np.float32)
    dy = rng.normal(size=(B, T, H)).astype(np.float32)
    state = [rng.normal(size=(B, H)).astype(np.float32) for _ in layout.states]

    def results(padding: float) -> list[Array]:
        given = x.copy()
        given[~mask] = padding
        gradients = RecurrentWeights(*(np.zeros_like(w) for w in weights))
        with threads(3):  # The way back is divided otherwise.
            y, last, cache = native.run(path, spec, given, weights, state, mask, None, True)
        gates = [gate.copy() for gate in native.recurrent_gates(cache).values()]
        with threads(1):
            dx, d = native.recurrent_backward(dy, [None] * len(state), cache, gradients, True)
        return [y, *last, *gates, *d, *gradients, *([] if dx is None else [dx])]

    expected, got = results(0), results(D - 1 if tokens else np.nan)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.isfinite(a).all()


def test_gates_of_masked_steps_are_zero() -> None:
    rng = np.random.default_rng(4)
    spec = RecurrentSpec("lstm", "tanh", "sigmoid", False)
    weights = RecurrentWeights(
        *(rng.normal(size=s).astype(np.float32) for s in [(2, 12), (3, 12), (12,)])
    )
    x = rng.normal(size=(1, 4, 2)).astype(np.float32)
    mask = np.array([[True, False, True, False]])
    *_, cache = native.recurrent_forward(spec, x, weights, [None, None], mask, None, True)
    found = native.recurrent_gates(cache)
    for gate in "ifgo":
        assert found[gate][~mask].tolist() == [[0.0] * 3] * 2
        assert (found[gate][mask] != 0).all()
    np.testing.assert_array_equal(found["h"][0, 1], found["h"][0, 0])
    np.testing.assert_array_equal(found["c"][0, 3], found["c"][0, 2])


def test_lanes_are_for_sequences_of_about_the_same_length() -> None:
    steps = np.arange(20)
    assert lanes.are_filled(steps < np.full((64, 1), 9))
    assert lanes.are_filled(steps < np.resize([17, 20], 64)[:, None])
    assert not lanes.are_filled(steps < np.linspace(1, 20, 64)[:, None])
    # Masks that are false anywhere, and in any order: what counts is how many steps are real.
    assert lanes.are_filled((steps + np.arange(64)[:, None]) % 2 == 0)

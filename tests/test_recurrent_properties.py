"""What holds for every SimpleRNN and GRU, every sequence and every state."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from backend_cases import over_dtypes
from lstm.backends.contract import Ops
from lstm_cases import ACTIVATIONS
from op_cases import Array, Arrays
from recurrent_calls import functions
from recurrent_cases import BLOCKS, VARIANTS, bias_shape
from tolerances import assert_close

quick = settings(max_examples=40)

OF_A_SEQUENCE = ("x", "h0", "mask", "recurrent_mask", "dy", "dh_n")


class Layer:
    """A layer with random weights, a sequence, a state, and gradients of all that comes out."""

    def __init__(
        self,
        operation: str,
        B: int,
        T: int,
        D: int,
        H: int,
        reverse: bool,
        masked: bool,
        dropped: bool,
        activation: Any,
        recurrent_activation: Any,
        seed: int,
        dtype: str,
    ) -> None:
        rng = np.random.default_rng(seed)

        def numbers(*shape: int) -> Array:
            return rng.uniform(-1, 1, shape).astype(dtype)

        columns = BLOCKS[operation] * H
        self.operation, self.T, self.reverse = operation, T, reverse
        self.activations = activation, recurrent_activation
        # Recurrent weights too small to amplify rounding errors.
        self.w, self.r = numbers(D, columns), numbers(H, columns) / H
        self.b = numbers(*bias_shape(operation, H))
        self.x, self.h0 = numbers(B, T, D), numbers(B, H)
        self.dy, self.dh_n = numbers(B, T, H), numbers(B, H)
        self.mask = rng.random((B, T)) < 0.7 if masked else None
        self.recurrent_mask = numbers(B, H) * (rng.random((B, H)) < 0.7) if dropped else None

    def both(self, ops: Ops, **other: Any) -> Arrays:
        """All outputs and all gradients by name, with some arguments replaced by `other`."""
        a = vars(self) | other
        forward, backward = functions(ops, self.operation)
        names = ("x", "w", "r", "b", "h0", "mask", "recurrent_mask", "reverse")
        phi, sigma = self.activations
        activations = (phi, sigma) if self.operation != "rnn" else (phi,)
        y, h_n, cache = forward(*(a[name] for name in names), *activations, True)
        outputs = {"y": y.copy(), "h_n": h_n.copy()}
        dw, dr, db = np.zeros_like(self.w), np.zeros_like(self.r), np.zeros_like(self.b)
        dx, dh0 = backward(a["dy"], a["dh_n"], cache, dw, dr, db, True)
        return outputs | {"dx": dx, "dh0": dh0, "dw": dw, "dr": dr, "db": db}

    def some(self, index: Any) -> Arrays:
        """The arguments of some sequences of the batch."""
        parts = {name: getattr(self, name) for name in OF_A_SEQUENCE}
        return {name: None if part is None else part[index] for name, part in parts.items()}

    def assert_same(self, results: Arrays, references: Arrays) -> None:
        """Assert that all arrays agree, measured by the largest number among them."""
        assert {name: x.shape for name, x in results.items()} == {
            name: x.shape for name, x in references.items()
        }
        flat = [
            np.concatenate([arrays[name].ravel() for name in references])
            for arrays in (results, references)
        ]
        assert_close(*flat, "lstm", terms=self.T)


# Each makes a Layer, given a dtype.
layers = st.builds(
    partial,
    st.just(Layer),
    operation=st.sampled_from(VARIANTS),
    B=st.integers(1, 4),
    T=st.integers(0, 7),
    D=st.integers(1, 4),
    H=st.integers(1, 5),
    reverse=st.booleans(),
    masked=st.booleans(),
    dropped=st.booleans(),
    activation=st.sampled_from(ACTIVATIONS),
    recurrent_activation=st.sampled_from(["sigmoid", "hard_sigmoid", "tanh"]),
    seed=st.integers(0, 2**32),
)
MakeLayer = Callable[..., Layer]


@over_dtypes
@quick
@given(layers, st.data())
def test_a_sequence_equals_two_chunks_with_carried_state(
    ops: Ops, dtype: str, make: MakeLayer, data: st.DataObject
) -> None:
    layer = make(dtype=dtype)
    cut = data.draw(st.integers(0, layer.T))
    chunks = [slice(0, cut), slice(cut, None)]
    if layer.reverse:
        chunks.reverse()
    given = [
        {
            "x": layer.x[:, chunk],
            "dy": layer.dy[:, chunk],
            "mask": None if layer.mask is None else layer.mask[:, chunk],
        }
        for chunk in chunks
    ]
    middle = layer.both(ops, **given[0])["h_n"]
    second = layer.both(ops, **given[1], h0=middle)
    first = layer.both(ops, **given[0], dh_n=second["dh0"])
    ordered = (second, first) if layer.reverse else (first, second)
    joined = {name: np.concatenate([part[name] for part in ordered], 1) for name in ("y", "dx")}
    joined |= {"h_n": second["h_n"], "dh0": first["dh0"]}
    joined |= {name: first[name] + second[name] for name in ("dw", "dr", "db")}
    layer.assert_same(joined, layer.both(ops))


@over_dtypes
@quick
@given(layers, st.data())
def test_sequences_of_a_batch_do_not_know_of_each_other(
    ops: Ops, dtype: str, make: MakeLayer, data: st.DataObject
) -> None:
    layer = make(dtype=dtype)
    order = data.draw(st.permutations(range(len(layer.x))))
    expected = layer.both(ops)
    expected |= {name: expected[name][order] for name in ("y", "h_n", "dx", "dh0")}
    layer.assert_same(layer.both(ops, **layer.some(order)), expected)


@over_dtypes
@quick
@given(layers, st.integers(1, 4), st.booleans())
def test_padding_changes_nothing(
    ops: Ops, dtype: str, make: MakeLayer, count: int, before: bool
) -> None:
    layer = make(dtype=dtype)
    real = np.ones(layer.x.shape[:2], bool) if layer.mask is None else layer.mask
    padding = (count, 0) if before else (0, count)
    own = slice(padding[0], padding[0] + layer.T)

    def pad(a: Array, value: float) -> Array:
        widths = [(0, 0), padding] + [(0, 0)] * (a.ndim - 2)
        return np.pad(a, widths, constant_values=value)

    expected = layer.both(ops)
    padded = layer.both(ops, x=pad(layer.x, 9), mask=pad(real, False), dy=pad(layer.dy, 0))
    outside = np.delete(padded["dx"], own, 1)
    np.testing.assert_array_equal(outside, np.zeros_like(outside))
    padded |= {name: padded[name][:, own] for name in ("y", "dx")}
    layer.assert_same(padded, expected)


@over_dtypes
@quick
@given(layers)
def test_masked_steps_keep_state_and_output(ops: Ops, dtype: str, make: MakeLayer) -> None:
    layer = make(dtype=dtype, masked=True)
    results = layer.both(ops)
    h = layer.h0
    for t in range(layer.T)[:: -1 if layer.reverse else 1]:
        skipped = ~layer.mask[:, t]
        np.testing.assert_array_equal(results["y"][skipped, t], h[skipped])
        h = results["y"][:, t]
    np.testing.assert_array_equal(results["h_n"], h)


@over_dtypes
@quick
@given(layers)
def test_a_recurrent_mask_scales_the_rows_of_r(ops: Ops, dtype: str, make: MakeLayer) -> None:
    layer = make(dtype=dtype, dropped=True)
    expected = layer.both(ops)
    weights = {name: np.zeros_like(expected[name]) for name in ("dw", "dr", "db")}
    rows = []
    for k in range(len(layer.x)):
        factors = layer.recurrent_mask[k, :, None]
        alone = layer.some(slice(k, k + 1)) | {"recurrent_mask": None}
        rows.append(layer.both(ops, **alone, r=factors * layer.r))
        rows[k]["dr"] *= factors
        for name, total in weights.items():
            total += rows[k].pop(name)
    joined = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    layer.assert_same(joined | weights, expected)


@over_dtypes
@quick
@given(layers)
def test_reverse_is_forward_on_the_flipped_sequence(ops: Ops, dtype: str, make: MakeLayer) -> None:
    layer = make(dtype=dtype)
    flipped = {"x": layer.x[:, ::-1], "dy": layer.dy[:, ::-1], "reverse": not layer.reverse}
    flipped["mask"] = None if layer.mask is None else layer.mask[:, ::-1]
    results = layer.both(ops, **flipped)
    results |= {name: results[name][:, ::-1] for name in ("y", "dx")}
    layer.assert_same(results, layer.both(ops))


@over_dtypes
@quick
@given(layers)
def test_a_gru_whose_update_gate_is_open_keeps_its_state(
    ops: Ops, dtype: str, make: MakeLayer
) -> None:
    # u = 1 at every step, whatever is read: the state and its gradient pass as they are.
    layer = make(operation="gru", dtype=dtype, recurrent_activation="hard_sigmoid")
    H = layer.r.shape[0]
    w, r, b = layer.w.copy(), layer.r.copy(), layer.b.copy()
    w[:, :H], r[:, :H], b[:, :H] = 0, 0, 10
    results = layer.both(ops, w=w, r=r, b=b, dy=None)
    np.testing.assert_array_equal(results["h_n"], layer.h0)
    np.testing.assert_array_equal(results["dh0"], layer.dh_n)

"""What holds for every LSTM, every sequence and every state."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from backend_cases import over_dtypes
from lstm.backends.contract import Ops
from lstm_cases import ACTIVATIONS
from op_cases import Array
from recurrent_calls import lstm_backward, lstm_forward
from tolerances import assert_close

quick = settings(max_examples=50)


class Layer:
    """An LSTM with random weights, a sequence, a state, and gradients of all that comes out."""

    def __init__(
        self,
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

        self.T, self.reverse = T, reverse
        self.activations = activation, recurrent_activation
        # Recurrent weights too small to amplify: with linear activations rounding errors, like all
        # else, would grow without bound.
        self.w, self.r, self.b = numbers(D, 4 * H), numbers(H, 4 * H) / H, numbers(4 * H)
        self.x, self.h0, self.c0 = numbers(B, T, D), numbers(B, H), numbers(B, H)
        self.dy, self.dh_n, self.dc_n = numbers(B, T, H), numbers(B, H), numbers(B, H)
        self.mask = rng.random((B, T)) < 0.7 if masked else None
        self.recurrent_mask = numbers(B, H) * (rng.random((B, H)) < 0.7) if dropped else None

    def forward(self, ops: Ops, **other: Any) -> tuple[Array, Array, Array, Any]:
        """y, h_n, c_n and the cache, with some arguments replaced by `other`."""
        a = vars(self) | other
        names = ("x", "w", "r", "b", "h0", "c0", "mask", "recurrent_mask", "reverse")
        return lstm_forward(ops, *(a[name] for name in names), *self.activations, True)

    def backward(self, ops: Ops, cache: Any, **other: Any) -> dict[str, Array]:
        """All gradients, with some gradients of the outputs replaced by `other`."""
        a = vars(self) | other
        dw, dr, db = np.zeros_like(self.w), np.zeros_like(self.r), np.zeros_like(self.b)
        dx, dh0, dc0 = lstm_backward(ops, a["dy"], a["dh_n"], a["dc_n"], cache, dw, dr, db, True)
        return {"dx": dx, "dh0": dh0, "dc0": dc0, "dw": dw, "dr": dr, "db": db}

    def both(self, ops: Ops, **other: Any) -> dict[str, Array]:
        """All outputs and all gradients by name."""
        y, h_n, c_n, cache = self.forward(ops, **other)
        return {"y": y, "h_n": h_n, "c_n": c_n} | self.backward(ops, cache, **other)

    def assert_same(self, results: dict[str, Array], references: dict[str, Array]) -> None:
        """Assert that all arrays agree, measured by the largest number among them.

        One number alone may be a sum that cancels: its errors are those of its terms.
        """
        shapes = [{name: x.shape for name, x in arrays.items()} for arrays in (results, references)]
        assert shapes[0] == shapes[1]
        flat = [
            np.concatenate([arrays[name].ravel() for name in references])
            for arrays in (results, references)
        ]
        assert_close(*flat, "lstm", terms=self.T)


# Each makes a Layer, given a dtype.
layers = st.builds(
    partial,
    st.just(Layer),
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
    parts = [slice(0, cut), slice(cut, None)]
    order = (1, 0) if layer.reverse else (0, 1)

    ys: dict[int, Array] = {}
    caches = {}
    h, c = layer.h0, layer.c0
    for k in order:
        mask = None if layer.mask is None else layer.mask[:, parts[k]]
        ys[k], h, c, caches[k] = layer.forward(ops, x=layer.x[:, parts[k]], mask=mask, h0=h, c0=c)

    gradients = {}
    dh, dc = layer.dh_n, layer.dc_n
    for k in reversed(order):
        gradients[k] = layer.backward(ops, caches[k], dy=layer.dy[:, parts[k]], dh_n=dh, dc_n=dc)
        dh, dc = gradients[k]["dh0"], gradients[k]["dc0"]

    chunked = {"y": np.concatenate([ys[0], ys[1]], 1), "h_n": h, "c_n": c}
    chunked["dx"] = np.concatenate([gradients[0]["dx"], gradients[1]["dx"]], 1)
    chunked |= {"dh0": dh, "dc0": dc}
    chunked |= {name: gradients[0][name] + gradients[1][name] for name in ("dw", "dr", "db")}
    layer.assert_same(chunked, layer.both(ops))


@over_dtypes
@quick
@given(layers, st.data())
def test_sequences_of_a_batch_do_not_know_of_each_other(
    ops: Ops, dtype: str, make: MakeLayer, data: st.DataObject
) -> None:
    layer = make(dtype=dtype)
    order = data.draw(st.permutations(range(len(layer.x))))
    batch = {name: getattr(layer, name)[order] for name in ("x", "h0", "c0", "dy", "dh_n", "dc_n")}
    for name in ("mask", "recurrent_mask"):
        mask = getattr(layer, name)
        batch[name] = None if mask is None else mask[order]
    expected = layer.both(ops)
    for name in ("y", "h_n", "c_n", "dx", "dh0", "dc0"):
        expected[name] = expected[name][order]
    layer.assert_same(layer.both(ops, **batch), expected)


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
    y, h_n, c_n, _ = layer.forward(ops)
    h = layer.h0
    for t in range(layer.T)[:: -1 if layer.reverse else 1]:
        skipped = ~layer.mask[:, t]
        np.testing.assert_array_equal(y[skipped, t], h[skipped])
        h = y[:, t]
    np.testing.assert_array_equal(h_n, h)
    never = ~layer.mask.any(1)
    np.testing.assert_array_equal(h_n[never], layer.h0[never])
    np.testing.assert_array_equal(c_n[never], layer.c0[never])


@over_dtypes
@quick
@given(layers)
def test_what_stands_at_masked_steps_is_not_read(ops: Ops, dtype: str, make: MakeLayer) -> None:
    layer = make(dtype=dtype, masked=True)
    expected = layer.both(ops)
    other = layer.both(ops, x=np.where(layer.mask[..., None], layer.x, layer.x + 5))
    layer.assert_same(other, expected)


@over_dtypes
@quick
@given(layers)
def test_a_recurrent_mask_scales_the_rows_of_r(ops: Ops, dtype: str, make: MakeLayer) -> None:
    layer = make(dtype=dtype, dropped=True)
    dw, dr, db = (np.zeros_like(x) for x in (layer.w, layer.r, layer.b))
    rows: list[dict[str, Array]] = []
    for k in range(len(layer.x)):
        names = ("x", "h0", "c0", "dy", "dh_n", "dc_n")
        alone = {name: getattr(layer, name)[k : k + 1] for name in names}
        alone["mask"] = None if layer.mask is None else layer.mask[k : k + 1]
        factors = layer.recurrent_mask[k, :, None]
        rows.append(layer.both(ops, **alone, r=factors * layer.r, recurrent_mask=None))
        dw += rows[k].pop("dw")
        dr += factors * rows[k].pop("dr")
        db += rows[k].pop("db")
    joined = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    layer.assert_same(joined | {"dw": dw, "dr": dr, "db": db}, layer.both(ops))


@over_dtypes
@quick
@given(layers)
def test_a_recurrent_mask_of_ones_is_none(ops: Ops, dtype: str, make: MakeLayer) -> None:
    layer = make(dtype=dtype, dropped=False)
    ones = layer.both(ops, recurrent_mask=np.ones_like(layer.h0))
    expected = layer.both(ops)
    for name in ("y", "h_n", "c_n", "dx", "dh0", "dc0"):
        np.testing.assert_array_equal(ones[name], expected[name])
    layer.assert_same(ones, expected)


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
def test_the_last_state_is_the_last_output(ops: Ops, dtype: str, make: MakeLayer) -> None:
    layer = make(dtype=dtype)
    y, h_n, _, _ = layer.forward(ops)
    if layer.T:
        np.testing.assert_array_equal(h_n, y[:, 0 if layer.reverse else -1])


@over_dtypes
@quick
@given(layers)
def test_backward_is_linear_in_the_gradients(ops: Ops, dtype: str, make: MakeLayer) -> None:
    layer = make(dtype=dtype)

    def gradients(**other: None) -> dict[str, Array]:
        *_, cache = layer.forward(ops)
        return layer.backward(ops, cache, **other)

    whole = gradients()
    parts = [
        gradients(**{name: None for name in ("dy", "dh_n", "dc_n") if name != kept})
        for kept in ("dy", "dh_n", "dc_n")
    ]
    layer.assert_same({name: sum(part[name] for part in parts) for name in whole}, whole)


@over_dtypes
@quick
@given(layers)
def test_a_linear_lstm_with_constant_gates_is_linear_in_its_inputs(
    ops: Ops, dtype: str, make: MakeLayer
) -> None:
    # With r = 0 and a kernel for the candidate alone the gates are constants, and all that stays
    # is c_t = f·c_{t-1} + i·g_t, y_t = o·c_t.
    layer = make(dtype=dtype, activation="linear")
    H = layer.r.shape[0]
    w, r = np.zeros_like(layer.w), np.zeros_like(layer.r)
    w[:, 2 * H : 3 * H] = layer.w[:, 2 * H : 3 * H]
    b = layer.b.copy()
    b[2 * H : 3 * H] = 0
    once, *_ = layer.forward(ops, w=w, r=r, b=b, h0=0 * layer.h0)
    more, *_ = layer.forward(ops, w=w, r=r, b=b, h0=0 * layer.h0, x=4 * layer.x, c0=4 * layer.c0)
    # A power of two scales every rounding too.
    np.testing.assert_array_equal(more, 4 * once)

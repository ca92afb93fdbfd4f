"""Int8 weights: the definition by hand, and C++ held to the reference bit by bit."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from lstm.backends import reference
from lstm.backends.contract import (
    MOST_INPUTS,
    Choice,
    Ops,
    Quantized,
    RecurrentSpec,
    RecurrentWeights,
)
from lstm.backends.native import Native
from native_cases import FEW, INSTRUCTION_SETS, LAYOUTS, SIZES, running_on, threads
from op_cases import Array, generated
from tolerances import assert_close

native = Native()
BACKENDS: list[Ops] = [reference, native]

over_backends = pytest.mark.parametrize("ops", BACKENDS, ids=lambda ops: ops.NAME)
on_instruction_sets = pytest.mark.parametrize("instruction_set", INSTRUCTION_SETS)


def numbers(rng: np.random.Generator, *shape: int) -> Array:
    return (rng.normal(size=shape) / np.sqrt(max(1, shape[0]))).astype(np.float32)


# ---- the definition


@over_backends
def test_weights_by_hand(ops: Ops) -> None:
    w = np.array([[127, 0, 0.5], [-63.5, 0, -1]], np.float32)
    values, scale = ops.quantized_parts(ops.quantize(w, 1))
    # -63.5 and 63.5 are halfway between two integers: the even one.
    assert_array_equal(values, [[127, 0, 64], [-64, 0, -127]])
    assert_array_equal(scale, np.array([1, 0, 1 / np.float32(127)], np.float32))
    assert_array_equal(
        ops.to_numpy(ops.dequantize(ops.quantize(w, 1)))[:, :2], [[127, 0], [-64, 0]]
    )
    assert (values.dtype, scale.dtype) == (np.int8, np.float32)


@over_backends
def test_tables_have_a_scale_for_each_row(ops: Ops) -> None:
    w = np.array([[127, -63.5], [0, 0], [2, 1]], np.float32)
    table = ops.quantize(w, 0)
    values, scale = ops.quantized_parts(table)
    assert_array_equal(values, [[127, -64], [0, 0], [127, 64]])
    assert_array_equal(scale, np.array([1, 0, 2 / np.float32(127)], np.float32))
    rows = ops.to_numpy(ops.embedding_forward(ops.array(np.array([[0, 1, 0]])), table))
    assert_array_equal(rows, [[[127, -64], [0, 0], [127, -64]]])


@over_backends
def test_a_product_by_plain_loops(ops: Ops) -> None:
    rng = np.random.default_rng(140)
    x, w, b = numbers(rng, 3, 5), numbers(rng, 5, 4), numbers(rng, 4)
    y, _ = ops.linear_forward(ops.array(x), ops.quantize(w, 1), ops.array(b), "linear")
    one = np.float32(1)
    for n, f in product(range(3), range(4)):
        scale_x, scale_w = abs(x[n]).max() / np.float32(127), abs(w[:, f]).max() / np.float32(127)
        total = 0
        for d in range(5):
            of_x = round(float(x[n, d] * (127 * one / abs(x[n]).max())))
            of_w = round(float(w[d, f] * (127 * one / abs(w[:, f]).max())))
            total += of_x * of_w
        assert ops.to_numpy(y)[n, f] == np.float32(total) * scale_x * scale_w + b[f]


@over_backends
def test_what_is_not_finite_is_not_silent(ops: Ops) -> None:
    rng = np.random.default_rng(141)
    x, w = numbers(rng, 5, 7), numbers(rng, 7, 18)
    clean, _ = ops.linear_forward(ops.array(x), ops.quantize(w, 1), None, "linear")
    x[1, 3], x[2, 6], x[3, 0] = np.nan, np.inf, -np.inf
    y, _ = ops.linear_forward(ops.array(x), ops.quantize(w, 1), None, "linear")
    assert np.isnan(y[1:4]).all()
    assert_array_equal(y[::4], clean[::4])


@over_backends
def test_rows_of_zeros_and_of_almost_nothing_are_zeros(ops: Ops) -> None:
    w = ops.quantize(np.ones((3, 2), np.float32), 1)
    x = np.array([[0, 0, 0], [1e-35, -1e-40, 1e-31], [1e-29, 0, 0]], np.float32)
    y, _ = ops.linear_forward(ops.array(x), w, None, "linear")
    assert_array_equal(y[:2], 0)
    assert (y[2] > 0.9e-29).all()


@over_backends
def test_the_longest_sum_does_not_overflow(ops: Ops) -> None:
    x = np.ones((1, MOST_INPUTS), np.float32)
    for sign in (1, -1):
        w = ops.quantize(np.full((MOST_INPUTS, 1), sign, np.float32), 1)
        y, _ = ops.linear_forward(ops.array(x), w, None, "linear")
        assert y[0, 0] == pytest.approx(sign * MOST_INPUTS, rel=1e-6)


@over_backends
@pytest.mark.parametrize("axis", [0, 1])
def test_parts_make_the_same_weights(ops: Ops, axis: int) -> None:
    w = numbers(np.random.default_rng(142), 19, 6)
    first = ops.quantize(w, axis)
    again = ops.quantized(*ops.quantized_parts(first), axis)
    assert first.shape == again.shape == (19, 6)
    assert_array_equal(first.values, again.values)
    turned = ops.transpose(first, (1, 0))
    assert turned.shape == (6, 19)
    assert_array_equal(ops.dequantize(turned), ops.dequantize(first).T)
    # Half a step of the scale is the most that a number moves.
    off = abs(ops.dequantize(first) - w)
    assert (off <= np.expand_dims(first.scale, 1 - axis) * 0.5000001).all()


# ---- C++ equals the reference


@st.composite
def linears(draw: st.DrawFn) -> tuple[Array, Array, Array | None]:
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    n, D, F = draw(FEW), draw(SIZES), draw(SIZES)
    b = numbers(rng, F) if draw(st.booleans()) else None
    w = numbers(rng, D, F)
    w[:, rng.random(F) < 0.1] = 0
    return LAYOUTS[draw(st.sampled_from(sorted(LAYOUTS)))](numbers(rng, n, D)), w, b


@on_instruction_sets
@given(linears())
def test_a_linear_layer_has_the_bits_of_the_reference(
    instruction_set: str, case: tuple[Array, Array, Array | None]
) -> None:
    x, w, b = case
    expected, _ = reference.linear_forward(x, reference.quantize(w, 1), b, "relu")
    with running_on(instruction_set):
        y, _ = native.linear_forward(x, native.quantize(w, 1), b, "relu")
    assert_array_equal(y, expected)


@on_instruction_sets
@pytest.mark.parametrize(("V", "E"), [(1, 1), (16, 4), (17, 5), (53, 131)])
def test_an_embedding_has_the_bits_of_the_reference(instruction_set: str, V: int, E: int) -> None:
    rng = np.random.default_rng(143)
    w, tokens = numbers(rng, V, E), rng.integers(0, V, (3, 7))
    expected = reference.embedding_forward(tokens, reference.quantize(w, 0))
    with running_on(instruction_set):
        y = native.embedding_forward(tokens, native.quantize(w, 0))
    assert_array_equal(y, expected)


SPECS = [("lstm", ()), ("lstm", ("coupled",)), ("gru", ()), ("gru", ("reset_before",)), ("rnn", ())]


class RecurrentCase:
    """The arrays of a recurrent layer with int8 weights."""

    def __init__(
        self, spec: RecurrentSpec, sizes: Sequence[int], kind: str = "", size: float = 1
    ) -> None:
        rng, (B, T, D, H) = np.random.default_rng(144), sizes
        layout = spec.layout
        N = layout.blocks * H
        self.spec, self.tokens = spec, "tokens" in kind
        size = np.float32(size)
        self.x = rng.integers(0, D, (B, T)) if self.tokens else numbers(rng, B, T, D)
        self.w, self.r = size * numbers(rng, D, N), size * numbers(rng, H, N) / 2
        self.b = size * (numbers(rng, N) if layout.biases == 1 else numbers(rng, 2, N))
        self.state = tuple(numbers(rng, B, H) for _ in layout.states)
        self.mask = rng.random((B, T)) < 0.6 if "mask" in kind else None
        self.recurrent_mask = numbers(rng, B, H) if "dropout" in kind else None

    def weights(self, ops: Ops) -> RecurrentWeights:
        w = self.w if self.tokens else ops.quantize(self.w, 1)
        return RecurrentWeights(w, ops.quantize(self.r, 1), self.b)

    def results(self, ops: Ops, keep_cache: bool = False) -> list[Array]:
        """Outputs and last states, and with a cache the gates."""
        y, last, cache = ops.recurrent_forward(
            self.spec,
            self.x,
            self.weights(ops),
            self.state,
            self.mask,
            self.recurrent_mask,
            keep_cache,
        )
        gates = ops.recurrent_gates(cache).values() if keep_cache else []
        return [np.array(array) for array in (y, *last, *gates)]


@on_instruction_sets
@pytest.mark.parametrize(("cell", "options"), SPECS)
@pytest.mark.parametrize("kind", ["", "mask", "dropout", "tokens", "tokens mask dropout"])
@pytest.mark.parametrize("reverse", [False, True])
def test_recurrent_layers_have_the_bits_of_the_reference(
    instruction_set: str, cell: Any, options: Any, kind: str, reverse: bool
) -> None:
    # Without exp there is nothing that NumPy rounds otherwise. Small weights do not overflow.
    spec = RecurrentSpec(cell, "relu", "linear", reverse, options)
    for sizes in ((1, 1, 3, 5), (1, 7, 16, 33), (2, 3, 5, 16), (7, 4, 9, 17), (1, 9, 300, 260)):
        case = RecurrentCase(spec, sizes, kind, 0.1)
        for keep_cache in (False, True):
            expected = case.results(reference, keep_cache)
            with running_on(instruction_set):
                found = case.results(native, keep_cache)
            for x, y in zip(found, expected, strict=True):
                assert_array_equal(x, y)


@pytest.mark.parametrize(("cell", "options"), SPECS)
def test_all_instruction_sets_have_the_same_bits(cell: Any, options: Any) -> None:
    case = RecurrentCase(RecurrentSpec(cell, options=options), (5, 11, 37, 67), "mask")
    every = []
    for name in INSTRUCTION_SETS:
        with running_on(name):
            every.append([x.tobytes() for x in case.results(native, True)])
    assert all(one == every[0] for one in every)


@on_instruction_sets
@pytest.mark.parametrize(("cell", "options"), SPECS)
def test_a_step_of_a_cell_equals_the_reference(
    instruction_set: str, cell: Any, options: Any
) -> None:
    # In the first step what is quantized is given. Later a last digit may decide what is rounded.
    case = RecurrentCase(RecurrentSpec(cell, options=options), (6, 1, 37, 67))
    expected = case.results(reference, True)
    with running_on(instruction_set):
        found = case.results(native, True)
    for x, y in zip(found, expected, strict=True):
        assert_close(x, y, "lstm")


@on_instruction_sets
def test_any_number_of_threads_gives_the_same_bits(instruction_set: str) -> None:
    rng = np.random.default_rng(145)
    cases = [
        RecurrentCase(RecurrentSpec("lstm"), sizes, kind)
        for sizes in ((13, 11, 37, 67), (1, 11, 300, 260), (2, 1, 400, 320))
        for kind in ("", "tokens mask")
    ]
    few, many = numbers(rng, 3, 512), numbers(rng, 401, 67)

    def everything() -> list[bytes]:
        found = [array for case in cases for array in case.results(native)]
        for x, F in ((few, 1031), (many, 131)):
            w = native.quantize(numbers(np.random.default_rng(146), x.shape[1], F), 1)
            found.append(native.linear_forward(x, w, None, "tanh")[0])
        return [array.tobytes() for array in found]

    with running_on(instruction_set):
        with threads(1):
            expected = everything()
        for count in (2, 3, 8):
            with threads(count):
                assert everything() == expected


# ---- the way back


@over_backends
def test_gradients_are_those_of_the_numbers_that_it_stands_for(ops: Ops) -> None:
    rng = np.random.default_rng(147)
    x, w, dy = numbers(rng, 4, 9), numbers(rng, 9, 5), numbers(rng, 4, 5)
    int8 = ops.quantize(w, 1)
    y, cache = ops.linear_forward(x, int8, None, "tanh")
    dx = ops.linear_backward(dy, cache, None, None, True)
    expected = (dy * (1 - y.astype(np.float64) ** 2)) @ ops.dequantize(int8).T
    assert_close(dx, expected, "product", terms=5)


@pytest.mark.parametrize(("cell", "options"), SPECS)
def test_recurrent_gradients_equal_the_reference(cell: Any, options: Any) -> None:
    spec = RecurrentSpec(cell, "relu", "linear", options=options)
    case = RecurrentCase(spec, (3, 5, 7, 18), size=0.1)
    found = []
    for ops in BACKENDS:
        y, _, cache = ops.recurrent_forward(
            case.spec, case.x, case.weights(ops), case.state, None, None, True
        )
        none: Any = RecurrentWeights(None, None, None)
        nothing = (None,) * len(case.state)
        dx, dfirst = ops.recurrent_backward(np.ones_like(y), nothing, cache, none, True)
        found.append([dx, *dfirst])
    for x, y in zip(found[1], found[0], strict=True):
        assert_close(x, y, "lstm", terms=15)


@over_backends
def test_a_loss_with_an_int8_layer(ops: Ops) -> None:
    rng = np.random.default_rng(148)
    x, w, b = numbers(rng, 6, 9), ops.quantize(numbers(rng, 9, 5), 1), numbers(rng, 5)
    target = rng.integers(0, 5, 6)
    z, linear = ops.linear_forward(x, w, b, "linear")
    expected, cache = ops.softmax_cross_entropy_forward(z, target, None)
    dz = ops.softmax_cross_entropy_backward(cache)
    for need_dx in (False, True):
        loss, dx = ops.linear_softmax_cross_entropy(x, w, b, target, None, None, None, need_dx)
        assert loss == expected
        assert (dx is not None) == need_dx
    assert_array_equal(dx, ops.linear_backward(dz, linear, None, None, True))


# ---- whole texts


def stack(ops: Ops, V: int, E: int, units: Sequence[int]) -> tuple[Any, list[Any], Any, Array]:
    rng = np.random.default_rng(149)
    embedding = ops.quantize(numbers(rng, V, E), 0)
    layers, D = [], E
    for H in units:
        w, r = (ops.quantize(numbers(rng, size, 4 * H), 1) for size in (D, H))
        layers.append(RecurrentWeights(w, r, numbers(rng, 4 * H)))
        D = H
    output: Quantized = ops.quantize(3 * numbers(rng, D, V), 1)
    return embedding, layers, output, numbers(rng, V)


@on_instruction_sets
@pytest.mark.parametrize(
    ("B", "V", "E", "units"),
    [(1, 40, 9, (17,)), (3, 40, 33, (70, 31)), (2, 500, 16, (33,)), (1, 65, 300, (300, 260))],
)
def test_generation_equals_single_steps(
    instruction_set: str, B: int, V: int, E: int, units: Sequence[int]
) -> None:
    rng, N = np.random.default_rng(150), 30
    network = embedding, layers, w, b = stack(native, V, E, units)
    first = [(numbers(rng, B, H), numbers(rng, B, H)) for H in units]
    start, u = rng.integers(0, V, B), rng.random((B, N))
    recent, choice = rng.integers(-1, V, (B, 12)), Choice(0.9, 40, 0.95, 0.01, 1.2)
    with running_on(instruction_set):
        for count in (1, 3):
            with threads(count):
                drawn, after = generated(native, start, *network, first, recent, u, choice)
            tokens, states, seen = start, list(first), recent
            for n in range(N):
                x = native.embedding_forward(tokens, embedding)[:, None]
                for k, weights in enumerate(layers):
                    x, states[k], _ = native.recurrent_forward(
                        RecurrentSpec("lstm"), x, weights, states[k], None, None, False
                    )
                z, _ = native.linear_forward(x[:, 0].copy(), w, b, "linear")
                tokens = native.sample(z, u[:, n], seen, choice)
                seen = np.append(seen[:, 1:], tokens[:, None], 1)
                assert_array_equal(drawn[:, n], tokens)
            for got, wanted in zip(after, states, strict=True):
                for x, y in zip(got, wanted, strict=True):
                    assert_array_equal(x, y)


def test_the_reference_writes_with_int8_weights() -> None:
    rng = np.random.default_rng(151)
    first = [(numbers(rng, 2, 17), numbers(rng, 2, 17))]
    start, u, recent = rng.integers(0, 40, 2), rng.random((2, 9)), np.zeros((2, 0), np.int64)
    drawn = [
        generated(ops, start, *stack(ops, 40, 9, (17,)), first, recent, u, Choice())[0]
        for ops in BACKENDS
    ]
    assert_array_equal(*drawn)

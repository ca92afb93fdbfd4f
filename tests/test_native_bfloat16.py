"""Products of bfloat16: by hand, the reference, and the native kernels against it."""

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from bfloat16_cases import Watched, check, native, needs_bfloat16
from lstm.backends import BACKENDS, BFLOAT16, _kernels, reference
from lstm.backends.contract import Choice, Ops, RecurrentSpec
from lstm.backends.reference.products import to_bfloat16
from native_cases import (
    BFLOAT16_SETS,
    LARGE,
    USES,
    Use,
    assert_same_bits,
    everything,
    running_on,
    threads,
)
from op_cases import Array, generated
from tolerances import tolerance

MULTIPLYING = ("linear", "conv1d", "lstm", "rnn_and_gru", "linear_cross_entropy")
BUSY = [use for use in LARGE if str(use.case).startswith(("linear", "conv", "lstm", "rnn", "gru"))]

everywhere = pytest.mark.parametrize(
    "ops",
    [
        pytest.param(BFLOAT16["reference"], id="reference"),
        pytest.param(BFLOAT16.get("native"), id="native", marks=needs_bfloat16),
    ],
)


# ---- by hand

# 257 = 256 + 1 is in the middle of 256 and 258, and 259 of 258 and 260; of 256 and 260, the last of
# the eight bits is 0.
WHOLE, ROUNDED = [257, 259, 511, -257], [256, 260, 512, -256]


def test_the_nearest_number_is_taken_and_of_two_the_even_one() -> None:
    largest = np.finfo("float32").max
    special = [0.0, -0.0, np.inf, -np.inf, largest, 1 + 2**-8 + 2**-20, 1 + 3 * 2**-9]
    nearest = [0.0, -0.0, np.inf, -np.inf, np.inf, 1 + 2**-7, 1 + 2**-7]
    got = to_bfloat16(np.array(WHOLE + special, np.float32))
    assert_array_equal(got, ROUNDED + nearest)
    assert_array_equal(np.signbit(got[-7:-5]), [False, True])


@given(st.floats(2.0**-100, 2.0**100), st.sampled_from((-1.0, 1.0)))
def test_eight_bits_are_left(x: float, sign: float) -> None:
    single = sign * np.float32(x)
    fraction, exponent = np.frexp(single)
    expected = np.ldexp(np.rint(np.ldexp(fraction, 8)), exponent - 8)  # rint: ties to even
    assert to_bfloat16(np.array([single]))[0] == expected


@pytest.mark.parametrize("bits", [0x7FC00000, 0xFFFFFFFF, 0x7F800001])
def test_what_is_not_a_number_stays_one_when_rounded(bits: int) -> None:
    assert np.isnan(to_bfloat16(np.array([bits], np.uint32).view(np.float32)))


def linear(ops: Ops, x: Array, w: Array) -> tuple[Array, Array, Array]:
    """y, dx and dw where dy is w's row of ones: each a product of x, w and whole numbers."""
    y, cache = ops.linear_forward(x, w, None, "linear")
    dy, dw = np.full_like(y, 257), np.zeros_like(w)
    dx = ops.linear_backward(dy, cache, dw, None, need_dx=True)
    assert dx is not None
    return y, dx, dw


# Few rows are multiplied without packing; depths around pairs, vectors of pairs, and blocks.
@everywhere
@pytest.mark.parametrize("D", [1, 2, 3, 31, 32, 33, 255, 256, 257, 513])
@pytest.mark.parametrize("rows", [1, 3, 5, 13, 1031])
def test_both_factors_are_rounded_and_sums_are_not(ops: Ops, rows: int, D: int) -> None:
    rng = np.random.default_rng(90)
    chosen = rng.integers(0, len(WHOLE), (rows, D)), rng.integers(0, len(WHOLE), (D, 5))
    x, w = (np.array(WHOLE, np.float32)[k] / 1024 for k in chosen)
    rounded_x, rounded_w = (np.array(ROUNDED, np.float64)[k] / 1024 for k in chosen)
    y, dx, dw = linear(ops, x, w)
    # Sums of so few multiples of 16 over 2^20 are exact in float32, in any order.
    assert_array_equal(y, rounded_x @ rounded_w)
    assert_array_equal(dx, np.full((rows, 5), 256.0) @ rounded_w.T)
    assert_array_equal(dw, rounded_x.T @ np.full((rows, 5), 256.0))


@everywhere
def test_biases_states_and_what_is_added_up_are_not_rounded(ops: Ops) -> None:
    x, w, b = np.ones((7, 1), "f"), np.ones((1, 2), "f"), np.array([257, 259], "f")
    y, cache = ops.linear_forward(x, w, b, "linear")
    assert_array_equal(y, np.tile([258, 260], (7, 1)))
    db = np.zeros(2, "f")
    ops.linear_backward(np.full((7, 2), 257, "f"), cache, None, db, need_dx=False)
    assert_array_equal(db, [7 * 257] * 2)
    # An LSTM of which all gates are open adds up g = 257 + h·r; the output of a step is rounded
    # where the next one multiplies it, but not where it is returned.
    spec = RecurrentSpec("lstm", "linear", "linear")
    w, r, b = np.zeros((1, 4), "f"), np.zeros((1, 4), "f"), np.array([1, 1, 257, 1], "f")
    r[0, 2] = 1
    x = np.zeros((5, 3, 1), "f")
    y, (h, c), cache = ops.recurrent_forward(spec, x, (w, r, b), (None, None), None, None, True)
    # c = 257; then c + 257 + 256, and h = 770 is 768 + 2 in the middle of 768 and 772.
    assert_array_equal(y[..., 0], np.tile([257, 770, 770 + 257 + 768], (5, 1)))
    assert_array_equal(c, h)


@pytest.fixture(scope="module", params=BFLOAT16_SETS or [""], autouse=True)
def instruction_set(request: pytest.FixtureRequest) -> Iterator[None]:
    """Everything is computed on each of those that the machine has."""
    with running_on(request.param):
        yield


@needs_bfloat16
@pytest.mark.parametrize("operation", MULTIPLYING)
@settings(max_examples=100, derandomize=True)
@given(st.data())
def test_operations_equal_the_reference(operation: str, data: st.DataObject) -> None:
    check(data.draw(USES[operation]))


@needs_bfloat16
@pytest.mark.parametrize("use", BUSY, ids=lambda use: str(use.case))
def test_large_operations_equal_the_reference(use: Use) -> None:
    check(use)


@needs_bfloat16
def test_operations_without_products_give_the_bits_of_float32() -> None:
    others = [use for use in LARGE if use not in BUSY and "softmax_cross" not in str(use.case)]
    assert len(others) > 9
    if _kernels.instruction_set() != "avx512":
        pytest.skip("float32 is computed with other vectors here")
    for use in others:
        assert_same_bits(everything(use, native()), everything(use, BACKENDS["native"]))


def test_the_check_finds_factors_that_are_not_rounded() -> None:
    use = next(use for use in BUSY if str(use.case).startswith("linear"))
    watched = Watched()
    (expected, *_), _ = use.results(cast(Ops, watched), "float64")
    (got, *_), _ = use.results(reference)
    # Of 67 factors each is off by up to 2^-9 of itself.
    assert np.max(np.abs(got - expected)) > 9 * tolerance("product", expected, "float32", 67)


# ---- threads


@needs_bfloat16
@pytest.mark.parametrize("use", BUSY, ids=lambda use: str(use.case))
def test_any_number_of_threads_gives_the_same_bits(use: Use) -> None:
    with threads(1):
        expected = everything(use, native())
    _kernels.force_teams(True)
    try:
        for count in (2, 3):
            with threads(count):
                assert_same_bits(everything(use, native()), expected)
    finally:
        _kernels.force_teams(False)


# ---- texts


def network(B: int, E: int, sizes: tuple[int, ...], V: int, N: int) -> list[Any]:
    """Arguments of `generate` but for the choice."""
    rng = np.random.default_rng(91)

    def numbers(*shape: int) -> Array:
        return (rng.normal(size=shape) / np.sqrt(shape[0])).astype(np.float32)

    inputs = (E, *sizes[:-1])
    layers = [
        (numbers(D, 4 * H), numbers(H, 4 * H), numbers(4 * H))
        for D, H in zip(inputs, sizes, strict=True)
    ]
    states = [(numbers(B, H), numbers(B, H)) for H in sizes]
    output = 3 * numbers(sizes[-1], V), numbers(V)
    recent, u = rng.integers(-1, V, (B, 4)), rng.random((B, N))
    return [rng.integers(0, V, B), numbers(V, E), layers, *output, states, recent, u]


@needs_bfloat16
@pytest.mark.parametrize(
    ("B", "E", "sizes", "V"),
    [(1, 1, (1,), 2), (1, 7, (33, 5), 65), (3, 16, (17,), 64), (7, 5, (31, 64, 9), 131)],
)
def test_a_step_of_a_text_is_that_of_the_reference(
    B: int, E: int, sizes: tuple[int, ...], V: int
) -> None:
    given = network(B, E, sizes, V, 1)
    watched = Watched()
    doubled = [_as_float64(part) for part in given]
    expected, after = generated(
        cast(Ops, watched), doubled[0], *doubled[1:6], given[6], given[7], Choice(temperature=0)
    )
    with threads(1):
        drawn, last = generated(native(), *given, Choice(temperature=0))
    assert_array_equal(drawn, expected)
    for got, wanted in zip(last, after, strict=True):
        for x, y in zip(got, wanted, strict=True):
            limit = tolerance("lstm", y, "float32", 9) + watched.allowance
            assert np.max(np.abs(x - y)) <= limit


def _as_float64(part: Any) -> Any:
    if isinstance(part, list | tuple):
        return type(part)(_as_float64(one) for one in part)
    return part.astype(np.float64) if part.dtype == np.float32 else part


@needs_bfloat16
@pytest.mark.parametrize("B", [1, 7])
def test_teams_write_the_same_texts(B: int) -> None:
    given = network(B, 23, (101, 67), 131, 40)
    with threads(1):
        drawn, after = generated(native(), *given, Choice(min_p=0.01))
    for count in (2, 3):
        with threads(count):
            again, last = generated(native(), *given, Choice(min_p=0.01))
        assert_array_equal(again, drawn)
        assert_same_bits([x for s in last for x in s], [x for s in after for x in s])


# ---- numbers out of the ordinary


@everywhere
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("rows", [2, 9])
def test_what_is_not_a_number_reaches_what_it_is_part_of(ops: Ops, rows: int, bad: float) -> None:
    x, w = np.ones((rows, 3), "f"), np.ones((3, 20), "f")
    x[1, 2] = bad
    dy, dw = np.ones((rows, 20), "f"), np.zeros_like(w)
    with np.errstate(invalid="ignore"):  # NumPy's products may multiply infinity with 0.
        y, cache = ops.linear_forward(x, w, None, "linear")
        dx = ops.linear_backward(dy, cache, dw, None, need_dx=True)
    assert_array_equal(y[1], np.full(20, bad))
    assert_array_equal(y[0], np.full(20, 3))
    assert_array_equal(dw[2], np.full(20, bad))
    assert_array_equal(dw[:2], np.full((2, 20), rows))
    assert_array_equal(dx, np.full((rows, 3), 20))

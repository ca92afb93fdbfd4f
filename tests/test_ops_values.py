"""What the operations on arrays and the simple layers compute, by formulas and plain loops."""

import math
from typing import Any

import numpy as np
import pytest

from backend_cases import over_backends, over_dtypes
from lstm.backends.contract import Key, Ops
from op_cases import Array
from recurrent_calls import lstm_backward, lstm_forward
from tolerances import assert_close


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


def numbers(rng: np.random.Generator, dtype: str, *shape: int) -> Array:
    return rng.normal(size=shape).astype(dtype)


# ---- arrays


@over_dtypes
def test_arrays_come_back_as_they_went(ops: Ops, dtype: str, rng: np.random.Generator) -> None:
    for values in (numbers(rng, dtype, 2, 3), np.array([[3, -1]]), np.array([True, False])):
        back = ops.to_numpy(ops.array(values))
        assert back.dtype == values.dtype
        np.testing.assert_array_equal(back, values)


@over_dtypes
def test_zeros_fill_and_assign(ops: Ops, dtype: str, rng: np.random.Generator) -> None:
    x = ops.zeros((2, 3), dtype)
    assert ops.to_numpy(x).dtype == dtype
    np.testing.assert_array_equal(ops.to_numpy(x), np.zeros((2, 3)))
    ops.fill(x, 0.5)
    np.testing.assert_array_equal(ops.to_numpy(x), np.full((2, 3), 0.5))
    values = numbers(rng, dtype, 2, 3)
    ops.assign(x, values)
    np.testing.assert_array_equal(ops.to_numpy(x), values)
    values[...] = 0  # what was assigned is a copy
    assert ops.to_numpy(x).all()


# ---- shapes: numbers are moved, none is changed


@over_dtypes
def test_reshape_transpose_and_flip(ops: Ops, dtype: str, rng: np.random.Generator) -> None:
    x = numbers(rng, dtype, 2, 3, 4)
    reshaped, moved, flipped = (
        ops.reshape(x, (4, 6)),
        ops.transpose(x, (2, 0, 1)),
        ops.flip(x, 1),
    )
    assert moved.shape == (4, 2, 3)
    assert reshaped.dtype == moved.dtype == flipped.dtype == dtype
    for a, b, c in np.ndindex(2, 3, 4):
        place = 12 * a + 4 * b + c
        assert reshaped[place // 6, place % 6] == x[a, b, c]
        assert moved[c, a, b] == x[a, b, c]
        assert flipped[a, 2 - b, c] == x[a, b, c]


@over_dtypes
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_split_undoes_concatenate(
    ops: Ops, dtype: str, axis: int, rng: np.random.Generator
) -> None:
    sizes = (2, 0, 3, 1)
    parts = []
    for size in sizes:
        shape = [2, 3, 4]
        shape[axis] = size
        parts.append(numbers(rng, dtype, *shape))
    whole = ops.concatenate(parts, axis)
    assert whole.shape[axis] == 6
    assert whole.dtype == dtype
    np.testing.assert_array_equal(whole.take(3, axis), parts[2].take(1, axis))
    for piece, part in zip(ops.split(whole, sizes, axis), parts, strict=True):
        assert piece.dtype == dtype
        np.testing.assert_array_equal(piece, part)


@over_dtypes
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_repeat_stacks_along_a_new_axis(
    ops: Ops, dtype: str, axis: int, rng: np.random.Generator
) -> None:
    x = numbers(rng, dtype, 2, 3)
    y = ops.repeat(x, 4, axis)
    assert y.shape == (*x.shape[:axis], 4, *x.shape[axis:])
    assert y.dtype == dtype
    for k in range(4):
        np.testing.assert_array_equal(y.take(k, axis), x)


@over_backends
def test_masks_can_be_moved(ops: Ops) -> None:
    mask = np.array([[True, True, False], [True, False, False]])
    for moved, expected in (
        (ops.flip(mask, 1), [[False, True, True], [False, False, True]]),
        (ops.reshape(mask, (6,)), [True, True, False, True, False, False]),
        (ops.slice_forward(mask, (slice(None), 1)), [True, False]),
        (ops.concatenate([mask[:, :1], mask[:, 2:]], 1), [[True, False], [True, False]]),
    ):
        assert moved.dtype == bool
        assert moved.tolist() == expected


@over_dtypes
def test_slice(ops: Ops, dtype: str, rng: np.random.Generator) -> None:
    x = numbers(rng, dtype, 3, 5, 4)
    y = ops.slice_forward(x, (slice(1, None), -2, slice(None, None, 2)))
    assert y.shape == (2, 2)
    dx = ops.slice_backward(y, (slice(1, None), -2, slice(None, None, 2)), x.shape)
    for a, b, c in np.ndindex(3, 5, 4):
        taken = a >= 1 and b == 3 and c in (0, 2)
        assert dx[a, b, c] == (x[a, b, c] if taken else 0)
        if taken:
            assert y[a - 1, c // 2] == x[a, b, c]


# ---- elementwise and reductions


@over_dtypes
def test_arithmetic(ops: Ops, dtype: str, rng: np.random.Generator) -> None:
    x, y, z = (numbers(rng, dtype, 2, 3) for _ in range(3))
    added, product, scaled = ops.add([x, y, z]), ops.multiply(x, y), ops.scale(x, 0.1)
    for a, b in np.ndindex(2, 3):
        assert_close(added[a, b], float(x[a, b]) + float(y[a, b]) + float(z[a, b]), "pointwise")
        assert_close(product[a, b], float(x[a, b]) * float(y[a, b]), "pointwise")
        assert_close(scaled[a, b], float(x[a, b]) * 0.1, "pointwise")
    for axis in (0, 1, -1):
        total = ops.sum(x, axis)
        assert_close(total, x.astype(np.float64).sum(axis), "product", terms=3)
        assert total.dtype == dtype
    assert scaled.dtype == added.dtype == product.dtype == dtype
    assert ops.add([x]) is not x  # what is added to must not be an input


FORMULAS = {
    "linear": lambda x: x,
    "relu": lambda x: max(x, 0.0),
    "tanh": math.tanh,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)) if x > -700 else 0.0,
    "hard_sigmoid": lambda x: min(max(x / 6 + 0.5, 0.0), 1.0),
}

EVERYWHERE = [
    0.0,
    1e-8,
    -1e-8,
    0.5,
    -0.5,
    2.9,
    3.1,
    -3.1,
    20.0,
    -20.0,
    88.8,
    -88.8,
    1e4,
    -1e4,
    3e38,
]


@over_dtypes
@pytest.mark.parametrize("name", FORMULAS)
def test_activations(ops: Ops, dtype: str, name: Any) -> None:
    x = np.array(EVERYWHERE, dtype)
    y = ops.activation_forward(x, name)
    assert y.dtype == dtype
    for k, value in enumerate(x):
        # Beside 1 a sigmoid of almost 0 is as good as 0.
        at_least = 1.0 if "sigmoid" in name else 0.0
        expected = FORMULAS[name](float(value))
        assert_close(y[k] + at_least, expected + at_least, "pointwise", dtype=dtype)
    assert np.isfinite(ops.activation_backward(np.ones_like(y), y, name)).all()


@over_dtypes
def test_softmax(ops: Ops, dtype: str) -> None:
    x = np.array([[0.1, -2.0, 3.0], [1e4, 1e4 - 1, -1e4], [-1e4, -1e4, -1e4]], dtype)
    y = ops.activation_forward(x, "softmax")
    rows = [[math.exp(v - max(row)) for v in row] for row in x.tolist()]
    assert_close(y, [[e / sum(row) for e in row] for row in rows], "pointwise", terms=3)
    assert y.dtype == dtype
    assert np.isfinite(ops.activation_backward(np.ones_like(y), y, "softmax")).all()


@over_dtypes
@pytest.mark.parametrize("rate", [0.0, 0.25, 0.9])
def test_dropout(ops: Ops, dtype: str, rate: float, rng: np.random.Generator) -> None:
    x, key = numbers(rng, dtype, 100, 100), Key(7, 3)
    y = ops.dropout(x, key, rate)
    assert y.dtype == dtype
    kept = y != 0
    assert_close(y[kept], x[kept].astype(np.float64) / (1 - rate), "pointwise")
    # Five standard deviations of the share kept, and of the mean, which dropout preserves.
    assert abs(kept.mean() - (1 - rate)) <= 5 * math.sqrt(rate * (1 - rate) / x.size)
    lost = math.sqrt(rate / (1 - rate) / x.size)
    mask = ops.dropout_mask(x.shape, key, rate, dtype)
    np.testing.assert_array_equal(mask != 0, kept)
    assert mask.dtype == dtype
    assert abs(mask.mean() - 1) <= 5 * lost + 1e-6


@over_dtypes
def test_features_are_scaled_alike_at_every_step(
    ops: Ops, dtype: str, rng: np.random.Generator
) -> None:
    x, factor = numbers(rng, dtype, 2, 3, 5), numbers(rng, dtype, 2, 5)
    y = ops.scale_features(x, factor)
    assert y.dtype == dtype
    for b, t, k in np.ndindex(2, 3, 5):
        assert_close(y[b, t, k], float(x[b, t, k]) * float(factor[b, k]), "pointwise")


# ---- layers


@over_dtypes
def test_embedding(ops: Ops, dtype: str, rng: np.random.Generator) -> None:
    w = numbers(rng, dtype, 5, 3)
    tokens = np.array([[4, 0, 4], [2, 4, 0]])
    y = ops.embedding_forward(tokens, w)
    assert y.shape == (2, 3, 3)
    dy, dw = numbers(rng, dtype, 2, 3, 3), np.zeros_like(w)
    ops.embedding_backward(dy, tokens, dw)
    expected = np.zeros((5, 3))
    for place in np.ndindex(2, 3):
        np.testing.assert_array_equal(y[place], w[tokens[place]])
        expected[tokens[place]] += dy[place]
    assert_close(dw, expected, "product", terms=3)
    assert not dw[[1, 3]].any()


@over_dtypes
@pytest.mark.parametrize("D", [1, 7, 300])
def test_linear(ops: Ops, dtype: str, D: int, rng: np.random.Generator) -> None:
    x, w, b = numbers(rng, dtype, 2, 3, D), numbers(rng, dtype, D, 4), numbers(rng, dtype, 4)
    y, _ = ops.linear_forward(x, w, b, "linear")
    squashed, _ = ops.linear_forward(x, w, b, "tanh")
    without, _ = ops.linear_forward(x, w, None, "linear")
    wx = np.array(
        [
            [
                [math.fsum(float(x[n, t, d]) * float(w[d, f]) for d in range(D)) for f in range(4)]
                for t in range(3)
            ]
            for n in range(2)
        ]
    )
    assert_close(without, wx, "product", terms=D)
    assert_close(y, wx + b, "product", terms=D)
    assert_close(squashed, np.tanh(y.astype(np.float64)), "pointwise")


@over_dtypes
@pytest.mark.parametrize(
    ("T", "K", "stride", "dilation", "padding"),
    [
        (6, 3, 1, 1, (0, 0)),
        (7, 1, 2, 1, (0, 0)),
        (7, 3, 2, 1, (1, 1)),
        (8, 2, 3, 1, (0, 1)),
        (7, 3, 1, 2, (4, 0)),
        (9, 4, 2, 3, (3, 5)),
        (3, 3, 1, 1, (0, 0)),
        (2, 3, 1, 1, (0, 0)),
        (1, 4, 1, 2, (0, 1)),
        (0, 2, 1, 1, (1, 2)),
        (1, 1, 5, 7, (0, 0)),
    ],
)
def test_conv1d(
    ops: Ops,
    dtype: str,
    T: int,
    K: int,
    stride: int,
    dilation: int,
    padding: tuple[int, int],
    rng: np.random.Generator,
) -> None:
    x, w, b = numbers(rng, dtype, 2, T, 3), numbers(rng, dtype, K, 3, 4), numbers(rng, dtype, 4)
    y, _ = ops.conv1d_forward(x, w, b, stride, dilation, padding, "linear")
    rows: list[Array] = []
    start = -padding[0]
    while start + dilation * (K - 1) < T + padding[1]:
        row = np.tile(b.astype(np.float64), (2, 1))
        for k in range(K):
            t = start + k * dilation
            if 0 <= t < T:
                row += x[:, t].astype(np.float64) @ w[k]
        rows.append(row)
        start += stride
    expected = np.stack(rows, 1) if rows else np.zeros((2, 0, 4))
    assert_close(y, expected, "product", terms=3 * K)
    squashed, _ = ops.conv1d_forward(x, w, b, stride, dilation, padding, "tanh")
    assert_close(squashed, np.tanh(y.astype(np.float64)), "pointwise")


@over_dtypes
def test_a_saturated_lstm_counts(ops: Ops, dtype: str) -> None:
    # Huge inputs open every gate, so that each step adds 1 to the cell; or shut every gate.
    for x, expected in ((1e4, [1, 2, 3]), (3e38, [1, 2, 3]), (-1e4, [0, 0, 0])):
        w, r, b = np.ones((1, 4), dtype), np.zeros((1, 4), dtype), np.zeros(4, dtype)
        y, h_n, c_n, cache = lstm_forward(
            ops,
            np.full((1, 3, 1), x, dtype),
            w,
            r,
            b,
            None,
            None,
            None,
            None,
            False,
            "tanh",
            "sigmoid",
            True,
        )
        assert_close(y, [[[math.tanh(c)] for c in expected]], "lstm", terms=3)
        assert_close(c_n, [[expected[-1]]], "lstm", terms=3)
        dw = np.zeros_like(w)
        dx, dh0, dc0 = lstm_backward(ops, np.ones_like(y), None, h_n, cache, dw, None, None, True)
        # No gate can move, so that no gradient but that of the cell state is left.
        assert not dx.any()
        assert not dw.any()
        assert not dh0.any()
        slopes = [1 - math.tanh(c) ** 2 for c in expected]
        assert_close(dc0, [[sum(slopes) + float(h_n[0, 0]) if x > 0 else 0.0]], "lstm", terms=3)


@over_backends
@pytest.mark.parametrize(("first", "count"), [(0, 4), (4, 4), (8, 4), (2, 6), (3, 4), (0, 12)])
def test_a_range_is_taken_as_a_slice(ops: Ops, first: int, count: int) -> None:
    x = np.arange(2 * 12 * 3, dtype="float32").reshape(2, 12, 3)
    places = np.arange(first, first + count)
    part = x[:, first : first + count]
    np.testing.assert_array_equal(ops.to_numpy(ops.take(x, places, 1)), part)
    back = np.zeros_like(x)
    back[:, first : first + count] = part
    np.testing.assert_array_equal(ops.to_numpy(ops.take_backward(part, places, 1, 12)), back)

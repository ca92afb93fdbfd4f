"""What the losses compute, by their formulas, and at the ends of their ranges."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from backend_cases import over_dtypes
from lstm.backends.contract import Ops
from op_cases import DELTA, POINTWISE_LOSSES, distribution
from tolerances import assert_close

V = 5

FORMULAS: dict[str, Callable[[float, float], float]] = {
    "squared_error": lambda y, t: (y - t) ** 2,
    "absolute_error": lambda y, t: abs(y - t),
    "huber": lambda y, t: (
        (y - t) ** 2 / 2 if abs(y - t) <= DELTA else DELTA * (abs(y - t) - DELTA / 2)
    ),
    "binary_cross_entropy": lambda y, t: -t * math.log(y) - (1 - t) * math.log(1 - y),
    "sigmoid_cross_entropy": lambda y, t: math.log(1 + math.exp(y)) - t * y,
}


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(30)


@over_dtypes
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("name", POINTWISE_LOSSES)
def test_pointwise_losses(
    ops: Ops, dtype: str, name: Any, weighted: bool, rng: np.random.Generator
) -> None:
    y, t = rng.uniform(0.05, 0.95, (2, 3, 4)), rng.random((2, 3, 4))
    if name != "binary_cross_entropy":
        y = 4 * y - 2
    y, t = y.astype(dtype), t.astype(dtype)
    w = rng.random(y.shape).astype(dtype) if weighted else None
    loss, _ = ops.pointwise_loss_forward(name, y, t, w, DELTA)
    total = 0.0
    for place in np.ndindex(y.shape):
        share = 1 / y.size if w is None else float(w[place])
        total += share * FORMULAS[name](float(y[place]), float(t[place]))
    assert type(loss) is float
    assert_close(loss, total, "loss", terms=y.size, dtype=dtype)


@over_dtypes
@pytest.mark.parametrize("lead", [(), (3,), (2, 3)])
@pytest.mark.parametrize("weighted", [True, False])
def test_cross_entropies(
    ops: Ops, dtype: str, lead: tuple[int, ...], weighted: bool, rng: np.random.Generator
) -> None:
    z = rng.normal(0, 3, (*lead, V)).astype(dtype)
    integers, shares = rng.integers(0, V, lead), distribution(rng, (*lead, V)).astype(dtype)
    w = rng.random(lead).astype(dtype) if weighted else None
    p = np.exp(z.astype(np.float64))
    p /= p.sum(-1, keepdims=True)
    totals = [0.0, 0.0]
    for place in np.ndindex(lead):
        share = 1 / max(1, integers.size) if w is None else float(w[place])
        totals[0] -= share * math.log(p[place][integers[place]])
        totals[1] -= share * sum(float(shares[place][v]) * math.log(p[place][v]) for v in range(V))
    for target, total in zip((integers, shares), totals, strict=True):
        for loss in (
            ops.softmax_cross_entropy_forward(z, target, w)[0],
            ops.cross_entropy_forward(p.astype(dtype), target, w)[0],
        ):
            assert type(loss) is float
            assert_close(loss, total, "loss", terms=z.size, dtype=dtype)


@over_dtypes
def test_integer_targets_are_one_hot_targets(
    ops: Ops, dtype: str, rng: np.random.Generator
) -> None:
    z, integers = rng.normal(size=(2, 3, V)).astype(dtype), rng.integers(0, V, (2, 3))
    one_hot = np.eye(V, dtype=dtype)[integers]
    loss, cache = ops.softmax_cross_entropy_forward(z, integers, None)
    same, same_cache = ops.softmax_cross_entropy_forward(z, one_hot, None)
    assert_close(loss, same, "loss", terms=z.size, dtype=dtype)
    assert_close(
        ops.softmax_cross_entropy_backward(cache),
        ops.softmax_cross_entropy_backward(same_cache),
        "loss",
    )


@over_dtypes
def test_softmax_cross_entropy_of_extreme_logits(ops: Ops, dtype: str) -> None:
    z = np.array([[1e4, -1e4, 0.0], [1e4, -1e4, 0.0], [-1e4, -1e4, -1e4]], dtype)
    each = [0.0, 2e4, math.log(3)]
    gradients = [[0, 0, 0], [1, -1, 0], [1 / 3, 1 / 3, -2 / 3]]
    for n, target in enumerate((0, 1, 2)):
        for t in (np.array([target]), np.eye(3, dtype=dtype)[[target]]):
            loss, cache = ops.softmax_cross_entropy_forward(z[n : n + 1], t, None)
            assert_close(loss, each[n], "loss", dtype=dtype)
            dz = ops.softmax_cross_entropy_backward(cache)
            assert_close(dz, [gradients[n]], "loss", dtype=dtype)


@over_dtypes
@pytest.mark.parametrize("peak", [0, 600, 1099])
def test_linear_softmax_cross_entropy_of_logits_far_apart(
    ops: Ops, dtype: str, peak: int, rng: np.random.Generator
) -> None:
    # So many classes that kernels take them in several parts, each with another largest logit.
    w = rng.normal(0, 3, (1, 1100)).astype(dtype)
    w[0, :500] -= 200  # the exponentials of these are nothing beside the others
    w[0, 700:900] += 1e4
    w[0, peak] += 2e4
    x, target = np.ones((3, 1), dtype), np.array([peak, 100, 800])
    z, linear = ops.linear_forward(x, w, None, "linear")
    expected, cache = ops.softmax_cross_entropy_forward(z, target, None)
    dw_expected, dw = np.zeros_like(w), np.zeros_like(w)
    dx_expected = ops.linear_backward(
        ops.softmax_cross_entropy_backward(cache), linear, dw_expected, None, True
    )
    loss, dx = ops.linear_softmax_cross_entropy(x, w, None, target, None, dw, None, True)
    assert_close(loss, expected, "loss", terms=1100, dtype=dtype)
    assert_close(dw, dw_expected, "loss")
    assert_close(dx, dx_expected, "loss", terms=1100)


@over_dtypes
def test_sigmoid_cross_entropy_of_extreme_logits(ops: Ops, dtype: str) -> None:
    for y, t, loss, slope in (
        (1e4, 1.0, 0.0, 0.0),
        (1e4, 0.0, 1e4, 1.0),
        (-1e4, 1.0, 1e4, -1.0),
        (-1e4, 0.0, 0.0, 0.0),
    ):
        got, cache = ops.pointwise_loss_forward(
            "sigmoid_cross_entropy", np.array([y], dtype), np.array([t], dtype), None, 1.0
        )
        assert_close(got, loss, "loss", dtype=dtype)
        assert_close(ops.pointwise_loss_backward(cache), [slope], "loss", dtype=dtype)


@over_dtypes
def test_only_ratios_of_shares_count(ops: Ops, dtype: str, rng: np.random.Generator) -> None:
    p, target = rng.uniform(0.1, 1, (6, V)).astype(dtype), rng.integers(0, V, 6)
    # Powers of two change no digit.
    scales = np.array([2.0**k for k in (-20, -3, -1, 0, 2, 20)], dtype)[:, None]
    loss, cache = ops.cross_entropy_forward(p, target, None)
    scaled, scaled_cache = ops.cross_entropy_forward(p * scales, target, None)
    assert scaled == loss
    dp = ops.cross_entropy_backward(cache)
    np.testing.assert_array_equal(ops.cross_entropy_backward(scaled_cache) * scales, dp)


@over_dtypes
def test_three_equal_shares_cost_log_3(ops: Ops, dtype: str) -> None:
    p = np.full((1, 3), 0.9, dtype)
    for target in (np.array([0]), np.eye(3, dtype=dtype)[:1]):
        loss, cache = ops.cross_entropy_forward(p, target, None)
        assert_close(loss, math.log(3), "loss", dtype=dtype)
        slopes = [[1 / 2.7 - 1 / 0.9, 1 / 2.7, 1 / 2.7]]
        assert_close(ops.cross_entropy_backward(cache), slopes, "loss")


@over_dtypes
def test_a_row_of_zeros_costs_much_and_has_no_gradient(ops: Ops, dtype: str) -> None:
    for p in (np.zeros((1, 3), dtype), np.array([[2.0, -3.0, 1.0]], dtype)):
        for target in (np.array([1]), np.array([[0.2, 0.5, 0.3]], dtype)):
            loss, cache = ops.cross_entropy_forward(p, target, None)
            assert_close(loss, -math.log(1e-7), "loss", dtype=dtype)
            np.testing.assert_array_equal(ops.cross_entropy_backward(cache), np.zeros((1, 3)))


@over_dtypes
def test_what_is_not_a_number_is_not_hidden(ops: Ops, dtype: str) -> None:
    p, target = np.array([[0.5, np.nan, 0.5]], dtype), np.array([0])
    loss, cache = ops.cross_entropy_forward(p, target, None)
    assert math.isnan(loss)
    assert np.isnan(ops.cross_entropy_backward(cache)).all()
    loss, cache = ops.pointwise_loss_forward("binary_cross_entropy", p, np.ones_like(p), None, 1.0)
    assert math.isnan(loss)
    assert np.isnan(ops.pointwise_loss_backward(cache)).tolist() == [[False, True, False]]


@over_dtypes
def test_positions_of_weight_0_do_not_count(ops: Ops, dtype: str, rng: np.random.Generator) -> None:
    z, target = rng.normal(size=(2, V)).astype(dtype), np.array([1, 3])
    weight = np.array([1.0, 0.0], dtype)
    loss, cache = ops.softmax_cross_entropy_forward(z, target, weight)
    alone, _ = ops.softmax_cross_entropy_forward(z[:1], target[:1], None)
    assert_close(loss, alone, "loss", terms=V, dtype=dtype)
    assert not ops.softmax_cross_entropy_backward(cache)[1].any()


@over_dtypes
@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("counting", [0, 1, 400, 699])
def test_a_linear_layer_leaves_rows_of_weight_0_out(
    ops: Ops, dtype: str, counting: int, rows: bool, rng: np.random.Generator
) -> None:
    n, D = 700, 3  # Several chunks of rows.
    x, w = rng.normal(size=(n, D)).astype(dtype), rng.normal(size=(D, V)).astype(dtype)
    b, weight = rng.normal(size=V).astype(dtype), np.zeros(n, dtype)
    counts = np.sort(rng.permutation(n)[:counting])
    weight[counts] = rng.uniform(0.5, 1, counting) / max(counting, 1)
    target = distribution(rng, (n, V)).astype(dtype) if rows else rng.integers(0, V, n)
    x[weight == 0] = np.nan

    def results(x: np.ndarray, target: np.ndarray, weight: np.ndarray) -> list[np.ndarray]:
        dw, db = np.zeros_like(w), np.zeros_like(b)
        loss, dx = ops.linear_softmax_cross_entropy(x, w, b, target, weight, dw, db, True)
        return [np.array(loss), dx, dw, db]

    found = results(x, target, weight)
    loss, dx, *others = results(x[counts], target[counts], weight[counts])
    whole = np.zeros_like(x)
    whole[counts] = dx
    for one, other in zip(found, (loss, whole, *others), strict=True):
        assert_close(one, other, "loss", terms=max(counting, 1), dtype=dtype)

"""What the optimizers compute over several steps, by their formulas with plain numbers."""

import math
from collections.abc import Iterator

import numpy as np
import pytest

from backend_cases import over_dtypes
from lstm.backends.contract import Ops
from op_cases import Array
from tolerances import assert_close

STEPS = 6
RNG = np.random.default_rng(40)
P0 = RNG.normal(size=7)
# From small to large, so that a misplaced epsilon or root shows.
ALL = np.array([7])
GRADIENTS = RNG.normal(size=(STEPS, 7)) * np.logspace(-3, 1, 7)


def each_parameter() -> Iterator[tuple[float, list[float]]]:
    """The start of every parameter and its gradients step by step."""
    return zip(P0.tolist(), GRADIENTS.T.tolist(), strict=True)


@over_dtypes
@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.8, False), (0.8, True)])
def test_sgd(ops: Ops, dtype: str, momentum: float, nesterov: bool) -> None:
    p, v = P0.astype(dtype), np.zeros(7, dtype)
    for g in GRADIENTS.astype(dtype):
        ops.sgd_step(p, g, v, 0.03, momentum, nesterov)
    expected = []
    for x, gradients in each_parameter():
        velocity = 0.0
        for g in gradients:
            velocity = momentum * velocity - 0.03 * g
            x += momentum * velocity - 0.03 * g if nesterov else velocity
        expected.append((x, velocity))
    assert_close(p, [x for x, _ in expected], "optimizer", terms=STEPS)
    assert_close(v, [velocity for _, velocity in expected], "optimizer", terms=STEPS)


@over_dtypes
@pytest.mark.parametrize("eps", [1e-7, 0.1])
@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize("momentum", [None, 0.6])
def test_rmsprop(ops: Ops, dtype: str, eps: float, centered: bool, momentum: float | None) -> None:
    p, s, m, v = P0.astype(dtype), *(np.zeros(7, dtype) for _ in range(3))
    slots = s, m if centered else None, v if momentum else None
    for g in GRADIENTS.astype(dtype):
        ops.rmsprop_step(p, g, *slots, 0.03, 0.9, momentum or 0.0, eps)
    expected = []
    for x, gradients in each_parameter():
        square = mean = velocity = 0.0
        for g in gradients:
            square = 0.9 * square + 0.1 * g**2
            mean = 0.9 * mean + 0.1 * g if centered else 0.0
            step = 0.03 * g / math.sqrt(square - mean**2 + eps)
            velocity = (momentum or 0.0) * velocity + step
            x -= velocity
        expected.append((x, square, mean, velocity))
    for k, result in enumerate((p, *slots)):
        if result is not None:
            assert_close(result, [row[k] for row in expected], "optimizer", terms=STEPS)


@over_dtypes
def test_a_variance_that_rounding_takes_below_zero(ops: Ops, dtype: str) -> None:
    # Equal gradients have the variance 0; that of the running means falls to less than it rounds.
    p, g, s, m = (np.full(33, x, dtype) for x in (0.0, 1e4 / 3, 0.0, 0.0))
    for _ in range(400):
        ops.rmsprop_step(p, g, s, m, None, 1e-3, 0.9, 0.0, 1e-7)
        assert np.isfinite(p).all()


@over_dtypes
@pytest.mark.parametrize("eps", [1e-7, 0.1])
@pytest.mark.parametrize("amsgrad", [False, True])
def test_adam(ops: Ops, dtype: str, eps: float, amsgrad: bool) -> None:
    p, m, v = P0.astype(dtype), np.zeros(7, dtype), np.zeros(7, dtype)
    largest = np.zeros(7, dtype) if amsgrad else None
    for step, g in enumerate(GRADIENTS.astype(dtype), 1):
        ops.adam_step(p, g, m, v, largest, step, 0.03, 0.9, 0.99, eps)
    expected = []
    for x, gradients in each_parameter():
        mean = square = top = 0.0
        for step, g in enumerate(gradients, 1):
            mean = 0.9 * mean + 0.1 * g
            square = 0.99 * square + 0.01 * g**2
            top = max(top, square) if amsgrad else square
            unbiased = math.sqrt(1 - 0.99**step) / (1 - 0.9**step)
            x -= 0.03 * unbiased * mean / (math.sqrt(top) + eps)
        expected.append((x, mean, square, top))
    check(expected, p, m, v, *([] if largest is None else [largest]))


def check(expected: list[tuple[float, ...]], *results: Array) -> None:
    """Compare arrays with rows that have a number of each."""
    for k, result in enumerate(results):
        assert_close(result, [row[k] for row in expected], "optimizer", terms=STEPS)


@over_dtypes
def test_adagrad(ops: Ops, dtype: str) -> None:
    p, s = P0.astype(dtype), np.full(7, 0.1, dtype)
    for g in GRADIENTS.astype(dtype):
        ops.adagrad_step(p, g, s, 0.03, 1e-3)
    expected = []
    for x, gradients in each_parameter():
        total = 0.1
        for g in gradients:
            total += g**2
            x -= 0.03 * g / math.sqrt(total + 1e-3)
        expected.append((x, total))
    check(expected, p, s)


@over_dtypes
def test_adadelta(ops: Ops, dtype: str) -> None:
    p, s, a = P0.astype(dtype), np.zeros(7, dtype), np.zeros(7, dtype)
    for g in GRADIENTS.astype(dtype):
        ops.adadelta_step(p, g, s, a, 0.5, 0.9, 1e-3)
    expected = []
    for x, gradients in each_parameter():
        square = way = 0.0
        for g in gradients:
            square = 0.9 * square + 0.1 * g**2
            step = math.sqrt((way + 1e-3) / (square + 1e-3)) * g
            way = 0.9 * way + 0.1 * step**2
            x -= 0.5 * step
        expected.append((x, square, way))
    check(expected, p, s, a)


@over_dtypes
def test_adamax(ops: Ops, dtype: str) -> None:
    p, m, u = P0.astype(dtype), np.zeros(7, dtype), np.zeros(7, dtype)
    for step, g in enumerate(GRADIENTS.astype(dtype), 1):
        ops.adamax_step(p, g, m, u, step, 0.03, 0.9, 0.6, 1e-3)
    expected = []
    for x, gradients in each_parameter():
        mean = top = 0.0
        for step, g in enumerate(gradients, 1):
            mean = 0.9 * mean + 0.1 * g
            top = max(0.6 * top, abs(g))
            x -= 0.03 / (1 - 0.9**step) * mean / (top + 1e-3)
        expected.append((x, mean, top))
    check(expected, p, m, u)


@over_dtypes
def test_nadam(ops: Ops, dtype: str) -> None:
    p, m, s = P0.astype(dtype), np.zeros(7, dtype), np.zeros(7, dtype)
    for step, g in enumerate(GRADIENTS.astype(dtype), 1):
        ops.nadam_step(p, g, m, s, step, 0.03, 0.9, 0.8, 1e-3)
    expected = []
    for x, gradients in each_parameter():
        mean = square = 0.0
        so_far = 1.0
        for step, g in enumerate(gradients, 1):
            mean = 0.9 * mean + 0.1 * g
            square = 0.8 * square + 0.2 * g**2
            now, then = (0.9 * (1 - 0.5 * 0.96**t) for t in (step, step + 1))
            so_far *= now
            ahead = then * mean / (1 - so_far * then) + (1 - now) * g / (1 - so_far)
            x -= 0.03 * ahead / (math.sqrt(square / (1 - 0.8**step)) + 1e-3)
        expected.append((x, mean, square))
    check(expected, p, m, s)


@over_dtypes
@pytest.mark.parametrize("step", [1, 999, 1000, 1001, 10**6, 10**15])
def test_nadam_after_any_number_of_steps(ops: Ops, dtype: str, step: int) -> None:
    p, m, s = np.zeros(3, dtype), np.ones(3, dtype), np.ones(3, dtype)
    ops.nadam_step(p, np.ones(3, dtype), m, s, step, 0.5, 0.999, 0.5, 1e-7)
    so_far = 0.999**step
    for t in range(1, min(step, 2000) + 1):
        so_far *= 1 - 0.5 * 0.96**t
    now, then = (0.999 * (1 - 0.5 * 0.96**t) for t in (step, step + 1))
    ahead = then / (1 - so_far * then) + (1 - now) / (1 - so_far)
    expected = -0.5 * ahead / (math.sqrt(1 / (1 - 0.5**step)) + 1e-7)
    assert_close(p, np.full(3, expected), "optimizer", terms=3)


@over_dtypes
@pytest.mark.parametrize("power", [-0.5, -0.7, 0.0])
@pytest.mark.parametrize(("l1", "l2", "shrinkage", "beta"), [(0, 0, 0, 0), (0.1, 0.2, 0.3, 0.4)])
def test_ftrl(
    ops: Ops, dtype: str, power: float, l1: float, l2: float, shrinkage: float, beta: float
) -> None:
    p, s, z = P0.astype(dtype), np.full(7, 0.1, dtype), np.zeros(7, dtype)
    for g in GRADIENTS.astype(dtype):
        ops.ftrl_step(p, g, s, z, 0.5, power, l1, l2, shrinkage, beta)
    expected = []
    for x, gradients in each_parameter():
        total, linear = 0.1, 0.0
        for g in gradients:
            after = total + g**2
            linear += g + 2 * shrinkage * x - (after**-power - total**-power) / 0.5 * x
            curve = after**-power / 0.5 + 2 * (l2 + beta / (2 * 0.5))
            total, x = after, (min(max(linear, -l1), l1) - linear) / curve
        expected.append((x, total, linear))
    check(expected, p, s, z)


@over_dtypes
def test_ftrl_leaves_weights_that_never_had_a_gradient(ops: Ops, dtype: str) -> None:
    p, s, z = P0.astype(dtype), np.zeros(7, dtype), np.zeros(7, dtype)
    ops.ftrl_step(p, np.zeros(7, dtype), s, z, 0.5, -0.5, 0.0, 0.0, 0.0, 0.0)
    np.testing.assert_array_equal(p, P0.astype(dtype))


@over_dtypes
def test_lion(ops: Ops, dtype: str) -> None:
    p, m = P0.astype(dtype), np.zeros(7, dtype)
    for g in GRADIENTS.astype(dtype):
        ops.lion_step(p, g, m, 0.03, 0.6, 0.7)
    expected = []
    for x, gradients in each_parameter():
        mean = 0.0
        for g in gradients:
            x -= math.copysign(0.03, 0.6 * mean + 0.4 * g)
            mean = 0.7 * mean + 0.3 * g
        expected.append((x, mean))
    check(expected, p, m)


@over_dtypes
def test_mix(ops: Ops, dtype: str) -> None:
    x, y = P0.astype(dtype), GRADIENTS[0].astype(dtype)
    ops.mix(y, 0.25, x, -1.5)
    assert_close(y, 0.25 * GRADIENTS[0] - 1.5 * P0, "product", terms=2)
    np.testing.assert_array_equal(x, P0.astype(dtype))
    ops.mix(x, 1.0, x, -0.5)
    assert_close(x, P0 / 2, "product")
    ops.mix(y, 0.0, x, 1.0)
    np.testing.assert_array_equal(y, x)


@over_dtypes
def test_steps_leave_the_gradient_as_it_was(ops: Ops, dtype: str) -> None:
    g = GRADIENTS[0].astype(dtype)

    def slots(count: int) -> list[Array]:
        return [np.ones(7, dtype) for _ in range(count)]

    p = np.ones(7, dtype)
    ops.sgd_step(p, g, *slots(1), 0.1, 0.9, True)
    ops.rmsprop_step(p, g, *slots(3), 0.1, 0.9, 0.9, 1e-7)
    ops.adam_step(p, g, *slots(3), 1, 0.1, 0.9, 0.99, 1e-7)
    ops.adagrad_step(p, g, *slots(1), 0.1, 1e-7)
    ops.adadelta_step(p, g, *slots(2), 0.1, 0.9, 1e-7)
    ops.adamax_step(p, g, *slots(2), 1, 0.1, 0.9, 0.99, 1e-7)
    ops.nadam_step(p, g, *slots(2), 1, 0.1, 0.9, 0.99, 1e-7)
    ops.ftrl_step(p, g, *slots(2), 0.1, -0.5, 0.1, 0.1, 0.1, 0.1)
    ops.lion_step(p, g, *slots(1), 0.1, 0.9, 0.99)
    np.testing.assert_array_equal(g, GRADIENTS[0].astype(dtype))


@over_dtypes
@pytest.mark.parametrize("steps", [1, 3])
def test_no_gradient_no_step(ops: Ops, dtype: str, steps: int) -> None:
    p, g, a, b = P0.astype(dtype), np.zeros(7, dtype), np.zeros(7, dtype), np.zeros(7, dtype)
    for step in range(1, steps + 1):
        ops.sgd_step(p, g, a, 0.1, 0.9, False)
        ops.rmsprop_step(p, g, a, b, None, 0.1, 0.9, 0.0, 1e-7)
        ops.adam_step(p, g, a, b, None, step, 0.1, 0.9, 0.99, 1e-7)
        ops.adagrad_step(p, g, a, 0.1, 1e-7)
        ops.adadelta_step(p, g, a, b, 0.1, 0.9, 1e-7)
        ops.adamax_step(p, g, a, b, step, 0.1, 0.9, 0.99, 1e-7)
        ops.nadam_step(p, g, a, b, step, 0.1, 0.9, 0.99, 1e-7)
        ops.lion_step(p, g, a, 0.1, 0.9, 0.99)
    np.testing.assert_array_equal(p, P0.astype(dtype))


@over_dtypes
@pytest.mark.parametrize("share", [0.1, 0.999, 1.001, 10.0])
def test_clip_by_the_norm_of_the_whole(ops: Ops, dtype: str, share: float) -> None:
    before = GRADIENTS[0].astype(dtype)
    norm = math.sqrt(math.fsum(float(x) ** 2 for x in before))
    g = before.copy()
    returned = ops.clip_by_norm(g, ALL, share * norm)
    assert type(returned) is float
    assert_close(returned, norm, "product", terms=7, dtype=dtype)
    if share > 1:
        np.testing.assert_array_equal(g, before)
    else:
        assert_close(g, before.astype(np.float64) * share, "product", terms=7)


@over_dtypes
def test_clip_leaves_zeros(ops: Ops, dtype: str) -> None:
    g = np.zeros(7, dtype)
    assert ops.clip_by_norm(g, ALL, 1.0) == 0
    assert not g.any()


@over_dtypes
def test_clip_tames_an_exploding_gradient(ops: Ops, dtype: str) -> None:
    # Its squares lie beyond float32.
    g: Array = np.array([3e30, -4e30], dtype)
    norm = ops.clip_by_norm(g, np.array([2]), 1.0)
    assert_close(norm, 5e30, "product", terms=2, dtype=dtype)
    assert_close(g, [0.6, -0.8], "product", terms=2)


@over_dtypes
@pytest.mark.parametrize("ends", [[7], [3, 7], [0, 1, 1, 5, 7], [2, 7, 7], range(1, 8)])
def test_clip_by_the_norm_of_each_part(ops: Ops, dtype: str, ends: list[int]) -> None:
    before = GRADIENTS[1].astype(dtype)
    norm = math.sqrt(math.fsum(float(x) ** 2 for x in before))
    g, expected = before.copy(), before.astype(np.float64)
    for part in np.split(expected, list(ends)[:-1]):
        part *= min(1.0, 0.3 / max(np.linalg.norm(part), 1e-300))
    returned = ops.clip_by_norm(g, np.array(ends), 0.3)
    assert_close(returned, norm, "product", terms=7, dtype=dtype)
    assert_close(g, expected, "product", terms=7)


@over_dtypes
def test_clip_by_value(ops: Ops, dtype: str) -> None:
    g = np.array([-3.0, -0.5, 0.0, 0.25, 0.5, 7e30, -1e-30], dtype)
    ops.clip_by_value(g, 0.5)
    np.testing.assert_array_equal(g, np.array([-0.5, -0.5, 0, 0.25, 0.5, 0.5, -1e-30], dtype))

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
@pytest.mark.parametrize(("eps", "decay"), [(1e-7, 0.0), (0.1, 0.0), (1e-7, 0.3)])
def test_adam(ops: Ops, dtype: str, eps: float, decay: float) -> None:
    p, m, v = P0.astype(dtype), np.zeros(7, dtype), np.zeros(7, dtype)
    for step, g in enumerate(GRADIENTS.astype(dtype), 1):
        ops.adam_step(p, g, m, v, step, 0.03, 0.9, 0.99, eps, decay)
    expected = []
    for x, gradients in each_parameter():
        mean = square = 0.0
        for step, g in enumerate(gradients, 1):
            x -= 0.03 * decay * x
            mean = 0.9 * mean + 0.1 * g
            square = 0.99 * square + 0.01 * g**2
            unbiased = math.sqrt(1 - 0.99**step) / (1 - 0.9**step)
            x -= 0.03 * unbiased * mean / (math.sqrt(square) + eps)
        expected.append((x, mean, square))
    for k, result in enumerate((p, m, v)):
        assert_close(result, [row[k] for row in expected], "optimizer", terms=STEPS)


@over_dtypes
def test_steps_leave_the_gradient_as_it_was(ops: Ops, dtype: str) -> None:
    g = GRADIENTS[0].astype(dtype)
    p, velocity, square, mean = (np.ones(7, dtype) for _ in range(4))
    ops.sgd_step(p, g, velocity, 0.1, 0.9, True)
    ops.rmsprop_step(p, g, square, mean, velocity, 0.1, 0.9, 0.9, 1e-7)
    ops.adam_step(p, g, mean, square, 1, 0.1, 0.9, 0.99, 1e-7, 0.1)
    np.testing.assert_array_equal(g, GRADIENTS[0].astype(dtype))


@over_dtypes
@pytest.mark.parametrize("steps", [1, 3])
def test_no_gradient_no_step(ops: Ops, dtype: str, steps: int) -> None:
    p, g, a, b = P0.astype(dtype), np.zeros(7, dtype), np.zeros(7, dtype), np.zeros(7, dtype)
    for step in range(1, steps + 1):
        ops.sgd_step(p, g, a, 0.1, 0.9, False)
        ops.rmsprop_step(p, g, a, b, None, 0.1, 0.9, 0.0, 1e-7)
        ops.adam_step(p, g, a, b, step, 0.1, 0.9, 0.99, 1e-7, 0.0)
    np.testing.assert_array_equal(p, P0.astype(dtype))


@over_dtypes
@pytest.mark.parametrize("share", [0.1, 0.999, 1.001, 10.0])
def test_clip_by_global_norm(ops: Ops, dtype: str, share: float) -> None:
    before = GRADIENTS[0].astype(dtype)
    norm = math.sqrt(math.fsum(float(x) ** 2 for x in before))
    g = before.copy()
    returned = ops.clip_by_global_norm(g, share * norm)
    assert type(returned) is float
    assert_close(returned, norm, "product", terms=7, dtype=dtype)
    if share > 1:
        np.testing.assert_array_equal(g, before)
    else:
        assert_close(g, before.astype(np.float64) * share, "product", terms=7)


@over_dtypes
def test_clip_leaves_zeros(ops: Ops, dtype: str) -> None:
    g = np.zeros(7, dtype)
    assert ops.clip_by_global_norm(g, 1.0) == 0
    assert not g.any()


@over_dtypes
def test_clip_tames_an_exploding_gradient(ops: Ops, dtype: str) -> None:
    # Its squares lie beyond float32.
    g: Array = np.array([3e30, -4e30], dtype)
    assert_close(ops.clip_by_global_norm(g, 1.0), 5e30, "product", terms=2, dtype=dtype)
    assert_close(g, [0.6, -0.8], "product", terms=2)

"""exp, tanh and sigmoid of the kernels lie within the error that the head of cpp/vmath.h states.

The strata are every exponent with both signs, and the neighbourhood of each seam. With
LSTM_EXHAUSTIVE=1 in the environment all floats are tried (some minutes).
"""

import os
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from lstm.backends import _kernels
from native_cases import INSTRUCTION_SETS, running_on

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

TINY, HUGE = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)

# What the head of cpp/vmath.h states, in units in the last place.
BOUNDS = {"exp": 1.1, "tanh": 2.6, "sigmoid": 2.5}

# Where the ways of computing meet: the ends of exp, the halves of ln 2 at which its reduction
# changes, and the ends of what differs from 1.
LN_2 = float(np.log(2))
SEAMS = {
    "exp": [-87.33654, 88.72283, 0, *((k + 0.5) * LN_2 for k in (-126, -20, -1, 0, 1, 20, 127))],
    "tanh": [0, 0.1733, -0.1733, 9.01, -9.01, 10, -10],
    "sigmoid": [
        0,
        -87.33654,
        -88.37,
        87,
        88.72283,
        17.33,
        *((k + 0.5) * LN_2 for k in (-9, -1, 1)),
    ],
}


def kernel_exp(x: Floats) -> Floats:
    # The gradient of a cross-entropy is exp(log p) where the target is another class.
    log_p = np.append(np.float32(0), x)[None]
    dz, one = np.empty_like(log_p), np.ones(1, np.float32)
    _kernels.softmax_cross_entropy_backward(log_p, np.zeros(1, np.int64), None, one, dz)
    return dz[0, 1:]


def kernel_activation(code: int) -> Callable[[Floats], Floats]:
    def function(x: Floats) -> Floats:
        y = np.empty_like(x)
        _kernels.activation_forward(x[None], code, y[None])
        return y

    return function


def exact_sigmoid(x: Doubles) -> Doubles:
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


KERNELS = {"exp": kernel_exp, "tanh": kernel_activation(2), "sigmoid": kernel_activation(3)}
EXACT = {"exp": np.exp, "tanh": np.tanh, "sigmoid": exact_sigmoid}

over_functions = pytest.mark.parametrize("name", KERNELS)
on_instruction_sets = pytest.mark.parametrize("instruction_set", INSTRUCTION_SETS)


def floats(ranks: NDArray[np.int64]) -> Floats:
    """The floats of those ranks: 0 is the 0th, 1 the smallest above it, and so on to infinity."""
    return np.copysign(
        np.abs(ranks).astype(np.uint32).view(np.float32), np.sign(ranks), dtype=np.float32
    )


def rank(x: float) -> int:
    magnitude = int(np.float32(abs(x)).view(np.uint32))
    return magnitude if x >= 0 else -magnitude


INFINITY = rank(np.inf)


def assert_accurate(name: str, x: Floats) -> None:
    """Assert that errors are within the bound, and that nothing falls; `x` ascends."""
    with np.errstate(over="ignore", under="ignore"):
        exact = EXACT[name](x.astype(np.float64))
        y = KERNELS[name](x)
        ulp = np.ldexp(1.0, np.frexp(exact)[1] - 24)
    # Denormal arguments and results count as 0.
    normal = np.abs(exact) >= TINY
    assert (np.abs(y[~normal]) <= TINY).all()
    # Half an ulp above the largest float is where infinity begins.
    beyond = exact >= HUGE * (1 + 2.0**-25)
    assert np.isinf(y[beyond]).all()
    inside = normal & ~beyond
    errors = np.abs(y[inside] - exact[inside]) / ulp[inside]
    worst = int(errors.argmax()) if errors.size else 0
    assert errors.max(initial=0) <= BOUNDS[name], (x[inside][worst], y[inside][worst])
    if name == "exp":
        assert (y[1:] >= y[:-1]).all(), "falls where it should rise"


def strata() -> Iterator[Floats]:
    """Of every exponent and sign the first, the last, and some floats between, ascending."""
    rng = np.random.default_rng(90)
    for exponent in range(255):
        inner = rng.integers(0, 1 << 23, 500)
        inner[:4] = 0, 1, (1 << 23) - 2, (1 << 23) - 1
        ranks = np.sort(inner) + (exponent << 23)
        yield floats(ranks)
        yield floats(-ranks[::-1])


@on_instruction_sets
@over_functions
def test_errors_are_within_the_bound(instruction_set: str, name: str) -> None:
    with running_on(instruction_set):
        for x in strata():
            assert_accurate(name, x)


@on_instruction_sets
@over_functions
def test_seams_do_not_show(instruction_set: str, name: str) -> None:
    with running_on(instruction_set):
        for seam in SEAMS[name]:
            assert_accurate(name, floats(rank(seam) + np.arange(-5000, 5001)))


@on_instruction_sets
@over_functions
def test_the_ends(instruction_set: str, name: str) -> None:
    ends = {"exp": (0, 1, np.inf), "tanh": (-1, 0, 1), "sigmoid": (0, 0.5, 1)}[name]
    x = np.array([-np.inf, 0, np.inf, -HUGE, -1e-45, 1e-45, HUGE, -0.0], np.float32)
    with running_on(instruction_set):
        y = KERNELS[name](x)
        assert np.isnan(KERNELS[name](np.full(40, np.nan, np.float32))).all()
    np.testing.assert_array_equal(y[:3], np.array(ends, np.float32))
    np.testing.assert_array_equal(y[3:], y[[0, 1, 1, 2, 1]])


@on_instruction_sets
def test_results_stay_within_their_range(instruction_set: str) -> None:
    x = np.concatenate([*strata()])
    with running_on(instruction_set):
        assert np.abs(KERNELS["tanh"](x)).max() == 1
        y = KERNELS["sigmoid"](x)
        assert y.min() == 0
        assert y.max() == 1
        assert KERNELS["exp"](x).min() == 0


@on_instruction_sets
def test_tanh_is_odd(instruction_set: str) -> None:
    x = np.concatenate([*strata()])
    with running_on(instruction_set):
        np.testing.assert_array_equal(KERNELS["tanh"](-x), -KERNELS["tanh"](x))


@pytest.mark.skipif("LSTM_EXHAUSTIVE" not in os.environ, reason="takes minutes: LSTM_EXHAUSTIVE=1")
@on_instruction_sets
@over_functions
def test_every_float(instruction_set: str, name: str) -> None:
    step = 1 << 22
    with running_on(instruction_set):
        for first in range(-INFINITY, INFINITY + 1, step):
            # One more than a step, so that no pair of neighbours is left out.
            assert_accurate(name, floats(np.arange(first, min(first + step, INFINITY) + 1)))

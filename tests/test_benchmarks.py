"""The workloads of the benchmarks, in small: both backends do the same work."""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import lstm
from lstm.backends import _kernels
from native_cases import INSTRUCTION_SETS, running_on
from tolerances import assert_close

FOLDER = Path(__file__).parents[1] / "benchmarks"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="not in this distribution")


@pytest.fixture(autouse=True, scope="module")
def benchmarks() -> Iterator[None]:
    """Its modules, found as they find each other."""
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path.remove(str(FOLDER))


def first_steps(case: Any, backend: str) -> list[float]:
    """What the benchmark compares between contenders before it times them."""
    from contenders import ours
    from protocol import Workload

    with lstm.backends.using(backend):
        ready = ours.prepare(Workload.of(case, case.arrays()))
    ready.steps(2)()
    return list(ready.curve)


@pytest.mark.parametrize(
    "name",
    [
        *("lm128", "lm_small", "addition", "addition_tanh", "lstm50", "cnn", "cnn_lstm"),
        *("prediction", "forward", "step128", "generate128", "ragged"),
        *("decimal_addition", "translation", "sentiment", "weather", "anomaly_detection"),
        *("attention", "ctc_lines"),
        *("step128_bf16", "lm256_bf16", "generate512_bf16", "generate512_int8"),
    ],
)
def test_backends_agree(name: str) -> None:
    from run import TOLERANCE, close
    from suite import CASES

    case = CASES[name]
    if case.precision == "bfloat16" and _kernels.bfloat16() is None:
        pytest.skip("needs AVX512-BF16")
    # More tokens in a batch than there are symbols: the embedding is fused into the LSTM.
    sizes = {"B": min(case.B, 11), "T": 9, "E": min(case.E, 5), "H": min(case.H, 13)}
    small = replace(case, **sizes, chunk=4)
    native, reference = (first_steps(small, backend) for backend in ("native", "reference"))
    if case.precision == "float32":
        assert_close(native, reference, "lstm", terms=small.B * small.T, dtype="float32")
    else:
        # A last bit of a sum may round a state to another number of few bits.
        assert close(native, reference, TOLERANCE[case.precision])


def test_a_core_is_busy_within_the_block() -> None:
    from busy import busy_core

    with busy_core() as program:
        os.kill(program, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(program, 0)


def test_goals_are_those_of_the_fastest_form_and_of_other_cases() -> None:
    from cases import Case, Goal
    from report import goals

    goal = Goal("pytorch", 2), Goal("pytorch", 4, form="slow"), Goal("ours", 0.5, case="alone")
    case = Case("busy", "", "step", goals=goal)
    rows = [
        {"case": name, "contender": contender, "form": form, "median": median}
        for name, contender, form, median in (
            ("alone", "ours", "fit", 3.0),
            ("busy", "ours", "fit", 4.0),
            ("busy", "pytorch", "fast", 7.0),
            ("busy", "pytorch", "slow", 16.0),
        )
    ]
    assert [goals(case, row, rows) for row in rows[1:]] == [
        "0.75 of ours in `alone`: 0.5 ✓",
        "2 ✗",
        "4 ✓",
    ]


def test_work_is_counted_from_the_sizes() -> None:
    from roofline import work_of
    from suite import CASES

    regression = work_of(CASES["lstm8"])
    positions, kernel, recurrent = 32 * 24, 3 * 32, 8 * 32
    weights = kernel + recurrent + 32 + 8 + 1
    # Nobody needs the gradient of the data. The Dense reads the last step only.
    multiply_adds = positions * (2 * kernel + 3 * recurrent) + 3 * 32 * 8
    kept = positions * 5 * 8
    moved = 2 * (weights + 23 * recurrent) + 8 * weights + 2 * kept
    assert regression.multiply_adds == multiply_adds
    assert regression.exponentials == positions * 5 * 8
    assert regression.bytes == 4 * moved
    assert regression.held == 4 * (4 * weights + kept)

    step = work_of(CASES["step128"])
    assert step.multiply_adds == 2 * (128 + 128) * 4 * 128
    assert step.bytes == step.held == 4 * (step.multiply_adds + 2 * 4 * 128)
    assert step.exponentials == 2 * 5 * 128

    halves = work_of(CASES["step128_bf16"])
    assert (halves.multiply_adds, halves.bytes) == (step.multiply_adds, step.bytes / 2)

    token = work_of(CASES["generate128"])  # whose first products are a row of a table
    assert token.multiply_adds == 3 * 128 * 512 + 128 * 65
    assert token.bytes == 4 * (token.multiply_adds + 2 * 512 + 65)
    assert token.exponentials == 2 * 5 * 128 + 65

    chunks = work_of(CASES["cnn_lstm"])
    convolution, lstm_and_dense = 10 * 2 * 5 * 64 * 64, 3 * (640 + 64) * 256
    assert chunks.multiply_adds == 64 * 10 * (convolution + lstm_and_dense) + 3 * 64 * 64
    addition = work_of(CASES["addition"])
    assert addition.multiply_adds == 1000 * (2 * 2 * 8 + 3 * (8 * 4 + 4 * 16 + 4 * 16 + 4))
    assert addition.exponentials == 1000 * (3 * 4 + 1)


def test_arithmetic_adds_up_and_bytes_move_meanwhile() -> None:
    from roofline import Rates, Work

    machine = Rates({"float32": 10.0}, 5.0, {100.0: 50.0, 200.0: 20.0})
    assert machine.floor(Work(40, 10, 100, held=100)).seconds == 6  # 4 + 2, and 2 for the bytes
    assert machine.floor(Work(40, 10, 140, held=101)).seconds == 7  # in a slower cache
    assert machine.floor(Work(0, 0, 20, held=999)).seconds == 1


def test_an_instruction_set_is_forced_or_refused() -> None:
    from instruction_sets import choose

    with running_on("baseline"):
        choose("")
        assert _kernels.instruction_set() == "baseline"
        for name in INSTRUCTION_SETS:
            choose(name)
            assert _kernels.instruction_set() == name
        with pytest.raises(ValueError, match="no kernels for avx1024"):
            choose("avx1024")

"""The workloads of the benchmarks, in small: both backends do the same work."""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import lstm
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

    arrays = case.arrays()
    weights = [arrays[f"w{k}"] for k in range(len(case.weight_shapes()))]
    data = [arrays.get(name) for name in ("x", "y", "lengths")]
    with lstm.backends.using(backend):
        ready = ours.prepare(Workload(case, "", 1, weights, *data))
    ready.steps(2)()
    return list(ready.curve)


@pytest.mark.parametrize(
    "name",
    [
        *("lm128", "lm_small", "addition", "addition_tanh", "lstm50", "cnn", "cnn_lstm"),
        *("prediction", "forward", "step128", "generate128", "ragged"),
    ],
)
def test_backends_agree(name: str) -> None:
    from suite import CASES

    case = CASES[name]
    # More tokens in a batch than there are symbols: the embedding is fused into the LSTM.
    sizes = {"B": min(case.B, 11), "T": 9, "E": min(case.E, 5), "H": min(case.H, 13)}
    small = replace(case, **sizes, chunk=4)
    native, reference = (first_steps(small, backend) for backend in ("native", "reference"))
    assert_close(native, reference, "lstm", terms=small.B * small.T, dtype="float32")


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

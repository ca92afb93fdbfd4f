"""The workloads of the benchmarks, in small: both backends do the same work."""

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

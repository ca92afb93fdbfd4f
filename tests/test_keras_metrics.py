"""Metrics against Keras, whose results golden/make_keras_metrics.py stored."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from lstm import metrics
from op_cases import Arrays
from tolerances import assert_close

PATH = Path(__file__).parent / "golden" / "keras_metrics.safetensors"
ARRAYS: Arrays = load_file(PATH)
with safe_open(PATH, "np") as file:
    CASES: dict[str, tuple[str, str, dict[str, Any]]] = json.loads(file.metadata()["cases"])

BATCHES = 3


def batches(name: str) -> list[list[np.ndarray]]:
    parts = ("y_true", "y_pred", "weight")
    return [[ARRAYS[f"data/{name}/{k}/{part}"] for part in parts] for k in range(BATCHES)]


def expected(case: str, weighted: bool) -> np.ndarray:
    """The results after each batch, with one correction.

    Without weights, Keras counts positions of `ignore_class` as 0; here they do not count.
    """
    kind, name, options = CASES[case]
    found = ARRAYS[f"{case}/{'weighted' if weighted else 'plain'}"]
    if "Crossentropy" in kind and "ignore_class" in options and not weighted:
        targets = [y_true for y_true, _, _ in batches(name)]
        every = np.cumsum([y.size for y in targets])
        kept = np.cumsum([(y != options["ignore_class"]).sum() for y in targets])
        return found * every / kept
    return found


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("case", CASES)
def test_results_after_each_batch(case: str, weighted: bool) -> None:
    kind, name, options = CASES[case]
    metric = getattr(metrics, kind)(**options)
    for result, (y_true, y_pred, weight) in zip(
        expected(case, weighted), batches(name), strict=True
    ):
        metric.update_state(y_true, y_pred, sample_weight=weight if weighted else None)
        # Keras divides in float32, even where all else is in float64.
        assert_close(metric.result(), result, "loss", terms=y_pred.size, dtype="float32")
    metric.reset_state()
    assert not any(np.any(variable) for variable in metric.variables)


@pytest.mark.parametrize("case", CASES)
def test_files_hold_them(case: str) -> None:
    kind, _, options = CASES[case]
    metric = getattr(metrics, kind)(**options)
    again = metrics.get(json.loads(json.dumps(metric.description())))
    assert repr(again) == repr(metric)
    assert again.get_config() == metric.get_config()

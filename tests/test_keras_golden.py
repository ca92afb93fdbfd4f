"""Losses and optimizers against Keras, whose results golden/make_keras_golden.py stored."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

import lstm
from backend_cases import over_dtypes
from lstm.backends import backend
from lstm.backends.contract import Ops
from op_cases import Arrays
from tolerances import assert_close


class Topic:
    """The arrays of a topic, and what the script said of its cases."""

    def __init__(self, name: str) -> None:
        path = Path(__file__).parent / "golden" / f"keras_{name}.safetensors"
        self.arrays: Arrays = load_file(path)
        with safe_open(path, "np") as file:
            self.cases: dict[str, Any] = json.loads(file.metadata()["cases"])


LOSSES, OPTIMIZERS = Topic("losses"), Topic("optimizers")


@over_dtypes
@pytest.mark.parametrize("case", LOSSES.cases)
def test_losses_and_their_gradients(ops: Ops, dtype: str, case: str) -> None:
    y, target, losses, slopes = (
        LOSSES.arrays[f"{case}/{dtype}/{name}"] for name in ("y", "target", "loss", "dy")
    )
    loss = lstm.losses.get(LOSSES.cases[case])
    # Row by row, since the largest would hide the others.
    for row in range(len(y)):
        some, t = y[row : row + 1], loss.target(target[row : row + 1], (1, y.shape[1]), dtype)
        value, cache = loss.forward(ops, some, t, None)
        assert_close(value, losses[row], "loss", terms=y.shape[1], dtype=dtype)
        assert_close(loss.backward(ops, cache), slopes[row : row + 1], "loss", terms=y.shape[1])


@over_dtypes
@pytest.mark.parametrize("case", OPTIMIZERS.cases)
def test_optimizers_at_changing_rates(ops: Ops, dtype: str, case: str) -> None:
    arrays, (kind, options) = OPTIMIZERS.arrays, OPTIMIZERS.cases[case]
    optimizer, p = getattr(lstm.optimizers, kind)(**options), arrays["before"].astype(dtype)
    after = []
    for g, rate in zip(arrays["gradients"].astype(dtype), arrays["learning_rates"], strict=True):
        optimizer.learning_rate = rate
        optimizer.apply(backend(ops.NAME, dtype), p, g)
        after.append(p.copy())
    # Parameter by parameter: their steps are of all sizes.
    for ours, theirs in zip(np.transpose(after), arrays[f"{case}/after"].T, strict=True):
        assert_close(ours, theirs, "optimizer", terms=len(after))

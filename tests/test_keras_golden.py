"""Losses, optimizers, schedules against Keras, with what golden/make_keras_golden.py stored."""

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


LOSSES, OPTIMIZERS, SCHEDULES, FITS = map(Topic, ("losses", "optimizers", "schedules", "fits"))
LABELS = Topic("ctc")


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
@pytest.mark.parametrize("case", LABELS.cases)
def test_connectionist_temporal_classification(ops: Ops, dtype: str, case: str) -> None:
    arrays, blank = LABELS.arrays, LABELS.cases[case]
    z, target, expected, dz = (arrays[f"{case}/{key}"] for key in ("z", "target", "loss", "dz"))
    lengths, steps = arrays["lengths"], arrays["steps"]
    labels = np.where(np.arange(4) < lengths[:, None], target, blank)
    real = np.arange(7) < steps[:, None]
    loss, cache = ops.ctc_forward(z.astype(dtype), labels, blank, real)
    # Keras computes some of it in float32.
    assert_close(loss, expected, "loss", terms=z[0].size, dtype="float32")
    slope = ops.ctc_backward(np.ones(4, dtype), cache)
    assert_close(slope, dz, "loss", terms=z[0].size, dtype="float32")
    with lstm.backends.using(ops.NAME, dtype):
        loss = lstm.ops.ctc_loss(target, z, lengths, steps, blank)
    assert_close(loss, expected, "loss", terms=z[0].size, dtype="float32")


@pytest.mark.parametrize("case", LABELS.cases)
def test_decoded_labels(case: str) -> None:
    arrays, blank = LABELS.arrays, LABELS.cases[case]
    z, steps, decode = arrays[f"{case}/z"], arrays["steps"], lstm.ops.ctc_decode
    best, largest = decode(z, steps, mask_index=blank)
    unmerged, _ = decode(z, steps, merge_repeated=False, mask_index=blank)
    found, scores = decode(z, steps, "beam_search", top_paths=3, mask_index=blank)
    for name, labels in (("best", best), ("unmerged", unmerged), ("found", found)):
        np.testing.assert_array_equal(labels, arrays[f"{case}/{name}"])
    for name, numbers in (("largest", largest), ("scores", scores)):
        assert_close(numbers, arrays[f"{case}/{name}"], "loss", terms=7, dtype="float32")


@over_dtypes
@pytest.mark.parametrize("case", OPTIMIZERS.cases)
def test_optimizers_at_changing_rates(ops: Ops, dtype: str, case: str) -> None:
    arrays, (kind, options) = OPTIMIZERS.arrays, OPTIMIZERS.cases[case]
    optimizer, p = made(kind, options), arrays["before"].astype(dtype)
    computing, after = backend(ops.NAME, dtype), []
    optimizer.prepare(computing, p, arrays["ends"])
    for g, rate in zip(arrays["gradients"].astype(dtype), arrays["learning_rates"], strict=True):
        if not optimizer.scheduled:
            optimizer.learning_rate = rate
        assert optimizer.apply(computing, p, g)
        after.append(p.copy())
    optimizer.finish(computing, p)
    expected = np.vstack((arrays[f"{case}/after"], arrays[f"{case}/final"]))
    if kind == "Ftrl":
        # It subtracts roots that are nearly equal, and divides by the learning rate.
        assert_close(np.stack([*after, p]), expected, "optimizer", terms=len(after))
        return
    # Parameter by parameter: their steps are of all sizes.
    for ours, theirs in zip(np.transpose([*after, p]), expected.T, strict=True):
        assert_close(ours, theirs, "optimizer", terms=len(after))


def made(kind: str, options: dict[str, Any]) -> lstm.optimizers.Optimizer:
    rate = {k: schedule(*value) for k, value in options.items() if k == "learning_rate"}
    return getattr(lstm.optimizers, kind)(**{**options, **rate})  # type: ignore[no-any-return]


def schedule(kind: str, options: dict[str, Any]) -> Any:
    return getattr(lstm.optimizers.schedules, kind)(**options)


@pytest.mark.parametrize("case", SCHEDULES.cases)
def test_schedules(case: str) -> None:
    rate = schedule(*SCHEDULES.cases[case])
    # Keras computes cosines in float32.
    rates = [rate(int(step)) for step in SCHEDULES.arrays["steps"]]
    assert_close(rates, SCHEDULES.arrays[case], "pointwise", dtype="float32")


@pytest.mark.parametrize("case", FITS.cases)
@pytest.mark.parametrize("backend", ["native", "reference"])
def test_training_with_each_option(backend: str, case: str) -> None:
    arrays, (kind, options) = FITS.arrays, FITS.cases[case]
    with lstm.backends.using(backend, "float32"):
        layers = [lstm.Input((5, 3)), lstm.layers.LSTM(4), lstm.layers.Dense(2)]
        model = lstm.Sequential(layers)
        model.set_weights([arrays[f"before/{k}"] for k in range(5)])
        model.compile(made(kind, options), "mse")
        x, y = arrays["x"], arrays["y"]
        losses = model.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0).history["loss"]
    steps = 15 * x.shape[1]
    assert_close(losses, arrays[f"{case}/loss"], "lstm", terms=steps, dtype="float32")
    for k, weight in enumerate(model.get_weights()):
        assert_close(weight, arrays[f"{case}/{k}"], "lstm", terms=steps)

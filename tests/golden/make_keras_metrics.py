"""Writes keras_metrics.safetensors: what Keras' metrics say of some batches, for the tests.

Needs Keras 3 and JAX, which the tests themselves do not; run by hand, from anywhere:

    python tests/golden/make_keras_metrics.py

A case is a class of keras.metrics with its arguments, and the name of some data: three batches of
targets, outputs and weights. "case/plain" and "case/weighted" are its results after each batch.
"""

import json
import os
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_ENABLE_X64"] = "1"

import keras
import numpy as np
from safetensors.numpy import save_file

SIZES = (5, 7, 2)
RNG = np.random.default_rng(1995)

Arrays = dict[str, np.ndarray]


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x)
    return e / e.sum(-1, keepdims=True)


def probabilities(*shape: int) -> np.ndarray:
    """Probabilities, some at the ends and in the middle."""
    p = RNG.uniform(size=shape)
    p.flat[:3] = 0, 0.5, 1
    return p


def data(n: int) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """One batch of each kind: targets, outputs, weights."""
    w, w_steps, classes = RNG.uniform(size=n), RNG.uniform(size=(n, 3)), RNG.integers(0, 4, n)
    steps = RNG.integers(0, 4, (n, 3))
    classes[0], steps[0, 0] = 3, 2
    bits, labels = RNG.integers(0, 2, (n, 1)), RNG.integers(0, 2, (n, 4))
    bits[:2] = [[0], [1]]
    return {
        "binary": (bits, probabilities(n, 1), w),
        "logits": (bits, RNG.normal(size=(n, 1)) * 3, w),
        "labels": (labels, probabilities(n, 4), w),
        "label_logits": (labels, RNG.normal(size=(n, 4)) * 2, w),
        "classes": (classes, softmax(RNG.normal(size=(n, 4))), w),
        "class_logits": (classes, RNG.normal(size=(n, 4)), w),
        "one_hot": (np.eye(4)[classes], softmax(RNG.normal(size=(n, 4))), w),
        "shares": (softmax(RNG.normal(size=(n, 4))), softmax(RNG.normal(size=(n, 4))), w),
        "numbers": (RNG.uniform(1, 3, (n, 2)), RNG.uniform(1, 3, (n, 2)), w),
        "errors": (RNG.normal(size=(n, 2)), RNG.normal(size=(n, 2)) * 2, w),
        "steps": (RNG.normal(size=(n, 3, 2)), RNG.normal(size=(n, 3, 2)), w_steps),
        "step_bits": (RNG.integers(0, 2, (n, 3, 1)), probabilities(n, 3, 1), w_steps),
        "step_classes": (steps, softmax(RNG.normal(size=(n, 3, 4))), w_steps),
        "step_rows": (np.eye(4)[steps], softmax(RNG.normal(size=(n, 3, 4))), w_steps),
        "predicted": (classes, RNG.integers(0, 4, n), w),
    }


def cases() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """The class, the data and the arguments of each case."""
    found: dict[str, tuple[str, str, dict[str, Any]]] = {}

    def add(kind: str, *names: str, **options: Any) -> None:
        for name in names:
            found[f"{kind}_{name}_{len(found)}"] = (kind, name, options)

    add("Accuracy", "predicted")
    add("BinaryAccuracy", "binary", "labels", "step_bits")
    add("BinaryAccuracy", "labels", threshold=0.3)
    add("CategoricalAccuracy", "one_hot", "step_rows")
    add("SparseCategoricalAccuracy", "classes", "step_classes")
    for k in (1, 2, 3):
        add("TopKCategoricalAccuracy", "one_hot", "step_rows", k=k)
        add("SparseTopKCategoricalAccuracy", "classes", "step_classes", k=k)
    for kind in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives"):
        add(kind, "binary", "labels")
        add(kind, "labels", thresholds=[0.8, 0.2])
        add(kind, "labels", thresholds=[0.0, 0.5, 1.0])
    for kind in ("Precision", "Recall"):
        add(kind, "binary", "labels", "one_hot", "step_bits")
        add(kind, "labels", thresholds=[0.2, 0.5, 0.9])
        add(kind, "labels", top_k=2)
        add(kind, "labels", top_k=3, thresholds=0.4)
        add(kind, "labels", class_id=1)
        add(kind, "one_hot", top_k=2, class_id=3)
    for average in (None, "micro", "macro", "weighted"):
        add("F1Score", "labels", "one_hot", average=average)
        add("F1Score", "labels", average=average, threshold=0.4)
        add("FBetaScore", "labels", average=average, beta=2.0, threshold=0.5)
        add("FBetaScore", "one_hot", average=average, beta=0.5)
    for curve in ("ROC", "PR", "PRGAIN"):
        for method in ("interpolation", "majoring", "minoring"):
            add("AUC", "binary", "labels", curve=curve, summation_method=method)
        add("AUC", "labels", curve=curve, num_thresholds=7)
        add("AUC", "labels", curve=curve, thresholds=[0.7, 0.1, 0.35])
        add("AUC", "label_logits", curve=curve, from_logits=True)
        add("AUC", "labels", curve=curve, label_weights=[0.5, 1.0, 2.0, 0.1])
    add("AUC", "label_logits", num_thresholds=9)
    add("AUC", "step_bits")
    for kind, argument in (
        ("SensitivityAtSpecificity", "specificity"),
        ("SpecificityAtSensitivity", "sensitivity"),
        ("PrecisionAtRecall", "recall"),
        ("RecallAtPrecision", "precision"),
    ):
        for value in (0.3, 0.5, 0.8):
            add(kind, "binary", "labels", **{argument: value})
        add(kind, "labels", num_thresholds=1, **{argument: 0.5})
        add(kind, "labels", num_thresholds=11, class_id=2, **{argument: 0.4})
    for kind in (
        "MeanSquaredError",
        "RootMeanSquaredError",
        "MeanAbsoluteError",
        "MeanAbsolutePercentageError",
        "LogCoshError",
        "CosineSimilarity",
    ):
        add(kind, "numbers", "errors", "steps")
    add("MeanSquaredLogarithmicError", "numbers", "errors")
    add("R2Score", "numbers", "errors")
    add("R2Score", "errors", class_aggregation=None)
    add("R2Score", "errors", class_aggregation="variance_weighted_average")
    add("R2Score", "numbers", num_regressors=2)
    add("BinaryCrossentropy", "binary", "labels", "step_bits")
    add("BinaryCrossentropy", "logits", from_logits=True)
    add("BinaryCrossentropy", "labels", label_smoothing=0.2)
    add("CategoricalCrossentropy", "one_hot", "shares", "step_rows")
    add("CategoricalCrossentropy", "one_hot", from_logits=True)
    add("CategoricalCrossentropy", "one_hot", label_smoothing=0.1)
    add("SparseCategoricalCrossentropy", "classes", "step_classes")
    add("SparseCategoricalCrossentropy", "class_logits", from_logits=True)
    add("SparseCategoricalCrossentropy", "classes", "step_classes", ignore_class=1)
    add("KLDivergence", "shares", "one_hot")
    add("Poisson", "numbers")
    add("Hinge", "labels", "errors")
    add("SquaredHinge", "labels", "errors")
    add("CategoricalHinge", "one_hot", "shares")
    add("PearsonCorrelation", "shares")
    add("ConcordanceCorrelation", "shares", "labels")
    add("MeanIoU", "predicted", num_classes=4, dtype="float64")
    add("MeanIoU", "predicted", num_classes=4, ignore_class=3, dtype="float64")
    add("MeanIoU", "step_classes", num_classes=4, sparse_y_pred=False, dtype="float64")
    add("IoU", "predicted", num_classes=4, target_class_ids=[0, 3], dtype="float64")
    add("BinaryIoU", "binary", threshold=0.4, dtype="float64")
    add("BinaryIoU", "binary", target_class_ids=[1], dtype="float64")
    add("OneHotIoU", "one_hot", num_classes=4, target_class_ids=[1, 2], dtype="float64")
    add("OneHotMeanIoU", "one_hot", num_classes=4, dtype="float64")
    return found


def results(
    kind: str, options: dict[str, Any], batches: list[tuple[np.ndarray, ...]], weighted: bool
) -> np.ndarray:
    metric = getattr(keras.metrics, kind)(**options)
    found = []
    for y_true, y_pred, weight in batches:
        metric.update_state(y_true, y_pred, sample_weight=weight if weighted else None)
        found.append(np.array(metric.result(), np.float64))
    metric.reset_state()
    return np.stack(found)


def main() -> None:
    keras.config.set_floatx("float64")
    batches = [data(n) for n in SIZES]
    golden: Arrays = {
        f"data/{name}/{k}/{part}": array
        for k, batch in enumerate(batches)
        for name, arrays in batch.items()
        for part, array in zip(("y_true", "y_pred", "weight"), arrays, strict=True)
    }
    described = cases()
    for case, (kind, name, options) in described.items():
        given = [batch[name] for batch in batches]
        golden[f"{case}/plain"] = results(kind, options, given, False)
        golden[f"{case}/weighted"] = results(kind, options, given, True)
    save_file(
        {name: np.ascontiguousarray(x) for name, x in golden.items()},
        Path(__file__).with_name("keras_metrics.safetensors"),
        {
            "written_by": f"make_keras_metrics.py with Keras {keras.__version__}",
            "cases": json.dumps(described),
        },
    )


if __name__ == "__main__":
    main()

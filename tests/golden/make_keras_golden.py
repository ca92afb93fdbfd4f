"""Writes keras_<topic>.safetensors: what Keras computes, for the tests to compare with.

Needs Keras 3 and JAX, which the tests themselves do not; run by hand, from anywhere:

    python tests/golden/make_keras_golden.py            # every topic
    python tests/golden/make_keras_golden.py losses     # some

A topic is a function in TOPICS that returns the arrays of its file, by "case/name", and what to
say of its cases, as JSON values.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_ENABLE_X64"] = "1"

import jax
import keras
import numpy as np
from safetensors.numpy import save_file

Arrays = dict[str, np.ndarray]


# ---- losses


def losses() -> tuple[Arrays, Any]:
    """The loss of each row and its gradient, in both dtypes: 1 - 1e-7 is not the same number."""
    golden: Arrays = {}
    names: dict[str, str] = {}
    for case, loss, y, target in loss_cases():
        names[case] = loss
        for dtype in ("float32", "float64"):
            keras.config.set_floatx(dtype)
            # Those of keras.losses end in a mean that is computed in float32.
            function, outputs = getattr(keras.ops, loss), np.array(y, np.float32).astype(dtype)
            # Classes stay integers.
            given = target.astype(np.float32).astype(dtype) if target.dtype == float else target
            each = function(given, outputs)
            slopes = jax.grad(lambda y, f=function, t=given: f(t, y).sum())(outputs)
            arrays = {"y": outputs, "target": given, "loss": each.ravel(), "dy": slopes}
            golden |= {f"{case}/{dtype}/{name}": np.array(x) for name, x in arrays.items()}
    return golden, names


def loss_cases() -> Iterator[tuple[str, str, Any, np.ndarray]]:
    rng = np.random.default_rng(2015)
    rows = [
        [0.9, 0.9, 0.9, 0.9],
        *rng.uniform(0.1, 3, (6, 4)),
        [1, 0, 0, 0],
        [0, 0, 1, 0],
        [1e-9, 1, 2, 3],
        [5, 1e-8, 1e-7, 0.3],
        [2e10, 1e10, 3e10, 1e10],
        # What a layer without an activation may give.
        [-0.5, -0.5, -1, -3],
        [-0.5, 0.5, 1, 3],
        [4, -1, -1, -1],
    ]
    classes = np.arange(len(rows)) % 4
    shares = rng.uniform(0, 1, (len(rows), 4))
    yield "categorical", "categorical_crossentropy", rows, np.eye(4)[classes]
    yield "distribution", "categorical_crossentropy", rows, shares / shares.sum(-1, keepdims=True)
    yield "unnormalized", "categorical_crossentropy", rows, shares
    yield "sparse", "sparse_categorical_crossentropy", rows, classes

    y = np.concatenate((rng.random(12), [0, 1, 1e-9, 1 - 1e-6, 1e-6, -3, 2]))[:, None]
    for name, t in (("0", np.zeros_like(y)), ("1", np.ones_like(y)), ("p", rng.random(y.shape))):
        yield f"binary_{name}", "binary_crossentropy", y, t


# ---- optimizers

# The last change falls on parameters that are in full motion.
LEARNING_RATES = [0.03, 0.03, 0.03, 0.3, 0.001, 0.001]


def optimizers() -> tuple[Arrays, Any]:
    """The parameters after each of several steps, at learning rates that change."""
    keras.config.set_floatx("float64")
    rng = np.random.default_rng(2014)
    # Half of them begin at 0, where a small step shows, and go one way; half go to and fro. The
    # gradients of each half reach from far below any epsilon to large.
    before = np.concatenate((np.zeros(6), rng.normal(size=6)))
    sizes = np.tile(np.logspace(-9, 3, 6), 2)
    gradients = sizes * rng.uniform(0.5, 1.5, (len(LEARNING_RATES), 12))
    gradients[::2, 6:] *= -1
    golden: Arrays = {
        "before": before,
        "gradients": gradients,
        "learning_rates": np.array(LEARNING_RATES),
    }
    for case, (kind, options) in OPTIMIZERS.items():
        p, after = keras.Variable(before), []
        optimizer = getattr(keras.optimizers, kind)(**options)
        for g, rate in zip(gradients, LEARNING_RATES, strict=True):
            optimizer.learning_rate = rate
            optimizer.apply([g], [p])
            after.append(np.array(p))
        golden[f"{case}/after"] = np.stack(after)
    return golden, OPTIMIZERS


OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {}),
    "sgd_momentum": ("SGD", {"momentum": 0.9}),
    "sgd_nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
    "rmsprop": ("RMSprop", {}),
    "rmsprop_momentum": ("RMSprop", {"rho": 0.8, "momentum": 0.7}),
    "rmsprop_centered": ("RMSprop", {"centered": True}),
    "rmsprop_centered_momentum": ("RMSprop", {"momentum": 0.9, "centered": True}),
    "adam": ("Adam", {}),
    "adam_epsilon": ("Adam", {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 0.01}),
    "adamw": ("AdamW", {"weight_decay": 0.3}),
}


TOPICS: dict[str, Callable[[], tuple[Arrays, Any]]] = {"losses": losses, "optimizers": optimizers}


def main() -> None:
    for topic in sys.argv[1:] or TOPICS:
        arrays, cases = TOPICS[topic]()
        save_file(
            {name: np.ascontiguousarray(x) for name, x in arrays.items()},
            Path(__file__).with_name(f"keras_{topic}.safetensors"),
            {
                "written_by": f"make_keras_golden.py with Keras {keras.__version__}",
                "cases": json.dumps(cases),
            },
        )


if __name__ == "__main__":
    main()

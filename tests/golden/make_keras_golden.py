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


# ---- connectionist temporal classification


def ctc() -> tuple[Arrays, Any]:
    """Losses, their gradients and what is decoded; a case is the class of the blank."""
    keras.config.set_floatx("float64")
    rng = np.random.default_rng(2006)
    lengths, steps = np.array([3, 1, 4, 2]), np.array([7, 2, 7, 5])
    golden: Arrays = {"lengths": lengths, "steps": steps}
    blanks = {"first": 0, "last": 4}
    for case, blank in blanks.items():
        z = rng.normal(0, 2, (4, 7, 5))
        target = np.array([[1, 2, 2, 3], [3, 1, 1, 1], [2, 1, 2, 2], [1, 1, 3, 3]])

        def losses(z: Any, target: np.ndarray = target, blank: int = blank) -> Any:
            return keras.ops.ctc_loss(target, z, lengths, steps, blank)

        options: dict[str, Any] = {"mask_index": blank}
        best, largest = keras.ops.ctc_decode(z, steps, **options)
        unmerged, _ = keras.ops.ctc_decode(z, steps, merge_repeated=False, **options)
        options |= {"strategy": "beam_search", "beam_width": 100, "top_paths": 3}
        found, scores = keras.ops.ctc_decode(z, steps, **options)
        arrays = {
            **{"z": z, "target": target, "loss": losses(z)},
            "dz": jax.grad(lambda z, f=losses: f(z).sum())(z),
            **{"best": best, "largest": largest, "unmerged": unmerged},
            **{"found": found, "scores": scores},
        }
        golden |= {f"{case}/{name}": np.array(x) for name, x in arrays.items()}
    return golden, blanks


# ---- optimizers

# The last change falls on parameters that are in full motion.
LEARNING_RATES = [0.03, 0.03, 0.03, 0.3, 0.001, 0.001]


# Of two weights, whose gradients may be clipped apart.
ENDS = [5, 12]


def optimizers() -> tuple[Arrays, Any]:
    """The parameters after each of several steps, at learning rates that change.

    Where an optimizer averages them, also what they are at the end of training.
    """
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
        "ends": np.array(ENDS),
    }
    for case, (kind, options) in OPTIMIZERS.items():
        given, parts = dict(options), np.split(before, ENDS[:-1])
        p, after = [keras.Variable(part) for part in parts], []
        if "learning_rate" in options:
            given["learning_rate"] = scheduled(*options["learning_rate"])
        optimizer = getattr(keras.optimizers, kind)(**given)
        for g, rate in zip(gradients, LEARNING_RATES, strict=True):
            if "learning_rate" not in options:
                optimizer.learning_rate = rate
            optimizer.apply(np.split(g, ENDS[:-1]), p)
            after.append(np.concatenate(p))
        golden[f"{case}/after"] = np.stack(after)
        optimizer.finalize_variable_values(p)
        golden[f"{case}/final"] = np.concatenate(p)
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
    "adam_amsgrad": ("Adam", {"amsgrad": True, "beta_2": 0.6}),
    "adagrad": ("Adagrad", {}),
    "adagrad_from_0": ("Adagrad", {"initial_accumulator_value": 0.0, "epsilon": 1e-3}),
    "adadelta": ("Adadelta", {}),
    "adadelta_epsilon": ("Adadelta", {"rho": 0.8, "epsilon": 1e-3}),
    "adamax": ("Adamax", {}),
    "adamax_memory": ("Adamax", {"beta_1": 0.7, "beta_2": 0.8, "epsilon": 1e-3}),
    "nadam": ("Nadam", {}),
    "nadam_memory": ("Nadam", {"beta_1": 0.7, "beta_2": 0.8, "epsilon": 1e-3}),
    "ftrl": ("Ftrl", {}),
    "ftrl_all": (
        "Ftrl",
        {
            "learning_rate_power": -0.7,
            "initial_accumulator_value": 0.3,
            "l1_regularization_strength": 0.1,
            "l2_regularization_strength": 0.2,
            "l2_shrinkage_regularization_strength": 0.3,
            "beta": 0.4,
        },
    ),
    "lion": ("Lion", {}),
    "lion_memory": ("Lion", {"beta_1": 0.6, "beta_2": 0.7}),
    "clipnorm": ("SGD", {"clipnorm": 0.5}),
    "clipvalue": ("SGD", {"clipvalue": 0.5}),
    "global_clipnorm": ("SGD", {"global_clipnorm": 0.5}),
    "weight_decay": ("SGD", {"weight_decay": 0.3, "momentum": 0.5}),
    "ema": ("Adam", {"use_ema": True, "ema_momentum": 0.6}),
    "ema_overwrites": ("SGD", {"use_ema": True, "ema_momentum": 0.6, "ema_overwrite_frequency": 2}),
    "accumulation": ("Adam", {"gradient_accumulation_steps": 2}),
    "accumulation_clipped": (
        "SGD",
        {"gradient_accumulation_steps": 3, "clipnorm": 0.5, "weight_decay": 0.1},
    ),
    "accumulation_ema": (
        "RMSprop",
        {
            "gradient_accumulation_steps": 2,
            "use_ema": True,
            "ema_momentum": 0.6,
            "ema_overwrite_frequency": 2,
        },
    ),
    "scheduled": (
        "SGD",
        {
            "learning_rate": [
                "ExponentialDecay",
                {"initial_learning_rate": 0.5, "decay_steps": 2, "decay_rate": 0.3},
            ]
        },
    ),
    "scheduled_accumulation": (
        "Adam",
        {
            "learning_rate": [
                "PiecewiseConstantDecay",
                {"boundaries": [1, 3], "values": [0.1, 0.5, 0.01]},
            ],
            "gradient_accumulation_steps": 2,
            "weight_decay": 0.1,
        },
    ),
}


# ---- schedules

STEPS = [0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 13, 17, 20, 29, 34, 50, 77, 100, 1000]


def scheduled(kind: str, options: dict[str, Any]) -> Any:
    return getattr(keras.optimizers.schedules, kind)(**options)


def schedules() -> tuple[Arrays, Any]:
    """The learning rates of steps."""
    keras.config.set_floatx("float64")
    golden: Arrays = {"steps": np.array(STEPS)}
    for case, (kind, options) in SCHEDULES.items():
        schedule = scheduled(kind, options)
        golden[case] = np.array([float(schedule(step)) for step in STEPS])
    return golden, SCHEDULES


def _options(first: float = 0.5, steps: int = 10, **others: Any) -> dict[str, Any]:
    return {"initial_learning_rate": first, "decay_steps": steps, **others}


SCHEDULES: dict[str, tuple[str, dict[str, Any]]] = {
    "exponential": ("ExponentialDecay", _options(decay_rate=0.4)),
    "exponential_stairs": ("ExponentialDecay", _options(decay_rate=0.4, staircase=True)),
    "piecewise": (
        "PiecewiseConstantDecay",
        {"boundaries": [4, 10, 29], "values": [0.3, 0.2, 0.4, 0.1]},
    ),
    "polynomial": ("PolynomialDecay", _options(power=0.5)),
    "polynomial_up": ("PolynomialDecay", _options(end_learning_rate=0.9, power=2.0)),
    "polynomial_cycle": (
        "PolynomialDecay",
        _options(end_learning_rate=0.1, power=1.5, cycle=True),
    ),
    "inverse": ("InverseTimeDecay", _options(decay_rate=0.4)),
    "inverse_stairs": ("InverseTimeDecay", _options(decay_rate=0.4, staircase=True)),
    "cosine": ("CosineDecay", _options(steps=30)),
    "cosine_alpha": ("CosineDecay", _options(steps=30, alpha=0.2)),
    "cosine_warmup": (
        "CosineDecay",
        _options(0.1, 30, alpha=0.2, warmup_target=0.7, warmup_steps=9),
    ),
    "cosine_no_target": ("CosineDecay", _options(steps=30, warmup_steps=9)),
    "restarts": (
        "CosineDecayRestarts",
        {"initial_learning_rate": 0.5, "first_decay_steps": 7.5, "m_mul": 0.8, "alpha": 0.1},
    ),
    "restarts_equal": (
        "CosineDecayRestarts",
        {"initial_learning_rate": 0.5, "first_decay_steps": 8, "t_mul": 1.0, "m_mul": 0.9},
    ),
    "restarts_longer": (
        "CosineDecayRestarts",
        {"initial_learning_rate": 0.5, "first_decay_steps": 6.5, "t_mul": 3.0},
    ),
}


# ---- training


def fits() -> tuple[Arrays, Any]:
    """The losses of three epochs of `fit` in float32, and the weights after them."""
    keras.config.set_floatx("float32")
    rng = np.random.default_rng(2016)
    x, y = (rng.normal(size=shape).astype(np.float32) for shape in ((20, 5, 3), (20, 2)))
    golden: Arrays = {"x": x, "y": y}
    keras.utils.set_random_seed(1)
    before = lstm_of_four().get_weights()
    golden |= {f"before/{k}": weight for k, weight in enumerate(before)}
    for case, (kind, options) in FITS.items():
        model, given = lstm_of_four(), dict(options)
        model.set_weights(before)
        if "learning_rate" in options:
            given["learning_rate"] = scheduled(*options["learning_rate"])
        model.compile(getattr(keras.optimizers, kind)(**given), "mse")
        history = model.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0).history
        golden[f"{case}/loss"] = np.array(history["loss"])
        golden |= {f"{case}/{k}": weight for k, weight in enumerate(model.get_weights())}
    return golden, FITS


def lstm_of_four() -> Any:
    layers = keras.layers
    return keras.Sequential([keras.Input((5, 3)), layers.LSTM(4), layers.Dense(2)])


FITS: dict[str, tuple[str, dict[str, Any]]] = {
    "clipnorm": ("SGD", {"momentum": 0.9, "clipnorm": 0.05}),
    "clipvalue": ("SGD", {"clipvalue": 0.01, "weight_decay": 0.1}),
    "global_clipnorm": ("RMSprop", {"global_clipnorm": 0.05}),
    "average": ("Adam", {"amsgrad": True, "use_ema": True, "ema_momentum": 0.8}),
    "accumulation": ("Adam", {"gradient_accumulation_steps": 4}),
    "all": (
        "AdamW",
        {
            "learning_rate": ["CosineDecay", _options(0.05, 12, alpha=0.1)],
            "clipnorm": 0.1,
            "gradient_accumulation_steps": 2,
            "use_ema": True,
            "ema_momentum": 0.7,
            "ema_overwrite_frequency": 3,
        },
    ),
    "scheduled": ("Nadam", {"learning_rate": ["ExponentialDecay", _options(0.05, decay_rate=0.1)]}),
    **{name.lower(): (name, {}) for name in ("Adagrad", "Adadelta", "Adamax", "Ftrl", "Lion")},
}


TOPICS: dict[str, Callable[[], tuple[Arrays, Any]]] = {
    "losses": losses,
    "ctc": ctc,
    "optimizers": optimizers,
    "schedules": schedules,
    "fits": fits,
}


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

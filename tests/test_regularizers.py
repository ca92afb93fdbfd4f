"""What large weights and outputs add to the loss, and what weights must be after a step."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from gradients import assert_weight_gradient
from lstm.constraints import Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.layers import LSTM, ActivityRegularization, Dense, Embedding
from lstm.regularizers import L1, L1L2, L2
from tolerances import assert_close

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(32, 5, 3)), RNG.normal(size=(32, 2))


def regularized() -> lstm.Sequential:
    lstm.set_seed(4)
    return lstm.Sequential(
        [
            lstm.Input((5, 3)),
            LSTM(
                4,
                kernel_regularizer=L2(0.1),
                recurrent_regularizer="l1",
                bias_regularizer=L1L2(0.02, 0.03),
                activity_regularizer=L2(0.05),
            ),
            Dense(2, kernel_regularizer=L1(0.3)),
        ]
    )


def penalty(model: lstm.Sequential, x: Any) -> float:
    """By hand: what weights and outputs add."""
    w = {name: weight.to_numpy().astype(float) for name, weight in model.graph.weights.items()}
    y = lstm.Model(model.input, model.layers[0].output).predict(x).astype(float)
    return float(
        0.1 * (w["lstm/kernel"] ** 2).sum()
        + 0.01 * np.abs(w["lstm/recurrent_kernel"]).sum()
        + (0.02 * np.abs(w["lstm/bias"]) + 0.03 * w["lstm/bias"] ** 2).sum()
        + 0.05 * (y**2).sum() / len(x)
        + 0.3 * np.abs(w["dense/kernel"]).sum()
    )


class TestRegularizers:
    @pytest.mark.parametrize("backend", ["reference", "native"])
    def test_add_to_the_loss(self, backend: str) -> None:
        with lstm.backends.using(backend):
            model = regularized()
        model.compile(lstm.optimizers.SGD(0.01), "mse")
        for _ in range(4):  # The last ones are planned.
            expected = np.mean((model.predict(X) - Y) ** 2) + penalty(model, X)
            assert_close(model.evaluate(X, Y), expected, "loss", terms=200, dtype="float32")
            assert_close(model.train_on_batch(X, Y), expected, "loss", terms=200, dtype="float32")

    @pytest.mark.usefixtures("float64")
    def test_have_their_gradients(self) -> None:
        model = regularized()
        # Away from 0, where the slope of a magnitude jumps.
        model.set_weights([np.where(w >= 0, w + 0.1, w - 0.1) for w in model.get_weights()])
        model.compile(lstm.optimizers.SGD(0.0), "mse")
        model.train_on_batch(X, Y)
        for name, weight in model.graph.weights.items():
            assert_weight_gradient(weight, lambda: model.evaluate(X, Y, batch_size=32), name)

    def test_of_frozen_weights_do_not_count(self) -> None:
        model = lstm.Sequential([lstm.Input((3,)), Dense(2, kernel_regularizer=L2(10.0))])
        model.layers[0].trainable = False
        model.compile("sgd", "mse")
        x = RNG.normal(size=(4, 3))
        assert_close(
            model.evaluate(x, Y[:4]),
            np.mean((model.predict(x) - Y[:4]) ** 2),
            "loss",
            dtype="float32",
        )

    def test_come_back_from_a_file(self, tmp_path: Path) -> None:
        model = regularized()
        model.compile("sgd", "mse")
        model.fit(X, Y, verbose=0)
        model.save(tmp_path / "model.safetensors")
        again = lstm.load_model(tmp_path / "model.safetensors")
        assert again.evaluate(X, Y) == model.evaluate(X, Y)
        again.fit(X, Y, verbose=0, shuffle=False)
        model.fit(X, Y, verbose=0, shuffle=False)
        for mine, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
            assert_array_equal(mine, theirs)

    def test_of_outputs_are_a_layer_too(self) -> None:
        x = lstm.Input((3,))
        model = lstm.Model(x, ActivityRegularization(l1=0.5)(x))
        model.compile("sgd", "mse")
        data = RNG.normal(size=(8, 3))
        expected = 0.5 * np.abs(data).sum() / 8
        assert_close(model.evaluate(data, data), expected, "loss", terms=24, dtype="float32")

    @pytest.mark.parametrize("spec", ["l1", "l2", "l1_l2", L1L2(0.1), L2(0.2)])
    def test_are_kept_in_the_config(self, spec: Any) -> None:
        layer = Dense(2, kernel_regularizer=spec, name="d")
        again = Dense.from_config(layer.get_config())
        assert again.get_config() == layer.get_config()
        assert "bias_regularizer" not in layer.get_config()

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: Dense(2, kernel_regularizer="l3"), "did you mean 'l1'|expected one of"),
            (lambda: Dense(2, kernel_regularizer=0.1), "a regularizer"),
            (lambda: L2(-1), "l2: expected a finite number of at least 0"),
            (lambda: Dense(2, recurrent_regularizer="l2"), "did you mean 'kernel_regularizer'"),
            (lambda: Embedding(3, 2, kernel_regularizer="l2"), "embeddings_regularizer"),
            (lambda: Dense(2, kernel_constraint="max_nrom"), "did you mean 'max_norm'"),
            (lambda: MinMaxNorm(2, 1), "max_value: expected"),
        ],
    )
    def test_bad_input(self, make: Any, message: str) -> None:
        with pytest.raises((InvalidTypeError, InvalidValueError), match=message):
            make()


def test_a_constraint_that_is_called_in_keras_is_refused() -> None:
    """Nothing would call it: its constraint would be missing, in silence."""
    instead = re.escape("applied(ops, w)")
    with pytest.raises(InvalidTypeError, match=rf"^Mine.__call__: expected {instead}"):
        type("Mine", (Constraint,), {"__call__": lambda self, w: w, "__module__": "mine"})


class TestConstraints:
    @pytest.mark.parametrize("backend", ["reference", "native"])
    @pytest.mark.parametrize(
        ("constraint", "holds"),
        [
            (NonNeg(), lambda w: w.min() >= 0),
            (MaxNorm(0.4), lambda w: (np.linalg.norm(w, axis=0) <= 0.4001).all()),
            (UnitNorm(), lambda w: np.allclose(np.linalg.norm(w, axis=0), 1, atol=1e-5)),
            (MinMaxNorm(0.5, 0.6), lambda w: (np.linalg.norm(w, axis=0) >= 0.4999).all()),
            (MaxNorm(0.4, axis=1), lambda w: (np.linalg.norm(w, axis=1) <= 0.4001).all()),
        ],
        ids=lambda part: repr(part) if isinstance(part, Constraint) else "",
    )
    def test_hold_after_every_step(self, backend: str, constraint: Any, holds: Any) -> None:
        with lstm.backends.using(backend):
            model = lstm.Sequential(
                [lstm.Input((5, 3)), LSTM(4, kernel_constraint=constraint), Dense(2)]
            )
        model.compile(lstm.optimizers.SGD(0.5), "mse")
        for _ in range(4):
            model.train_on_batch(X, Y)
            assert holds(model.graph.weights["lstm/kernel"].to_numpy())

    def test_change_nothing_that_fulfils_them(self) -> None:
        ops, w = lstm.backend().ops, RNG.normal(size=(3, 4)).astype("f")
        assert_array_equal(NonNeg().applied(ops, np.abs(w)), np.abs(w))
        assert_close(MaxNorm(9.0).applied(ops, w), w, "pointwise", dtype="float32")

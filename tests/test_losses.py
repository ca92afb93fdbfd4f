"""Losses with every kind of target, against NumPy; fused ones; and that training lowers each."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

import lstm
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers import LSTM, Activation, Dense, TimeDistributed
from lstm.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Huber,
    SparseCategoricalCrossentropy,
)
from lstm.optimizers import SGD
from tolerances import assert_close

pytestmark = pytest.mark.usefixtures("float64")

RNG = np.random.default_rng(3)
X = RNG.normal(size=(6, 4, 2))
CLASSES = RNG.integers(0, 3, (6, 4))
ONE_HOT = np.eye(3)[CLASSES]
SHARES = RNG.dirichlet([1, 2, 3], (6, 4))
BITS = RNG.integers(0, 2, (6, 4, 3))
NUMBERS = RNG.normal(size=(6, 4, 3))

TERMS = NUMBERS.size


def model_of(activation: str | None, units: int = 3, *, last_only: bool = False) -> lstm.Model:
    """The same weights every time."""
    lstm.set_seed(4)
    cell = LSTM(5, return_sequences=not last_only)
    return lstm.Sequential([lstm.Input((None, 2)), cell, Dense(units, activation=activation)])


def cross_entropy(p: NDArray[Any], target: NDArray[Any]) -> float:
    return float(-(target * np.log(p)).sum(-1).mean())


def binary_cross_entropy(p: NDArray[Any], t: NDArray[Any]) -> float:
    return float(-(t * np.log(p) + (1 - t) * np.log(1 - p)).mean())


def huber(y: NDArray[Any], t: NDArray[Any], delta: float) -> float:
    e = np.abs(y - t)
    return float(np.where(e < delta, e**2 / 2, delta * (e - delta / 2)).mean())


class TestValues:
    @pytest.mark.parametrize(
        ("loss", "activation", "target", "expected"),
        [
            ("categorical_crossentropy", "softmax", ONE_HOT, cross_entropy),
            ("categorical_crossentropy", "softmax", SHARES, cross_entropy),
            ("binary_crossentropy", "sigmoid", BITS, binary_cross_entropy),
            ("binary_crossentropy", "sigmoid", SHARES, binary_cross_entropy),
            ("mse", None, NUMBERS, lambda y, t: np.mean((y - t) ** 2)),
            ("mean_squared_error", None, NUMBERS, lambda y, t: np.mean((y - t) ** 2)),
            ("mae", None, NUMBERS, lambda y, t: np.mean(np.abs(y - t))),
            ("mean_absolute_error", None, NUMBERS, lambda y, t: np.mean(np.abs(y - t))),
            ("huber", None, NUMBERS, lambda y, t: huber(y, t, 1.0)),
            (Huber(0.3), None, NUMBERS, lambda y, t: huber(y, t, 0.3)),
            ("mse", "tanh", NUMBERS, lambda y, t: np.mean((y - t) ** 2)),
        ],
    )
    def test_are_means_over_all_positions(
        self, loss: Any, activation: Any, target: NDArray[Any], expected: Any
    ) -> None:
        model = model_of(activation)
        model.compile("sgd", loss)
        value = expected(model.predict(X), target)
        for size in (6, 4):
            assert_close(model.evaluate(X, target, size), value, "loss", terms=TERMS)

    @pytest.mark.parametrize(
        "loss", ["categorical_crossentropy", "sparse_categorical_crossentropy"]
    )
    @pytest.mark.parametrize(
        "target",
        [CLASSES, CLASSES[..., None], CLASSES.astype(float), CLASSES.astype(np.uint8)],
        ids=["(B, T)", "(B, T, 1)", "floats", "uint8"],
    )
    def test_classes_are_one_hot_rows(self, loss: str, target: NDArray[Any]) -> None:
        model = model_of("softmax")
        model.compile("sgd", loss)
        expected = cross_entropy(model.predict(X), ONE_HOT)
        assert_close(model.evaluate(X, target), expected, "loss", terms=TERMS)

    def test_of_the_last_step(self) -> None:
        model = model_of("softmax", last_only=True)
        model.compile("sgd", "sparse_categorical_crossentropy")
        expected = cross_entropy(model.predict(X), ONE_HOT[:, 0])
        assert_close(model.evaluate(X, CLASSES[:, 0]), expected, "loss", terms=TERMS)

    @pytest.mark.parametrize("shape", [(6,), (6, 1)])
    @pytest.mark.parametrize("size", [6, 5, 1])
    @pytest.mark.parametrize("squeezed", [False, True])
    def test_a_last_axis_of_one_may_be_left_out(
        self, shape: tuple[int, ...], size: int, squeezed: bool
    ) -> None:
        """Also in a batch of one example; and nothing is ever broadcast."""
        target = NUMBERS[:, 0, 0].reshape(shape)
        x = lstm.Input((None, 2))
        y = Dense(1)(LSTM(3)(x))
        model = lstm.Model(x, lstm.ops.squeeze(y) if squeezed else y)
        model.compile("sgd", "mse")
        difference = model.predict(X).reshape(6) - NUMBERS[:, 0, 0]
        expected = np.mean(difference**2)
        assert_close(model.evaluate(X, target, size), expected, "loss", terms=6)


class TestTargets:
    @pytest.mark.parametrize(
        ("loss", "activation", "target", "error", "message"),
        [
            ("mse", None, NUMBERS[..., :2], InvalidShapeError, "y: expected shape"),
            ("mse", None, NUMBERS[:, :3], InvalidShapeError, "y: expected shape"),
            ("mse", None, NUMBERS[..., 0], InvalidShapeError, "y: expected shape"),
            ("mse", None, NUMBERS[0], InvalidShapeError, "y: expected 6 examples"),
            ("mse", None, NUMBERS.astype(str), InvalidTypeError, "y: expected numbers"),
            ("mse", None, None, InvalidTypeError, "y: expected targets, got None"),
            (
                "mse",
                None,
                np.full_like(NUMBERS, np.inf),
                InvalidValueError,
                "y: expected finite numbers",
            ),
            ("binary_crossentropy", "sigmoid", NUMBERS, InvalidValueError, r"numbers in \[0, 1\]"),
            (
                "categorical_crossentropy",
                "softmax",
                CLASSES + 1,
                InvalidValueError,
                r"y: expected integers in \[0, 3\), got 3",
            ),
            (
                "sparse_categorical_crossentropy",
                "softmax",
                CLASSES - 1,
                InvalidValueError,
                r"y: expected integers in \[0, 3\), got -1",
            ),
            (
                "sparse_categorical_crossentropy",
                "softmax",
                CLASSES + 0.5,
                InvalidValueError,
                "y: expected whole numbers",
            ),
            (
                "sparse_categorical_crossentropy",
                "softmax",
                ONE_HOT,
                InvalidShapeError,
                "y: expected classes of shape",
            ),
            (
                "categorical_crossentropy",
                "softmax",
                ONE_HOT[..., :2],
                InvalidShapeError,
                "y: expected shape",
            ),
        ],
    )
    def test_unusable(
        self, loss: str, activation: Any, target: Any, error: type[Exception], message: str
    ) -> None:
        model = model_of(activation)
        model.compile("sgd", loss)
        before = model.get_weights()
        with pytest.raises(error, match=message):
            model.fit(X, target, batch_size=2, verbose=0)
        with pytest.raises(error, match=message):
            model.evaluate(X, target)
        for now, old in zip(model.get_weights(), before, strict=True):
            assert_array_equal(now, old)

    def test_classes_need_an_axis_of_classes(self) -> None:
        x = lstm.Input((None, 2))
        model = lstm.Model(x, lstm.ops.squeeze(Dense(1)(LSTM(3)(x))))
        model.compile("sgd", "categorical_crossentropy")
        with pytest.raises(InvalidShapeError, match="output: expected axes"):
            model.fit(X, CLASSES[:, 0], verbose=0)

    @pytest.mark.parametrize(
        ("spec", "error"),
        [("mean_square", InvalidValueError), (3, InvalidTypeError), (None, InvalidTypeError)],
    )
    def test_unknown_losses(self, spec: Any, error: type[Exception]) -> None:
        with pytest.raises(error, match="loss: expected"):
            model_of(None).compile("sgd", spec)

    @pytest.mark.parametrize("delta", [0, -1, np.inf, "wide"])
    def test_bend_of_huber(self, delta: Any) -> None:
        with pytest.raises(InvalidValueError, match="delta"):
            Huber(delta)


class TestFusion:
    """Softmax or sigmoid computed with its loss gives what they give one after the other."""

    @pytest.mark.parametrize(
        ("activation", "loss", "target"),
        [
            ("softmax", CategoricalCrossentropy, SHARES),
            ("softmax", SparseCategoricalCrossentropy, CLASSES),
            ("sigmoid", BinaryCrossentropy, BITS),
        ],
    )
    def test_equals_logits_and_equals_unfused(
        self, activation: str, loss: Any, target: NDArray[Any]
    ) -> None:
        results = []
        wrapped = TimeDistributed(Activation(activation))
        unfused = [Dense(3, activation=activation), lstm.layers.Reshape((4, 3))]
        for end, compiled_loss in (
            ([Dense(3)], loss(from_logits=True)),
            ([Dense(3, activation=activation)], loss()),
            ([Dense(3), Activation(activation)], loss()),
            ([Dense(3), wrapped], loss()),
            (unfused, loss()),
        ):
            lstm.set_seed(4)
            model = lstm.Sequential([lstm.Input((4, 2)), LSTM(5, return_sequences=True), *end])
            model.compile(lstm.optimizers.SGD(0.5), compiled_loss)
            history = model.fit(X, target, epochs=3, shuffle=False, verbose=0)
            results.append((history.history["loss"], model.get_weights()))
        for losses, weights in results[1:]:
            assert_close(losses, results[0][0], "lstm", terms=TERMS)
            for w, expected in zip(weights, results[0][1], strict=True):
                assert_close(w, expected, "lstm", terms=TERMS)

    def test_survives_certainty(self) -> None:
        """A probability that rounds to 0 has a finite loss and a gradient."""
        lstm.use(dtype="float32")
        model = lstm.Sequential([lstm.Input((1,)), Dense(2, activation="softmax")])
        model.set_weights([np.array([[200.0, 0.0]]), np.zeros(2)])
        model.compile(lstm.optimizers.SGD(1.0), "categorical_crossentropy")
        loss = model.train_on_batch(np.ones((1, 1)), np.array([[0.0, 1.0]]))
        assert loss == 200.0
        assert_array_equal(model.get_weights()[1], [-1.0, 1.0])


TINY_X = RNG.normal(size=(8, 3, 2))
SIGN = (TINY_X.sum((1, 2)) > 0).astype(int)


class TestLearning:
    @pytest.mark.parametrize(
        ("loss", "activation", "units", "target"),
        [
            ("categorical_crossentropy", "softmax", 2, np.eye(2)[SIGN]),
            ("categorical_crossentropy", "softmax", 2, SIGN),
            ("sparse_categorical_crossentropy", "softmax", 2, SIGN),
            (CategoricalCrossentropy(from_logits=True), None, 2, SIGN),
            ("binary_crossentropy", "sigmoid", 1, SIGN),
            (BinaryCrossentropy(from_logits=True), None, 1, SIGN),
            ("mse", None, 1, SIGN),
            ("mae", None, 1, SIGN),
            ("huber", None, 1, SIGN),
        ],
    )
    def test_every_loss_falls(
        self, loss: Any, activation: Any, units: int, target: NDArray[Any]
    ) -> None:
        model = model_of(activation, units, last_only=True)
        model.compile(lstm.optimizers.Adam(0.05), loss)
        losses = model.fit(TINY_X, target, epochs=60, verbose=0).history["loss"]
        assert losses[-1] < 0.2 * losses[0]

    @pytest.mark.parametrize(
        "make",
        [
            lambda: "sgd",
            lambda: SGD(0.1, momentum=0.9),
            lambda: SGD(0.1, momentum=0.9, nesterov=True, clipnorm=1.0),
            lambda: "rmsprop",
            lambda: "adam",
            lambda: "adamw",
            lambda: "Adam",
        ],
        ids=["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", "Adam"],
    )
    def test_every_optimizer_lowers_the_loss(self, make: Any) -> None:
        model = model_of(None, 1, last_only=True)
        model.compile(make(), "mse")
        losses = model.fit(TINY_X, SIGN, epochs=30, verbose=0).history["loss"]
        assert losses[-1] < losses[0]
        assert model.optimizer.step == 30

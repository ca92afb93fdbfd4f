"""Losses that are functions of tensors: the library's, and those that users write."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lstm
from gradients import assert_weight_gradient
from lstm import losses, ops
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, NotDefinedError
from lstm.layers import LSTM, Dense, Embedding
from tolerances import assert_close

RNG = np.random.default_rng(6)
X = RNG.normal(size=(8, 4, 3))
NUMBERS = RNG.normal(size=(8, 3))
SHARES = RNG.dirichlet(np.ones(3), 8)
CLASSES = RNG.integers(0, 3, 8)
LABELS = np.stack((np.maximum(CLASSES, 1), CLASSES), -1)  # one, perhaps twice
KINDS = sorted({kind.name for kind in losses.LOSSES.values()})


def model_of(activation: str | None, *, steps: bool = False) -> lstm.Sequential:
    lstm.set_seed(5)
    cell = LSTM(4, return_sequences=steps)
    return lstm.Sequential([lstm.Input((4, 3)), cell, Dense(3, activation=activation)])


def given(name: str) -> tuple[str | None, Any]:
    """An activation and targets that a loss can compare."""
    if name == "sparse_categorical_crossentropy":
        return "softmax", CLASSES
    if name == "ctc":
        return None, LABELS
    if "categorical" in name:
        return "softmax", np.eye(3)[CLASSES]
    if name in ("kl_divergence", "mean_squared_logarithmic_error"):
        return "softmax", SHARES
    if "binary" in name:
        return "sigmoid", np.eye(3)[CLASSES]
    return ("softplus" if name == "poisson" else None), NUMBERS


@pytest.mark.usefixtures("float64")
class TestEveryLoss:
    @pytest.mark.parametrize("name", KINDS)
    def test_is_the_same_called_and_trained(self, name: str) -> None:
        """Its fast form, where it has one, and the function of tensors that defines it."""
        activation, y = given(name)
        model = model_of(activation, steps=name == "ctc")
        model.compile(lstm.optimizers.SGD(0.0), name)
        called = losses.get(name)(y, model.predict(X))
        assert_close(model.evaluate(X, y), float(called), "loss", terms=48, dtype="float32")

    @pytest.mark.parametrize("name", KINDS)
    def test_has_its_gradient(self, name: str) -> None:
        activation, y = given(name)
        model = model_of(activation, steps=name == "ctc")
        model.compile(lstm.optimizers.SGD(0.0), name)
        model.train_on_batch(X, y)
        for key, weight in model.graph.weights.items():
            assert_weight_gradient(weight, lambda: model.evaluate(X, y), key)


class TestWhatUsersWrite:
    def test_a_function(self) -> None:
        def quantile(y_true: Any, y_pred: Any) -> Any:
            error = y_true - y_pred
            return ops.mean(ops.maximum(0.9 * error, -0.1 * error), axis=-1)

        model = model_of(None)
        model.compile("sgd", quantile)
        error = NUMBERS - model.predict(X)
        expected = np.maximum(0.9 * error, -0.1 * error).mean()
        assert_close(model.evaluate(X, NUMBERS), expected, "loss", terms=24, dtype="float32")
        history = model.fit(X, NUMBERS, epochs=30, verbose=0)
        assert history.history["loss"][-1] < 0.97 * history.history["loss"][0]

    def test_a_class(self) -> None:
        class Weighted(losses.Loss):
            def __init__(self, factor: float = 2.0, **options: Any) -> None:
                super().__init__(**options)
                self.factor = factor

            def call(self, y_true: Any, y_pred: Any) -> Any:
                return self.factor * ops.mean(ops.square(y_true - y_pred), axis=-1)

        model = model_of(None)
        model.compile("sgd", Weighted(3.0))
        expected = 3 * np.mean((model.predict(X) - NUMBERS) ** 2)
        assert_close(model.evaluate(X, NUMBERS), expected, "loss", terms=24, dtype="float32")

    def test_is_planned_like_those_of_the_library(self) -> None:
        results = []
        for loss in ("mse", lambda t, y: ops.mean(ops.square(t - y), axis=-1)):
            model = model_of(None)
            model.compile(lstm.optimizers.SGD(0.1), loss)
            model.fit(X, NUMBERS, batch_size=4, epochs=5, shuffle=False, verbose=0)
            assert model._trainer is not None
            assert model._trainer._current.plans.planned
            results.append(np.concatenate([w.ravel() for w in model.get_weights()]))
        assert_close(results[1], results[0], "lstm", terms=40, dtype="float32")

    @pytest.mark.parametrize(
        ("kind", "activation", "y"),
        [
            (losses.MeanSquaredError, None, NUMBERS),
            (losses.BinaryCrossentropy, "sigmoid", np.eye(3)[CLASSES]),
            (losses.CategoricalCrossentropy, "softmax", SHARES),
            (losses.SparseCategoricalCrossentropy, "softmax", CLASSES),
        ],
    )
    def test_a_class_of_the_library_with_another_call(
        self, kind: type[losses.Loss], activation: str | None, y: Any
    ) -> None:
        class Triple(kind):  # type: ignore[valid-type, misc]
            def call(self, y_true: Any, y_pred: Any) -> Any:
                return 3.0 * super().call(y_true, y_pred)

        one, other = model_of(activation), model_of(activation)
        one.compile(lstm.optimizers.SGD(0.3), kind())
        other.compile(lstm.optimizers.SGD(0.1), Triple())
        assert_close(
            other.evaluate(X, y), 3 * one.evaluate(X, y), "loss", terms=24, dtype="float32"
        )
        for model in (one, other):
            model.fit(X, y, epochs=3, shuffle=False, verbose=0)
        for mine, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
            assert_close(mine, theirs, "lstm", terms=100, dtype="float32")

    def test_weights_of_classes(self) -> None:
        """They weigh what the function returns for an example; one number they cannot."""
        model, labels = lstm.Sequential([lstm.Input((3,)), Dense(1)]), np.array([0, 1, 1, 0])
        x, rate = RNG.normal(size=(4, 3)), 0.1
        each = np.abs(model.predict(x)[:, 0] - labels) * np.where(labels == 1, 3.0, 1.0)
        model.compile(lstm.optimizers.SGD(rate), lambda t, y: ops.mean(ops.absolute(t - y), -1))
        got = model.train_on_batch(x, labels, class_weight={1: 3.0})
        assert_close(got, each.mean(), "loss", terms=8, dtype="float32")
        model.compile("sgd", lambda t, y: ops.mean(ops.absolute(t - y)))
        with pytest.raises(InvalidValueError, match="a number for each example"):
            model.fit(x, labels, class_weight={1: 3.0}, verbose=0)

    def test_models_with_one_are_copied(self) -> None:
        model = model_of("softplus")
        model.compile("sgd", "log_cosh")
        model.fit(X, SHARES, verbose=0)
        again = pickle.loads(pickle.dumps(model))
        assert again.evaluate(X, SHARES) == model.evaluate(X, SHARES)

    def test_weights_and_padding(self) -> None:
        """A loss of each step counts real steps only, weighted."""
        lstm.set_seed(2)
        model = lstm.Sequential(
            [
                lstm.Input((None,)),
                Embedding(5, 3, mask_zero=True),
                LSTM(4, return_sequences=True),
                Dense(2),
            ]
        )
        x = np.array([[1, 2, 3, 0], [4, 0, 0, 0]])
        y, w = RNG.normal(size=(2, 4, 2)), np.array([0.5, 2.0])
        model.compile("sgd", lambda t, y: ops.mean(ops.absolute(t - y), axis=-1))
        each = np.abs(model.predict(x) - y).mean(-1) * (x != 0)
        expected = (each * w[:, None]).sum() / 4
        got = model.evaluate(x, y, sample_weight=w)
        assert_close(got, expected, "loss", terms=16, dtype="float32")

    def test_with_targets_of_another_shape(self) -> None:
        def own(y_true: Any, y_pred: Any) -> Any:
            return losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)

        model, same = model_of(None), model_of(None)
        model.compile("sgd", own)
        same.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True))
        got, expected = model.evaluate(X, CLASSES), same.evaluate(X, CLASSES)
        assert_close(got, expected, "loss", terms=24, dtype="float32")

    def test_a_masked_loss_as_translators_have_it(self) -> None:
        each = losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")

        def masked(y_true: Any, y_pred: Any) -> Any:
            real = ops.cast(ops.not_equal(y_true, 0), "float32")
            return ops.sum(each(y_true, y_pred) * real) / ops.sum(real)

        model = lstm.Sequential([lstm.Input((4, 3)), LSTM(4, return_sequences=True), Dense(5)])
        y = np.array([[1, 2, 0, 0], [3, 4, 1, 0]])
        model.compile("sgd", masked)
        z = model.predict(X[:2]).astype(float)
        log_p = z - np.log(np.exp(z).sum(-1, keepdims=True))
        picked = -np.take_along_axis(log_p, y[..., None], -1)[..., 0]
        expected = picked[y != 0].mean()
        assert_close(model.evaluate(X[:2], y), expected, "loss", terms=40, dtype="float32")

    @pytest.mark.parametrize(
        ("loss", "error", "message"),
        [
            (lambda t, y: 3.0, InvalidTypeError, "tensors, made by lstm.ops of its arguments"),
            (lambda t, y: (t, y), InvalidTypeError, "one tensor"),
            (lambda t, y: y - lstm.Input((3,)), InvalidTypeError, "another Input"),
            (losses.Loss(), NotDefinedError, "call"),
        ],
    )
    def test_bad_results(self, loss: Any, error: type[Exception], message: str) -> None:
        model = model_of(None)
        model.compile("sgd", loss)
        with pytest.raises(error, match=message):
            model.fit(X, NUMBERS, verbose=0)

    def test_targets_of_other_examples(self) -> None:
        model = model_of(None)
        model.compile("sgd", lambda t, y: ops.mean(ops.square(t - y), -1))
        with pytest.raises(InvalidShapeError):
            model.fit(X, NUMBERS[:3], verbose=0)


class TestArguments:
    def test_reduction_of_a_call(self) -> None:
        y, t = NUMBERS, SHARES
        each = ((y - t) ** 2).mean(-1)
        assert_close(np.asarray(losses.MeanSquaredError(reduction="none")(t, y)), each, "loss")
        for reduction, expected in (("sum", each.sum()), ("sum_over_batch_size", each.mean())):
            got = losses.MeanSquaredError(reduction=reduction)(t, y)
            assert_close(float(got), expected, "loss", terms=24, dtype="float32")

    def test_training_minimizes_means(self) -> None:
        for reduction in ("sum", "none", None):
            with pytest.raises(InvalidValueError, match="reduction 'sum_over_batch_size'"):
                model_of(None).compile("sgd", losses.MeanSquaredError(reduction=reduction))

    def test_smoothed_labels(self) -> None:
        model = model_of("softmax")
        y = np.eye(3)[CLASSES]
        model.compile("sgd", losses.CategoricalCrossentropy(label_smoothing=0.2))
        smooth = 0.8 * y + 0.2 / 3
        expected = -(smooth * np.log(model.predict(X))).sum(-1).mean()
        for target in (y, CLASSES):
            got = model.evaluate(X, target)
            assert_close(got, expected, "loss", terms=24, dtype="float32")

    def test_metrics_and_class_weights_read_labels_as_they_are(self, tmp_path: Path) -> None:
        """Worked out by hand: four of five are on the right side of 1/2, though smoothing of 1
        makes all targets equal."""
        p = np.array([[0.9], [0.2], [0.7], [0.4], [0.6]])
        labels = np.array([[1], [0], [1], [1], [1]])
        only = Dense(1, use_bias=False, kernel_initializer="ones")
        model = lstm.Sequential([lstm.Input((1,)), only])
        model.compile(
            lstm.optimizers.SGD(0.0),
            losses.BinaryCrossentropy(label_smoothing=1.0),
            metrics=["accuracy"],
            weighted_metrics=["mae"],
        )
        nats = -(np.log(p) + np.log(1 - p)) / 2
        expected = [nats.mean(), 0.8, abs(p - labels).mean()]
        model.save(tmp_path / "model.safetensors")
        for one in (model, lstm.load_model(tmp_path / "model.safetensors")):
            assert one.evaluate(p, labels, verbose=0) == pytest.approx(expected, rel=1e-6)
        history = model.fit(p, labels, class_weight={0: 3.0}, verbose=0).history
        weights = np.where(labels == 0, 3, 1)
        assert history["loss"] == pytest.approx([(nats * weights).mean()], rel=1e-6)
        assert history["accuracy"] == pytest.approx([0.8])

    @pytest.mark.parametrize("y", [CLASSES, np.eye(3)[CLASSES]], ids=["classes", "rows"])
    def test_metrics_read_classes_as_they_are(self, y: Any) -> None:
        model = model_of("softmax")
        model.compile(
            "sgd",
            losses.CategoricalCrossentropy(label_smoothing=0.3),
            metrics=["accuracy", "categorical_crossentropy"],
        )
        p = model.predict(X)
        right = np.mean(p.argmax(-1) == CLASSES)
        nats = -np.log(p[np.arange(8), CLASSES]).mean()
        assert model.evaluate(X, y, verbose=0)[1:] == pytest.approx([right, nats], rel=1e-5)

    @pytest.mark.parametrize(
        "kind", [losses.BinaryCrossentropy, losses.CategoricalCrossentropy], ids=["binary", "rows"]
    )
    def test_are_smoothed_once_by_a_call_of_a_user(self, kind: Any) -> None:
        class Own(kind):  # type: ignore[misc]
            def call(self, y_true: Any, y_pred: Any) -> Any:
                return 2.0 * super().call(y_true, y_pred)

        y, found = np.eye(3)[CLASSES], []
        for loss in (Own(label_smoothing=0.2), kind(label_smoothing=0.2)):
            model = model_of("softmax")
            model.compile("sgd", loss)
            found.append(model.evaluate(X, y, verbose=0))
        assert found[0] == pytest.approx(2 * found[1], rel=1e-5)

    def test_are_kept_in_files(self, tmp_path: Path) -> None:
        model = model_of("softmax")
        model.compile("sgd", losses.CategoricalCrossentropy(label_smoothing=0.2))
        model.save(tmp_path / "model.safetensors")
        again = lstm.load_model(tmp_path / "model.safetensors")
        y = np.eye(3)[CLASSES]
        assert again.evaluate(X, y) == model.evaluate(X, y)

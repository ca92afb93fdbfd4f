"""Weights of examples, steps and classes: Σ weight·loss, divided by the number of positions."""

from typing import Any

import numpy as np
import pytest

import lstm
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.layers import LSTM, Dense
from tolerances import assert_close
from training_cases import LENGTHS, RAGGED_X, RAGGED_Y, X, Y, assert_same, compiled, trained

pytestmark = pytest.mark.usefixtures("float64")


class TestSampleWeight:
    @pytest.mark.parametrize("weight", [0.01, 1.0, 100.0])
    def test_a_step_is_as_long_as_its_example_weighs(self, weight: float) -> None:
        model = compiled(lstm.optimizers.SGD(1e-3))
        before = model.get_weights()
        model.train_on_batch(X[:1], Y[:1])
        steps = [w - b for w, b in zip(model.get_weights(), before, strict=True)]
        model.set_weights(before)
        model.train_on_batch(X[:1], Y[:1], sample_weight=[weight])
        for now, old, step in zip(model.get_weights(), before, steps, strict=True):
            assert_close(old + weight * step, now, "lstm", terms=200)

    @pytest.mark.parametrize("batch_size", [1, 10, 400])
    def test_rare_examples_weigh_the_same_in_batches_of_any_size(self, batch_size: int) -> None:
        """4 of 400 are positive and weigh 99 times as much: the odds are even."""
        y = np.arange(400)[:, None] % 100 == 0
        x, weight = np.zeros((400, 1)), np.where(y[:, 0], 99.0, 1.0)
        for options in ({"sample_weight": weight}, {"class_weight": {1: 99.0}}):
            model = lstm.Sequential([lstm.Input((1,)), Dense(1, activation="sigmoid")])
            # At even odds the gradients of an epoch add up to nothing.
            model.compile(lstm.optimizers.SGD(1e-3 * batch_size), "binary_crossentropy")
            model.fit(x, y, batch_size, epochs=15, shuffle=False, verbose=0, **options)
            assert abs(model.predict(x[:1]).item() - 0.5) < 0.05

    def test_zero_leaves_out_and_divides_by_all(self) -> None:
        kept = np.array([1, 0, 1, 1, 0, 1, 1])
        model = compiled()
        alone = model.evaluate(X[kept == 1], Y[kept == 1])
        together = model.evaluate(X, Y, sample_weight=kept)
        assert_close(together, alone * kept.mean(), "loss", terms=105)

    def test_two_is_as_if_twice(self) -> None:
        twice = np.array([0, 1, 2, 2, 3, 4, 5, 6])
        weight = np.array([1.0, 1, 2, 1, 1, 1, 1])
        model = compiled()
        expected = model.evaluate(X[twice], Y[twice]) * 8 / 7
        assert_close(model.evaluate(X, Y, sample_weight=weight), expected, "loss", terms=120)

    def test_of_steps(self) -> None:
        model = compiled()
        weight = np.random.default_rng(1).uniform(size=(7, 5))
        squared = ((model.predict(X) - Y) ** 2).mean(-1)
        expected = (squared * weight).mean()
        assert_close(model.evaluate(X, Y, sample_weight=weight), expected, "loss", terms=105)
        uneven = model.evaluate(X, Y, sample_weight=weight, batch_size=3)
        assert_close(uneven, expected, "loss", terms=105)

    def test_with_padding(self) -> None:
        """Padded positions are not counted; weights may be as ragged as the sequences."""
        model = compiled()
        weight = [np.linspace(1, 2, n) for n in LENGTHS]
        rows = zip(model.predict(RAGGED_X), RAGGED_Y, weight, strict=True)
        total = sum((((y - t) ** 2).mean(-1) * w).sum() for y, t, w in rows)
        loss = model.evaluate(RAGGED_X, RAGGED_Y, sample_weight=weight)
        assert_close(loss, total / sum(LENGTHS), "loss", terms=60)
        each = np.array([2.0, 0.0, 1.0, 3.0])
        rows = zip(model.predict(RAGGED_X), RAGGED_Y, each, strict=True)
        total = sum((((y - t) ** 2).mean(-1) * w).sum() for y, t, w in rows)
        loss = model.evaluate(RAGGED_X, RAGGED_Y, sample_weight=each)
        assert_close(loss, total / sum(LENGTHS), "loss", terms=60)

    def test_with_a_last_axis_as_targets_may_have_one(self) -> None:
        model, weight = compiled(), np.linspace(0, 2, 35).reshape(7, 5)
        expected = model.evaluate(X, Y, sample_weight=weight)
        assert model.evaluate(X, Y, sample_weight=weight[..., None]) == expected
        model = lstm.Sequential([lstm.Input((2,)), Dense(3, "softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        classes = np.arange(7) % 3
        p = model.predict(X[:, 0])[np.arange(7), classes]
        loss = model.evaluate(X[:, 0], classes[:, None], sample_weight=weight[:, :1])
        assert_close(loss, (-np.log(p) * weight[:, 0]).mean(), "loss", terms=21)

    @pytest.mark.parametrize(
        "weight",
        [
            *(1.0, "heavy", ["a"] * 7, -np.ones(7), np.full(7, np.nan), np.ones(6)),
            *(np.ones((7, 4)), [np.ones(n) for n in (5, 2, 4, 1, 3, 5, 2)]),
        ],
    )
    def test_unusable(self, weight: Any) -> None:
        with pytest.raises(InvalidValueError, match="sample_weight"):
            trained(X, Y, sample_weight=weight)


class TestClassWeight:
    def of_steps(self, activation: str, units: int, loss: str) -> lstm.Model:
        lstm.set_seed(3)
        layers = [LSTM(4, return_sequences=True), Dense(units, activation)]
        model = lstm.Sequential([lstm.Input((None, 2)), *layers])
        model.compile(lstm.optimizers.SGD(0.1), loss)
        return model

    @pytest.mark.parametrize(
        ("activation", "units", "loss", "form"),
        [
            ("softmax", 3, "sparse_categorical_crossentropy", lambda c: c),
            ("softmax", 3, "categorical_crossentropy", lambda c: np.eye(3)[c]),
            ("tanh", 3, "mse", lambda c: np.eye(3)[c]),
            ("sigmoid", 1, "binary_crossentropy", lambda c: np.minimum(c, 1)[..., None]),
            ("sigmoid", 1, "mse", lambda c: np.minimum(c, 1)[..., None]),
        ],
    )
    def test_is_the_weight_of_every_step_of_the_class(
        self, activation: str, units: int, loss: str, form: Any
    ) -> None:
        classes = np.random.default_rng(2).integers(0, 3, (7, 5))
        y, factors = form(classes), {0: 0.5, 1: 3.0}
        weight = np.take([0.5, 3.0, 1.0 if units == 3 else 3.0], classes)
        first = self.of_steps(activation, units, loss)
        first.fit(X, y, 3, 2, shuffle=False, class_weight=factors, verbose=0)
        second = self.of_steps(activation, units, loss)
        second.fit(X, y, 3, 2, shuffle=False, sample_weight=weight, verbose=0)
        assert_same(first.get_weights(), second.get_weights())

    def test_multiplies_the_weight_of_the_example_and_judges_nothing(self) -> None:
        y = np.arange(7) % 2
        lstm.set_seed(1)
        model = lstm.Sequential([lstm.Input((None, 2)), LSTM(2), Dense(2, "softmax")])
        model.compile(lstm.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
        each, factors = np.linspace(0.5, 2, 7), {1: 3.0}
        both = each * np.where(y == 1, 3, 1)
        options: Any = {"validation_data": (X, y), "verbose": 0}
        logs = model.fit(X, y, 7, sample_weight=each, class_weight=factors, **options).history
        assert_close(logs["loss"][0], model.evaluate(X, y, sample_weight=both), "loss", terms=7)
        assert_close(logs["val_loss"][0], model.evaluate(X, y), "loss", terms=7)

    @pytest.mark.parametrize(
        ("factors", "error", "argument"),
        [
            ([1.0, 2.0], InvalidTypeError, "class_weight"),
            ({"yes": 1.0}, InvalidTypeError, "class_weight"),
            ({-1: 1.0}, InvalidValueError, "class_weight"),
            ({0: -1.0}, InvalidValueError, r"class_weight\[0\]"),
            ({0: np.inf}, InvalidValueError, r"class_weight\[0\]"),
            ({0: 2.0}, InvalidValueError, "class_weight: expected targets of one class each"),
        ],
    )
    def test_unusable(self, factors: Any, error: type[Exception], argument: str) -> None:
        with pytest.raises(error, match=f"^{argument}"):
            trained(X, Y, class_weight=factors)


class TestWeightedMetrics:
    def test_count_positions_as_they_weigh_and_others_alike(self) -> None:
        model = compiled(loss="mse")
        model.compile("sgd", "mse", ["mae"], weighted_metrics=["mae"])
        weight = np.random.default_rng(1).uniform(size=(7, 5))
        off = np.abs(model.predict(X) - Y).mean(-1)
        logs = model.evaluate(X, Y, 3, sample_weight=weight, return_dict=True)
        assert list(logs) == ["loss", "mae", "weighted_mae"]
        assert_close(logs["mae"], off.mean(), "loss", terms=105)
        expected = (off * weight).sum() / weight.sum()
        assert_close(logs["weighted_mae"], expected, "loss", terms=105)

    def test_of_one_name_are_counted(self) -> None:
        model = compiled(loss="mse")
        named = [lstm.metrics.MeanAbsoluteError(name) for name in ("mae_2", "mae_1")]
        model.compile(
            "sgd", "mse", ["mae", named[0], "mae", named[1]], weighted_metrics=["mae", "mae"]
        )
        logs = model.evaluate(X, Y, return_dict=True)
        expected = ["loss", "mae", "mae_2", "mae_1", "mae_1_1", "weighted_mae", "weighted_mae_1"]
        assert list(logs) == expected

    def test_none_takes_the_place_of_the_loss(self) -> None:
        model = compiled()
        model.compile("sgd", "mse", [lstm.metrics.MeanAbsoluteError("loss"), "mae"])
        logs = model.evaluate(X, Y, return_dict=True)
        assert list(logs) == ["loss", "loss_1", "mae"]
        assert logs["loss_1"] == logs["mae"]
        assert logs["loss"] == compiled().evaluate(X, Y)

    def test_of_the_loss(self) -> None:
        """Perplexity is that of the mean loss, whatever weighs in training."""
        lstm.set_seed(5)
        classes = np.random.default_rng(2).integers(0, 3, (7, 5))
        layers = [LSTM(4, return_sequences=True), Dense(3, "softmax")]
        model = lstm.Sequential([lstm.Input((None, 2)), *layers])
        loss = "sparse_categorical_crossentropy"
        model.compile(
            *(lstm.optimizers.SGD(1.0), loss),
            metrics=["perplexity"],
            weighted_metrics=["bits_per_character"],
        )
        weight = np.random.default_rng(1).uniform(size=(7, 5))
        nats = -np.log(np.take_along_axis(model.predict(X), classes[..., None], -1)[..., 0])
        mean = (nats * weight).sum() / weight.sum()
        expected = [(nats * weight).mean(), np.exp(nats.mean()), mean / np.log(2)]
        found = model.evaluate(X, classes, 3, sample_weight=weight)
        assert_close(found, expected, "loss", terms=105)
        logs = model.fit(X, classes, 7, sample_weight=weight, verbose=0).history
        assert_close([values[0] for values in logs.values()], expected, "loss", terms=105)

    def test_are_kept_in_a_file(self, tmp_path: Any) -> None:
        model = compiled()
        model.compile("sgd", "mse", weighted_metrics=["mae"])
        model.save(tmp_path / "model.safetensors")
        loaded = lstm.load_model(tmp_path / "model.safetensors")
        weight = np.linspace(0, 1, 7)
        expected = model.evaluate(X, Y, sample_weight=weight)
        assert loaded.evaluate(X, Y, sample_weight=weight) == expected

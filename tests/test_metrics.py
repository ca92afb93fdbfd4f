"""Metrics against NumPy: each kind, with weights, masks and uneven batches."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import lstm
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.layers import LSTM, Dense
from lstm.losses import BinaryCrossentropy, SparseCategoricalCrossentropy
from tolerances import assert_close

pytestmark = pytest.mark.usefixtures("float64")

RNG = np.random.default_rng(3)
X = RNG.normal(size=(7, 5, 2))
CLASSES = RNG.integers(0, 3, (7, 5))
ONE_HOT = np.eye(3)[CLASSES]
BITS = RNG.integers(0, 2, (7, 5, 3))
LENGTHS = (5, 2, 4, 1, 3, 5, 2)
WEIGHT = RNG.uniform(size=(7, 5))

TERMS = 105


def cut(rows: Any) -> list[Any]:
    """Rows of different lengths."""
    return [row[:n] for row, n in zip(rows, LENGTHS, strict=True)]


RAGGED = cut(X)


def model_of(activation: str | None, loss: Any, metrics: Any) -> lstm.Model:
    """The same weights every time."""
    model = lstm.Sequential(
        [
            lstm.Input((None, 2)),
            LSTM(5, return_sequences=True),
            Dense(3, activation=activation),
        ]
    )
    rng = np.random.default_rng(5)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    model.compile("sgd", loss, metrics=metrics)
    return model


@dataclass
class MetricCase:
    """A metric with a loss, and what it is at each step, given the outputs."""

    metric: str
    loss: Any
    activation: str | None
    y: NDArray[Any]
    values: Callable[[NDArray[Any]], NDArray[Any]]

    def __str__(self) -> str:
        return f"{self.metric}, {getattr(self.loss, 'name', self.loss)}, y {self.y.ndim}-d"

    def evaluate(self, x: Any, y: Any, **options: Any) -> tuple[float, NDArray[Any]]:
        """The metric on some data, in uneven batches, and its values on all of X."""
        model = model_of(self.activation, self.loss, [self.metric])
        values = self.values(model.predict(X))
        assert len(np.unique(values)) > 1
        return model.evaluate(x, y, 3, return_dict=True, **options)[self.metric], values


SOFTMAX, SPARSE = "categorical_crossentropy", "sparse_categorical_crossentropy"
LOGITS = BinaryCrossentropy(from_logits=True)


def right_class(p: NDArray[Any]) -> NDArray[Any]:
    return p.argmax(-1) == CLASSES


def absolute(p: NDArray[Any]) -> NDArray[Any]:
    return np.abs(p - ONE_HOT).mean(-1)


def squared(p: NDArray[Any]) -> NDArray[Any]:
    return ((p - ONE_HOT) ** 2).mean(-1)


CASES = [
    MetricCase("accuracy", SOFTMAX, "softmax", ONE_HOT, right_class),
    MetricCase("accuracy", SOFTMAX, "softmax", CLASSES, right_class),
    MetricCase("acc", SPARSE, "softmax", CLASSES, right_class),
    MetricCase("sparse_categorical_accuracy", SPARSE, "softmax", CLASSES, right_class),
    MetricCase("categorical_accuracy", "mse", "tanh", ONE_HOT, right_class),
    MetricCase("accuracy", "mse", "tanh", ONE_HOT, right_class),
    MetricCase(
        "binary_accuracy",
        "binary_crossentropy",
        "sigmoid",
        BITS,
        lambda p: ((p > 0.5) == BITS).mean(-1),
    ),
    MetricCase("binary_accuracy", LOGITS, None, BITS, lambda p: ((p > 0) == BITS).mean(-1)),
    MetricCase(
        "binary_accuracy", SPARSE, "softmax", CLASSES, lambda p: ((p > 0.5) == ONE_HOT).mean(-1)
    ),
    MetricCase("mae", "mse", None, ONE_HOT, absolute),
    MetricCase("mean_absolute_error", SOFTMAX, "softmax", ONE_HOT, absolute),
    MetricCase("mae", SPARSE, "softmax", CLASSES, absolute),
    MetricCase("mse", SOFTMAX, "softmax", CLASSES, squared),
    MetricCase("mean_squared_error", "mae", None, ONE_HOT, squared),
]


@pytest.mark.parametrize("case", CASES, ids=str)
class TestValues:
    def test_everything_counts_alike(self, case: MetricCase) -> None:
        got, values = case.evaluate(X, case.y)
        assert_close(got, values.mean(), "loss", terms=TERMS)

    def test_weights_of_steps_are_for_weighted_metrics(self, case: MetricCase) -> None:
        got, values = case.evaluate(X, case.y, sample_weight=WEIGHT)
        assert_close(got, values.mean(), "loss", terms=TERMS)
        model = model_of(case.activation, case.loss, ())
        model.compile("sgd", case.loss, weighted_metrics=[case.metric])
        _, got = model.evaluate(X, case.y, 3, sample_weight=WEIGHT)
        expected = (values * WEIGHT).sum() / WEIGHT.sum()
        assert_close(got, expected, "loss", terms=TERMS)

    def test_padding_does_not_count(self, case: MetricCase) -> None:
        got, values = case.evaluate(RAGGED, cut(case.y))
        assert_close(got, np.concatenate(cut(values)).mean(), "loss", terms=TERMS)


class TestOfTheLoss:
    @pytest.mark.parametrize("name", ["perplexity", "bits_per_character"])
    def test_need_a_cross_entropy(self, name: str) -> None:
        with pytest.raises(InvalidValueError, match="unless the loss is a cross-entropy"):
            model_of(None, "mse", [name])

    def test_perplexity_and_bits(self) -> None:
        loss = SparseCategoricalCrossentropy(from_logits=True)
        model = model_of(None, loss, ["perplexity", "bits_per_character"])
        for data in ((X, CLASSES), (RAGGED, cut(CLASSES))):
            value, perplexity, bits = model.evaluate(*data, 3)
            assert_close(perplexity, np.exp(value), "loss", terms=TERMS)
            assert_close(bits, value / np.log(2), "loss", terms=TERMS)
            assert 1 < perplexity < 100


class TestFunctions:
    @pytest.mark.parametrize(
        "function",
        [
            lambda t, y: np.abs(t - y),
            lambda t, y: np.abs(t - y).mean(-1),
            lambda t, y: np.abs(t - y).mean(),
            lambda t, y: float(np.mean(np.abs(t - y))),
        ],
        ids=["entries", "steps", "one value", "a float"],
    )
    def test_are_means_without_padding(self, function: Any) -> None:
        model = model_of(None, "mse", [function])
        for data in ((X, ONE_HOT), (RAGGED, cut(ONE_HOT))):
            _, value = model.evaluate(*data, 3)
            pairs = zip(model.predict(data[0]), data[1], strict=True)
            expected = np.concatenate([np.abs(y - t) for y, t in pairs]).mean()
            assert_close(value, expected, "loss", terms=TERMS)

    def test_see_probabilities_though_the_loss_is_fused(self) -> None:
        sums = []
        model = model_of(
            "softmax", "categorical_crossentropy", [lambda t, y: sums.append(y.sum(-1)) or 0.0]
        )
        model.evaluate(X, ONE_HOT)
        assert_close(sums[0], np.ones((7, 5)), "pointwise")

    def test_are_reported_under_their_name(self) -> None:
        def farthest(y_true: Any, y_pred: Any) -> Any:
            return np.abs(y_true - y_pred).max()

        model = model_of(None, "mse", [farthest, "mae"])
        logs = model.fit(X, ONE_HOT, validation_data=(X, ONE_HOT), verbose=0).history
        names = ["loss", "farthest", "mae"]
        assert list(logs) == names + [f"val_{name}" for name in names]

    def test_a_metric_of_ones_own(self) -> None:
        class Largest(lstm.metrics.Mean):
            def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
                super().update_state(y_pred.max(-1), sample_weight)

        model = model_of(None, "mse", Largest("largest"))
        _, value = model.evaluate(X, ONE_HOT)
        assert_close(value, model.predict(X).max(-1).mean(), "loss", terms=TERMS)


class TestSpecs:
    def test_none_and_single_ones(self) -> None:
        assert isinstance(model_of(None, "mse", None).evaluate(X, ONE_HOT), float)
        assert len(model_of(None, "mse", "mae").evaluate(X, ONE_HOT)) == 2

    def test_unknown(self) -> None:
        with pytest.raises(InvalidValueError, match="did you mean 'accuracy'"):
            model_of(None, "mse", ["acuracy"])
        with pytest.raises(InvalidTypeError, match="metrics: expected names"):
            model_of(None, "mse", [3])


def test_a_batch_of_training_returns_its_metrics() -> None:
    """Those of this batch alone, before the step; as Keras' programs unpack them."""
    model = model_of(None, "mse", ["mae", "mse"])
    for rows in (slice(0, 2), slice(2, None)):
        expected = model.evaluate(X[rows], ONE_HOT[rows])
        loss, mae, mse = model.train_on_batch(X[rows], ONE_HOT[rows])
        assert_close(
            np.array([loss, mae, mse]), np.array(expected), "loss", terms=90, dtype="float32"
        )
    logs = model.train_on_batch(X, ONE_HOT, return_dict=True)
    assert [*logs] == ["loss", "mae", "mse"]
    assert isinstance(model_of(None, "mse", None).train_on_batch(X, ONE_HOT), float)

"""Losses that are called: as functions, and as objects with weights of the examples."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import lstm
from lstm import losses, metrics, ops
from lstm.errors import InvalidShapeError, InvalidTypeError
from tolerances import assert_close

pytestmark = pytest.mark.usefixtures("float64")

RNG = np.random.default_rng(8)
SHARES = RNG.uniform(0.1, 0.9, 5), RNG.uniform(0.1, 0.9, 5)

BY_NUMBER = (
    *("mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error"),
    *("mean_squared_logarithmic_error", "huber", "log_cosh", "poisson", "binary_crossentropy"),
    *("hinge", "squared_hinge", "binary_focal_crossentropy"),
)


@pytest.mark.parametrize("name", BY_NUMBER)
def test_columns_are_compared_with_numbers_of_examples(name: str) -> None:
    function = getattr(losses, name)
    t, y = SHARES
    expected = function(t[:, None], y[:, None])
    assert expected.shape == (5,)
    assert_array_equal(function(t, y[:, None]), expected)
    assert_array_equal(function(t[:, None], y), expected)
    assert_allclose(function(t, y), expected.mean())


def test_a_last_axis_of_one_is_dropped_from_sequences() -> None:
    t, y = RNG.normal(size=(2, 3, 4))
    expected = np.mean((t - y) ** 2, -1)
    for given in ((t[..., None], y), (t, y[..., None])):
        assert_close(losses.mean_squared_error(*given), expected, "loss", terms=4)


def test_tensors_are_compared_alike() -> None:
    t, y = lstm.Input(()), lstm.Input((1,))
    model = lstm.Model([t, y], losses.mean_absolute_error(t, y))
    found = model.predict([SHARES[0], SHARES[1][:, None]])
    assert_close(found, np.abs(SHARES[0] - SHARES[1]), "loss", terms=1)


def test_metrics_have_the_same_functions() -> None:
    shared = {name for name in losses.__all__ if name in metrics.__all__ and name.islower()}
    assert {"mean_squared_error", "huber", "sparse_categorical_crossentropy"} < shared
    for name in shared - {"get", "cosine_similarity"}:  # Which has the other sign as a loss.
        assert getattr(losses, name) is getattr(metrics, name), name
    model = lstm.Sequential([lstm.Input((2,)), lstm.layers.Dense(1)])
    model.compile("sgd", metrics.mean_squared_error, [metrics.mean_squared_error])
    history = model.fit(RNG.normal(size=(4, 2)), np.ones((4, 1)), verbose=0).history
    assert_close(history["loss"][0], history["mean_squared_error"][0], "loss", terms=4)


@pytest.mark.parametrize("from_logits", [False, True])
def test_classes_may_lie_on_any_axis_and_be_ignored(from_logits: bool) -> None:
    y = RNG.uniform(0.1, 1, (2, 3, 4))
    right = np.array([[0, 2, 1, 2], [1, 0, 0, 2]])
    p = np.exp(y) if from_logits else y
    p = p / p.sum(1, keepdims=True)
    expected = -np.log(np.take_along_axis(p, right[:, None], 1)[:, 0])
    options: dict[str, Any] = {"from_logits": from_logits, "axis": 1}
    found = losses.sparse_categorical_crossentropy(right, y, **options)
    assert_close(found, expected, "loss", terms=3)
    found = losses.sparse_categorical_crossentropy(right, y, ignore_class=2, **options)
    assert_close(found, np.where(right == 2, 0, expected), "loss", terms=3)
    rows = np.moveaxis(np.eye(3)[right], -1, 1)
    assert_close(losses.categorical_crossentropy(rows, y, **options), expected, "loss", terms=3)


class TestWeights:
    T, Y = RNG.normal(size=(2, 3, 4))
    WEIGHT = np.array([0.5, 2.0, 0.0])

    @pytest.mark.parametrize("given", [WEIGHT, WEIGHT[:, None], WEIGHT.tolist()])
    @pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
    def test_of_examples(self, given: Any, reduction: str) -> None:
        values = np.mean((self.T - self.Y) ** 2, -1) * self.WEIGHT
        reduced = {"mean": np.mean, "sum": np.sum, "none": np.asarray}[reduction](values)
        found = losses.MeanSquaredError(reduction)(self.T, self.Y, given)
        assert_close(np.asarray(found), reduced, "loss", terms=12)

    def test_of_steps(self) -> None:
        t, y = RNG.normal(size=(2, 3, 5, 2))
        weight = RNG.uniform(size=(3, 5))
        expected = np.mean(np.abs(t - y), -1) * weight
        for given in (weight, weight[..., None]):
            found = losses.MeanAbsoluteError("none")(t, y, given)
            assert_close(found, expected, "loss", terms=2)
        found = losses.MeanAbsoluteError("none")(t, y, weight[:, :1])
        assert_close(found, expected / weight * weight[:, :1], "loss", terms=2)
        found = losses.MeanAbsoluteError("none")(t, y, 3)
        assert_close(found, expected / weight * 3, "loss", terms=2)

    def test_that_are_tensors(self) -> None:
        t, y, weight = lstm.Input((4,)), lstm.Input((4,)), lstm.Input((1,))
        loss = losses.MeanSquaredError("none")
        model = lstm.Model([t, y, weight], ops.expand_dims(loss(t, y, weight), -1))
        found = model.predict([self.T, self.Y, self.WEIGHT[:, None]])[:, 0]
        assert_close(found, loss(self.T, self.Y, self.WEIGHT), "loss", terms=4)

    @pytest.mark.parametrize("shape", [(2,), (4,), (3, 4), (4, 1), (2, 3), (3, 1, 1)])
    def test_others_are_refused(self, shape: tuple[int, ...]) -> None:
        expected = r"^sample_weight: expected shape \(3,\), or its first axes, got shape "
        with pytest.raises(InvalidShapeError, match=expected):
            losses.MeanSquaredError()(self.T, self.Y, np.ones(shape))

    def test_words_are_refused(self) -> None:
        with pytest.raises(InvalidTypeError, match=r"^sample_weight: expected numbers"):
            losses.MeanSquaredError()(self.T, self.Y, ["a", "b", "c"])

"""Losses of users."""

from typing import Any

import numpy as np
import pytest

import lstm
from gradients import assert_weight_gradient
from lstm.errors import InvalidValueError
from lstm.layers import LSTM, Dense
from lstm.losses import Loss
from own_layers import X
from tolerances import assert_close


class Cubic(Loss):
    """|y - t|³, and nothing but its two halves."""

    def forward(self, ops: Any, y: Any, target: Any, weight: Any) -> Any:
        error = ops.to_numpy(y) - ops.to_numpy(target)
        share = 1 / error.size if weight is None else ops.to_numpy(weight)
        return float((np.abs(error) ** 3 * share).sum()), (error, share)

    def backward(self, ops: Any, cache: Any) -> Any:
        error, share = cache
        return ops.array(3 * error * np.abs(error) * share)


class Scaled(Loss):
    """A multiple of the squared error, traced."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.scale * lstm.ops.mean(lstm.ops.square(y_true - y_pred), axis=-1)


@pytest.mark.usefixtures("float64")
class TestLosses:
    def test_need_forward_and_backward_only(self) -> None:
        model = lstm.Sequential([lstm.Input((None, 2)), LSTM(3, return_sequences=True), Dense(1)])
        model.compile(lstm.optimizers.SGD(0.0), Cubic())
        y = np.random.default_rng(1).normal(size=(4, 6, 1))
        expected = np.mean(np.abs(model.predict(X) - y) ** 3)
        for targets in (y, y[..., 0]):
            assert_close(model.evaluate(X, targets), expected, "loss", terms=24)
        model.train_on_batch(X, y)
        for name, weight in model.graph.weights.items():
            assert_weight_gradient(weight, lambda: model.evaluate(X, y), name)

    def test_leave_padding_out(self) -> None:
        model = lstm.Sequential([lstm.Input((None, 2)), LSTM(3, return_sequences=True), Dense(1)])
        model.compile("sgd", Cubic())
        x, y = [X[0], X[1, :2]], [np.ones((6, 1)), np.zeros((2, 1))]
        alone = [np.abs(model.predict(a[None])[0] - b) ** 3 for a, b in zip(x, y, strict=True)]
        assert_close(model.evaluate(x, y), np.concatenate(alone).mean(), "loss", terms=8)

    @pytest.mark.parametrize(
        "targets", [np.ones((4, 6, 2)), np.ones((4, 1)), np.ones((4, 6, 1)) + 1j]
    )
    def test_check_targets_by_default(self, targets: Any) -> None:
        model = lstm.Sequential([lstm.Input((None, 2)), LSTM(3, return_sequences=True), Dense(1)])
        model.compile("sgd", Cubic())
        with pytest.raises(InvalidValueError, match=r"^y: expected"):
            model.fit(X, targets, verbose=0)

    def test_read_their_numbers_before_each_step(self) -> None:
        loss = Scaled(1.0)
        model = lstm.Sequential([lstm.Input((None, 2)), Dense(1)])
        model.compile(lstm.optimizers.SGD(0.0), loss)
        once = model.evaluate(X, X[..., :1])
        for k in range(9):
            loss.scale = 1.0 + k // 4
            assert_close(model.evaluate(X, X[..., :1]), loss.scale * once, "loss", terms=24)

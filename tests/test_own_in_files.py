"""Losses and metrics of users in files: kept by name, found again among custom objects."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lstm
from lstm import ops
from lstm.errors import NotReadyError
from lstm.layers import LSTM, Dense

X = np.random.default_rng(0).normal(size=(8, 5, 2))
Y = X[:, :1, 0]


def rmse(y_true: Any, y_pred: Any) -> Any:
    return ops.sqrt(ops.mean(ops.square(y_pred - y_true), axis=-1) + 1e-7)


def bias(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(y_pred - y_true, axis=-1)


class Power(lstm.losses.Loss):
    """|y - t| to a power."""

    def __init__(self, power: float = 3.0, name: str = "power") -> None:
        super().__init__(name=name)
        self.power = power

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return ops.mean(ops.abs(y_pred - y_true) ** self.power, axis=-1)


OBJECTS = {"rmse": rmse, "bias": bias, "Power": Power}


def saved(tmp_path: Path, loss: Any, metrics: Any) -> tuple[lstm.Model, Path]:
    model = lstm.Sequential([lstm.Input((5, 2)), LSTM(3), Dense(1)])
    model.compile("adam", loss, metrics=metrics)
    model.fit(X, Y, epochs=2, verbose=0)
    path = tmp_path / "own.safetensors"
    model.save(path)
    return model, path


@pytest.mark.parametrize("loss", [rmse, Power(2.5), Power, lstm.losses.mean_squared_error])
@pytest.mark.parametrize("metrics", [["mae"], [bias, "mae"]])
def test_are_found_again(loss: Any, metrics: Any, tmp_path: Path) -> None:
    model, path = saved(tmp_path, loss, metrics)
    again = lstm.load_model(path, custom_objects=OBJECTS)
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    histories = [
        each.fit(X, Y, epochs=2, shuffle=False, verbose=0).history for each in (model, again)
    ]
    assert histories[0] == histories[1]


def test_by_the_name_under_which_they_are_registered(tmp_path: Path) -> None:
    with lstm.utils.custom_object_scope({"root": rmse}):
        model, path = saved(tmp_path, rmse, ["mae"])
        again = lstm.load_model(path)
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)


@pytest.mark.parametrize(("loss", "metrics"), [(rmse, ["mae"]), ("mse", [bias])])
def test_without_them_a_model_predicts(loss: Any, metrics: Any, tmp_path: Path) -> None:
    model, path = saved(tmp_path, loss, metrics)
    with pytest.warns(UserWarning, match="not compiled: custom_objects: expected '(rmse|bias)'"):
        again = lstm.load_model(path)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    with pytest.raises(NotReadyError, match="compile"):
        again.evaluate(X, Y)
    lstm.load_model(path, compile=False)  # It asks for nothing then.


def test_of_several_outputs(tmp_path: Path) -> None:
    x = lstm.Input((5, 2))
    h = LSTM(3)(x)
    model = lstm.Model(x, {"a": Dense(1)(h), "b": Dense(1)(h)})
    model.compile("adam", {"a": rmse, "b": Power(2.0)}, metrics={"b": [bias]})
    targets = {"a": Y, "b": -Y}
    path = tmp_path / "several.safetensors"
    model.save(path)
    again = lstm.load_model(path, custom_objects=OBJECTS)
    assert again.evaluate(X, targets, verbose=0) == model.evaluate(X, targets, verbose=0)


def test_what_has_no_name_is_not_in_files(tmp_path: Path) -> None:
    _, path = saved(tmp_path, lambda t, y: ops.abs(y - t), ["mae"])
    with pytest.raises(NotReadyError, match="compile"):
        lstm.load_model(path).evaluate(X, Y)

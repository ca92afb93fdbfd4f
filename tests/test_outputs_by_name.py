"""Outputs in a dict: predicted, trained, saved, copied and called by their keys."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.layers import LSTM, Concatenate, Dense

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 5, 3)).astype("f")
Y = {"rate": RNG.normal(size=(12, 2)), "kind": RNG.integers(0, 3, 12)}
LOSSES = {"rate": "mse", "kind": "sparse_categorical_crossentropy"}


def named() -> lstm.Model:
    x = lstm.Input((None, 3))
    h = LSTM(4)(x)
    kind = Dense(3, activation="softmax")(h)
    model = lstm.Model(x, {"rate": Dense(2, name="other")(h), "kind": kind})
    model.compile("adam", LOSSES, metrics={"kind": ["accuracy"]}, loss_weights={"rate": 0.5})
    return model


class Own(lstm.Model):
    """A model of one's own."""

    def __init__(self) -> None:
        super().__init__()
        self.read, self.rate, self.kind = LSTM(4), Dense(2), Dense(3, activation="softmax")

    def call(self, inputs: Any) -> Any:
        h = self.read(inputs)
        return {"rate": self.rate(h), "kind": self.kind(h)}


def same(one: Any, other: Any) -> None:
    assert list(one) == list(other) == ["rate", "kind"]
    for key in one:
        assert_array_equal(one[key], other[key])


def saved(model: lstm.Model, path: Path) -> Any:
    model.save(path)
    return lstm.load_model(path)


def test_they_are_those_of_a_list() -> None:
    model = named()
    plain = lstm.Model(model.input, model.outputs)
    expected = plain.predict(X)
    same(model.predict(X), dict(zip(Y, expected, strict=True)))
    same(model(X), model.predict_on_batch(X))
    assert model.predict_classes(X)["kind"].shape == (12,)
    assert model.output_shape == {"rate": (None, 2), "kind": (None, 3)}
    assert list(model.output) == ["rate", "kind"]


def test_step_by_step() -> None:
    model = named()
    stream, state = model.stream(12), model.initial_state(12)
    for t in range(5):
        y, state = model.step(X[:, t : t + 1], state)
        same(stream(X[:, t : t + 1]), y)
    for key, part in model.predict(X).items():
        np.testing.assert_allclose(y[key], part, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", [named, Own])
def test_keys_are_those_of_losses_targets_and_logs(make: Any) -> None:
    model = make()
    model.compile("adam", LOSSES, metrics={"kind": ["accuracy"]})
    history = model.fit(X, Y, epochs=2, validation_split=0.25, verbose=0).history
    assert {"rate_loss", "kind_loss", "kind_accuracy", "val_kind_loss"} <= history.keys()
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(found["rate_loss"] + found["kind_loss"])


@pytest.mark.parametrize("way", ["file", "copy", "clone", "json", "config"])
def test_they_stay(way: str, tmp_path: Path) -> None:
    model = named()
    model.fit(X, Y, verbose=0)
    again = {
        "file": lambda: saved(model, tmp_path / "named.safetensors"),
        "copy": lambda: copy.deepcopy(model),
        "clone": lambda: lstm.models.clone_model(model),
        "json": lambda: lstm.models.model_from_json(model.to_json()),
        "config": lambda: lstm.Model.from_config(model.get_config()),
    }[way]()
    again.set_weights(model.get_weights())
    same(again.predict(X), model.predict(X))


def test_those_of_a_class_of_ones_own_stay(tmp_path: Path) -> None:
    model = Own()
    expected = model.predict(X)
    path = tmp_path / "own.safetensors"
    same(saved(model, path).predict(X), expected)
    again = lstm.load_model(path, custom_objects={"Own": Own})
    assert type(again) is Own
    same(again.predict(X), expected)


def test_a_model_within_a_model() -> None:
    model, x = named(), lstm.Input((5, 3))
    inner = model(x)
    both = lstm.Model(x, Concatenate()([inner["rate"], inner["kind"]]))
    assert_array_equal(both.predict(X), np.concatenate([*model.predict(X).values()], 1))


def test_a_single_one() -> None:
    x = lstm.Input((None, 3))
    model = lstm.Model(x, {"y": Dense(1)(LSTM(2)(x))})
    model.compile("sgd", "mse")
    model.fit(X, {"y": np.zeros((12, 1))}, verbose=0)
    model.fit(X, np.zeros((12, 1)), verbose=0)
    assert list(model.predict(X)) == ["y"]


def test_bad_input() -> None:
    model = named()
    with pytest.raises(InvalidValueError, match="output in y: expected one of 'rate', 'kind'"):
        model.fit(X, {"rate": Y["rate"], "kinds": Y["kind"]}, verbose=0)
    with pytest.raises(InvalidTypeError, match="outputs: expected a str, got int 1"):
        lstm.Model(model.input, {1: model.outputs[0]})
    config = model.get_config()
    with pytest.raises(InvalidValueError, match="output_names: expected 2 different names"):
        lstm.Model.from_config({**config, "output_names": ["a", "a"]})


@pytest.mark.parametrize("given", ["padded", "lists"])
def test_metrics_of_outputs_of_any_length(given: str) -> None:
    rng = np.random.default_rng(1)
    x = lstm.Input((None,))
    h = LSTM(6, return_sequences=True)(lstm.layers.Embedding(9, 4, mask_zero=True)(x))
    tags, mood = Dense(3, activation="softmax")(h), Dense(1)(LSTM(3)(h))
    model = lstm.Model(x, {"tags": tags, "mood": mood})
    losses = {"tags": "sparse_categorical_crossentropy", "mood": "mse"}
    model.compile("adam", losses, metrics={"tags": ["accuracy"], "mood": ["mae"]})
    real = np.arange(7) < rng.integers(2, 8, 10)[:, None]
    tokens, classes = rng.integers(1, 9, (10, 7)) * real, rng.integers(0, 3, (10, 7))
    targets: dict[str, Any] = {"tags": classes, "mood": rng.normal(size=(10, 1))}
    found = model.predict(tokens)
    right = (np.array([*found["tags"]]).argmax(-1) == classes)[real].mean()
    far = np.abs(found["mood"] - targets["mood"]).mean()
    data: Any = tokens
    if given == "lists":
        data = [row[some] for row, some in zip(tokens, real, strict=True)]
        targets["tags"] = [row[some] for row, some in zip(classes, real, strict=True)]
    logs = model.evaluate(data, targets, batch_size=4, verbose=0, return_dict=True)
    assert logs["tags_accuracy"] == pytest.approx(right, rel=1e-6)
    assert logs["mood_mae"] == pytest.approx(far, rel=1e-5)
    assert "tags_accuracy" in model.fit(data, targets, batch_size=4, verbose=0).history

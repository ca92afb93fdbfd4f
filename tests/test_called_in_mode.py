"""Layers that are called with `training=`: they train, or do not, in every pass of their model."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm import layers
from lstm.layers import (
    LSTM,
    RNN,
    BatchNormalization,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    GaussianNoise,
    LSTMCell,
    SpatialDropout1D,
    TimeDistributed,
)
from tolerances import assert_close

X = np.random.default_rng(0).normal(1.0, 2.0, size=(6, 5, 40)).astype("f")


def again(model: lstm.Model, path: Path) -> dict[str, lstm.Model]:
    """The model, and others that are made of it."""
    model.save(path / "model.safetensors")
    x = lstm.Input(model.input_shape[1:])
    return {
        "itself": model,
        "file": lstm.load_model(path / "model.safetensors"),
        "copy": copy.deepcopy(model),
        "pickle": pickle.loads(pickle.dumps(model)),
        "clone": lstm.models.clone_model(model),
        "config": lstm.Model.from_config(model.get_config()),
        "json": lstm.models.model_from_json(model.to_json()),
        "within another": lstm.Model(x, model(x)),
    }


def zeros(values: Any) -> float:
    return float((np.asarray(values) == 0).mean())


@pytest.mark.parametrize("layer", [Dropout, SpatialDropout1D])
def test_dropout_also_drops_in_predictions(layer: Any, tmp_path: Path) -> None:
    x = lstm.Input((5, 40))
    model = lstm.Model(x, layer(0.5)(x, training=True))
    for name, made in again(model, tmp_path).items():
        found = [made.predict(X) for _ in range(4)]  # Also from a plan.
        assert all(0.2 < zeros(y) < 0.8 for y in found), name
        assert (found[-1] != found[-2]).any(), name
        assert set(np.unique(found[0] / X)) <= {0.0, 2.0}, name


def frozen() -> lstm.Model:
    lstm.set_seed(2)
    base = lstm.Sequential(
        [lstm.Input((5, 40)), BatchNormalization(), Dropout(0.5), GaussianNoise(1.0)]
    )
    base.layers[0].set_weights([*np.random.default_rng(1).uniform(0.5, 2.0, (4, 40))])
    return base


def test_a_model_is_called_to_infer(tmp_path: Path) -> None:
    x, base = lstm.Input((5, 40)), frozen()
    model = lstm.Model(x, base(x, training=False))
    model.compile(lstm.optimizers.SGD(0.0), "mse")
    expected = base.predict(X)
    gamma, beta, mean, variance = base.get_weights()
    assert_close(expected, gamma * (X - mean) / np.sqrt(variance + 1e-3) + beta, "pointwise")
    for name, made in again(model, tmp_path).items():
        made.set_weights(base.get_weights())
        made.compile(lstm.optimizers.SGD(0.0), "mse")
        assert_array_equal(made.predict(X), expected, name)
        for _ in range(4):
            assert made.train_on_batch(X, expected) < 1e-10, name
        for weight, before in zip(made.get_weights(), base.get_weights(), strict=True):
            assert_array_equal(weight, before, name)
    # Called without it, the same layers train.
    both = lstm.Sequential([lstm.Input((5, 40)), base])
    both.compile(lstm.optimizers.SGD(0.0), "mse")
    assert both.train_on_batch(X, expected) > 0.1


def test_a_call_within_a_call_has_the_last_word() -> None:
    class Noisy(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.always, self.sometimes = Dropout(0.5), Dropout(0.5)

        def call(self, inputs: Any) -> Any:
            always = self.always(inputs, training=True)
            return layers.Concatenate()([always, self.sometimes(inputs)])

    x = lstm.Input((5, 40))
    drops = lstm.Model(x, Noisy()(x, training=False)).predict(X)
    assert 0.2 < zeros(drops[..., :40]) < 0.8
    assert_array_equal(drops[..., 40:], X)


def test_training_of_a_call_is_known_where_it_is_given() -> None:
    class Branched(layers.Layer):
        def call(self, inputs: Any, training: Any = None) -> Any:
            return 2.0 * inputs if training else inputs

    x = lstm.Input((5, 40))
    for training, factor in ((True, 2), (False, 1)):
        model = lstm.Model(x, Branched()(x, training=training))
        assert_array_equal(model.predict(X), factor * X)
        assert_array_equal(Branched()(X, training=training), factor * X)


@pytest.mark.parametrize("drops", [{"dropout": 0.5}, {"recurrent_dropout": 0.5}])
def test_fused_layers_keep_it(drops: Any) -> None:
    tokens = np.arange(12).reshape(3, 4) % 5
    embedding, recurrent = Embedding(5, 3, mask_zero=True), LSTM(4, **drops)
    plain = lstm.Sequential([lstm.Input((None,)), embedding, recurrent])
    expected = plain.predict(tokens)
    x = lstm.Input((None,))
    h = recurrent(embedding(x, training=False), training=False)
    model = lstm.Model(x, h)
    model.compile(lstm.optimizers.SGD(0.0), "mse")
    for _ in range(4):
        assert model.train_on_batch(tokens, expected) < 1e-10
    trains = lstm.Model(x, recurrent(embedding(x), training=True))
    assert (trains.predict(tokens) != trains.predict(tokens)).any()


@pytest.mark.parametrize(
    "make",
    [
        lambda: RNN(LSTMCell(40, dropout=0.9)),
        lambda: Bidirectional(LSTM(40, dropout=0.9)),
        lambda: TimeDistributed(Dropout(0.9)),
    ],
)
def test_arrays_are_computed_as_in_training(make: Callable[[], Any]) -> None:
    layer = make()
    assert_array_equal(layer(X), layer(X, training=False))
    assert (np.asarray(layer(X)) != np.asarray(layer(X, training=True))).any()


def test_layers_without_a_mode_take_it() -> None:
    x = lstm.Input((5, 40))
    for training in (True, False, None):
        assert lstm.Model(x, Dense(2)(x, training=training)).output_shape == (None, 5, 2)
        assert Dense(2)(X, training=training).shape == (6, 5, 2)


def test_a_model_computes_arrays_as_in_training() -> None:
    base = frozen()
    before = base.get_weights()
    gamma, beta, _, _ = before
    normalized = lstm.Sequential([lstm.Input((5, 40)), base.layers[0]])
    rows = X.reshape(-1, 40).astype("f8")
    expected = gamma * (rows - rows.mean(0)) / np.sqrt(rows.var(0) + 1e-3) + beta
    found = normalized(X, training=True)
    assert_close(np.asarray(found), expected.reshape(X.shape), "product", terms=len(rows))
    # As in training, the layer keeps averages; nothing learns.
    after = base.get_weights()
    for k, name in enumerate(["gamma", "beta"]):
        assert_array_equal(after[k], before[k], name)
    assert_close(after[2], 0.99 * before[2] + 0.01 * rows.mean(0), "product", terms=len(rows))
    drops = lstm.Sequential([lstm.Input((5, 40)), Dropout(0.5)])
    assert 0.2 < zeros(drops(X, training=True)) < 0.8
    for training in (False, None, 0):
        assert_array_equal(drops(X, training=training), X)
    ragged = [X[0], X[1, :2]]
    several = lstm.Sequential([lstm.Input((None, 40)), Dropout(0.5)])(ragged, training=True)
    assert [len(y) for y in several] == [5, 2]


def test_a_stateful_model_continues_in_training() -> None:
    chain = lstm.Sequential([lstm.Input((None, 40)), LSTM(3, stateful=True, return_sequences=True)])
    whole = np.asarray(chain.predict(X))
    chain.reset_states()
    halves = [chain(X[:, :2], training=True), chain(X[:, 2:], training=True)]
    assert_close(np.concatenate(halves, 1), whole, "lstm", terms=5)

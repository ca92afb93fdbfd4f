"""The weights of models: one flat buffer, copies in and out, frozen layers, the summary."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

import lstm
from lstm.errors import InvalidValueError
from lstm.layers import LSTM, Bidirectional, Dense

pytestmark = pytest.mark.usefixtures("float64")

X = np.random.default_rng(3).normal(size=(6, 5, 2))
Y = np.random.default_rng(4).normal(size=(6, 1))


def functional() -> lstm.Model:
    x = lstm.Input((None, 2))
    return lstm.Model(x, Dense(1)(LSTM(3)(x)))


def sequential() -> lstm.Sequential:
    return lstm.Sequential([lstm.Input((None, 2)), LSTM(3), Dense(1)])


def random_weights(model: lstm.Model) -> list[NDArray[Any]]:
    rng = np.random.default_rng(5)
    return [rng.normal(0, 0.8, w.shape) for w in model.get_weights()]


DENSE = {"dense/kernel", "dense/bias"}


def moved_by_training(model: lstm.Model, optimizer: str) -> set[str]:
    """Names of the weights that an epoch changes."""
    model.compile(optimizer, "mse")
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    after = zip(model.graph.weights, model.get_weights(), before, strict=True)
    return {name for name, new, old in after if (new != old).any()}


class TestWeights:
    def test_are_views_of_one_flat_buffer(self) -> None:
        model = sequential()
        assert model.parameters.values.shape == (model.count_params(),)
        before = [model.predict(X) for _ in range(3)][-1]
        with model.parameters.changing():
            model.parameters.learned[...] *= 0.5
        assert (model.predict(X) != before).all()
        flat = np.concatenate([w.ravel() for w in model.get_weights()])
        assert_array_equal(flat, model.parameters.values)

    def test_get_gives_copies_and_set_takes_them(self) -> None:
        model = sequential()
        old = model.get_weights()
        before = model.predict(X)
        model.set_weights(random_weights(model))
        assert (model.predict(X) != before).all()
        model.set_weights(old)
        assert_array_equal(model.predict(X), before)

    def test_set_refuses_what_does_not_fit(self) -> None:
        model = sequential()
        old = model.get_weights()
        wrong = {
            "weights: expected 5 arrays, got 4": old[:-1],
            r"lstm/kernel: expected shape \(2, 12\)": [old[0].T, *old[1:]],
            "dense/bias: expected finite numbers": [*old[:-1], np.array([np.nan])],
        }
        for message, weights in wrong.items():
            with pytest.raises(InvalidValueError, match=message):
                model.set_weights([w + 1 if w.shape == (3, 12) else w for w in weights])
        for got, expected in zip(model.get_weights(), old, strict=True):
            assert_array_equal(got, expected)

    def test_a_seed_makes_the_same_model(self) -> None:
        models = []
        for seed in (1, 1, 2):
            lstm.set_seed(seed)
            models.append(sequential().get_weights()[0])
        assert_array_equal(models[0], models[1])
        assert (models[0] != models[2]).any()

    def test_get_layer(self) -> None:
        model = sequential()
        assert model.get_layer("dense").units == 1
        with pytest.raises(InvalidValueError, match="did you mean 'dense'"):
            model.get_layer("dens")


class TestFreezing:
    @pytest.mark.parametrize("optimizer", ["sgd", "adam"])
    def test_frozen_weights_do_not_move(self, optimizer: str) -> None:
        model = functional()
        model.get_layer("lstm").trainable = False
        assert moved_by_training(model, optimizer) == DENSE

    @pytest.mark.parametrize("built", [False, True], ids=["before", "after"])
    def test_models_freeze_what_they_hold(self, built: bool) -> None:
        inner = lstm.Sequential([Bidirectional(LSTM(3))])
        inner.trainable = built
        x = lstm.Input((None, 2))
        model = lstm.Model(x, Dense(1)(inner(x)))
        if built:
            inner.trainable = False
        assert moved_by_training(model, "adam") == DENSE

    def test_a_layer_made_frozen(self) -> None:
        x = lstm.Input((None, 2))
        y = Bidirectional(LSTM(3), trainable=False)(x)
        assert moved_by_training(lstm.Model(x, Dense(1)(y)), "sgd") == DENSE

    def test_a_functional_model_freezes_whole(self) -> None:
        base = functional()
        base.trainable = False
        x = lstm.Input((None, 2))
        assert moved_by_training(lstm.Model(x, Dense(1)(base(x))), "sgd") == DENSE

    def test_a_change_waits_for_compile(self) -> None:
        results = []
        for change in (False, True):
            lstm.set_seed(2)
            model = functional()
            model.compile("adam", "mse")
            model.fit(X, Y, verbose=0)
            model.get_layer("lstm").trainable = not change
            model.fit(X, Y, epochs=3, verbose=0)
            results.append(model.parameters.values.copy())
        assert_array_equal(results[0], results[1])
        assert moved_by_training(model, "adam") == DENSE

    def test_thawed_weights_move_again(self) -> None:
        model = functional()
        model.trainable = False
        assert moved_by_training(model, "sgd") == set()
        model.trainable = True
        assert moved_by_training(model, "sgd") == set(model.graph.weights)


class TestSummary:
    def test_says_what_the_model_is(self, capsys: pytest.CaptureFixture[str]) -> None:
        x = lstm.Input((None, 2), name="signal")
        dense = Dense(2)
        y = dense(dense(Bidirectional(LSTM(3))(x)[:, :2]))
        model = lstm.Model(x, lstm.ops.softmax(y))
        model.get_layer("dense").trainable = False
        model.compile("sgd", "categorical_crossentropy")
        model.summary()
        lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
        for line in (
            "signal (InputLayer) (None, None, 2) 0",
            "bidirectional (Bidirectional) (None, 6) 144",
            "dense (Dense) (None, 2) 6",
            "dense_1 (Dense) (None, 2) shared",
            "150 parameters (1.2 KiB), 6 frozen",
            "Backend: reference, float64",
            "Fused: activation into dense_1",
            "Fused in training: the last layer, into the loss",
        ):
            assert line in lines

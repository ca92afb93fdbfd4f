"""Programs that keep models small: penalties, constraints, dropout, class weights."""

import numpy as np
import pytest

import lstm as keras
from lstm import layers, ops, regularizers
from lstm.constraints import MaxNorm, max_norm
from lstm.layers import LSTM, BatchNormalization, Dense, Dropout, Input
from lstm.models import Sequential
from lstm.regularizers import L1L2, l1_l2, l2

RNG = np.random.default_rng(3)
X = RNG.normal(size=(60, 5, 3))
Y = (X.sum(axis=(1, 2)) > 1).astype(int)


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(10)


def test_penalties_of_all_weights_of_an_lstm():
    norms = []
    for strength in (0.0, 0.1):
        model = Sequential()
        model.add(
            LSTM(
                8,
                input_shape=(5, 3),
                kernel_regularizer=l2(strength),
                recurrent_regularizer=L1L2(l1=0.0, l2=strength),
                bias_regularizer=l1_l2(strength / 10, strength / 10),
            )
        )
        model.add(Dense(1, activation="sigmoid", kernel_regularizer=regularizers.l2(strength)))
        model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy")
        model.fit(X, Y, epochs=15, verbose=0)
        norms.append(sum(np.square(w).sum() for w in model.get_weights()))
    assert norms[1] < 0.5 * norms[0]


def test_regularizers_of_my_own(tmp_path):
    @keras.saving.register_keras_serializable(package="my_package")
    class OrthogonalPenalty(regularizers.Regularizer):
        def __init__(self, strength=0.01):
            self.strength = strength

        def __call__(self, x):
            gram = ops.matmul(ops.transpose(x), x)
            return self.strength * ops.sum(ops.square(gram - ops.eye(x.shape[-1])))

        def get_config(self):
            return {"strength": self.strength}

    @keras.saving.register_keras_serializable()
    def l1_reg(weight_matrix):
        return 0.01 * ops.sum(ops.absolute(weight_matrix))

    model = Sequential(
        [
            Input((5, 3)),
            LSTM(4, kernel_regularizer=l1_reg, activity_regularizer=lambda y: ops.mean(y**2)),
            Dense(2, kernel_regularizer=OrthogonalPenalty(1.0)),
            Dense(1, activation="sigmoid", kernel_regularizer=l1_reg),
        ]
    )
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy")
    model.fit(X, Y, epochs=40, verbose=0)
    w = model.layers[1].get_weights()[0]
    np.testing.assert_allclose(w.T @ w, np.eye(2), atol=0.2)

    top = Sequential([Input((4,)), *model.layers[1:]])
    top.save(tmp_path / "top.safetensors")
    loaded = keras.models.load_model(tmp_path / "top.safetensors")
    assert loaded.layers[0].kernel_regularizer.strength == 1.0
    for name in ("OrthogonalPenalty", "l1_reg"):
        del keras.utils.get_custom_objects()[name]


def test_constraints_hold_after_training():
    model = Sequential(
        [
            Input((5, 3)),
            LSTM(8, kernel_constraint=MaxNorm(0.5), recurrent_constraint=max_norm(0.6)),
            Dense(1, kernel_constraint=keras.constraints.NonNeg(), activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy")
    model.fit(X, Y, epochs=3, verbose=0)
    kernel, recurrent, _ = model.layers[0].get_weights()
    assert np.linalg.norm(kernel, axis=0).max() < 0.501
    assert np.linalg.norm(recurrent, axis=0).max() < 0.601
    assert model.layers[1].get_weights()[0].min() >= 0


def test_dropout_in_every_place():
    model = Sequential()
    model.add(Input(shape=(5, 3)))
    model.add(LSTM(16, return_sequences=True, dropout=0.2, recurrent_dropout=0.2))
    model.add(Dropout(0.2))
    model.add(LSTM(8))
    model.add(BatchNormalization())
    model.add(layers.AlphaDropout(0.1))
    model.add(Dense(1, activation="sigmoid"))
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(X, Y, epochs=20, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    np.testing.assert_array_equal(model.predict(X, verbose=0), model.predict(X, verbose=0))


def test_balanced_class_weights():
    classes, counts = np.unique(Y, return_counts=True)
    weights = len(Y) / (len(classes) * counts)
    class_weight = {int(c): float(w) for c, w in zip(classes, weights)}
    shares = []
    for given in (None, {0: 0.05, 1: 5.0}, class_weight):
        model = Sequential([Input((5, 3)), LSTM(8), Dense(1, activation="sigmoid")])
        model.compile(keras.optimizers.Adam(0.005), "binary_crossentropy")
        model.fit(X, Y, epochs=10, class_weight=given, verbose=0)
        shares.append(np.mean(model.predict(X, verbose=0) > 0.5))
    assert shares[1] > 0.9
    assert shares[1] >= max(shares[0], shares[2])


def test_sample_weights_leave_examples_out():
    x = np.concatenate([X, X])
    y = np.concatenate([Y, 1 - Y])
    sample_weight = np.concatenate([np.ones(60), np.zeros(60)])
    model = Sequential([Input((5, 3)), LSTM(16), Dense(1, activation="sigmoid")])
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", weighted_metrics=["accuracy"])
    history = model.fit(x, y, sample_weight=sample_weight, epochs=30, verbose=0)
    assert history.history["accuracy"][-1] > 0.9
    loss, _ = model.evaluate(x, y, sample_weight=sample_weight, verbose=0)
    assert model.evaluate(X, Y, verbose=0)[0] == pytest.approx(loss / np.mean(sample_weight), rel=2)


def test_clipped_gradients():
    for options in ({"clipnorm": 1.0}, {"clipnorm": 0.1, "nesterov": True}):
        model = Sequential([Input((5, 3)), LSTM(8), Dense(1)])
        model.compile(keras.optimizers.SGD(0.05, momentum=0.9, **options), "mse")
        losses = model.fit(X, 100 * Y, epochs=5, verbose=0).history["loss"]
        assert np.isfinite(losses).all()

"""Programs with losses and metrics of their own."""

import numpy as np
import pytest

import lstm as keras
from lstm import layers, ops
from lstm.layers import LSTM, Dense, Input
from lstm.models import Sequential

RNG = np.random.default_rng(1)
X = RNG.normal(size=(64, 5, 2)).astype("float32")
Y = X.sum(axis=(1, 2))[:, None] + RNG.normal(size=(64, 1)).astype("float32") * 0.3


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(8)


def regressor(units=8):
    return Sequential([Input((5, 2)), LSTM(units), Dense(1)])


def test_root_mean_squared_error():
    def root_mean_squared_error(y_true, y_pred):
        return ops.sqrt(ops.mean(ops.square(y_pred - y_true)))

    model = regressor()
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss=root_mean_squared_error)
    losses = model.fit(X, Y, epochs=20, batch_size=64, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]
    error = np.sqrt(np.mean((model.predict(X, verbose=0) - Y) ** 2))
    assert model.evaluate(X, Y, batch_size=64, verbose=0) == pytest.approx(error, rel=1e-4)


def test_quantile_loss_with_a_lambda():
    def tilted_loss(q, y, f):
        e = y - f
        return ops.mean(ops.maximum(q * e, (q - 1) * e), axis=-1)

    shares = []
    for q in (0.1, 0.9):
        model = regressor()
        model.compile(
            loss=lambda y, f, q=q: tilted_loss(q, y, f), optimizer=keras.optimizers.Adam(0.02)
        )
        model.fit(X, Y, epochs=60, batch_size=16, verbose=0)
        shares.append(float(np.mean(Y <= model.predict(X, verbose=0))))
    assert shares[0] < 0.4 < 0.6 < shares[1]


def test_several_quantiles_at_once():
    quantiles = np.array([0.1, 0.5, 0.9], dtype="float32")

    def quantile_loss(y_true, y_pred):
        error = y_true - y_pred
        return ops.mean(ops.maximum(quantiles * error, (quantiles - 1) * error), axis=-1)

    model = Sequential([Input((5, 2)), LSTM(8), Dense(3)])
    model.compile("adam", quantile_loss)
    model.fit(X, np.repeat(Y, 3, axis=1), epochs=40, batch_size=8, verbose=0)
    low, _, high = model.predict(X, verbose=0).mean(axis=0)
    assert low < high


def test_masked_loss_that_ignores_zeros():
    def masked_mse(y_true, y_pred):
        mask = ops.cast(ops.not_equal(y_true, 0.0), "float32")
        squared = ops.square((y_true - y_pred) * mask)
        return ops.sum(squared) / ops.maximum(ops.sum(mask), 1.0)

    target = X[:, :, :1].copy()
    target[:, 3:] = 0
    model = Sequential([Input((5, 2)), LSTM(12, return_sequences=True), Dense(1)])
    model.compile(keras.optimizers.Adam(0.02), loss=masked_mse)
    model.fit(X, target, epochs=30, batch_size=64, verbose=0)
    predicted = model.predict(X, verbose=0)
    expected = np.mean((predicted - target)[:, :3] ** 2)
    assert model.evaluate(X, target, batch_size=64, verbose=0) == pytest.approx(expected, rel=1e-4)


def test_masked_loss_as_in_transformer_tutorials():
    def masked_loss(label, pred):
        mask = label != 0
        loss_object = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")
        loss = loss_object(label, pred)
        mask = ops.cast(mask, dtype="float32")
        loss *= mask
        return ops.sum(loss) / ops.sum(mask)

    labels = np.random.default_rng(0).integers(1, 4, (64, 5))
    labels[:, 3:] = 0
    model = Sequential([Input((5, 2)), LSTM(8, return_sequences=True), Dense(4)])
    model.compile("adam", masked_loss)
    logits = model.predict(X, verbose=0)
    logits = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    expected = -np.take_along_axis(logits, labels[..., None], -1)[:, :3].mean()
    assert model.evaluate(X, labels, batch_size=64, verbose=0) == pytest.approx(expected, rel=1e-4)


def test_weighted_binary_crossentropy():
    def weighted_bce(weight):
        def loss(y_true, y_pred):
            y_pred = ops.clip(y_pred, 1e-7, 1 - 1e-7)
            per = -(weight * y_true * ops.log(y_pred) + (1 - y_true) * ops.log(1 - y_pred))
            return ops.mean(per, axis=-1)

        return loss

    rare = (X.sum(axis=(1, 2)) > 2.5).astype("float32")[:, None]
    recalls = []
    for weight in (1.0, 20.0):
        model = Sequential([Input((5, 2)), LSTM(8), Dense(1, activation="sigmoid")])
        model.compile(keras.optimizers.Adam(0.01), weighted_bce(weight), metrics=["recall"])
        model.fit(X, rare, epochs=12, verbose=0)
        recalls.append(model.evaluate(X, rare, verbose=0)[1])
    assert recalls[1] > recalls[0]


def test_loss_as_a_class_with_call():
    class WeightedMSE(keras.losses.Loss):
        def __init__(self, weight=2.0, name="weighted_mse", **kwargs):
            super().__init__(name=name, **kwargs)
            self.weight = weight

        def call(self, y_true, y_pred):
            error = y_true - y_pred
            weight = ops.where(error > 0, self.weight, 1.0)
            return ops.mean(weight * ops.square(error), axis=-1)

    model = regressor()
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss=WeightedMSE(weight=9.0))
    losses = model.fit(X, Y, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    error = Y - model.predict(X, verbose=0)
    expected = np.mean(np.where(error > 0, 9, 1) * error**2)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(expected, rel=1e-3)


def test_directional_and_correlation_metrics():
    def r_squared(y_true, y_pred):
        residual = ops.sum(ops.square(y_true - y_pred))
        total = ops.sum(ops.square(y_true - ops.mean(y_true)))
        return 1 - residual / (total + 1e-7)

    def soft_acc(y_true, y_pred):
        return ops.mean(ops.cast(ops.abs(y_true - y_pred) < 0.5, "float32"))

    model = regressor()
    model.compile(keras.optimizers.Adam(0.02), "mse", metrics=[r_squared, soft_acc, "mae"])
    history = model.fit(X, Y, epochs=20, batch_size=64, verbose=0, validation_split=0.25)
    assert set(history.history) >= {"r_squared", "val_r_squared", "soft_acc", "val_soft_acc", "mae"}
    assert history.history["r_squared"][-1] > history.history["r_squared"][0]
    values = dict(zip(model.metrics_names, model.evaluate(X, Y, batch_size=64, verbose=0)))
    error = model.predict(X, verbose=0) - Y
    results = model.evaluate(X, Y, batch_size=64, verbose=0, return_dict=True)
    assert results["r_squared"] == pytest.approx(1 - (error**2).sum() / Y.var() / 64, rel=1e-3)
    assert results["soft_acc"] == pytest.approx(np.mean(np.abs(error) < 0.5))
    assert values["loss"] == results["loss"]


def test_metric_as_a_class_with_state():
    class BinaryTruePositives(keras.metrics.Metric):
        def __init__(self, name="binary_true_positives", **kwargs):
            super().__init__(name=name, **kwargs)
            self.true_positives = self.add_weight(name="tp", initializer="zeros")

        def update_state(self, y_true, y_pred, sample_weight=None):
            y_true = ops.cast(y_true, "bool")
            y_pred = ops.cast(y_pred > 0.5, "bool")
            values = ops.cast(ops.logical_and(y_true, y_pred), "float32")
            self.true_positives.assign_add(ops.sum(values))

        def result(self):
            return self.true_positives

        def reset_state(self):
            self.true_positives.assign(0)

    labels = (Y > 0).astype("float32")
    model = Sequential([Input((5, 2)), LSTM(8), Dense(1, activation="sigmoid")])
    model.compile(
        keras.optimizers.Adam(0.02),
        "binary_crossentropy",
        metrics=[BinaryTruePositives(), "accuracy"],
    )
    model.fit(X, labels, epochs=10, verbose=0)
    result = model.evaluate(X, labels, verbose=0, return_dict=True)
    predicted = model.predict(X, verbose=0) > 0.5
    assert result["binary_true_positives"] == np.sum(predicted & (labels > 0))


def test_f1_from_precision_and_recall():
    labels = (Y > 0).astype("float32")
    model = keras.Sequential(
        [keras.Input((5, 2)), layers.LSTM(8), layers.Dense(1, activation="sigmoid")]
    )
    metrics = [
        keras.metrics.TruePositives(name="tp"),
        keras.metrics.FalsePositives(name="fp"),
        keras.metrics.BinaryAccuracy(name="accuracy"),
        keras.metrics.Precision(name="precision"),
        keras.metrics.Recall(name="recall"),
        keras.metrics.AUC(name="auc"),
        keras.metrics.AUC(name="prc", curve="PR"),
    ]
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=1e-2),
        loss=keras.losses.BinaryCrossentropy(),
        metrics=metrics,
    )
    model.fit(X, labels, epochs=12, verbose=0)
    results = model.evaluate(X, labels, verbose=0, return_dict=True)
    assert results["tp"] / (results["tp"] + results["fp"]) == pytest.approx(results["precision"])
    assert results["auc"] > 0.8


def test_focal_loss_and_label_smoothing_from_logits():
    classes = np.digitize(Y[:, 0], [-1, 1])
    for loss in (
        keras.losses.CategoricalFocalCrossentropy(from_logits=True),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
    ):
        model = Sequential([Input((5, 2)), LSTM(8), Dense(3)])
        model.compile(keras.optimizers.Adam(0.02), loss, metrics=["categorical_accuracy"])
        one_hot = keras.utils.to_categorical(classes, 3)
        history = model.fit(X, one_hot, epochs=15, verbose=0)
        assert history.history["categorical_accuracy"][-1] > 0.6


def test_losses_called_on_arrays():
    y_true, y_pred = np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([[0.6, 0.4], [0.4, 0.6]])
    bce = keras.losses.BinaryCrossentropy()
    expected = -np.mean(y_true * np.log(y_pred) + (1 - y_true) * np.log(1 - y_pred))
    assert float(bce(y_true, y_pred)) == pytest.approx(expected, rel=1e-5)
    mse = keras.losses.mean_squared_error(y_true, y_pred)
    np.testing.assert_allclose(np.array(mse), ((y_true - y_pred) ** 2).mean(axis=-1), rtol=1e-6)
    m = keras.metrics.MeanAbsoluteError()
    m.update_state(y_true, y_pred)
    assert float(m.result()) == pytest.approx(np.abs(y_true - y_pred).mean(), rel=1e-6)

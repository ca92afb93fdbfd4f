"""Programs that act between the steps of training."""

import csv

import numpy as np
import pytest

import lstm as keras
from lstm.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
)
from lstm.layers import LSTM, Dense, Input
from lstm.models import Sequential, load_model

RNG = np.random.default_rng(2)
X = RNG.normal(size=(48, 4, 2))
Y = X[:, 0, :1] - X[:, 1, 1:]


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(9)


def compiled(rate=0.02):
    model = Sequential([Input((4, 2)), LSTM(8), Dense(1)])
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=rate), loss="mse", metrics=["mae"])
    return model


def test_early_stopping_restores_the_best_weights():
    model = compiled(rate=0.3)
    es = EarlyStopping(
        monitor="val_loss", mode="min", verbose=0, patience=3, restore_best_weights=True
    )
    history = model.fit(X, Y, validation_split=0.25, epochs=60, callbacks=[es], verbose=0)
    assert len(history.history["loss"]) < 60
    assert es.stopped_epoch > 0
    best = min(history.history["val_loss"])
    assert model.evaluate(X[36:], Y[36:], verbose=0)[0] == pytest.approx(best, rel=1e-4)


def test_checkpoint_of_the_best_model_is_loaded(tmp_path):
    filepath = str(tmp_path / "best_model.safetensors")
    model = compiled()
    mc = ModelCheckpoint(filepath, monitor="val_loss", mode="min", verbose=0, save_best_only=True)
    history = model.fit(X, Y, validation_data=(X[:10], Y[:10]), epochs=6, callbacks=[mc], verbose=0)
    saved_model = load_model(filepath)
    best = min(history.history["val_loss"])
    assert saved_model.evaluate(X[:10], Y[:10], verbose=0)[0] == pytest.approx(best, rel=1e-4)


def test_weights_of_every_epoch(tmp_path):
    model = compiled()
    checkpoint = ModelCheckpoint(
        filepath=str(tmp_path / "w-{epoch:02d}.weights.safetensors"), save_weights_only=True
    )
    model.fit(X, Y, epochs=3, callbacks=[checkpoint], verbose=0)
    assert len(list(tmp_path.iterdir())) == 3
    other = compiled()
    other.load_weights(tmp_path / "w-03.weights.safetensors")
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))


def test_reduced_rate_on_a_plateau():
    model = compiled(rate=0.01)
    reduce_lr = ReduceLROnPlateau(
        monitor="loss", factor=0.5, patience=2, min_delta=10.0, min_lr=0.001, verbose=0
    )
    history = model.fit(X, Y, epochs=9, callbacks=[reduce_lr], verbose=0)
    assert float(model.optimizer.learning_rate) < 0.01
    assert history.history["learning_rate"][0] == pytest.approx(0.01)
    assert len(history.history["learning_rate"]) == 9


def test_step_decay_of_the_rate():
    def scheduler(epoch, lr):
        if epoch < 3:
            return lr
        return lr * float(np.exp(-0.1))

    model = compiled(rate=0.01)
    history = model.fit(X, Y, epochs=6, callbacks=[LearningRateScheduler(scheduler)], verbose=0)
    rates = history.history["learning_rate"]
    np.testing.assert_allclose(rates, 0.01 * np.exp(-0.1 * np.array([0, 0, 0, 1, 2, 3])), rtol=1e-5)


def test_losses_of_batches_and_epochs_are_recorded():
    class LossHistory(Callback):
        def on_train_begin(self, logs=None):
            self.losses, self.epochs = [], []

        def on_batch_end(self, batch, logs=None):
            self.losses.append(logs.get("loss"))

        def on_epoch_end(self, epoch, logs=None):
            self.epochs.append((epoch, logs["val_mae"]))

    history = LossHistory()
    compiled().fit(
        X, Y, batch_size=12, epochs=2, validation_data=(X, Y), callbacks=[history], verbose=0
    )
    assert len(history.losses) == 8
    assert [epoch for epoch, _ in history.epochs] == [0, 1]


def test_stop_at_a_wanted_loss():
    class MyCallback(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs={}):  # noqa: B006
            if logs.get("loss") < 0.3:
                self.model.stop_training = True

    history = compiled().fit(X, Y, epochs=200, callbacks=[MyCallback()], verbose=0)
    assert len(history.history["loss"]) < 200
    assert history.history["loss"][-1] < 0.3 <= history.history["loss"][-2]


def test_states_reset_by_a_callback():
    class ResetStates(Callback):
        def __init__(self):
            super().__init__()
            self.counter = 0

        def on_epoch_begin(self, epoch, logs=None):
            for layer in self.model.layers:
                if isinstance(layer, LSTM):
                    layer.reset_states()
            self.counter += 1

    model = Sequential()
    model.add(LSTM(6, batch_input_shape=(4, 4, 2), stateful=True))
    model.add(Dense(1))
    model.compile("rmsprop", "mse")
    resetting = ResetStates()
    model.fit(X, Y, batch_size=4, epochs=3, shuffle=False, callbacks=[resetting], verbose=0)
    assert resetting.counter == 3


def test_lambda_callback_and_csv_logger(tmp_path):
    seen = []
    printing = LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append((epoch, logs["loss"])))
    log = tmp_path / "training.csv"
    compiled().fit(X, Y, epochs=3, callbacks=[printing, CSVLogger(str(log))], verbose=0)
    with open(log) as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2]
    np.testing.assert_allclose([float(row["loss"]) for row in rows], [v for _, v in seen])


def test_weights_are_watched_during_training():
    class Watcher(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.norms = []

        def on_epoch_end(self, epoch, logs=None):
            kernel, _bias = self.model.layers[-1].get_weights()
            self.norms.append(float(np.linalg.norm(kernel)))
            logs["norm"] = self.norms[-1]

    watcher, model = Watcher(), compiled()
    history = model.fit(X, Y, epochs=4, callbacks=[watcher], verbose=0)
    assert len(set(watcher.norms)) == 4
    assert history.history["norm"] == watcher.norms


def test_rate_changed_between_two_fits():
    model = compiled(rate=0.01)
    model.fit(X, Y, epochs=1, verbose=0)
    model.optimizer.learning_rate = 0.001
    assert float(model.optimizer.learning_rate) == pytest.approx(0.001)
    model.optimizer.learning_rate = 0.0
    before = model.get_weights()
    model.fit(X, Y, epochs=1, verbose=0)
    for old, new in zip(before, model.get_weights()):
        np.testing.assert_array_equal(old, new)

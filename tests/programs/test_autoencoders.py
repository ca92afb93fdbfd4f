"""Programs that compress sequences, and find unusual ones."""

import numpy as np
import pytest

import lstm as keras
from lstm import layers
from lstm.layers import LSTM, Dense, Dropout, Input, RepeatVector, TimeDistributed
from lstm.models import Model, Sequential


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(11)


def waves(n, rng):
    return np.sin(rng.uniform(0, 6, (n, 1)) + np.arange(12) * 0.5)[:, :, None]


def test_reconstruction_finds_anomalies():
    x_train = waves(80, np.random.default_rng(0))
    model = Sequential()
    model.add(LSTM(16, input_shape=(x_train.shape[1], x_train.shape[2])))
    model.add(Dropout(rate=0.0))
    model.add(RepeatVector(n=x_train.shape[1]))
    model.add(LSTM(16, return_sequences=True))
    model.add(Dropout(rate=0.0))
    model.add(TimeDistributed(Dense(units=x_train.shape[2])))
    model.compile(loss="mae", optimizer=keras.optimizers.Adam(0.02))
    callback = keras.callbacks.EarlyStopping(monitor="val_loss", patience=20, mode="min")
    model.fit(
        x_train,
        x_train,
        epochs=60,
        batch_size=16,
        validation_split=0.1,
        callbacks=[callback],
        shuffle=False,
        verbose=0,
    )
    train_mae_loss = np.mean(np.abs(model.predict(x_train, verbose=0) - x_train), axis=1)
    threshold = np.max(train_mae_loss)
    odd = waves(5, np.random.default_rng(1))
    odd[:, 4:8] += 3
    test_mae_loss = np.mean(np.abs(model.predict(odd, verbose=0) - odd), axis=1)
    assert (test_mae_loss > threshold).all()


def test_encoder_alone_after_training():
    timesteps, input_dim, latent_dim = 6, 2, 4
    inputs = Input(shape=(timesteps, input_dim))
    encoded = LSTM(latent_dim)(inputs)
    decoded = RepeatVector(timesteps)(encoded)
    decoded = LSTM(input_dim, return_sequences=True)(decoded)
    sequence_autoencoder = Model(inputs, decoded)
    encoder = Model(inputs, encoded)
    sequence_autoencoder.compile(optimizer="adam", loss="mse")
    x = np.random.default_rng(0).normal(size=(20, timesteps, input_dim)) * 0.3
    before = encoder.predict(x, verbose=0)
    sequence_autoencoder.fit(x, x, epochs=3, verbose=0)
    after = encoder.predict(x, verbose=0)
    assert after.shape == (20, latent_dim)
    assert np.abs(after - before).max() > 1e-3


def test_feature_vector_from_a_cut_sequential():
    sequence = np.arange(0.1, 1.0, 0.1).reshape((1, 9, 1))
    model = Sequential()
    model.add(LSTM(30, activation="relu", input_shape=(9, 1)))
    model.add(RepeatVector(9))
    model.add(LSTM(30, activation="relu", return_sequences=True))
    model.add(TimeDistributed(Dense(1)))
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    model.fit(sequence, sequence, epochs=150, verbose=0)
    np.testing.assert_allclose(model.predict(sequence, verbose=0), sequence, atol=0.15)
    model = Model(inputs=model.inputs, outputs=model.layers[0].output)
    assert model.predict(sequence).shape == (1, 30)


def test_conv_autoencoder_of_a_series():
    x_train = waves(40, np.random.default_rng(3))
    model = keras.Sequential(
        [
            layers.Input(shape=(12, 1)),
            layers.Conv1D(filters=8, kernel_size=5, padding="same", activation="relu"),
            layers.MaxPooling1D(2),
            layers.LSTM(8, return_sequences=True),
            layers.UpSampling1D(2),
            layers.Conv1D(filters=1, kernel_size=5, padding="same"),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss="mse")
    history = model.fit(x_train, x_train, epochs=40, batch_size=16, verbose=0)
    assert history.history["loss"][-1] < 0.1 * history.history["loss"][0]
    assert model.output_shape == (None, 12, 1)


def test_denoising_with_noise_between_layers():
    x = waves(60, np.random.default_rng(4))
    model = Sequential(
        [
            Input((12, 1)),
            layers.GaussianNoise(0.1),
            LSTM(24, return_sequences=True),
            layers.LayerNormalization(),
            layers.GaussianDropout(0.05),
            LSTM(24, return_sequences=True),
            Dense(1),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "mse")
    losses = model.fit(x, x, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.3 * losses[0]
    np.testing.assert_array_equal(model.predict(x[:4]), model.predict(x[:4]))

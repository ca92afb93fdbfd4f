"""Programs with several outputs, and with cells of their own."""

import numpy as np
import pytest

import lstm as keras
from lstm import layers
from lstm.layers import GRU, LSTM, RNN, Dense, Input, LSTMCell, StackedRNNCells
from lstm.models import Model, Sequential

RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 5, 3)).astype("float32")
PRICE = X.sum(axis=(1, 2))[:, None]
RISES = (X[:, -1, 0] > 0).astype("float32")[:, None]


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(21)


def two_heads():
    inputs = Input((5, 3), name="series")
    shared = LSTM(12)(inputs)
    price = Dense(1, name="price")(shared)
    rises = Dense(1, activation="sigmoid", name="rises")(shared)
    return Model(inputs=inputs, outputs=[price, rises])


def test_price_and_direction_by_name():
    model = two_heads()
    model.compile(
        optimizer=keras.optimizers.Adam(0.02),
        loss={"price": "mse", "rises": "binary_crossentropy"},
        loss_weights={"price": 1.0, "rises": 0.5},
        metrics={"rises": ["accuracy"]},
    )
    history = model.fit(X, {"price": PRICE, "rises": RISES}, epochs=30, batch_size=16, verbose=0)
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
    assert history.history["rises_accuracy"][-1] > 0.8
    results = model.evaluate(X, {"price": PRICE, "rises": RISES}, verbose=0, return_dict=True)
    price, _rises = model.predict(X, verbose=0)
    assert results["price_loss"] == pytest.approx(np.mean((price - PRICE) ** 2), rel=1e-4)
    total = results["price_loss"] + 0.5 * results["rises_loss"]
    assert results["loss"] == pytest.approx(total, rel=1e-4)


def test_lists_of_losses_and_targets():
    model = two_heads()
    model.compile(
        optimizer="adam",
        loss=["mae", keras.losses.BinaryCrossentropy()],
        metrics=[["mse"], ["accuracy"]],
    )
    history = model.fit(
        X, [PRICE, RISES], validation_split=0.25, epochs=5, batch_size=12, verbose=0
    )
    assert {"price_loss", "rises_loss", "val_rises_accuracy"} <= set(history.history)
    assert model.evaluate(X, [PRICE, RISES], verbose=0)[0] > 0


def test_reconstruction_and_prediction():
    visible = Input(shape=(5, 3))
    encoder = LSTM(16, activation="relu")(visible)
    decoder1 = layers.RepeatVector(5)(encoder)
    decoder1 = LSTM(16, activation="relu", return_sequences=True)(decoder1)
    decoder1 = layers.TimeDistributed(Dense(3))(decoder1)
    decoder2 = layers.RepeatVector(4)(encoder)
    decoder2 = LSTM(16, activation="relu", return_sequences=True)(decoder2)
    decoder2 = layers.TimeDistributed(Dense(3))(decoder2)
    model = Model(inputs=visible, outputs=[decoder1, decoder2])
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    x = np.sin(np.arange(5)[:, None] * 0.5 + RNG.uniform(0, 6, (24, 1, 3)))
    losses = model.fit(x, [x, x[:, 1:]], epochs=40, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
    assert [y.shape for y in model.predict(x, verbose=0)] == [(24, 5, 3), (24, 4, 3)]


def test_auxiliary_output_of_a_deep_model():
    main_input = Input(shape=(6,), dtype="int32", name="main_input")
    x = layers.Embedding(output_dim=8, input_dim=20, name="words")(main_input)
    lstm_out = LSTM(8)(x)
    auxiliary_output = Dense(1, activation="sigmoid", name="aux_output")(lstm_out)
    auxiliary_input = Input(shape=(2,), name="aux_input")
    x = layers.concatenate([lstm_out, auxiliary_input])
    x = Dense(8, activation="relu")(x)
    main_output = Dense(1, activation="sigmoid", name="main_output")(x)
    model = Model([main_input, auxiliary_input], [main_output, auxiliary_output])
    model.compile(
        optimizer="rmsprop",
        loss={"main_output": "binary_crossentropy", "aux_output": "binary_crossentropy"},
        loss_weights={"main_output": 1.0, "aux_output": 0.2},
    )
    words, extra = RNG.integers(0, 20, (32, 6)), RNG.normal(size=(32, 2))
    labels = (extra[:, :1] > 0).astype("float32")
    history = model.fit(
        {"main_input": words, "aux_input": extra},
        {"main_output": labels, "aux_output": labels},
        epochs=10,
        batch_size=8,
        verbose=0,
    )
    assert history.history["loss"][-1] < history.history["loss"][0]


def test_stacked_cells_equal_stacked_layers():
    cells = [LSTMCell(4), LSTMCell(3)]
    one = Sequential([Input((5, 3)), RNN(StackedRNNCells(cells))])
    two = Sequential([Input((5, 3)), LSTM(4, return_sequences=True), LSTM(3)])
    two.set_weights(one.get_weights())
    np.testing.assert_allclose(
        one.predict(X, verbose=0), two.predict(X, verbose=0), rtol=1e-4, atol=1e-6
    )


def test_separable_and_transposed_convolutions_around_a_gru():
    model = Sequential(
        [
            Input((6, 3)),
            layers.SeparableConv1D(6, 3, padding="same", activation="relu"),
            layers.MaxPool1D(2),
            GRU(8, return_sequences=True, reset_after=True),
            layers.Conv1DTranspose(3, 3, strides=2, padding="same"),
        ]
    )
    x = RNG.normal(size=(24, 6, 3))
    model.compile("adam", "mse")
    losses = model.fit(x, x, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert model.output_shape == (None, 6, 3)

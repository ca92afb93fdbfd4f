"""Programs with several inputs, branches and shared or nested models."""

import numpy as np
import pytest

import lstm as keras
from lstm import layers, ops
from lstm.layers import (
    LSTM,
    Add,
    BatchNormalization,
    Concatenate,
    Conv1D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling1D,
    Input,
    Lambda,
    LayerNormalization,
    concatenate,
)
from lstm.models import Model, Sequential

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6, 3))


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(4)


def test_series_with_static_features():
    series = Input(shape=(6, 3), name="series")
    static = Input(shape=(4,), name="static")
    x = LSTM(12)(series)
    merged = concatenate([x, Dense(4, activation="relu")(static)])
    output = Dense(1, name="output")(merged)
    model = Model(inputs=[series, static], outputs=[output])
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss="mse", metrics=["mae"])
    s = RNG.normal(size=(40, 4))
    y = s[:, :1] + X[:, -1, :1]
    history = model.fit({"series": X, "static": s}, y, epochs=30, verbose=0)
    assert history.history["loss"][-1] < 0.2 * history.history["loss"][0]
    by_list = model.predict([X, s], verbose=0)
    np.testing.assert_array_equal(model.predict({"static": s, "series": X}, verbose=0), by_list)


def test_text_and_categories():
    title_input = keras.Input(shape=(None,), name="title")
    body_input = keras.Input(shape=(None,), name="body")
    tags_input = keras.Input(shape=(5,), name="tags")
    title_features = layers.LSTM(8)(layers.Embedding(20, 8)(title_input))
    body_features = layers.LSTM(4)(layers.Embedding(20, 8)(body_input))
    x = layers.concatenate([title_features, body_features, tags_input])
    priority_pred = layers.Dense(1, name="priority", activation="sigmoid")(x)
    model = keras.Model(inputs=[title_input, body_input, tags_input], outputs=priority_pred)
    title, body = RNG.integers(0, 20, (30, 5)), RNG.integers(0, 20, (30, 7))
    tags = RNG.integers(0, 2, (30, 5)).astype("float32")
    model.compile(keras.optimizers.Adam(0.02), loss=keras.losses.BinaryCrossentropy())
    history = model.fit(
        {"title": title, "body": body, "tags": tags},
        tags[:, 0],
        epochs=25,
        batch_size=10,
        verbose=0,
    )
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]


def test_residual_lstm_blocks():
    def block(x, units):
        y = LSTM(units, return_sequences=True)(x)
        y = Dropout(0.1)(y)
        if x.shape[-1] != units:
            x = Dense(units)(x)
        return LayerNormalization()(Add()([x, y]))

    inputs = Input((6, 3))
    x = inputs
    for units in (8, 8, 6):
        x = block(x, units)
    model = Model(inputs, Dense(1)(GlobalAveragePooling1D()(x)))
    model.compile("adam", "mse")
    losses = model.fit(X, X.mean(axis=(1, 2)), epochs=25, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert sum(isinstance(layer, Add) for layer in model.layers) == 3


def test_dilated_convolutions_before_an_lstm():
    inputs = keras.Input(shape=(None, 3))
    x = inputs
    for rate in (1, 2, 4):
        y = Conv1D(8, 2, padding="causal", dilation_rate=rate, activation="relu")(x)
        y = BatchNormalization()(y)
        x = layers.add([y, Conv1D(8, 1, padding="same")(x)])
    outputs = Dense(1)(LSTM(8)(x))
    model = keras.Model(inputs, outputs)
    model.compile("adam", loss="mean_absolute_error")
    model.fit(X, X[:, 0, 0], epochs=3, verbose=0)
    assert model.predict(X[:, :4], verbose=0).shape == (40, 1)


def test_model_used_as_a_layer_twice():
    encoder_in = Input((6, 3))
    encoder = Model(encoder_in, LSTM(5)(encoder_in), name="encoder")
    a, b = Input((6, 3)), Input((6, 3))
    joined = Concatenate()([encoder(a), encoder(b)])
    model = Model([a, b], Dense(2, activation="softmax")(joined))
    one, two = encoder.predict(X, verbose=0), encoder.predict(X[::-1], verbose=0)
    features = Model([a, b], joined).predict([X, X[::-1]], verbose=0)
    np.testing.assert_allclose(features, np.concatenate([one, two], axis=1), rtol=1e-5)
    assert model.count_params() == encoder.count_params() + 22


def test_lambda_layers_with_ops():
    inputs = Input((6, 3))
    last = Lambda(lambda t: t[:, -1, :])(inputs)
    change = Lambda(lambda t: ops.mean(t[:, 1:] - t[:, :-1], axis=1))(inputs)
    scaled = Lambda(lambda t: ops.concatenate([t[0], ops.abs(t[1])], axis=-1))([last, change])
    model = Model(inputs, scaled)
    expected = np.concatenate([X[:, -1], np.abs(np.diff(X, axis=1).mean(axis=1))], axis=1)
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5, atol=1e-6)


def test_wide_and_deep_subclass():
    class WideAndDeep(keras.Model):
        def __init__(self, units=8, activation="relu", **kwargs):
            super().__init__(**kwargs)
            self.hidden = layers.LSTM(units)
            self.norm = layers.BatchNormalization()
            self.main_output = layers.Dense(1, activation=activation)
            self.flatten = Flatten()

        def call(self, inputs, training=False):
            input_a, input_b = inputs
            hidden = self.norm(self.hidden(input_b), training=training)
            concat = layers.concatenate([self.flatten(input_a), hidden])
            return self.main_output(concat)

    model = WideAndDeep(activation="linear", name="wide_and_deep")
    model.compile(loss="mse", optimizer=keras.optimizers.SGD(learning_rate=0.01))
    losses = model.fit((X[:, :, 0], X), X[:, 0, 0], epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert model.name == "wide_and_deep"


def test_states_of_one_lstm_start_another():
    inputs = Input(shape=(6, 3))
    lstm_1, state_h, state_c = LSTM(1, return_sequences=True, return_state=True)(inputs)
    model = Model(inputs=inputs, outputs=[lstm_1, state_h, state_c])
    sequence, h, c = model.predict(X, verbose=0)
    assert sequence.shape == (40, 6, 1)
    np.testing.assert_array_equal(sequence[:, -1], h)
    assert np.abs(c).max() > np.abs(h).max()


def test_gates_mixed_by_an_expert_model():
    inputs = Input((6, 3))
    experts = [Dense(4, activation="tanh")(LSTM(4)(inputs)) for _ in range(3)]
    gate = Dense(3, activation="softmax", name="gate")(Flatten()(inputs))
    stacked = ops.stack(experts, axis=1)
    mixed = ops.sum(stacked * ops.expand_dims(gate, -1), axis=1)
    model = Model(inputs, Dense(1)(mixed))
    model.compile("adam", "mse")
    losses = model.fit(X, X[:, 0, :1], epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_cosine_similarity_of_two_towers():
    query, item = Input((6, 3)), Input((6, 3))
    tower = Sequential([LSTM(6), Dense(4)])
    score = layers.Dot(axes=1, normalize=True)([tower(query), tower(item)])
    model = Model([query, item], score)
    same = model.predict([X, X], verbose=0)
    np.testing.assert_allclose(same, 1, rtol=1e-4)
    assert np.abs(model.predict([X, X[::-1]], verbose=0)).max() <= 1 + 1e-5


def test_inputs_in_a_dict_are_named_by_their_keys():
    inputs = {"title": Input((6,), dtype="int32"), "tags": Input((3,))}
    title = LSTM(4)(layers.Embedding(20, 5)(inputs["title"]))
    outputs = Dense(1, activation="sigmoid")(layers.concatenate([title, inputs["tags"]]))
    model = Model(inputs=inputs, outputs=outputs)
    model.compile("adam", "binary_crossentropy")
    rng = np.random.default_rng(3)
    data = {"tags": rng.normal(size=(16, 3)), "title": rng.integers(0, 20, (16, 6))}
    model.fit(data, rng.integers(0, 2, (16, 1)), epochs=2, verbose=0)
    assert model.predict(data, verbose=0).shape == (16, 1)


def test_transfer_of_a_trained_base():
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(64, 8, 3)), rng.normal(size=(64, 1))
    base = keras.Sequential(
        [Input((8, 3)), Conv1D(8, 3), BatchNormalization(), Dropout(0.3), GlobalAveragePooling1D()]
    )
    base.compile("adam", "mse")
    base.fit(x, rng.normal(size=(64, 8)), epochs=1, verbose=0)
    base.trainable = False
    inputs = Input(shape=(8, 3))
    h = base(inputs, training=False)
    model = keras.Model(inputs=inputs, outputs=Dense(1)(h))
    model.compile(optimizer="adam", loss="mse")
    before = base.get_weights()
    model.fit(x, y, epochs=2, verbose=0)
    for old, new in zip(before, base.get_weights()):
        np.testing.assert_array_equal(old, new)


def test_monte_carlo_dropout():
    inputs = Input((8, 3))
    h = LSTM(16)(inputs)
    h = Dropout(0.5)(h, training=True)
    model = keras.Model(inputs, Dense(1)(h))
    x = np.ones((4, 8, 3))
    samples = np.stack([model.predict(x, verbose=0) for _ in range(10)])
    assert samples.std(axis=0).min() > 0
    plain = keras.Sequential([Input((8, 3)), LSTM(16), Dropout(0.5), Dense(1)])
    samples = np.stack([plain(x, training=True).numpy() for _ in range(10)])
    assert samples.std(axis=0).min() > 0


def test_layers_are_called_by_name():
    x = Input((6, 4))
    h = layers.MultiHeadAttention(num_heads=2, key_dim=4)(query=x, value=x, key=x)
    h = layers.Attention()(inputs=[h, x])
    h = LSTM(5)(sequences=Add()(inputs=[h, x]))
    model = keras.Model(inputs=x, outputs=Dense(2)(inputs=h))
    assert model(inputs=np.ones((3, 6, 4))).shape == (3, 2)

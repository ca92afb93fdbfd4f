"""Programs that look into models: weights, parts, features, files, pictures."""

import json

import numpy as np
import pytest

import lstm as keras
from lstm import layers, ops
from lstm.layers import LSTM, Bidirectional, Dense, Embedding, Input
from lstm.models import Model, Sequential, clone_model, load_model, model_from_json
from lstm.utils import plot_model

X = np.random.default_rng(5).normal(size=(12, 6, 3)).astype("float32")


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(13)


@pytest.fixture
def own_registry():
    """What a program registers stays within it."""
    with keras.utils.custom_object_scope({}):
        yield


def small():
    return Sequential(
        [
            Input((6, 3)),
            LSTM(5, return_sequences=True, name="lower"),
            LSTM(4, name="upper"),
            Dense(2, activation="softmax", name="out"),
        ],
        name="small",
    )


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def test_lstm_equals_its_equations_in_numpy():
    units = 5
    model = Sequential([Input((6, 3)), LSTM(units)])
    W, U, b = model.layers[0].get_weights()
    h, c = np.zeros((12, units)), np.zeros((12, units))
    for t in range(6):
        z = X[:, t] @ W + h @ U + b
        i, f = sigmoid(z[:, :units]), sigmoid(z[:, units : 2 * units])
        g, o = np.tanh(z[:, 2 * units : 3 * units]), sigmoid(z[:, 3 * units :])
        c = f * c + i * g
        h = o * np.tanh(c)
    np.testing.assert_allclose(model.predict(X, verbose=0), h, rtol=1e-4, atol=1e-6)


def test_weights_are_copied_from_model_to_model():
    one, two = small(), small()
    assert np.abs(one.predict(X, verbose=0) - two.predict(X, verbose=0)).max() > 0
    two.set_weights(one.get_weights())
    np.testing.assert_array_equal(one.predict(X, verbose=0), two.predict(X, verbose=0))
    for layer in two.layers:
        layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])
    np.testing.assert_allclose(two.predict(X, verbose=0), 0.5)


def test_features_of_every_layer():
    model = small()
    outputs = [layer.output for layer in model.layers]
    activation_model = Model(inputs=model.inputs, outputs=outputs)
    lower, upper, out = activation_model.predict(X, verbose=0)
    assert lower.shape == (12, 6, 5)
    assert upper.shape == (12, 4)
    np.testing.assert_allclose(out, model.predict(X, verbose=0), rtol=1e-6)
    intermediate = Model(model.input, model.get_layer("upper").output)
    np.testing.assert_allclose(intermediate(X), upper, rtol=1e-5)


def test_frozen_layers_and_transfer():
    base = small()
    base.get_layer("lower").trainable = False
    before = [w.copy() for w in base.get_weights()]
    base.compile("adam", "sparse_categorical_crossentropy")
    base.fit(X, np.arange(12) % 2, epochs=2, verbose=0)
    for old, new in zip(before[:3], base.get_weights()[:3]):
        np.testing.assert_array_equal(old, new)
    assert np.abs(before[3] - base.get_weights()[3]).max() > 0
    assert len(base.trainable_weights) == 5
    new_output = Dense(3, name="new")(base.layers[-2].output)
    transferred = Model(base.inputs, new_output)
    for layer in transferred.layers[:-1]:
        layer.trainable = False
    transferred.compile("adam", "mse")
    transferred.fit(X, np.zeros((12, 3)), epochs=1, verbose=0)
    assert len(transferred.trainable_weights) == 2


def test_layers_popped_and_added():
    model = small()
    model.pop()
    model.add(Dense(7, name="other"))
    assert model.output_shape == (None, 7)
    assert [layer.name for layer in model.layers] == ["lower", "upper", "other"]
    truncated = Sequential(model.layers[:-1])
    assert truncated.predict(X, verbose=0).shape == (12, 4)


def test_layers_called_on_arrays():
    lstm_layer = layers.LSTM(4)
    output = lstm_layer(X)
    assert output.shape == (12, 4)
    layer = layers.LSTM(4, return_sequences=True, return_state=True)
    whole_seq_output, final_memory_state, final_carry_state = layer(X)
    assert whole_seq_output.shape == (12, 6, 4)
    np.testing.assert_array_equal(whole_seq_output[:, -1], final_memory_state)
    assert final_carry_state.shape == (12, 4)
    dense = layers.Dense(2, kernel_initializer="ones")
    y = dense(np.ones((1, 3)))
    np.testing.assert_array_equal(y.numpy(), [[3, 3]])
    dropout = layers.Dropout(0.5, input_shape=(2,))
    assert (np.array(dropout(np.ones((20, 20)), training=True)) == 0).any()
    np.testing.assert_array_equal(dropout(np.ones((2, 2))), np.ones((2, 2)))


def test_model_called_on_an_array():
    model = small()
    y = model(X)
    np.testing.assert_allclose(y.numpy(), model.predict(X, verbose=0), rtol=1e-5)
    np.testing.assert_allclose(np.array(model(X, training=False)), y, rtol=1e-6)


def test_saved_and_loaded(tmp_path):
    model = small()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    y = np.arange(12) % 2
    model.fit(X, y, epochs=2, verbose=0)
    path = tmp_path / "my_model.safetensors"
    model.save(path)
    reconstructed = keras.models.load_model(path)
    np.testing.assert_array_equal(model.predict(X, verbose=0), reconstructed.predict(X, verbose=0))
    reconstructed.fit(X, y, epochs=1, verbose=0)
    model.save_weights(tmp_path / "model.weights.safetensors")
    other = small()
    other.load_weights(tmp_path / "model.weights.safetensors")
    np.testing.assert_array_equal(model.predict(X, verbose=0), other.predict(X, verbose=0))


def test_architecture_as_json_and_config():
    model = small()
    json_string = model.to_json()
    assert json.loads(json_string)
    again = model_from_json(json_string)
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    from_config = Sequential.from_config(model.get_config())
    assert [layer.name for layer in from_config.layers] == ["lower", "upper", "out"]
    assert clone_model(model).count_params() == model.count_params()


def test_layer_of_ones_own_with_config_is_saved(tmp_path, own_registry):
    @keras.saving.register_keras_serializable(package="MyLayers")
    class Scale(layers.Layer):
        def __init__(self, factor=1.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, x):
            return x * self.factor

        def get_config(self):
            config = super().get_config()
            config.update({"factor": self.factor})
            return config

    model = Sequential([Input((6, 3)), LSTM(4), Scale(3.0), Dense(1)])
    model.save(tmp_path / "scaled.safetensors")
    again = load_model(tmp_path / "scaled.safetensors")
    assert type(again.layers[1]) is Scale
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_summary_as_lines_and_picture(tmp_path):
    model = small()
    lines = []
    model.summary(print_fn=lambda line, **_: lines.append(line))
    text = "\n".join(lines)
    assert "lower" in text
    assert f"{model.count_params():,}" in text
    plot_model(model, to_file=tmp_path / "model.svg", show_shapes=True, show_layer_names=True)
    assert (tmp_path / "model.svg").read_text().startswith("<svg")


def test_attributes_of_models_and_layers():
    model = small()
    assert model.name == "small"
    assert [layer.name for layer in model.layers] == ["lower", "upper", "out"]
    assert model.input_shape == (None, 6, 3)
    assert model.output_shape == (None, 2)
    assert model.layers[0].units == 5
    assert model.layers[0].count_params() == 4 * 5 * (5 + 3 + 1)
    config = model.layers[0].get_config()
    assert config["units"] == 5
    assert LSTM.from_config(config).units == 5
    assert [w.name for w in model.layers[0].weights] == ["kernel", "recurrent_kernel", "bias"]


def test_word_vectors_are_read_from_a_trained_embedding():
    model = Sequential([Input((4,)), Embedding(9, 3, name="embedding"), LSTM(4), Dense(1)])
    weights = model.get_layer("embedding").get_weights()[0]
    assert weights.shape == (9, 3)
    words = np.array([[1, 2, 3, 4]])
    embedded = Model(model.input, model.get_layer("embedding").output).predict(words, verbose=0)
    np.testing.assert_array_equal(embedded[0], weights[1:5])


def test_dense_layer_of_ones_own():
    class Linear(layers.Layer):
        def __init__(self, units=32, activation=None):
            super().__init__()
            self.units = units
            self.activation = keras.activations.get(activation)

        def build(self, input_shape):
            self.w = self.add_weight(
                shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True
            )
            self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True)

        def call(self, inputs):
            return self.activation(ops.matmul(inputs, self.w) + self.b)

    linear = Linear(4, "tanh")
    y = linear(X)
    expected = np.tanh(X @ linear.w.numpy() + linear.b.numpy())
    np.testing.assert_allclose(np.array(y), expected, rtol=1e-4, atol=1e-6)
    model = Sequential([Input((6, 3)), Bidirectional(LSTM(3)), Linear(1)])
    model.compile("adam", "mse")
    losses = model.fit(X, X[:, 0, 0], epochs=10, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_lstm_cell_written_as_a_layer_over_steps():
    class MyRNN(layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.cell_x = layers.Dense(units)
            self.cell_h = layers.Dense(units, use_bias=False)

        def call(self, inputs):
            state = ops.zeros_like(self.cell_x(inputs[:, 0]))
            for t in range(inputs.shape[1]):
                state = ops.tanh(self.cell_x(inputs[:, t]) + self.cell_h(state))
            return state

    own = Sequential([Input((6, 3)), MyRNN(4)])
    built_in = Sequential([Input((6, 3)), layers.SimpleRNN(4)])
    kernel, bias, recurrent = own.get_weights()
    built_in.set_weights([kernel, recurrent, bias])
    np.testing.assert_allclose(own.predict(X), built_in.predict(X), rtol=1e-4, atol=1e-6)


def test_layer_with_a_full_config_is_cloned():
    class Simple(layers.Layer):
        def __init__(
            self,
            units,
            activation=None,
            kernel_initializer="glorot_uniform",
            kernel_regularizer=None,
            **kwargs,
        ):
            super().__init__(**kwargs)
            self.units = units
            self.activation = keras.activations.get(activation)
            self.kernel_initializer = keras.initializers.get(kernel_initializer)
            self.penalty = keras.regularizers.get(kernel_regularizer)

        def build(self, input_shape):
            self.kernel = self.add_weight(
                name="kernel",
                shape=(input_shape[-1], self.units),
                initializer=self.kernel_initializer,
            )

        def call(self, inputs):
            return self.activation(ops.matmul(inputs, self.kernel))

        def get_config(self):
            config = {
                "units": self.units,
                "activation": keras.activations.serialize(self.activation),
                "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
                "kernel_regularizer": keras.regularizers.serialize(self.penalty),
            }
            base_config = super().get_config()
            return dict(list(base_config.items()) + list(config.items()))

    model = Sequential([Input((6, 3)), Simple(4, "tanh", "ones"), LSTM(2)])
    again = clone_model(model)
    assert again.layers[0].activation is model.layers[0].activation
    np.testing.assert_array_equal(again.layers[0].get_weights()[0], np.ones((3, 4)))


def test_weights_as_attributes_of_layers():
    model = Sequential([Input((4,)), Embedding(9, 3), LSTM(4), Dense(1)])
    embedding, lstm_layer, dense = model.layers
    assert embedding.embeddings.shape == (9, 3)
    np.testing.assert_array_equal(dense.kernel.numpy(), dense.get_weights()[0])
    dense.bias.assign([5.0])
    dense.kernel.assign(np.zeros((4, 1)))
    np.testing.assert_array_equal(model.predict(np.array([[1, 2, 3, 4]]), verbose=0), [[5.0]])
    assert not hasattr(lstm_layer, "embeddings")


def test_shapes_of_layers_are_printed_before_and_after_they_are_called():
    stack = [LSTM(5, return_sequences=True), layers.Conv1D(4, 3, padding="same"), LSTM(2)]
    shape = (None, 6, 3)
    for layer in stack:
        shape = layer.compute_output_shape(shape)
    assert shape == (None, 2)
    model = Sequential([Input((6, 3)), *stack])
    assert [layer.output_shape for layer in model.layers] == [(None, 6, 5), (None, 6, 4), (None, 2)]
    assert model.output_shape == model.compute_output_shape((None, 6, 3)) == (None, 2)


def test_a_search_clears_the_session_between_models():
    scores = {}
    for units in (1, 4):
        keras.utils.clear_session()
        model = Sequential([Input((6, 3)), LSTM(units), Dense(1)])
        model.compile("adam", "mse")
        assert model.compiled
        history = model.fit(X, X[:, -1, 0], epochs=3, verbose=0)
        scores[units] = history.history["loss"][-1]
    assert set(scores) == {1, 4}

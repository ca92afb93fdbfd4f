"""Programs that predict the next values of series."""

import numpy as np
import pytest

import lstm as keras
from lstm import layers
from lstm.layers import (
    LSTM,
    Bidirectional,
    Conv1D,
    Dense,
    Dropout,
    Flatten,
    MaxPooling1D,
    RepeatVector,
    TimeDistributed,
)
from lstm.models import Sequential
from lstm.preprocessing.sequence import TimeseriesGenerator
from lstm.utils import timeseries_dataset_from_array


def split_sequence(sequence, n_steps):
    X, y = [], []
    for i in range(len(sequence) - n_steps):
        X.append(sequence[i : i + n_steps])
        y.append(sequence[i + n_steps])
    return np.array(X), np.array(y)


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(42)


def test_vanilla_lstm_of_one_series():
    raw_seq = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    n_steps, n_features = 3, 1
    X, y = split_sequence(raw_seq, n_steps)
    X = X.reshape((X.shape[0], X.shape[1], n_features))
    model = Sequential()
    model.add(LSTM(50, activation="relu", input_shape=(n_steps, n_features)))
    model.add(Dense(1))
    model.compile(optimizer="adam", loss="mse")
    model.fit(X, y, epochs=200, verbose=0)
    x_input = np.array([0.7, 0.8, 0.9]).reshape((1, n_steps, n_features))
    yhat = model.predict(x_input, verbose=0)
    assert yhat.shape == (1, 1)
    assert abs(yhat[0][0] - 1.0) < 0.1


def test_stacked_lstm():
    X, y = split_sequence(np.arange(0, 1, 0.05), 4)
    model = Sequential(
        [
            keras.Input(shape=(4, 1)),
            LSTM(20, activation="relu", return_sequences=True),
            LSTM(20, activation="relu"),
            Dense(1),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss="mse")
    history = model.fit(X[..., np.newaxis], y, epochs=100, verbose=0)
    assert history.history["loss"][-1] < 0.01 * history.history["loss"][0]


def test_bidirectional_lstm():
    X, y = split_sequence(np.sin(np.arange(60) * 0.3), 8)
    X = np.expand_dims(X, axis=-1)
    model = Sequential()
    model.add(Bidirectional(LSTM(16, activation="tanh"), input_shape=(8, 1)))
    model.add(Dense(1))
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mean_squared_error")
    model.fit(X, y, epochs=60, batch_size=16, verbose=0)
    assert model.evaluate(X, y, verbose=0) < 0.01


def test_multivariate_input():
    in_seq1 = np.arange(0.1, 1.0, 0.05).reshape((-1, 1))
    in_seq2 = in_seq1 + 0.05
    out_seq = in_seq1 + in_seq2
    dataset = np.hstack((in_seq1, in_seq2, out_seq))
    X = np.array([dataset[i : i + 3, :-1] for i in range(len(dataset) - 2)])
    y = np.array([dataset[i + 2, -1] for i in range(len(dataset) - 2)])
    n_features = X.shape[2]
    model = Sequential()
    model.add(LSTM(50, activation="relu", input_shape=(3, n_features)))
    model.add(Dense(1))
    model.compile(optimizer="adam", loss="mse")
    model.fit(X, y, epochs=150, verbose=0)
    yhat = model.predict(np.array([[[0.8, 0.85], [0.9, 0.95], [1.0, 1.05]]]), verbose=0)
    assert yhat[0, 0] == pytest.approx(2.05, abs=0.15)


def test_parallel_series():
    data = np.stack([np.sin(np.arange(50) * f) for f in (0.1, 0.2, 0.3)], axis=1)
    X = np.array([data[i : i + 5] for i in range(45)])
    y = data[5:]
    model = keras.Sequential()
    model.add(layers.Input(shape=(5, 3)))
    model.add(layers.LSTM(32, return_sequences=True))
    model.add(layers.LSTM(32))
    model.add(layers.Dense(3))
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(X, y, epochs=60, batch_size=8, verbose=0)
    loss, mae = model.evaluate(X, y, verbose=0)
    assert loss < 0.02
    assert mae < 0.15


def test_multi_step_vector_output():
    series = np.cos(np.arange(80) * 0.2)
    n_in, n_out = 10, 4
    X = np.array([series[i : i + n_in] for i in range(80 - n_in - n_out + 1)])[:, :, None]
    y = np.array([series[i + n_in : i + n_in + n_out] for i in range(80 - n_in - n_out + 1)])
    model = Sequential([LSTM(30, input_shape=(n_in, 1)), Dropout(0.0), Dense(n_out)])
    model.compile(loss="mse", optimizer="adam")
    model.fit(X, y, epochs=120, verbose=0, validation_split=0.2)
    assert model.predict(X[:1], verbose=0).shape == (1, n_out)
    assert np.sqrt(np.mean((model.predict(X, verbose=0) - y) ** 2)) < 0.15


def test_encoder_decoder():
    series = np.arange(0.1, 1.0, 0.04)
    X = np.array([series[i : i + 3] for i in range(len(series) - 4)]).reshape(-1, 3, 1)
    y = np.array([series[i + 3 : i + 5] for i in range(len(series) - 4)]).reshape(-1, 2, 1)
    model = Sequential()
    model.add(LSTM(40, activation="relu", input_shape=(3, 1)))
    model.add(RepeatVector(2))
    model.add(LSTM(40, activation="relu", return_sequences=True))
    model.add(TimeDistributed(Dense(1)))
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.005), loss="mse")
    model.fit(X, y, epochs=150, verbose=0)
    yhat = model.predict(np.array([[[0.8], [0.84], [0.88]]]), verbose=0)
    np.testing.assert_allclose(yhat[0, :, 0], [0.92, 0.96], atol=0.1)


def test_cnn_lstm():
    X, y = split_sequence(np.arange(0, 1, 0.05), 4)
    X = X.reshape((X.shape[0], 2, 2, 1))
    model = Sequential()
    model.add(
        TimeDistributed(
            Conv1D(filters=16, kernel_size=1, activation="relu"), input_shape=(None, 2, 1)
        )
    )
    model.add(TimeDistributed(MaxPooling1D(pool_size=2)))
    model.add(TimeDistributed(Flatten()))
    model.add(LSTM(20, activation="relu"))
    model.add(Dense(1))
    model.compile(optimizer=keras.optimizers.Adam(0.005), loss="mse")
    model.fit(X, y, epochs=150, verbose=0)
    assert model.evaluate(X, y, verbose=0) < 0.005


def test_airline_passengers_like_series():
    t = np.arange(72)
    dataset = (100 + 2 * t + 20 * np.sin(t * 2 * np.pi / 12)).astype("float32").reshape(-1, 1)
    low, high = dataset.min(), dataset.max()
    dataset = (dataset - low) / (high - low)
    train_size = int(len(dataset) * 0.67)
    train, test = dataset[:train_size], dataset[train_size:]

    def create_dataset(dataset, look_back=1):
        dataX, dataY = [], []
        for i in range(len(dataset) - look_back - 1):
            dataX.append(dataset[i : (i + look_back), 0])
            dataY.append(dataset[i + look_back, 0])
        return np.array(dataX), np.array(dataY)

    trainX, trainY = create_dataset(train, 3)
    testX, testY = create_dataset(test, 3)
    trainX = np.reshape(trainX, (trainX.shape[0], 1, trainX.shape[1]))
    testX = np.reshape(testX, (testX.shape[0], 1, testX.shape[1]))
    model = Sequential()
    model.add(LSTM(8, input_shape=(1, 3)))
    model.add(Dense(1))
    model.compile(loss="mean_squared_error", optimizer="adam")
    model.fit(trainX, trainY, epochs=60, batch_size=1, verbose=0)
    testPredict = model.predict(testX) * (high - low) + low
    testScore = np.sqrt(np.mean((testPredict[:, 0] - (testY * (high - low) + low)) ** 2))
    assert testScore < 25


def test_stateful_lstm_with_reset_between_epochs():
    cos = np.cos(np.arange(101) * 0.25)
    X, y = cos[:100].reshape(100, 1, 1), cos[1:].reshape(100, 1)
    model = Sequential()
    model.add(keras.Input(batch_shape=(1, 1, 1)))
    model.add(LSTM(12, stateful=True))
    model.add(Dense(1))
    model.compile(loss="mse", optimizer=keras.optimizers.Adam(0.01))
    losses = []
    for _ in range(12):
        history = model.fit(X, y, epochs=1, batch_size=1, verbose=0, shuffle=False)
        losses.append(history.history["loss"][0])
        for layer in model.layers:
            if hasattr(layer, "reset_states"):
                layer.reset_states()
    assert losses[-1] < 0.1 * losses[0]
    first = model.predict(X[:10], batch_size=1, verbose=0)
    model.layers[0].reset_states()
    np.testing.assert_allclose(model.predict(X[:10], batch_size=1, verbose=0), first, rtol=1e-5)


def test_stateful_stack_with_batch_input_shape():
    batch_size, look_back = 5, 4
    X = np.random.default_rng(0).normal(size=(20, look_back, 2))
    y = X.sum(axis=(1, 2))
    model = Sequential()
    model.add(
        LSTM(
            8,
            batch_input_shape=(batch_size, look_back, 2),
            stateful=True,
            return_sequences=True,
        )
    )
    model.add(LSTM(8, stateful=True))
    model.add(Dense(1))
    model.compile(loss="mse", optimizer="adam")
    for _ in range(3):
        model.fit(X, y, epochs=1, batch_size=batch_size, verbose=0, shuffle=False)
        model.reset_states()
    assert model.predict(X, batch_size=batch_size).shape == (20, 1)


def test_forecast_fed_with_its_own_predictions():
    series = np.sin(np.arange(120) * 2 * np.pi / 20).astype("float32")
    X, y = split_sequence(series[:100], 20)
    model = Sequential([keras.Input((20, 1)), LSTM(24), Dense(1)])
    model.compile(keras.optimizers.Adam(0.01), "mse")
    model.fit(X[:, :, None], y, epochs=60, batch_size=16, verbose=0)
    window, forecast = list(series[80:100]), []
    for _ in range(10):
        x_input = np.array(window[-20:]).reshape((1, 20, 1))
        yhat = model.predict(x_input, verbose=0)
        window.append(yhat[0, 0])
        forecast.append(yhat[0, 0])
    assert np.abs(np.array(forecast) - series[100:110]).max() < 0.35


def test_timeseries_generator():
    series = np.arange(10, dtype="float32").reshape((10, 1))
    n_input = 2
    generator = TimeseriesGenerator(series, series, length=n_input, batch_size=8)
    assert len(generator) == 1
    x, y = generator[0]
    assert x.shape == (8, 2, 1)
    np.testing.assert_array_equal(y[:2], [[2], [3]])
    model = Sequential()
    model.add(LSTM(30, activation="relu", input_shape=(n_input, 1)))
    model.add(Dense(1))
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    model.fit(generator, epochs=200, verbose=0)
    yhat = model.predict(np.array([[[8.0], [9.0]]]), verbose=0)
    assert yhat[0, 0] == pytest.approx(10, abs=1)


def test_weather_forecast_with_timeseries_dataset():
    rng = np.random.default_rng(1)
    features = np.cumsum(rng.normal(size=(300, 3)), axis=0) * 0.1
    targets = features[:, :1]
    past, future, step = 24, 3, 2
    sequence_length = int(past / step)
    x_train, y_train = features[: 200 - future], targets[past + future : 200 + past]
    dataset_train = timeseries_dataset_from_array(
        x_train, y_train, sequence_length=sequence_length, sampling_rate=step, batch_size=32
    )
    dataset_val = timeseries_dataset_from_array(
        features[200:280], targets[220:300], sequence_length=12, sampling_rate=2, batch_size=32
    )
    for batch in dataset_train:
        inputs, batch_targets = batch
        break
    assert inputs.shape[1:] == (12, 3)
    assert batch_targets.shape[1:] == (1,)
    inputs = keras.layers.Input(shape=(inputs.shape[1], inputs.shape[2]))
    lstm_out = keras.layers.LSTM(32)(inputs)
    outputs = keras.layers.Dense(1)(lstm_out)
    model = keras.Model(inputs=inputs, outputs=outputs)
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss="mse")
    history = model.fit(dataset_train, epochs=8, validation_data=dataset_val, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert len(history.history["val_loss"]) == 8
    for x, _y in dataset_val:
        assert model.predict(x, verbose=0).shape == (len(x), 1)


def test_residual_wrapper_predicts_the_change():
    class ResidualWrapper(keras.Model):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def call(self, inputs, *args, **kwargs):
            delta = self.model(inputs, *args, **kwargs)
            return inputs + delta

    residual_lstm = ResidualWrapper(
        keras.Sequential(
            [
                layers.LSTM(16, return_sequences=True),
                layers.Dense(2, kernel_initializer=keras.initializers.Zeros()),
            ]
        )
    )
    x = np.random.default_rng(2).normal(size=(16, 6, 2)).astype("float32")
    residual_lstm.compile(loss=keras.losses.MeanSquaredError(), optimizer="adam")
    np.testing.assert_allclose(residual_lstm.predict(x, verbose=0), x)
    history = residual_lstm.fit(x, 1.1 * x, epochs=15, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]


def test_feedback_model_unrolls_a_cell_of_layers():
    class FeedBack(keras.Model):
        def __init__(self, units, out_steps):
            super().__init__()
            self.out_steps = out_steps
            self.lstm = layers.LSTM(units, return_state=True)
            self.dense = layers.Dense(1)

        def call(self, inputs, training=None):
            x, *state = self.lstm(inputs)
            prediction = self.dense(x)
            predictions = [prediction]
            for _ in range(1, self.out_steps):
                x = keras.ops.expand_dims(prediction, axis=1)
                x, *state = self.lstm(x, initial_state=state, training=training)
                prediction = self.dense(x)
                predictions.append(prediction)
            return keras.ops.stack(predictions, axis=1)

    series = np.sin(np.arange(70) * 0.3)
    X = np.array([series[i : i + 8] for i in range(58)])[:, :, None]
    y = np.array([series[i + 8 : i + 12] for i in range(58)])[:, :, None]
    feedback_model = FeedBack(units=16, out_steps=4)
    feedback_model.compile(loss="mse", optimizer=keras.optimizers.Adam(0.01), metrics=["mae"])
    history = feedback_model.fit(X, y, epochs=30, verbose=0)
    assert feedback_model(X[:2]).shape == (2, 4, 1)
    assert history.history["loss"][-1] < 0.1 * history.history["loss"][0]


def test_repeated_baseline_and_lstm_are_compared():
    series = np.sin(np.arange(100) * 0.4)
    X, y = split_sequence(series, 6)
    X = X[..., None]
    split = 70
    naive = np.mean(np.abs(X[split:, -1, 0] - y[split:]))
    model = keras.Sequential(
        [
            keras.Input((None, 1)),
            layers.GRU(16, dropout=0.0, recurrent_dropout=0.0),
            layers.Dense(8, activation="relu"),
            layers.Dense(1),
        ]
    )
    model.compile("rmsprop", "mse", metrics=["mean_absolute_error"])
    model.fit(X[:split], y[:split], epochs=60, validation_data=(X[split:], y[split:]), verbose=0)
    _, mae = model.evaluate(X[split:], y[split:], verbose=0)
    assert mae < 0.5 * naive


def test_a_normalization_layer_takes_the_scale_of_the_training_data():
    time = np.arange(400)
    series = np.stack([20 + 10 * np.sin(time / 8), 1000 + 50 * np.cos(time / 8)], axis=-1)
    X, y = split_sequence(series, 12)
    y = y[:, :1]
    scale = layers.Normalization(axis=-1)
    scale.adapt(X[:300])
    unscale = layers.Normalization(invert=True)
    unscale.adapt(y[:300])
    model = Sequential([keras.Input((12, 2)), scale, LSTM(16), Dense(1), unscale])
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    model.fit(X[:300], y[:300], epochs=30, verbose=0)
    error = np.abs(model.predict(X[300:], verbose=0) - y[300:])
    assert error.mean() < 1
    np.testing.assert_allclose(scale.get_weights()[0], X[:300].mean((0, 1)), rtol=1e-6)

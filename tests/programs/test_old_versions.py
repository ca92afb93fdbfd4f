"""Programs in the style of versions 1 and 2 of Keras, which imported from many modules."""

import numpy as np
from lstm.engine.topology import Layer
from lstm.layers.convolutional import Conv1D, MaxPooling1D
from lstm.layers.core import Activation, Dense, Dropout
from lstm.layers.embeddings import Embedding
from lstm.layers.normalization import BatchNormalization
from lstm.layers.recurrent import LSTM, SimpleRNN
from lstm.optimizers.legacy import Adam

import lstm as keras
from lstm import backend as K  # noqa: N812
from lstm.callbacks import ModelCheckpoint
from lstm.layers.wrappers import Bidirectional, TimeDistributed
from lstm.models import Sequential
from lstm.preprocessing import sequence
from lstm.utils import np_utils


def test_characters_of_a_text(tmp_path):
    keras.utils.set_random_seed(0)
    raw_text = "down and down, " * 16
    chars = sorted(list(set(raw_text)))
    char_to_int = dict((c, i) for i, c in enumerate(chars))
    n_chars, n_vocab, seq_length = len(raw_text), len(chars), 10
    dataX, dataY = [], []
    for i in range(0, n_chars - seq_length, 1):
        dataX.append([char_to_int[char] for char in raw_text[i : i + seq_length]])
        dataY.append(char_to_int[raw_text[i + seq_length]])
    X = np.reshape(dataX, (len(dataX), seq_length, 1)) / float(n_vocab)
    y = np_utils.to_categorical(dataY)
    model = Sequential()
    model.add(LSTM(32, input_shape=(X.shape[1], X.shape[2]), return_sequences=True))
    model.add(Dropout(0.1))
    model.add(LSTM(32))
    model.add(Dense(y.shape[1]))
    model.add(Activation("softmax"))
    model.compile(loss="categorical_crossentropy", optimizer=Adam(lr=0.02))
    checkpoint = ModelCheckpoint(
        str(tmp_path / "weights-{epoch:02d}-{loss:.4f}.safetensors"),
        monitor="loss",
        verbose=0,
        save_best_only=True,
        mode="min",
    )
    history = model.fit(X, y, epochs=15, batch_size=32, callbacks=[checkpoint], verbose=0)
    assert history.history["loss"][-1] < 0.7 * history.history["loss"][0]
    assert list(tmp_path.iterdir())


def test_reviews_with_a_convolution():
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    top_words, max_review_length = 50, 24
    X_train = [rng.integers(1, top_words, n).tolist() for n in rng.integers(8, 24, 96)]
    y_train = np.array([int(7 in review) for review in X_train])
    X_train = sequence.pad_sequences(X_train, maxlen=max_review_length)
    model = Sequential()
    model.add(Embedding(top_words, 8, input_length=max_review_length))
    model.add(Conv1D(filters=8, kernel_size=3, padding="same", activation="relu"))
    model.add(MaxPooling1D(pool_size=2))
    model.add(BatchNormalization())
    model.add(Bidirectional(SimpleRNN(8, return_sequences=True)))
    model.add(TimeDistributed(Dense(4)))
    model.add(LSTM(8))
    model.add(Dense(1, activation="sigmoid"))
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(X_train, y_train, epochs=2, batch_size=32, verbose=0)
    scores = model.evaluate(X_train, y_train, verbose=0)
    assert len(scores) == 2


class Scaled(Layer):
    """A layer as version 2 documented it."""

    def build(self, input_shape):
        self.scale = self.add_weight(
            name="scale", shape=(int(input_shape[-1]),), initializer="ones", trainable=True
        )
        super().build(input_shape)

    def call(self, x):
        return x * self.scale

    def compute_output_shape(self, input_shape):
        return input_shape


def test_a_layer_of_ones_own():
    model = Sequential([keras.Input((6, 3)), Scaled(), LSTM(4), Dense(1)])
    model.compile("rmsprop", "mae")
    assert model.predict(np.ones((2, 6, 3)), verbose=0).shape == (2, 1)
    assert len(model.get_weights()) == 6


def test_a_table_with_its_size_in_the_first_layer():
    keras.utils.set_random_seed(7)
    rng = np.random.default_rng(7)
    X = rng.normal(size=(60, 8))
    Y = (X[:, 0] > 0).astype(int)
    model = Sequential()
    model.add(Dense(12, input_dim=8, activation="relu"))
    model.add(Dense(1, activation="sigmoid"))
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(X, Y, epochs=3, batch_size=10, verbose=0)
    _, accuracy = model.evaluate(X, Y, verbose=0)
    assert 0 <= accuracy <= 1


def test_a_recurrent_layer_with_its_size_and_length():
    keras.utils.set_random_seed(7)
    model = Sequential()
    model.add(LSTM(3, input_dim=2, input_length=4))
    model.add(Dense(1))
    model.compile(loss="mean_squared_error", optimizer="rmsprop")
    model.fit(np.ones((6, 4, 2)), np.ones(6), epochs=1, verbose=0)
    assert model.input_shape == (None, 4, 2)


def rmse(y_true, y_pred):
    return K.sqrt(K.mean(K.square(y_pred - y_true), axis=-1) + K.epsilon())


def test_a_loss_of_the_backend():
    K.clear_session()
    x, y = np.random.default_rng(0).normal(size=(8, 5, 2)), np.ones((8, 1))
    model = Sequential([LSTM(4, input_shape=(5, 2)), Dense(1)])
    model.compile(loss=rmse, optimizer="adam")
    expected = np.sqrt((model.predict(x) - y) ** 2 + 1e-7).mean()
    assert np.isclose(model.evaluate(x, y, verbose=0), expected, rtol=1e-5)

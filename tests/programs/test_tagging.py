"""Programs that predict something for each step."""

import numpy as np
import pytest

import lstm as keras
from lstm.layers import (
    LSTM,
    BatchNormalization,
    Bidirectional,
    Dense,
    Embedding,
    Input,
    InputLayer,
    Masking,
    SpatialDropout1D,
    TimeDistributed,
)
from lstm.models import Model, Sequential
from lstm.preprocessing.sequence import pad_sequences

SENTENCES = [["the", "dog", "runs"], ["a", "cat", "sees", "the", "dog"], ["the", "cat", "runs"]]
TAGS = [["D", "N", "V"], ["D", "N", "V", "D", "N"], ["D", "N", "V"]]


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(2)


def test_parts_of_speech():
    words = sorted({w for s in SENTENCES for w in s})
    tags = sorted({t for s in TAGS for t in s})
    word2index = {"-PAD-": 0, "-OOV-": 1, **{w: i + 2 for i, w in enumerate(words)}}
    tag2index = {"-PAD-": 0, **{t: i + 1 for i, t in enumerate(tags)}}
    X = pad_sequences([[word2index[w] for w in s] for s in SENTENCES], maxlen=6, padding="post")
    y = pad_sequences([[tag2index[t] for t in s] for s in TAGS], maxlen=6, padding="post")
    model = Sequential()
    model.add(InputLayer(shape=(6,)))
    model.add(Embedding(len(word2index), 16))
    model.add(Bidirectional(LSTM(16, return_sequences=True)))
    model.add(TimeDistributed(Dense(len(tag2index))))
    model.add(keras.layers.Activation("softmax"))
    model.compile(
        loss="categorical_crossentropy", optimizer=keras.optimizers.Adam(0.02), metrics=["accuracy"]
    )
    model.fit(X, keras.utils.to_categorical(y, len(tag2index)), epochs=60, verbose=0)
    predictions = model.predict(X)
    assert (predictions.argmax(axis=-1) == y).all()


def test_entities_with_masked_padding():
    rng = np.random.default_rng(0)
    lengths = rng.integers(2, 8, 40)
    X = np.array([[*rng.integers(1, 15, n), *[0] * (8 - n)] for n in lengths])
    y = np.where(X > 0, (X > 9).astype(int) + 1, 0)
    input_word = Input(shape=(8,))
    x = Embedding(input_dim=15, output_dim=12, mask_zero=True)(input_word)
    x = SpatialDropout1D(0.1)(x)
    x = Bidirectional(LSTM(units=12, return_sequences=True, recurrent_dropout=0.1))(x)
    out = TimeDistributed(Dense(3, activation="softmax"))(x)
    model = Model(input_word, out)
    model.compile(
        optimizer=keras.optimizers.Adam(0.02),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    history = model.fit(X, np.expand_dims(y, -1), batch_size=10, epochs=15, verbose=0)
    assert history.history["accuracy"][-1] > 0.9
    predicted = model.predict(X, verbose=0).argmax(axis=-1)
    assert (predicted[X > 0] == y[X > 0]).mean() > 0.95


def test_padded_numbers_with_masking():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, 7, 2))
    lengths = rng.integers(3, 8, 30)
    for i, n in enumerate(lengths):
        x[i, n:] = -10.0
    y = np.array([x[i, :n].sum() for i, n in enumerate(lengths)])
    model = Sequential()
    model.add(Masking(mask_value=-10.0, input_shape=(None, 2)))
    model.add(LSTM(24))
    model.add(Dense(1))
    model.compile(keras.optimizers.Adam(0.03), "mse")
    losses = model.fit(x, y, epochs=40, verbose=0).history["loss"]
    assert losses[-1] < 0.2 * losses[0]
    short = model.predict(x[:1, : lengths[0]], verbose=0)
    np.testing.assert_allclose(short, model.predict(x[:1], verbose=0), rtol=1e-4, atol=1e-5)


def test_weights_of_steps():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(32, 6, 3))
    y = (np.cumsum(x[:, :, :1], axis=1) > 0).astype("float32")
    sample_weight = np.ones((32, 6))
    sample_weight[:, :2] = 0.0
    model = Sequential(
        [Input((6, 3)), LSTM(16, return_sequences=True), Dense(1, activation="sigmoid")]
    )
    model.compile(keras.optimizers.Adam(0.03), "binary_crossentropy", weighted_metrics=["accuracy"])
    history = model.fit(x, y, sample_weight=sample_weight, epochs=25, verbose=0)
    assert history.history["accuracy"][-1] > 0.85


def test_batch_normalization_between_steps():
    rng = np.random.default_rng(4)
    x = rng.normal(3, 5, size=(64, 5, 2))
    y = x[:, :, :1] - x[:, :, 1:]
    model = Sequential()
    model.add(BatchNormalization(input_shape=(5, 2)))
    model.add(LSTM(16, return_sequences=True))
    model.add(BatchNormalization())
    model.add(TimeDistributed(Dense(1)))
    model.compile(optimizer=keras.optimizers.Adam(0.03), loss="mse")
    losses = model.fit(x, y, epochs=20, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < 0.3 * losses[0]
    assert len(model.non_trainable_weights) == 4


def test_mask_of_an_embedding_by_hand():
    embedding = keras.layers.Embedding(10, 4, mask_zero=True)
    padded = np.array([[3, 4, 0, 0], [5, 6, 7, 0]])
    masked_output = embedding(padded)
    lstm_layer = keras.layers.LSTM(3)
    whole = np.array(lstm_layer(masked_output, mask=padded != 0))
    np.testing.assert_allclose(whole[:1], np.array(lstm_layer(masked_output[:1, :2])), atol=1e-6)

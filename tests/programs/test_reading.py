"""Programs that read: labels of which nobody says at which steps they are."""

import numpy as np
import pytest

import lstm as keras
from lstm import layers, ops
from lstm.preprocessing.sequence import pad_sequences

ALPHABET = "abc"


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(3)


def written(text, rng):
    """A line: each letter is a stroke of some length, with gaps between."""
    strokes = {"a": (1, 0), "b": (0, 1), "c": (1, 1)}
    line = []
    for letter in text:
        line += [strokes[letter]] * rng.integers(2, 5) + [(0, 0)] * rng.integers(1, 3)
    return np.array(line) + rng.normal(0, 0.1, (len(line), 2))


def lines(count, rng):
    texts = ["".join(rng.choice(list(ALPHABET), rng.integers(1, 5))) for _ in range(count)]
    return [written(text, rng) for text in texts], texts


def test_lines_of_writing():
    char_to_num = {letter: k + 1 for k, letter in enumerate(ALPHABET)}  # 0 is the blank
    num_to_char = {k: letter for letter, k in char_to_num.items()}
    rng = np.random.default_rng(0)
    x, texts = lines(150, rng)
    y = pad_sequences([[char_to_num[letter] for letter in text] for text in texts], padding="post")

    inputs = keras.Input((None, 2), name="line")
    h = layers.Bidirectional(layers.LSTM(12, return_sequences=True))(inputs)
    outputs = layers.Dense(len(ALPHABET) + 1, name="logits")(h)
    model = keras.Model(inputs, outputs)
    model.compile(optimizer=keras.optimizers.Adam(0.03), loss=keras.losses.CTC())
    history = model.fit(x, y, batch_size=25, epochs=15, verbose=0)
    assert history.history["loss"][-1] < 0.1 * history.history["loss"][0]

    x_test, texts_test = lines(30, rng)
    for strategy in ("greedy", "beam_search"):
        right = 0
        for line, text in zip(x_test, texts_test):
            logits = model.predict(line[None])
            decoded, _ = ops.ctc_decode(logits, [logits.shape[1]], strategy=strategy, beam_width=10)
            labels = [int(label) for label in decoded[0][0] if label != -1]
            right += "".join(num_to_char[label] for label in labels) == text
        assert right >= 28


def test_padded_lines_with_masking():
    rng = np.random.default_rng(1)
    x, texts = lines(120, rng)
    lengths = [len(line) for line in x]
    x = pad_sequences(x, padding="post", dtype="float32", value=-1.0)
    y = pad_sequences([[ALPHABET.index(c) + 1 for c in text] for text in texts], padding="post")
    model = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            layers.Masking(mask_value=-1.0),
            layers.GRU(24, return_sequences=True),
            layers.Dense(4),
        ]
    )
    model.compile("adam", "ctc")
    model.optimizer.learning_rate = 0.03
    model.fit(x, y, epochs=20, batch_size=20, verbose=0)
    decoded, scores = ops.ctc_decode(model.predict(x), lengths)
    assert decoded.shape == (1, 120, x.shape[1])
    assert scores.shape == (120, 1)
    read = ["".join(ALPHABET[label - 1] for label in row if label > 0) for row in decoded[0]]
    assert np.mean([a == b for a, b in zip(read, texts)]) > 0.9


def test_the_loss_as_an_output():
    """Labels and lengths are inputs, and the model for reading is a part of the one that trains."""
    rng = np.random.default_rng(2)
    x, texts = lines(120, rng)
    input_length = np.array([[len(line)] for line in x])
    label_length = np.array([[len(text)] for text in texts])
    x = pad_sequences(x, padding="post", dtype="float32")
    y = pad_sequences([[ALPHABET.index(c) + 1 for c in text] for text in texts], padding="post")

    input_data = keras.Input(name="the_input", shape=x.shape[1:])
    inner = layers.Bidirectional(layers.GRU(16, return_sequences=True))(input_data)
    y_pred = layers.Dense(4, name="logits")(inner)
    labels = keras.Input(name="the_labels", shape=y.shape[1:])
    length_of_input = keras.Input(name="input_length", shape=(1,))
    length_of_label = keras.Input(name="label_length", shape=(1,))

    def ctc_lambda_func(args):
        y_pred, labels, input_length, label_length = args
        return ops.expand_dims(ops.ctc_loss(labels, y_pred, label_length, input_length), -1)

    loss_out = layers.Lambda(ctc_lambda_func, output_shape=(1,), name="ctc")(
        [y_pred, labels, length_of_input, length_of_label]
    )
    model = keras.Model([input_data, labels, length_of_input, length_of_label], loss_out)
    model.compile(
        loss={"ctc": lambda y_true, y_pred: y_pred}, optimizer=keras.optimizers.Adam(0.03)
    )
    inputs = {
        "the_input": x,
        "the_labels": y,
        "input_length": input_length,
        "label_length": label_length,
    }
    losses = model.fit(inputs, {"ctc": np.zeros(len(x))}, epochs=15, batch_size=20, verbose=0)
    assert losses.history["loss"][-1] < 0.3 * losses.history["loss"][0]
    reader = keras.Model(input_data, y_pred)
    decoded, _ = ops.ctc_decode(reader.predict(x), input_length[:, 0])
    read = ["".join(ALPHABET[label - 1] for label in row if label > 0) for row in decoded[0]]
    assert np.mean([a == b for a, b in zip(read, texts)]) > 0.8

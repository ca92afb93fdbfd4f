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

"""Programs written for Keras, or for the class LSTMNetwork, run with only their imports changed.

Each makes the calls of a published one in the same order and with the same arguments, on less data.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import lstm
from lstm import LSTMNetwork
from lstm.layers import LSTM, Conv1D, Dense, Embedding, Input, Lambda, Layer
from lstm.models import Model, Sequential
from lstm.text import Tokenizer, pad_sequences, to_categorical


@pytest.fixture(autouse=True)
def _reproducible() -> None:
    lstm.set_seed(1)
    np.random.seed(1)


class TestTextGeneration:
    """Embedding, two LSTMs, softmax; words found by looking through the index."""

    RHYME = "one fish two fish red fish blue fish black fish old fish new fish " * 8

    def program(self, max_sequence_length: int, input_length: int, seed_text: str) -> str:
        tokenizer = Tokenizer()
        tokenizer.fit_on_texts([self.RHYME])
        vocab_size = len(tokenizer.word_index) + 1
        tokens = tokenizer.texts_to_sequences([self.RHYME])[0]
        sequences = pad_sequences(
            [tokens[max(0, n - max_sequence_length) : n] for n in range(2, len(tokens) + 1)],
            maxlen=max_sequence_length,
            padding="pre",
        )
        x, y = sequences[:, :-1], to_categorical(sequences[:, -1], num_classes=vocab_size)

        model = Sequential()
        model.add(Embedding(input_dim=vocab_size, output_dim=8, input_length=input_length))
        model.add(LSTM(units=24, return_sequences=True))
        model.add(LSTM(units=24))
        model.add(Dense(units=vocab_size, activation="softmax"))
        model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(x, y, epochs=120, batch_size=8, verbose=0)
        assert history.history["accuracy"][-1] > 0.9

        for _ in range(6):
            token_list = tokenizer.texts_to_sequences([seed_text])[0]
            token_list = pad_sequences([token_list], maxlen=max_sequence_length - 1, padding="pre")
            predicted = model.predict_classes(token_list, verbose=0)
            output_word = ""
            for word, index in tokenizer.word_index.items():
                if index == predicted:
                    output_word = word
                    break
            seed_text += " " + output_word
        return seed_text

    EXPECTED = "two fish red fish blue fish black fish old"

    def test_goes_on_with_the_text(self) -> None:
        assert self.program(4, 3, "two fish red") == self.EXPECTED

    def test_reads_sequences_shorter_than_the_declared_length(self) -> None:
        assert self.program(4, 4, "two fish red") == self.EXPECTED


def generator(batchsize: int, seqlen: int) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Sums of binary digits, each batch going on with the carry of the one before."""
    carry = np.zeros(batchsize)
    while True:
        a = np.random.randint(2, size=(batchsize, seqlen, 2))
        res = np.zeros((batchsize, seqlen))
        for t in range(0, seqlen):
            total = a[:, t, 0] + a[:, t, 1] + carry
            res[:, t] = total % 2
            carry = total // 2
        yield (a, res)


class SqueezeLayer(Layer):
    def call(self, inputs: Any) -> Any:
        return lstm.ops.squeeze(inputs, axis=-1)


class CustomModel(Model):
    def __init__(self) -> None:
        super(CustomModel, self).__init__()  # noqa: UP008
        self.conv1 = Conv1D(8, 1, activation="relu")
        self.conv2 = Conv1D(4, 1, activation="relu")
        self.lstm = LSTM(4, activation=None, return_sequences=True)
        self.dense = Dense(1, activation="sigmoid")
        self.squeeze = SqueezeLayer()

    def call(self, inputs: Any) -> Any:
        x = self.conv1(inputs)
        x = self.conv2(x)
        x = self.lstm(x)
        x = self.dense(x)
        return self.squeeze(x)


def gen_model() -> Model:
    xa = Input(shape=(None, 2))
    model = CustomModel()
    out = model(xa)
    return Model(inputs=xa, outputs=out)


class TestAddition:
    """A notebook: a subclassed model with a custom layer, wrapped, fed by a generator."""

    def test_learns_the_carry(self, capsys: pytest.CaptureFixture[str]) -> None:
        a, res = next(generator(1, 2))
        assert a.shape == (1, 2, 2)

        mymodel = gen_model()
        mymodel.summary()
        assert "209 parameters" in capsys.readouterr().out

        mymodel.compile(optimizer="adam", loss="mse")
        history = mymodel.fit(generator(100, 10), steps_per_epoch=100, epochs=12)
        shown = capsys.readouterr().out
        assert "Epoch 12/12" in shown
        assert shown.count("loss") == 12
        assert history.history["loss"][0] > 0.2
        assert history.history["loss"][-1] < 0.1

        example, res = next(generator(1, 10))
        predicted = np.array([int(np.rint(x)) for x in mymodel.predict(example)[0]])
        assert predicted.shape == res[0].shape
        assert set(predicted) <= {0, 1}

        # A network without a memory cannot know the first carry. Two equal digits end its doubt.
        batches = generator(500, 10)
        next(batches)
        a, res = next(batches)
        known = np.cumsum(a[:, :-1, 0] == a[:, :-1, 1], axis=1) > 0
        wrong = (np.rint(mymodel.predict(a)) != res)[:, 1:]
        assert wrong[known].mean() < 0.05

    def test_everything_that_the_notebook_imports_is_there(self) -> None:
        x = Input(shape=(None, 1))
        assert Lambda(lambda y: lstm.ops.squeeze(y, axis=-1))(x).shape == (None, None)


class TestNetwork:
    """The two programs for LSTMNetwork."""

    def test_next_number_of_a_progression(self, capsys: pytest.CaptureFixture[str]) -> None:
        max_num, sequence_len = 10, 6
        network = LSTMNetwork(1, 32, max_num, apply_softmax=True, loss="cross_entropy")

        def one_hot_encode(x: int) -> NDArray[Any]:
            s = np.zeros(max_num)
            s[x] = 1
            return s.reshape(-1, 1)

        def generate_sequence(start: int, seq_len: int) -> list[int]:
            seq = [start]
            for _ in range(seq_len):
                seq += [(seq[-1] * 3) % max_num]
            return seq

        sequences = [generate_sequence(i, sequence_len) for i in range(max_num)] * 3
        x_train = np.array([[x / max_num for x in seq[:-1]] for seq in sequences])
        y_train = np.array([[one_hot_encode(x) for x in seq[1:]] for seq in sequences])

        def periodic_test() -> None:
            start = np.random.randint(0, max_num)
            seq = np.array(generate_sequence(start, np.random.randint(1, sequence_len * 2)))
            x_test = [x / max_num for x in seq[:-1]]
            y_test = [one_hot_encode(x) for x in seq[1:]]
            y_pred = network.predict(x_test)
            values = np.array([0] + [np.argmax(y) for y in y_pred])
            print("Validation loss", network.loss_function(y_pred, y_test))
            print("right" if values[-1] == seq[-1] else "wrong")

        network.train(
            x_train,
            y_train,
            epochs=150,
            learning_rate=0.01,
            decay_rate=0.00001,
            periodic_callback=periodic_test,
        )
        lines = capsys.readouterr().out.splitlines()
        assert [line for line in lines if line in ("right", "wrong")][-3:] == ["right"] * 3
        losses = [float(line.split()[-1]) for line in lines if line.startswith("Validation")]
        assert len(losses) == 16
        assert losses[-1] < 0.5 * losses[0]
        assert lines[-3].startswith("Epoch 150, Loss: ")

    def test_simple_language_model(self, capsys: pytest.CaptureFixture[str]) -> None:
        text = "Hello hello yellow fellow.\n" * 12
        chars = sorted(list(set(text)))
        char_to_idx = {ch: i for i, ch in enumerate(chars)}
        idx_to_char = {i: ch for i, ch in enumerate(chars)}
        network = LSTMNetwork(1, 16, len(chars), apply_softmax=True, loss="cross_entropy")
        sequence_length = 20

        x, y = [], []
        for i in range(0, len(text) - sequence_length, 1):
            x.append([char_to_idx[char] for char in text[i : i + sequence_length]])
            y.append([char_to_idx[char] for char in text[i + 1 : i + sequence_length + 1]])
        inputs = np.array(x) / len(chars)
        targets = np.eye(len(chars))[np.array(y)]

        def generate_text(seed_text: str, length: int) -> str:
            generated = f"{seed_text}"
            for _ in range(length):
                x = np.array([char_to_idx[c] for c in generated[-sequence_length:]])
                x = x / len(chars)
                # One number, the last probability of the first step: its argmax is always 0.
                y_pred = network.predict(x)[0][-1]
                next_char = idx_to_char[np.argmax(y_pred)]
                if next_char == "\n" and generated[-1] == "\n":
                    break
                generated += next_char
            return f"[{generated}]"

        def periodic_test() -> None:
            print("Generated text:", generate_text("Hello", 10))

        network.train(inputs, targets, 10, 0.01, periodic_callback=periodic_test)
        lines = capsys.readouterr().out.split("Generated text: ")
        assert lines[1].startswith("[Hello\n]")
        losses = [float(line.split(",")[1].split()[1]) for line in lines[1].splitlines()[2:]]
        assert len(losses) == 10
        assert losses[-1] < losses[0]

        # What the program means: the output after the last character says what comes next.
        network.train(inputs, targets, 30, 0.01, verbose=0)
        p = network.predict(np.array([char_to_idx[c] for c in "Hello hello yell"]) / len(chars))
        assert idx_to_char[int(np.argmax(p[-1]))] == "o"

"""Programs that write texts, one token after another."""

import numpy as np
import pytest

import lstm as keras
from lstm.layers import LSTM, Dense, Dropout, Embedding
from lstm.models import Sequential
from lstm.preprocessing.sequence import pad_sequences
from lstm.preprocessing.text import Tokenizer
from lstm.utils import to_categorical

TEXT = "the cat sat on the mat. the dog sat on the log. " * 4


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(0)


def test_characters_with_a_temperature():
    text = TEXT.lower()
    chars = sorted(set(text))
    char_indices = {c: i for i, c in enumerate(chars)}
    indices_char = dict(enumerate(chars))
    maxlen, step = 8, 1
    sentences, next_chars = [], []
    for i in range(0, len(text) - maxlen, step):
        sentences.append(text[i : i + maxlen])
        next_chars.append(text[i + maxlen])
    x = np.zeros((len(sentences), maxlen, len(chars)), dtype="bool")
    y = np.zeros((len(sentences), len(chars)), dtype="bool")
    for i, sentence in enumerate(sentences):
        for t, char in enumerate(sentence):
            x[i, t, char_indices[char]] = 1
        y[i, char_indices[next_chars[i]]] = 1
    model = keras.Sequential(
        [
            keras.Input(shape=(maxlen, len(chars))),
            keras.layers.LSTM(32),
            keras.layers.Dense(len(chars), activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.RMSprop(learning_rate=0.01)
    model.compile(loss="categorical_crossentropy", optimizer=optimizer)
    model.fit(x, y, batch_size=16, epochs=20, verbose=0)

    def sample(preds, temperature=1.0):
        preds = np.asarray(preds).astype("float64")
        preds = np.log(preds) / temperature
        exp_preds = np.exp(preds)
        preds = exp_preds / np.sum(exp_preds)
        probas = np.random.default_rng(0).multinomial(1, preds, 1)
        return np.argmax(probas)

    sentence, generated = text[:maxlen], ""
    for _ in range(11):
        x_pred = np.zeros((1, maxlen, len(chars)))
        for t, char in enumerate(sentence):
            x_pred[0, t, char_indices[char]] = 1.0
        preds = model.predict(x_pred, verbose=0)[0]
        next_char = indices_char[sample(preds, 0.2)]
        sentence = sentence[1:] + next_char
        generated += next_char
    assert generated == text[maxlen : maxlen + 11]


def test_next_word_of_poems():
    corpus = ["the cat sat on the mat", "the dog sat on the log", "a bird sang in the tree"]
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(corpus)
    total_words = len(tokenizer.word_index) + 1
    input_sequences = []
    for line in corpus:
        token_list = tokenizer.texts_to_sequences([line])[0]
        for i in range(1, len(token_list)):
            input_sequences.append(token_list[: i + 1])
    max_sequence_len = max(len(x) for x in input_sequences)
    input_sequences = np.array(
        pad_sequences(input_sequences, maxlen=max_sequence_len, padding="pre")
    )
    predictors, label = input_sequences[:, :-1], input_sequences[:, -1]
    label = to_categorical(label, num_classes=total_words)
    model = Sequential()
    model.add(Embedding(total_words, 10, input_length=max_sequence_len - 1))
    model.add(LSTM(32))
    model.add(Dropout(0.1))
    model.add(Dense(total_words, activation="softmax"))
    model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.Adam(0.02))
    model.fit(predictors, label, epochs=80, verbose=0)
    seed_text = "a bird"
    for _ in range(4):
        token_list = tokenizer.texts_to_sequences([seed_text])[0]
        token_list = pad_sequences([token_list], maxlen=max_sequence_len - 1, padding="pre")
        predicted = np.argmax(model.predict(token_list, verbose=0), axis=-1)
        output_word = ""
        for word, index in tokenizer.word_index.items():
            if index == predicted:
                output_word = word
                break
        seed_text += " " + output_word
    assert seed_text == "a bird sang in the tree"


def test_stateful_writer_with_the_weights_of_a_batched_reader():
    chars = sorted(set(TEXT))
    ids = np.array([chars.index(c) for c in TEXT])
    X, y = ids[:-1].reshape(1, -1)[:, :180], ids[1:].reshape(1, -1)[:, :180]
    X, y = X.reshape(12, 15), y.reshape(12, 15)

    def build_model(batch_size, stateful):
        return Sequential(
            [
                keras.Input(batch_shape=(batch_size, None)),
                Embedding(len(chars), 12),
                LSTM(32, return_sequences=True, stateful=stateful),
                Dense(len(chars)),
            ]
        )

    def loss(labels, logits):
        return keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)

    reader = build_model(4, stateful=False)
    reader.compile(optimizer=keras.optimizers.Adam(0.02), loss=loss)
    losses = reader.fit(X, y, batch_size=4, epochs=40, verbose=0).history["loss"]
    assert losses[-1] < 0.3 * losses[0]
    writer = build_model(1, stateful=True)
    writer.set_weights(reader.get_weights())
    input_eval, text_generated = np.array([[chars.index(c) for c in "the cat "]]), []
    for layer in writer.layers:
        if hasattr(layer, "reset_state"):
            layer.reset_state()
    for _ in range(14):
        predictions = writer(input_eval).numpy()[0, -1]
        predicted_id = int(predictions.argmax())
        input_eval = np.array([[predicted_id]])
        text_generated.append(chars[predicted_id])
    assert "".join(text_generated) == "sat on the mat"


def test_callback_that_writes_at_the_end_of_an_epoch():
    ids = np.tile(np.arange(5), 12)
    X = np.array([ids[i : i + 4] for i in range(50)])
    y = ids[4:54]

    class TextGenerator(keras.callbacks.Callback):
        def __init__(self, start_tokens, count):
            super().__init__()
            self.start_tokens, self.count, self.texts = start_tokens, count, []

        def on_epoch_end(self, epoch, logs=None):
            tokens = list(self.start_tokens)
            for _ in range(self.count):
                x = np.array([tokens[-4:]])
                y = self.model.predict(x, verbose=0)
                tokens.append(int(np.argmax(y[0])))
            self.texts.append(tokens)

    model = Sequential([keras.Input((4,), dtype="int32"), Embedding(5, 8), LSTM(16), Dense(5)])
    model.compile(
        keras.optimizers.Adam(0.05), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    writer = TextGenerator([0, 1, 2, 3], 6)
    model.fit(X, y, epochs=10, callbacks=[writer], verbose=0)
    assert len(writer.texts) == 10
    assert writer.texts[-1] == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]

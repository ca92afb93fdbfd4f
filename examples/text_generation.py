"""Text generation with an embedding, two LSTMs and a softmax: by words, then by characters.

The text is Python's own help, which every installation carries.
"""

import numpy as np

from lstm import Sequential
from lstm.data import offline_corpus
from lstm.layers import LSTM, Dense, Embedding
from lstm.text import Tokenizer, pad_sequences, to_categorical


def build(vocab_size, max_sequence_length, embedding_dim=64, units=128):
    model = Sequential()
    model.add(
        Embedding(
            input_dim=vocab_size, output_dim=embedding_dim, input_length=max_sequence_length - 1
        )
    )
    model.add(LSTM(units=units, return_sequences=True))
    model.add(LSTM(units=units))
    model.add(Dense(units=vocab_size, activation="softmax"))
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def examples(tokens, max_sequence_length, vocab_size):
    """Each token as the target of the tokens before it, padded in front if there are few."""
    sequences = [
        tokens[max(0, end - max_sequence_length) : end] for end in range(2, len(tokens) + 1)
    ]
    padded = pad_sequences(sequences, maxlen=max_sequence_length, padding="pre")
    return padded[:, :-1], to_categorical(padded[:, -1], num_classes=vocab_size)


def generate_text(model, tokenizer, seed_text, count, max_sequence_length, separator):
    for _ in range(count):
        token_list = tokenizer.texts_to_sequences([seed_text])[0]
        token_list = pad_sequences([token_list], maxlen=max_sequence_length - 1, padding="pre")
        predicted = model.predict_classes(token_list, verbose=0)
        seed_text += separator + tokenizer.index_word.get(int(predicted[0]), "")
    return seed_text


def run(text, seed_text, *, char_level, max_sequence_length, epochs, units=128):
    tokenizer = Tokenizer(char_level=char_level)
    tokenizer.fit_on_texts([text])
    vocab_size = len(tokenizer.word_index) + 1
    tokens = tokenizer.texts_to_sequences([text])[0]
    X, y = examples(tokens, max_sequence_length, vocab_size)
    model = build(vocab_size, max_sequence_length, units=units)
    model.summary()
    model.fit(X, y, epochs=epochs, batch_size=64)
    separator = "" if char_level else " "
    count = 100 if char_level else 20
    return generate_text(model, tokenizer, seed_text, count, max_sequence_length, separator)


if __name__ == "__main__":
    np.random.seed(0)
    text = offline_corpus()
    print(run(text[:20_000], "the", char_level=False, max_sequence_length=8, epochs=20))
    print(run(text[:10_000], "the ", char_level=True, max_sequence_length=20, epochs=20))

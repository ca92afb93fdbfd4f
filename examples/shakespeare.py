"""A simple language model of Shakespeare with LSTMNetwork, which reads characters as fractions.

Two things save memory and time. The targets are the characters' indices: as one-hot rows of all
windows they would fill 58 GB. And the windows are views of one array: nothing is copied.

Run it with your own text file, or without one on Shakespeare. For a better model, which reads
characters through an embedding, use `lstm train`.
"""

import sys
from pathlib import Path

import numpy as np

from lstm import LSTMNetwork
from lstm.data import next_step_windows, shakespeare
from lstm.text import CharVocabulary

LENGTH = 100


def train(text, epochs=10, hidden_size=128, learning_rate=0.01):
    vocabulary = CharVocabulary.from_text(text)
    network = LSTMNetwork(
        1, hidden_size, len(vocabulary), loss="cross_entropy", apply_softmax=True, batch_size=64
    )
    tokens = vocabulary.encode(text)
    X, Y = next_step_windows(tokens, LENGTH, stride=LENGTH)

    network.train(
        X / len(vocabulary),
        Y,
        epochs,
        learning_rate,
        periodic_callback=lambda: print(generate(network, vocabulary, "The ", 60)),
    )
    return network, vocabulary


def generate(network, vocabulary, seed_text, length, temperature=0.7):
    text = seed_text
    for _ in range(length):
        x = vocabulary.encode(text[-LENGTH:]) / len(vocabulary)
        # There is one output per character; the last one predicts the next character.
        p = network.predict(x)[-1].astype(float) ** (1 / temperature)
        text += vocabulary.decode([np.random.choice(len(p), p=p / p.sum())])
    return text


if __name__ == "__main__":
    text = Path(sys.argv[1]).read_text(encoding="utf-8") if len(sys.argv) > 1 else shakespeare()
    network, vocabulary = train(text)
    print(generate(network, vocabulary, "The ", 300))

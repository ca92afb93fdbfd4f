"""Learn the next number of a progression: each number is three times the previous one, modulo 50.

The network reads each number as a fraction and predicts a probability for each of the 50 numbers
that could come next. It is trained on sequences of 10 steps and tested on sequences of up to 19.
"""

import numpy as np

from lstm import LSTMNetwork
from lstm.data import progression

MODULUS = 50
LENGTH = 10


def fractions(numbers):
    return [number / MODULUS for number in numbers]


def one_hot(number):
    column = np.zeros((MODULUS, 1))
    column[number] = 1
    return column


def train(epochs=250, hidden_size=250):
    network = LSTMNetwork(1, hidden_size, MODULUS, loss="cross_entropy", apply_softmax=True)
    sequences = [progression(start, LENGTH + 1) for start in range(MODULUS)] * 3
    X = np.array([fractions(numbers[:-1]) for numbers in sequences])
    Y = np.array([[one_hot(number) for number in numbers[1:]] for numbers in sequences])

    def show():
        numbers = progression(np.random.randint(MODULUS), np.random.randint(2, 2 * LENGTH))
        Y_pred = network.predict(fractions(numbers[:-1]))
        Y_true = [one_hot(number) for number in numbers[1:]]
        print(
            f"{[int(n) for n in numbers[:-1]]} -> {Y_pred[-1].argmax()}, right: {numbers[-1]};",
            end=" ",
        )
        print(f"loss {network.loss_function(Y_pred, Y_true):.4f}")

    network.train(
        X, Y, epochs=epochs, learning_rate=0.01, decay_rate=0.00001, periodic_callback=show
    )
    return network


def wrong(network, longest=19):
    """The number of wrong last numbers, over all starts and lengths."""
    count = 0
    for start in range(MODULUS):
        numbers = progression(start, longest + 1)
        guesses = network.predict(fractions(numbers[:-1])).argmax(-1)
        count += int((guesses != numbers[1:]).sum())
    return count


if __name__ == "__main__":
    network = train()
    print(f"\n{wrong(network)} of {MODULUS * 19} next numbers are wrong.")

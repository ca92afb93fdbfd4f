"""Learn to add decimal numbers from examples: the network reads "535+61" and writes "596".

One LSTM reads the question, and its last output, repeated, tells a second one what to write: a
distribution over the characters at each place of the answer. Questions are read backwards, as one
adds: the digits that decide the last carry then come last.

Blanks fill questions and answers up to a fixed length. They are characters like any other, and are
not masked: the network has to know where a number ends.

What counts are sums that are right in every digit, of numbers that were never added in training, in
either order. Three quarters of single digits right can mean that no sum is.
"""

import numpy as np

import lstm as keras
from lstm import layers

CHARACTERS = "0123456789+ "
DIGITS = 3
QUESTION, ANSWER = 2 * DIGITS + 1, DIGITS + 1  # lengths


def pairs(count, seed=0):
    """Different pairs of numbers (count, 2) of 1 to 3 digits; none comes again in other order."""
    rng, found = np.random.default_rng(seed), {}
    while len(found) < count:
        a, b = rng.integers(10 ** rng.integers(1, DIGITS + 1, 2))
        found.setdefault((min(a, b), max(a, b)), (a, b))
    return np.array(list(found.values()))


def tokens(texts, length):
    """The places (N, length) of characters in CHARACTERS."""
    return np.array([[CHARACTERS.index(c) for c in text.ljust(length)] for text in texts])


def data(numbers):
    """Questions as one-hot rows (N, 7, 12), backwards, and answers as tokens (N, 4)."""
    questions = tokens([f"{a}+{b}" for a, b in numbers], QUESTION)[:, ::-1]
    answers = tokens(map(str, numbers.sum(axis=1)), ANSWER)
    return np.eye(len(CHARACTERS), dtype="float32")[questions], answers


def build(units=128, learning_rate=0.003):
    model = keras.Sequential(
        [
            layers.Input((QUESTION, len(CHARACTERS))),
            layers.LSTM(units),
            layers.RepeatVector(ANSWER),
            layers.LSTM(units, return_sequences=True),
            layers.TimeDistributed(layers.Dense(len(CHARACTERS), activation="softmax")),
        ]
    )
    optimizer = keras.optimizers.Adam(learning_rate, global_clipnorm=1.0)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def add(model, numbers):
    """What the model writes for each pair, such as "596"."""
    places = model.predict(data(numbers)[0], batch_size=512, verbose=0).argmax(axis=-1)
    return ["".join(CHARACTERS[k] for k in row).strip() for row in places]


def exact(model, numbers):
    """The share of the sums that are right in every digit."""
    answers = zip(add(model, numbers), numbers.sum(axis=1), strict=True)
    return np.mean([answer == str(total) for answer, total in answers])


def run(train=50_000, test=5000, epochs=15, units=128, batch_size=64, verbose="auto"):
    """Train, and return the share of sums of unseen pairs that are right."""
    keras.utils.set_random_seed(0)
    numbers, unseen = np.split(pairs(train + test), [train])
    # Small steps at the end: what is left by then are rare mistakes.
    steps = epochs * -(-train // batch_size)
    model = build(units, keras.optimizers.schedules.CosineDecay(0.003, steps))
    model.summary()

    def show(epoch, logs):
        if verbose:
            print(f"    {exact(model, unseen[:500]):.1%} of 500 unseen sums are right")

    callbacks = [keras.callbacks.LambdaCallback(on_epoch_end=show)]
    x, y = data(numbers)
    model.fit(x, y, batch_size=batch_size, epochs=epochs, callbacks=callbacks, verbose=verbose)
    for (a, b), answer in zip(unseen[:5], add(model, unseen[:5]), strict=True):
        print(f"{a} + {b} = {answer}", "" if answer == str(a + b) else f"({a + b})")
    return exact(model, unseen)


if __name__ == "__main__":
    print(f"{run():.2%} of the sums of unseen pairs are right in every digit.")

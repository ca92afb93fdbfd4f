"""Does a sentence praise or blame? Words that deny what others say, before or after them.

    although the plot was clever , nobody would call the ending gripping  ->  blame
    the music was not dull                                                ->  praise

Two LSTMs read each sentence, one from each end. Beside them, a model of the mean of the same word
vectors shows how far one gets without the order of the words.

A grammar writes the sentences. The test is on combinations that no sentence of the training has: if
"not dull" is withheld, "dull" and "not" are known from other places, but not what they mean
together.

Sentences are padded at their end with token 0. `mask_zero` leaves it out: the LSTM that reads from
the end begins with the last word, and the mean is that of the words.
"""

import numpy as np

import lstm as keras
from lstm import layers

GOOD = "clever gripping moving funny fresh superb charming subtle warm bold".split()
BAD = "dull clumsy flat silly tired awful shallow endless cold loud".split()
SUBJECTS = "plot acting music ending dialogue cast opening camera script humour".split()
FRAMES = {  # with 1 if the word means what it says, -1 if the opposite
    "the {} was {}": 1,
    "the {} was truly {}": 1,
    "i found the {} {}": 1,
    "the {} was nothing if not {}": 1,
    "nobody could say that the {} was not {}": 1,
    "the {} was not {}": -1,
    "the {} was anything but {}": -1,
    "nobody would call the {} {}": -1,
    "the {} was {} , or so they claim": -1,
    "the {} was supposed to be {}": -1,
    "i was told that the {} was {} , which is a lie": -1,
}
JOINTS = "{1}", "{0} , but {1}", "although {0} , {1}", "{1} , even though {0}"  # {1} decides


def combinations(seed=0):
    """Frames with words: the seen ones, and the withheld, two for each word, one of each sign."""
    rng = np.random.default_rng(seed)
    withheld = []
    for word in GOOD + BAD:
        for sign in 1, -1:
            frames = [frame for frame, meant in FRAMES.items() if meant == sign]
            withheld.append((frames[rng.integers(len(frames))], word))
    found = [(frame, word) for frame in FRAMES for word in GOOD + BAD]
    return [pair for pair in found if pair not in withheld], withheld


def clause(rng, allowed):
    frame, word = allowed[rng.integers(len(allowed))]
    text = frame.format(SUBJECTS[rng.integers(len(SUBJECTS))], word)
    return text, FRAMES[frame] * (1 if word in GOOD else -1)


def sentence(rng, allowed):
    """A text, and whether it praises."""
    text, sign = clause(rng, allowed)
    other, opposite = clause(rng, allowed)
    while opposite == sign:
        other, opposite = clause(rng, allowed)
    return JOINTS[rng.integers(len(JOINTS))].format(other, text), sign > 0


WORDS = sorted({*" ".join([*FRAMES, *JOINTS, *GOOD, *BAD, *SUBJECTS]).split()})
NUMBERS = {word: k for k, word in enumerate(WORDS, start=1)}  # 0 is padding


def tokens(texts):
    rows = [[NUMBERS[word] for word in text.split()] for text in texts]
    return keras.utils.pad_sequences(rows, padding="post")


def data(count, allowed, seed):
    """Texts, tokens (N, T), and 1 for praise and 0 for blame (N, 1)."""
    rng = np.random.default_rng(seed)
    texts, praises = zip(*(sentence(rng, allowed) for _ in range(count)), strict=True)
    return texts, tokens(texts), np.array(praises, "float32")[:, None]


def build(units=32, in_order=True):
    lstms = layers.Bidirectional(layers.LSTM(units))
    model = keras.Sequential(
        [
            layers.Input((None,)),
            layers.Embedding(len(WORDS) + 1, 32, mask_zero=True),
            lstms if in_order else layers.GlobalAveragePooling1D(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    optimizer = keras.optimizers.Adam(0.003, global_clipnorm=1.0)
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    return model


def run(train=4000, test=2000, epochs=8, units=32, verbose="auto"):
    """Train both models, and return which share of the new sentences each understands."""
    keras.utils.set_random_seed(0)
    seen, withheld = combinations()
    _, x, y = data(train, seen, seed=1)
    texts, x_test, y_test = data(test, withheld, seed=2)
    found = []
    for in_order in False, True:
        model = build(units, in_order)
        model.summary()
        model.fit(x, y, batch_size=32, epochs=epochs, validation_split=0.1, verbose=verbose)
        found.append(model.evaluate(x_test, y_test, batch_size=256, verbose=0)[1])
    for text, p in zip(texts[:5], model.predict(x_test[:5], verbose=0)[:, 0], strict=True):
        print(f"{'praise' if p > 0.5 else 'blame'} ({max(p, 1 - p):.1%}): {text}")
    return found


if __name__ == "__main__":
    averages, in_order = run()
    print("Of sentences with combinations that were never trained:")
    print(f"{averages:.1%} right by the mean of the words, {in_order:.1%} by reading both ways.")

"""Read lines of digits that nobody has cut into digits: connectionist temporal classification.

A line is an image, read column by column. Digits differ in width, and so do the gaps between them,
and the target is only the text: nobody says which columns show which digit. At each column the
model gives a score to every digit and to the *blank*, which says nothing. A text has many paths, as
"7", blank, "7", "7" is one of those for "77"; the loss is -log of the sum of their probabilities
(Graves et al. 2006). Equal digits need a blank between them, or they would count as one.

Lines differ in length, but paper does not: it goes on behind the last digit, where there is nothing
to read. So images need no padding and no mask. Texts are padded with class 0, the blank.
"""

import numpy as np

import lstm as keras
from lstm import layers, ops

FONT = """
### .#. ### ### #.# ### ### ### ### ###
#.# ##. ..# ..# #.# #.. #.. ..# #.# #.#
#.# .#. ### .## ### ### ### .#. ### ###
#.# .#. #.. ..# ..# ..# #.# .#. #.# ..#
### ### ### ### ..# ### ### .#. ### ###
"""
GLYPHS = np.array([list("".join(row.split())) for row in FONT.strip().splitlines()]) == "#"
GLYPHS = GLYPHS.reshape(5, 10, 3).transpose(1, 2, 0)  # digits, columns, rows
HEIGHT, LONGEST = 8, 8
WIDTH = LONGEST * 12  # 3 columns, each up to 3 wide, and a gap of up to 3


def image(digits, rng):
    """Columns (96, 8): digits of random width at a random height, with noise."""
    paper, at, top = np.zeros((WIDTH, HEIGHT), "float32"), 0, rng.integers(HEIGHT - 4)
    for digit in digits:
        drawn = np.repeat(GLYPHS[digit], rng.integers(1, 4, 3), axis=0)
        paper[at : at + len(drawn), top : top + 5] = drawn
        at += len(drawn) + rng.integers(1, 4)
    return paper + 0.1 * rng.normal(size=paper.shape)


def data(count, seed=0):
    """Images (N, 96, 8), and classes (N, 8): the digits plus one, then zeros."""
    rng = np.random.default_rng(seed)
    lines = [rng.integers(10, size=size) for size in rng.integers(1, LONGEST + 1, count)]
    images = np.array([image(digits, rng) for digits in lines], "float32")
    return images, keras.utils.pad_sequences([line + 1 for line in lines], LONGEST, padding="post")


def build(units=48, learning_rate=0.01):
    model = keras.Sequential(
        [
            layers.Input((WIDTH, HEIGHT)),
            layers.Bidirectional(layers.LSTM(units, return_sequences=True)),
            layers.Dense(11),  # of logits: the blank, and ten digits
        ]
    )
    optimizer = keras.optimizers.Adam(learning_rate, global_clipnorm=1.0)
    model.compile(optimizer, keras.losses.CTC())
    return model


def read(model, images):
    """The texts: the most probable class of each column, repetitions once, blanks left out."""
    scores = model.predict(images, batch_size=256, verbose=0)
    labels, _ = ops.ctc_decode(scores, np.full(len(images), WIDTH))
    return ["".join(str(k - 1) for k in row if k > 0) for row in np.asarray(labels)[0]]


def picture(columns):
    """An image (96, 8) in characters."""
    return "\n".join("".join(" .:#"[int(np.clip(4 * v, 0, 3))] for v in row) for row in columns.T)


def run(train=6000, test=1000, epochs=12, units=48, verbose="auto"):
    """Train, and return the share of new lines that are read without a mistake."""
    keras.utils.set_random_seed(0)
    steps = epochs * -(-train // 32)
    model = build(units, keras.optimizers.schedules.CosineDecay(0.01, steps))
    model.summary()
    model.fit(*data(train), batch_size=32, epochs=epochs, verbose=verbose)
    images, classes = data(test, seed=1)
    texts = ["".join(str(k - 1) for k in row if k) for row in classes]
    found = read(model, images)
    for k in range(3):
        print(f"{picture(images[k])}\n{texts[k]}, read as {found[k]}")
    return np.mean([text == said for text, said in zip(texts, found, strict=True)])


if __name__ == "__main__":
    print(f"{run():.1%} of the new lines are read without a mistake.")

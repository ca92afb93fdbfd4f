"""Translate number words from German into English, character by character.

    siebenhundertdreiundvierzig  ->  seven hundred and forty-three

An LSTM, the encoder, reads the German; its last state goes to a second one, the decoder, which
writes the English. German says the units before the tens, and joins all into one word.

In training the decoder reads the right answer, shifted by one (teacher forcing). To translate, it
reads what it has written itself. That takes two models, cut out of the trained one: the first turns
a text into states, the second goes one character further, from states to states.

Texts are padded at their end with token 0, which `mask_zero` leaves out everywhere: the encoder's
state is the one after the last real character, and padding counts neither in the loss nor in the
accuracy. An answer ends with a token of its own.
"""

import numpy as np

import lstm as keras
from lstm import layers

PAD, START, END = "\0\t\n"
ENGLISH_ONES = "one two three four five six seven eight nine ten eleven twelve".split()
ENGLISH_TEENS = "thir four fif six seven eigh nine".split()
ENGLISH_TENS = "twen thir for fif six seven eigh nine".split()
GERMAN_ONES = "ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf".split()
GERMAN_TEENS = "drei vier fünf sech sieb acht neun".split()
GERMAN_TENS = "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig".split()


def english(n):
    if n > 99:
        size, name = (1000, " thousand") if n > 999 else (100, " hundred")
        more = english(n % size) if n % size else ""
        joint = " and " if 0 < n % size < 100 else " " if more else ""
        return english(n // size) + name + joint + more
    if n > 19:
        return ENGLISH_TENS[n // 10 - 2] + "ty" + ("-" + english(n % 10) if n % 10 else "")
    return ENGLISH_ONES[n - 1] if n < 13 else ENGLISH_TEENS[n - 13] + "teen"


def german(n, last=True):
    """`last`: whether nothing follows, so that one is "eins" and not "ein"."""
    if n > 99:
        size, name = (1000, "tausend") if n > 999 else (100, "hundert")
        return german(n // size, last=False) + name + (german(n % size) if n % size else "")
    if n > 19:
        return (german(n % 10, last=False) + "und" if n % 10 else "") + GERMAN_TENS[n // 10 - 2]
    if n > 12:
        return GERMAN_TEENS[n - 13] + "zehn"
    return "eins" if n == 1 and last else GERMAN_ONES[n - 1]


ALPHABET = sorted(set("".join(english(n) + german(n) for n in range(1, 1000))) | set("thousand"))
CHARACTERS = PAD + START + END + "".join(ALPHABET)


def tokens(texts):
    """The numbers of the characters (N, T), padded at the end."""
    rows = [[CHARACTERS.index(c) for c in text] for text in texts]
    return keras.utils.pad_sequences(rows, padding="post")


def data(numbers):
    """What the encoder and the decoder read, and what the decoder is to write."""
    answers = [english(n) for n in numbers]
    source = tokens(german(n) for n in numbers)
    return [source, tokens(START + a for a in answers)], tokens(a + END for a in answers)


def build(units=128, learning_rate=0.006):
    source, written = keras.Input((None,), name="source"), keras.Input((None,), name="written")
    embed = layers.Embedding(len(CHARACTERS), 32, mask_zero=True, name="source_characters")
    _, h, c = layers.LSTM(units, return_state=True, name="encoder")(embed(source))
    embed = layers.Embedding(len(CHARACTERS), 32, mask_zero=True, name="characters")
    decode = layers.LSTM(units, return_sequences=True, return_state=True, name="decoder")
    y, _, _ = decode(embed(written), initial_state=[h, c])
    choose = layers.Dense(len(CHARACTERS), activation="softmax", name="choose")
    model = keras.Model([source, written], choose(y))
    optimizer = keras.optimizers.Adam(learning_rate, global_clipnorm=1.0)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def cut(model):
    """The encoder, and a decoder that goes on from states, with the weights of the model."""
    states = model.get_layer("encoder").output[1:]
    encoder = keras.Model(model.get_layer("source").output, states)
    written, before = keras.Input((None,)), [keras.Input(state.shape[1:]) for state in states]
    embedded = model.get_layer("characters")(written)
    y, *after = model.get_layer("decoder")(embedded, initial_state=before)
    return encoder, keras.Model([written, *before], [model.get_layer("choose")(y), *after])


def translate(model, texts, longest=60):
    """Write the most probable character again and again, for all texts at once."""
    encoder, decoder = cut(model)
    states = encoder.predict(tokens(texts), verbose=0)
    written = [np.full((len(texts), 1), CHARACTERS.index(START))]
    ended = np.zeros((len(texts), 1), bool)
    while not ended.all() and len(written) <= longest:
        p, *states = decoder.predict_on_batch([written[-1], *states])
        written.append(p.argmax(axis=-1))
        ended |= written[-1] == CHARACTERS.index(END)
    rows = np.hstack(written[1:])
    return ["".join(CHARACTERS[k] for k in row).split(END)[0] for row in rows]


def run(largest=9999, train=3000, test=1000, epochs=30, units=128, rate=0.006, verbose="auto"):
    """Train, and return the share of unseen numbers that are translated exactly."""
    keras.utils.set_random_seed(0)
    numbers = 1 + np.random.default_rng(0).permutation(largest)
    numbers, unseen = numbers[:train], numbers[train : train + test]
    steps = epochs * -(-train // 32)
    model = build(units, keras.optimizers.schedules.CosineDecay(rate, steps))
    model.summary()
    model.fit(*data(numbers), batch_size=32, epochs=epochs, verbose=verbose)
    answers = translate(model, [german(n) for n in unseen])
    for n, answer in list(zip(unseen, answers, strict=True))[:5]:
        print(f"{german(n)} -> {answer}", "" if answer == english(n) else f"({english(n)})")
    return np.mean([answer == english(n) for n, answer in zip(unseen, answers, strict=True)])


if __name__ == "__main__":
    print(f"{run():.1%} of the unseen numbers were translated without a mistake.")

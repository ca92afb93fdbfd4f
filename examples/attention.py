"""Attention written by hand: find a fact in a list, by what it is about.

    k4b7x2f9a0  b?  ->  7

An LSTM whose last state has to hold everything forgets most of a long list. With attention it looks
back: the question is compared with the state of each step, a softmax makes shares of the scores,
and the mean of the states with these shares answers (Luong et al. 2015, "general" scores). The
shares show where the model looks.

Lists differ in length and are padded at their end with token 0. `mask_zero` keeps padding out of
the LSTM. Attention by hand has to do that itself: padding gets the score -1e9, and so the share 0.
"""

import numpy as np

import lstm as keras
from lstm import layers, ops

CHARACTERS = "\0abcdefghijklmnopqrstuvwxyz0123456789"  # the first one is padding
LETTERS = 26


def data(count, facts=12, seed=0):
    """Lists of up to 12 facts (N, T), and questions (N, 1), as tokens; answers, the digits (N,)."""
    rng = np.random.default_rng(seed)
    lists, questions, answers = [], [], []
    for size in rng.integers(1, facts + 1, count):
        keys = 1 + rng.permutation(LETTERS)[:size]
        digits, asked = rng.integers(10, size=size), rng.integers(size)
        lists.append(np.stack([keys, 1 + LETTERS + digits], axis=1).ravel())
        questions.append([keys[asked]])
        answers.append(digits[asked])
    lists = keras.utils.pad_sequences(lists, padding="post")
    return [lists, np.array(questions)], np.array(answers)


class LookBack(layers.Layer):
    """The mean of states (B, T, D) by how well they suit a query (B, D), and the shares (B, T).

    `real` (B, T) says which steps are no padding.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.wanted = layers.Dense(units)

    def call(self, states, query, real):
        scores = ops.einsum("bd,btd->bt", self.wanted(query), states)
        shares = ops.softmax(ops.where(real, scores, -1e9), axis=-1)
        return ops.einsum("bt,btd->bd", shares, states), shares


def build(units=64, attention=True):
    facts, question = layers.Input((None,)), layers.Input((1,))
    embed = layers.Embedding(len(CHARACTERS), 32, mask_zero=True)
    query = layers.Flatten()(layers.Embedding(len(CHARACTERS), 32)(question))
    states = layers.LSTM(units, return_sequences=attention)(embed(facts))
    if attention:
        states, _ = LookBack(units, name="look_back")(states, query, ops.not_equal(facts, 0))
    y = layers.Dense(units, activation="relu")(layers.Concatenate()([states, query]))
    model = keras.Model([facts, question], layers.Dense(10, activation="softmax")(y))
    optimizer = keras.optimizers.Adam(0.005, global_clipnorm=1.0)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def run(train=20_000, test=2000, epochs=6, units=64, verbose="auto"):
    """Train without and with attention; return the shares of new questions answered right."""
    x, y = data(train)
    x_test, y_test = data(test, seed=1)
    found = []
    for attention in False, True:
        keras.utils.set_random_seed(0)
        model = build(units, attention)
        model.summary()
        model.fit(x, y, batch_size=32, epochs=epochs, verbose=verbose)
        found.append(model.evaluate(x_test, y_test, batch_size=256, verbose=0)[1])
    look = keras.Model(model.input, model.get_layer("look_back").output[1])
    shares = look.predict([part[:5] for part in x_test], verbose=0)
    for facts, question, share in zip(*x_test, shares, strict=False):
        text = "".join(CHARACTERS[k] for k in facts if k)
        print(f"{text}  {CHARACTERS[question[0]]}?")
        print(f"{' ' * share.argmax()}^ {share.max():.0%} of the attention")
    return found


if __name__ == "__main__":
    without, with_attention = run()
    print(f"New questions right without attention: {without:.1%}, with it: {with_attention:.1%}")

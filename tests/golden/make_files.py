"""Writes one file of every kind to a folder.

files/ was written once, by the version whose files are to stay readable, and is never written
again: whoever changes what files look like adds a folder beside it, from anywhere, by

    python tests/golden/make_files.py FOLDER

and lets tests/test_old_files.py read both. expected.safetensors holds inputs, and what the models
computed of them before they were saved: the reference backend in float64, on models that were built
anew and took the weights.
"""

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

import lstm
from lstm import backends, layers
from lstm.layers import LSTM, Dense, Embedding, Input
from lstm.optimizers import SGD, AdamW
from lstm.text import BPEVocabulary, ByteVocabulary, CharVocabulary, WordVocabulary

N, T, D, V = 3, 6, 2, 7
TEXT = "the red apple is sweet, the green melon is sour.\n" * 12

expected: dict[str, np.ndarray] = {}


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def numbers(*shape: int) -> np.ndarray:
    return rng().normal(size=shape)


def tokens() -> np.ndarray:
    return rng().integers(0, V, (N, T))


# ---- models


def chain() -> lstm.Model:
    """A classifier of words, with padding, dropout and two LSTMs."""
    model = lstm.Sequential(
        [
            Input((None,)),
            Embedding(V, 4, mask_zero=True, dropout=0.2),
            LSTM(5, return_sequences=True, dropout=0.1, recurrent_dropout=0.3),
            LSTM(3, recurrent_activation="hard_sigmoid"),
            Dense(4, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    return model


def graph() -> lstm.Model:
    """Two named inputs, a shared LSTM, states from outside, two outputs."""
    a, b = Input((None, D), name="left"), Input((None, D), name="right")
    cell, dense = LSTM(3, return_state=True, name="zelle"), Dense(2, name="äußere")
    (y, *state), (z, *_) = cell(a), cell(b)
    convolved = layers.Conv1D(2, 3, padding="causal", dilation_rate=2)(b)
    w = LSTM(3, return_sequences=True)(convolved, initial_state=state)
    return lstm.Model([a, b], [dense(y) + dense(z), w[:, -1]], name="two")


def everything() -> lstm.Model:
    """Every other layer that a file may hold, trained with momentum on a part of its weights."""
    x = Input((T, D))
    both = layers.Bidirectional(layers.GRU(2, return_sequences=True), merge_mode="sum")(x)
    frozen = layers.SimpleRNN(2, return_sequences=True, trainable=False)(x)
    steps = layers.TimeDistributed(LSTM(2))(layers.ExpandDims(-1)(x))
    merged = [
        layers.Average()([both, frozen]),
        layers.Multiply()([both, steps]),
        layers.Flip()(layers.Activation("tanh")(layers.SpatialDropout1D(0.5)(frozen))),
        layers.Permute((1, 2))(layers.Dropout(0.5)(steps)),
    ]
    joined = layers.Concatenate()(merged)
    repeated = layers.RepeatVector(2)(Dense(8, use_bias=False)(layers.Flatten()(joined)))
    last = Dense(1, kernel_initializer=lstm.initializers.Orthogonal(seed=3))(repeated)
    y = layers.Squeeze(-1)(layers.Reshape((2, 1))(last))
    model = lstm.Model(x, y)
    model.compile(SGD(0.05, 0.9, nesterov=True), lstm.losses.Huber(0.5), ["mae"])
    return model


def tied() -> lstm.Model:
    embedding = Embedding(V, 3)
    y = LSTM(3, return_sequences=True)(embedding(x := Input((None,))))
    model = lstm.Model(x, layers.TiedDense(embedding, activation="softmax")(y))
    model.compile(
        AdamW(0.01, global_clipnorm=0.5), "sparse_categorical_crossentropy", ["perplexity"]
    )
    return model


def detector() -> lstm.Model:
    model = lstm.Sequential([Input((None, D)), LSTM(3), Dense(1, activation="sigmoid")])
    model.compile("rmsprop", lstm.losses.BinaryCrossentropy(), ["accuracy", "mse"])
    return model


MODELS: dict[str, tuple[Callable[[], lstm.Model], Any, Any]] = {
    "chain": (chain, tokens(), np.array([0, 3, 1])),
    "graph": (graph, [numbers(N, T, D), numbers(N, T, D) ** 2], None),
    "everything": (everything, numbers(N, T, D), numbers(N, 2)),
    "tied": (tied, tokens(), tokens()[:, ::-1]),
    "detector": (detector, numbers(N, T, D), np.array([[0.0], [1.0], [1.0]])),
}


def computed(make: Callable[[], lstm.Model], x: Any, weights: list[np.ndarray]) -> list[np.ndarray]:
    """The outputs of a model with these weights, by the reference in float64."""
    with backends.using("reference", "float64"):
        model = make()
        model.set_weights(weights)
        y = model.predict(x)
    return y if isinstance(y, list) else [y]


def write_models(folder: Path) -> None:
    for name, (make, x, y) in MODELS.items():
        lstm.set_seed(1)
        model = make()
        if y is not None:
            model.fit(x, y, batch_size=2, epochs=2, verbose=0)
        model.save(folder / f"{name}.safetensors")
        keep(name, x, computed(make, x, model.get_weights()))


def keep(name: str, x: Any, y: list[np.ndarray]) -> None:
    for k, array in enumerate(x if isinstance(x, list) else [x]):
        expected[f"{name}/x/{k}"] = array
    for k, array in enumerate(y):
        expected[f"{name}/y/{k}"] = np.array(array)


def write_state(folder: Path) -> None:
    lstm.set_seed(2)
    stack = [LSTM(3, return_sequences=True), layers.GRU(2)]
    model = lstm.Sequential([Input((None, D)), *stack])
    _, state = model.step(numbers(2, T, D), model.initial_state(2))
    state.save(folder / "state.safetensors")
    for layer, parts in state.items():
        expected.update({f"state/{layer}/{k}": part for k, part in enumerate(parts)})


# ---- networks


def write_networks(folder: Path) -> None:
    x, y = numbers(N, T, D), numbers(N, T, 1)
    regression = lstm.LSTMNetwork(D, 4, 1, batch_size=2, seed=0)
    regression.train(x, y, 2, 0.05, verbose=0)
    classes = lstm.LSTMNetwork(
        D, 4, 3, loss="cross_entropy", apply_softmax=True, optimizer="sgd", seed=0
    )
    for name, network in (("regression", regression), ("classes", classes)):
        network.save(folder / f"{name}.safetensors")

        def twin(network: lstm.LSTMNetwork = network) -> lstm.Model:
            return lstm.LSTMNetwork(
                D, 4, network.output_size, network.loss, network.apply_softmax
            ).model

        keep(name, x, computed(twin, x, network.model.get_weights()))


# ---- language models

VOCABULARIES = {
    "characters": CharVocabulary.from_text(TEXT),
    "rare": CharVocabulary.from_text(TEXT + "€", min_count=2),
    "bytes": ByteVocabulary(),
    "words": WordVocabulary.from_text(TEXT),
    "bpe": BPEVocabulary.from_text(TEXT, size=266),
}


def write_language_models(folder: Path) -> None:
    for name, vocabulary in VOCABULARIES.items():
        model = lstm.LanguageModel.create(vocabulary, seed=3, hidden=4, embedding=3)
        model.fit(TEXT, epochs=1, batch_size=2, seq_len=16)
        model.save(folder / f"language-{name}.safetensors")
        x = vocabulary.encode("the green apple is red.\n")[None]

        def twin(vocabulary: Any = vocabulary) -> lstm.Model:
            return lstm.LanguageModel.create(vocabulary, hidden=4, embedding=3).model

        keep(f"language-{name}", x, computed(twin, x, model.model.get_weights()))
    model = lstm.LanguageModel.load(folder / "language-bytes.safetensors")
    writer = model.writer("the é", seed=5, samples=2, top_k=9, repetition_penalty=1.1)
    writer.write(7)
    writer.save(folder / "writer.safetensors")
    (folder / "writer.json").write_text(json.dumps(writer.write(30)))


def write_run(folder: Path) -> None:
    """A training that was interrupted in its second round."""

    class Interrupt(lstm.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any) -> None:
            if self.model.optimizer.step == 20:
                raise KeyboardInterrupt

    options: Any = {"hidden": 4, "embedding": 3, "epochs": 3, "batch_size": 2, "seq_len": 32}
    with suppress(KeyboardInterrupt):
        lstm.LanguageModel.train(
            TEXT,
            folder=folder / "run",
            seed=4,
            checkpoint_every=0,
            callbacks=Interrupt(),
            **options,
        )


def write(folder: Path) -> None:
    """Write all files to a folder that does not exist yet."""
    folder.mkdir()
    write_models(folder)
    write_state(folder)
    write_networks(folder)
    write_language_models(folder)
    write_run(folder)
    save_file(expected, folder / "expected.safetensors")


if __name__ == "__main__":
    write(Path(sys.argv[1]))

"""Copies and pickles of all else, in other processes and threads, by nothing but our own loader."""

import copy
import io
import multiprocessing
import pickle
import signal
from concurrent.futures import ThreadPoolExecutor
from operator import methodcaller
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from language_cases import TEXT
from lstm import callbacks, initializers, layers, losses, optimizers
from lstm.errors import InvalidTypeError, ModelFileError
from lstm.layers import LSTM, Dense, Input, Layer
from lstm.text import BPEVocabulary, ByteVocabulary, CharVocabulary, Corpus, WordVocabulary
from lstm.text.training.interruption import Stopped
from test_copying import MODELS, X, Y, chain, functional, over_ways, pickled, trained


@over_ways
def test_networks(again: Any) -> None:
    network = lstm.LSTMNetwork(2, 4, 1, batch_size=3, seed=0)
    network.train(X, X[..., :1], 2, 0.05, verbose=0)
    twin = again(network)
    assert_array_equal(twin.predict(X), network.predict(X))
    expected = network.predict(X)
    for one in (network, twin):
        one.train(X, X[..., :1], 2, 0.05, verbose=0)
    assert_array_equal(twin.predict(X), network.predict(X))
    assert (network.predict(X) != expected).any()
    assert (twin.loss, twin.batch_size) == ("mse", 3)


VOCABULARIES = [
    CharVocabulary.from_text(TEXT + "€", min_count=2),
    ByteVocabulary(),
    WordVocabulary.from_text(TEXT),
    BPEVocabulary.from_text(TEXT, size=260),
]


@over_ways
@pytest.mark.parametrize("vocabulary", VOCABULARIES, ids=lambda vocabulary: vocabulary.kind)
def test_vocabularies_and_language_models(again: Any, vocabulary: Any) -> None:
    vocabulary.encode(TEXT), vocabulary.pieces  # What they keep to be fast is not in the way.
    assert again(vocabulary) == vocabulary
    model = lstm.LanguageModel.create(vocabulary, hidden=4, seed=1)
    model.fit(TEXT, epochs=1)
    twin = again(model)
    assert twin.vocabulary == vocabulary
    assert twin.history.history == model.history.history
    text = model.generate("the ", 20, seed=3)
    assert twin.generate("the ", 20, seed=3) == text
    twin.fit(TEXT, epochs=1)
    assert model.generate("the ", 20, seed=3) == text


@over_ways
def test_states(again: Any) -> None:
    state = lstm.State({"lstm": (np.ones((2, 3), "f4"), np.zeros((2, 3), "f4"))})
    twin = again(state)
    assert type(twin) is lstm.State
    assert_array_equal(twin["lstm"], state["lstm"])
    twin["lstm"][0][:] = 5
    assert (state["lstm"][0] == 1).all()


@over_ways
@pytest.mark.parametrize("kind", optimizers.OPTIMIZERS.values())
def test_optimizers(again: Any, kind: Any) -> None:
    optimizer = trained(chain, kind(0.03, clipnorm=0.5)).optimizer
    twin = again(optimizer)
    assert twin.get_config() == optimizer.get_config()
    assert twin.step == optimizer.step == 2
    for name, slot in optimizer.slots.items():
        assert_array_equal(twin.slots[name], slot)
        assert not np.shares_memory(twin.slots[name], slot)
    twin.slots.clear()
    assert optimizer.slots


@over_ways
@pytest.mark.parametrize(
    "value",
    [losses.Huber(0.25), initializers.Orthogonal(seed=3), initializers.Constant(2)],
    ids=lambda value: type(value).__name__,
)
def test_what_is_configured(again: Any, value: Any) -> None:
    twin = again(value)
    assert type(twin) is type(value)
    assert twin.get_config() == value.get_config()


@over_ways
def test_histories_and_other_callbacks(again: Any, tmp_path: Path) -> None:
    model = trained(functional)
    stopping = callbacks.EarlyStopping("loss", patience=9, restore_best_weights=True)
    logger = callbacks.CSVLogger(tmp_path / "log.csv")
    best = callbacks.ModelCheckpoint(tmp_path / "best", "loss", save_best_only=True)
    history = model.fit(X, Y, verbose=0, callbacks=[stopping, logger, best])
    for callback in (stopping, logger, best):
        twin = again(callback)
        assert not hasattr(twin, "model")
        trained(functional).fit(X, Y, verbose=0, callbacks=[twin])
    twin = again(history)
    assert twin.history == history.history
    twin.on_epoch_end(1, {"loss": 3.0})
    assert len(history.epoch) == 1


@over_ways
class TestCorpora:
    def test_in_memory(self, again: Any) -> None:
        corpus = Corpus.of([0, 1, 299, 3], 300)
        twin = again(corpus)
        assert_array_equal(twin.tokens, corpus.tokens)
        assert (twin.vocabulary_size, twin.tokens.dtype) == (300, np.uint16)
        assert not twin.tokens.flags.writeable

    def test_in_a_file(self, again: Any, tmp_path: Path) -> None:
        vocabulary = CharVocabulary.from_text(TEXT)
        corpus = Corpus.write(tmp_path / "tokens", lstm.text.TextSource.of(TEXT), vocabulary)
        part = corpus.part(10, 900).part(5, 100)
        twin = again(part)
        assert_array_equal(twin.tokens, corpus.tokens[15:110])
        assert len(pickle.dumps(corpus)) < 300  # It stays where it is.

    def test_in_a_file_that_was_cut(self, again: Any, tmp_path: Path) -> None:
        vocabulary = CharVocabulary.from_text(TEXT)
        path = tmp_path / "tokens"
        data = pickle.dumps(Corpus.write(path, lstm.text.TextSource.of(TEXT), vocabulary))
        path.write_bytes(path.read_bytes()[:100])
        with pytest.raises(ModelFileError, match=r"has 100 tokens, but .* it was cut"):
            pickle.loads(data)


# ---- elsewhere


class Upon(lstm.Model):
    """A model of the user's on top of what it is given."""

    def __init__(self, below: Any) -> None:
        super().__init__()
        self.below, self.above = below, Dense(1)

    def call(self, inputs: Any) -> Any:
        return self.above(self.below(inputs))


def learned_layer() -> Layer:
    layer = LSTM(2)  # Kernel and recurrent kernel have the same shape.
    layer(Input((None, 2)))
    return layer


@pytest.mark.parametrize("way", [pickled, copy.deepcopy, copy.copy])
class TestBeforeTheFirstData:
    """What has weights already keeps them, though no model has met data."""

    def test_a_shape_that_was_said(self, way: Any) -> None:
        model = lstm.Sequential([Input((None, 2)), LSTM(2), Dense(1)])
        twin = way(model)
        for one, other in zip(twin.get_weights(), model.get_weights(), strict=True):
            assert_array_equal(one, other)

    @pytest.mark.parametrize("model", [lambda part: lstm.Sequential([part]), Upon])
    def test_a_layer_that_was_learned_elsewhere(self, way: Any, model: Any) -> None:
        part = learned_layer()
        twin = way(model(part)).all_parts()[1]
        assert list(twin.named_weights) == list(part.named_weights)
        for name, weight in part.named_weights.items():
            assert_array_equal(twin.named_weights[name].value, weight.value)

    @pytest.mark.parametrize("model", [lambda part: lstm.Sequential([part]), Upon])
    def test_a_model_that_was_learned_elsewhere(self, way: Any, model: Any) -> None:
        part = trained(lambda: lstm.Sequential([LSTM(2), Dense(1)]))
        assert_array_equal(way(model(part)).all_parts()[1].predict(X), part.predict(X))
        part = trained(functional)
        assert_array_equal(way(model(part)).all_parts()[1].predict(X), part.predict(X))

    def test_what_is_no_model_yet(self, way: Any) -> None:
        assert way(lstm.Sequential([Input((None, 2))])).layers == []


def test_other_processes_take_them() -> None:
    """They train, predict and write elsewhere, in processes that begin from nothing."""
    lstm.set_seed(4)
    model = lstm.Sequential([Input((None, 2)), layers.Bidirectional(LSTM(3)), Dense(1)])
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    network = lstm.LSTMNetwork(2, 3, 1, seed=0)
    language_model = lstm.LanguageModel.train(TEXT, hidden=4, epochs=1, seed=1)
    corpus = Corpus.encode(lstm.text.TextSource.of(TEXT), language_model.vocabulary)
    with multiprocessing.get_context("spawn").Pool(2) as pool:

        def elsewhere(function: Any, *values: Any) -> Any:
            return pool.map_async(function, values).get(timeout=120)

        predictions = elsewhere(methodcaller("predict", X), model, network)
        (history,) = elsewhere(methodcaller("fit", X, Y, shuffle=False, verbose=0), model)
        (back,) = elsewhere(copy.deepcopy, model)
        (text,) = elsewhere(methodcaller("generate", "the ", 20, seed=3), language_model)
        (judgement,) = elsewhere(methodcaller("evaluate", corpus), language_model)
    for one, y in zip((model, network), predictions, strict=True):
        assert_array_equal(one.predict(X), y)
    assert_array_equal(back.predict(X), model.predict(X))
    assert text == language_model.generate("the ", 20, seed=3)
    assert judgement == language_model.evaluate(corpus)
    assert history.history == model.fit(X, Y, shuffle=False, verbose=0).history


@pytest.mark.parametrize(
    "error",
    [
        InvalidTypeError("units", "an integer", "x"),
        ModelFileError(Path("a"), "is damaged"),
        lstm.errors.MissingExtraError("plotting", "plot"),
        lstm.errors.NotDefinedError(X, "call(inputs)"),
        lstm.errors.DivergedError("it ran away"),
        Stopped(signal.SIGTERM),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_come_back_from_other_processes(error: BaseException) -> None:
    """A pool would wait forever for one that it can write and not read."""
    for again in (pickled(error), copy.copy(error)):
        assert type(again) is type(error)
        assert (str(again), vars(again)) == (str(error), vars(error))


def test_other_threads_take_them() -> None:
    """Of one model, each thread trains a copy of its own."""
    model = trained(MODELS["chain of a class"])

    def learn(_: int) -> Any:
        twin = pickled(copy.deepcopy(model))
        twin.fit(X, Y, epochs=3, shuffle=False, verbose=0)
        return twin.get_weights()

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(learn, range(12)))
    expected = learn(0)
    for weights in results:
        for w, v in zip(weights, expected, strict=True):
            assert_array_equal(w, v)
    assert model.optimizer.step == 2


def test_scikit_learn_clones_them() -> None:
    """Its `clone(estimator, safe=False)` makes deep copies of what has no parameters to ask for."""
    network = lstm.LSTMNetwork(2, 4, 1, seed=0)
    network.train(X, X[..., :1], 1, 0.05, verbose=0)
    several = copy.deepcopy([network, {"again": network, "other": (network.model,)}])
    assert several[1]["again"] is several[0] is not network  # type: ignore[index]
    assert several[1]["other"][0] is several[0].model  # type: ignore[index, union-attr]


@pytest.mark.parametrize("value", [trained(functional), lstm.State({"a": (np.ones(2),)})])
def test_damaged_pickles_are_refused(value: Any) -> None:
    data = bytearray(pickle.dumps(value))
    place = data.index(b'{"__metadata__"') + 200
    data[place] ^= 1
    with pytest.raises(ModelFileError, match="the bytes: are damaged"):
        pickle.loads(data)


@pytest.mark.parametrize(
    "value",
    [
        lambda: trained(lambda: MODELS["chain of unknown shape"](), "sgd"),
        lambda: lstm.LSTMNetwork(2, 3, 1, seed=0),
        lambda: lstm.State({"a": (np.ones(2),)}),
        lambda: Corpus.of([0, 1], 2),
        lambda: lstm.LanguageModel.create(WordVocabulary.from_text(TEXT), hidden=2),
    ],
)
def test_only_our_own_loader_is_run(value: Any) -> None:
    """Pickles of what is of this library call nothing else, not even NumPy."""
    called = set()

    class Watching(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            called.add(module.partition(".")[0])
            return super().find_class(module, name)

    made = value()
    if isinstance(made, lstm.Model):
        made.compile(made.optimizer, "mse")
    Watching(io.BytesIO(pickle.dumps(made))).load()
    assert called <= {"lstm", "builtins", "copyreg"}

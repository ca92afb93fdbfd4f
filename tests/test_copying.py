"""Copies and pickles: the same, apart from each other, and made by nothing but our own loader."""

import copy
import io
import multiprocessing
import pickle
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from operator import methodcaller
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from language_cases import TEXT
from lstm import backends, callbacks, initializers, layers, losses, optimizers
from lstm.errors import InvalidTypeError, InvalidValueError, ModelFileError
from lstm.layers import LSTM, Dense, Input, Layer
from lstm.text import BPEVocabulary, ByteVocabulary, CharVocabulary, Corpus, WordVocabulary
from lstm.text.interruption import Stopped
from test_readable import Scale, Weighted

X = np.random.default_rng(3).normal(size=(6, 5, 2))
Y = np.random.default_rng(4).normal(size=(6, 1))


def pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


WAYS: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{
        f"pickle {protocol}": lambda value, protocol=protocol: pickle.loads(
            pickle.dumps(value, protocol)
        )
        for protocol in (2, pickle.HIGHEST_PROTOCOL)
    },
}
over_ways = pytest.mark.parametrize("again", WAYS.values(), ids=WAYS)


# ---- models


class Net(lstm.Model):
    """A model of a user's class."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.cell, self.head = LSTM(units), Head(1)

    def call(self, inputs: Any) -> Any:
        return self.head(self.cell(inputs))


class Head(Layer):
    """A layer of a user's class, made of layers."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.parts = [Dense(4, activation="tanh"), Dense(units)]

    def call(self, inputs: Any) -> Any:
        return self.parts[1](self.parts[0](inputs))


class Terse(Layer):
    """A layer whose receiver has another name, and one of its arguments that of a receiver."""

    def __init__(this, units: int, self: str = "x") -> None:  # noqa: N805
        super().__init__()
        this.units, this.self = units, self
        this.dense = Dense(units)

    def call(this, inputs: Any) -> Any:  # noqa: N805
        return this.dense(inputs)


class Late(Layer):
    """A layer of a user's class, which makes its layers when it is built."""

    def build(self, shape: Any) -> None:
        self.dense = Dense(shape[-1])

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


class Functional(lstm.Model):
    """A class that adds a method to a model of inputs and outputs."""

    def twice(self, x: Any) -> Any:
        return 2 * self.predict(x)


class Chain(lstm.Sequential):
    """A class that makes its own chain."""

    def __init__(self, units: int = 3) -> None:
        super().__init__([Input((None, 2)), LSTM(units), Dense(1)])
        self.units = units


def double(x: Any) -> Any:
    return x + x


def through_dense(x: Any) -> Any:
    return Dense(3)(x)


def functional(kind: Any = lstm.Model) -> lstm.Model:
    x = Input((None, 2), name="x")
    cell = LSTM(3, name="zelle")
    return kind(x, Dense(1)(cell(x) + cell(layers.Flip()(x))), name="two")


def chain() -> lstm.Sequential:
    cell = LSTM(3, return_sequences=True)
    return lstm.Sequential(
        [
            *(Input((None, 2)), layers.Conv1D(3, 2, padding="causal"), cell, cell),
            layers.Bidirectional(layers.GRU(2, return_sequences=True), merge_mode="ave"),
            *(layers.TimeDistributed(Head(3)), layers.Lambda(double)),
            *(layers.Lambda(through_dense), layers.Dropout(0.5), lstm.Sequential([LSTM(2)])),
            *(inner(), Dense(1)),
        ],
        name="chain",
    )


def inner() -> lstm.Model:
    x = Input((2,))
    return lstm.Model(x, Dense(2)(x))


MODELS: dict[str, Callable[[], lstm.Model]] = {
    "functional": functional,
    "functional, of a class": lambda: functional(Functional),
    "chain": chain,
    "chain of unknown shape": lambda: lstm.Sequential([LSTM(3), Dense(1)]),
    "chain with a shape": lambda: lstm.Sequential([LSTM(3, input_shape=(None, 2)), Dense(1)]),
    "chain of a class": lambda: Chain(4),
    "subclass": lambda: Net(3, name="mine"),
    "own layers": lambda: lstm.Sequential(
        [Input((None, 2)), Scale(0.5), Weighted("w", (2,)), Late(), LSTM(2), Head(1)]
    ),
    "read from a file": lambda: lstm.load_model(
        Path(__file__).parent / "golden/files/detector.safetensors"
    ),
}


def mean_error(y_true: Any, y_pred: Any) -> Any:
    return abs(y_true - y_pred)


class Plain(optimizers.Optimizer):
    """An optimizer of a user's class, which counts its steps itself."""

    def __init__(self, rate: float) -> None:
        super().__init__(rate, None)
        self.rate, self.count = rate, 0

    def update(self, backend: Any, values: Any, gradients: Any) -> None:
        self.count += 1
        values -= self.rate * gradients


def trained(make: Callable[[], lstm.Model], optimizer: Any = "adam") -> lstm.Model:
    lstm.set_seed(4)
    model = make()
    model.compile(optimizer, losses.Huber(0.5), ["mae", mean_error])
    model.fit(X, Y, batch_size=4, verbose=0)
    return model


@pytest.mark.parametrize("name", MODELS)
@over_ways
class TestModels:
    def test_computes_and_learns_the_same(self, name: str, again: Any) -> None:
        model = trained(MODELS[name])
        twin = again(model)
        assert type(twin) is type(model)
        assert twin.name == model.name
        assert_array_equal(twin.predict(X), model.predict(X))
        assert list(twin.graph.weights) == list(model.graph.weights)
        assert twin.optimizer.step == 2
        histories = [m.fit(X, Y, batch_size=4, epochs=2, verbose=0).history for m in (model, twin)]
        assert histories[0] == histories[1]
        assert set(histories[0]) == {"loss", "mae", "mean_error"}
        for w, v in zip(model.get_weights(), twin.get_weights(), strict=True):
            assert_array_equal(w, v)

    def test_is_apart(self, name: str, again: Any) -> None:
        model = trained(MODELS[name])
        before, twin = model.get_weights(), again(model)
        assert not set(twin.graph.layers.values()) & set(model.graph.layers.values())
        assert not np.shares_memory(twin.parameters.values, model.parameters.values)
        twin.fit(X, Y, verbose=0)
        twin.optimizer.learning_rate = 9
        assert (model.optimizer.step, model.optimizer.learning_rate) == (2, 0.001)
        for w, v in zip(before, model.get_weights(), strict=True):
            assert_array_equal(w, v)

    def test_before_anything_is_known(self, name: str, again: Any) -> None:
        lstm.set_seed(4)
        twin = again(MODELS[name]())
        twin.compile("sgd", "mse")
        twin.fit(X, Y, verbose=0)
        assert twin.predict(X).shape == (6, 1)


@over_ways
class TestWhatAModelIsWith:
    def test_its_backend(self, again: Any, float64: None) -> None:
        model = trained(functional)
        with backends.using("native", "float32"):
            twin = again(model)
            assert backends.backend().name == "native"
        assert (twin.backend.name, twin.backend.dtype) == ("reference", "float64")
        assert twin.predict(X).dtype == np.float64
        assert_array_equal(twin.predict(X), model.predict(X))

    def test_states_random_numbers_and_history(self, again: Any) -> None:
        lstm.set_seed(4)
        model = lstm.Sequential([Input((None, 2)), layers.Dropout(0.5), LSTM(3, stateful=True)])
        model.compile("adam", "mse")
        model.fit(X, np.zeros((6, 3)), batch_size=3, epochs=2, verbose=0)
        twin = again(model)
        assert twin.history.history == model.history.history
        assert not hasattr(twin.history, "model")
        assert twin.random_state == model.random_state
        state, other = model.carried_state, twin.carried_state
        assert_array_equal(other["lstm"], state["lstm"])
        assert_array_equal(twin.predict(X[:3]), model.predict(X[:3]))
        twin.reset_states()
        assert model.carried_state.batch_size == 3

    def test_parts_of_classes_of_ones_own(self, again: Any) -> None:
        model = trained(functional, Plain(0.1))
        twin = again(model)
        assert type(twin.optimizer) is Plain
        assert twin.optimizer.count == 2
        twin.fit(X, Y, verbose=0)
        assert (twin.optimizer.count, model.optimizer.count) == (3, 2)  # type: ignore[attr-defined]

    def test_frozen_parts(self, again: Any) -> None:
        model = trained(lambda: Net(3))
        model.head.parts[0].trainable = False  # type: ignore[attr-defined]
        twin = again(model)
        flags = [weight.trainable for weight in twin.graph.weights.values()]
        assert flags == [True] * 3 + [False] * 2 + [True] * 2

    def test_a_tie(self, again: Any) -> None:
        embedding = layers.Embedding(7, 3)
        tied = layers.TiedDense(embedding, activation="softmax")
        model = lstm.Sequential([Input((None,)), embedding, LSTM(3, return_sequences=True), tied])
        x = np.arange(6).reshape(2, 3)
        model.predict(x)
        twin: Any = again(model)
        assert twin.layers[-1].embedding is twin.layers[0] is not embedding
        assert_array_equal(twin.predict(x), model.predict(x))

    def test_several_outputs(self, again: Any) -> None:
        x = Input((2,))
        model = lstm.Model(x, [Dense(1)(x), Dense(2)(x)])
        for y, z in zip(again(model).predict(X[:, 0]), model.predict(X[:, 0]), strict=True):
            assert_array_equal(y, z)


class Forgetful(Net):
    """Does not keep what it was made with."""

    def __init__(self, size: int) -> None:
        super().__init__(size)


class TestWhatCannotBe:
    def test_made_again(self) -> None:
        model = Forgetful(3)
        model.predict(X)
        message = "size of forgetful: expected an attribute of that name that keeps it"
        for way in (pickle.dumps, copy.deepcopy, copy.copy):
            with pytest.raises(InvalidTypeError, match=message):
                way(model)

    def test_found_in_the_constructor(self) -> None:
        """A part that was changed since is no part that a constructor makes."""
        model = Net(3)
        model.head.parts[0].activation = "sigmoid"
        model.predict(X)
        with pytest.raises(InvalidValueError, match="a Net that its constructor makes again"):
            copy.deepcopy(model)
        data = pickle.dumps(model)
        with pytest.raises(InvalidValueError, match="a Net that its constructor makes again"):
            pickle.loads(data)

    def test_taken_from_elsewhere(self) -> None:
        """A layer that only a function knows would be shared by all copies."""
        dense = Dense(1)
        model = lstm.Sequential([Input((2,)), layers.Lambda(lambda x: dense(x))])
        before = model.predict(X[:, 0])
        with pytest.raises(InvalidValueError, match="dense: expected a layer that the model keeps"):
            copy.deepcopy(model)
        assert_array_equal(model.predict(X[:, 0]), before)

    def test_without_its_graph(self) -> None:
        x = Input((2,))
        y = Dense(1)(x)
        with pytest.raises(InvalidTypeError, match="the output of dense"):
            pickle.dumps(y)
        assert pickled(x).shape == x.shape


# ---- other things


@over_ways
class TestLayers:
    @pytest.mark.parametrize(
        "make",
        [
            lambda: LSTM(3, dropout=0.5, input_shape=(None, 2), name="cell", trainable=False),
            lambda: Dense(3, kernel_initializer=initializers.RandomUniform(0, 1, seed=2)),
            lambda: layers.Bidirectional(layers.GRU(3), merge_mode="mul"),
            lambda: layers.TimeDistributed(Dense(3)),
            lambda: layers.Lambda(double),
            lambda: Head(2, name="head"),
            lambda: Scale(0.5),
        ],
    )
    def test_new_ones(self, again: Any, make: Any) -> None:
        layer = make()
        twin = again(layer)
        assert type(twin) is type(layer)
        assert (twin.name, twin.trainable) == (layer.name, layer.trainable)
        assert twin.input_shape == layer.input_shape
        for name, value in layer.arguments().items():
            other = getattr(twin, name)
            simple = value is None or isinstance(value, bool | int | float | str | tuple)
            assert other == value if simple else type(other) is type(value)
        assert not twin.built

    @pytest.mark.parametrize(
        "make", [lambda: LSTM(3), lambda: Head(3), lambda: Weighted("w"), lambda: Terse(2)]
    )
    def test_that_have_weights(self, again: Any, make: Any) -> None:
        lstm.set_seed(4)
        layer = make()
        model = lstm.Sequential([Input((None, 2)), layer])
        expected = model.predict(X)
        twin = again(layer)
        assert list(twin.weights) == list(layer.weights)
        other = lstm.Sequential([Input((None, 2)), twin])
        assert_array_equal(other.predict(X), expected)
        other.set_weights([np.zeros_like(w) for w in other.get_weights()])
        assert_array_equal(model.predict(X), expected)


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
        with pytest.raises(ModelFileError, match=r"has 100 tokens, and .* it was cut"):
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
        assert list(twin.weights) == list(part.weights)
        for name, weight in part.weights.items():
            assert_array_equal(twin.weights[name].value, weight.value)

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

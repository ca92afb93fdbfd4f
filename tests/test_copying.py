"""Copies and pickles of models and layers: the same, and apart from each other."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm import backends, initializers, layers, losses, optimizers
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.layers import LSTM, Dense, Input, Layer
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
        super().__init__(rate)
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
        """A part that was changed later is not one that a constructor makes."""
        model = Net(3)
        model.head.parts[0].activation = "sigmoid"
        model.predict(X)
        with pytest.raises(InvalidValueError, match="a Net that its constructor can rebuild"):
            copy.deepcopy(model)
        data = pickle.dumps(model)
        with pytest.raises(InvalidValueError, match="a Net that its constructor can rebuild"):
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
        assert list(twin.named_weights) == list(layer.named_weights)
        other = lstm.Sequential([Input((None, 2)), twin])
        assert_array_equal(other.predict(X), expected)
        other.set_weights([np.zeros_like(w) for w in other.get_weights()])
        assert_array_equal(model.predict(X), expected)

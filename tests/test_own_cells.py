"""`RNN` over cells that users write: against layers of the library, with padding, and in files."""

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from composed_cases import OwnCell
from lstm import ops
from lstm.configured import members
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers import LSTM, RNN, Bidirectional, Dense, Layer, LSTMCell, Masking
from tolerances import assert_close

RNG = np.random.default_rng(2)
X = RNG.normal(size=(4, 6, 3))
SEQUENCES = [X[0], X[1, :2], X[2, :5], X[3, :1]]
PADDED = X * np.array([[len(x) > t for t in range(6)] for x in SEQUENCES])[..., None]
UNITS = 4


class LongShortTerm(Layer):
    """The equations of an LSTM, in the order of its weights."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.state_size = [units, units]

    def build(self, input_shape: Any) -> None:
        columns = 4 * self.units
        self.kernel = self.add_weight("kernel", (input_shape[-1], columns))
        self.recurrent_kernel = self.add_weight("recurrent_kernel", (self.units, columns))
        self.bias = self.add_weight("bias", (columns,), "zeros")

    def call(self, inputs: Any, states: Any) -> Any:
        h, c = states
        z = inputs @ self.kernel + h @ self.recurrent_kernel + self.bias
        i, f, candidate, o = ops.split(z, 4, axis=-1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(candidate)
        h = ops.sigmoid(o) * ops.tanh(c)
        return h, [h, c]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def both(**options: Any) -> tuple[lstm.Model, lstm.Model]:
    """A model of the cell of a user, and the same with an LSTM."""
    models = []
    for layer in (RNN(LongShortTerm(UNITS), **options), LSTM(UNITS, **options)):
        x = lstm.Input((None, 3))
        models.append(lstm.Model(x, layer(Masking(0.0)(x))))
    weights = [RNG.normal(size=w.shape) for w in models[1].get_weights()]
    for model in models:
        model.set_weights(weights)
    return models[0], models[1]


OPTIONS = [
    {},
    {"return_sequences": True},
    {"return_state": True},
    {"return_sequences": True, "return_state": True, "go_backwards": True},
    {"go_backwards": True},
    {"return_sequences": True, "zero_output_for_mask": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("data", [X, PADDED, SEQUENCES], ids=["whole", "padded", "sequences"])
@pytest.mark.usefixtures("float64")
def test_is_what_the_layer_is(options: dict[str, bool], data: Any) -> None:
    own, known = both(**options)
    made, expected = (list(members(model.predict(data), np.ndarray)) for model in (own, known))
    assert [y.shape for y in made] == [y.shape for y in expected]
    for mine, theirs in zip(made, expected, strict=True):
        assert_close(mine, theirs, "lstm", terms=100)


@pytest.mark.parametrize("options", OPTIONS[:2] + OPTIONS[4:], ids=str)
@pytest.mark.usefixtures("float64")
def test_learns_what_the_layer_learns(options: dict[str, bool]) -> None:
    own, known = both(**options)
    y = known.predict(PADDED) + 1.0
    for model in (own, known):
        model.compile(lstm.optimizers.SGD(0.1), "mse")
        model.fit(PADDED, y, batch_size=2, epochs=3, shuffle=False, verbose=0)
    for mine, theirs in zip(own.get_weights(), known.get_weights(), strict=True):
        assert_close(mine, theirs, "lstm", terms=1000)


@pytest.mark.usefixtures("float64")
def test_initial_states_and_their_gradients() -> None:
    h, c = (RNG.normal(size=(4, UNITS)) for _ in range(2))
    weights = [RNG.normal(size=shape) for shape in ((3, 16), (UNITS, 16), (16,))]
    found = []
    for layer in (RNN(LongShortTerm(UNITS)), LSTM(UNITS)):
        lstm.set_seed(3)
        x, a, b = lstm.Input((None, 3)), lstm.Input((UNITS,)), lstm.Input((UNITS,))
        before = Dense(UNITS, use_bias=False, name="before")
        model = lstm.Model([x, a, b], layer(x, initial_state=[before(a), before(b)]))
        layer.set_weights(weights)
        model.compile("sgd", "mse")
        model.train_on_batch([X, h, c], np.zeros((4, UNITS)))
        found.append(before.get_weights()[0])
    assert_close(found[0], found[1], "lstm", terms=200)


@pytest.mark.usefixtures("float64")
def test_states_are_carried_from_chunk_to_chunk() -> None:
    layer = RNN(LongShortTerm(UNITS), stateful=True)
    model = lstm.Sequential([lstm.Input((None, 3)), layer])
    whole = model.predict(X)
    model.reset_states()
    model.predict(X[:, :4])
    assert_close(model.predict(X[:, 4:]), whole, "lstm", terms=100)


@pytest.mark.usefixtures("float64")
def test_cells_of_both_kinds_above_each_other() -> None:
    cells = [LongShortTerm(3), LSTMCell(2), OwnCell(2)]
    layer = RNN(cells, return_state=True)
    y, *states = layer(lstm.Input((None, 3)))
    assert [y.shape, *(state.shape for state in states)] == [
        (None, 2),
        *[(None, 3)] * 2,
        *[(None, 2)] * 4,
    ]


@pytest.mark.parametrize("way", ["file", "pickle", "copy", "config"])
def test_models_with_them_are_kept(way: str, tmp_path: Path) -> None:
    lstm.set_seed(1)
    x = lstm.Input((None, 3))
    model = lstm.Model(x, Dense(1)(RNN([LongShortTerm(3), LongShortTerm(2)])(x)))
    model.compile("adam", "mse")
    y = RNG.normal(size=4)
    model.fit(X, y, epochs=2, verbose=0)
    known = {"LongShortTerm": LongShortTerm}
    if way == "file":
        model.save(tmp_path / "model.safetensors")
        again = lstm.load_model(tmp_path / "model.safetensors", custom_objects=known)
    elif way == "config":
        with lstm.utils.custom_object_scope(known):
            again = type(model).from_config(model.get_config())
        again.compile("adam", "mse")
        again.set_weights(model.get_weights())
    else:
        again = copy.deepcopy(model) if way == "copy" else pickle.loads(pickle.dumps(model))
    assert [w.path for w in again.weights] == [w.path for w in model.weights]
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    loss = again.evaluate(X, y)
    again.fit(X, y, epochs=3, verbose=0)
    assert again.evaluate(X, y) < loss


def test_a_file_needs_the_class(tmp_path: Path) -> None:
    model = lstm.Sequential([lstm.Input((None, 3)), RNN(LongShortTerm(3))])
    model.save(tmp_path / "model.safetensors")
    with pytest.raises(InvalidValueError, match="custom_objects: expected the class of cell"):
        lstm.load_model(tmp_path / "model.safetensors")


def test_a_frozen_one_does_not_learn() -> None:
    layer = RNN(LongShortTerm(3))
    model = lstm.Sequential([lstm.Input((None, 3)), layer, Dense(1)])
    layer.trainable = False
    model.compile("sgd", "mse")
    before = layer.get_weights()
    model.fit(X, np.ones(4), verbose=0)
    for now, then in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


class NoPair(OwnCell):
    def call(self, inputs: Any, states: Any) -> Any:
        return inputs


class WrongState(OwnCell):
    def call(self, inputs: Any, states: Any) -> Any:
        return inputs, [inputs, inputs]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda x: RNN(Dense(3)), InvalidTypeError, "a layer with `state_size`"),
        (lambda x: RNN(7), InvalidTypeError, "cell: expected an LSTMCell"),
        (lambda x: RNN(NoPair())(x), InvalidTypeError, "the output and the states after it"),
        (lambda x: RNN(WrongState(5))(x), InvalidShapeError, "states of wrong_state"),
        (lambda x: RNN(OwnCell())(x[:, 0]), InvalidShapeError, r"axes \(B, T"),
        (lambda x: RNN(OwnCell())(x, initial_state=[x[:, 0]]), InvalidValueError, "2 states"),
    ],
)
def test_bad_cells(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make(lstm.Input((None, 3)))


class Counting(Layer):
    state_size = 1

    def call(self, inputs: Any, states: Any) -> Any:
        return states[0] + 1.0, states[0] + 1.0

    def get_initial_state(self, batch_size: int) -> Any:
        return np.full((batch_size, 1), 10.0)


def test_states_may_begin_with_other_numbers() -> None:
    model = lstm.Sequential([lstm.Input((None, 2)), RNN(Counting(), return_sequences=True)])
    for size in (2, 3):
        got = model.predict(np.zeros((size, 3, 2)))
        assert got[..., 0].tolist() == [[11, 12, 13]] * size


@pytest.mark.parametrize("first", ["called", "made"])
def test_a_cell_belongs_to_one_layer(first: str) -> None:
    cell, x = LongShortTerm(3), lstm.Input((None, 3))
    second = RNN(cell) if first == "made" else None
    RNN(cell)(x)
    with pytest.raises(InvalidValueError, match="a new cell"):
        (second or RNN(cell))(x)


class TestTwoInOneModel:
    """Each has its own cell; the second layer, which has the same name, gets a number."""

    @pytest.mark.parametrize(
        "cells", [LongShortTerm, lambda n: [OwnCell(n), lstm.layers.GRUCell(n)]]
    )
    def test_are_the_layers_one_after_the_other(self, cells: Any) -> None:
        layers = [RNN(cells(3), return_sequences=True), RNN(cells(3))]
        model = lstm.Sequential([lstm.Input((None, 3)), *layers])
        assert [layer.name for layer in layers] == ["rnn", "rnn_1"]
        assert_array_equal(model.predict(X), layers[1](layers[0](X)))
        one_by_one = lstm.Sequential()
        for layer in (lstm.Input((None, 3)), RNN(cells(3), return_sequences=True), RNN(cells(3))):
            one_by_one.add(layer)
        x = lstm.Input((None, 3))
        functional = lstm.Model(x, RNN(cells(3))(RNN(cells(3), return_sequences=True)(x)))
        for other in (one_by_one, functional):
            other.set_weights(model.get_weights())
            assert_array_equal(other.predict(X), model.predict(X))

    def test_in_files_and_copies(self, tmp_path: Path) -> None:
        cells = [LongShortTerm(3), LongShortTerm(2)]
        layers = [RNN(cells[0], return_sequences=True), RNN(cells[1])]
        model = lstm.Sequential([lstm.Input((None, 3)), *layers])
        model.save(tmp_path / "model.safetensors")
        loaded = lstm.load_model(
            tmp_path / "model.safetensors", custom_objects={"LongShortTerm": LongShortTerm}
        )
        for other in (loaded, copy.deepcopy(model)):
            assert_array_equal(other.predict(X), model.predict(X))

    def test_of_cells_without_weights(self) -> None:
        layers = [RNN(Counting(), return_sequences=True), RNN(Counting())]
        model = lstm.Sequential([lstm.Input((None, 2)), *layers])
        assert model.predict(np.zeros((2, 3, 2))).tolist() == [[13.0]] * 2


@pytest.mark.parametrize("cell", [LongShortTerm, LSTMCell])
def test_options_count_until_the_weights_are_there(cell: Any) -> None:
    layer = RNN(cell(3))
    layer.return_sequences = True
    assert layer(X).shape == (4, 6, 3)
    for one in (layer, copy.deepcopy(layer)):
        with pytest.raises(InvalidValueError, match="go_backwards of rnn: expected False"):
            one.go_backwards = True
        before = one(X)
        one.name = "other"
        assert repr(one).endswith("return_sequences=True, name='other')")
        assert_array_equal(one(X), before)


class TestBothDirections:
    @pytest.mark.parametrize("cell", [LongShortTerm, LSTMCell])
    @pytest.mark.parametrize("every", [True, False])
    def test_is_the_layer_in_both_directions(self, cell: Any, every: bool) -> None:
        models = []
        for layer in (
            RNN(cell(UNITS), return_sequences=every),
            LSTM(UNITS, return_sequences=every),
        ):
            models.append(lstm.Sequential([lstm.Input((None, 3)), Bidirectional(layer)]))
        models[0].set_weights([RNG.normal(size=w.shape) for w in models[0].get_weights()])
        models[1].set_weights(models[0].get_weights())
        for one, other in zip(*(m.predict(SEQUENCES) for m in models), strict=True):
            assert_close(one, other, "lstm", terms=100)

    def test_goes_from_states_on(self) -> None:
        x, first = lstm.Input((None, 3)), Bidirectional(RNN(LSTMCell(UNITS), return_state=True))
        _, *states = first(x)
        y = Bidirectional(RNN(LongShortTerm(UNITS)))(x, initial_state=states)
        z = Bidirectional(LSTM(UNITS))(x, initial_state=states)
        model = lstm.Model(x, [y, z])
        weights = [RNG.normal(size=w.shape) for w in model.get_weights()]
        model.set_weights([*weights[:-6], *weights[-12:-6]])
        assert_close(*model.predict(X), "lstm", terms=100)

    def test_in_files_and_copies(self, tmp_path: Path) -> None:
        layer = Bidirectional(RNN([LongShortTerm(3), LSTMCell(2)]), merge_mode="sum")
        model = lstm.Sequential([lstm.Input((None, 3)), layer])
        model.save(tmp_path / "model.safetensors")
        own = {"LongShortTerm": LongShortTerm}
        loaded = lstm.load_model(tmp_path / "model.safetensors", custom_objects=own)
        for other in (loaded, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            assert_array_equal(other.predict(X), model.predict(X))

    @pytest.mark.parametrize("other", [LSTMCell(2), LongShortTerm(2), Dense(2)])
    def test_of_other_layers(self, other: Any) -> None:
        with pytest.raises(InvalidTypeError, match=r"layer: expected an LSTM, .*, got"):
            Bidirectional(other)

    def test_of_arrays(self) -> None:
        layer = Bidirectional(LSTM(UNITS, return_sequences=True), merge_mode=None)
        model = lstm.Sequential([lstm.Input((None, 3)), layer])
        for one, other in zip(layer(X), model.predict(X), strict=True):
            assert_array_equal(one, other)
        each = lstm.layers.TimeDistributed(lstm.layers.Flatten())
        assert_array_equal(each(X[..., None]), X.astype(np.float32))


@pytest.mark.parametrize(
    "layer",
    [*(LSTM(3), RNN(LSTMCell(3)), RNN(OwnCell(3))), Bidirectional(LSTM(3))],
    ids=["layer", "cell", "own cell", "both directions"],
)
def test_states_of_another_batch_are_refused(layer: Any) -> None:
    states = [np.zeros((len(X) - 1, 3))] * (4 if isinstance(layer, Bidirectional) else 2)
    message = r"^initial_state: expected shape \(4, 3\), got shape \(3, 3\)"
    with pytest.raises(InvalidShapeError, match=message):
        layer(X, initial_state=states)

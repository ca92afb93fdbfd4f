"""Recurrent layers and their wrappers: each option against plain NumPy or another way to say it."""

import inspect
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

import lstm
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.initializers import Ones, Zeros
from lstm.layers import (
    GRU,
    LSTM,
    Bidirectional,
    Conv1D,
    Dense,
    Embedding,
    SimpleRNN,
    TimeDistributed,
)
from tolerances import assert_close

pytestmark = pytest.mark.usefixtures("float64")

X = np.random.default_rng(3).normal(size=(3, 5, 2))


def model_of(layer: Any, shape: tuple[int | None, ...] = (None, 2)) -> lstm.Model:
    """A model of one layer, with random weights."""
    x = lstm.Input(shape)
    model = lstm.Model(x, layer(x))
    rng = np.random.default_rng(4)
    model.set_weights([rng.normal(0, 0.8, w.shape) for w in model.get_weights()])
    return model


def same_weights(model: lstm.Model, layer: Any) -> lstm.Model:
    """A model of another layer with the weights of `model`."""
    other = model_of(layer)
    other.set_weights(model.get_weights())
    return other


def sigmoid(x: NDArray[Any]) -> NDArray[Any]:
    return 1 / (1 + np.exp(-x))


IN_KERAS_ORDER = {
    LSTM: (
        *("units", "activation", "recurrent_activation", "use_bias", "kernel_initializer"),
        *("recurrent_initializer", "bias_initializer", "unit_forget_bias"),
    ),
    GRU: (
        *("units", "activation", "recurrent_activation", "use_bias", "kernel_initializer"),
        *("recurrent_initializer", "bias_initializer"),
    ),
    SimpleRNN: (
        *("units", "activation", "use_bias", "kernel_initializer"),
        *("recurrent_initializer", "bias_initializer"),
    ),
}
"""What Keras takes by position, up to the regularizers, which do not exist here."""


@pytest.mark.parametrize("kind", IN_KERAS_ORDER)
class TestArguments:
    def test_stand_in_the_order_of_keras(self, kind: Any) -> None:
        values = {
            "units": 3,
            "activation": "relu",
            "recurrent_activation": "hard_sigmoid",
            "use_bias": False,
            "kernel_initializer": Ones(),
            "recurrent_initializer": Zeros(),
            "bias_initializer": Ones(),
            "unit_forget_bias": False,
        }
        made = kind(*[values[name] for name in IN_KERAS_ORDER[kind]])
        for name in IN_KERAS_ORDER[kind]:
            assert getattr(made, name) is values[name] or getattr(made, name) == values[name]

    def test_are_all_shown(self, kind: Any) -> None:
        shown = inspect.signature(kind).parameters
        assert tuple(shown)[: len(IN_KERAS_ORDER[kind])] == IN_KERAS_ORDER[kind]
        assert shown["dropout"].default == 0.0
        assert shown["return_sequences"].annotation is bool
        assert {"name", "trainable", "stateful", "zero_output_for_mask"} <= shown.keys()


class TestLSTM:
    @pytest.mark.parametrize("activation", ["tanh", None])
    def test_equations_with_gates_in_keras_order(self, activation: str | None) -> None:
        model = model_of(LSTM(3, activation=activation, return_sequences=True))
        w, r, b = model.get_weights()
        phi = np.tanh if activation else (lambda x: x)
        h = c = np.zeros((3, 3))
        for t in range(5):
            i, f, g, o = np.split(X[:, t] @ w + h @ r + b, 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * phi(g)
            h = sigmoid(o) * phi(c)
            assert_close(model.predict(X)[:, t], h, "lstm", terms=5)

    def test_backwards_reads_the_reversed_sequence(self) -> None:
        forward = model_of(LSTM(3, return_sequences=True))
        backward = same_weights(forward, LSTM(3, return_sequences=True, go_backwards=True))
        last = same_weights(forward, LSTM(3, go_backwards=True))
        expected = forward.predict(X[:, ::-1])
        assert_array_equal(backward.predict(X), expected)
        assert_array_equal(last.predict(X), expected[:, -1])

    def test_states_are_those_after_the_last_step(self) -> None:
        model = model_of(LSTM(3, return_sequences=True, return_state=True))
        y, h, c = model.predict(X)
        assert_array_equal(h, y[:, -1])
        o = sigmoid(np.split(_gates(model, X[:, -1], y[:, -2]), 4, axis=1)[3])
        assert_close(h, o * np.tanh(c), "lstm")

    def test_goes_on_from_an_initial_state(self) -> None:
        whole = model_of(LSTM(3, return_sequences=True, return_state=True))
        _, h, c = whole.predict(X[:, :2])
        x, h0, c0 = lstm.Input((None, 2)), lstm.Input((3,)), lstm.Input((3,))
        layer = LSTM(3, return_sequences=True)
        rest = lstm.Model([x, h0, c0], layer(x, initial_state=[h0, c0]))
        rest.set_weights(whole.get_weights())
        assert_array_equal(rest.predict([X[:, 2:], h, c]), whole.predict(X)[0][:, 2:])

    def test_initial_weights(self) -> None:
        units = 16
        kernel, recurrent, bias = _initial(LSTM(units))
        assert np.abs(kernel).max() <= np.sqrt(6 / (2 + 4 * units))
        assert len(np.unique(kernel)) == kernel.size
        for gate in np.split(recurrent, 4, axis=1):
            assert_close(gate @ gate.T, np.eye(units), "product", terms=units)
        assert_array_equal(bias, np.repeat([0.0, 1.0, 0.0, 0.0], units))

    def test_forget_bias_is_an_option(self) -> None:
        assert_array_equal(_initial(LSTM(2, unit_forget_bias=False))[2], np.zeros(8))
        ones = LSTM(2, unit_forget_bias=False, bias_initializer="ones")
        assert_array_equal(_initial(ones)[2], np.ones(8))

    def test_initializers_with_a_seed_of_their_own(self) -> None:
        seeded = lstm.initializers.RandomNormal(seed=5)
        first, second = (_initial(LSTM(2, kernel_initializer=seeded)) for _ in range(2))
        assert_array_equal(first[0], second[0])
        assert (first[1] != second[1]).any()

    @pytest.mark.parametrize(
        ("options", "argument"),
        [
            ({"units": 0}, "units"),
            ({"units": 2.5}, "units"),
            ({"units": 2, "activation": "softmax"}, "activation"),
            ({"units": 2, "recurrent_activation": "tan"}, "recurrent_activation"),
            ({"units": 2, "kernel_initializer": "glorot"}, "kernel_initializer"),
            ({"units": 2, "dropout": 1}, "dropout"),
            ({"units": 2, "dropout": -0.1}, "dropout"),
            ({"units": 2, "recurrent_dropout": 1.0}, "recurrent_dropout"),
            ({"units": 2, "recurrent_dropout": float("nan")}, "recurrent_dropout"),
            ({"units": 2, "stateful": True, "go_backwards": True}, "stateful"),
        ],
    )
    def test_unusable_options(self, options: dict[str, Any], argument: str) -> None:
        with pytest.raises(InvalidValueError, match=argument):
            LSTM(**options)

    def test_unusable_calls(self) -> None:
        x, h = lstm.Input((None, 2)), lstm.Input((3,))
        with pytest.raises(InvalidShapeError, match=r"axes \(B, T, D\)"):
            LSTM(3)(h)
        with pytest.raises(InvalidValueError, match="initial_state"):
            LSTM(3)(x, initial_state=[h])
        with pytest.raises(InvalidValueError, match="a hidden state and a cell state, got 1"):
            LSTM(3)(x, initial_state=h)
        with pytest.raises(InvalidTypeError, match="initial_state"):
            LSTM(3)(x, initial_state=7)
        with pytest.raises(InvalidShapeError, match="initial_state"):
            LSTM(4)(x, initial_state=[h, h])


class TestGRU:
    def test_equations(self) -> None:
        model = model_of(GRU(3, return_sequences=True))
        w, r, b = model.get_weights()
        h = np.zeros((3, 3))
        for t in range(5):
            xw, q = X[:, t] @ w + b[0], h @ r + b[1]
            u, s = sigmoid(xw[:, :3] + q[:, :3]), sigmoid(xw[:, 3:6] + q[:, 3:6])
            h = u * h + (1 - u) * np.tanh(xw[:, 6:] + s * q[:, 6:])
            assert_close(model.predict(X)[:, t], h, "lstm", terms=5)

    def test_initial_weights(self) -> None:
        units = 16
        kernel, recurrent, bias = _initial(GRU(units))
        assert np.abs(kernel).max() <= np.sqrt(6 / (2 + 3 * units))
        for gate in np.split(recurrent, 3, axis=1):
            assert_close(gate @ gate.T, np.eye(units), "product", terms=units)
        assert_array_equal(bias, np.zeros((2, 3 * units)))


class TestSimpleRNN:
    def test_equations(self) -> None:
        model = model_of(SimpleRNN(3, return_sequences=True))
        w, r, b = model.get_weights()
        h = np.zeros((3, 3))
        for t in range(5):
            h = np.tanh(X[:, t] @ w + h @ r + b)
            assert_close(model.predict(X)[:, t], h, "lstm", terms=5)


@pytest.mark.parametrize("kind", [GRU, SimpleRNN])
class TestOneState:
    def test_backwards_reads_the_reversed_sequence(self, kind: Any) -> None:
        forward = model_of(kind(3, return_sequences=True))
        backward = same_weights(forward, kind(3, return_sequences=True, go_backwards=True))
        assert_array_equal(backward.predict(X), forward.predict(X[:, ::-1]))

    def test_goes_on_from_an_initial_state(self, kind: Any) -> None:
        whole = model_of(kind(3, return_sequences=True, return_state=True))
        _, h = whole.predict(X[:, :2])
        x, h0 = lstm.Input((None, 2)), lstm.Input((3,))
        rest = lstm.Model([x, h0], kind(3, return_sequences=True)(x, initial_state=[h0]))
        rest.set_weights(whole.get_weights())
        assert_array_equal(rest.predict([X[:, 2:], h]), whole.predict(X)[0][:, 2:])

    def test_stateful_goes_on_from_the_batch_before(self, kind: Any) -> None:
        whole = model_of(kind(3, return_sequences=True))
        stateful = same_weights(whole, kind(3, return_sequences=True, stateful=True))
        parts = [stateful.predict(part, batch_size=3) for part in (X[:, :2], X[:, 2:])]
        assert_array_equal(np.concatenate(parts, 1), whole.predict(X))
        stateful.reset_states()
        assert_array_equal(stateful.predict(X, batch_size=3), whole.predict(X))

    def test_a_state_is_one_array(self, kind: Any) -> None:
        model = model_of(kind(3, name="cell"))
        state = model.initial_state(batch_size=4)
        assert repr(state) == "State(batch_size=4, cell=(4, 3))"

    def test_unusable_options(self, kind: Any) -> None:
        for options, argument in (
            ({"units": 0}, "units"),
            ({"units": 2, "activation": "softmax"}, "activation"),
            ({"units": 2, "recurrent_dropout": 1.0}, "recurrent_dropout"),
            ({"units": 2, "stateful": True, "go_backwards": True}, "stateful"),
        ):
            with pytest.raises(InvalidValueError, match=argument):
                kind(**options)

    def test_unusable_calls(self, kind: Any) -> None:
        x, h = lstm.Input((None, 2)), lstm.Input((3,))
        with pytest.raises(
            InvalidValueError, match="initial_state: expected a hidden state, got 2"
        ):
            kind(3)(x, initial_state=[h, h])
        assert kind(3)(x, initial_state=h).shape == kind(3)(x, initial_state=[h]).shape
        with pytest.raises(InvalidShapeError, match="initial_state"):
            kind(4)(x, initial_state=[h])


class TestBidirectional:
    def parts(self, layer: Bidirectional) -> tuple[lstm.Model, list[NDArray[Any]]]:
        """A model, and the outputs of its forward and its backward half, in order of time."""
        model = model_of(layer)
        w = model.get_weights()
        ahead, back = (model_of(LSTM(3, return_sequences=True)) for _ in range(2))
        ahead.set_weights(w[:3])
        back.set_weights(w[3:])
        return model, [ahead.predict(X), back.predict(X[:, ::-1])[:, ::-1]]

    @pytest.mark.parametrize(
        ("mode", "merged"),
        [
            ("concat", lambda a, b: np.concatenate([a, b], -1)),
            ("sum", lambda a, b: a + b),
            ("ave", lambda a, b: (a + b) / 2),
            ("mul", lambda a, b: a * b),
        ],
    )
    def test_merge_modes(self, mode: str, merged: Any) -> None:
        layer = Bidirectional(LSTM(3, return_sequences=True), merge_mode=mode)
        model, (ahead, back) = self.parts(layer)
        assert_close(model.predict(X), merged(ahead, back), "pointwise")
        layer = Bidirectional(LSTM(3), merge_mode=mode)
        last, _ = self.parts(layer)
        assert_close(last.predict(X), merged(ahead[:, -1], back[:, 0]), "pointwise")

    def test_two_outputs(self) -> None:
        layer = Bidirectional(LSTM(3, return_sequences=True), merge_mode=None)
        model, parts = self.parts(layer)
        for y, expected in zip(model.predict(X), parts, strict=True):
            assert_array_equal(y, expected)

    def test_states_forward_then_backward(self) -> None:
        layer = Bidirectional(LSTM(3, return_sequences=True, return_state=True))
        model, (ahead, back) = self.parts(layer)
        y, h, c, back_h, back_c = model.predict(X)
        assert_array_equal(y, np.concatenate([ahead, back], -1))
        assert_array_equal(h, ahead[:, -1])
        assert_array_equal(back_h, back[:, 0])
        assert c.shape == back_c.shape == (3, 3)

    def test_initial_states(self) -> None:
        layer = Bidirectional(LSTM(3, return_state=True), merge_mode="sum")
        x, *given = [lstm.Input(s) for s in [(None, 2), (3,), (3,), (3,), (3,)]]
        model = lstm.Model([x, *given], layer(x, initial_state=given))
        states = list(np.random.default_rng(5).normal(size=(4, 3, 3)))
        y = model.predict([X[:, :0], *states])
        assert_array_equal(y[0], states[0] + states[2])
        for state, expected in zip(y[1:], states, strict=True):
            assert_array_equal(state, expected)

    def test_each_direction_takes_the_states_of_its_kind(self) -> None:
        options = {"return_state": True}
        layer = Bidirectional(
            LSTM(3, **options), None, backward_layer=GRU(3, go_backwards=True, **options)
        )
        x, *given = [lstm.Input(s) for s in [(None, 2), (3,), (3,), (3,)]]
        model = lstm.Model([x, *given], layer(x, initial_state=given))
        states = list(np.random.default_rng(5).normal(size=(3, 3, 3)).astype("f"))
        for state, got in zip(states, model.predict([X[:, :0], *states])[2:], strict=True):
            assert_array_equal(got, state)

    def test_backward_layer_of_its_own(self) -> None:
        layer = Bidirectional(LSTM(3), backward_layer=LSTM(4, go_backwards=True))
        assert model_of(layer).predict(X).shape == (3, 7)

    def test_the_halves_start_with_different_weights(self) -> None:
        w = _initial(Bidirectional(LSTM(3)))
        assert (w[0] != w[3]).all()

    @pytest.mark.parametrize(
        ("make", "argument"),
        [
            (lambda: Bidirectional(Dense(3)), "layer"),
            (lambda: Bidirectional(LSTM(3), merge_mode="max"), "merge_mode"),
            (lambda: Bidirectional(LSTM(3), backward_layer=LSTM(3)), "backward_layer"),
            (lambda: Bidirectional(LSTM(3), backward_layer=Dense(3)), "backward_layer"),
            (
                lambda: Bidirectional(
                    LSTM(3), backward_layer=LSTM(3, go_backwards=True, return_sequences=True)
                ),
                "backward_layer",
            ),
            (lambda: Bidirectional(LSTM(3, stateful=True)), "stateful"),
        ],
    )
    def test_unusable_options(self, make: Any, argument: str) -> None:
        with pytest.raises(InvalidValueError, match=argument):
            make()


class TestTimeDistributed:
    @pytest.mark.parametrize(
        "layer", [Dense(3), LSTM(3), Conv1D(2, 3)], ids=lambda layer: layer.name
    )
    def test_applies_the_layer_to_every_step(self, layer: Any) -> None:
        x = np.random.default_rng(6).normal(size=(3, 5, 4, 2))
        model = model_of(TimeDistributed(layer), (None, 4, 2))
        single = lstm.Model(step := lstm.Input((4, 2)), layer(step))
        for t in range(5):
            assert_array_equal(model.predict(x)[:, t], single.predict(x[:, t]))

    def test_needs_a_layer(self) -> None:
        with pytest.raises(InvalidTypeError, match="layer"):
            TimeDistributed(3)


TEXTS = [[3, 1, 4, 1, 5], [2, 6], [5, 3, 5]]
LEFT = lstm.text.pad_sequences(TEXTS)
RIGHT = lstm.text.pad_sequences(TEXTS, padding="post")


class TestMaskZero:
    @pytest.mark.parametrize("padded", [LEFT, RIGHT], ids=["left", "right"])
    @pytest.mark.parametrize(
        "layers",
        [
            lambda: [LSTM(3), Dense(2, activation="softmax")],
            lambda: [LSTM(3, return_sequences=True), LSTM(2)],
            lambda: [Bidirectional(LSTM(3, return_sequences=True)), Bidirectional(LSTM(2))],
            lambda: [Conv1D(3, 3, padding="causal"), LSTM(2)],
            lambda: [Conv1D(3, 2, padding="same"), LSTM(2)],
            lambda: [Conv1D(3, 2), LSTM(2)],
            lambda: [LSTM(3, go_backwards=True, return_sequences=True), LSTM(2)],
        ],
        ids=["lstm", "stack", "bidirectional", "causal", "same", "valid", "backwards"],
    )
    def test_padding_changes_nothing(self, padded: NDArray[Any], layers: Any) -> None:
        model = lstm.Sequential([Embedding(7, 3, mask_zero=True), *layers()])
        y = model.predict(padded)
        for row, text in enumerate(TEXTS):
            assert_close(y[row : row + 1], model.predict([text]), "lstm", terms=5)

    def test_without_it_padding_counts(self) -> None:
        model = lstm.Sequential([Embedding(7, 3), LSTM(3)])
        assert (model.predict(LEFT)[1] != model.predict([TEXTS[1]])[0]).all()

    def test_padded_steps_repeat_the_output_before(self) -> None:
        model = lstm.Sequential([Embedding(7, 3, mask_zero=True), LSTM(3, return_sequences=True)])
        left, right = model.predict(LEFT)[1], model.predict(RIGHT)[1]
        assert_array_equal(left[:3], np.zeros((3, 3)))
        assert_array_equal(left[3:], right[:2])
        assert_array_equal(right[2:], np.repeat(right[1:2], 3, axis=0))

    @pytest.mark.parametrize("padded", [LEFT, RIGHT], ids=["left", "right"])
    def test_padded_steps_are_no_part_of_the_loss(self, padded: NDArray[Any]) -> None:
        model = lstm.Sequential(
            [Embedding(7, 3, mask_zero=True), LSTM(3, return_sequences=True), Dense(7)]
        )
        loss = lstm.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("sgd", loss, ["accuracy"])
        together = model.evaluate(padded, padded)
        alone = [np.multiply(len(t), model.evaluate([t], [t])) for t in TEXTS]
        assert_close(together, sum(alone) / sum(map(len, TEXTS)), "lstm", terms=10)


def _gates(model: lstm.Model, x: NDArray[Any], h: NDArray[Any]) -> NDArray[Any]:
    w, r, b = model.get_weights()
    return x @ w + h @ r + b


def _initial(layer: Any) -> list[NDArray[Any]]:
    x = lstm.Input((None, 2))
    return lstm.Model(x, layer(x)).get_weights()

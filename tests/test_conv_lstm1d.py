"""ConvLSTM1D: by its equations, and against an LSTM; what it refuses."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

import lstm
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.layers import LSTM, Bidirectional, Concatenate, ConvLSTM1D, Flatten, Flip
from tolerances import assert_close

pytestmark = pytest.mark.usefixtures("float64")

RNG = np.random.default_rng(15)
X = RNG.normal(size=(2, 4, 7, 3))


def sigmoid(z: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(1 / (1 + np.exp(-z)))


def convolved(
    x: NDArray[Any], w: NDArray[Any], strides: int, padding: str, dilation: int
) -> NDArray[Any]:
    """x (B, N, C) by w (K, C, F), place by place."""
    reach = dilation * (len(w) - 1)
    outputs = -(-x.shape[1] // strides) if padding == "same" else x.shape[1] - reach
    outputs = outputs if padding == "same" else -(-outputs // strides)
    missing = max(0, (outputs - 1) * strides + reach + 1 - x.shape[1]) if padding == "same" else 0
    x = np.pad(x, ((0, 0), (missing // 2, missing - missing // 2), (0, 0)))
    y = np.zeros((len(x), outputs, w.shape[2]))
    for n in range(outputs):
        for k in range(len(w)):
            y[:, n] += x[:, n * strides + k * dilation] @ w[k]
    return y


@pytest.mark.parametrize(
    ("K", "strides", "padding", "dilation"),
    [
        (1, 1, "valid", 1),
        (3, 1, "valid", 1),
        (2, 1, "same", 1),
        (3, 2, "same", 1),
        (2, 3, "valid", 1),
        (3, 1, "valid", 2),
        (2, 1, "same", 3),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_equations(K: int, strides: int, padding: str, dilation: int, backwards: bool) -> None:
    options = {"strides": strides, "padding": padding, "dilation_rate": dilation}
    layer = ConvLSTM1D(
        *(2, K), **options, return_sequences=True, return_state=True, go_backwards=backwards
    )
    x = lstm.Input((None, 7, 3))
    model = lstm.Model(x, layer(x))
    w, r, b = (RNG.normal(size=weight.shape) for weight in model.get_weights())
    model.set_weights([w, r, b])
    y, h_n, c_n = model.predict(X)
    h = c = np.zeros(y[:, 0].shape)
    for k, x_t in enumerate(np.moveaxis(X, 1, 0)[:: -1 if backwards else 1]):
        z = convolved(x_t, w, strides, padding, dilation) + convolved(h, r, 1, "same", 1) + b
        i, f, g, o = np.split(z, 4, -1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        assert_close(y[:, k], h, "lstm", terms=4)
    assert_array_equal(h_n, y[:, -1])
    assert_close(c_n, c, "lstm", terms=4)


def test_of_one_place_it_is_an_lstm() -> None:
    """Also in training, with padding, and in the bias that it starts from."""
    lstm.set_seed(1)
    row, plain = (
        lstm.Sequential([lstm.Input((None, *shape)), *layers])
        for shape, layers in (
            ((1, 3), [ConvLSTM1D(4, 1), Flatten()]),
            ((3,), [LSTM(4)]),
        )
    )
    assert_array_equal(row.get_weights()[2], plain.get_weights()[2])
    weights = plain.get_weights()
    row.set_weights([weights[0][None], weights[1][None], weights[2]])
    sequences, y = [X[0, :, 0], X[1, :2, 0]], RNG.normal(size=(2, 4))
    rows = [sequence[:, None] for sequence in sequences]
    for model, x in ((row, rows), (plain, sequences)):
        model.compile(lstm.optimizers.SGD(0.1), "mse")
        model.fit(x, y, epochs=3, shuffle=False, verbose=0)
    assert_close(row.predict(rows), plain.predict(sequences), "lstm", terms=100)
    for mine, theirs in zip(row.get_weights(), plain.get_weights(), strict=True):
        assert_close(mine.reshape(theirs.shape), theirs, "lstm", terms=100)


def test_state_is_carried_and_given() -> None:
    stateful = lstm.Sequential([lstm.Input((None, 7, 3)), ConvLSTM1D(2, 3, stateful=True)])
    whole = stateful.predict(X)
    stateful.reset_states()
    stateful.predict(X[:, :1])
    assert_close(stateful.predict(X[:, 1:]), whole, "lstm", terms=4)

    x, h, c = lstm.Input((None, 7, 3)), lstm.Input((5, 2)), lstm.Input((5, 2))
    layer = ConvLSTM1D(2, 3)
    model = lstm.Model([x, h, c], layer(x, initial_state=[h, c]))
    layer.set_weights(stateful.get_weights())
    assert_close(model.predict([X, *np.zeros((2, 2, 5, 2))]), whole, "lstm", terms=4)
    assert np.abs(model.predict([X, *np.ones((2, 2, 5, 2))]) - whole).max() > 0.01


@pytest.mark.parametrize("sequences", [False, True])
def test_both_directions(sequences: bool, tmp_path: Any) -> None:
    """A Bidirectional is one forwards and one backwards, with padding and in training, too."""
    options: Any = {"return_sequences": sequences, "zero_output_for_mask": sequences}
    x = lstm.Input((None, 7, 3))
    halves = [ConvLSTM1D(2, 3, go_backwards=back, **options) for back in (False, True)]
    ahead, back = (half(x) for half in halves)
    by_hand = lstm.Model(x, Concatenate()([ahead, Flip()(back) if sequences else back]))
    both = lstm.Model(x, Bidirectional(ConvLSTM1D(2, 3, return_sequences=sequences))(x))
    first = [RNG.normal(size=weight.shape) for weight in both.get_weights()]
    both.set_weights(first)
    for half, weights in zip(halves, (first[:3], first[3:]), strict=True):
        half.set_weights(weights)
    data = [X[0], X[1, :2]]
    y = (
        [RNG.normal(size=(len(part), 5, 4)) for part in data]
        if sequences
        else RNG.normal(size=(2, 5, 4))
    )
    for model in (by_hand, both):
        model.compile(lstm.optimizers.SGD(0.1), "mse")
        model.fit(data, y, epochs=2, shuffle=False, verbose=0)
    expected = [weights for half in halves for weights in half.get_weights()]
    for ours, theirs in zip(both.get_weights(), expected, strict=True):
        assert_close(ours, theirs, "lstm", terms=100)
    assert_close(both.predict(X), by_hand.predict(X), "lstm", terms=100)
    both.save(tmp_path / "m.safetensors")
    again = lstm.load_model(tmp_path / "m.safetensors")
    assert_array_equal(again.predict(X), both.predict(X))
    assert_array_equal(lstm.models.clone_model(both).count_params(), both.count_params())


def test_states_of_both_directions() -> None:
    x, states = lstm.Input((None, 7, 3)), [lstm.Input((5, 2)) for _ in range(4)]
    layer = Bidirectional(ConvLSTM1D(2, 3, return_state=True), merge_mode="sum")
    model = lstm.Model([x, *states], layer(x, initial_state=states))
    ahead, back = (
        ConvLSTM1D(2, 3, return_state=True, go_backwards=backwards) for backwards in (False, True)
    )
    (y, *after), (z, *before) = (
        ahead(x, initial_state=states[:2]),
        back(x, initial_state=states[2:]),
    )
    by_hand = lstm.Model([x, *states], [y + z, *after, *before])
    by_hand.set_weights(model.get_weights())
    given = [X, *RNG.normal(size=(4, 2, 5, 2))]
    for ours, theirs in zip(model.predict(given), by_hand.predict(given), strict=True):
        assert_close(ours, theirs, "lstm", terms=4)


def test_regularizers_count() -> None:
    x, y = lstm.Input((None, 7, 3)), np.zeros((2, 5, 2))
    losses = []
    for options in ({}, {"kernel_regularizer": lstm.regularizers.L2(0.1)}):
        lstm.set_seed(2)
        model = lstm.Model(x, ConvLSTM1D(2, 3, **options)(x))
        model.compile("sgd", "mse")
        losses.append(model.evaluate(X, y))
    assert_close(losses[1] - losses[0], 0.1 * np.sum(model.get_weights()[0] ** 2), "lstm")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ConvLSTM1D(2, 3)(lstm.Input((None, 3))), InvalidShapeError, "axes .B, T, N, C."),
        (lambda: ConvLSTM1D(2, 3)(lstm.Input((5, None, 3))), InvalidShapeError, "N and C known"),
        (
            lambda: ConvLSTM1D(2, 3)(lstm.Input((5, 2, 3))),
            InvalidShapeError,
            "^input of conv_lstm1d: expected at least 3 places N",
        ),
        (
            lambda: ConvLSTM1D(2, 3, dilation_rate=2)(lstm.Input((5, 4, 3))),
            InvalidShapeError,
            "^input of conv_lstm1d: expected at least 5 places N",
        ),
        (lambda: ConvLSTM1D(2, 3, strides=2, dilation_rate=2), InvalidValueError, "dilation_rate"),
        (lambda: ConvLSTM1D(2, 3, padding="causal"), InvalidValueError, "padding: expected one"),
        (lambda: ConvLSTM1D(2, 3, dropout=0.5), InvalidValueError, "dropout: expected 0"),
        (lambda: ConvLSTM1D(2, 3, data_format="channels_first"), InvalidValueError, "data_format"),
    ],
)
def test_bad_input(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()

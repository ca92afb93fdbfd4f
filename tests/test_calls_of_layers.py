"""Layers are called as in Keras, and say what a call lacks."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm import layers
from lstm.errors import InvalidShapeError, InvalidTypeError

X = np.random.default_rng(0).normal(size=(4, 5, 2)).astype("f")


@pytest.mark.parametrize(
    "call",
    [
        lambda x: layers.Dense(3)(inputs=x),
        lambda x: layers.LSTM(3)(sequences=x),
        lambda x: layers.GRU(3)(inputs=x),
        lambda x: layers.RNN(layers.LSTMCell(3))(sequences=x),
        lambda x: layers.Bidirectional(layers.LSTM(3))(sequences=x),
        lambda x: layers.TimeDistributed(layers.Dense(3))(inputs=x),
        lambda x: layers.MultiHeadAttention(2, 3)(query=x, value=x, key=x),
        lambda x: layers.Attention()(inputs=[x, x]),
        lambda x: layers.Add()(inputs=[x, x]),
        lambda x: layers.Maximum()(inputs=[x, x]),
        lambda x: lstm.Sequential([layers.Dense(3)])(inputs=x),
    ],
)
def test_a_layer_is_called_by_name(call: Any) -> None:
    assert call(X).shape[1:] == call(lstm.Input((5, 2))).shape[1:]


@pytest.mark.parametrize("x", [X, lstm.Input((5, 2))])
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: layers.Dense(3)(), "^call of Dense: expected inputs, a tensor .*got nothing"),
        (lambda x: layers.LSTM(3)(), "^call of LSTM: expected inputs, a tensor .*got nothing"),
        (lambda x: layers.LSTM(3)(initial_state=x), "^call of LSTM: expected inputs"),
        (lambda x: layers.Attention()(), "^call of Attention: expected inputs"),
        (lambda x: layers.MultiHeadAttention(2, 3)(value=x), "expected query, .* got value"),
        (lambda x: layers.Attention()([x, x], causal=1), r"^call of Attention: .*'causal'"),
        (lambda x: layers.Lambda(lambda y: y)(x, x), "too many positional arguments"),
    ],
)
def test_a_call_says_what_it_lacks(call: Any, message: str, x: Any) -> None:
    with pytest.raises(InvalidTypeError, match=message):
        call(x)


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.TimeDistributed(layers.Dense(2)),
        lambda: layers.MultiHeadAttention(2, 3),
        lambda: layers.Softmax(),
        lambda: layers.SeparableConv1D(3, 2),
        lambda: layers.LayerNormalization(),
        lambda: layers.Bidirectional(layers.LSTM(2)),
        lambda: layers.Dense(2),
        lambda: layers.LSTM(2),
        lambda: layers.AdditiveAttention(),
    ],
)
@pytest.mark.parametrize("given", [None, "x", {"x": X}, np.float32(1)])
def test_what_is_no_tensor_is_refused(make: Any, given: Any) -> None:
    with pytest.raises((InvalidTypeError, InvalidShapeError), match=r"^inputs? of "):
        make()(given)


def test_a_tensor_may_be_alone_in_a_list() -> None:
    for layer in (layers.TimeDistributed(layers.Dense(2)), layers.Softmax(), layers.Dense(2)):
        assert_array_equal(layer([X]), layer(X))
        assert layer([lstm.Input((5, 2))]).shape == (None, 5, 2)
    with pytest.raises(InvalidTypeError, match=r"^input of softmax: expected one tensor, got 2"):
        layers.Softmax()([X, X])


@pytest.mark.parametrize(
    "layer", [lambda: layers.RNN(layers.GRUCell(3)), lambda: layers.Bidirectional(layers.GRU(3))]
)
def test_states_are_in_a_list(layer: Any) -> None:
    with pytest.raises(InvalidTypeError, match=r"^initial_state: expected a list of .*got int"):
        layer()(X, initial_state=3)

"""`lstm.ops`, operators and indexing on symbolic tensors, against the same in NumPy."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm import ops
from lstm.layers import Dense
from tolerances import assert_close

pytestmark = pytest.mark.usefixtures("float64")

X, Y = np.random.default_rng(3).normal(size=(2, 4, 3, 5, 1))


def softmax(x: Any) -> Any:
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


@pytest.mark.parametrize(
    ("symbolic", "plain"),
    [
        (lambda x, y: ops.squeeze(x), lambda x, y: x[..., 0]),
        (lambda x, y: ops.squeeze(x, axis=3), lambda x, y: x[..., 0]),
        (lambda x, y: ops.expand_dims(x), lambda x, y: x[..., None]),
        (lambda x, y: ops.expand_dims(x, 1), lambda x, y: x[:, None]),
        (lambda x, y: ops.expand_dims(x, -3), lambda x, y: x[:, :, None]),
        (lambda x, y: ops.reshape(x, (5, -1)), lambda x, y: x.reshape(4, 5, 3)),
        (lambda x, y: ops.transpose(x, (0, 2, 3, 1)), lambda x, y: x.transpose(0, 2, 3, 1)),
        (lambda x, y: ops.flip(x), lambda x, y: x[:, ::-1]),
        (lambda x, y: ops.flip(x, axis=-2), lambda x, y: x[:, :, ::-1]),
        (lambda x, y: ops.concatenate([x, y]), lambda x, y: np.concatenate([x, y], -1)),
        (lambda x, y: ops.concatenate([x, y, x], 1), lambda x, y: np.concatenate([x, y, x], 1)),
        (lambda x, y: ops.add(x, y), lambda x, y: x + y),
        (lambda x, y: x + y, lambda x, y: x + y),
        (lambda x, y: ops.multiply(x, y), lambda x, y: x * y),
        (lambda x, y: x * y * x, lambda x, y: x * y * x),
        (lambda x, y: ops.relu(x), lambda x, y: np.maximum(x, 0)),
        (lambda x, y: ops.sigmoid(x), lambda x, y: 1 / (1 + np.exp(-x))),
        (lambda x, y: ops.tanh(x), lambda x, y: np.tanh(x)),
        (lambda x, y: ops.softmax(ops.squeeze(x)), lambda x, y: softmax(x[..., 0])),
        (lambda x, y: x[:, -1], lambda x, y: x[:, -1]),
        (lambda x, y: x[:, 1:, ::-2], lambda x, y: x[:, 1:, ::-2]),
        (lambda x, y: x[..., 0], lambda x, y: x[..., 0]),
        (lambda x, y: x[:, 0, 2:4, :], lambda x, y: x[:, 0, 2:4, :]),
        (lambda x, y: x[:, ..., -2:, 0], lambda x, y: x[:, ..., -2:, 0]),
    ],
)
def test_is_as_in_numpy(symbolic: Any, plain: Any) -> None:
    x, y = lstm.Input((3, 5, 1)), lstm.Input((3, 5, 1))
    result = symbolic(x, y)
    expected = plain(X, Y)
    assert result.shape == (None, *expected.shape[1:])
    assert result.ndim == expected.ndim
    model = lstm.Model([x, y], [result, y])
    assert_close(model.predict([X, Y])[0], expected, "pointwise")


def test_make_up_a_layer() -> None:
    class Highway(lstm.layers.Layer):
        """A gate between the input and what a layer makes of it."""

        def __init__(self, units: int) -> None:
            super().__init__()
            self.units = units
            self.change = Dense(units, activation="tanh", name="change")
            self.gate = Dense(units, activation="sigmoid", name="gate")

        def call(self, inputs: Any) -> Any:
            gate = self.gate(inputs)
            return gate * self.change(inputs) + inputs

    layer = Highway(5)
    x = lstm.Input((5,))
    model = lstm.Model(x, layer(layer(x)))
    assert list(model.graph.weights) == [
        "highway/gate/kernel",
        "highway/gate/bias",
        "highway/change/kernel",
        "highway/change/bias",
    ]
    w, b, v, a = model.get_weights()  # As the class keeps them.
    expected = X[:, 0, :, 0]
    for _ in range(2):
        gate = 1 / (1 + np.exp(-(expected @ v + a)))
        expected = gate * np.tanh(expected @ w + b) + expected
    assert_close(model.predict(X[:, 0, :, 0]), expected, "product", terms=10)
    assert layer.get_config() == {"units": 5, "name": "highway", "trainable": True}


def test_layers_with_several_inputs_take_them_either_way() -> None:
    x, y = lstm.Input((2,)), lstm.Input((2,))
    a = lstm.Model([x, y], lstm.layers.Add()(x, y))
    b = lstm.Model([x, y], lstm.layers.Add()([x, y]))
    data = [X[:, 0, :2, 0], Y[:, 0, :2, 0]]
    assert_array_equal(a.predict(data), b.predict(data))

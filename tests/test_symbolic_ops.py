"""`lstm.ops`, operators and indexing on symbolic tensors, against the same in NumPy."""

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm import ops
from lstm.errors import InvalidTypeError
from lstm.layers import Dense, Layer
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
        (lambda x, y: ops.reshape(x, (-1, 5, 3)), lambda x, y: x.reshape(4, 5, 3)),
        (lambda x, y: ops.reshape(x, (ops.shape(x)[0], 5, -1)), lambda x, y: x.reshape(4, 5, 3)),
        (lambda x, y: ops.transpose(x, (0, 2, 3, 1)), lambda x, y: x.transpose(0, 2, 3, 1)),
        (lambda x, y: ops.flip(x, 1), lambda x, y: x[:, ::-1]),
        (lambda x, y: ops.flip(x, axis=-2), lambda x, y: x[:, :, ::-1]),
        (lambda x, y: ops.concatenate([x, y]), lambda x, y: np.concatenate([x, y], -1)),
        (lambda x, y: ops.concatenate([x, y, x], 1), lambda x, y: np.concatenate([x, y, x], 1)),
        (lambda x, y: ops.add(x, y), lambda x, y: x + y),
        (lambda x, y: x + y, lambda x, y: x + y),
        (lambda x, y: ops.multiply(x, y), lambda x, y: x * y),
        (lambda x, y: x * y * x, lambda x, y: x * y * x),
        (lambda x, y: sum([x, y, x]), lambda x, y: 2 * x + y),
        (lambda x, y: ops.relu(x), lambda x, y: np.maximum(x, 0)),
        (lambda x, y: ops.sigmoid(x), lambda x, y: 1 / (1 + np.exp(-x))),
        (lambda x, y: ops.tanh(x), lambda x, y: np.tanh(x)),
        (lambda x, y: ops.softmax(ops.squeeze(x)), lambda x, y: softmax(x[..., 0])),
        (lambda x, y: x[:, -1], lambda x, y: x[:, -1]),
        (lambda x, y: x[:, 1:, ::-2], lambda x, y: x[:, 1:, ::-2]),
        (lambda x, y: x[..., 0], lambda x, y: x[..., 0]),
        (lambda x, y: x[:, 0, 2:4, :], lambda x, y: x[:, 0, 2:4, :]),
        (lambda x, y: x[:, ..., -2:, 0], lambda x, y: x[:, ..., -2:, 0]),
        (lambda x, y: x[:, None], lambda x, y: x[:, None]),
        (lambda x, y: x[:, :, None], lambda x, y: x[:, :, None]),
        (lambda x, y: x[..., None], lambda x, y: x[..., None]),
        (lambda x, y: x[:, None, -1, None], lambda x, y: x[:, None, -1, None]),
        (lambda x, y: x[:, None, ..., 1:3], lambda x, y: x[:, None, ..., 1:3]),
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


class TestHaveNoValues:
    """What needs values is refused, and never done to the tensor as an object."""

    @pytest.mark.parametrize(
        ("use", "got"),
        [
            (np.sum, "sum of NumPy"),
            (lambda x: np.max(x, axis=-1), "max of NumPy"),
            (np.mean, "mean of NumPy"),
            (np.nan_to_num, "nan_to_num of NumPy"),
            (np.linalg.norm, "norm of NumPy"),
            (np.exp, "exp of NumPy"),
            (np.add.reduce, "add of NumPy"),
            (lambda x: np.stack([x, x]), "stack of NumPy"),
            (np.asarray, "a conversion to an array of NumPy"),
            (lambda x: np.array([x, x]), "a conversion to an array of NumPy"),
            (lambda x: x if x else None, "a branch on it"),
            (lambda x: not x, "a branch on it"),
            (lambda x: max(x, 0), "a branch on it"),
            (lambda x: x // 2, "x // ..."),
            (lambda x: 7 % x, "... % x"),
            (len, "its len()"),
            (list, "a loop over it"),
            (lambda x: 3 in x, "a search in it"),
            (float, "a conversion to a number"),
            (int, "a conversion to a number"),
            (math.sqrt, "a conversion to a number"),
            (range, "a conversion to a number"),
            (lambda x: x.__setitem__(0, 1), "an assignment to a part of it"),
            (round, "round(x)"),
        ],
    )
    def test_what_needs_them_is_refused(self, use: Callable[[Any], Any], got: str) -> None:
        class Own(Layer):
            def call(self, inputs: Any) -> Any:
                return use(inputs)

        for refused in (use, Own(), lstm.layers.Lambda(use)):
            with pytest.raises(InvalidTypeError) as error:
                refused(lstm.Input((3, 2)))
            message = str(error.value)
            assert message.startswith("symbolic tensor: expected layers, functions of lstm.ops")
            assert "it has no values" in message
            assert error.value.got == got

    @pytest.mark.parametrize(
        ("use", "near"),
        [
            (np.tanh, "tanh"),
            (lambda x: np.concatenate([x, x], -1), "concatenate"),
            (np.squeeze, "squeeze"),
            (lambda x: np.expand_dims(x, -1), "expand_dims"),
            (lambda x: np.swapaxes(x, 1, 2), "swapaxes"),
            (lambda x: np.maximum(x, 0), "maximum"),
            (lambda x: x.reshape(-1), "reshape"),
            (lambda x: x.T, "transpose"),
        ],
    )
    def test_the_nearest_of_our_functions_is_named(
        self, use: Callable[[Any], Any], near: str
    ) -> None:
        assert callable(getattr(ops, near))
        with pytest.raises(Exception, match=rf"\(did you mean lstm\.ops\.{near}\?\)"):
            use(lstm.Input((3, 2)))

    def test_attributes_that_are_not_there_are_missed_as_such(self) -> None:
        x = lstm.Input((3, 2))
        with pytest.raises(AttributeError, match=r"^symbolic tensor: expected.*got \.mean$"):
            x.mean()
        assert not hasattr(x, "mean")
        assert not hasattr(x, "__array_interface__")
        assert x.dtype == "float32"

    def test_they_stay_objects_that_can_be_kept(self) -> None:
        x, y = lstm.Input((3, 2)), lstm.Input((3, 2))
        assert x == x
        assert x != y
        assert {x: 1, y: 2}[x] == 1
        assert [x, y].index(y) == 1
        for again in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
            assert again.shape == (None, 3, 2)


def test_a_function_of_several_steps_is_one_row_with_its_shape(
    capsys: pytest.CaptureFixture[str],
) -> None:
    x = lstm.Input((None, 1, 1))
    lstm.Model(x, ops.squeeze(x, axis=(2, 3))).summary()
    lines = capsys.readouterr().out.splitlines()
    (row,) = (line for line in lines if line.startswith("squeeze"))
    assert row.split() == ["squeeze", "(Lambda)", "(None,", "None)", "0"]

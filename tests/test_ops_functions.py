"""The functions of `lstm.ops`, on tensors and on arrays, against the same in NumPy."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm import ops
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from tolerances import assert_close

pytestmark = pytest.mark.usefixtures("float64")

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(2, 4, 3, 5))
P = np.abs(X) + 0.3
W = RNG.normal(size=(5, 2))
ROW = RNG.normal(size=5)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def softmax(x: Any, axis: int = -1) -> Any:
    return np.exp(x) / np.exp(x).sum(axis, keepdims=True)


_erf = np.vectorize(math.erf)

ELEMENTWISE: list[tuple[Callable[..., Any], Callable[..., Any]]] = [
    (lambda x: x + 1, lambda x: x + 1),
    (lambda x: 1 + x, lambda x: 1 + x),
    (lambda x: x - 2, lambda x: x - 2),
    (lambda x: 2 - x, lambda x: 2 - x),
    (lambda x: 3 * x, lambda x: 3 * x),
    (lambda x: x / 4, lambda x: x / 4),
    (lambda x: 4 / x, lambda x: 4 / x),
    (lambda x: -x, lambda x: -x),
    (lambda x: x**2, lambda x: x**2),
    (lambda x: 2**x, lambda x: 2**x),
    (lambda x: abs(x), abs),
    (lambda x: x > 0.1, lambda x: x > 0.1),
    (lambda x: x >= 0.1, lambda x: x >= 0.1),
    (lambda x: x < 0.1, lambda x: x < 0.1),
    (lambda x: x >= 0.1, lambda x: x >= 0.1),
    (lambda x: x * ROW, lambda x: x * ROW),
    (lambda x: ROW - x, lambda x: ROW - x),
    (lambda x: ops.subtract(x, ops.mean(x, -1, True)), lambda x: x - x.mean(-1, keepdims=True)),
    (lambda x: ops.maximum(x, 0.2), lambda x: np.maximum(x, 0.2)),
    (lambda x: ops.minimum(0.2, x), lambda x: np.minimum(x, 0.2)),
    (lambda x: ops.clip(x, -0.5, 0.5), lambda x: np.clip(x, -0.5, 0.5)),
    (lambda x: ops.where(x > 0, x, -2.0 * x), lambda x: np.where(x > 0, x, -2 * x)),
    (lambda x: ops.where(x > 0, 1.0, 0.0), lambda x: np.where(x > 0, 1.0, 0.0)),
    (lambda x: ops.equal(ops.sign(x), 1.0), lambda x: np.sign(x) == 1),
    (lambda x: ops.not_equal(x, x), lambda x: x != x),
    (lambda x: ops.logical_and(x > 0, x < 1), lambda x: (x > 0) & (x < 1)),
    (lambda x: ops.logical_or(x < 0, x > 1), lambda x: (x < 0) | (x > 1)),
    (ops.exp, np.exp),
    (ops.expm1, np.expm1),
    (ops.square, np.square),
    (ops.floor, np.floor),
    (ops.sin, np.sin),
    (ops.cos, np.cos),
    (ops.erf, _erf),
    (ops.sigmoid, sigmoid),
    (ops.hard_sigmoid, lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    (ops.tanh, np.tanh),
    (ops.relu6, lambda x: np.clip(x, 0, 6)),
    (ops.leaky_relu, lambda x: np.where(x > 0, x, 0.2 * x)),
    (ops.elu, lambda x: np.where(x > 0, x, np.expm1(x))),
    (
        ops.selu,
        lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    ),
    (lambda x: ops.gelu(x, approximate=False), lambda x: x * (1 + _erf(x / math.sqrt(2))) / 2),
    (ops.silu, lambda x: x * sigmoid(x)),
    (ops.softplus, lambda x: np.log1p(np.exp(x))),
    (ops.softsign, lambda x: x / (1 + np.abs(x))),
    (ops.log_sigmoid, lambda x: np.log(sigmoid(x))),
    (ops.mish, lambda x: x * np.tanh(np.log1p(np.exp(x)))),
    (ops.hard_tanh, lambda x: np.clip(x, -1, 1)),
    (ops.zeros_like, np.zeros_like),
    (ops.ones_like, np.ones_like),
]

OF_POSITIVE: list[tuple[Callable[..., Any], Callable[..., Any]]] = [
    (ops.log, np.log),
    (ops.log1p, np.log1p),
    (ops.sqrt, np.sqrt),
    (ops.rsqrt, lambda x: 1 / np.sqrt(x)),
    (ops.reciprocal, lambda x: 1 / x),
    (lambda x: x**0.7, lambda x: x**0.7),
    (lambda x: ops.power(x, ops.sin(x)), lambda x: x ** np.sin(x)),
]

REDUCED: list[tuple[Callable[..., Any], Callable[..., Any]]] = [
    (lambda x: ops.sum(x, 1), lambda x: x.sum(1)),
    (lambda x: ops.sum(x, (1, 2)), lambda x: x.sum((1, 2))),
    (lambda x: ops.mean(x, -1, keepdims=True), lambda x: x.mean(-1, keepdims=True)),
    (lambda x: ops.max(x, 1), lambda x: x.max(1)),
    (lambda x: ops.min(x, axis=[1, 2]), lambda x: x.min((1, 2))),
    (lambda x: ops.var(x, 2), lambda x: x.var(2)),
    (lambda x: ops.std(x, 1, keepdims=True), lambda x: x.std(1, keepdims=True)),
    (lambda x: ops.norm(x, -1), lambda x: np.linalg.norm(x, axis=-1)),
    (lambda x: ops.any(x > 1.5, 1), lambda x: (x > 1.5).any(1)),
    (lambda x: ops.all(x > -1.5, 1), lambda x: (x > -1.5).all(1)),
    (lambda x: ops.count_nonzero(x > 0, 1), lambda x: (x > 0).sum(1)),
    (lambda x: ops.logsumexp(x, -1), lambda x: np.log(np.exp(x).sum(-1))),
    (lambda x: ops.softmax(x, 1), lambda x: softmax(x, 1)),
    (lambda x: ops.log_softmax(x), lambda x: np.log(softmax(x))),
    (lambda x: ops.cumsum(x, 1), lambda x: x.cumsum(1)),
    (lambda x: ops.normalize(x), lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True)),
]

SHAPED: list[tuple[Callable[..., Any], Callable[..., Any]]] = [
    (lambda x: ops.transpose(x, (0, 2, 1)), lambda x: x.transpose(0, 2, 1)),
    (lambda x: ops.expand_dims(x, (-1, 1)), lambda x: np.expand_dims(x, (-1, 1))),
    (lambda x: ops.expand_dims(x, [2, 3]), lambda x: np.expand_dims(x, (2, 3))),
    (lambda x: ops.swapaxes(x, 1, 2), lambda x: x.swapaxes(1, 2)),
    (lambda x: ops.moveaxis(x, -1, 1), lambda x: np.moveaxis(x, -1, 1)),
    (lambda x: ops.stack([x, 2 * x], axis=1), lambda x: np.stack([x, 2 * x], 1)),
    (lambda x: ops.unstack(x, axis=2)[1], lambda x: x[:, :, 1]),
    (lambda x: ops.split(x, [2, 3], axis=2)[2], lambda x: np.split(x, [2, 3], 2)[2]),
    (lambda x: ops.split(x, 3, axis=1)[1], lambda x: np.split(x, 3, 1)[1]),
    (lambda x: ops.take(x, [0, 0, 4], axis=-1), lambda x: x[..., [0, 0, 4]]),
    (lambda x: ops.take(x, 1, axis=1), lambda x: x[:, 1]),
    (lambda x: ops.repeat(x, 2, axis=1), lambda x: np.repeat(x, 2, 1)),
    (lambda x: ops.tile(x, (1, 2, 1)), lambda x: np.tile(x, (1, 2, 1))),
    (lambda x: ops.roll(x, 1, axis=1), lambda x: np.roll(x, 1, 1)),
    (
        lambda x: ops.pad(x, ((0, 0), (1, 2), (0, 1)), constant_values=7),
        lambda x: np.pad(x, ((0, 0), (1, 2), (0, 1)), constant_values=7),
    ),
    (lambda x: ops.cast(x > 0, "float32"), lambda x: x > 0),
    (lambda x: ops.cast(x, "bool"), lambda x: x != 0),
    (lambda x: ops.stop_gradient(x), lambda x: x),
    (lambda x: ops.convert_to_tensor(x), lambda x: x),
]

PRODUCTS: list[tuple[Callable[..., Any], Callable[..., Any]]] = [
    (lambda x: x @ W, lambda x: x @ W),
    (lambda x: ops.dot(x, W), lambda x: x @ W),
    (lambda x: ops.matmul(x, ROW), lambda x: x @ ROW),
    (lambda x: ops.matmul(x, ops.swapaxes(x, 1, 2)), lambda x: x @ x.swapaxes(1, 2)),
    (lambda x: ops.einsum("btd,df->btf", x, W), lambda x: x @ W),
    (lambda x: ops.einsum("...d,df->...f", x, W), lambda x: x @ W),
    (lambda x: ops.einsum("...d, ...d -> ...", x, x), lambda x: (x * x).sum(-1)),
    (lambda x: ops.einsum("btd,btd->bt", x, x), lambda x: (x * x).sum(-1)),
    (lambda x: ops.einsum("btd,bsd->bst", x, x), lambda x: np.einsum("btd,bsd->bst", x, x)),
    (lambda x: ops.einsum("btd,bsd->bs", x, x), lambda x: np.einsum("btd,bsd->bs", x, x)),
    (lambda x: ops.einsum("btd,fd->fbt", x, W.T), lambda x: np.einsum("btd,fd->fbt", x, W.T)),
    (lambda x: ops.tensordot(x, W, 1), lambda x: np.tensordot(x, W, 1)),
    (lambda x: ops.tensordot(x, W, [[2], [0]]), lambda x: np.tensordot(x, W, [[2], [0]])),
]


def same(made: Callable[..., Any], plain: Callable[..., Any], values: Any, kind: str) -> None:
    """Assert that a function of tensors, and of arrays, is that of NumPy."""
    expected = np.asarray(plain(values), np.float64)
    assert_close(np.asarray(made(values)), expected, kind, terms=60, dtype="float64")
    x = lstm.Input(values.shape[1:])
    y = made(x)
    assert len(y.shape) == expected.ndim
    assert all(size in (None, n) for size, n in zip(y.shape, expected.shape, strict=True))
    if y.shape[0] is None:
        model = lstm.Model(x, y)
        assert_close(model.predict(values), expected, kind, terms=60)


@pytest.mark.parametrize(("made", "plain"), ELEMENTWISE)
def test_of_each_number(made: Callable[..., Any], plain: Callable[..., Any]) -> None:
    same(made, plain, X, "pointwise")


@pytest.mark.parametrize(("made", "plain"), OF_POSITIVE)
def test_of_positive_numbers(made: Callable[..., Any], plain: Callable[..., Any]) -> None:
    same(made, plain, P, "pointwise")


@pytest.mark.parametrize(("made", "plain"), REDUCED)
def test_along_axes(made: Callable[..., Any], plain: Callable[..., Any]) -> None:
    same(made, plain, X, "loss")


@pytest.mark.parametrize(("made", "plain"), SHAPED)
def test_that_move_numbers(made: Callable[..., Any], plain: Callable[..., Any]) -> None:
    same(made, plain, X, "copy")


@pytest.mark.parametrize(("made", "plain"), PRODUCTS)
def test_products(made: Callable[..., Any], plain: Callable[..., Any]) -> None:
    same(made, plain, X, "product")


def test_one_hot_of_integers() -> None:
    tokens = np.array([[2, 0], [1, 1]])
    assert_array_equal(ops.one_hot(tokens, 3), np.eye(3)[tokens])
    x = lstm.Input((2,))
    assert_array_equal(lstm.Model(x, ops.one_hot(x, 3)).predict(tokens), np.eye(3)[tokens])


def test_arrays_that_are_made() -> None:
    assert_array_equal(ops.zeros((2, 3)), np.zeros((2, 3)))
    assert_array_equal(ops.ones((2,)), np.ones(2))
    assert_array_equal(ops.eye(2), np.eye(2))
    assert_array_equal(ops.arange(3), [0, 1, 2])
    assert ops.argmax(X, axis=1).tolist() == X.argmax(1).tolist()
    assert ops.shape(lstm.Input((None, 3))) == (None, None, 3)
    assert type(ops.add([1.0], 1.0).numpy()) is np.ndarray


def test_a_sum_over_everything_is_a_number() -> None:
    x = lstm.Input((3, 5))
    assert ops.sum(x).shape == ()
    assert float(ops.sum(X)) == pytest.approx(X.sum())


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda x: x + lstm.Input((4, 5)), InvalidShapeError, "equal or 1 along each axis"),
        (lambda x: ops.sum(x, 5), InvalidShapeError, "axes of 3"),
        (lambda x: ops.sum(x, (1, 1)), InvalidValueError, "each axis once"),
        (lambda x: ops.einsum("btd,de->btf", x, W), InvalidValueError, "letters"),
        (lambda x: ops.einsum("btd->bt", x), InvalidShapeError, "two tensors"),
        (lambda x: ops.einsum("...d,...de->...e", x, W), InvalidShapeError, "axes as in"),
        (lambda x: ops.matmul(x, np.ones((4, 2))), InvalidShapeError, "one size of 'x'"),
        (lambda x: ops.take(x, [7], axis=1), InvalidValueError, r"places in \[-3, 3\)"),
        (lambda x: ops.take(x, [0.5], axis=1), InvalidTypeError, "integers"),
        (lambda x: ops.argmax(x), InvalidTypeError, "no gradient"),
        (lambda x: x + "a", InvalidTypeError, "numbers"),
        (
            lambda x: ops.softmax(x, 3),
            InvalidShapeError,
            "axis of softmax: expected one of 3, got 3",
        ),
        (lambda x: ops.softmax(x, -4), InvalidShapeError, "axis of softmax: expected one of 3"),
        (lambda x: ops.softmax(x, (1, 2)), InvalidTypeError, "axis of softmax: expected one axis"),
        (lambda x: ops.expand_dims(x, (0, -1)), InvalidValueError, "an axis after the batch"),
        (lambda x: ops.expand_dims(x, (1, -4)), InvalidValueError, "different axes of the 5"),
        (lambda x: ops.expand_dims(x, (1, 5)), InvalidValueError, "one of 5 axes, got 5"),
        (lambda x: ops.split(x, 2, axis=1), InvalidValueError, "a divisor of 3"),
    ],
)
def test_bad_input(use: Callable[[Any], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        use(lstm.Input((3, 5)))


@pytest.mark.parametrize("axis", [3, (1, 2)])
def test_axes_of_a_softmax_of_an_array(axis: Any) -> None:
    with pytest.raises(InvalidValueError, match="axis of softmax: expected one"):
        ops.softmax(X, axis)


def test_nothing_learns_through_stop_gradient() -> None:
    x = lstm.Input((2,))
    y = lstm.layers.Dense(1, use_bias=False)(x)
    model = lstm.Model(x, ops.stop_gradient(y) + 0.0 * y)
    before = np.copy(model.get_weights()[0])
    model.compile(lstm.optimizers.SGD(0.5), "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    assert_array_equal(model.get_weights()[0], before)

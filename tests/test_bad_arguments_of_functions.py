"""Arguments of functions and layers that make no sense: the error names them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import lstm
from lstm import layers, losses, ops
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.text import TextVectorization

X = np.random.default_rng(19).uniform(0.5, 2, (2, 3)).astype("f")
RAGGED = [[1], [1, 2]]


def tensor() -> Any:
    return lstm.Input((4, 3))


def texts(**options: Any) -> TextVectorization:
    return TextVectorization(vocabulary=["a", "b"], **options)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: ops.power(0.0, tensor()), InvalidValueError, "x1: expected a number above 0"),
        (lambda: (-2.0) ** tensor(), InvalidValueError, r"x1: .* got -2\.0"),
        (lambda: ops.tensordot(X, X.T, 3), InvalidValueError, "axes: expected at most 2 axes"),
        (lambda: ops.tensordot(X, X.T, -1), InvalidValueError, "axes: expected at most 2 axes"),
        (lambda: ops.tensordot(X, X.T, [[0, 1], [0]]), InvalidValueError, "axes: .* as many of x1"),
        (lambda: ops.tensordot(X, X.T, [[0]]), InvalidValueError, "axes: .* as many of x1"),
        (lambda: ops.tensordot(X, X.T, [[5], [0]]), InvalidValueError, "axes: expected one of 2"),
        (lambda: ops.tensordot(X, X.T, "a"), InvalidTypeError, "axes: "),
        (lambda: ops.einsum(3, X, X), InvalidTypeError, "subscripts: expected a str"),
        (
            lambda: ops.transpose(X, (0, 5)),
            InvalidValueError,
            "axes: expected one of 2 axes, got 5",
        ),
        (lambda: ops.transpose(X, (0, 0)), InvalidValueError, "axes: expected each of 2 axes once"),
        (lambda: ops.transpose(tensor(), (0, 1)), InvalidValueError, "axes: expected each of 3"),
        (lambda: ops.split(X, 0), InvalidValueError, "indices_or_sections: expected a divisor of"),
        (lambda: ops.split(X, "a"), InvalidTypeError, "indices_or_sections: "),
        (lambda: ops.cast([1], "foo"), InvalidValueError, "dtype: expected the name of a dtype"),
        (lambda: ops.cast(tensor(), "foo"), InvalidValueError, "dtype: expected the name of"),
        (lambda: ops.cast(["a"], "float32"), InvalidTypeError, "x: expected numbers"),
        (lambda: ops.convert_to_tensor(RAGGED), InvalidShapeError, "x: expected an array"),
        (lambda: ops.convert_to_tensor([1], "foo"), InvalidValueError, "dtype: "),
        (lambda: ops.shape(RAGGED), InvalidShapeError, "x: expected an array"),
        (lambda: ops.arange(0, 1, 0), InvalidValueError, "step: expected a number that is not 0"),
        (lambda: ops.arange("a"), InvalidTypeError, "stop: expected a finite number"),
        (lambda: ops.arange(3, dtype="foo"), InvalidValueError, "dtype: "),
        (lambda: ops.zeros((2,), "foo"), InvalidValueError, "dtype: "),
        (lambda: ops.ones((-2,)), InvalidValueError, "shape: expected an integer of at least 0"),
        (lambda: ops.eye(-1), InvalidValueError, "N: expected an integer of at least 0"),
        (lambda: losses.MeanSquaredError()(RAGGED, RAGGED), InvalidShapeError, "y_true: "),
        (lambda: losses.MeanSquaredError()([1.0], ["a"]), InvalidTypeError, "y_pred: expected num"),
        (lambda: losses.hinge(["a"], [1.0]), InvalidTypeError, "y_true: expected numbers"),
        (lambda: losses.kl_divergence([[1.0]], RAGGED), InvalidShapeError, "y_pred: "),
        (lambda: texts()([b"a \xff b"]), InvalidValueError, r"inputs: .* 'utf-8', got b'\\xff' at"),
        (lambda: texts(encoding="foo"), InvalidValueError, "encoding: expected the name of an enc"),
        (lambda: texts(split=lambda s: None)(["a"]), InvalidTypeError, "result of split: .* None"),
        (lambda: texts(split=lambda s: s)(["a"]), InvalidTypeError, "result of split: "),
        (lambda: texts(split=lambda s: [["a"]])(["a", "b"]), InvalidTypeError, "result of split: "),
        (lambda: layers.RNN([]), InvalidValueError, "cell: expected a cell, or at least one"),
        (lambda: layers.PReLU(shared_axes=[7])(tensor()), InvalidValueError, "shared_axes of p"),
        (lambda: layers.Lambda(lambda x: "a")(tensor()), InvalidTypeError, "result of lambda: "),
        (lambda: layers.Lambda(lambda x: None)(tensor()), InvalidTypeError, "result of lambda: "),
    ],
)
def test_are_named(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=f"^{message}"):
        call()


def test_numbers_have_powers_that_are_arrays() -> None:
    powers = np.array([0.0, 2.0, 3.0], "f")
    assert_allclose(ops.power(0.0, powers), [1, 0, 0])
    assert_allclose(ops.power(-2.0, powers), [1, 4, -8], rtol=1e-6)


def test_what_makes_sense_is_taken() -> None:
    assert ops.zeros(3).shape == (3,)
    assert ops.ones((2,), "bfloat16").dtype == np.float32
    assert ops.concatenate(np.ones((2, 3, 1))).shape == (3, 2)
    made = texts(standardize=None, split=lambda rows: (row.split("-") for row in rows))(
        ["a-b", "b-c"]
    )
    assert made.tolist() == [[2, 3], [3, 1]]
    assert_allclose(ops.tensordot(X, X, [[-1], [-1]]), X @ X.T, rtol=1e-6)

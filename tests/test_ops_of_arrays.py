"""Functions of `lstm.ops` on arrays alone: their first axis is one like all others."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm import ops
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers.eager import Tensor

RNG = np.random.default_rng(13)
X = RNG.normal(size=(2, 3, 1)).astype("f")
Y = RNG.normal(size=(4, 3, 1)).astype("f")
WIDTHS = (1, 2), (0, 1), (0, 0)
IDS = [[3, 1, 2], [5, 4, 0]]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (lambda: ops.expand_dims(X, 0), X[None]),
        (lambda: ops.expand_dims(X, (0, -1)), X[None, ..., None]),
        (lambda: ops.expand_dims(7, 0), np.array([7])),
        (lambda: ops.squeeze(X), X[..., 0]),
        (lambda: ops.squeeze(X[:1]), X[0, :, 0]),
        (lambda: ops.squeeze(X[:1], 0), X[0]),
        (lambda: ops.concatenate([X, Y], 0), np.concatenate([X, Y])),
        (lambda: ops.concatenate([X, Y], -3), np.concatenate([X, Y])),
        (lambda: ops.concatenate([IDS, [[7], [8]]], 1), np.array([[3, 1, 2, 7], [5, 4, 0, 8]])),
        (lambda: ops.stack([X, X]), np.stack([X, X])),
        (lambda: ops.unstack(X)[1], X[1]),
        (lambda: ops.unstack(X, 3, axis=1)[2], X[:, 2]),
        (lambda: ops.split(Y, [1, 3])[1], Y[1:3]),
        (lambda: ops.flip(Y), Y[::-1, ::-1, ::-1]),
        (lambda: ops.flip(Y, 0), Y[::-1]),
        (lambda: ops.tile(X, 2), np.tile(X, 2)),
        (lambda: ops.tile(X, (2, 1, 1, 3)), np.tile(X, (2, 1, 1, 3))),
        (
            lambda: ops.pad(X, WIDTHS, 5),
            np.pad(X, WIDTHS, constant_values=5),
        ),
        (lambda: ops.pad(IDS, 1), np.pad(IDS, 1)),
        (lambda: ops.take(Y, 2), Y.reshape(-1)[2]),
        (lambda: ops.take(Y, [[0, -1], [5, 5]]), np.take(Y, [[0, -1], [5, 5]])),
        (lambda: ops.take(Y, [[0], [3]], axis=0), Y[[[0], [3]]]),
        (lambda: ops.take(Y, -1, axis=0), Y[-1]),
        (lambda: ops.repeat(X, 2), np.repeat(X, 2)),
        (lambda: ops.repeat(X, [2, 0, 3], axis=1), np.repeat(X, [2, 0, 3], 1)),
        (lambda: ops.split(Y, np.int64(2))[1], Y[2:]),
        (lambda: ops.repeat(X, 0, axis=0), X[:0]),
        (lambda: ops.roll(X, 2), np.roll(X, 2)),
        (lambda: ops.roll(Y, -1, 0), np.roll(Y, -1, 0)),
        (lambda: ops.cumsum(np.eye(2)), np.array([1.0, 1, 1, 2])),
        (lambda: ops.cumsum(np.eye(2), 0), np.array([[1.0, 0], [1, 1]])),
        (lambda: ops.swapaxes(X, 0, -1), np.swapaxes(X, 0, -1)),
        (lambda: ops.moveaxis(X, -1, 0), np.moveaxis(X, -1, 0)),
    ],
)
def test_have_numpys_values(found: Callable[[], Any], expected: Any) -> None:
    result = found()
    assert type(result) is Tensor
    assert_array_equal(result, expected)
    assert (result.dtype.kind == "i") == (expected.dtype.kind == "i")


def test_floats_have_the_dtype_of_the_backend(float64: None) -> None:
    assert ops.expand_dims([0.1], 0).dtype == ops.concatenate([X, X], 0).dtype == np.float64


def test_a_loop_may_write_with_them() -> None:
    lstm.set_seed(2)
    model = lstm.Sequential(
        [
            lstm.Input((None,)),
            lstm.layers.Embedding(6, 4),
            lstm.layers.LSTM(5),
            lstm.layers.Dense(6),
        ]
    )
    ids = ops.expand_dims([1, 2], 0)
    for _ in range(3):
        best = ops.argmax(model.predict(ids), axis=-1)
        ids = ops.concatenate([ids, ops.expand_dims(best, -1)], axis=1)
    assert ids.shape == (1, 5)
    assert ids.dtype.kind == "i"


def test_masks_move_with_the_examples() -> None:
    x = lstm.layers.Embedding(6, 2, mask_zero=True)(np.array(IDS))
    mask = x.mask
    assert_array_equal(ops.flip(x, 0).mask, mask[::-1])
    assert_array_equal(ops.concatenate([x, x], 0).mask, np.concatenate([mask, mask]))
    assert_array_equal(ops.take(x, [1], 0).mask, mask[1:])
    assert ops.concatenate([x, np.ones((1, 3, 2))], 0).mask is None
    assert_array_equal(ops.concatenate([x, x], -1).mask, mask)


@pytest.mark.parametrize(
    "function",
    [
        ops.flip,
        ops.cumsum,
        lambda x: ops.take(x, [0]),
        lambda x: ops.repeat(x, 2),
        lambda x: ops.roll(x, 1),
    ],
)
def test_no_axis_would_mix_the_examples_of_tensors(function: Callable[[Any], Any]) -> None:
    with pytest.raises(InvalidTypeError, match=r"^axis: expected an axis for .* mix the examples"):
        function(lstm.Input((4, 3)))


def test_squeeze_keeps_the_batch_of_tensors() -> None:
    assert ops.squeeze(lstm.Input((1, 3, 1))).shape == (None, 3)
    assert ops.squeeze(lstm.Input((3,))).shape == (None, 3)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: ops.squeeze(X, 1), InvalidShapeError, "x: expected size 1 along axis 1"),
        (lambda: ops.squeeze(X, 3), InvalidValueError, "axis: expected one of 3 axes, got 3"),
        (lambda: ops.concatenate([]), InvalidValueError, "xs: expected at least one"),
        (lambda: ops.concatenate([X, Y], 2), InvalidShapeError, "inputs of concatenate: .* axis 2"),
        (lambda: ops.concatenate([X, X], 4), InvalidValueError, "axis of concatenate: .* 3 axes"),
        (lambda: ops.unstack(X, 5), InvalidValueError, "num: expected 2, the size of axis 0"),
        (lambda: ops.flip(X, 5), InvalidValueError, "axis: expected one of 3 axes"),
        (lambda: ops.take(X, [2], 0), InvalidValueError, r"indices: .* \[-2, 2\)"),
        (lambda: ops.tile(X, -1), InvalidValueError, "repeats: expected an integer of at least 0"),
        (lambda: ops.tile(lstm.Input((3,)), 0), InvalidValueError, "repeats: expected numbers of"),
        (lambda: ops.repeat(X, [1, 2], 1), InvalidValueError, "repeats: expected one number, or 3"),
        (lambda: ops.repeat(X, -1, 0), InvalidValueError, "repeats: expected an integer of at"),
        (lambda: ops.pad(X, ((1, 0), (0, 0))), InvalidShapeError, "pad_width: expected a number"),
        (lambda: ops.pad(X, -1), InvalidValueError, "pad_width: expected a number"),
        (lambda: ops.pad(X, 0.5), InvalidValueError, "pad_width: expected a number"),
        (lambda: ops.swapaxes(X, 0, 3), InvalidValueError, "axis2: expected one of 3 axes"),
        (lambda: ops.moveaxis(X, -4, 0), InvalidValueError, "source: expected one of 3 axes"),
        (lambda: ops.moveaxis(X, 0, 3), InvalidValueError, "destination: expected one of 3 axes"),
        (lambda: ops.argmax(X, 3), InvalidValueError, "axis: expected one of 3 axes"),
    ],
)
def test_what_cannot_be_is_refused(
    call: Callable[[], Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=f"^{message}"):
        call()

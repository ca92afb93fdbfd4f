"""Rounding, triangles, sizes and cross-entropies of `lstm.ops`, of arrays and of tensors."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm import losses, ops
from lstm.errors import InvalidShapeError, InvalidTypeError
from tolerances import assert_close

RNG = np.random.default_rng(17)
X = np.array([[-2.5, -1.5, -0.5, 0.5, 1.5, 2.5], [-0.2, 0.49, 0.51, 3e8, -7.8, 0.0]], "f")


def in_a_model(function: Any, *values: Any) -> Any:
    tensors = [lstm.Input(np.shape(x)[1:]) for x in values]
    return lstm.Model(tensors, function(*tensors)).predict([*values])


def test_round_goes_to_the_even_of_two() -> None:
    assert_array_equal(ops.round(X), np.round(X))
    assert_array_equal(in_a_model(ops.round, X), np.round(X))
    assert_array_equal(ops.round([np.inf, 1.2]), [np.inf, 1])
    assert_close(ops.round([[0.126, -3.449]], 2), np.array([[0.13, -3.45]], "f"), "pointwise")


def test_nothing_learns_through_round() -> None:
    model = lstm.Sequential([lstm.Input((2,)), lstm.layers.Dense(3), lstm.layers.Lambda(ops.round)])
    model.compile("sgd", "mse")
    before = model.get_weights()[0]
    model.fit(RNG.normal(size=(4, 2)), RNG.normal(size=(4, 3)), verbose=0)
    assert_array_equal(model.get_weights()[0], before)


@pytest.mark.parametrize("k", [-1, 0, 2])
@pytest.mark.parametrize("name", ["tril", "triu"])
def test_triangles(name: str, k: int) -> None:
    ours, numpys = getattr(ops, name), getattr(np, name)
    x = RNG.normal(size=(2, 3, 4)).astype("f")
    x[0, 0, 3], x[1, 2, 0] = np.inf, -np.inf  # As in the logits of attention.
    assert_array_equal(ours(x, k), numpys(x, k))
    assert_array_equal(
        in_a_model(lambda x: ours(x, k), np.nan_to_num(x)), numpys(np.nan_to_num(x), k)
    )
    assert ours(np.ones((3, 3), int)).dtype == int
    for bad in (np.ones(3), lstm.Input((None, 4))):
        with pytest.raises(InvalidShapeError, match=rf"^x: .* for {name}, got shape"):
            ours(bad)
    with pytest.raises(InvalidTypeError, match=r"^k: expected an integer"):
        ours(x, 0.5)


def test_size() -> None:
    assert ops.size(X) == 12
    assert ops.size(3.0) == 1
    with pytest.raises(InvalidShapeError, match=r"^x: expected known sizes"):
        ops.size(lstm.Input((3,)))


@pytest.mark.parametrize("from_logits", [False, True])
def test_cross_entropies(from_logits: bool) -> None:
    y = RNG.uniform(0.1, 0.9, (2, 3))
    t = RNG.uniform(size=(2, 3))
    p = 1 / (1 + np.exp(-y)) if from_logits else y
    expected = -t * np.log(p) - (1 - t) * np.log(1 - p)
    assert_close(ops.binary_crossentropy(t, y, from_logits), expected, "loss", dtype="float32")
    assert_close(
        in_a_model(lambda t, y: ops.nn.binary_crossentropy(t, y, from_logits), t, y),
        expected,
        "loss",
        dtype="float32",
    )
    shares = np.exp(y) if from_logits else y
    shares = shares / shares.sum(1, keepdims=True)
    expected = -(t * np.log(shares)).sum(1)
    found = ops.categorical_crossentropy(t, y, from_logits)
    assert_close(found, expected, "loss", terms=3, dtype="float32")
    found = ops.categorical_crossentropy(t.T, y.T, from_logits, axis=0)
    assert_close(found, expected, "loss", terms=3, dtype="float32")
    expected = -np.log(shares[[0, 1], [2, 0]])
    for classes in ([2, 0], [[2], [0]]):
        found = ops.sparse_categorical_crossentropy(classes, y, from_logits)
        assert_close(found, expected, "loss", terms=3, dtype="float32")


def test_the_path_nn_leads_to_the_same_functions() -> None:
    import lstm.ops.nn

    assert all(getattr(lstm.ops.nn, name) is getattr(ops, name) for name in ops.nn.__all__)
    assert losses.binary_crossentropy is not ops.binary_crossentropy  # Which has no mean.

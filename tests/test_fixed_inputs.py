"""Arrays beside tensors in calls of layers: fixed numbers of the model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm import layers, ops
from lstm.errors import InvalidShapeError, InvalidTypeError
from lstm.layers import LSTM, MultiHeadAttention
from tolerances import assert_close

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 5, 2)).astype("f")
FIXED = RNG.normal(size=(1, 5, 2)).astype("f")
LOWER = np.tril(np.ones((5, 5)))


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (layers.Add(), X + FIXED),
        (layers.Multiply(), X * FIXED),
        (layers.Subtract(), X - FIXED),
        (layers.Maximum(), np.maximum(X, FIXED)),
    ],
)
def test_arrays_are_merged_with_tensors(layer: Any, expected: Any, tmp_path: Path) -> None:
    x = lstm.Input((5, 2))
    model = lstm.Model(x, layer([x, FIXED]))
    assert_close(model.predict(X), expected, "pointwise")
    model.save(tmp_path / "model.safetensors")
    again = lstm.load_model(tmp_path / "model.safetensors")
    assert_array_equal(again.predict(X), model.predict(X))


def test_an_array_masks_steps() -> None:
    x, mask = lstm.Input((5, 2)), np.arange(5) < np.array([[5], [1], [3], [4]])
    layer = LSTM(3)
    model = lstm.Model(x, layer(x, mask=mask))
    found = model.predict(X)
    for row, values, real in zip(found, X, mask, strict=True):
        alone = layer(values[None, real])
        assert_close(row, np.asarray(alone)[0], "lstm", terms=5)


@pytest.mark.parametrize("symbolic", [True, False])
@pytest.mark.parametrize(
    "mask",
    [
        LOWER,
        LOWER.astype(bool),
        LOWER[None],
        np.broadcast_to(LOWER, (4, 5, 5)),
        LOWER[None, None],
        np.broadcast_to(LOWER, (4, 3, 5, 5)),
    ],
)
def test_attention_is_masked_as_in_keras(mask: Any, symbolic: bool) -> None:
    layer, x = MultiHeadAttention(3, 2), lstm.Input((5, 2))
    expected = np.asarray(layer(X, X, use_causal_mask=True))
    if symbolic:
        found = lstm.Model(x, layer(x, x, attention_mask=mask)).predict(X)
    else:
        found = np.asarray(layer(X, X, attention_mask=mask))
    assert_close(found, expected, "product", terms=5)


def test_each_head_may_have_a_mask() -> None:
    layer, x = MultiHeadAttention(2, 3), lstm.Input((5, 2))
    mask = np.stack([np.tri(5), np.tri(5).T])[None]
    _, shares = layer(x, x, attention_mask=mask, return_attention_scores=True)
    found = lstm.Model(x, shares).predict(X)
    assert_array_equal(found > 0, np.broadcast_to(mask > 0, found.shape))
    given = lstm.Input((2, 5, 5))
    _, shares = layer(x, x, attention_mask=given, return_attention_scores=True)
    model = lstm.Model([x, given], shares)
    assert_array_equal(model.predict([X, np.repeat(mask, 4, 0)]), found)


@pytest.mark.parametrize("x", [X, lstm.Input((5, 2))])
def test_attention_says_what_does_not_fit(x: Any) -> None:
    with pytest.raises(InvalidShapeError, match=r"^query of .*: expected axes \(B, T, D\)"):
        MultiHeadAttention(2, 3)(x[:, 0], x)
    with pytest.raises(InvalidShapeError, match=r"^attention_mask of .*: expected axes \(Tq, Tv\)"):
        MultiHeadAttention(2, 3)(x, x, attention_mask=np.ones(5))
    with pytest.raises(InvalidShapeError, match=r"^input of .*: expected 3 axes, as in 'btd"):
        layers.EinsumDense("btd,de->bte", (None, 3))(x[:, 0])


def test_weights_alone_are_computed_at_once_with_arrays() -> None:
    class Scaled(lstm.Layer):
        def build(self, shape: Any) -> None:
            self.log = self.add_weight("log", (2,), "glorot_uniform")

        def call(self, inputs: Any) -> Any:
            return inputs * ops.exp(self.log)

    layer = Scaled()
    at_once = layer(X)
    assert isinstance(at_once, np.ndarray)
    x = lstm.Input((5, 2))
    model = lstm.Model(x, layer(x))
    assert_close(np.asarray(at_once), model.predict(X), "pointwise")
    model.compile("sgd", "mse")
    before = layer.get_weights()[0]
    model.train_on_batch(X, X)
    assert (layer.get_weights()[0] != before).all()
    assert layers.SeparableConv1D(5, 3)(X).shape == (4, 3, 5)


def test_other_things_are_refused() -> None:
    with pytest.raises(InvalidTypeError, match=r"^input of Add: .*tensors.*arrays, got str"):
        layers.Add()([lstm.Input((5, 2)), "x"])

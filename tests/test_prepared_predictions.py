"""Predictions that are prepared give what all checks give, and notice every change."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from layer_case import LayerCase
from layer_cases import CASES
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.layers import GRU, LSTM, Concatenate, Dense, Dropout, Input, Masking

RNG = np.random.default_rng(7)


def model(*layers: Any) -> lstm.Model:
    return lstm.Sequential([Input((3, 2)), *(layers or (LSTM(4), Dense(2)))])


def batch(B: int = 1) -> np.ndarray:
    return RNG.random((B, 3, 2)).astype(np.float32)


def prepared(one: lstm.Model) -> int:
    found = one._predictions._prepared.values()
    return sum(not isinstance(entry, bool) for entry in found)


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_layer_gives_what_predict_gives(case: LayerCase, backend: str) -> None:
    with lstm.backends.using(backend):
        one, rng = case.model(), np.random.default_rng(1)
        for _ in range(4):
            x = case.data(rng, 3)
            x = [part if part.dtype == np.int64 else part.astype(np.float32) for part in x]
            given = x if len(x) > 1 else x[0]
            found, expected = one.predict_on_batch(given), one.predict(given)
            for part, other in zip(
                *(y if isinstance(y, list) else [y] for y in (found, expected)), strict=True
            ):
                assert_array_equal(part, other)


def test_the_third_of_a_shape_is_prepared() -> None:
    one = model()
    for count, expected in ((1, 0), (2, 1), (3, 1)):
        one.predict_on_batch(batch())
        assert prepared(one) == expected, count
    one.predict_on_batch(batch(5))
    one.predict_on_batch(batch(5))
    assert prepared(one) == 2


def test_several_inputs_in_their_order() -> None:
    a, b = Input((2,)), Input((2,))
    one = lstm.Model([a, b], Concatenate()([Dense(3)(a), Dense(2)(b)]))
    for _ in range(4):
        x = [RNG.random((1, 2)).astype(np.float32) for _ in range(2)]
        assert_array_equal(one.predict_on_batch(x), one.predict(x))
        assert_array_equal(one.predict_on_batch(tuple(x)), one.predict(x))
    assert prepared(one) == 1


def test_outputs_are_the_callers() -> None:
    one = model()
    x = [batch() for _ in range(5)]
    for part, values in zip([one.predict_on_batch(each) for each in x], x, strict=True):
        assert_array_equal(part, one.predict(values))


def test_changes_are_noticed() -> None:
    one, x = model(LSTM(4), Dropout(0.5), Dense(2)), batch()
    for _ in range(3):
        one.predict_on_batch(x)
    for change in (
        lambda: one.set_weights([w + 1 for w in one.get_weights()]),
        lambda: setattr(one.layers[-1], "activation", lstm.activations.tanh),
        lambda: one.layers[0].kernel.assign(np.zeros((2, 16))),
    ):
        before = one.predict_on_batch(x)
        change()
        for _ in range(3):
            after = one.predict_on_batch(x)
            assert_array_equal(after, one.predict(x))
            assert (after != before).any()


def test_other_layers_are_noticed() -> None:
    one, x = model(), batch()
    stream = one.stream()
    for _ in range(3):
        one.predict_on_batch(x)
        stream(x)
    one.add(Dense(3))
    for _ in range(3):
        assert_array_equal(one.predict_on_batch(x), one.predict(x))
    stream.reset()
    assert stream(x).shape == (1, 3)
    one.pop()
    for _ in range(3):
        assert_array_equal(one.predict_on_batch(x), one.predict(x))


def test_what_decides_by_its_data_is_not_prepared() -> None:
    masked = model(Masking(), GRU(3))
    for _ in range(3):
        x = batch(2)
        x[0, RNG.integers(1, 3) :] = 0
        assert_array_equal(masked.predict_on_batch(x), masked.predict(x))
    stateful = lstm.Sequential([Input((3, 2), batch_size=1), LSTM(4, stateful=True)])
    x = batch()
    first, second = stateful.predict_on_batch(x), stateful.predict_on_batch(x)
    third = stateful.predict_on_batch(x)
    stateful.reset_states()
    assert_array_equal(first, stateful.predict_on_batch(x))
    assert (third != second).any()
    assert prepared(masked) == prepared(stateful) == 0


def test_errors_stay() -> None:
    one = model()
    for _ in range(3):
        one.predict_on_batch(batch())
    broken = batch()
    broken[0, 1, 0] = np.nan
    with pytest.raises(InvalidValueError, match="finite"):
        one.predict_on_batch(broken)
    with pytest.raises(InvalidShapeError):
        one.predict_on_batch(batch()[:, :, :1])


def test_large_batches_are_computed_as_usual() -> None:
    one = lstm.Sequential([Input((64, 8)), LSTM(64, return_sequences=True)])
    x = RNG.random((1024, 64, 8)).astype(np.float32)
    for _ in range(3):
        one.predict_on_batch(x)
    assert prepared(one) == 0

"""Normalization with the mean and the variance of data, and Rescaling, against NumPy."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers import (
    LSTM,
    Dense,
    LayerNormalization,
    Masking,
    Normalization,
    Rescaling,
    TimeDistributed,
)
from tolerances import assert_close

RNG = np.random.default_rng(6)
DATA = RNG.normal(size=(20, 5, 3)) * [1, 10, 0.1] + [0, -30, 7]


def adapted(data: Any = DATA, **options: Any) -> Normalization:
    layer = Normalization(**options)
    layer.adapt(data)
    return layer


def close(found: Any, expected: Any, terms: int = 100) -> None:
    assert_close(np.asarray(found), expected, "loss", terms=terms, dtype="float32")


@pytest.mark.parametrize(
    ("axis", "others", "shape"),
    [(-1, (0, 1), (3,)), (1, (0, 2), (5, 1)), ((1, 2), (0,), (5, 3)), (None, (0, 1, 2), ())],
)
def test_each_place_along_the_axes_has_its_own(axis: Any, others: Any, shape: Any) -> None:
    layer = adapted(axis=axis)
    assert [weight.shape for weight in layer.weights] == [shape, shape]
    mean, deviation = DATA.mean(others, keepdims=True), DATA.std(others, keepdims=True)
    close(layer(DATA), (DATA - mean) / deviation)
    back = adapted(axis=axis, invert=True)
    close(back(layer(DATA)), DATA)


@pytest.mark.parametrize("ndim", [2, 4])
def test_data_may_have_any_number_of_axes(ndim: int) -> None:
    data = RNG.normal(2, 3, (7, 2, 4, 3)[-ndim:])
    others = tuple(range(ndim - 1))
    close(adapted(data)(data), (data - data.mean(others)) / data.std(others))


def test_given_numbers_need_no_data() -> None:
    layer = Normalization(mean=[1.0, 2.0, 3.0], variance=4.0)
    close(layer(DATA), (DATA - [1, 2, 3]) / 2, terms=1)
    assert layer.get_config()["mean"] == [1.0, 2.0, 3.0]
    again = Normalization.from_config(layer.get_config())
    assert_array_equal(again(DATA), layer(DATA))


@pytest.mark.parametrize(
    ("axis", "others"), [(1, (0, 2, 3)), (3, (0, 1, 2)), ((1, 3), (0, 2)), ((-1, 1), (0, 2))]
)
def test_given_numbers_are_those_of_the_places(axis: Any, others: Any) -> None:
    data = RNG.normal(2, 3, (9, 2, 4, 3))
    mean, variance = data.mean(others), data.var(others)
    layer = Normalization(axis, mean, variance)
    whole = [data.mean(others, keepdims=True), data.std(others, keepdims=True)]
    close(layer(data), (data - whole[0]) / whole[1])


def test_axis_of_any_kind_of_integer() -> None:
    assert Normalization(np.int64(-1)).get_config()["axis"] == [-1]
    assert Normalization((np.int32(1), 2)).get_config()["axis"] == [1, 2]
    assert LayerNormalization(np.int64(-1)).get_config()["axis"] == [-1]
    everything = Normalization(None)
    assert everything.get_config()["axis"] is None
    assert Normalization.from_config(everything.get_config()).axis is None


def test_what_it_found_are_its_attributes() -> None:
    layer = Normalization()
    assert layer.mean is layer.variance is None
    layer.adapt(DATA)
    close(layer.mean, DATA.mean((0, 1)))
    close(layer.variance, DATA.var((0, 1)))
    config = layer.get_config()
    assert config["mean"] is config["variance"] is None
    assert "mean" not in repr(layer)
    with pytest.raises(InvalidValueError, match=r"^variance: expected mean and variance"):
        layer.mean = 3.0
    given = Normalization(mean=[1.0, 2.0, 3.0], variance=4.0)
    given(DATA)
    assert_array_equal(given.mean, [1, 2, 3])
    assert_array_equal(given.variance, [4, 4, 4])


SEQUENCES = [one[:n] for one, n in zip(DATA, RNG.integers(1, 5, len(DATA)), strict=True)]


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (SEQUENCES, np.concatenate(SEQUENCES)),
        ([one.tolist() for one in SEQUENCES], np.concatenate(SEQUENCES)),
        (iter([DATA[:3], DATA[3:4], DATA[4:]]), DATA),
        (((x, x[:, 0]) for x in np.split(DATA, 4)), DATA),
        (iter([SEQUENCES[:5], SEQUENCES[5:]]), np.concatenate(SEQUENCES)),
        (
            lstm.utils.timeseries_dataset_from_array(DATA[0], None, 2, batch_size=3),
            np.stack([DATA[0, k : k + 2] for k in range(4)]),
        ),
    ],
    ids=["sequences", "lists", "generator", "pairs", "batches of sequences", "windows"],
)
def test_it_adapts_to_parts_as_to_the_whole(data: Any, whole: Any) -> None:
    layer = adapted(data)
    flat = whole.reshape(-1, 3)
    close(layer.mean, flat.mean(0))
    close(layer.variance, flat.var(0))


def test_parts_keep_a_small_variance_far_from_0() -> None:
    data = 1e6 + RNG.normal(size=(64, 1))
    close(adapted(iter(np.split(data, 8))).variance, data.var(0))


def test_without_data_nothing_changes() -> None:
    assert_array_equal(Normalization()(DATA), DATA.astype("f"))


def test_a_feature_that_is_always_the_same_becomes_0() -> None:
    data = np.ones((4, 2)) * [3, 0]
    assert_array_equal(adapted(data)(data), np.zeros((4, 2)))


class TestInModels:
    def model(self) -> lstm.Model:
        back = adapted(DATA[:, 0, :1], invert=True)
        model = lstm.Sequential([lstm.Input((5, 3)), adapted(), LSTM(4), Dense(1), back])
        model.compile("adam", "mse")
        return model

    def test_what_it_holds_does_not_learn(self) -> None:
        model = self.model()
        before = [weight.numpy() for weight in model.non_trainable_weights]
        model.fit(DATA, DATA[:, -1, :1], epochs=2, verbose=0)
        assert len(model.trainable_weights) == 5
        for weight, old in zip(model.non_trainable_weights, before, strict=True):
            assert_array_equal(weight.numpy(), old)

    def test_it_can_adapt_again(self) -> None:
        model = self.model()
        for _ in range(3):  # The third is run from a plan.
            model.predict_on_batch(DATA)
        model.layers[0].adapt(2 * DATA)
        fresh = self.model()
        fresh.layers[0].adapt(2 * DATA)
        fresh.set_weights(model.get_weights())
        assert_array_equal(model.predict_on_batch(DATA), fresh.predict_on_batch(DATA))

    def test_files_hold_it(self, tmp_path: Path) -> None:
        model = self.model()
        expected = model.predict(DATA)
        model.save(tmp_path / "model")
        assert_array_equal(lstm.load_model(tmp_path / "model").predict(DATA), expected)

    def test_it_works_step_by_step_and_with_padding(self) -> None:
        x = lstm.Input((None, 3))
        model = lstm.Model(x, LSTM(2)(TimeDistributed(adapted())(Masking()(x))))
        padded = np.concatenate([DATA, np.zeros((20, 2, 3))], 1)
        assert_array_equal(model.predict(padded), model.predict(DATA))


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda: Normalization(mean=1.0), InvalidTypeError, "^variance: expected mean and varian"),
        (lambda: Normalization(variance=1.0), InvalidTypeError, "^mean: expected mean and varian"),
        (lambda: Normalization(mean=0, variance=-1), InvalidValueError, "^variance: expected num"),
        (lambda: Normalization(mean=[1, 2], variance=1)(DATA), InvalidShapeError, "^mean: expect"),
        (
            lambda: Normalization(axis=1, mean=[1, 2], variance=1)(DATA),
            InvalidShapeError,
            r"^mean: expected numbers of shape \(5,\), .*, got shape \(2,\)",
        ),
        (lambda: Normalization(axis=1.5), InvalidTypeError, "^axis: expected an axis, or .*1.5"),
        (lambda: Normalization(axis=0)(DATA), InvalidValueError, "^axis of normalization: expec"),
        (lambda: Normalization()(lstm.Input((3, None))), InvalidShapeError, "^input of normali"),
        (lambda: adapted(np.zeros((0, 3))), InvalidShapeError, "^data: expected at least one num"),
        (lambda: adapted(iter(())), InvalidShapeError, "^data: expected at least one number"),
        (lambda: adapted(DATA[0, 0]), InvalidShapeError, r"^data: .* \(N, 1\), got shape \(3,\)"),
        (lambda: adapted([DATA[0], DATA[1, :2] * np.nan]), InvalidValueError, r"^data\[1\]: expec"),
        (lambda: adapted(SEQUENCES, axis=1), InvalidShapeError, "^input of normalization"),
        (lambda: adapted([[1.0, np.nan]]), InvalidValueError, "^data: expected"),
        (lambda: adapted([["a"]]), InvalidTypeError, "^data: expected numbers"),
        (lambda: adapted(mean=0, variance=1), InvalidTypeError, "^adapt of normalization: expec"),
        (lambda: adapted().adapt(DATA[..., :2]), InvalidShapeError, "^input of normalization"),
        (lambda: adapted()(DATA[..., :2]), InvalidShapeError, "^input of normalization"),
    ],
)
def test_what_makes_no_sense_is_refused(use: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        use()


def test_rescaling_is_a_line() -> None:
    close(Rescaling(0.5, offset=-3)(DATA), 0.5 * DATA - 3, terms=1)


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_rescaling_of_each_feature(kind: Any, tmp_path: Path) -> None:
    scale, offset = [1.0, 0.5, -2.0], [0.0, 3.0, 1.0]
    x = lstm.Input((None, 3))
    layer = Rescaling(kind(scale), offset=kind(offset))
    assert layer.get_config()["scale"] == scale
    expected = DATA * scale + offset
    close(layer(DATA), expected, terms=1)
    lstm.Model(x, layer(x)).save(tmp_path / "model")
    model = lstm.load_model(tmp_path / "model")
    close(model.predict(DATA), expected, terms=1)
    for got, k in zip(model.predict([DATA[0], DATA[1, :2]]), range(2), strict=True):
        close(got, expected[k, : len(got)], terms=1)


@pytest.mark.parametrize(
    ("scale", "error", "message"),
    [
        ([1.0, np.inf], InvalidValueError, "^scale: expected finite"),
        ([], InvalidShapeError, "^scale: expected at least one number"),
        ("x", InvalidTypeError, "^scale: expected a finite number"),
        ([1.0, 2.0], InvalidShapeError, r"^scale of rescaling: .*\(2,\)"),
    ],
)
def test_rescaling_by_something_else(scale: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        Rescaling(scale)(DATA)

"""Batch normalization: its statistics with padding, in other layers, and when training stops."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm.errors import StoppedWarning
from lstm.layers import BatchNormalization, Dense, Masking, TimeDistributed
from tolerances import assert_close

RNG = np.random.default_rng(4)


def statistics(layer: BatchNormalization) -> list[np.ndarray]:
    """The running mean and variance."""
    return [weight.numpy() for weight in layer.weights[-2:]]


def masked_model(layer: lstm.layers.Layer) -> lstm.Model:
    x = lstm.Input((None, 2))
    model = lstm.Model(x, lstm.ops.mean(layer(Masking()(x)), (1, 2)))
    model.compile("sgd", "mse")
    return model


def padded() -> np.ndarray:
    x = RNG.normal(1.0, 2.0, (3, 4, 2))
    x[1, 2:] = 0
    x[2] = 0
    return x


@pytest.mark.parametrize("distributed", [False, True])
def test_padding_has_no_part_in_the_statistics(distributed: bool) -> None:
    layer = BatchNormalization(momentum=0.5)
    model = masked_model(TimeDistributed(layer) if distributed else layer)
    x = padded()
    model.train_on_batch(x, np.zeros(3))
    real = x[(x != 0).any(-1)]
    mean, variance = statistics(layer)
    assert_close(mean, 0.5 * real.mean(0), "loss", terms=6, dtype="float32")
    assert_close(variance, 0.5 + 0.5 * real.var(0), "loss", terms=12, dtype="float32")


def test_no_real_step_changes_no_statistics() -> None:
    layer = BatchNormalization()
    model = masked_model(layer)
    model.train_on_batch(np.zeros((2, 3, 2)), np.zeros(2))
    assert [values.tolist() for values in statistics(layer)] == [[0, 0], [1, 1]]


@pytest.mark.parametrize("steps", [1, 4])
def test_a_step_that_is_not_taken_leaves_them(steps: int) -> None:
    """Training stops with the statistics, too, from before the batch."""
    layer = BatchNormalization()
    model = lstm.Sequential([lstm.Input((3,)), layer, Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=steps)
    x, y = RNG.normal(size=(16, 3)), RNG.normal(size=16)
    for _ in range(3):
        model.fit(x, y, batch_size=4, verbose=0)
    before = statistics(layer)
    with pytest.warns(StoppedWarning):
        model.fit(x[:4], np.full(4, 1e30), batch_size=4, verbose=0)
    for now, then in zip(statistics(layer), before, strict=True):
        assert_array_equal(now, then)


def test_called_on_arrays_it_trains_the_statistics_of_its_model() -> None:
    layer = BatchNormalization(momentum=0.5)
    model = lstm.Sequential([lstm.Input((3,)), layer])
    x = RNG.normal(2.0, 3.0, (8, 3))
    before = model.predict(x)
    layer(x, training=True)
    mean, variance = statistics(layer)
    assert_close(mean, 0.5 * x.mean(0), "loss", terms=8, dtype="float32")
    expected = (x - mean) / np.sqrt(variance + layer.epsilon)
    after = model.predict(x)
    assert_close(after, expected, "loss", terms=8, dtype="float32")
    assert np.abs(after - before).max() > 0.1

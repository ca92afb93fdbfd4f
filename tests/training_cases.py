"""A small model of sequences, and data to train it on."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lstm
from lstm.layers import LSTM, Dense
from tolerances import assert_close

RNG = np.random.default_rng(3)
X = RNG.normal(size=(7, 5, 2))
Y = RNG.normal(size=(7, 5, 3))
LENGTHS = (5, 2, 4, 3)
RAGGED_X = [RNG.normal(size=(n, 2)) for n in LENGTHS]
RAGGED_Y = [RNG.normal(size=(n, 3)) for n in LENGTHS]


def compiled(optimizer: Any = "sgd", loss: Any = "mse", metrics: Any = ()) -> lstm.Model:
    """A model of sequences, always with the same weights."""
    lstm.set_seed(8)
    model = lstm.Sequential([lstm.Input((None, 2)), LSTM(4, return_sequences=True), Dense(3)])
    model.compile(optimizer, loss, metrics)
    return model


def trained(*data: Any, optimizer: Any = "adam", **options: Any) -> list[NDArray[Any]]:
    """The weights after training."""
    model = compiled(optimizer)
    model.fit(*data, **{"verbose": 0, "shuffle": False, **options})
    return model.get_weights()


def assert_same(first: list[NDArray[Any]], second: list[NDArray[Any]]) -> None:
    for a, b in zip(first, second, strict=True):
        assert_close(a, b, "lstm", terms=200)


def batches(size: int, x: Any = X, y: Any = Y) -> Iterator[Any]:
    for start in range(0, len(x), size):
        yield x[start : start + size], y[start : start + size]

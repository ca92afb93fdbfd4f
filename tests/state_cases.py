"""Sequences and models, for the tests of state."""

from typing import Any

import numpy as np

import lstm
from lstm.layers import LSTM, Dense

RNG = np.random.default_rng(3)


X = RNG.normal(size=(4, 8, 2))


Y = RNG.normal(size=(4, 8, 1))


def follower(**options: Any) -> lstm.Model:
    """A model of sequences, always with the same weights."""
    lstm.set_seed(8)
    cell = LSTM(4, return_sequences=True, **options)
    model = lstm.Sequential([lstm.Input((None, 2)), cell, Dense(1)])
    model.compile(lstm.optimizers.SGD(0.1), "mse")
    return model

"""A small LSTMNetwork and data for it, which its tests share."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import LSTMNetwork

N, T, D, O = 6, 5, 2, 3  # noqa: E741
RNG = np.random.default_rng(3)
X = RNG.normal(size=(N, T, D))
Y = RNG.normal(size=(N, T, O))
CLASSES = RNG.integers(0, O, (N, T))
ONE_HOT = np.eye(O)[CLASSES]
LENGTHS = (5, 1, 4, 3)


def network(**options: Any) -> LSTMNetwork:
    """A small network with random weights, biases included, the same for the same options."""
    made = LSTMNetwork(**{"input_size": D, "hidden_size": 4, "output_size": O, "seed": 0} | options)
    rng = np.random.default_rng(1)
    made.model.set_weights([rng.normal(0, 0.5, w.shape) for w in made.model.get_weights()])
    return made


def classifier(**options: Any) -> LSTMNetwork:
    return network(**{"loss": "cross_entropy", "apply_softmax": True} | options)


def trained(made: LSTMNetwork, *data: Any, epochs: int = 2, **options: Any) -> NDArray[Any]:
    """The weights after training, in one row."""
    made.train(*data, epochs, 0.05, **{"verbose": 0} | options)
    return flat(made)


def flat(made: LSTMNetwork) -> NDArray[Any]:
    return np.concatenate([w.ravel() for w in made.model.get_weights()])


def ragged(values: NDArray[Any]) -> list[NDArray[Any]]:
    return [row[:n] for row, n in zip(values, LENGTHS, strict=False)]


def columns(values: NDArray[Any]) -> list[list[NDArray[Any]]]:
    """For each sequence a list of columns (O, 1)."""
    return [[step[:, None] for step in sequence] for sequence in values]


def with_last(values: NDArray[Any], bad: float) -> NDArray[Any]:
    """A copy whose very last entry is bad."""
    copy = values.astype(float)
    copy[(-1,) * copy.ndim] = bad
    return copy

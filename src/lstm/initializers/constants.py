"""Constants: initial values that are not drawn."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm import checks
from lstm.errors import InvalidShapeError
from lstm.initializers.base import Initializer, Values


class Zeros(Initializer):
    """All 0."""

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        return np.zeros(shape)


class Ones(Initializer):
    """All 1."""

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        return np.ones(shape)


class Constant(Initializer):
    """All the same value, or the values of an array.

    Files hold the weights that an array made, not the array.

    Args:
        value: a number; or an array of the weight's shape, or of its last axes.

    Example:
        >>> import lstm
        >>> table = [[0.0, 0.0], [0.1, 0.2], [0.3, 0.4]]
        >>> layer = lstm.layers.Embedding(3, 2, lstm.initializers.Constant(table))
        >>> lstm.Sequential([lstm.Input((1,)), layer]).predict([[2]])
        array([[[0.3, 0.4]]], dtype=float32)
    """

    value: float | NDArray[Any]

    def __init__(self, value: float | ArrayLike = 0.0) -> None:
        super().__init__()
        if isinstance(value, list | tuple | np.ndarray):
            array = checks.numbers("value", value)
            checks.finite("value", array)
            self.value = array if array.dtype.kind == "f" else array.astype(np.float64)
        else:
            self.value = checks.number("value", value)

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        if not isinstance(self.value, np.ndarray):
            return np.full(shape, self.value)
        given = self.value.shape
        if len(given) > len(shape) or tuple(shape[len(shape) - len(given) :]) != given:
            expected = f"an array of shape {tuple(shape)}, or of its last axes"
            raise InvalidShapeError("value of Constant", expected, f"shape {given}")
        return np.array(np.broadcast_to(self.value, shape))

    @property
    def in_files(self) -> bool:
        return not isinstance(self.value, np.ndarray)

    def get_config(self) -> dict[str, Any]:
        value = self.value
        return {"value": value.tolist() if isinstance(value, np.ndarray) else value}


class Identity(Initializer):
    """The identity matrix, times a factor; 0 beside the diagonal.

    Args:
        gain: the factor.
    """

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = checks.number("gain", gain)

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        if len(shape) != 2:
            raise InvalidShapeError("shape", "two axes", tuple(shape))
        return self.gain * np.eye(shape[0], shape[1])

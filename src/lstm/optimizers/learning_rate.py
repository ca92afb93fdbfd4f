"""LearningRate: the learning rate of an optimizer, a number that can be assigned to."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class _Rated(Protocol):
    learning_rate: Any


class LearningRate(float):
    """The learning rate that an optimizer has now: a float, as Keras' variable with `assign`.

    Example:
        >>> import lstm
        >>> optimizer = lstm.optimizers.SGD(0.1)
        >>> optimizer.learning_rate.assign(0.01)
        >>> optimizer.learning_rate
        0.01
    """

    _optimizer: _Rated

    @classmethod
    def of(cls, optimizer: _Rated, rate: float) -> "LearningRate":
        """Return the rate of an optimizer."""
        made = cls(rate)
        made._optimizer = optimizer
        return made

    def assign(self, value: float) -> None:
        """Set the learning rate of the optimizer.

        Raises:
            InvalidTypeError: it follows a schedule.
        """
        self._optimizer.learning_rate = value

    def numpy(self) -> NDArray[Any]:
        """Return the number as an array without axes."""
        return np.array(float(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return float, (float(self),)  # A copy is a number, of no optimizer.

"""LearningRateSchedule: the base of what gives a learning rate for the number of a step."""

import math
from typing import Any

from lstm import checks
from lstm.configured import Configured
from lstm.errors import NotDefinedError


class LearningRateSchedule(Configured):
    """Base of all schedules: a function of the number of a step.

    Pass one to an optimizer as its `learning_rate`. Your own class defines `__call__(step)` and
    keeps each argument of its constructor in an attribute of the same name.

    Example:
        >>> import lstm
        >>> class Harmonic(lstm.optimizers.schedules.LearningRateSchedule):
        ...     def __init__(self, first):
        ...         self.first = first
        ...     def __call__(self, step):
        ...         return self.first / (step + 1)
        >>> optimizer = lstm.optimizers.SGD(Harmonic(0.5))
        >>> float(optimizer.learning_rate)
        0.5
    """

    def __call__(self, step: int) -> Any:
        """Return the learning rate of a step.

        Args:
            step: number of batches before it: 0 for the first step.

        Returns:
            A number of at least 0.
        """
        raise NotDefinedError(self, "__call__(step)")

    def rate(self, step: int, *, above_0: bool = False) -> float:
        """Return the learning rate of a step as a float.

        Args:
            step: number of batches before it.
            above_0: refuse a rate of 0.

        Raises:
            InvalidValueError: the schedule returned NaN, infinity, a negative or no number.
        """
        try:
            found = self(step)
        except OverflowError:  # As where a rate grows with every step.
            found = math.inf
        if getattr(found, "shape", None) == ():
            found = found.item()
        argument = f"learning rate of {type(self).__name__} at step {step}"
        return checks.number(argument, found, 0, open_low=above_0)

"""SGD: stochastic gradient descent."""

from collections.abc import Mapping
from typing import Any, Unpack

from numpy.typing import NDArray

from lstm import checks
from lstm.backends import Backend
from lstm.backends.contract import Array
from lstm.optimizers.base import Optimizer
from lstm.optimizers.hyperparameters import OptimizerOptions
from lstm.optimizers.schedules import LearningRateSchedule


class SGD(Optimizer):
    """Stochastic gradient descent: v = momentum·v - lr·g; p += v.

    The velocity v includes the learning rate: a new rate affects only new gradients.

    Args:
        learning_rate: size of a step, or a schedule.
        momentum: share of the last velocity that is kept, in [0, 1).
        nesterov: look ahead along the velocity: p += momentum·v - lr·g.

    The other arguments are those of `Optimizer`.

    Source:
        of momentum: Sutskever et al., "On the importance of initialization and momentum in deep
        learning", 2013.
    """

    slot_names = ("momentum",)

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.momentum = checks.number("momentum", momentum, 0, 1, open_high=True)
        self.nesterov = checks.boolean("nesterov", nesterov)

    def restore(self, backend: Backend, slots: Mapping[str, NDArray[Any]], batches: int) -> None:
        if "velocity" in slots:
            # Old files hold it without the learning rate, which was applied at each step.
            slots = {"momentum": -self.learning_rate * slots["velocity"]}
        super().restore(backend, slots, batches)

    def update(self, backend: Backend, values: Array, gradients: Array) -> None:
        v = self.slots["momentum"]
        backend.ops.sgd_step(values, gradients, v, self.learning_rate, self.momentum, self.nesterov)

"""RMSprop: steps divided by the size of recent gradients."""

from typing import Unpack

from lstm import checks
from lstm.backends import Backend
from lstm.backends.contract import Array
from lstm.optimizers.base import Optimizer
from lstm.optimizers.hyperparameters import OptimizerOptions
from lstm.optimizers.schedules import LearningRateSchedule


class RMSprop(Optimizer):
    """Steps divided by a running root mean square s of the gradient: p -= lr·g / √(s + ε).

    Args:
        learning_rate: size of a step, or a schedule.
        rho: memory of the mean square, in [0, 1).
        momentum: share of the last step that is added to the next, in [0, 1).
        epsilon: ε, added below the root: gradients far below √ε, 3e-4 by default, lead to steps in
            proportion to them.
        centered: divide by the standard deviation instead: subtract the square of the mean from s.

    The other arguments are those of `Optimizer`.

    Source:
        Tieleman & Hinton, "Lecture 6.5: rmsprop", 2012; centered, and with momentum: Graves,
        "Generating sequences with recurrent neural networks", 2013.
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = checks.number("rho", rho, 0, 1, open_high=True)
        self.momentum = checks.number("momentum", momentum, 0, 1, open_high=True)
        self.epsilon = checks.number("epsilon", epsilon, 0, open_low=True)
        self.centered = checks.boolean("centered", centered)
        kept = {"mean_square": True, "mean": self.centered, "momentum": self.momentum > 0}
        self.slot_names = tuple(name for name, needed in kept.items() if needed)

    def update(self, backend: Backend, values: Array, gradients: Array) -> None:
        s, m, v = (self.slots.get(name) for name in ("mean_square", "mean", "momentum"))
        backend.ops.rmsprop_step(
            values, gradients, s, m, v, self.learning_rate, self.rho, self.momentum, self.epsilon
        )

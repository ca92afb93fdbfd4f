"""Adadelta: steps as long as recent steps were."""

from typing import Unpack

from lstm import checks
from lstm.backends import Backend
from lstm.backends.contract import Array
from lstm.optimizers.base import Optimizer
from lstm.optimizers.hyperparameters import OptimizerOptions
from lstm.optimizers.schedules import LearningRateSchedule


class Adadelta(Optimizer):
    """Steps d = √(a + ε) / √(s + ε)·g, with running mean squares a of d and s of g; p -= lr·d.

    Args:
        learning_rate: share of d by which the weights change, or a schedule; 1 in the paper.
        rho: memory of both mean squares, in [0, 1).
        epsilon: ε, which also makes the first steps.

    The other arguments are those of `Optimizer`.

    Source:
        Zeiler, "ADADELTA: an adaptive learning rate method", 2012.
    """

    slot_names = ("mean_square", "mean_square_step")

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = checks.number("rho", rho, 0, 1, open_high=True)
        self.epsilon = checks.number("epsilon", epsilon, 0, open_low=True)

    def update(self, backend: Backend, values: Array, gradients: Array) -> None:
        s, a = self.slots["mean_square"], self.slots["mean_square_step"]
        backend.ops.adadelta_step(
            values, gradients, s, a, self.learning_rate, self.rho, self.epsilon
        )

"""Lion: steps of one length, along the sign of a mean gradient."""

from typing import Unpack

from lstm import checks
from lstm.backends import Backend
from lstm.backends.contract import Array
from lstm.optimizers.base import Optimizer
from lstm.optimizers.hyperparameters import OptimizerOptions
from lstm.optimizers.schedules import LearningRateSchedule


class Lion(Optimizer):
    """Each weight changes by lr: p -= lr·sign(β₁·m + (1 - β₁)·g); m = β₂·m + (1 - β₂)·g.

    Good learning rates are a third to a tenth of Adam's.

    Args:
        learning_rate: size of a step, or a schedule.
        beta_1: share of the mean m in the sign, in (0, 1].
        beta_2: memory of the mean, in [0, 1].

    The other arguments are those of `Optimizer`.

    Source:
        Chen et al., "Symbolic discovery of optimization algorithms", 2023.
    """

    slot_names = ("mean",)

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = checks.number("beta_1", beta_1, 0, 1, open_low=True)
        self.beta_2 = checks.number("beta_2", beta_2, 0, 1)

    def update(self, backend: Backend, values: Array, gradients: Array) -> None:
        m = self.slots["mean"]
        backend.ops.lion_step(values, gradients, m, self.learning_rate, self.beta_1, self.beta_2)

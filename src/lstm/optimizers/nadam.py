"""Nadam: Adam that looks ahead, with Nesterov's momentum."""

from typing import Unpack

from lstm import checks
from lstm.backends import Backend
from lstm.backends.contract import Array
from lstm.optimizers.base import Optimizer
from lstm.optimizers.hyperparameters import OptimizerOptions
from lstm.optimizers.schedules import LearningRateSchedule


class Nadam(Optimizer):
    """Adam along the mean gradient of the next step, as far as the gradient of this one tells.

    The momentum rises with the steps, μₜ = β₁·(1 - 0.96ᵗ / 2), and in step t
    p -= lr·(μₜ₊₁·m / (1 - μ₁⋯μₜ₊₁) + (1 - μₜ)·g / (1 - μ₁⋯μₜ)) / (√(s / (1 - β₂ᵗ)) + ε).

    Args:
        learning_rate: size of a step, or a schedule.
        beta_1: memory of the mean m, in [0, 1).
        beta_2: memory of the mean square s, in [0, 1).
        epsilon: ε.

    The other arguments are those of `Optimizer`.

    Source:
        Dozat, "Incorporating Nesterov momentum into Adam", 2016.
    """

    slot_names = ("mean", "mean_square")

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = checks.number("beta_1", beta_1, 0, 1, open_high=True)
        self.beta_2 = checks.number("beta_2", beta_2, 0, 1, open_high=True)
        self.epsilon = checks.number("epsilon", epsilon, 0, open_low=True)

    def update(self, backend: Backend, values: Array, gradients: Array) -> None:
        m, s = self.slots["mean"], self.slots["mean_square"]
        memory = self.beta_1, self.beta_2
        backend.ops.nadam_step(
            values, gradients, m, s, self.step, self.learning_rate, *memory, self.epsilon
        )

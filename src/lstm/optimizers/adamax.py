"""Adamax: Adam with the largest of recent gradients in place of their mean square."""

from typing import Unpack

from lstm import checks
from lstm.backends import Backend
from lstm.backends.contract import Array
from lstm.optimizers.base import Optimizer
from lstm.optimizers.hyperparameters import OptimizerOptions
from lstm.optimizers.schedules import LearningRateSchedule


class Adamax(Optimizer):
    """Steps along the mean gradient m, divided by u, which falls slowly from the largest.

    u = max(β₂·u, `|g|`); p -= lr / (1 - β₁ᵗ) · m / (u + ε) in step t.

    Args:
        learning_rate: size of a step, or a schedule.
        beta_1: memory of the mean, in [0, 1).
        beta_2: memory of the largest gradient, in [0, 1).
        epsilon: ε.

    The other arguments are those of `Optimizer`.

    Source:
        Kingma & Ba, "Adam: a method for stochastic optimization", 2015, section 7.
    """

    slot_names = ("mean", "largest")

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
        m, u = self.slots["mean"], self.slots["largest"]
        memory = self.beta_1, self.beta_2
        backend.ops.adamax_step(
            values, gradients, m, u, self.step, self.learning_rate, *memory, self.epsilon
        )

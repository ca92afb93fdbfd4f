"""Adagrad: steps divided by the size of all gradients so far."""

from typing import Unpack

from lstm import checks
from lstm.backends import Backend
from lstm.backends.contract import Array
from lstm.optimizers.base import Optimizer
from lstm.optimizers.hyperparameters import OptimizerOptions
from lstm.optimizers.schedules import LearningRateSchedule


class Adagrad(Optimizer):
    """Steps divided by the root of the sum s of all squares: s += g²; p -= lr·g / √(s + ε).

    Weights with small or rare gradients, such as the vectors of rare tokens, keep long steps.

    Args:
        learning_rate: size of a step, or a schedule.
        initial_accumulator_value: what s starts from.
        epsilon: ε, added below the root.

    The other arguments are those of `Optimizer`.

    Source:
        Duchi, Hazan & Singer, "Adaptive subgradient methods for online learning and stochastic
        optimization", 2011.
    """

    slot_names = ("sum_of_squares",)

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.initial_accumulator_value = checks.number(
            "initial_accumulator_value", initial_accumulator_value, 0
        )
        self.epsilon = checks.number("epsilon", epsilon, 0, open_low=True)

    def initial_value(self, slot: str) -> float:
        return self.initial_accumulator_value if slot in self.slot_names else 0.0

    def update(self, backend: Backend, values: Array, gradients: Array) -> None:
        s = self.slots["sum_of_squares"]
        backend.ops.adagrad_step(values, gradients, s, self.learning_rate, self.epsilon)

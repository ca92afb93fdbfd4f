"""Ftrl: follow the regularized leader, for weights of which many are to be 0."""

from typing import ClassVar, Unpack

from lstm import checks
from lstm.backends import Backend
from lstm.backends.contract import Array
from lstm.optimizers.base import Optimizer
from lstm.optimizers.hyperparameters import OptimizerOptions
from lstm.optimizers.schedules import LearningRateSchedule


class Ftrl(Optimizer):
    """Weights that would have been the best so far, with a penalty for each that is not 0.

    With the sum s of all g², and k = -learning_rate_power:
    z += g + 2·shrinkage·p - ((s + g²)ᵏ - sᵏ) / lr · p; s += g²;
    p = (min(max(z, -l1), l1) - z) / (sᵏ / lr + 2·l2 + beta / lr).

    Args:
        learning_rate: size of a step, above 0, or a schedule.
        learning_rate_power: how steps become shorter, at most 0; at 0 they do not.
        initial_accumulator_value: what s starts from.
        l1_regularization_strength: l1; weights whose `|z|` is not larger are 0.
        l2_regularization_strength: l2.
        l2_shrinkage_regularization_strength: shrinkage; weights are also drawn to 0 where their
            gradient is 0.
        beta: as l2, the less, the longer the steps.

    The other arguments are those of `Optimizer`.

    Source:
        McMahan et al., "Ad click prediction: a view from the trenches", 2013.
    """

    slot_names = ("sum_of_squares", "linear")
    rate_above_0: ClassVar[bool] = True

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.learning_rate_power = checks.number("learning_rate_power", learning_rate_power, high=0)
        self.initial_accumulator_value = checks.number(
            "initial_accumulator_value", initial_accumulator_value, 0
        )
        self.l1_regularization_strength = checks.number(
            "l1_regularization_strength", l1_regularization_strength, 0
        )
        self.l2_regularization_strength = checks.number(
            "l2_regularization_strength", l2_regularization_strength, 0
        )
        self.l2_shrinkage_regularization_strength = checks.number(
            "l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength, 0
        )
        self.beta = checks.number("beta", beta, 0)

    def initial_value(self, slot: str) -> float:
        return self.initial_accumulator_value if slot == "sum_of_squares" else 0.0

    def update(self, backend: Backend, values: Array, gradients: Array) -> None:
        backend.ops.ftrl_step(
            values,
            gradients,
            self.slots["sum_of_squares"],
            self.slots["linear"],
            self.learning_rate,
            self.learning_rate_power,
            self.l1_regularization_strength,
            self.l2_regularization_strength,
            self.l2_shrinkage_regularization_strength,
            self.beta,
        )

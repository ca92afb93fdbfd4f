"""Adam and AdamW: steps along the mean gradient, divided by the size of recent gradients."""

from typing import Unpack

from lstm import checks
from lstm.backends import Backend
from lstm.backends.contract import Array
from lstm.optimizers.base import Optimizer
from lstm.optimizers.hyperparameters import CommonOptions, OptimizerOptions
from lstm.optimizers.schedules import LearningRateSchedule


class Adam(Optimizer):
    """Steps along the mean gradient m, divided by its root mean square, both unbiased.

    p -= lr · √(1 - β₂ᵗ) / (1 - β₁ᵗ) · m / (√s + ε) in step t.

    Args:
        learning_rate: size of a step, or a schedule.
        beta_1: memory of the mean, in [0, 1).
        beta_2: memory of the mean square, in [0, 1).
        epsilon: added to the root before the correction of its bias.
        amsgrad: divide by the root of the largest mean square so far.

    The other arguments are those of `Optimizer`.

    Source:
        Kingma & Ba, "Adam: a method for stochastic optimization", 2015, in the form at the end of
        section 2, whose epsilon is ours; amsgrad: Reddi, Kale & Kumar, "On the convergence of Adam
        and beyond", 2018.
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = checks.number("beta_1", beta_1, 0, 1, open_high=True)
        self.beta_2 = checks.number("beta_2", beta_2, 0, 1, open_high=True)
        self.epsilon = checks.number("epsilon", epsilon, 0, open_low=True)
        self.amsgrad = checks.boolean("amsgrad", amsgrad)
        largest = ("largest_mean_square",) if self.amsgrad else ()
        self.slot_names = ("mean", "mean_square", *largest)

    def update(self, backend: Backend, values: Array, gradients: Array) -> None:
        m, s = self.slots["mean"], self.slots["mean_square"]
        s_max = self.slots["largest_mean_square"] if self.amsgrad else None
        memory = self.beta_1, self.beta_2
        backend.ops.adam_step(
            values, gradients, m, s, s_max, self.step, self.learning_rate, *memory, self.epsilon
        )


class AdamW(Adam):
    """Adam with a weight decay by default.

    Args:
        weight_decay: share of each weight, times the learning rate, that every step removes.

    The other arguments are those of `Adam` and `Optimizer`.

    Source:
        Loshchilov & Hutter, "Decoupled weight decay regularization", 2019.
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Unpack[CommonOptions],
    ) -> None:
        decay = checks.number("weight_decay", weight_decay, 0)
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=decay, **options
        )

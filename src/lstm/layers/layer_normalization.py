"""Normalization: features with mean 0 and variance 1."""

from collections.abc import Sequence
from typing import Any, Unpack

from lstm import checks, initializers
from lstm.errors import InvalidShapeError
from lstm.initializers import Initializer
from lstm.layers.base import Layer, LayerOptions
from lstm.layers.elementwise import Elementwise
from lstm.layers.reduction import Reduction
from lstm.layers.symbolic import Operators, Shape, SymbolicTensor


class LayerNormalization(Layer):
    """γ·(x - mean) / √(variance + ε) + β, with mean and variance of each example and step.

    Args:
        axis: the axis, or axes, over which it normalizes, and for which γ and β are learned.
        epsilon: ε.
        center: whether to add β.
        scale: whether to multiply by γ.
        beta_initializer: initial values of β.
        gamma_initializer: initial values of γ.

    Source:
        Ba, Kiros & Hinton, "Layer normalization", 2016.

    Example:
        >>> import lstm
        >>> lstm.layers.LayerNormalization()(lstm.Input((None, 3))).shape
        (None, None, 3)
    """

    gamma: Operators
    beta: Operators

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: str | Initializer | dict[str, Any] = "zeros",
        gamma_initializer: str | Initializer | dict[str, Any] = "ones",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.axis = checks.axes("axis", axis)
        self.epsilon = checks.number("epsilon", epsilon, 0)
        self.center = checks.boolean("center", center)
        self.scale = checks.boolean("scale", scale)
        self.beta_initializer = initializers.get(beta_initializer, "beta_initializer")
        self.gamma_initializer = initializers.get(gamma_initializer, "gamma_initializer")

    def build(self, *shapes: Shape) -> None:
        ndim = len(shapes[0])
        axes = {axis % ndim for axis in self.axis}
        first = min(axes)
        sizes = [n if k in axes else 1 for k, n in enumerate(shapes[0])][first:]
        if None in sizes:
            raise InvalidShapeError(f"input of {self.name}", "known sizes to normalize", shapes[0])
        if self.scale:
            self.gamma = self.add_weight("gamma", sizes, self.gamma_initializer)
        if self.center:
            self.beta = self.add_weight("beta", sizes, self.beta_initializer)

    def call(self, inputs: SymbolicTensor) -> Any:
        mean = Reduction("mean", self.axis, True)
        centered = Elementwise("subtract")(inputs, mean(inputs))
        variance = mean(Elementwise("square")(centered))
        deviation = Elementwise("sqrt")(Elementwise("add", self.epsilon)(variance))
        y = Elementwise("divide")(centered, deviation)
        if self.scale:
            y = Elementwise("multiply")(y, self.gamma)
        return Elementwise("add")(y, self.beta) if self.center else y

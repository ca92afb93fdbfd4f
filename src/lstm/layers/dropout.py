"""Dropout: forget a random part of the input while training."""

from collections.abc import Sequence
from typing import Unpack

from lstm import checks
from lstm.backends.ops import Array, Cache
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.symbolic import Shape


class Dropout(Layer):
    """While training, each entry is set to 0 with probability `rate`, the others grow to match.

    Args:
        rate: in [0, 1).

    Source:
        Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
        2014.

    Example:
        >>> import lstm
        >>> lstm.layers.Dropout(0.2)(lstm.Input((None, 3))).shape
        (None, None, 3)
    """

    keeps_mask = True

    def __init__(self, rate: float, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.rate = checks.number("rate", rate, 0, 1, open_high=True)

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        return (shapes[0],)

    def forward(self, run: Run, *inputs: Array, mask: Array | None) -> tuple[Arrays, Cache]:
        if not run.training or self.rate == 0:
            return (inputs[0],), None
        u = run.ops.array(run.rng.random(tuple(inputs[0].shape), dtype="float32"))
        return (run.ops.dropout_forward(inputs[0], u, self.rate),), u

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        if cache is None:
            return gradients
        return (run.ops.dropout_backward(gradients[0], cache, self.rate),)

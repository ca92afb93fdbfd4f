"""RepeatVector: the same vector at every step."""

from collections.abc import Sequence
from typing import Unpack

import numpy as np

from lstm import checks
from lstm.backends.contract import Array, Cache
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.interface import promises
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.masks import Mask
from lstm.layers.symbolic import Shape


class RepeatVector(Layer):
    """(B, D) -> (B, n, D): the same vector at n time steps.

    Args:
        n: number of time steps.

    Example:
        >>> import lstm
        >>> lstm.layers.RepeatVector(4)(lstm.Input((3,))).shape
        (None, 4, 3)
    """

    fixed_arguments = ("n",)

    def __init__(self, n: int, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.n = checks.positive_int("n", n)

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        if len(shapes[0]) != 2:
            raise InvalidShapeError(f"input of {self.name}", "axes (B, D)", f"shape {shapes[0]}")
        return ((shapes[0][0], self.n, shapes[0][1]),)

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        raise InvalidValueError(
            self.name,
            "layers with one output for each step, to work chunk by chunk",
            "a repetition",
        )

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        return (run.ops.repeat(inputs[0], self.n, 1),), None

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        return (run.ops.sum(gradients[0], 1),)

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        return None if mask is None else np.repeat(mask[:, None], self.n, 1)

    @property
    def repeats(self) -> bool:
        return promises(type(self), "repeats", "forward", "backward", "output_mask")

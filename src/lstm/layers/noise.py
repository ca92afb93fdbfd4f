"""Noise: random numbers added to, or multiplied with, what a layer reads while the model trains."""

import math
from collections.abc import Sequence
from typing import Unpack

from lstm import checks
from lstm.backends.contract import Array, Cache
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.masks import Mask
from lstm.layers.symbolic import Shape

_SATURATION = -1.7580993408473766
"""-α·λ of SELU: what its outputs fall to."""


def normal(run: Run, shape: Sequence[int]) -> Array:
    """Return independent normal numbers with mean 0 and variance 1.

    Source:
        Box & Muller, "A note on the generation of random normal deviates", 1958.
    """
    ops, dtype = run.ops, run.backend.dtype
    u, v = (ops.uniform(shape, run.key(), dtype) for _ in range(2))
    squared = ops.scale(ops.elementwise_forward("log", u, None, 0.0), -2.0)
    radius = ops.elementwise_forward("sqrt", squared, None, 0.0)
    angle = ops.elementwise_forward("cos", ops.scale(v, 2 * math.pi), None, 0.0)
    return ops.multiply(radius, angle)


class _Noise(Layer):
    """Base of layers that change their input only while the model trains."""

    keeps_mask = True
    memoryless = True
    only_trains = True
    heeds_training = True

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        return (shapes[0],)

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        return gradients if cache is None else (run.ops.multiply(gradients[0], cache),)


class GaussianNoise(_Noise):
    """In training, add normal numbers.

    Args:
        stddev: their standard deviation.
        seed: accepted for compatibility; the model's generator draws.

    Example:
        >>> import lstm
        >>> lstm.layers.GaussianNoise(0.1)([1.0, 2.0]).tolist()
        [1.0, 2.0]
    """

    def __init__(
        self, stddev: float, seed: int | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**options)
        self.stddev = checks.number("stddev", stddev, 0)
        self.seed = None if seed is None else checks.integer("seed", seed)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        if not run.training or self.stddev == 0:
            return (inputs[0],), None
        noise = run.ops.scale(normal(run, tuple(inputs[0].shape)), self.stddev)
        return (run.ops.add([inputs[0], noise]),), None


class _NoisyDropout(_Noise):
    """Base of those that take a rate, as Dropout does."""

    def __init__(
        self, rate: float, seed: int | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**options)
        self.rate = checks.number("rate", rate, 0, 1, open_high=True)
        self.seed = None if seed is None else checks.integer("seed", seed)


class GaussianDropout(_NoisyDropout):
    """In training, multiply with normal numbers of mean 1 and variance rate / (1 - rate).

    Args:
        rate: as for Dropout, whose noise has the same variance.
        seed: accepted for compatibility; the model's generator draws.

    Source:
        Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
        2014.

    Example:
        >>> import lstm
        >>> lstm.layers.GaussianDropout(0.1)([1.0, 2.0]).tolist()
        [1.0, 2.0]
    """

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        if not run.training or self.rate == 0:
            return (inputs[0],), None
        noise = normal(run, tuple(inputs[0].shape))
        noise = run.ops.scale(noise, math.sqrt(self.rate / (1 - self.rate)))
        factor = run.ops.elementwise_forward("add", noise, None, 1.0)
        return (run.ops.multiply(inputs[0], factor),), factor


class AlphaDropout(_NoisyDropout):
    """In training, set entries to what SELU falls to, and keep mean and variance.

    Args:
        rate: share of the entries.
        seed: accepted for compatibility; the model's generator draws.

    Source:
        Klambauer et al., "Self-normalizing neural networks", 2017.

    Example:
        >>> import lstm
        >>> lstm.layers.AlphaDropout(0.1)([1.0, 2.0]).tolist()
        [1.0, 2.0]
    """

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        if not run.training or self.rate == 0:
            return (inputs[0],), None
        ops, kept = run.ops, 1 - self.rate
        scale = 1 / math.sqrt(kept * (1 + self.rate * _SATURATION**2))
        keep = ops.dropout_mask(tuple(inputs[0].shape), run.key(), self.rate, run.backend.dtype)
        factor = ops.scale(keep, kept * scale)
        # Where nothing is kept, the saturation; everywhere, what brings the mean back to 0.
        dropped = ops.elementwise_forward("equal", keep, None, 0.0)
        others = ops.elementwise_forward(
            "subtract",
            ops.scale(dropped, scale * _SATURATION),
            None,
            scale * _SATURATION * self.rate,
        )
        return (ops.add([ops.multiply(inputs[0], factor), others]),), factor

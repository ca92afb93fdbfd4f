"""BatchNormalization: features with mean 0 and variance 1 over all examples and steps."""

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple, Unpack

import numpy as np

from lstm import checks, initializers
from lstm.backends.contract import Array, Cache, Ops
from lstm.errors import InvalidValueError
from lstm.initializers import Initializer
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.elementwise import spread
from lstm.layers.masks import Mask
from lstm.layers.masks import spread as spread_mask
from lstm.layers.rules import known_last_axis
from lstm.layers.symbolic import Shape


class Kept(NamedTuple):
    """What the backward pass needs: rows of the input and what they were divided by.

    Attributes:
        rows: x̂ (N, C), the normalized input.
        inverse: (C), 1 / √(variance + ε).
        of_batch: whether the statistics are those of the batch, and not running averages.
        keep: (N, C), 1 where a row counts, else 0; None if all count.
        share: (C), 1 by the number of rows that count; None if all count.
    """

    rows: Array
    inverse: Array
    of_batch: bool
    keep: Array | None = None
    share: Array | None = None


class BatchNormalization(Layer):
    """γ·(x - mean) / √(variance + ε) + β for each feature, over all examples and steps.

    While the model trains, mean and variance are those of the batch, of which running averages are
    kept; otherwise these are used. A layer with `trainable=False` always uses them. Padding does
    not count.

    Args:
        axis: the axis of the features; only the last.
        momentum: how much of a running average is kept at each step.
        epsilon: ε.
        center: whether to add β.
        scale: whether to multiply by γ.
        beta_initializer, gamma_initializer: initial values of β and γ.
        moving_mean_initializer, moving_variance_initializer: initial running averages.

    Source:
        Ioffe & Szegedy, "Batch normalization: accelerating deep network training by reducing
        internal covariate shift", 2015.

    Example:
        >>> import lstm
        >>> lstm.layers.BatchNormalization()(lstm.Input((None, 3))).shape
        (None, None, 3)
    """

    keeps_mask = True
    memoryless = True
    heeds_training = True

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: str | Initializer | dict[str, Any] = "zeros",
        gamma_initializer: str | Initializer | dict[str, Any] = "ones",
        moving_mean_initializer: str | Initializer | dict[str, Any] = "zeros",
        moving_variance_initializer: str | Initializer | dict[str, Any] = "ones",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.axis = checks.integer("axis", axis)
        self.momentum = checks.number("momentum", momentum, 0, 1)
        self.epsilon = checks.number("epsilon", epsilon, 0)
        self.center = checks.boolean("center", center)
        self.scale = checks.boolean("scale", scale)
        self.beta_initializer = initializers.get(beta_initializer, "beta_initializer")
        self.gamma_initializer = initializers.get(gamma_initializer, "gamma_initializer")
        self.moving_mean_initializer = initializers.get(
            moving_mean_initializer, "moving_mean_initializer"
        )
        self.moving_variance_initializer = initializers.get(
            moving_variance_initializer, "moving_variance_initializer"
        )

    def build(self, *shapes: Shape) -> None:
        size = known_last_axis(self, shapes[0], "B ... C")
        if self.axis % len(shapes[0]) != len(shapes[0]) - 1:
            raise InvalidValueError(f"axis of {self.name}", "-1, the features", self.axis)
        if self.scale:
            self.add_weight("gamma", (size,), self.gamma_initializer)
        if self.center:
            self.add_weight("beta", (size,), self.beta_initializer)
        self.add_weight("moving_mean", (size,), self.moving_mean_initializer, trainable=False)
        self.add_weight(
            "moving_variance", (size,), self.moving_variance_initializer, trainable=False
        )

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        checks.shape(
            f"input of {self.name}",
            shapes[0][-1:],
            self.own_weights["moving_mean"].value.shape,
        )
        return (shapes[0],)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        ops, shape = run.ops, tuple(inputs[0].shape)
        if mask is None and run.masks:  # Of examples, such as all steps of all sequences.
            mask = run.masks[0]
        x = ops.reshape(inputs[0], (prod(shape[:-1]), shape[-1]))
        if run.training and self.trainable:
            kept = self._of_batch(run, x, shape, mask)
        else:
            mean, variance = self.value("moving_mean"), self.value("moving_variance")
            inverse = self._inverse(ops, variance)
            rows = ops.multiply(_minus(ops, x, mean), spread(ops, inverse, x.shape))
            kept = Kept(rows, inverse, of_batch=False)
        y = kept.rows
        if self.scale:
            y = ops.multiply(y, spread(ops, self.value("gamma"), x.shape))
        if self.center:
            y = ops.add([y, spread(ops, self.value("beta"), x.shape)])
        return (ops.reshape(y, shape),), kept

    def _of_batch(self, run: Run, x: Array, shape: tuple[int, ...], mask: Mask | None) -> Kept:
        """Normalize rows by their own mean and variance, and keep averages of these."""
        ops, keep, share = run.ops, None, None
        if mask is not None:
            real = spread_mask(mask, shape).reshape(tuple(x.shape))
            keep = ops.array(real.astype(run.backend.dtype, order="C"))
            shares = 1 / np.maximum(real.sum(0), 1)
            share = ops.array(shares.astype(run.backend.dtype))
            x = ops.elementwise_forward("keep", x, keep, 0.0)
        mean = _mean(ops, x, share)
        centered = _minus(ops, x, mean)
        if keep is not None:
            centered = ops.multiply(centered, keep)
        squares = ops.elementwise_forward("square", centered, None, 0.0)
        variance = _mean(ops, squares, share)
        inverse = self._inverse(ops, variance)
        if keep is None or real.any():
            self._average(run, "moving_mean", mean)
            self._average(run, "moving_variance", variance)
        rows = ops.multiply(centered, spread(ops, inverse, x.shape))
        return Kept(rows, inverse, True, keep, share)

    def _inverse(self, ops: Ops, variance: Array) -> Array:
        deviation = ops.elementwise_forward(
            "sqrt", ops.elementwise_forward("add", variance, None, self.epsilon), None, 0.0
        )
        return ops.elementwise_forward("reciprocal", deviation, None, 0.0)

    def _average(self, run: Run, name: str, value: Array) -> None:
        """Move a running average toward a value."""
        weight, ops = self.own_weights[name], run.ops
        running = weight.value if weight.running is None else weight.running
        change = ops.add([value, ops.scale(running, -1.0)])
        ops.accumulate(ops.scale(change, 1 - self.momentum), running)

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        ops, kept = run.ops, cache
        dy: Any = gradients[0]
        shape = tuple(dy.shape)
        dy = ops.reshape(dy, tuple(kept.rows.shape))
        if kept.keep is not None:
            dy = ops.multiply(dy, kept.keep)
        for name, change in (("gamma", kept.rows), ("beta", None)):
            if name in self.own_weights and (total := self.gradient(name)) is not None:
                part = dy if change is None else ops.multiply(dy, change)
                ops.accumulate(ops.sum(part, 0), total)
        if not need[0]:
            return (None,)
        if self.scale:
            dy = ops.multiply(dy, spread(ops, self.value("gamma"), dy.shape))
        if kept.of_batch:
            mean = _mean(ops, dy, kept.share)
            slope = _mean(ops, ops.multiply(dy, kept.rows), kept.share)
            along = ops.multiply(kept.rows, spread(ops, slope, dy.shape))
            dy = ops.add([_minus(ops, dy, mean), ops.scale(along, -1.0)])
            if kept.keep is not None:
                dy = ops.multiply(dy, kept.keep)
        dx = ops.multiply(dy, spread(ops, kept.inverse, dy.shape))
        return (ops.reshape(dx, shape),)


def _mean(ops: Ops, x: Array, share: Array | None) -> Array:
    """Return the mean (C) of rows (N, C), of which those that do not count are 0."""
    total = ops.sum(x, 0)
    return ops.scale(total, 1 / x.shape[0]) if share is None else ops.multiply(total, share)


def _minus(ops: Ops, x: Array, row: Array) -> Array:
    """Return x (N, C) minus a row (C)."""
    return ops.elementwise_forward("subtract", x, spread(ops, row, x.shape), 0.0)

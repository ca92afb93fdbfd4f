"""Standardization: data on a common scale, by numbers that are known before training."""

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from lstm import checks
from lstm.backends.contract import Array, Cache, Ops
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.initializers import Constant
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.elementwise import spread
from lstm.layers.masks import Mask
from lstm.layers.rules import axis_after_batch
from lstm.layers.symbolic import Shape

_SMALLEST = 1e-14
"""The smallest variance, of a feature that is always the same."""


class Normalization(Layer):
    """(x - mean) / √variance, with the mean and the variance of data.

    Either `adapt` finds them, before training, or they are given. They are weights that do not
    learn. As they come from an array, they include its padding.

    Args:
        axis: the axis, or axes, of which each place has its own; None for one of all numbers.
        mean, variance: numbers, or arrays of a number for each place along the axes; None for
            `adapt`.
        invert: return x·√variance + mean, which brings outputs back to the scale of the data.

    Example:
        >>> import numpy as np
        >>> import lstm
        >>> layer = lstm.layers.Normalization()
        >>> layer.adapt(np.array([[[1.0, 10.0], [3.0, 30.0]]]))
        >>> layer(np.array([[3.0, 20.0]])).tolist()
        [[1.0, 0.0]]
    """

    keeps_mask = True
    memoryless = True
    fixed_arguments = ("axis", "mean", "variance")

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.axis = None if axis is None else checks.axes("axis", axis)
        if (mean is None) != (variance is None):
            missing = "mean" if mean is None else "variance"
            raise InvalidTypeError(missing, "mean and variance, or neither", "None")
        self.mean = None if mean is None else checks.numbers("mean", mean).tolist()
        self.variance = None if variance is None else checks.numbers("variance", variance).tolist()
        if variance is not None and not np.all(np.asarray(self.variance) >= 0):
            raise InvalidValueError("variance", "numbers of at least 0", repr(self.variance))
        self.invert = checks.boolean("invert", invert)

    def _axes(self, shape: Shape) -> tuple[list[int], tuple[int, ...]]:
        """Return the axes whose places have their own mean, and the shape of that mean."""
        axes = sorted(axis_after_batch(self, axis, len(shape)) for axis in self.axis or ())
        own = [n if k in axes else 1 for k, n in enumerate(shape)]
        sizes = tuple(n for n in own[min(axes, default=len(own)) :] if n is not None)
        if any(shape[axis] is None for axis in axes):
            expected = f"known sizes along the axes {self.axis}"
            raise InvalidShapeError(f"input of {self.name}", expected, f"shape {shape}")
        return axes, sizes

    def build(self, *shapes: Shape) -> None:
        axes, sizes = self._axes(shapes[0])
        places = tuple(shapes[0][k] for k in axes)
        for name, given, usual in (("mean", self.mean, 0.0), ("variance", self.variance, 1.0)):
            numbers = np.asarray(usual if given is None else given, np.float64)
            try:
                numbers = numbers.reshape(sizes if numbers.shape == places else numbers.shape)
                values = np.broadcast_to(numbers, sizes)
            except ValueError:
                expected = f"numbers of shape {places}, for the input of {self.name}"
                raise InvalidShapeError(name, expected, f"shape {numbers.shape}") from None
            self.add_weight(name, sizes, Constant(values), trainable=False)

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        _, sizes = self._axes(shapes[0])
        checks.shape(f"input of {self.name}", sizes, self.own_weights["mean"].shape)
        return (shapes[0],)

    def adapt(self, data: Any) -> None:
        """Take the mean and the variance of data, instead of those from before.

        Args:
            data: an array (N, ...), such as the model reads.

        Raises:
            InvalidTypeError: `mean` and `variance` are given.
            InvalidShapeError: the layer reads data of another shape, or there are none.
            InvalidValueError: not all numbers are finite.
        """
        if self.mean is not None:
            expected = "a layer without `mean` and `variance`"
            raise InvalidTypeError(f"adapt of {self.name}", expected, "one that has them")
        values = checks.numbers("data", data)
        checks.finite("data", values)
        if not values.size:
            raise InvalidShapeError("data", "at least one number", f"shape {values.shape}")
        axes, sizes = self._axes(values.shape)
        self.outputs_for([(None, *values.shape[1:])])
        others = tuple(k for k in range(values.ndim) if k not in axes)
        mean, variance = values.mean(others, np.float64), values.var(others, np.float64)
        self.own_weights["mean"].assign(mean.reshape(sizes))
        self.own_weights["variance"].assign(variance.reshape(sizes))

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        ops, x, mean = run.ops, inputs[0], self.value("mean")
        mean, deviation = (spread(ops, part, x.shape) for part in (mean, self._deviation(ops)))
        if self.invert:
            return (ops.add([ops.multiply(x, deviation), mean]),), None
        centered = ops.elementwise_forward("subtract", x, mean, 0.0)
        return (ops.elementwise_forward("divide", centered, deviation, 0.0),), None

    def _deviation(self, ops: Ops) -> Array:
        variance = ops.elementwise_forward("maximum", self.value("variance"), None, _SMALLEST)
        return ops.elementwise_forward("sqrt", variance, None, 0.0)

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        ops, dy = run.ops, gradients[0]
        assert dy is not None
        deviation = spread(ops, self._deviation(ops), dy.shape)
        if self.invert:
            return (ops.multiply(dy, deviation),)
        return (ops.elementwise_forward("divide", dy, deviation, 0.0),)


class Rescaling(Layer):
    """scale·x + offset.

    Args:
        scale: the factor.
        offset: what is added to the product.

    Example:
        >>> import lstm
        >>> lstm.layers.Rescaling(1 / 4, offset=-1)([0.0, 8.0]).tolist()
        [-1.0, 1.0]
    """

    def __init__(self, scale: float, offset: float = 0.0, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.scale = checks.number("scale", scale)
        self.offset = checks.number("offset", offset)

    def call(self, inputs: Any) -> Any:
        return inputs * self.scale + self.offset

"""Standardization: data on a common scale, by numbers that are known before training."""

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.backends.contract import Array, Cache, Ops
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, naming
from lstm.initializers import Constant
from lstm.iteration import is_stream
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.elementwise import spread
from lstm.layers.masks import Mask
from lstm.layers.rules import axis_after_batch
from lstm.layers.symbolic import OPERATORS, Shape

_SMALLEST = 1e-14
"""The smallest variance, of a feature that is always the same."""


class Normalization(Layer):
    """(x - mean) / √variance, with the mean and the variance of data.

    Either `adapt` finds them, before training, or they are given. They are weights that do not
    learn. As they come from data, they include its padding, but for lists of sequences of different
    lengths, which have none. As attributes they are arrays, once there are any.

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
        for name, usual in (("mean", 0.0), ("variance", 1.0)):
            given = self.kept(name)
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
            data: an array (N, ...), such as the model reads; a list of sequences of different
                lengths; or batches of these, or of (x, y), of which x counts.

        Raises:
            InvalidTypeError: `mean` and `variance` are given.
            InvalidShapeError: the layer reads data of another shape, or there are none.
            InvalidValueError: not all numbers are finite.

        Source:
            Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for computing sample
            variances", 1979, for the variance of parts together.
        """
        if vars(self)["mean"] is not None:
            expected = "a layer without `mean` and `variance`"
            raise InvalidTypeError(f"adapt of {self.name}", expected, "one that has them")
        count, mean, squares = 0, np.zeros(()), np.zeros(())
        for values in _portions(data):
            if values.ndim < 2 and self.axis:
                expected = "axes (N, ...), such as data[:, None] of shape (N, 1)"
                raise InvalidShapeError("data", expected, f"shape {values.shape}")
            axes, sizes = self._axes(values.shape)
            self.outputs_for([(None, *values.shape[1:])])
            others = tuple(k for k in range(values.ndim) if k not in axes)
            more = prod(values.shape[k] for k in others)
            own = values.mean(others, np.float64).reshape(sizes)
            deviations = more * values.var(others, np.float64).reshape(sizes)
            apart, count = own - mean, count + more
            mean = mean + apart * (more / count)
            squares = squares + deviations + apart**2 * (more * (count - more) / count)
        if not count:
            raise InvalidShapeError("data", "at least one number", "none")
        self.own_weights["mean"].assign(mean)
        self.own_weights["variance"].assign(squares / count)

    def kept(self, name: str) -> Any:
        return vars(self)[name] if name in ("mean", "variance") else super().kept(name)

    @property
    def mean(self) -> Any:
        """The mean as an array; before there is one, the argument."""
        return self._in_use("mean")

    @mean.setter
    def mean(self, given: Any) -> None:
        vars(self)["mean"] = given

    @property
    def variance(self) -> Any:
        """The variance as an array; before there is one, the argument."""
        return self._in_use("variance")

    @variance.setter
    def variance(self, given: Any) -> None:
        vars(self)["variance"] = given

    def _in_use(self, name: str) -> Any:
        if name in self.own_weights:
            return self.own_weights[name].numpy()
        return vars(self)[name]

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


def _portions(data: Any) -> Iterable[NDArray[Any]]:
    """Yield the arrays (N, ...) of which data consists."""
    if is_stream(data):
        for batch in data:
            yield from _portions(batch[0] if isinstance(batch, tuple) and len(batch) > 1 else batch)
        return
    if isinstance(data, list | tuple) and len({*map(_length, data)}) > 1:
        for k, sequence in enumerate(data):
            yield _checked(f"data[{k}]", sequence)[None]
        return
    yield _checked("data", data)


def _length(x: Any) -> int:
    return len(x) if isinstance(x, list | tuple) or np.ndim(x) else 0


def _checked(argument: str, data: Any) -> NDArray[Any]:
    values = checks.numbers(argument, data)
    checks.finite(argument, values)
    if not values.size:
        raise InvalidShapeError(argument, "at least one number", f"shape {values.shape}")
    return values


def _number_or_list(argument: str, given: Any) -> Any:
    """Return a number, or numbers of some shape as lists."""
    if not isinstance(given, list | tuple | np.ndarray):
        return checks.number(argument, given)
    return _checked(argument, given).tolist()


class Rescaling(Layer):
    """scale·x + offset.

    Args:
        scale: the factor; or a list or an array of factors, which is broadcast, such as one for
            each feature.
        offset: what is added to the product, or such a list or array.

    Example:
        >>> import lstm
        >>> lstm.layers.Rescaling(1 / 4, offset=-1)([0.0, 8.0]).tolist()
        [-1.0, 1.0]
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.scale = _number_or_list("scale", scale)
        self.offset = _number_or_list("offset", offset)

    def call(self, inputs: Any) -> Any:
        with naming({f"inputs of {k}": f"{v} of {self.name}" for k, v in _PARTS.items()}.get):
            return OPERATORS["+"](OPERATORS["*"](inputs, self.scale), self.offset)


_PARTS = {"multiply": "scale", "add": "offset"}
"""Which argument of a Rescaling each of its layers reads."""

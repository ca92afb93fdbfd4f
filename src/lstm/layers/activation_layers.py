"""Activations as layers, with their numbers as arguments."""

from collections.abc import Sequence
from typing import Any, Unpack

from lstm import checks, initializers
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.initializers import Initializer
from lstm.layers.base import Layer, LayerOptions
from lstm.layers.dense import Activation
from lstm.layers.elementwise import Elementwise
from lstm.layers.rearranging import Transpose
from lstm.layers.reordering import Permute
from lstm.layers.symbolic import Operators, Shape, SymbolicTensor


class Identity(Activation):
    """x as it is.

    Example:
        >>> import lstm
        >>> lstm.layers.Identity()([1.0, 2.0]).tolist()
        [1.0, 2.0]
    """

    def __init__(self, **options: Unpack[LayerOptions]) -> None:
        super().__init__("linear", **options)


class ReLU(Layer):
    """x where x ≥ threshold, at most `max_value`; else `negative_slope` times x - threshold.

    Args:
        max_value: the largest output; None for no limit.
        negative_slope: the slope below the threshold.
        threshold: where the function begins to rise.

    Example:
        >>> import lstm
        >>> lstm.layers.ReLU(max_value=6)([-1.0, 3.0, 9.0]).tolist()
        [0.0, 3.0, 6.0]
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.max_value = None if max_value is None else checks.number("max_value", max_value, 0)
        self.negative_slope = checks.number("negative_slope", negative_slope, 0)
        self.threshold = checks.number("threshold", threshold, 0)

    def call(self, inputs: SymbolicTensor) -> Any:
        x = inputs
        if self.threshold:
            below = Elementwise("multiply", self.negative_slope)(
                Elementwise("subtract", self.threshold)(x)
            )
            reached = Elementwise("subtract", 1.0)(Elementwise("less", self.threshold)(x))
            over = Elementwise("equal", 0.0)(reached)
            y = Elementwise("add")(
                Elementwise("keep")(x, reached), Elementwise("keep")(below, over)
            )
        elif self.negative_slope:
            y = Elementwise("leaky_relu", self.negative_slope)(x)
        else:
            y = Activation("relu")(x)
        return y if self.max_value is None else Elementwise("minimum", self.max_value)(y)


class LeakyReLU(Layer):
    """x where x > 0, else `negative_slope` times x.

    Args:
        negative_slope: the slope below 0.

    Example:
        >>> import lstm
        >>> lstm.layers.LeakyReLU(0.5)([-1.0, 3.0]).tolist()
        [-0.5, 3.0]
    """

    def __init__(self, negative_slope: float = 0.3, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.negative_slope = checks.number("negative_slope", negative_slope, 0)

    def call(self, inputs: SymbolicTensor) -> Any:
        return Elementwise("leaky_relu", self.negative_slope)(inputs)


class PReLU(Layer):
    """x where x > 0, else α·x, with a learned α for each entry.

    Args:
        alpha_initializer: initial values of α.
        shared_axes: axes along which α is the same, such as [1] for all steps.

    Source:
        He et al., "Delving deep into rectifiers", 2015.

    Example:
        >>> import lstm
        >>> lstm.layers.PReLU(shared_axes=[1])(lstm.Input((None, 3))).shape
        (None, None, 3)
    """

    alpha: Operators

    def __init__(
        self,
        alpha_initializer: str | Initializer | dict[str, Any] = "zeros",
        shared_axes: int | Sequence[int] | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.alpha_initializer = initializers.get(alpha_initializer, "alpha_initializer")
        several = [] if shared_axes is None else shared_axes
        axes = [several] if isinstance(several, int) else several
        self.shared_axes = [checks.positive_int("shared_axes", axis) for axis in axes]

    def build(self, *shapes: Shape) -> None:
        for axis in self.shared_axes:
            if axis >= len(shapes[0]):
                expected = f"axes after the batch of {len(shapes[0])} axes"
                raise InvalidValueError(f"shared_axes of {self.name}", expected, axis)
        sizes = [1 if k in self.shared_axes else n for k, n in enumerate(shapes[0])][1:]
        self.alpha = self.add_weight("alpha", sizes, self.alpha_initializer)

    def call(self, inputs: SymbolicTensor) -> Any:
        return Elementwise("leaky_relu")(inputs, self.alpha)


class ELU(Layer):
    """x where x > 0, else α·(exp(x) - 1).

    Args:
        alpha: α.

    Source:
        Clevert et al., "Fast and accurate deep network learning by exponential linear units", 2016.

    Example:
        >>> import lstm
        >>> lstm.layers.ELU()([2.0]).tolist()
        [2.0]
    """

    def __init__(self, alpha: float = 1.0, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.alpha = checks.number("alpha", alpha)

    def call(self, inputs: SymbolicTensor) -> Any:
        return Elementwise("elu", self.alpha)(inputs)


class Softmax(Layer):
    """exp(x) over the sum of exp(x) along an axis; padding gets 0.

    Args:
        axis: the axis.

    Example:
        >>> import lstm
        >>> lstm.layers.Softmax()([[0.0, 0.0]]).tolist()
        [[0.5, 0.5]]
    """

    def __init__(self, axis: int = -1, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.axis = checks.integer("axis", axis)

    def call(self, inputs: SymbolicTensor) -> Any:
        return softmax(inputs, self.axis)


def softmax(x: Any, axis: int) -> Any:
    """Return exp(x) over its sum along an axis of a tensor or array.

    Raises:
        InvalidTypeError: the axis is no integer.
        InvalidShapeError: there is no such axis.
    """
    last = x.ndim - 1
    checks.integer("axis of softmax", axis, "one axis (a reshape joins several into one)")
    if not -x.ndim <= axis < x.ndim:
        raise InvalidShapeError("axis of softmax", f"one of {x.ndim}", axis)
    if axis % x.ndim == last:
        return Activation("softmax")(x)
    order = list(range(x.ndim))
    order[axis], order[last] = order[last], order[axis]
    turn = Permute(order[1:]) if order[0] == 0 else Transpose(order)
    return turn(Activation("softmax")(turn(x)))

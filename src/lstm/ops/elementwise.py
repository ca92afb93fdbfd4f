"""Functions of each number, or of pairs of numbers; smaller tensors are broadcast."""

import math
from typing import Any

import numpy as np

from lstm.errors import InvalidValueError
from lstm.interface import spelled
from lstm.layers import Activation, Add, Elementwise, Multiply
from lstm.layers.symbolic import OPERATORS, Operators, SymbolicTensor
from lstm.ops.calling import apply, as_one, is_number, shape_of


def of_two(function: str, x1: Any, x2: Any) -> Any:
    """Return f(x1, x2) of each pair of numbers."""
    if is_number(x2):
        return apply(Elementwise(function, float(x2)), x1)
    return apply(Elementwise(function), x1, x2)


def _alike(x1: Any, x2: Any) -> bool:
    """Whether both are tensors of one shape, for which there is a layer that knows padding."""
    both = isinstance(x1, SymbolicTensor) and isinstance(x2, SymbolicTensor)
    return both and shape_of(x1) == shape_of(x2)


@spelled
def add(x1: Any, x2: Any) -> Any:
    """x1 + x2.

    Example:
        >>> import lstm
        >>> lstm.ops.add([1.0, 2.0], 10.0).tolist()
        [11.0, 12.0]
    """
    if is_number(x1):
        x1, x2 = x2, x1
    if is_number(x2) and not is_number(x1) and float(x2) == 0 and isinstance(x1, SymbolicTensor):
        return x1  # The start of `sum`.
    return apply(Add(), x1, x2) if _alike(x1, x2) else of_two("add", x1, x2)


@as_one
def subtract(x1: Any, x2: Any) -> Any:
    """x1 - x2.

    Example:
        >>> import lstm
        >>> x = lstm.Input((None, 3))
        >>> (1.0 - x).shape  # the same
        (None, None, 3)
    """
    if is_number(x1) and not is_number(x2):
        return add(negative(x2), x1)
    return of_two("subtract", x1, x2)


@spelled
def multiply(x1: Any, x2: Any) -> Any:
    """x1·x2, number by number.

    Example:
        >>> import lstm
        >>> lstm.ops.multiply([[1.0, 2.0], [3.0, 4.0]], [10.0, 0.0]).tolist()
        [[10.0, 0.0], [30.0, 0.0]]
    """
    if is_number(x1):
        x1, x2 = x2, x1
    return apply(Multiply(), x1, x2) if _alike(x1, x2) else of_two("multiply", x1, x2)


@as_one
def divide(x1: Any, x2: Any) -> Any:
    """x1 / x2, number by number."""
    if is_number(x1) and not is_number(x2):
        return multiply(reciprocal(x2), x1)
    return of_two("divide", x1, x2)


@as_one
def power(x1: Any, x2: Any) -> Any:
    """x1 to the power x2; of a number x1 to powers that are tensors, x1 must be above 0.

    Raises:
        InvalidValueError: some of these powers would be no numbers.
    """
    if is_number(x2) and float(x2) == 2:
        return square(x1)
    if is_number(x1) and not is_number(x2):
        if float(x1) > 0:
            return exp(multiply(x2, math.log(x1)))
        if isinstance(x2, Operators):
            raise InvalidValueError("x1", "a number above 0, which has all powers", x1)
        x1 = np.full(1, x1, float)
    return of_two("power", x1, x2)


@spelled
def maximum(x1: Any, x2: Any) -> Any:
    """The larger of both; where they are equal, the gradient goes to x1.

    Example:
        >>> import lstm
        >>> lstm.ops.maximum([-1.0, 2.0], 0.0).tolist()
        [0.0, 2.0]
    """
    return of_two("maximum", *((x2, x1) if is_number(x1) else (x1, x2)))


@spelled
def minimum(x1: Any, x2: Any) -> Any:
    """The smaller of both; where they are equal, the gradient goes to x1."""
    return of_two("minimum", *((x2, x1) if is_number(x1) else (x1, x2)))


@as_one
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """x, but at least `x_min` and at most `x_max`.

    Example:
        >>> import lstm
        >>> lstm.ops.clip([-3.0, 0.5, 3.0], -1.0, 1.0).tolist()
        [-1.0, 0.5, 1.0]
    """
    return minimum(maximum(x, x_min), x_max)


def _of_one(function: str, x: Any) -> Any:
    return apply(Elementwise(function), x)


@spelled
def exp(x: Any) -> Any:
    """eˣ.

    Example:
        >>> import lstm
        >>> lstm.ops.exp([0.0, 1.0]).round(3).tolist()
        [1.0, 2.718]
    """
    return _of_one("exp", x)


@spelled
def log(x: Any) -> Any:
    """The natural logarithm, -inf at 0 and NaN below it.

    Example:
        >>> import lstm
        >>> lstm.ops.log([1.0]).tolist()
        [0.0]
    """
    return _of_one("log", x)


@as_one
def log1p(x: Any) -> Any:
    """The natural logarithm of 1 + x."""
    return log(add(x, 1.0))


@as_one
def expm1(x: Any) -> Any:
    """eˣ - 1."""
    return subtract(exp(x), 1.0)


@spelled
def sqrt(x: Any) -> Any:
    """The square root; its slope at 0 is infinite, so add a small number where x may be 0."""
    return _of_one("sqrt", x)


@as_one
def rsqrt(x: Any) -> Any:
    """1 over the square root."""
    return reciprocal(sqrt(x))


@spelled
def square(x: Any) -> Any:
    """x²."""
    return _of_one("square", x)


@spelled
def reciprocal(x: Any) -> Any:
    """1 / x."""
    return _of_one("reciprocal", x)


@spelled
def absolute(x: Any) -> Any:
    """The magnitude."""
    return _of_one("abs", x)


@spelled
def negative(x: Any) -> Any:
    """-x."""
    return of_two("multiply", x, -1.0)


@spelled
def sign(x: Any) -> Any:
    """-1, 0 or 1."""
    return _of_one("sign", x)


@spelled
def floor(x: Any) -> Any:
    """The largest integer that is at most x."""
    return _of_one("floor", x)


@spelled
def sin(x: Any) -> Any:
    """The sine of an angle in radians."""
    return _of_one("sin", x)


@spelled
def cos(x: Any) -> Any:
    """The cosine of an angle in radians."""
    return _of_one("cos", x)


@spelled
def erf(x: Any) -> Any:
    """The error function."""
    return _of_one("erf", x)


@spelled
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)).

    Example:
        >>> import lstm
        >>> lstm.ops.sigmoid([0.0]).tolist()
        [0.5]
    """
    return apply(Activation("sigmoid"), x)


@spelled
def hard_sigmoid(x: Any) -> Any:
    """x / 6 + 1/2, but at least 0 and at most 1."""
    return apply(Activation("hard_sigmoid"), x)


@spelled
def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    return apply(Activation("tanh"), x)


@spelled
def relu(x: Any) -> Any:
    """max(0, x)."""
    return apply(Activation("relu"), x)


@as_one
def relu6(x: Any) -> Any:
    """max(0, x), but at most 6."""
    return minimum(relu(x), 6.0)


@spelled
def leaky_relu(x: Any, negative_slope: Any = 0.2) -> Any:
    """x where x > 0, else `negative_slope` times x."""
    return of_two("leaky_relu", x, negative_slope)


@spelled
def elu(x: Any, alpha: Any = 1.0) -> Any:
    """x where x > 0, else `alpha` times exp(x) - 1.

    Source:
        Clevert et al., "Fast and accurate deep network learning by exponential linear units", 2016.
    """
    return of_two("elu", x, alpha)


@as_one
def selu(x: Any) -> Any:
    """1.0507·elu(x) with α = 1.6733, which keeps mean 0 and variance 1 from layer to layer.

    Source:
        Klambauer et al., "Self-normalizing neural networks", 2017.
    """
    return multiply(elu(x, 1.6732632423543772), 1.0507009873554805)


@as_one
def gelu(x: Any, approximate: bool = True) -> Any:
    """x·Φ(x), with the distribution function Φ of a normal variable, or its approximation by tanh.

    Example:
        >>> import lstm
        >>> lstm.ops.gelu([1.0], approximate=False).round(4).tolist()
        [0.8413]

    Source:
        Hendrycks & Gimpel, "Gaussian error linear units", 2016.
    """
    if approximate:
        inner = multiply(add(x, multiply(multiply(x, square(x)), 0.044715)), math.sqrt(2 / math.pi))
        share = tanh(inner)
    else:
        share = erf(multiply(x, math.sqrt(0.5)))
    return multiply(multiply(x, add(share, 1.0)), 0.5)


@as_one
def silu(x: Any) -> Any:
    """x·sigmoid(x), also called swish."""
    return multiply(x, sigmoid(x))


@spelled
def softplus(x: Any) -> Any:
    """ln(1 + eˣ)."""
    return _of_one("softplus", x)


@as_one
def softsign(x: Any) -> Any:
    """`x / (1 + |x|)`."""
    return divide(x, add(absolute(x), 1.0))


@as_one
def log_sigmoid(x: Any) -> Any:
    """The logarithm of the sigmoid."""
    return negative(softplus(negative(x)))


@as_one
def mish(x: Any) -> Any:
    """x·tanh(ln(1 + eˣ))."""
    return multiply(x, tanh(softplus(x)))


@as_one
def hard_tanh(x: Any) -> Any:
    """x, but at least -1 and at most 1."""
    return clip(x, -1.0, 1.0)


@as_one
def hard_silu(x: Any) -> Any:
    """x·hard_sigmoid(x), also called hard_swish."""
    return multiply(x, hard_sigmoid(x))


OPERATORS.update(
    {
        "+": add,
        "-": subtract,
        "*": multiply,
        "/": divide,
        "**": power,
        "neg": negative,
        "abs": absolute,
    }
)

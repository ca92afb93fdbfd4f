"""Calling: a function of tensors is a layer, called on tensors, weights, arrays and numbers."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np

from lstm.configured import members
from lstm.errors import InvalidShapeError, InvalidTypeError
from lstm.interface import spelled
from lstm.layers.base import Layer
from lstm.layers.eager import compute
from lstm.layers.symbolic import Call, Operators, SymbolicTensor, has_tensors
from lstm.layers.tracing import within
from lstm.layers.variable import Constant
from lstm.layers.wrappers import Lambda

Function = TypeVar("Function", bound=Callable[..., Any])


def apply(layer: Layer, *values: Any) -> Any:
    """Return what a layer makes of tensors, or at once of arrays and numbers."""
    if has_tensors(values):
        return layer.connect([tensor_of(x) for x in values])
    return compute(layer, values)


def not_bool(argument: str, x: Any) -> Any:
    """Return what may be a tensor, if it is no Python bool, such as `==` of two tensors returns.

    Raises:
        InvalidTypeError: it is True or False.
    """
    if isinstance(x, bool):
        expected = "a tensor or an array; ops.equal and ops.not_equal compare two tensors"
        raise InvalidTypeError(argument, expected, x)
    return x


def as_one(function: Function) -> Function:
    """Return a function whose steps count as one call in the structure of a model, as in Keras.

    It refuses unknown arguments as `spelled` does.
    """
    function = spelled(function)

    @wraps(function)
    def called(*args: Any, **options: Any) -> Any:
        tensors = tuple(members([args, options], SymbolicTensor))
        if not tensors:
            return function(*args, **options)
        call = Call(Lambda(function, name=function.__name__), tensors)
        with within(call):
            made = function(*args, **options)
        call.outputs = tuple(members(made, SymbolicTensor))
        return made

    return cast(Function, called)


def tensor_of(x: Any) -> SymbolicTensor:
    """Return a tensor of what may be one, a weight, or numbers."""
    return x.tensor if isinstance(x, Operators) else Constant(x).tensor


def is_number(x: Any) -> bool:
    """Whether x is a single number, and neither a tensor nor an array with axes."""
    if isinstance(x, np.ndarray):
        return x.ndim == 0
    return isinstance(x, int | float | np.integer | np.floating)


def shape_of(x: Any) -> tuple[int | None, ...]:
    """Return the shape of a tensor, a weight or an array."""
    if hasattr(x, "shape"):
        return tuple(x.shape)
    try:
        return np.shape(x)
    except ValueError as error:
        raise InvalidShapeError("x", "an array", "sequences of different lengths") from error

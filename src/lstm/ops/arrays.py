"""Arrays: what functions do where they meet no tensor, whose axis 0 is one like all others."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.backends import backend
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.layers.eager import Tensor
from lstm.layers.symbolic import Operators
from lstm.ops.calling import shape_of


def are_arrays(*values: Any, axes: Sequence[int] = (0,)) -> bool:
    """Whether NumPy moves the numbers of these values: no tensors or weights are among them.

    Args:
        values: tensors, weights, arrays or numbers.
        axes: the axes along which numbers move: of arrays with padding only axis 0 is NumPy's, as
            the layers know what becomes of a mask along others.
    """
    if any(isinstance(x, Operators) for x in values):
        return False
    masked = any(getattr(x, "mask", None) is not None for x in values)
    ndims = {len(shape_of(x)) for x in values}
    return not masked or all(axis == 0 or -axis in ndims for axis in axes)


def moved(function: Callable[..., NDArray[Any]], *values: Any) -> Tensor:
    """Return what a function of NumPy makes of arrays, and of their masks if all have one."""
    masks = [getattr(x, "mask", None) for x in values]
    mask = None if any(mask is None for mask in masks) else function(*masks)
    return Tensor.of(function(*map(numbers, values)), mask)


def numbers(x: Any) -> NDArray[Any]:
    """Return an array: integers and booleans as they are, others in the dtype of the backend."""
    array = checks.numbers("x", x)
    return array.astype(backend().dtype) if array.dtype.kind == "f" else np.asarray(array)


def dtype_of(argument: str, dtype: Any) -> np.dtype[Any]:
    """Return the dtype of NumPy for a name; for bfloat16, which NumPy lacks, float32."""
    try:
        return np.dtype("float32" if dtype == "bfloat16" else dtype)
    except TypeError:
        expected = "the name of a dtype, such as 'float32'"
        raise InvalidValueError(argument, expected, repr(dtype)) from None


def axis_of(argument: str, axis: Any, ndim: int) -> int:
    """Return an axis, counted from the first.

    Raises:
        InvalidTypeError, InvalidValueError: it is none of `ndim` axes.
    """
    found = checks.integer(argument, axis, "an axis")
    if not -ndim <= found < ndim:
        raise InvalidValueError(argument, f"one of {ndim} axes", axis)
    return found % ndim


def whole(function: str, x: Any) -> NDArray[Any]:
    """Return the numbers of an array in a row, for a function that was given no axis.

    Raises:
        InvalidTypeError: x is a tensor, whose first axis is the batch.
    """
    if isinstance(x, Operators):
        expected = f"an axis for {function} of a tensor: without one, it would mix the examples"
        raise InvalidTypeError("axis", expected, None)
    return numbers(x).reshape(-1)

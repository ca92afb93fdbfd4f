"""Functions that make tensors and arrays: of one number, of numbers at equal distances."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.interface import spelled
from lstm.layers import Elementwise, StopGradient
from lstm.layers.eager import Tensor
from lstm.ops.arrays import dtype_of
from lstm.ops.calling import apply, as_one
from lstm.ops.elementwise import add


@as_one
def full_like(x: Any, fill_value: float, dtype: str | None = None) -> Any:
    """A number everywhere, in the shape of a tensor; `dtype` is accepted for compatibility."""
    return add(zeros_like(x), fill_value)


@as_one
def zeros_like(x: Any, dtype: str | None = None) -> Any:
    """0 everywhere, in the shape of a tensor; `dtype` is accepted for compatibility."""
    return apply(Elementwise("keep", 0.0), apply(StopGradient(), x))


@as_one
def ones_like(x: Any, dtype: str | None = None) -> Any:
    """1 everywhere, in the shape of a tensor; `dtype` is accepted for compatibility."""
    return full_like(x, 1.0)


@spelled
def zeros(shape: Sequence[int], dtype: str = "float32") -> Tensor:
    """An array of zeros."""
    return Tensor.of(np.zeros(_known("zeros_like", shape), dtype_of("dtype", dtype)))


@spelled
def ones(shape: Sequence[int], dtype: str = "float32") -> Tensor:
    """An array of ones."""
    return Tensor.of(np.ones(_known("ones_like", shape), dtype_of("dtype", dtype)))


def _known(like: str, shape: Any) -> Any:
    """Return a shape, of which every size must be known before data come."""
    if isinstance(shape, tuple | list) and None in shape:
        expected = f"known sizes, or ops.{like}(x[:, 0]), whose rows are those of the data"
        raise InvalidShapeError("shape", expected, tuple(shape))
    given = [shape] if isinstance(shape, int | np.integer) else shape
    return checks.sizes("shape", given)


@spelled
def eye(N: int, dtype: str = "float32") -> Tensor:
    """The identity matrix."""
    return Tensor.of(np.eye(checks.int_at_least("N", N, 0), dtype=dtype_of("dtype", dtype)))


@spelled
def arange(
    start: float, stop: float | None = None, step: float = 1, dtype: str | None = None
) -> Tensor:
    """Numbers at equal distances, as NumPy's."""
    first, end = (0, start) if stop is None else (start, stop)
    for argument, value in (("start", first), ("stop", end), ("step", step)):
        checks.number(argument, value)
    if step == 0:
        raise InvalidValueError("step", "a number that is not 0", step)
    made = np.arange(first, end, step)
    return Tensor.of(made if dtype is None else made.astype(dtype_of("dtype", dtype)))

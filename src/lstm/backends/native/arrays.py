"""Arrays that the kernels can take, and memory for large ones."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends import _kernels

Array = NDArray[Any]


def array(values: Array) -> Array:
    # The kernels read contiguous and aligned memory: what is not is copied here, once.
    flags = values.flags
    return values if flags.c_contiguous and flags.aligned else values.copy()


def empty(shape: tuple[int, ...]) -> Array:
    """New memory; large arrays come from memory that is kept for the next step."""
    if math.prod(shape) < 1 << 18:
        return np.empty(shape, np.float32)
    return _kernels.empty(shape)


def like(x: Array) -> Array:
    """New memory for an array of the shape of `x`."""
    return empty(x.shape)

"""Arrays that the kernels accept, and memory for large ones."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends import _kernels

Array = NDArray[Any]


def array(values: Array) -> Array:
    # The kernels need contiguous and aligned memory: other arrays are copied here, once.
    flags = values.flags
    return values if flags.c_contiguous and flags.aligned else values.copy()


def empty(shape: tuple[int, ...]) -> Array:
    """Return new memory; large arrays use memory that is kept from step to step."""
    if math.prod(shape) < 1 << 18:
        return np.empty(shape, np.float32)
    return _kernels.empty(shape)


def like(x: Array) -> Array:
    """Return new memory for an array with the shape of `x`."""
    return empty(x.shape)

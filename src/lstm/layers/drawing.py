"""Drawing: the first values of a weight, from its initializer."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks, seeding
from lstm.backends import backend
from lstm.errors import InvalidShapeError
from lstm.initializers import Initializer

_ADDRESSABLE = 2**48
"""More numbers than fit in the memory of any machine."""


def drawn(
    layer: str, name: str, shape: tuple[int, ...], initializer: Initializer
) -> NDArray[np.float64]:
    """Return the first values of a weight.

    Args:
        layer, name: the names of its layer and of the weight, in errors.
        shape: its shape.
        initializer: makes the values.

    Raises:
        InvalidShapeError: they do not fit in memory, or the initializer returned another shape.
        InvalidValueError: one is not finite.
    """
    try:
        # NumPy raises other errors for sizes that it cannot even count.
        if prod(shape) >= _ADDRESSABLE:
            raise MemoryError
        values: Any = initializer(shape, rng=seeding.generator())
    except MemoryError:
        argument, got = f"{name} of {layer}", f"shape {shape}"
        raise InvalidShapeError(argument, "a weight that fits in memory", got) from None
    if values.shape != shape:
        raise InvalidShapeError(f"initializer of {name}", f"shape {shape}", values.shape)
    checks.finite(f"{name} of {layer}", values, backend().dtype)
    return values

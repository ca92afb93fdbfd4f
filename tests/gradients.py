"""Gradients by central differences, to compare those of the operations with."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lstm.layers.weight import Weight
from tolerances import GRADIENT, GRADIENT_FLOOR

# The error of the formula grows as STEP⁴, that of rounding as 1/STEP; at 1e-3 both are ~1e-13.
STEP = 1e-3


def numeric_gradient(f: Callable[[], float], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The gradient by every entry of `x` of `f`, which reads `x`; four calls for each entry."""
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        middle = x[index]
        values = {}
        for k in (-2, -1, 1, 2):
            x[index] = middle + k * STEP
            values[k] = f()
        x[index] = middle
        gradient[index] = (8 * (values[1] - values[-1]) - (values[2] - values[-2])) / (12 * STEP)
    return gradient


def assert_gradient(
    gradient: NDArray[np.float64], f: Callable[[], float], x: NDArray[np.float64], name: str
) -> None:
    """Assert that `gradient` is that of `f` by `x`, to a relative error of GRADIENT."""
    expected = numeric_gradient(f, x)
    assert gradient.shape == x.shape, name
    floor = GRADIENT_FLOOR * np.max(np.abs(expected), initial=0.0)
    error = np.abs(gradient - expected)
    assert np.all(error <= GRADIENT * np.maximum(np.abs(expected), floor)), (
        f"gradient of {name}:\n{gradient}\nby central differences:\n{expected}"
    )


def assert_weight_gradient(weight: Weight, loss: Callable[[], float], name: str) -> None:
    """Assert the same of the gradient that a weight has."""
    assert weight.gradient is not None
    x = np.array(weight.to_numpy())

    def f() -> float:
        weight.assign(x)
        return loss()

    assert_gradient(weight.gradient.copy(), f, x, name)
    weight.assign(x)

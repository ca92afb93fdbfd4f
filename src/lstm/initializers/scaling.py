"""Scaling: draws whose variance depends on how many inputs and outputs a kernel has."""

from collections.abc import Sequence
from math import prod

import numpy as np

from lstm import checks
from lstm.errors import InvalidShapeError
from lstm.initializers.base import Initializer, Values
from lstm.initializers.random import truncated

_TRUNCATED = 0.8796256610342398
"""The standard deviation of a standard normal distribution within ±2."""

_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("uniform", "truncated_normal", "untruncated_normal", "normal")

Axes = int | Sequence[int] | None


class VarianceScaling(Initializer):
    """Mean 0 and variance scale / n: n is the number of inputs, of outputs, or their mean.

    Args:
        scale: the variance times n.
        mode: what n is: "fan_in", "fan_out" or "fan_avg".
        distribution: "uniform", "truncated_normal" (also called "normal") or "untruncated_normal".
        seed: seed of its own generator, instead of the generator of `lstm.set_seed`.
        input_axes: the axes that count inputs; by default the last but one, with the positions
            before it.
        output_axes: the axes that count outputs; by default the last one, with the positions.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
        input_axes: Axes = None,
        output_axes: Axes = None,
    ) -> None:
        super().__init__(seed)
        self.scale = checks.number("scale", scale, 0, open_low=True)
        self.mode = checks.one_of("mode", mode, _MODES)
        found = checks.one_of("distribution", str(distribution).lower(), _DISTRIBUTIONS)
        self.distribution = "truncated_normal" if found == "normal" else found
        self.input_axes = _axes("input_axes", input_axes)
        self.output_axes = _axes("output_axes", output_axes)

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        inputs, outputs = self._fans(tuple(shape))
        n = {"fan_in": inputs, "fan_out": outputs, "fan_avg": (inputs + outputs) / 2}[self.mode]
        n = max(1, n)
        match self.distribution:
            case "uniform":
                limit = np.sqrt(3 * self.scale / n)
                return rng.uniform(-limit, limit, shape)
            case "truncated_normal":
                return np.sqrt(self.scale / n) / _TRUNCATED * truncated(shape, rng)
            case _:
                return rng.normal(0.0, np.sqrt(self.scale / n), shape)

    def _fans(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Return the number of inputs and of outputs."""
        if self.input_axes is not None and self.output_axes is not None:
            for axis in (*self.input_axes, *self.output_axes):
                if not -len(shape) <= axis < len(shape):
                    raise InvalidShapeError("shape", f"an axis {axis}", shape)
            counts = (prod(shape[k] for k in axes) for axes in (self.input_axes, self.output_axes))
            return next(counts), next(counts)
        if len(shape) < 2:
            return prod(shape), prod(shape)
        positions = prod(shape[:-2])
        return shape[-2] * positions, shape[-1] * positions


def _axes(argument: str, axes: Axes) -> list[int] | None:
    return None if axes is None else checks.axes(argument, axes)


class _Fixed(VarianceScaling):
    """Base of those with a fixed scale, mode and distribution."""

    fixed: tuple[float, str, str] = (1.0, "fan_in", "uniform")

    def __init__(
        self, seed: int | None = None, input_axes: Axes = None, output_axes: Axes = None
    ) -> None:
        super().__init__(*self.fixed, seed, input_axes, output_axes)


class GlorotUniform(_Fixed):
    """Uniform within ±√(6 / (fan_in + fan_out)).

    Source:
        Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural
        networks", 2010.
    """

    fixed = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Fixed):
    """Truncated normal with the variance 2 / (fan_in + fan_out).

    Source:
        Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural
        networks", 2010.
    """

    fixed = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Fixed):
    """Uniform within ±√(6 / fan_in), for ReLU.

    Source:
        He et al., "Delving deep into rectifiers", 2015.
    """

    fixed = (2.0, "fan_in", "uniform")


class HeNormal(_Fixed):
    """Truncated normal with the variance 2 / fan_in, for ReLU.

    Source:
        He et al., "Delving deep into rectifiers", 2015.
    """

    fixed = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Fixed):
    """Uniform within ±√(3 / fan_in).

    Source:
        LeCun et al., "Efficient backprop", 1998.
    """

    fixed = (1.0, "fan_in", "uniform")


class LecunNormal(_Fixed):
    """Truncated normal with the variance 1 / fan_in, for SELU.

    Source:
        LeCun et al., "Efficient backprop", 1998.
    """

    fixed = (1.0, "fan_in", "truncated_normal")

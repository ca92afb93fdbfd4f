"""Initializers: initial values of weights, with the names of Keras.

An initializer is called with a shape and a random generator and returns float64 values. For a
kernel the last axis counts outputs, the one before it inputs, and any before those positions.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.configured import Configured, described
from lstm.errors import (
    InvalidShapeError,
    InvalidTypeError,
    NotDefinedError,
    NotReadyError,
)
from lstm.interface import set_by_constructor

Values = NDArray[np.float64]


class Initializer(Configured):
    """Base of all initializers, which make the initial values of a weight.

    Args:
        seed: seed of its own generator, instead of the generator of `lstm.set_seed`.
    """

    seed: int | None = set_by_constructor()

    def __init__(self, seed: int | None = None) -> None:
        self.seed = None if seed is None else checks.int_at_least("seed", seed, 0)

    def __call__(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        """Return values of `shape`."""
        return self.values(shape, rng if self.seed is None else np.random.default_rng(self.seed))

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        """Return values of `shape`, drawn from `rng`; a subclass defines this."""
        raise NotDefinedError(self, "values(shape, rng)")

    def beside(self, weights: Mapping[str, NDArray[Any]]) -> "Initializer":
        """Return the initializer for the next weight of a layer with these weights."""
        return self

    def description(self) -> dict[str, Any]:
        known = type(self) in (*INITIALIZERS.values(), Unavailable)
        return super().description() if known else Unavailable(type(self).__name__).description()


class Zeros(Initializer):
    """All 0."""

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        return np.zeros(shape)


class Ones(Initializer):
    """All 1."""

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        return np.ones(shape)


class Constant(Initializer):
    """All the same value."""

    def __init__(self, value: float = 0.0) -> None:
        super().__init__()
        self.value = checks.number("value", value)

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        return np.full(shape, self.value)


class RandomUniform(Initializer):
    """Uniform in [minval, maxval)."""

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None
    ) -> None:
        super().__init__(seed)
        self.minval = checks.number("minval", minval)
        self.maxval = checks.number("maxval", maxval, low=self.minval)

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        return rng.uniform(self.minval, self.maxval, shape)


class RandomNormal(Initializer):
    """Normal with the given mean and standard deviation."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean = checks.number("mean", mean)
        self.stddev = checks.number("stddev", stddev, low=0)

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        return rng.normal(self.mean, self.stddev, shape)


def _fans(shape: Sequence[int]) -> tuple[int, int]:
    if len(shape) < 2:
        size = int(np.prod(shape))
        return size, size
    positions = int(np.prod(shape[:-2], dtype=np.int64))
    return shape[-2] * positions, shape[-1] * positions


class GlorotUniform(Initializer):
    """Uniform within ±√(6 / (fan_in + fan_out)).

    Source:
        Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural
        networks", 2010.
    """

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        limit = np.sqrt(6 / max(1, sum(_fans(shape))))
        return rng.uniform(-limit, limit, shape)


class HeUniform(Initializer):
    """Uniform within ±√(6 / fan_in), for ReLU.

    Source:
        He et al., "Delving deep into rectifiers", 2015.
    """

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        limit = np.sqrt(6 / max(1, _fans(shape)[0]))
        return rng.uniform(-limit, limit, shape)


class Orthogonal(Initializer):
    """Orthonormal rows or columns, whichever are fewer; a wide kernel consists of square blocks.

    For a recurrent kernel (H, 4H), each gate gets its own orthogonal H × H matrix.

    Source:
        Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural
        networks", 2014.
    """

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        if len(shape) != 2:
            raise InvalidShapeError("shape", "two axes", tuple(shape))
        rows, columns = shape
        if columns > rows and columns % rows == 0:
            blocks = [self.values((rows, rows), rng) for _ in range(columns // rows)]
            return np.concatenate(blocks, axis=1)
        tall = rng.normal(size=(max(shape), min(shape)))
        q, triangle = np.linalg.qr(tall)
        # The signs make the result uniform over all orthogonal matrices.
        q *= np.where(np.diag(triangle) < 0, -1.0, 1.0)
        return q if rows >= columns else q.T


class Thresholds(Initializer):
    """For the bias of a layer: each unit is 0 at a different point, b = -Σ_d w_d·θ_d.

    w is the kernel of the layer and θ a point for each unit, uniform in [low, high) in all D
    directions. With a steep kernel, such as `RandomNormal(stddev=n)`, the units can distinguish
    inputs that differ by only 1 / n, for example if a number k / n stands for one of n classes.
    Ordinary units, which are all 0 at the origin, need thousands of steps to learn this.

    Args:
        low: lower bound of the inputs.
        high: upper bound of the inputs.
        seed: seed of its own generator, instead of the generator of `lstm.set_seed`.
    """

    _kernel: NDArray[Any] | None = None

    def __init__(self, low: float = 0.0, high: float = 1.0, seed: int | None = None) -> None:
        super().__init__(seed)
        self.low = checks.number("low", low)
        self.high = checks.number("high", high, low=self.low)

    def beside(self, weights: Mapping[str, NDArray[Any]]) -> Initializer:
        bound = Thresholds(self.low, self.high, self.seed)
        bound._kernel = weights.get("kernel")
        return bound

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        w = self._kernel
        if w is None:
            raise InvalidTypeError("Thresholds", "the bias of a layer with a kernel", "none")
        theta = rng.uniform(self.low, self.high, w.shape)
        b = np.zeros(shape)
        # A GRU has a second row, for the hidden state.
        b.reshape(-1, w.shape[-1])[0] = -(w * theta).reshape(-1, w.shape[-1]).sum(0)
        return b


class Unavailable(Initializer):
    """Replaces, in a loaded layer, an initializer of your own class, which a file cannot hold.

    Args:
        kind: name of the class.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        raise NotReadyError(f"{self.kind} made these weights, and a file holds only its name")


INITIALIZERS: dict[str, type[Initializer]] = {
    "zeros": Zeros,
    "ones": Ones,
    "constant": Constant,
    "uniform": RandomUniform,
    "random_uniform": RandomUniform,
    "normal": RandomNormal,
    "random_normal": RandomNormal,
    "glorot_uniform": GlorotUniform,
    "he_uniform": HeUniform,
    "orthogonal": Orthogonal,
    "thresholds": Thresholds,
}


def get(argument: str, spec: "str | Initializer | dict[str, Any]") -> Initializer:
    """Return an initializer from its name, its saved form or itself.

    Raises:
        InvalidValueError: no initializer has that name; the message names `argument`.
    """
    if isinstance(spec, Initializer):
        return spec
    if isinstance(spec, dict):
        kinds = {kind.__name__: kind for kind in (*INITIALIZERS.values(), Unavailable)}
        return described(argument, spec, kinds)
    if isinstance(spec, str):
        return INITIALIZERS[checks.one_of(argument, spec, INITIALIZERS)]()
    raise InvalidTypeError(argument, "the name of an initializer or an Initializer", repr(spec))

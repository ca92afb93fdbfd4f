"""Initializer: the base of all initializers; functions, and those that a file cannot hold."""

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lstm import checks, seeding
from lstm.configured import Configured
from lstm.errors import NotDefinedError, NotReadyError
from lstm.interface import of_library, set_by_constructor

Values = NDArray[np.float64]


class Initializer(Configured):
    """Base of all initializers, which make the initial values of a weight.

    Args:
        seed: seed of its own generator, instead of the generator of `lstm.set_seed`.
    """

    seed: int | None = set_by_constructor()

    def __init__(self, seed: int | None = None) -> None:
        self.seed = None if seed is None else checks.int_at_least("seed", seed, 0)

    def __call__(
        self,
        shape: Sequence[int],
        dtype: DTypeLike | np.random.Generator | None = None,
        rng: np.random.Generator | None = None,
    ) -> Values:
        """Return values of `shape`.

        Args:
            shape: sizes.
            dtype: that of the values; by default "float64". A generator in its place is `rng`.
            rng: draws them if there is no seed; by default the generator of `lstm.set_seed`.
        """
        if isinstance(dtype, np.random.Generator):
            dtype, rng = None, dtype
        if self.seed is not None:
            rng = np.random.default_rng(self.seed)
        values = self.values(shape, seeding.generator() if rng is None else rng)
        return values if dtype is None else values.astype(checks.floating("dtype", dtype))

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        """Return values of `shape`, drawn from `rng`; a subclass defines this."""
        raise NotDefinedError(self, "values(shape, rng)")

    def beside(self, weights: Mapping[str, NDArray[Any]]) -> "Initializer":
        """Return the initializer for the next weight of a layer with these weights."""
        return self

    @property
    def in_files(self) -> bool:
        """Whether a file can hold it."""
        return of_library(type(self))

    def description(self) -> dict[str, Any]:
        return super().description() if self.in_files else Unavailable(self.called).description()


class FromFunction(Initializer):
    """The values that a function returns for a shape.

    Args:
        function: a function of a shape; it may have an argument `dtype`.
    """

    in_files = False

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    @property
    def called(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        options = {"dtype": "float64"} if "dtype" in signature(self.function).parameters else {}
        return np.asarray(self.function(tuple(shape), **options), np.float64)


class Unavailable(Initializer):
    """Replaces, in a loaded layer, an initializer that a file cannot hold, such as your own class.

    Args:
        kind: name of the class.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        raise NotReadyError(f"{self.kind} made these weights, and a file holds only its name")

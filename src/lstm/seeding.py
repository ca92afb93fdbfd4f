"""The one source of randomness of models that are not given a seed of their own."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from lstm import checks

_generator = np.random.default_rng()


def set_seed(seed: int) -> None:
    """Make the models built from now on reproducible.

    Initial weights, the order of training examples and dropout all follow from it.

    Args:
        seed: an integer of at least 0.

    Example:
        >>> import lstm
        >>> lstm.set_seed(0)
    """
    global _generator
    _generator = np.random.default_rng(checks.int_at_least("seed", seed, 0))


@contextmanager
def untouched() -> Iterator[None]:
    """Leave no trace: what is drawn after the `with` block does not depend on it."""
    bits = _generator.bit_generator
    state = bits.state
    try:
        yield
    finally:
        bits.state = state


def generator() -> np.random.Generator:
    """The generator from which weights are drawn and models seed their own."""
    return _generator

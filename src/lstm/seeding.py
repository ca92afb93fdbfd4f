"""Seeding: the single source of randomness for models without their own seed."""

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from lstm import checks
from lstm.settings import Setting


class _Generators(NamedTuple):
    """The generators of one seed: one for the thread that set it and one for all others.

    So the draws of the first do not depend on the others.
    """

    thread: int
    own: np.random.Generator
    others: np.random.Generator


def _generators(seed: int | None) -> _Generators:
    sequence = np.random.SeedSequence(seed)
    (others,) = sequence.spawn(1)
    own = np.random.default_rng(sequence)
    return _Generators(threading.get_ident(), own, np.random.default_rng(others))


_chosen = Setting("generators", _generators(None))


def set_seed(seed: int) -> None:
    """Make the models built from now on reproducible.

    Initial weights, the order of training examples and dropout all follow from it. Called in the
    main thread, it sets the seed for every thread; in another thread, for this thread alone.
    Threads that share the main thread's seed do not disturb the main thread, but disturb each
    other: for the same results in each, call it in each.

    Args:
        seed: an integer of at least 0.

    Example:
        >>> import lstm
        >>> lstm.set_seed(0)
    """
    _chosen.set(_generators(checks.int_at_least("seed", seed, 0)))


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Use a seed within a `with` block, and restore the state after it; None changes nothing."""
    if seed is None:
        yield
        return
    with _chosen.within(_generators(checks.int_at_least("seed", seed, 0))):
        yield


@contextmanager
def untouched() -> Iterator[None]:
    """Restore the random state after a `with` block, so that later draws do not depend on it."""
    scratch = _chosen.get()._replace(thread=threading.get_ident(), own=copy.deepcopy(generator()))
    with _chosen.within(scratch):
        yield


def generator() -> np.random.Generator:
    """Return the generator that draws weights and seeds the generators of models."""
    chosen = _chosen.get()
    return chosen.own if chosen.thread == threading.get_ident() else chosen.others

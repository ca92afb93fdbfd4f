"""The one source of randomness of models that are not given a seed of their own."""

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from lstm import checks
from lstm.settings import Setting


class _Generators(NamedTuple):
    """Of one seed, a generator for the thread that chose it and one for all others.

    So what the first draws does not depend on what the others do.
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
    main thread it holds for every thread, in another one for that thread alone. Threads that share
    the main one's seed do not disturb it, but each other: for the same results in each, call it in
    each.

    Args:
        seed: an integer of at least 0.

    Example:
        >>> import lstm
        >>> lstm.set_seed(0)
    """
    _chosen.set(_generators(checks.int_at_least("seed", seed, 0)))


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Build from a seed within a `with` block, and leave no trace; None changes nothing."""
    if seed is None:
        yield
        return
    with _chosen.within(_generators(checks.int_at_least("seed", seed, 0))):
        yield


@contextmanager
def untouched() -> Iterator[None]:
    """Leave no trace: what is drawn after the `with` block does not depend on it."""
    scratch = _chosen.get()._replace(thread=threading.get_ident(), own=copy.deepcopy(generator()))
    with _chosen.within(scratch):
        yield


def generator() -> np.random.Generator:
    """The generator from which weights are drawn and models seed their own."""
    chosen = _chosen.get()
    return chosen.own if chosen.thread == threading.get_ident() else chosen.others

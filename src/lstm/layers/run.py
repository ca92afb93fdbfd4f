"""Run: what layers need to know about one pass through a graph."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import seeding
from lstm.backends import Backend
from lstm.backends.contract import Array, Key, Ops
from lstm.layers.masks import Mask
from lstm.layers.penalties import Penalty
from lstm.layers.rules import Shape

Arrays = tuple[Array, ...]
Gradients = tuple[Array | None, ...]
"""One gradient for each input or output; None means zeros, or not needed."""

StepState = tuple[NDArray[Any], ...]
"""The state that a layer carries from chunk to chunk of a sequence, batch first, in NumPy."""


@dataclass
class Run:
    """What layers need to know about one pass through a graph.

    Attributes:
        backend: the backend of the arrays.
        training: whether dropout is active.
        keep_cache: whether a backward pass follows.
        rng: source of the seed for dropout, in a pass that drops something.
        seed: this seed, from the first draw on.
        draws: how many draws there were.
        penalized: whether outputs may add to the loss.
        penalties: what they add: numbers of operations, each with its factor.
        early: how many of them come before the loss.
        states: carried state by node name, on the backend; a node that is not in it starts from
            zeros.
        carried: names of the nodes that leave their last state in `new_states`.
        drawn: values that a layer draws once for the pass, even if it is called repeatedly.
        ragged: whether the pass reads padded sequences of different lengths.
        node: name of the current node.
        masks: the masks of its inputs; empty if there are none.
        shapes: the shapes of its inputs as far as they are known without data, if there are masks.
    """

    backend: Backend
    training: bool = False
    keep_cache: bool = False
    rng: np.random.Generator = field(default_factory=seeding.generator)
    states: Mapping[str, Arrays] = field(default_factory=dict)
    carried: frozenset[str] = frozenset()
    new_states: dict[str, Arrays] = field(default_factory=dict)
    drawn: dict[object, Array] = field(default_factory=dict)
    ragged: bool = False
    node: str = ""
    masks: Sequence[Mask | None] = ()
    shapes: Sequence[Shape] = ()
    seed: int | None = None
    draws: int = 0
    penalized: bool = False
    penalties: list[Penalty] = field(default_factory=list)
    early: int = 0

    @contextmanager
    def mode(self, training: bool | None) -> Iterator[None]:
        """Train, or not, in the `with` block; None: as before."""
        before = self.training
        self.training = before if training is None else training
        try:
            yield
        finally:
            self.training = before

    def key(self) -> Key:
        """Return the key of the next draw of the pass, for `ops.dropout` and `ops.dropout_mask`."""
        if self.seed is None:
            self.seed = self.new_seed()
        self.draws += 1
        return Key(self.seed, self.draws)

    def new_seed(self) -> int:
        """Draw a seed for a pass."""
        return int(self.rng.integers(2**64, dtype=np.uint64))

    @property
    def ops(self) -> Ops:
        """Return the operations of the backend."""
        return self.backend.ops

    def state(self) -> Arrays | None:
        """Return the state that the current node starts from."""
        return self.states.get(self.node)

    def leave_state(self, state: Arrays) -> None:
        """Record the state in which the current node ends, if it is carried."""
        if self.node in self.carried:
            # A copy, because it may be part of a larger array, or of the user's data.
            self.new_states[self.node] = tuple(map(self.ops.copy, state))

"""Run: what the layers need to know of one pass through a graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import seeding
from lstm.backends import Backend
from lstm.backends.contract import Array, Key, Ops
from lstm.layers.masks import Mask

Arrays = tuple[Array, ...]
Gradients = tuple[Array | None, ...]
"""One gradient for each input or output; None means zeros, or not wanted."""

StepState = tuple[NDArray[Any], ...]
"""What one layer carries from one chunk of a sequence to the next, batch first, in NumPy."""


@dataclass
class Run:
    """What the layers need to know of one pass through a graph.

    Attributes:
        backend: where the arrays live.
        training: whether dropout is active.
        keep_cache: whether a backward pass follows.
        rng: where the seed of what is dropped is drawn from, in a pass that drops something.
        states: carried state by node name, on the backend; a node that is not in it starts from
            zeros.
        carried: names of the nodes that leave their last state in `new_states`.
        drawn: what a layer draws once for the pass, however often it is called in it.
        ragged: whether the pass reads sequences of different lengths, padded for it.
        node: name of the node being computed.
        masks: those of its inputs; empty where none has one.
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
    _seed: int | None = None
    _draws: int = 0

    def key(self) -> Key:
        """The key of the next draw of this pass, for `ops.dropout` and `ops.dropout_mask`."""
        if self._seed is None:
            self._seed = int(self.rng.integers(2**64, dtype=np.uint64))
        self._draws += 1
        return Key(self._seed, self._draws)

    @property
    def ops(self) -> Ops:
        """The operations of the backend."""
        return self.backend.ops

    def state(self) -> Arrays | None:
        """The state that the current node starts from."""
        return self.states.get(self.node)

    def leave_state(self, state: Arrays) -> None:
        """Record the state in which the current node ends, if it is carried."""
        if self.node in self.carried:
            # A copy: what a layer leaves may be part of a larger array, or of the user's data.
            self.new_states[self.node] = tuple(map(self.ops.copy, state))

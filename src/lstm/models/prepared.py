"""Prepared passes: what a model computed before is computed again at the cost of its arithmetic.

All checks but one, that numbers are finite, were made when arrays of the same shapes came before.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lstm.backends import Backend
from lstm.backends.contract import Array
from lstm.configured import Changes
from lstm.layers.base import Run, StepState
from lstm.layers.masks import Mask
from lstm.models import planning
from lstm.models.graph import Graph
from lstm.models.passes import Passes
from lstm.models.planned_pass import PlannedPass
from lstm.models.program import Program
from lstm.models.state import State

Values = NDArray[Any]


class Stepping(Protocol):
    """A model that can be read step by step."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def backend(self) -> Backend:
        """The backend of its arrays."""

    @property
    def graph(self) -> Graph:
        """Its graph."""

    def passes(self, purpose: Callable[[Graph], Program]) -> Passes:
        """Return what runs the program for a purpose."""

    def feed(self, x: Any) -> tuple[list[Array], list[Mask | None]]:
        """Return a chunk as arrays of the backend, and their masks."""

    def initial_state(self, batch_size: int) -> State:
        """Return the state before the first step."""

    def step(self, x: Any, state: Mapping[str, StepState]) -> tuple[Any, State]:
        """Return the outputs for a chunk, and the state after it."""

    def arranged(self, outputs: Sequence[Any]) -> Any:
        """Return outputs as the model was made with them."""


class Prepared:
    """A pass over arrays of certain shapes, from a plan.

    Args:
        planned: takes the inputs and the states, and returns the new states and the outputs.
        passes: what it was made from.
    """

    def __init__(self, planned: PlannedPass, passes: Passes) -> None:
        self._planned = planned
        self._passes = passes
        self._looked, self._seen = Changes.latest, passes.plans.seen()
        self._parts = sum(planned.states.values())

    @property
    def holds(self) -> bool:
        """Whether it still computes what the model does."""
        latest = Changes.latest
        if latest != self._looked:
            if self._seen != self._passes.plans.seen():
                return False
            self._looked = latest
        return True

    def run(
        self, inputs: Sequence[Values], after: Sequence[Values] = ()
    ) -> tuple[list[Values], list[Values]] | None:
        """Return the outputs and the new states, in `after` if it is given.

        Args:
            inputs: arrays such as those that it was recorded with, and the states.
            after: where the new states go.

        It returns None, and does nothing, if a number is not finite, another thread is in it, or
        the weights have just changed.
        """
        returned = self._planned.call(inputs, (), after)
        if returned is None:
            return None
        arrays, _ = returned
        return arrays[self._parts :], arrays[: self._parts]


class Steps:
    """The prepared steps of a model, one for each shape of chunks and states that came before.

    Args:
        model: the model; it has one input.
    """

    most = 16

    def __init__(self, model: Stepping) -> None:
        self._model = model
        self._prepared: dict[object, Prepared | None] = {}

    def find(self, x: Values, shapes: object) -> Prepared | None:
        """Return the prepared step for such a chunk and states of such shapes, if there is one."""
        found = self._prepared.get((x.shape, x.dtype, shapes))
        if found is not None and not found.holds:
            self._prepared = {}
            return None
        return found

    def prepare(self, x: Values, shapes: object, state: State) -> None:
        """Prepare the step for such a chunk, which was found to be right."""
        model, backend = self._model, self._model.backend
        key = x.shape, x.dtype, shapes
        if key in self._prepared or str(x.dtype) not in ("int64", backend.dtype):
            return
        feeds, masks = model.feed(x)
        if len(self._prepared) >= self.most:
            self._prepared = {}
        self._prepared[key] = None
        if len(feeds) > 1 or any(mask is not None for mask in masks):
            return
        if feeds[0].shape != x.shape or str(x.dtype) != str(feeds[0].dtype):
            return
        passes = model.passes(planning.infer)
        run = Run(backend, states=state.on(backend), carried=frozenset(state))
        recorded = passes.prepared(run, feeds)
        if recorded is not None and list(recorded.states) == list(state):
            self._prepared[key] = Prepared(recorded, passes)


class Predictions:
    """The prepared predictions of a model, one for each shape of small batches that came again.

    Args:
        model: the model.
    """

    most = 16
    most_bytes = 1 << 20
    """Of a batch, and of the memory of its plan: checks do not count beside larger passes."""

    def __init__(self, model: Stepping) -> None:
        self._model = model
        self._prepared: dict[object, Prepared | bool] = {}  # Whether it may be prepared.

    def outputs(self, x: Any) -> list[Values] | None:
        """Return the outputs for a batch; None if it has to be checked, and computed as usual."""
        found = self._prepared.get(_signature(x))
        if not isinstance(found, Prepared):
            return None
        if not found.holds:
            self._prepared = {}
            return None
        returned = found.run(_parts(x))
        return None if returned is None else returned[0]

    def prepare(self, x: Any) -> None:
        """Prepare the prediction for such a batch, which was found to be right, if it came before.

        Recording takes longer than a prediction.
        """
        key, model = _signature(x), self._model
        if key is None or sum(part.nbytes for part in _parts(x)) > self.most_bytes:
            return
        if key not in self._prepared:
            if len(self._prepared) >= self.most:
                self._prepared = {}
            self._prepared[key] = True
        elif self._prepared[key] is True:
            self._prepared[key] = False
            feeds, masks = model.feed(x)
            whole = not any(mask is not None for mask in masks)
            if whole and _same(feeds, x) and not model.graph.recurrent(stateful=True):
                passes = model.passes(planning.infer)
                recorded = passes.prepared(Run(model.backend), feeds)
                if recorded is not None and recorded.plan.arena_bytes <= self.most_bytes:
                    self._prepared[key] = Prepared(recorded, passes)


def _parts(x: Any) -> Sequence[Any]:
    return x if type(x) is list else (x,)


def _signature(x: Any) -> object:
    """Return the shapes and dtypes of an array or a list of arrays; None for anything else."""
    found: list[object] = [type(x)]
    for part in _parts(x):
        if type(part) is not np.ndarray or not (part.flags.c_contiguous and part.flags.aligned):
            return None
        found += part.shape, part.dtype
    return tuple(found)


def _same(feeds: Sequence[Array], x: Any) -> bool:
    """Whether a backend reads arrays as they are given, in this order."""
    parts = _parts(x)
    return len(parts) == len(feeds) and all(
        part.shape == feed.shape and str(part.dtype) == str(feed.dtype) and (part == feed).all()
        for part, feed in zip(parts, feeds, strict=True)
    )

"""Stream: sequences that a model reads step by step, with its state inside."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.backends import Backend
from lstm.backends.contract import Array
from lstm.configured import Changes
from lstm.errors import InvalidValueError
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
    """A step for chunks of one shape, from a plan.

    Args:
        planned: takes x and the states, and returns the new states and the outputs.
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
        self, x: Values, states: Sequence[Values], after: Sequence[Values] = ()
    ) -> tuple[list[Values], list[Values]] | None:
        """Return the outputs and the new states, in `after` if it is given.

        It returns None, and does nothing, if a number is not finite, another thread is in it, or
        the weights have just changed.
        """
        returned = self._planned.call([x, *states], (), after)
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


class Stream:
    """Sequences that a model reads step by step, with its state inside; `model.stream()` makes it.

    The first chunk of a shape is computed as by `model.step`; the next ones cost little more than
    their arithmetic. The weights are those of the model, also when they change. Different threads
    may use different streams of a model at once.

    Args:
        model: the model.
        batch_size: number of sequences, each with its own state.

    Example:
        >>> import numpy as np
        >>> import lstm
        >>> model = lstm.Sequential([lstm.Input((None, 2)), lstm.layers.LSTM(3)])
        >>> stream = model.stream()
        >>> for x in np.zeros((4, 1, 1, 2), np.float32):
        ...     y = stream(x)
        >>> y.shape
        (1, 3)
    """

    __slots__ = ("_after", "_batch_size", "_busy", "_model", "_names", "_states", "_steps")

    def __init__(self, model: Stepping, batch_size: int = 1) -> None:
        self._model = model
        self._batch_size = checks.positive_int("batch_size", batch_size)
        self._steps = Steps(model)
        self._busy = threading.Lock()
        self._states: list[Values] = []
        self._after: list[Values] = []
        self.reset()

    def __call__(self, x: Any) -> Any:
        """Return the outputs for the next chunk (B, T, ...) of each sequence.

        Raises:
            InvalidShapeError, InvalidTypeError, InvalidValueError: the model cannot accept x, or
                another thread uses this stream now. The state does not change.
        """
        if not self._busy.acquire(blocking=False):
            raise InvalidValueError("stream", "one thread at a time: others need their own", "two")
        try:
            if type(x) is np.ndarray and x.flags.c_contiguous and x.flags.aligned:
                prepared = self._steps.find(x, self._batch_size)
                if prepared is not None:
                    found = prepared.run(x, self._states, self._after)
                    if found is not None:
                        outputs, after = found
                        self._states, self._after = after, self._states
                        return self._model.arranged(outputs)
            return self._first(x)
        finally:
            self._busy.release()

    def _first(self, x: Any) -> Any:
        """Take a step with all checks, and prepare the next one like it."""
        state = self.state
        outputs, after = self._model.step(x, state)
        self._take(after)
        if type(x) is np.ndarray:
            self._steps.prepare(x, self._batch_size, state)
        return outputs

    @property
    def batch_size(self) -> int:
        """Number of sequences."""
        return self._batch_size

    @property
    def state(self) -> State:
        """A copy of the state after the last chunk; set it to continue from another one."""
        parts = iter(self._states)
        return State(
            {name: tuple(next(parts).copy() for _ in range(n)) for name, n in self._names.items()}
        )

    @state.setter
    def state(self, state: Mapping[str, StepState]) -> None:
        shapes, dtype = self._model.graph.state_shapes(), self._model.backend.dtype
        self._take(State.checked(state, shapes, self._batch_size, dtype))

    def reset(self) -> None:
        """Start again from zeros."""
        self._take(self._model.initial_state(self._batch_size))

    def _take(self, state: State) -> None:
        self._names = {name: len(parts) for name, parts in state.items()}
        self._states = [part.copy() for parts in state.values() for part in parts]
        self._after = [np.empty_like(part) for part in self._states]

    def __repr__(self) -> str:
        return f"Stream({self._model.name!r}, batch_size={self._batch_size})"

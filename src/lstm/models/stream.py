"""Stream: sequences that a model reads step by step, with its state inside."""

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidValueError
from lstm.layers.base import StepState
from lstm.models.prepared import Stepping, Steps
from lstm.models.state import State

Values = NDArray[Any]


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
                    found = prepared.run([x, *self._states], self._after)
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

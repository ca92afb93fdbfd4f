"""The state of a model between two chunks of a sequence, as a value."""

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks, storage
from lstm.backends import Backend
from lstm.backends.contract import Array
from lstm.container import pack
from lstm.errors import InvalidShapeError, InvalidTypeError
from lstm.interface import Interface
from lstm.layers.base import StepState


class State(Interface, Mapping[str, StepState]):
    """For each recurrent layer its (h, c), or h, each (B, units): everything a model remembers.

    A state is small, never changed by the model that reads it, and can be saved, moved to another
    machine and continued from.

    Example:
        >>> import lstm
        >>> model = lstm.Sequential([lstm.Input((None, 2)), lstm.layers.LSTM(3)])
        >>> model.initial_state(batch_size=4)
        State(batch_size=4, lstm=(4, 3)+(4, 3))
    """

    def __init__(self, parts: Mapping[str, StepState]) -> None:
        self._parts = dict(parts)
        self._signature: tuple[object, ...] | None = None

    def __getitem__(self, name: str) -> StepState:
        return self._parts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __repr__(self) -> str:
        shapes = (
            f"{name}=" + "+".join(str(array.shape) for array in parts)
            for name, parts in self._parts.items()
        )
        size = f"batch_size={self.batch_size}" if self._parts else "nothing to remember"
        return f"State({', '.join([size, *shapes])})"

    @property
    def batch_size(self) -> int:
        """Number of sequences B; 0 if no layer remembers anything, which fits any number."""
        return next((len(array) for parts in self.values() for array in parts), 0)

    @property
    def signature(self) -> tuple[object, ...]:
        """What arrays it consists of: their names, shapes, dtypes, and whether they are dense."""
        if self._signature is None:
            self._signature = tuple(
                [
                    (name, *[(x.shape, x.dtype, x.flags.c_contiguous, x.flags.aligned) for x in xs])
                    for name, xs in self._parts.items()
                ]
            )
        return self._signature

    def arrays(self) -> list[NDArray[Any]]:
        """Return all arrays in order."""
        return [array for parts in self._parts.values() for array in parts]

    def like(self, arrays: Sequence[NDArray[Any]]) -> "State":
        """Return the state of other arrays with the same signature."""
        found, start = State({}), 0
        for name, parts in self._parts.items():
            stop = start + len(parts)
            found._parts[name] = tuple(arrays[start:stop])
            start = stop
        found._signature = self._signature
        return found

    @classmethod
    def of(cls, backend: Backend, states: Mapping[str, Sequence[Array]]) -> "State":
        """Return the state in arrays of a backend, perhaps sharing their memory."""
        to_numpy = backend.ops.to_numpy
        return cls({name: tuple(map(to_numpy, parts)) for name, parts in states.items()})

    def on(self, backend: Backend) -> dict[str, tuple[Array, ...]]:
        """Return the state as arrays of a backend, perhaps sharing its memory."""
        array = backend.ops.array
        return {name: tuple(map(array, parts)) for name, parts in self.items()}

    @classmethod
    def checked(
        cls,
        state: object,
        shapes: Mapping[str, tuple[tuple[int, ...], ...]],
        batch_size: int,
        dtype: str,
    ) -> "State":
        """Return a user's value, checked as the state of a model with these shapes and batch size.

        Raises:
            InvalidTypeError: the value is not a state.
            InvalidShapeError: it belongs to another model or another batch size.
            InvalidValueError: it holds NaN or infinity.
        """
        if not isinstance(state, Mapping):
            raise InvalidTypeError(
                "state", "a State, from initial_state or step", type(state).__name__
            )
        parts: dict[str, StepState] = {}
        for name, arrays in state.items():
            if not isinstance(arrays, tuple | list):
                raise InvalidTypeError(
                    f"state[{name!r}]", "a tuple of arrays", type(arrays).__name__
                )
            parts[name] = tuple(checks.numbers(f"state[{name!r}]", array) for array in arrays)
        expected = {
            name: [(batch_size, *shape) for shape in arrays] for name, arrays in shapes.items()
        }
        got = {name: [array.shape for array in arrays] for name, arrays in parts.items()}
        if got != expected:
            raise InvalidShapeError("state", f"arrays of shapes {expected}", got)
        for name, arrays in parts.items():
            for array in arrays:
                checks.finite(f"state[{name!r}]", array, dtype)
            parts[name] = tuple(np.ascontiguousarray(array, dtype) for array in arrays)
        return cls(parts)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the state to one `.safetensors` file.

        Raises:
            ModelFileError: the file cannot be written; an existing file stays unchanged.
            InvalidTypeError: a file cannot hold this state.
        """
        storage.write(path, *self._contents())

    def _contents(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return the arrays and the JSON values that a file of this state holds."""
        for name, parts in self.items():
            checks.string("name of a layer", name)
            if not parts:
                raise InvalidTypeError(f"state of {name}", "at least one array", "none")
        return self.tensors(), {"kind": "state"}

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return its arrays by their names in files: `lstm/0`, `lstm/1`."""
        return {
            f"{name}/{k}": array for name, parts in self.items() for k, array in enumerate(parts)
        }

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "State":
        """Read a state that `save` wrote.

        Raises:
            ModelFileError: the file is missing, damaged or of another kind.
        """
        with storage.reading(path, ("state",)) as (tensors, _):
            return cls.of_tensors(tensors)

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, NDArray[Any]]) -> "State":
        """Return the state with these arrays from `tensors`."""
        parts: dict[str, dict[int, np.ndarray]] = {}
        for key, array in tensors.items():
            name, _, k = key.rpartition("/")
            parts.setdefault(name, {})[int(k)] = array
        return cls({name: tuple(found[k] for k in sorted(found)) for name, found in parts.items()})

    @classmethod
    def _from_bytes(cls, data: bytes) -> "State":
        with storage.unpacking(data, ("state",)) as (tensors, _):
            return cls.of_tensors(tensors)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self)._from_bytes, (bytes(pack(*self._contents())),)

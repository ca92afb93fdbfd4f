"""Derived: what a recording finds out about data with NumPy, which every run finds out again.

Masks are NumPy arrays, and follow from the data alone: from tokens that are 0, from the lengths of
sequences. While a pass is recorded, a `Derived` stands for such an array. It has the numbers of
that pass, and writes down each function of NumPy that it goes through. Where a kernel reads it, it
becomes an input of the plan. Where Python asks whether it is true, the plan is right only for data
with the same answer.
"""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from lstm.backends.contract import NotRecordableError

Array = NDArray[Any]

_OF_SHAPE = np.ndim, np.shape, np.size
"""Functions that do not depend on numbers."""

_METHODS = (
    "all any argmax argsort astype cumsum max mean min repeat reshape sum swapaxes take transpose"
)


class Derived(NDArrayOperatorsMixin):
    """An array that is derived from data.

    Attributes:
        deriving: where it is written down.
        number: its number there.
        example: the array in the pass that is recorded.
    """

    def __init__(self, deriving: "Deriving", number: int, example: Any) -> None:
        self.deriving, self.number, self.example = deriving, number, example

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.example)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.size(self.example))

    @property
    def dtype(self) -> Any:
        return self.example.dtype

    def __len__(self) -> int:
        return len(self.example)

    def __getitem__(self, index: Any) -> "Derived":
        return self.deriving.apply(operator.getitem, self, index)

    def __bool__(self) -> bool:
        return self.deriving.expect(self)

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or "out" in options:
            raise NotRecordableError(f"{function.__name__}.{method}")
        return self.deriving.apply(function, *inputs, **options)

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        if function in _OF_SHAPE:
            return function(*map(_example, inputs), **options)
        return self.deriving.apply(function, *inputs, **options)

    def __getattr__(self, name: str) -> Callable[..., "Derived"]:
        if name not in _METHODS.split():
            raise NotRecordableError(name)
        return lambda *inputs, **options: self.deriving.apply(
            _method, self, name, *inputs, **options
        )

    def _refuse(self, *_: object, **options: object) -> Any:
        raise NotRecordableError("numbers of data")

    __array__ = __iter__ = __int__ = __float__ = __index__ = _refuse
    __setitem__: Any = _refuse
    __hash__ = object.__hash__


class Deriving:
    """What is noted of derived arrays while a pass is recorded."""

    def __init__(self) -> None:
        self._steps: list[_Step | None] = []  # None: the next of the data.
        self._wanted: list[Derived] = []
        self._known: dict[object, Derived] = {}

    def data(self, example: Array) -> Derived:
        """Return the next of the data that every run passes."""
        return self._add(None, example)

    def apply(self, function: Callable[..., Any], *inputs: Any, **options: Any) -> Derived:
        """Return the result of a function of derived arrays and constants."""
        key = function, _key(inputs), _key([*options.items()])
        try:
            known = self._known.get(key)
        except TypeError:  # A constant is an array, which nothing equals.
            return self._apply(function, inputs, options)
        if known is None:
            known = self._known[key] = self._apply(function, inputs, options)
        return known

    def expect(self, value: Derived) -> bool:
        """Return whether a value is true, which it has to be, or not, in every run."""
        answer = bool(value.example)
        self._add(_Step(_is, (_Slot(value.number), answer), {}, answer=True), answer)
        return answer

    def want(self, array: Derived) -> None:
        """Let runs return an array."""
        self._wanted.append(array)

    def finished(self) -> "Derivation":
        """Return what runs need of it, which holds nothing of this pass."""
        needed = {array.number for array in self._wanted}
        for k, step in reversed([*enumerate(self._steps)]):
            if step is not None and (k in needed or step.answer):
                needed |= {k, *_slots(step.inputs)}
        needed |= {k for k, step in enumerate(self._steps) if step is None}
        number = {k: n for n, k in enumerate(sorted(needed))}
        steps = [
            None if step is None else step._replace(inputs=_renumbered(step.inputs, number))
            for k, step in enumerate(self._steps)
            if k in needed
        ]
        wanted = [(number[array.number], array.shape, array.dtype) for array in self._wanted]
        return Derivation(steps, wanted)

    def _apply(
        self, function: Callable[..., Any], inputs: Sequence[Any], options: dict[str, Any]
    ) -> Derived:
        if any(isinstance(x, Derived) for x in options.values()):
            raise NotRecordableError(function.__name__)
        example = function(*map(_example, inputs), **options)
        return self._add(_Step(function, tuple(map(_slot, inputs)), options), example)

    def _add(self, step: "_Step | None", example: Any) -> Derived:
        self._steps.append(step)
        return Derived(self, len(self._steps) - 1, example)


@dataclass(frozen=True)
class Derivation:
    """How the arrays that a plan is passed are derived from the data of a run."""

    _steps: "Sequence[_Step | None]"
    _wanted: Sequence[tuple[int, tuple[int, ...], Any]]

    @property
    def depends(self) -> bool:
        """Whether anything is derived from the data."""
        return bool(self._wanted) or any(step is not None for step in self._steps)

    def run(self, data: Sequence[Array]) -> list[Array] | None:
        """Return the wanted arrays for other data; None if these need another plan."""
        given, values = iter(data), list[Any]()
        for step in self._steps:
            if step is None:
                values.append(next(given))
                continue
            inputs = [_given(x, values) for x in step.inputs]
            values.append(step.function(*inputs, **step.options))
            if step.answer and not values[-1]:
                return None
        found = []
        for number, shape, dtype in self._wanted:
            value = np.ascontiguousarray(values[number])
            if value.shape != shape or value.dtype != dtype:
                return None
            found.append(value)
        return found


class _Slot(NamedTuple):
    """The place of a derived array among the values of a run."""

    number: int


class _Step(NamedTuple):
    """A function that a run calls.

    Attributes:
        function, inputs, options: the function, and what it is given.
        answer: whether the data need another plan where its result is not true.
    """

    function: Callable[..., Any]
    inputs: tuple[Any, ...]
    options: dict[str, Any]
    answer: bool = False


def _method(x: Any, name: str, *inputs: Any, **options: Any) -> Any:
    return getattr(x, name)(*inputs, **options)


def _is(value: Any, answer: bool) -> bool:
    return bool(value) is answer


def _example(x: Any) -> Any:
    if isinstance(x, list | tuple):
        return type(x)([*map(_example, x)])
    return x.example if isinstance(x, Derived) else x


def _slot(x: Any) -> Any:
    if isinstance(x, list | tuple):
        return type(x)([*map(_slot, x)])
    return _Slot(x.number) if isinstance(x, Derived) else x


def _slots(x: Any) -> Iterator[int]:
    """Yield the places that inputs are taken from."""
    if isinstance(x, _Slot):
        yield x.number
    elif isinstance(x, list | tuple):
        for part in x:
            yield from _slots(part)


def _renumbered(x: Any, number: Mapping[int, int]) -> Any:
    """Return inputs with the new numbers of their places."""
    if isinstance(x, _Slot):
        return _Slot(number[x.number])
    if isinstance(x, list | tuple):
        return type(x)([_renumbered(part, number) for part in x])
    return x


def _given(x: Any, values: Sequence[Any]) -> Any:
    if isinstance(x, _Slot):
        return values[x.number]
    if isinstance(x, list | tuple):
        return type(x)([_given(part, values) for part in x])
    return x


def _key(x: Any) -> Any:
    """Return what is equal for inputs that are the same, in value and type."""
    if isinstance(x, list | tuple):
        return type(x), *map(_key, x)
    if isinstance(x, Derived):
        return Derived, x.number
    if isinstance(x, slice):
        return slice, x.start, x.stop, x.step
    return type(x), repr(x) if isinstance(x, float) else x  # 0.0 == -0.0

"""Weight: a named array that a layer learns, or holds as int8."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from lstm import checks
from lstm.backends import Backend
from lstm.backends.contract import Array, Quantized
from lstm.configured import new_version
from lstm.constraints import Constraint
from lstm.errors import InvalidTypeError
from lstm.layers.penalties import Regularizer


class Owner(Protocol):
    """The owner of the buffers of a model's weights."""

    @property
    def backend(self) -> Backend:
        """The backend of the buffers."""

    @property
    def changes(self) -> int:
        """Another number after each change of the numbers of weights."""

    def assign(self, weight: "Weight", values: NDArray[Any]) -> None:
        """Replace the numbers of a weight."""

    def changing(self) -> AbstractContextManager[None]:
        """Change the numbers of weights in the `with` block."""


@dataclass(frozen=True)
class Holder:
    """The owner of an int8 weight, which is in no buffer and never changes.

    Attributes:
        backend: the backend of its numbers.
    """

    backend: Backend
    changes: ClassVar[int] = 0


class Numbers:
    """Tells whether the numbers of weights have changed; attributes have a `version`.

    Args:
        weights: the weights.
    """

    def __init__(self, weights: Iterable["Weight"]) -> None:
        self._owners = list({id(w.owner): w.owner for w in weights if w.owner is not None}.values())

    @property
    def changes(self) -> int:
        """Another number after each change."""
        changes = 0
        for owner in self._owners:
            changes += owner.changes
        return changes


@dataclass(eq=False)
class Weight(NDArrayOperatorsMixin):
    """A named array that a layer learns; arithmetic with it is that of its numbers.

    `value` and `gradient` are NumPy arrays at first; once a model owns the weight, they are views
    of the model's flat buffers, on its backend, which only `assign` and optimizers write to. In a
    quantized model `value` may be `Quantized`, which is in no buffer and has no gradient. `version`
    is another number after each attribute that is set; the numbers in an array may change without
    it. What is `fixed` never learns, whatever its layer does; `running` is its array for
    statistics that training keeps in it, and for a constraint, once a model owns it. `path` is its
    name in the model that owns it, such as "lstm/kernel"; until there is one, in its layer.
    """

    name: str
    value: Array
    trainable: bool
    gradient: Array | None = None
    owner: Owner | Holder | None = None
    fixed: bool = False
    running: Array | None = None
    regularizer: Regularizer | None = None
    constraint: Constraint | None = None
    path: str = ""

    version: ClassVar[int] = 0

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        new_version(self)

    def __repr__(self) -> str:
        return f"Weight({self.path or self.name!r}, shape={self.shape}, dtype={self.dtype!r})"

    # Lists and dicts hold weights as themselves.
    __eq__, __ne__, __hash__ = object.__eq__, object.__ne__, object.__hash__

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        others = (x for x in inputs if not isinstance(x, Weight | np.ndarray))
        if any(hasattr(x, "__array_ufunc__") and not isinstance(x, np.generic) for x in others):
            return NotImplemented  # A tensor knows what to do.
        numbers = (x.numpy() if isinstance(x, Weight) else x for x in inputs)
        return getattr(ufunc, method)(*numbers, **options)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.to_numpy(), dtype)

    def numpy(self) -> NDArray[Any]:
        """Return a copy of the values as a NumPy array."""
        return np.array(self.to_numpy())

    def assign(self, values: Any) -> None:
        """Replace the numbers by others, of the same shape.

        Raises:
            InvalidShapeError: they have another shape.
            InvalidTypeError: they are not numbers, or the weight is int8.
        """
        if isinstance(self.owner, Holder):
            raise InvalidTypeError(self.name, "float32 numbers to replace", "int8 numbers")
        values = checks.numbers(self.name, values)
        checks.shape(self.name, values.shape, self.shape)
        if self.owner is None:
            self.value[...] = values
        else:
            self.owner.assign(self, values)

    @property
    def is_int8(self) -> bool:
        """Whether it is held as int8 numbers with scales."""
        return isinstance(self.value, Quantized)

    def take_int8(self, backend: Backend, value: Quantized) -> None:
        """Hold these int8 numbers of a backend instead of the current values."""
        self.value, self.gradient, self.owner = value, None, Holder(backend)

    def int8_parts(self) -> tuple[NDArray[np.int8], NDArray[Any]]:
        """Return the int8 numbers and their scales as NumPy arrays."""
        assert self.owner is not None
        return self.owner.backend.ops.quantized_parts(self.value)

    @property
    def arrays(self) -> tuple[Array, ...]:
        """The arrays of the backend that hold its value."""
        if isinstance(self.value, Quantized):
            return self.value.values, self.value.scale
        return (self.value,)

    def to_numpy(self) -> NDArray[Any]:
        """Return the values as a NumPy array, perhaps without a copy."""
        if isinstance(self.value, Quantized):
            assert self.owner is not None
            ops = self.owner.backend.ops
            return ops.to_numpy(ops.dequantize(self.value))
        to_numpy = np.asarray if self.owner is None else self.owner.backend.ops.to_numpy
        return to_numpy(self.value)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""
        return tuple(self.value.shape)

    @property
    def dtype(self) -> str:
        """The dtype of its numbers, as in NumPy."""
        if isinstance(self.value, Quantized):
            return "int8"
        return str(self.value.dtype if self.owner is None else self.owner.backend.dtype)

    @property
    def size(self) -> int:
        """Number of entries."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that it takes up in memory, but for what fills up panels of the backend."""
        if isinstance(self.value, Quantized):
            return self.value.nbytes
        return self.size * np.dtype(self.dtype).itemsize

"""Variable: a number or an array that a metric keeps from batch to batch."""

from typing import Any, Self

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidShapeError
from lstm.interface import Interface

Values = NDArray[Any]


class Variable(Interface, NDArrayOperatorsMixin):
    """An array with a name, made by `Metric.add_variable`. NumPy's functions accept it.

    Args:
        values: its first values.
        name: its name in errors.
        open_shape: whether the first assignment decides its shape.

    Example:
        >>> from lstm.metrics import Variable
        >>> total = Variable(0.0)
        >>> total.assign_add(2)
        Variable('variable', 2.0)
        >>> float(total / 4)
        0.5
    """

    def __init__(self, values: Any, name: str = "variable", open_shape: bool = False) -> None:
        self._values = np.array(checks.numbers("values", values))
        self.name = checks.string("name", name)
        self.open_shape = checks.boolean("open_shape", open_shape)

    @property
    def value(self) -> Values:
        """The array."""
        return self._values

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self._values.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the array."""
        return self._values.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._values.ndim

    def numpy(self) -> Values:
        """Return a copy of the array."""
        return self._values.copy()

    def assign(self, value: Any) -> Self:
        """Replace the numbers by others of the same shape; a single number is spread.

        Raises:
            InvalidShapeError: they have another shape.
        """
        values = np.asarray(checks.numbers(self.name, value))
        if values.shape != self.shape:
            if not self.open_shape and values.ndim:
                expected = f"shape {self.shape}"
                raise InvalidShapeError(self.name, expected, f"shape {values.shape}")
            if not self.open_shape:
                values = np.broadcast_to(values, self.shape)
        self._values = np.array(values, self.dtype)
        return self

    def assign_add(self, value: Any) -> Self:
        """Add numbers."""
        added = np.add(self._values, value)
        if added.shape != self._values.shape:
            return self.assign(added)
        self._values = np.asarray(added, self._values.dtype)
        return self

    def assign_sub(self, value: Any) -> Self:
        """Subtract numbers."""
        return self.assign(self._values - value)

    def reset(self) -> None:
        """Set all numbers to 0; one whose shape was open is a single 0 again."""
        self._values = np.zeros(() if self.open_shape else self.shape, self.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Values:
        return np.array(self._values, dtype) if copy else np.asarray(self._values, dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        plain = [part.value if isinstance(part, Variable) else part for part in inputs]
        return getattr(ufunc, method)(*plain, **options)

    def __getitem__(self, index: Any) -> Any:
        return self._values[index]

    def __len__(self) -> int:
        return len(self._values)

    def __float__(self) -> float:
        return float(self._values)

    def __int__(self) -> int:
        return int(self._values)

    def __bool__(self) -> bool:
        return bool(self._values)

    def __repr__(self) -> str:
        return f"Variable({self.name!r}, {self._values})"

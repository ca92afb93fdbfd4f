"""Symbolic tensors: the arguments of calls of layers, and the nodes that record the calls."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lstm import checks
from lstm.configured import members
from lstm.errors import InvalidTypeError
from lstm.interface import spelled
from lstm.layers.definition import Definition
from lstm.layers.rules import Shape as Shape
from lstm.layers.valueless import Valueless, without_values

at_once = ContextVar("at_once", default=False)
"""Whether a layer is called on arrays, so that all within it computes at once."""

OPERATORS: dict[str, Callable[..., Any]] = {}
"""What operators of tensors do, by their sign; the functions, which are above this, add them."""

_SIGNS = {
    **{"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**", "matmul": "@"},
    **{"equal": "==", "not_equal": "!=", "less": "<", "less_equal": "<="},
    **{"greater": ">", "greater_equal": ">="},
}


def _has_numbers(value: object) -> bool:
    return isinstance(value, int | float | np.number | np.ndarray)


class Operators:
    """Arithmetic of tensors, and of what stands for one."""

    @property
    @abstractmethod
    def tensor(self) -> "SymbolicTensor":
        """The tensor that it is or stands for."""

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **options: Any) -> Any:
        sign = _SIGNS.get(ufunc.__name__)
        if sign and method == "__call__" and len(args) == 2 and not options:
            return OPERATORS[sign](*args)  # An array before the sign, and this behind it.
        raise without_values(f"{ufunc.__name__} of NumPy", ufunc.__name__)

    def __add__(self, other: Any) -> Any:
        return OPERATORS["+"](self, other)

    def __radd__(self, other: Any) -> Any:
        return OPERATORS["+"](other, self)

    def __sub__(self, other: Any) -> Any:
        return OPERATORS["-"](self, other)

    def __rsub__(self, other: Any) -> Any:
        return OPERATORS["-"](other, self)

    def __mul__(self, other: Any) -> Any:
        return OPERATORS["*"](self, other)

    def __rmul__(self, other: Any) -> Any:
        return OPERATORS["*"](other, self)

    def __truediv__(self, other: Any) -> Any:
        return OPERATORS["/"](self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return OPERATORS["/"](other, self)

    def __pow__(self, other: Any) -> Any:
        return OPERATORS["**"](self, other)

    def __rpow__(self, other: Any) -> Any:
        return OPERATORS["**"](other, self)

    def __matmul__(self, other: Any) -> Any:
        return OPERATORS["@"](self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return OPERATORS["@"](other, self)

    # Lists and dicts hold tensors as themselves: two of them are compared by `ops.equal` alone.
    __hash__ = object.__hash__

    def __eq__(self, other: Any) -> Any:
        return OPERATORS["=="](self, other) if _has_numbers(other) else self is other

    def __ne__(self, other: Any) -> Any:
        return OPERATORS["!="](self, other) if _has_numbers(other) else self is not other

    def __lt__(self, other: Any) -> Any:
        return OPERATORS["<"](self, other)

    def __le__(self, other: Any) -> Any:
        return OPERATORS["<="](self, other)

    def __gt__(self, other: Any) -> Any:
        return OPERATORS[">"](self, other)

    def __ge__(self, other: Any) -> Any:
        return OPERATORS[">="](self, other)

    def __neg__(self) -> Any:
        return OPERATORS["neg"](self)

    def __abs__(self) -> Any:
        return OPERATORS["abs"](self)

    def __getitem__(self, index: Any) -> Any:
        return OPERATORS["[]"](self.tensor, index)


@dataclass(eq=False)
class Call:
    """One call of a composite layer, whose own `call` made nodes.

    Attributes:
        layer: the layer.
        inputs: the tensors in its arguments.
        arguments, options: its arguments, by position and by name.
        returned: its result; `outputs` are the tensors in it.
    """

    layer: Definition
    inputs: tuple["SymbolicTensor", ...]
    arguments: Sequence[Any] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    returned: Any = None
    outputs: tuple["SymbolicTensor", ...] = ()
    training: bool | None = None
    """Whether the layers within train; None: as the model does."""

    def take(self, arguments: Sequence[Any], options: Mapping[str, Any], returned: Any) -> None:
        """Keep what was passed and returned."""
        self.arguments, self.options, self.returned = list(arguments), dict(options), returned
        self.outputs = tuple(members(returned, SymbolicTensor))


@dataclass(eq=False)
class Node:
    """One call of one layer.

    Attributes:
        layer: the layer, or None for an input of the model.
        inputs: tensors it was called on.
        calls: the calls of composite layers around it, outermost first.
        name: for an input, the key of its data; for a call, its name in the file it comes from.
    """

    layer: Definition | None
    inputs: tuple["SymbolicTensor", ...]
    calls: tuple[Call, ...] = ()
    outputs: tuple["SymbolicTensor", ...] = ()
    name: str | None = None
    exact: bool = True
    """For an input: whether every known size of its shape is binding."""
    place: Definition | None = None
    """For an input: the InputLayer that stands for it in `model.layers`, if it has one."""
    training: bool | None = None
    """Whether the layer trains in every pass, if a call said so; None: as the model does."""

    def __post_init__(self) -> None:
        if self.layer is not None and not self.calls:
            before = self.layer.first_call
            if before is None or not before.outputs:  # A call that failed has none.
                vars(self.layer)["first_call"] = self

    @property
    def path(self) -> tuple[Definition, ...]:
        """Return the composite layers around the call, then the layer itself."""
        own = () if self.layer is None else (self.layer,)
        return (*(call.layer for call in self.calls), *own)


@dataclass(eq=False, repr=False)
class SymbolicTensor(Operators, Valueless):
    """A value that a graph will compute: its shape, and its origin."""

    shape: Shape
    node: Node
    index: int = 0

    def __repr__(self) -> str:
        made = "an input" if self.node.layer is None else f"the output of {self.node.layer.name}"
        return f"<SymbolicTensor of shape {self.shape}, {made}>"

    def __reduce__(self) -> tuple[Any, ...]:
        if self.node.layer is not None:
            raise InvalidTypeError(
                "symbolic tensor",
                "an Input: the outputs of layers are copied as part of a Model",
                f"the output of {self.node.layer.name}",
            )
        return _input_again, (self.shape, self.node.name, self.node.exact)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def tensor(self) -> "SymbolicTensor":
        return self

    @property
    def name(self) -> str:
        """The name of the layer that returns it, or of an input."""
        layer = self.node.layer
        return (self.node.name or "input") if layer is None else layer.name

    @property
    def dtype(self) -> str:
        """The dtype that Keras would name: all numbers here have the one of their model."""
        return "float32"


Tensors = SymbolicTensor | list[SymbolicTensor]


@spelled
def Input(
    shape: Sequence[int | None] | None = None,
    batch_size: int | None = None,
    dtype: str | None = None,
    name: str | None = None,
    batch_shape: Sequence[int | None] | None = None,
) -> SymbolicTensor:
    """The start of a functional model: a tensor that stands for the data.

    Args:
        shape: sizes without the batch axis; None for any size, such as `(None, 2)` for sequences
            of any length of two features.
        batch_size: accepted for compatibility; every batch size works.
        dtype: accepted for compatibility; the layer that reads tokens recognizes them.
        name: key of this input if data is a dict.
        batch_shape: the shape with the batch axis, instead of `shape`.

    Raises:
        InvalidTypeError: both shapes are given, or neither.

    Example:
        >>> import lstm
        >>> lstm.Input(shape=(None, 2)).shape
        (None, None, 2)
    """
    if batch_size is not None:
        checks.positive_int("batch_size", batch_size)
    if name is not None:
        checks.string("name", name)
    return input_tensor((None, *sizes_of(shape, batch_shape)), name)


def sizes_of(shape: Sequence[int | None] | None, batch_shape: Sequence[int | None] | None) -> Shape:
    """Return the sizes of an input without the batch axis, from either of its arguments."""
    if (shape is None) == (batch_shape is None):
        got = "neither" if shape is None else "both"
        raise InvalidTypeError("shape", "shape or batch_shape, one of them", got)
    if batch_shape is not None:
        return checks.sizes("batch_shape", batch_shape)[1:]
    return checks.sizes("shape", shape)


def input_tensor(shape: Shape, name: str | None = None, *, exact: bool = True) -> SymbolicTensor:
    """Return an input tensor; `exact` says whether data must have the known sizes."""
    node = Node(None, (), name=name, exact=exact)
    node.outputs = (SymbolicTensor(shape, node),)
    return node.outputs[0]


def _input_again(shape: Shape, name: str | None, exact: bool) -> SymbolicTensor:
    return input_tensor(shape, name, exact=exact)


def has_operands(values: Iterable[object]) -> bool:
    """Whether values are tensors or arrays, several operands, not the numbers of one array."""
    return any(isinstance(x, Operators | np.ndarray) for x in values)


def has_tensors(values: Iterable[object]) -> bool:
    """Whether a call on these values makes nodes: one is a tensor, or all stand for one."""
    given = list(values)
    return any(isinstance(x, SymbolicTensor) for x in given) or (
        bool(given) and all(isinstance(x, Operators) for x in given) and not at_once.get()
    )


def single(tensors: Tensors) -> SymbolicTensor:
    """Return the single tensor from a layer with one output."""
    assert not isinstance(tensors, list)
    return tensors

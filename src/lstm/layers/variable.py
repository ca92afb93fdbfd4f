"""Variable: a weight as a tensor, for the `call` of a composite layer; and fixed numbers."""

from collections.abc import Iterable, Sequence
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from lstm import checks, constraints, initializers
from lstm.backends.contract import Array, Cache
from lstm.constraints import Constraint, ConstraintSpec
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.initializers import Initializer
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.eager import Tensor
from lstm.layers.masks import Mask
from lstm.layers.penalties import RegularizerSpec
from lstm.layers.symbolic import OPERATORS, Operators, Shape, SymbolicTensor, single
from lstm.layers.weight import Weight


class Variable(Layer, Operators):
    """A weight that `call` uses as a tensor: what `add_weight` of a composite layer returns.

    Args:
        shape: sizes, all known; there is no batch axis.
        initializer: initial values.
        fixed: whether the numbers never learn.
        regularizer: what large numbers add to the loss.
        constraint: what the numbers must be after each step of the optimizer.

    Example:
        >>> import lstm
        >>> factor = lstm.layers.Variable((3,), "ones", name="factor")
        >>> (lstm.Input((None, 3)) * factor).shape
        (None, None, 3)
        >>> factor.numpy().tolist()
        [1.0, 1.0, 1.0]
    """

    memoryless = True
    fixed_arguments = ("shape", "initializer")

    def __init__(
        self,
        shape: Sequence[int],
        initializer: str | Initializer | dict[str, Any] = "glorot_uniform",
        fixed: bool = False,
        regularizer: RegularizerSpec = None,
        constraint: ConstraintSpec = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.fixed = checks.boolean("fixed", fixed)
        sizes = checks.sequence(f"shape of {self.name}", shape, "a tuple of sizes")
        self.shape = tuple(checks.int_at_least(f"shape of {self.name}", n, 0) for n in sizes)
        self.initializer = initializers.get(initializer, "initializer")
        self.regularizer = OPERATORS["regularizer"](regularizer, "regularizer")
        self.constraint = constraints.get(constraint)

    def make(self) -> "Variable":
        """Make the weight now; returns itself."""
        self.outputs_for(())
        return self

    def build(self, *shapes: Shape) -> None:
        self.own_weight("", self.shape, self.initializer, fixed=self.fixed)

    def limit(self, weight: Weight) -> None:
        weight.regularizer, weight.constraint = self.regularizer, self.constraint

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        return (self.shape,)

    @property
    def tensor(self) -> SymbolicTensor:
        """A tensor that has its numbers."""
        return single(self.connect(()))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def numpy(self) -> NDArray[Any]:
        """Return a copy of the numbers."""
        return np.array(self.make().own_weights[""].to_numpy())

    def assign(self, values: Any) -> None:
        """Replace the numbers by others, of the same shape."""
        self.make().own_weights[""].assign(np.asarray(values))

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        return (self.value(""),), None

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        gradient = self.gradient("")
        if gradient is not None:
            run.ops.accumulate(gradients[0], gradient)
        return ()


class Constant(Layer):
    """Fixed numbers as a tensor.

    Args:
        values: the numbers.

    Example:
        >>> import lstm
        >>> lstm.layers.Constant([1.0, 2.0]).tensor.shape
        (2,)
    """

    memoryless = True
    makes_anew = True
    fixed_arguments = ("values",)

    def __init__(self, values: Any, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        weight = values.path or values.name if isinstance(values, Weight) else None
        if isinstance(values, Tensor):
            weight = values.weight
        if weight is not None:
            expected = "numbers, as numpy() returns them, or a weight of the layer that is called"
            raise InvalidTypeError(weight, expected, "another weight, which would not learn")
        numbers = checks.numbers("values", values)
        self.values = numbers.tolist()
        self._numbers = np.asarray(numbers, np.float64)
        self._arrays: dict[str, Array] = {}

    @property
    def tensor(self) -> SymbolicTensor:
        """A tensor that has its numbers."""
        return single(self.connect(()))

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        return (self._numbers.shape,)

    @property
    def constants(self) -> Iterable[Array]:
        return self._arrays.values()

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        dtype = run.backend.dtype
        if dtype not in self._arrays:
            self._arrays[dtype] = run.ops.array(np.array(self._numbers, dtype))
        return (self._arrays[dtype],), None

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        return ()


def _weight(
    layer: Layer,
    name: str,
    shape: Sequence[int],
    initializer: Initializer,
    fixed: bool,
    regularizer: Any,
    constraint: Constraint | None,
) -> Variable:
    """Return a new weight of a layer with `call`."""
    if any(part.name == name for part in layer.call_weights):
        raise InvalidValueError("name", f"an unused name in {layer.name}", repr(name))
    options: LayerOptions = {"name": name, "trainable": layer.trainable}
    variable = Variable(shape, initializer, fixed, regularizer, constraint, **options).make()
    layer.call_weights.append(variable)
    return variable


OPERATORS["weight"] = _weight
OPERATORS["constant"] = lambda numbers: Constant(numbers).tensor

"""Constraints: what weights must be after each step of an optimizer."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm import checks
from lstm.backends import backend
from lstm.backends.contract import Array, Ops
from lstm.configured import Configured, described
from lstm.errors import InvalidTypeError, NotDefinedError

_EPSILON = 1e-7


class Constraint(Configured):
    """Base of all constraints, including those that users write: they define `applied`."""

    never_called: ClassVar[Mapping[str, str]] = {"__call__": "applied(ops, w)"}

    def __call__(self, w: ArrayLike) -> NDArray[Any]:
        """Return an array of weights that fulfil it, made of these.

        Example:
            >>> import lstm
            >>> lstm.constraints.NonNeg()([-1.0, 2.0]).tolist()
            [0.0, 2.0]
        """
        chosen = backend()
        values = np.ascontiguousarray(checks.numbers("w", w), chosen.dtype)
        made = self.applied(chosen.ops, chosen.ops.array(values))
        return np.array(chosen.ops.to_numpy(made))

    def applied(self, ops: Ops, w: Array) -> Array:
        """Return weights that fulfil it, made of those after a step.

        Args:
            ops: the operations of the backend.
            w: the weights.
        """
        raise NotDefinedError(self, "applied(ops, w)")


class NonNeg(Constraint):
    """No weight is negative: what a step takes below 0 becomes 0."""

    def applied(self, ops: Ops, w: Array) -> Array:
        return ops.elementwise_forward("maximum", w, None, 0.0)


class MinMaxNorm(Constraint):
    """The norm of the weights into each unit stays between two numbers.

    Args:
        min_value: the smallest norm.
        max_value: the largest norm.
        rate: how far weights outside move toward them at each step, in [0, 1].
        axis: the axis along which the norm is taken: 0, the inputs of a kernel.
    """

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: int = 0
    ) -> None:
        self.min_value = checks.number("min_value", min_value, 0)
        self.max_value = checks.number("max_value", max_value, self.min_value)
        self.rate = checks.number("rate", rate, 0, 1)
        self.axis = checks.integer("axis", axis)

    def applied(self, ops: Ops, w: Array) -> Array:
        axis = self.axis % w.ndim
        squares = ops.sum(ops.elementwise_forward("square", w, None, 0.0), axis)
        norm = ops.elementwise_forward("sqrt", squares, None, 0.0)
        wanted = ops.elementwise_forward("maximum", norm, None, self.min_value)
        wanted = ops.elementwise_forward("minimum", wanted, None, self.max_value)
        wanted = ops.add([ops.scale(wanted, self.rate), ops.scale(norm, 1 - self.rate)])
        least = ops.elementwise_forward("add", norm, None, _EPSILON)
        factor = ops.elementwise_forward("divide", wanted, least, 0.0)
        shape = tuple(w.shape)
        kept = (*shape[:axis], 1, *shape[axis + 1 :])
        return ops.multiply(w, ops.broadcast(ops.reshape(factor, kept), shape))


class MaxNorm(MinMaxNorm):
    """The norm of the weights into each unit is at most `max_value`.

    Args:
        max_value: the largest norm.
        axis: the axis along which the norm is taken: 0, the inputs of a kernel.

    Example:
        >>> import lstm
        >>> lstm.layers.LSTM(8, kernel_constraint=lstm.constraints.MaxNorm(3)).kernel_constraint
        MaxNorm(max_value=3.0)

    Source:
        Srebro, Rennie & Jaakkola, "Maximum-margin matrix factorization", 2005.
    """

    def __init__(self, max_value: float = 2.0, axis: int = 0) -> None:
        super().__init__(0.0, max_value, 1.0, axis)


class UnitNorm(MinMaxNorm):
    """The norm of the weights into each unit is 1.

    Args:
        axis: the axis along which the norm is taken: 0, the inputs of a kernel.
    """

    def __init__(self, axis: int = 0) -> None:
        super().__init__(1.0, 1.0, 1.0, axis)


non_neg, max_norm, unit_norm, min_max_norm = NonNeg, MaxNorm, UnitNorm, MinMaxNorm

CONSTRAINTS: dict[str, type[Constraint]] = {
    "non_neg": NonNeg,
    "max_norm": MaxNorm,
    "unit_norm": UnitNorm,
    "min_max_norm": MinMaxNorm,
    **{kind.__name__: kind for kind in (NonNeg, MaxNorm, UnitNorm, MinMaxNorm)},
}

ConstraintSpec = str | Constraint | type[Constraint] | dict[str, Any] | None


def serialize(constraint: Constraint | None) -> dict[str, Any] | None:
    """Return a constraint as JSON values, for the `get_config` of a layer; `get` reads them."""
    return None if constraint is None else constraint.description()


def get(spec: ConstraintSpec, argument: str = "constraint") -> Constraint | None:
    """Return a constraint from its name, its saved form or itself; None for none.

    Args:
        spec: stands for the constraint.
        argument: the name of it in errors.

    Raises:
        InvalidValueError: no constraint has that name; the message names `argument`.
    """
    if spec is None or isinstance(spec, Constraint):
        return spec
    if isinstance(spec, dict):
        return described(argument, spec, CONSTRAINTS)
    if isinstance(spec, str):
        return CONSTRAINTS[checks.one_of(argument, spec, CONSTRAINTS)]()
    if isinstance(spec, type) and issubclass(spec, Constraint):
        return spec()
    raise InvalidTypeError(
        argument, "a constraint, such as lstm.constraints.MaxNorm(2)", repr(spec)
    )

"""Regularizers: what large weights or outputs add to the loss."""

from collections.abc import Callable, Mapping
from math import isfinite, prod
from typing import TYPE_CHECKING, Any

from lstm import checks, ops
from lstm.absent_names import answering
from lstm.backends.contract import Array, Cache, FunctionName, Ops
from lstm.configured import Versioned, described, plain
from lstm.custom_objects import get_custom_objects
from lstm.errors import InvalidTypeError, InvalidValueError, NotDefinedError
from lstm.interface import of_library, promises
from lstm.layers.activity_regularization import ActivityPenalty, ActivityRegularization
from lstm.layers.definition import Definition
from lstm.layers.penalties import Penalty, RegularizerSpec
from lstm.layers.symbolic import OPERATORS, Operators, SymbolicTensor
from lstm.layers.traced import Traced, Traces, run_for
from lstm.layers.variable import Constant
from lstm.ops.calling import is_number

if not TYPE_CHECKING:
    __getattr__ = answering(__name__)


class Regularizer(Versioned):
    """Base of all regularizers, including those that users write.

    Yours defines `__call__(x)`, which returns one number, made of a weight by `lstm.ops`. It is
    traced once for each shape and gets its gradient from there. On arrays it computes at once. To
    be saved, it keeps the arguments of its constructor in attributes of the same names, or defines
    `get_config`.

    Example:
        λ·‖WᵀW - I‖², which is 0 for a kernel with orthonormal columns:

        >>> import lstm, numpy as np
        >>> from lstm import ops
        >>> class Orthonormal(lstm.regularizers.Regularizer):
        ...     def __init__(self, strength=0.01):
        ...         self.strength = strength
        ...     def __call__(self, x):
        ...         error = ops.matmul(ops.transpose(x), x) - np.eye(x.shape[1])
        ...         return self.strength * ops.sum(ops.square(error))
        >>> float(Orthonormal(0.5)(2.0 * np.eye(3)))  # 0.5 · 3 · (4 - 1)²
        13.5
        >>> layer = lstm.layers.LSTM(4, recurrent_regularizer=Orthonormal())
    """

    def __call__(self, x: Any) -> Any:
        """Return what a tensor or an array adds to the loss: one number."""
        raise NotDefinedError(self, "__call__(x)")

    @property
    def source(self) -> Any:
        """What a file names: its class, or a function."""
        return type(self)

    def description(self) -> dict[str, Any]:
        config = self.get_config()
        found = {"class": self.source.__name__, "config": config}
        return found if of_library(self.source) else found | {"custom": True}

    def traced(self, shape: tuple[int, ...]) -> Traced:
        """Return `__call__`, traced for an array of this shape.

        Raises:
            InvalidTypeError: it does not return one number.
        """
        return self._traces.of(self.called, self._number, [shape], self.version)

    def forward(self, ops: Ops, x: Array, factor: float = 1.0) -> tuple[list[Penalty], Cache]:
        """Return what an array adds to the loss, in parts, and what `backward` needs.

        Args:
            ops: the operations of the backend.
            x: the array.
            factor: factor of the number that `__call__` returns.
        """
        traced, run = self.traced(tuple(x.shape)), run_for(ops, x)
        (value,), caches = traced.forward(run, [x])
        return [(ops.weighted_total(value, None), factor)], (traced, run, caches, value, factor)

    def backward(self, ops: Ops, cache: Cache) -> Array | None:
        """Return the gradient of what the array adds; None if it has none."""
        traced, run, caches, value, factor = cache
        share = ops.zeros(tuple(value.shape), run.backend.dtype)
        ops.fill(share, factor)
        (dx,) = traced.backward(run, caches, [share], [True])
        return dx

    def _number(self, x: SymbolicTensor) -> Any:
        """Return the result of `__call__`, one number, as a tensor."""
        made, argument = self(x), f"result of {self.called}"
        expected = "one number, made of its argument by lstm.ops"
        if isinstance(made, Operators):
            shape = made.tensor.shape
            if prod(n or 0 for n in shape) != 1:
                raise InvalidTypeError(argument, expected, f"a tensor of shape {shape}")
            return made
        if not is_number(made) or not isfinite(made):
            raise InvalidTypeError(argument, expected, checks.summary(made))
        return Constant(made).tensor

    @property
    def _traces(self) -> Traces:
        # Classes written for Keras do not call the constructor of their base.
        found: Traces = vars(self).setdefault("_made", Traces())
        return found

    @property
    def layers(self) -> list[Definition]:
        """The layers that it has called, most of them functions of `lstm.ops`."""
        return self._traces.layers


class FunctionRegularizer(Regularizer):
    """A function of a weight, written with `lstm.ops`, as a regularizer.

    A file names the function: whoever reads it has to register it, or to pass it as one of
    `custom_objects`.

    Args:
        function: returns one number.

    Example:
        >>> import lstm
        >>> def largest(w):
        ...     return 0.1 * lstm.ops.max(lstm.ops.abs(w))
        >>> float(lstm.regularizers.get(largest)([1.0, -3.0]).round(6))
        0.3
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    @property
    def called(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)

    def __call__(self, x: Any) -> Any:
        return self.function(x)

    @property
    def source(self) -> Any:
        return self.function

    def get_config(self) -> dict[str, Any]:
        if not getattr(self.function, "__name__", "").isidentifier():
            plain(f"regularizer {self.called}", self.function)
        return {}


class L1L2(Regularizer):
    """l1·Σ|w| + l2·Σw².

    Args:
        l1: factor of the magnitudes, which makes small weights 0.
        l2: factor of the squares, which makes large weights smaller.

    Example:
        >>> import lstm
        >>> layer = lstm.layers.Dense(3, kernel_regularizer=lstm.regularizers.L2(0.02))
        >>> layer.kernel_regularizer
        L2(l2=0.02)
        >>> float(layer.kernel_regularizer([1.0, -3.0]).round(6))
        0.2
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = checks.number("l1", 0.0 if l1 is None else l1, 0)
        self.l2 = checks.number("l2", 0.0 if l2 is None else l2, 0)

    def __call__(self, x: Any) -> Any:
        found: Any = 0.0
        if self.l1:
            found = self.l1 * ops.sum(ops.abs(x))
        if self.l2:
            squares = self.l2 * ops.sum(ops.square(x))
            found = found + squares if self.l1 else squares
        return found

    @property
    def _direct(self) -> bool:
        """Whether `forward` and `backward`, which are faster than the trace, give the same."""
        return promises(type(self), "forward", "__call__")

    def forward(self, ops: Ops, x: Array, factor: float = 1.0) -> tuple[list[Penalty], Cache]:
        if not self._direct:
            return super().forward(ops, x, factor)
        found = list[Penalty]()
        parts: list[tuple[FunctionName, float]] = [("abs", self.l1), ("square", self.l2)]
        for function, strength in parts:
            if strength:
                values = ops.elementwise_forward(function, x, None, 0.0)
                mean = ops.weighted_total(values, None)
                found.append((mean, strength * prod(x.shape) * factor))
        return found, (x, factor)

    def backward(self, ops: Ops, cache: Cache) -> Array | None:
        if not self._direct:
            return super().backward(ops, cache)
        x, factor = cache
        parts = []
        if self.l1:
            signs = ops.elementwise_forward("sign", x, None, 0.0)
            parts.append(ops.scale(signs, self.l1 * factor))
        if self.l2:
            parts.append(ops.scale(x, 2 * self.l2 * factor))
        return ops.add(parts) if parts else None


class L1(L1L2):
    """l1·Σ|w|.

    Args:
        l1: the factor.
    """

    def __init__(self, l1: float = 0.01) -> None:
        super().__init__(l1=l1)


class L2(L1L2):
    """l2·Σw².

    Args:
        l2: the factor.
    """

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(l2=l2)


l1, l2 = L1, L2


def l1_l2(l1: float = 0.01, l2: float = 0.01) -> L1L2:
    """l1·Σ|w| + l2·Σw²."""
    return L1L2(l1, l2)


REGULARIZERS: dict[str, Callable[[], L1L2]] = {
    "l1": L1,
    "l2": L2,
    "l1_l2": l1_l2,
    "L1": L1,
    "L2": L2,
    "L1L2": l1_l2,
}

_KINDS = {kind.__name__: kind for kind in (L1L2, L1, L2)}


def serialize(regularizer: Regularizer | None) -> dict[str, Any] | None:
    """Return a regularizer as JSON values, for the `get_config` of a layer; `get` reads them."""
    return None if regularizer is None else regularizer.description()


def get(
    spec: RegularizerSpec,
    argument: str = "regularizer",
    custom_objects: Mapping[str, Any] | None = None,
) -> Regularizer | None:
    """Return a regularizer from its name, its saved form, a function or itself; None for none.

    Args:
        spec: stands for the regularizer.
        argument: the name of it in errors.
        custom_objects: your own classes and functions by name, besides the registered ones.

    Raises:
        InvalidValueError: no regularizer has that name; the message names `argument`.
    """
    if spec is None or isinstance(spec, Regularizer):
        return spec
    own = {**get_custom_objects(), **(custom_objects or {})}
    if isinstance(spec, dict):
        return _from_config(spec, argument, own)
    if isinstance(spec, str):
        if spec in own:
            return get(own[spec], argument)
        return REGULARIZERS[checks.one_of(argument, spec, REGULARIZERS)]()
    if isinstance(spec, type):
        if issubclass(spec, Regularizer):
            return spec()
    elif callable(spec):
        return FunctionRegularizer(spec)
    raise InvalidTypeError(
        argument, "a regularizer, such as lstm.regularizers.L2(0.01), or a function", repr(spec)
    )


def _from_config(
    saved: dict[str, Any], argument: str, own: Mapping[str, Any]
) -> Regularizer | None:
    """Return what `description` described."""
    if "custom" not in saved:
        return described(argument, saved, _KINDS)
    name = saved["class"]
    if name not in own:
        expected = f"the regularizer {name!r}, which is not part of this library, by its name"
        raise InvalidValueError("custom_objects", expected, ", ".join(own) or "none")
    if isinstance(own[name], type) and issubclass(own[name], Regularizer):
        return described(argument, {"class": name, "config": saved["config"]}, own)
    return get(own[name], argument)


def _activity(x: Any, regularizer: Regularizer) -> Any:
    """Return a tensor that adds to the loss."""
    if not isinstance(x, SymbolicTensor):
        return x
    if type(regularizer) in _KINDS.values():
        assert isinstance(regularizer, L1L2)
        return ActivityRegularization(regularizer.l1, regularizer.l2)(x)
    return ActivityPenalty(regularizer)(x)


OPERATORS["regularizer"] = get
OPERATORS["activity"] = _activity

"""Regularizers: what large weights or outputs add to the loss."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from lstm import checks
from lstm.absent_names import answering
from lstm.backends.contract import Array, FunctionName, Ops
from lstm.configured import Configured, described
from lstm.errors import InvalidTypeError

if not TYPE_CHECKING:
    __getattr__ = answering(__name__)

Penalty = tuple[float, float]
"""A number that an operation returns, and its factor in the loss."""


class L1L2(Configured):
    """l1·Σ|w| + l2·Σw².

    Args:
        l1: factor of the magnitudes, which makes small weights 0.
        l2: factor of the squares, which makes large weights smaller.

    Example:
        >>> import lstm
        >>> layer = lstm.layers.Dense(3, kernel_regularizer=lstm.regularizers.L2(0.02))
        >>> layer.kernel_regularizer
        L2(l2=0.02)
    """

    never_called: ClassVar[Mapping[str, str]] = {
        "__call__": "penalties(ops, w, factor) and gradient(ops, w, factor)"
    }

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = checks.number("l1", 0.0 if l1 is None else l1, 0)
        self.l2 = checks.number("l2", 0.0 if l2 is None else l2, 0)

    def penalties(self, ops: Ops, w: Array, factor: float = 1.0) -> list[Penalty]:
        """Return the parts of the loss of an array, each as a mean and a factor."""
        size, found = factor, list[Penalty]()
        for n in w.shape:
            size *= n
        parts: list[tuple[FunctionName, float]] = [("abs", self.l1), ("square", self.l2)]
        for function, strength in parts:
            if strength:
                values = ops.elementwise_forward(function, w, None, 0.0)
                found.append((ops.weighted_total(values, None), strength * size))
        return found

    def gradient(self, ops: Ops, w: Array, factor: float = 1.0) -> Array | None:
        """Return the gradient of the loss of an array; None if it has none."""
        parts = []
        if self.l1:
            signs = ops.elementwise_forward("sign", w, None, 0.0)
            parts.append(ops.scale(signs, self.l1 * factor))
        if self.l2:
            parts.append(ops.scale(w, 2 * self.l2 * factor))
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

RegularizerSpec = str | L1L2 | dict[str, Any] | None


def serialize(regularizer: L1L2 | None) -> dict[str, Any] | None:
    """Return a regularizer as JSON values, for the `get_config` of a layer; `get` reads them."""
    return None if regularizer is None else regularizer.description()


def get(spec: RegularizerSpec, argument: str = "regularizer") -> L1L2 | None:
    """Return a regularizer from its name, its saved form or itself; None for none.

    Args:
        spec: stands for the regularizer.
        argument: the name of it in errors.

    Raises:
        InvalidValueError: no regularizer has that name; the message names `argument`.
    """
    if spec is None or isinstance(spec, L1L2):
        return spec
    if isinstance(spec, dict):
        return described(argument, spec, {kind.__name__: kind for kind in (L1L2, L1, L2)})
    if isinstance(spec, str):
        return REGULARIZERS[checks.one_of(argument, spec, REGULARIZERS)]()
    raise InvalidTypeError(
        argument, "a regularizer, such as lstm.regularizers.L2(0.01)", repr(spec)
    )

"""Penalties: what large weights and outputs add to the loss, as far as layers know of it.

The regularizers themselves are above, because functions of tensors make them up.
"""

from collections.abc import Callable
from typing import Any, Protocol

from lstm.backends.contract import Array, Cache, Ops

Penalty = tuple[float, float]
"""A number that an operation returns, and its factor in the loss."""


class Regularizer(Protocol):
    """A function of an array, and its gradient."""

    def traced(self, shape: tuple[int, ...]) -> Any:
        """Return it for an array of this shape.

        Raises:
            InvalidTypeError: it does not return one number.
        """

    def forward(self, ops: Ops, x: Array, factor: float = 1.0) -> tuple[list[Penalty], Cache]:
        """Return what an array adds to the loss, and what `backward` needs."""

    def backward(self, ops: Ops, cache: Cache) -> Array | None:
        """Return the gradient of what the array adds; None if it has none."""


RegularizerSpec = str | Callable[[Any], Any] | dict[str, Any] | None
"""A regularizer as users write it: a name, a Regularizer or another function, its saved form."""

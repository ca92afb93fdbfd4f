"""Activated: the base of layers that end in an activation."""

from collections.abc import Callable
from typing import Any

from lstm.backends.contract import ActivationName, Array, Cache
from lstm.errors import NotDefinedError
from lstm.interface import promises
from lstm.layers.activation_names import of_kernel
from lstm.layers.base import Arrays, Layer, Run
from lstm.layers.masks import Mask


class Activated(Layer):
    """A layer that ends in an activation, which a pass may replace.

    The activation of the layer above may replace it, or a loss may include it. A subclass defines
    `forward_as`, and a `backward` that relies only on the cache.
    """

    decisive = ("activation",)
    activation: str | Callable[[Any], Any]

    @property
    def kernel_activation(self) -> ActivationName:
        """The activation that it ends in itself; others follow it."""
        return of_kernel(self.activation)

    @property
    def followed_by(self) -> str | Callable[[Any], Any] | None:
        return None if self.activation == self.kernel_activation else self.activation

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        return self.forward_as(self.kernel_activation, run, *inputs, mask=mask)

    def forward_as(
        self, activation: ActivationName, run: Run, *inputs: Array, mask: Mask | None
    ) -> tuple[Arrays, Cache]:
        """Run `forward` with this activation instead of its own."""
        raise NotDefinedError(self, "forward_as(activation, run, *inputs, mask)")

    @property
    def ends_in(self) -> ActivationName | None:
        kept = promises(type(self), "forward_as", "forward", "backward")
        return self.kernel_activation if kept else None

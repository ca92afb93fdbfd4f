"""Stateful: layers whose state models carry from batch to batch, until it is reset."""

from typing import Protocol
from weakref import WeakSet

from lstm.layers.base import Layer


class Carrier(Protocol):
    """A model that carries states from batch to batch."""

    def forget_state_of(self, layer: Layer) -> None:
        """Let this layer start from zeros."""


class Stateful(Layer):
    """Base of layers with a state. The models have it: the same layer may be part of several."""

    @property
    def carriers(self) -> WeakSet[Carrier]:
        """The models that the layer is part of."""
        known: WeakSet[Carrier] = vars(self).setdefault("_carriers", WeakSet())
        return known

    def reset_states(self) -> None:
        """Start from zeros with the next batch; `model.reset_states()` is for all layers.

        Example:
            >>> import numpy as np
            >>> import lstm
            >>> layers = [lstm.Input((None, 1)), lstm.layers.LSTM(4, stateful=True)]
            >>> model, x = lstm.Sequential(layers), np.ones((1, 3, 1))
            >>> first, second = model.predict(x), model.predict(x)
            >>> model.layers[0].reset_states()
            >>> bool((model.predict(x) == first).all()), bool((second == first).all())
            (True, False)
        """
        for model in self.carriers:
            model.forget_state_of(self)

    def reset_state(self) -> None:
        """The same as `reset_states`."""
        self.reset_states()

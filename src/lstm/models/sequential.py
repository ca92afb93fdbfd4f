"""Sequential: a chain of layers."""

from collections.abc import Iterable, Sequence
from typing import Any

from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.layers.base import Layer
from lstm.layers.symbolic import SymbolicTensor
from lstm.models.model import Model


class Sequential(Model):
    """A model in which each layer reads the output of the layer before it.

    Args:
        layers: the layers; the first may be an `lstm.Input`. Without one, and without
            `input_shape=` on the first layer, the shape is taken from the first data.
        name: base of the names of the weights, if the model is part of another.

    Example:
        >>> import lstm
        >>> model = lstm.Sequential()
        >>> model.add(lstm.layers.Embedding(input_dim=65, output_dim=16))
        >>> model.add(lstm.layers.LSTM(units=32))
        >>> model.add(lstm.layers.Dense(units=65, activation="softmax"))
        >>> model.count_params()
        9457
    """

    def __init__(
        self, layers: Sequence[Layer | SymbolicTensor] = (), name: str | None = None
    ) -> None:
        super().__init__(name=name)
        self._chain: list[Layer] = []
        self._source: SymbolicTensor | None = None
        for layer in layers if isinstance(layers, Iterable) else (layers,):
            self.add(layer)

    def add(self, layer: Layer | SymbolicTensor) -> None:
        """Add a layer at the end of the chain."""
        if isinstance(layer, SymbolicTensor) and layer.node.layer is None and not self._chain:
            self._source = layer
        elif isinstance(layer, Layer):
            self._chain.append(layer)
        else:
            raise InvalidTypeError(
                "layer", "a Layer, or an lstm.Input at the start", type(layer).__name__
            )
        self._graph = self._parameters = self._trainer = None
        self._built = False

    def pop(self) -> Layer:
        """Remove the last layer and return it."""
        if not self._chain:
            raise InvalidValueError("layers", "at least one", "none")
        self._graph = self._parameters = self._trainer = None
        self._built = False
        return self._chain.pop()

    @property
    def layers(self) -> list[Layer]:
        """The layers in the order in which they were added."""
        return list(self._chain)

    def call(self, inputs: Any) -> Any:
        """Apply the chain."""
        if not self._chain:
            raise InvalidValueError("layers", "at least one", "none")
        for layer in self._chain:
            if isinstance(inputs, list):
                raise InvalidValueError(
                    f"input of {layer.name}", "one tensor, in a Sequential", f"{len(inputs)}"
                )
            inputs = layer(inputs)
        return inputs

    def arguments(self) -> dict[str, Any]:
        found = super().arguments()
        if "layers" in found and self._source is not None:
            found["layers"] = [self._source, *self._chain]
        return found

    def _are_inputs(self, x: Any) -> bool:
        return False

    def _declared_shape(self) -> tuple[int | None, ...] | None:
        if self._source is not None:
            return self._source.shape
        first = self._chain[0] if self._chain else None
        if isinstance(first, Model):
            return first._declared_shape()
        return None if first is None or first.input_shape is None else (None, *first.input_shape)

    def _shape_is_binding(self) -> bool:
        # As in Keras, the length from an Embedding (`input_length`) is not binding.
        return self._source is not None or not self._chain[0].reads_tokens

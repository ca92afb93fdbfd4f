"""Sequential: a chain of layers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from lstm import checks
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.interface import library_constructs
from lstm.layers.base import Layer
from lstm.layers.input_layer import InputLayer, place_of
from lstm.layers.naming import Names
from lstm.layers.symbolic import SymbolicTensor, input_tensor
from lstm.layers.tracing import outside, scope
from lstm.models.configs import Building, entry_of
from lstm.models.graph import Graph
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
        self._entry: SymbolicTensor | None = None
        self._declared = False  # Whether the entry is the user's, not from the shape of data.
        for layer in layers if isinstance(layers, Iterable) else (layers,):
            self.add(layer)

    def add(self, layer: Layer | SymbolicTensor) -> None:
        """Add a layer at the end of the chain.

        A layer that has the name of another one gets a number.
        """
        if isinstance(layer, InputLayer):
            layer = layer.tensor
        if isinstance(layer, SymbolicTensor) and layer.node.layer is None and not self._chain:
            self._entry, self._declared = layer, True
        elif isinstance(layer, Layer):
            self._chain.append(layer)
            names = Names()
            for known in dict.fromkeys(self._chain):
                if known.name != (name := names.unique(known.name)):
                    known.name = name
        else:
            raise InvalidTypeError(
                "layer", "a Layer, or an lstm.Input at the start", type(layer).__name__
            )
        self._forget()

    def pop(self) -> Layer:
        """Remove the last layer and return it."""
        if not self._chain:
            raise InvalidValueError("layers", "at least one", "none")
        self._forget()
        return self._chain.pop()

    def _forget(self) -> None:
        """Forget what was made of the layers; it is made again when it is needed."""
        self._graph = self._outline = self._parameters = self._trainer = None
        self._order, self._built = [], False

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

    def get_config(self) -> dict[str, Any]:
        if not library_constructs(type(self)):
            return super().get_config()
        entry = [] if self._entry is None else [entry_of(place_of(self._entry))]
        layers = [entry_of(layer) for layer in self._chain]
        config = {"name": self.name, "trainable": self.trainable, "layers": entry + layers}
        if self._entry is not None and not self._declared:
            config["build_input_shape"] = list(self._entry.shape)
        return config

    @classmethod
    def rebuilt(cls, config: Mapping[str, Any], building: Building) -> Self:
        if not library_constructs(cls):
            return cls.made_with(config)
        layers, shape = [*building.layers(config["layers"]).values()], None
        if "build_input_shape" in config:
            shape, layers = config["build_input_shape"], layers[1:]
        model = cls(layers, config["name"])
        if shape is not None and building.source is None:
            model.build(shape)
        if not checks.boolean("trainable", config["trainable"]):
            model.trainable = False
        return model

    def trace_again(self, inputs: Sequence[SymbolicTensor]) -> None:
        if self._graph is None:
            self._entry = inputs[0]
        super().trace_again(inputs)

    def arguments(self) -> dict[str, Any]:
        found = super().arguments()
        if "layers" in found and self._declared:
            found["layers"] = [self._entry, *self._chain]
        return found

    def _are_inputs(self, x: Any) -> bool:
        return False

    def _traced(self, shapes: Sequence[tuple[int | None, ...]], *, exact: bool) -> Graph:
        # The input stays the same if layers are added later, so that models cut out of this one do.
        if self._entry is None or (self._entry.shape != shapes[0] and not self._declared):
            self._entry = input_tensor(shapes[0], exact=exact)
        return self._build(self._entry, self.composed([self._entry], {}))

    def composed(self, inputs: Sequence[Any], options: Mapping[str, Any]) -> Any:
        outputs = super().composed(inputs, options)
        if self._graph is None and scope.get():  # Within another model, it is one of its own, too.
            with outside():
                self._traced([inputs[0].shape], exact=False)
            self._parameters = None  # The other model has the weights.
        return outputs

    def _declared_shape(self) -> tuple[int | None, ...] | None:
        if self._entry is not None:
            return self._entry.shape
        first = self._chain[0] if self._chain else None
        if isinstance(first, Model):
            return first._declared_shape()
        return None if first is None or first.input_shape is None else (None, *first.input_shape)

    def _shape_is_binding(self) -> bool:
        if self._entry is not None:
            return self._entry.node.exact
        # As in Keras, the length from an Embedding (`input_length`) is not binding.
        return not self._chain[0].reads_tokens

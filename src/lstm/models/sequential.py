"""Sequential: a chain of layers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from lstm import checks
from lstm.configured import new_version
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.interface import library_constructs
from lstm.layers.base import Layer
from lstm.layers.input_layer import InputLayer, place_of
from lstm.layers.naming import Names
from lstm.layers.symbolic import SymbolicTensor, input_tensor
from lstm.layers.tracing import outside
from lstm.models.configs import Building, distinct, entry_of
from lstm.models.graph import Graph
from lstm.models.model import Model
from lstm.models.structure import listed


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
        self._results: list[Any] = []  # What each layer returned, once there is an entry.
        for layer in layers if isinstance(layers, Iterable) else (layers,):
            self.add(layer)

    def add(self, layer: Layer | SymbolicTensor) -> None:
        """Add a layer at the end of the chain, and make its weights if the input is known.

        A layer that has the name of another one gets a number.

        Raises:
            InvalidShapeError, InvalidValueError: it does not accept the output of the last layer.
        """
        if isinstance(layer, InputLayer):
            layer = layer.tensor
        if isinstance(layer, SymbolicTensor) and layer.node.layer is None and not self._chain:
            self._entry, self._declared = layer, True
        elif isinstance(layer, Layer):
            entry = self._entry
            if entry is None and not self._chain:
                entry = _declared_by(layer)
            if entry is not None and self._chained:
                with outside():
                    result = _called(layer, self._results[-1] if self._chain else entry)
                self._results.append(result)
            self._entry = entry
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
        del self._results[-1:]
        return self._chain.pop()

    def _forget(self) -> None:
        """Forget what was made of the layers; it is made again when it is needed."""
        for passes in self._passes.values():  # What was prepared from them holds no more.
            new_version(passes.plans)
        self._graph = self._outline = self._parameters = self._trainer = None
        self._built = False

    @property
    def layers(self) -> list[Layer]:
        """The layers in the order in which they were added."""
        return list(self._chain)

    def call(self, inputs: Any) -> Any:
        """Apply the chain."""
        for layer in self._at_least_one():
            inputs = _called(layer, inputs)
        return inputs

    def _at_least_one(self) -> list[Layer]:
        if not self._chain:
            raise InvalidValueError("layers", "at least one", "none")
        return self._chain

    @property
    def _chained(self) -> bool:
        """Whether it is computed by its layers one after the other, not as a user's class says."""
        return type(self).call is Sequential.call

    def get_config(self) -> dict[str, Any]:
        if not library_constructs(type(self)):
            return super().get_config()
        entry = [] if self._entry is None else [entry_of(place_of(self._entry))]
        layers = distinct([*entry, *(entry_of(layer) for layer in self._chain)])
        config = {"name": self.name, "trainable": self.trainable, "layers": layers}
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
        if not self._chained:
            super().trace_again(inputs)
        elif self._graph is None:
            entry = self._start(inputs[0])
            self._check_own(Graph([entry], listed(self._results[-1])))
            self._from(entry)

    def arguments(self) -> dict[str, Any]:
        found = super().arguments()
        if "layers" in found and self._declared:
            found["layers"] = [self._entry, *self._chain]
        return found

    def _are_inputs(self, x: Any) -> bool:
        return False

    def _ready(self, x: Any = None) -> Graph:
        alone = isinstance(x, list | tuple) and len(x) == 1 and isinstance(x[0], np.ndarray)
        if self._graph is None and alone and x[0].ndim == 2 and self._at_least_one()[0].rowwise:
            x = x[0]  # A table in a list, not a list of one sequence.
        return super()._ready(x)

    def _traced(self, shapes: Sequence[tuple[int | None, ...]], *, exact: bool) -> Graph:
        if not self._chained:
            return super()._traced(shapes, exact=exact)
        return self._from(input_tensor(shapes[0], exact=exact))

    def _from(self, entry: SymbolicTensor) -> Graph:
        """Make the graph, from the input that there is, or else from this one."""
        return self._build(self._start(entry), self._results[-1])

    def _start(self, entry: SymbolicTensor) -> SymbolicTensor:
        """Call the layers on an input, if there is none yet, and return the one that there is.

        It stays the same when layers are added later, so that models cut out of this one do, too.
        """
        layers = self._at_least_one()
        if self._entry is None:
            results: list[Any] = []
            with outside():
                for layer in layers:
                    results.append(_called(layer, results[-1] if results else entry))
            self._entry, self._results = entry, results
        return self._entry

    def composed(self, inputs: Sequence[Any], options: Mapping[str, Any]) -> Any:
        outputs = super().composed(inputs, options)
        if self._chained:  # Within another model, it is also one of its own.
            self._start(input_tensor(inputs[0].shape, exact=False))
        return outputs

    def _declared_shape(self) -> tuple[int | None, ...] | None:
        return None if self._entry is None else self._entry.shape


def _declared_by(layer: Layer) -> SymbolicTensor | None:
    """Return an input of the shape that the first layer of a chain declares, if it does."""
    if isinstance(layer, Model):
        if layer.traced:
            inputs = layer.graph.inputs
            exact = inputs[0].node.exact
            return input_tensor(inputs[0].shape, exact=exact) if len(inputs) == 1 else None
        shape = layer._declared_shape()
        return None if shape is None else input_tensor(shape)
    if layer.input_shape is None:
        return None
    # As in Keras, the length from an Embedding (`input_length`) is not binding.
    return input_tensor((None, *layer.input_shape), exact=not layer.reads_tokens)


def _called(layer: Layer, inputs: Any) -> Any:
    """Return what a layer of a chain returns."""
    if isinstance(inputs, list):
        raise InvalidValueError(
            f"input of {layer.name}", "one tensor, in a Sequential", f"{len(inputs)}"
        )
    return layer(inputs)

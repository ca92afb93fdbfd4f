"""Structure: a layer that is a graph of layers, with the weights of all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.backends import Backend
from lstm.backends import backend as choose_backend
from lstm.errors import (
    InvalidShapeError,
    InvalidTypeError,
    InvalidValueError,
    NotReadyError,
)
from lstm.interface import set_by_constructor
from lstm.layers.base import Layer
from lstm.layers.definition import Definition
from lstm.layers.input_layer import InputLayer
from lstm.layers.naming import joined
from lstm.layers.symbolic import SymbolicTensor, input_tensor
from lstm.layers.tracing import building, deciding
from lstm.layers.weight import Weight
from lstm.models import planning
from lstm.models.columns import Entry, Ragged, columns
from lstm.models.graph import Graph
from lstm.models.outline import Outline
from lstm.models.parameters import Parameters
from lstm.models.passes import Passes
from lstm.models.program import Program

Values = NDArray[Any]
Tensors = SymbolicTensor | Sequence[SymbolicTensor] | Mapping[str, SymbolicTensor]


class GraphLayer(Layer):
    """A layer whose outputs are computed by a graph, traced from `call` or given.

    Args:
        inputs, outputs: the ends of the graph; None to trace `call` later.
        name: base of the names of the weights, if the graph is part of another.
    """

    replaceable = True
    reads_lists = True
    of_every_layer = ("name", "trainable")

    backend: Backend
    checked: ClassVar[Mapping[str, Any]] = {
        "name": checks.name,
        "input_shape": lambda name, shape: None if shape is None else checks.sizes(name, shape),
    }
    set_elsewhere: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("inputs", "outputs", "layers"), "a new model, with other layers"
    )

    _graph: Graph | None = set_by_constructor()
    _passes: dict[Callable[[Graph], Program], Passes] = set_by_constructor()

    def __init__(
        self,
        inputs: Tensors | None = None,
        outputs: Tensors | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        del vars(self)["input_shape"]  # Of a model, it follows from its inputs.
        self.backend = choose_backend()
        self._graph = None
        self._outline: Outline | None = None
        self._passes = {}
        self._parameters: Parameters | None = None
        self._several_outputs = False
        self._functional = inputs is not None
        if (inputs is None) != (outputs is None):
            raise InvalidTypeError("Model", "both inputs and outputs, or neither", "one of them")
        if inputs is not None and outputs is not None:
            self._build(inputs, outputs)

    def _build(
        self,
        inputs: Tensors,
        outputs: Tensors,
    ) -> Graph:
        """Make the graph, and move weights that no model owns yet to a flat buffer."""
        names = output_names = None
        if isinstance(inputs, Mapping):
            names = _names(inputs)
        if isinstance(outputs, Mapping):
            output_names = [checks.string("outputs", key) for key in outputs]
        self._several_outputs = not isinstance(outputs, SymbolicTensor)
        for argument, tensors in (("inputs", listed(inputs)), ("outputs", listed(outputs))):
            if not tensors:
                raise InvalidValueError(argument, "at least one tensor", "none")
            for tensor in tensors:
                if not isinstance(tensor, SymbolicTensor):
                    raise InvalidTypeError(argument, "symbolic tensors", type(tensor).__name__)
        graph = Graph(listed(inputs), listed(outputs), names, output_names)
        for name in graph.input_names:
            if name is not None and graph.input_names.count(name) > 1:
                raise InvalidValueError("inputs", "a different name for each Input", repr(name))
        for layer, name in graph.outer.items():
            if layer.name != name:  # Two layers of a model had the same.
                layer.name = name
        self._graph, self._outline = graph, Outline(graph)
        used = set(graph.layers.values())
        self._outline.primitives = [layer for layer in self.all_parts() if layer in used]
        if any(weight.owner is None for weight in graph.weights.values()):
            self._parameters = Parameters(graph.weights, self.backend)
        return graph

    def _traced(self, shapes: Sequence[tuple[int | None, ...]], *, exact: bool) -> Graph:
        """Trace `call` on inputs of these shapes, batch first."""
        inputs = [input_tensor(shape, exact=exact) for shape in shapes]
        outputs = self.composed([inputs[0] if len(inputs) == 1 else inputs], {})
        return self._build(inputs, outputs)

    def trace_again(self, inputs: Sequence[SymbolicTensor]) -> None:
        """Trace `call` on inputs like those of the model to copy.

        Raises:
            InvalidValueError: `call` uses a layer that another model has, too.
        """
        if self._graph is not None:
            return
        outputs = self.composed([inputs[0] if len(inputs) == 1 else list(inputs)], {})
        self._check_own(Graph(inputs, listed(outputs)))
        self._build(inputs, outputs)

    def _check_own(self, graph: Graph) -> None:
        """Refuse a graph with layers that the model does not keep: a copy would share them."""
        own = set(self.all_parts())
        for name, layer in graph.layers.items():
            shared = any(weight.owner is not None for weight in layer.own_weights.values())
            if shared and layer not in own:
                expected = "a layer that the model keeps in an attribute, to be copied with it"
                raise InvalidValueError(name, expected, "one that a function calls from elsewhere")

    def __repr__(self) -> str:
        return object.__repr__(self)  # Its layers are not arguments.

    @property
    def traced(self) -> bool:
        """Whether the graph is known."""
        return self._graph is not None

    def build(self, *shapes: Any, input_shape: Any = None) -> None:
        """Make the layers' weights now, for data of this shape, instead of when data comes.

        Args:
            shapes: the shape, batch first, such as (None, 10, 3); a list for several inputs.
            input_shape: the same, under the name in Keras.
        """
        if self._graph is not None or self._built:
            return
        given = shapes if input_shape is None else (input_shape,)
        if (
            len(given) == 1
            and isinstance(given[0], list)
            and all(isinstance(shape, list | tuple) for shape in given[0])
        ):
            given = tuple(given[0])
        sizes = [checks.sizes("input_shape", shape)[1:] for shape in given]
        with building(self):
            if sizes:
                self._traced([(None, *shape) for shape in sizes], exact=False)
            else:
                self._ready()

    def _declared_shape(self) -> tuple[int | None, ...] | None:
        """Return the shape of the data, batch first, if the model declares it."""
        declared = vars(self).get("input_shape")
        return None if declared is None else (None, *declared)

    def _shape_is_binding(self) -> bool:
        """Whether data must have the declared length."""
        return True

    def _ready(self, x: Any = None) -> Graph:
        """Return the graph; traced now if it is missing and the shape of the data is known."""
        if self._graph is None:
            declared = self._declared_shape()
            if declared is not None:
                return self._traced([declared], exact=self._shape_is_binding())
            if x is None:
                raise NotReadyError(
                    f"{self.name}: the shape of the input is not known yet: call fit or predict, "
                    "or start with lstm.Input(shape)"
                )
            inputs = [Entry()] * (len(x) if self._are_inputs(x) else 1)
            parts = columns("x", x, inputs, self.backend.dtype)
            if not all(len(part) for part in parts):
                raise InvalidShapeError("x", "at least one example", "none")
            return self._traced(
                [
                    (None, None, *part.sequences[0].shape[1:])
                    if isinstance(part, Ragged)
                    else (None, *part.shape[1:])
                    for part in parts
                ],
                exact=False,
            )
        return self._graph

    def _parts(self) -> Iterator[Definition]:
        graph: Graph | None = vars(self).get("_graph")
        nodes = [] if graph is None else graph.nodes
        if graph is not None and self._functional:
            assert self._outline is not None
            outer = [x for x in self._outline.layers if not isinstance(x, InputLayer)]
            yield from self._outline.primitives or outer
        yield from super()._parts()
        yield from (layer for node in nodes for layer in node.path)

    def _are_inputs(self, x: Any) -> bool:
        """Whether data for a model with unknown inputs is a list of inputs, not one list."""
        return (
            isinstance(x, list | tuple)
            and all(isinstance(part, np.ndarray) and part.ndim >= 2 for part in x)
            and len({len(part) for part in x}) == 1
        )

    def call(self, inputs: Any) -> Any:
        """Return the outputs for symbolic inputs; a subclass defines this."""
        if self._graph is None:
            raise NotReadyError(
                f"{type(self).__name__}: define call(inputs), or give inputs=, outputs="
            )
        given, expected = listed(inputs), len(self._graph.inputs)
        if len(given) != expected:
            raise InvalidTypeError(f"inputs of {self.name}", f"{expected} tensors", len(given))
        values = dict(zip(self._graph.inputs, given, strict=True))
        for node in self._graph.nodes:
            assert isinstance(node.layer, Layer)
            with deciding(node.training):
                made = node.layer.connect([values[tensor] for tensor in node.inputs])
            values.update(zip(node.outputs, listed(made), strict=True))
        return self.arranged([values[tensor] for tensor in self._graph.outputs])

    def arranged(self, outputs: Sequence[Any]) -> Any:
        """Return the outputs as the model was made with them: one, a list, or a dict."""
        names = None if self._graph is None else self._graph.output_names
        if names is not None:
            return dict(zip(names, outputs, strict=True))
        return list(outputs) if self._several_outputs else outputs[0]

    @property
    def graph(self) -> Graph:
        """The graph.

        Raises:
            NotReadyError: the model has not seen any data yet, and its input shape is unknown.
        """
        return self._ready()

    @property
    def program(self) -> Program:
        """The program that computes the outputs of the graph."""
        return self.passes(planning.infer).program

    def _compute_on(self, backend: Backend) -> None:
        """Compute on another backend with the same arrays from now on."""
        self.backend = backend
        for passes in self._passes.values():
            passes.compute_on(backend)

    def passes(self, purpose: Callable[[Graph], Program]) -> Passes:
        """Return what runs the program for a purpose, a function of `planning`."""
        graph, passes = self._ready(), self._passes.get(purpose)
        if passes is None or passes.program.graph is not graph or not passes.program.holds:
            self._passes[purpose] = passes = Passes(purpose(graph), self.backend)
        return passes

    @property
    def outline(self) -> Outline:
        """The layers that the model calls directly, and these calls."""
        self._ready()
        assert self._outline is not None
        return self._outline

    # ---- weights

    @property
    def parameters(self) -> Parameters:
        """All weights as one flat buffer."""
        graph = self._ready()
        if self._parameters is None:
            self._parameters = Parameters(graph.weights, self.backend)
        self._parameters.bind()
        return self._parameters

    def count_params(self) -> int:
        """Number of parameters.

        Raises:
            NotReadyError: the shape of the data is not known yet.
        """
        self._ready()
        return super().count_params()

    @property
    def built(self) -> bool:
        return self._built or self._graph is not None or self._declared_shape() is not None

    @built.setter
    def built(self, value: bool) -> None:
        self._built = value

    @property
    def named_weights(self) -> dict[str, Weight]:
        """All weights by name, such as "lstm/kernel", in the order of Keras; empty until the shape
        of the data is known.

        That is the order of the layers: in a functional model, those farthest from the outputs
        first; in a chain, as they were added; in your own class, as it keeps them in attributes.
        """
        if not self.built:
            return {}
        name_of = {layer: name for name, layer in self.graph.layers.items()}
        return {
            joined(name_of[layer], key): weight
            for layer in self.outline.primitives
            for key, weight in layer.own_weights.items()
        }

    def get_weights(self) -> list[Values]:
        """Return copies of all weights, in the order of `weights`.

        Raises:
            NotReadyError: the shape of the data is not known yet.
        """
        self._ready()
        return super().get_weights()

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replace all weights.

        Args:
            weights: the new weights, in the form from `get_weights`.

        Raises:
            InvalidShapeError, InvalidValueError: they do not fit; nothing is changed.
            InvalidTypeError: the model is quantized.
            NotReadyError: the shape of the data is not known yet.
        """
        self._ready()
        super().set_weights(weights)


def _names(inputs: Mapping[str, SymbolicTensor]) -> list[str]:
    """Return the keys of inputs in a dict.

    Raises:
        InvalidTypeError: one is not a string.
        InvalidValueError: an Input has another name.
    """
    for key, tensor in inputs.items():
        if isinstance(tensor, SymbolicTensor) and tensor.node.layer is None:
            known = tensor.node.name
            if known not in (None, key):
                raise InvalidValueError("inputs", f"the name of the Input, {known!r}", repr(key))
    return [checks.string("inputs", key) for key in inputs]


def listed(tensors: Any) -> list[Any]:
    """Return one thing, or a list or dict of them, as a list."""
    if isinstance(tensors, Mapping):
        return list(tensors.values())
    return list(tensors) if isinstance(tensors, list | tuple) else [tensors]

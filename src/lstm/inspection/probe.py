"""Probe: runs a model and exposes the inputs and gradients of its recurrent layers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from lstm.backends.contract import Array
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.layers.base import Run, StepState
from lstm.layers.masks import Mask, of_steps
from lstm.layers.recurrence import Recurrent
from lstm.layers.symbolic import Node, SymbolicTensor
from lstm.models import Model, State, planning
from lstm.models.graph import Graph
from lstm.models.program import Trace


@dataclass(frozen=True)
class Place:
    """A recurrent layer at one of its calls.

    Attributes:
        name: the name of the node.
        layer: the layer.
        node: the node.
    """

    name: str
    layer: Recurrent
    node: Node


class Probe:
    """A model that also returns the inputs of its recurrent layers.

    Args:
        model: a model with a recurrent layer.

    Attributes:
        places: its recurrent layers, in order of computation.
        outputs: number of outputs of the model; those of the program that follow are the inputs
            of the recurrent layers.

    Raises:
        InvalidTypeError: `model` is not a model.
        InvalidValueError: `model` has no recurrent layer.
    """

    def __init__(self, model: Model) -> None:
        if not isinstance(model, Model):
            raise InvalidTypeError("model", "a Model", type(model).__name__)
        graph = model.graph
        self.model = model
        self.places = [
            Place(graph.names[node], node.layer, node)
            for node in graph.nodes
            if isinstance(node.layer, Recurrent)
        ]
        if not self.places:
            raise InvalidValueError("model", "a model with a recurrent layer", "one without")
        self.outputs = len(graph.outputs)
        taken = [tensor for place in self.places for tensor in place.node.inputs]
        self.program = planning.infer(Graph(graph.inputs, [*graph.outputs, *taken]))

    def forward(
        self, x: Any, state: Mapping[str, StepState] | None = None, *, keep_cache: bool = False
    ) -> tuple[Run, Trace]:
        """Run a pass over sequences, and return its results.

        Raises:
            InvalidTypeError, InvalidShapeError, InvalidValueError: the model cannot accept `x`, or
                continue from `state`.
        """
        feeds, masks = self.model.feed(x)
        backend = self.model.backend
        try:
            shapes = self.model.graph.state_shapes()
        except InvalidValueError:  # A layer that reads backwards has no state to continue from.
            shapes = {}
        states: dict[str, tuple[Array, ...]] = {}
        if state is not None:
            checked = State.checked(state, shapes, feeds[0].shape[0], backend.dtype)
            states = checked.on(backend)
        run = Run(backend, keep_cache=keep_cache, states=states, carried=frozenset(shapes))
        return run, self.program.forward(run, feeds, masks)

    def backward(
        self, run: Run, trace: Trace, gradient: Array, wanted: Collection[SymbolicTensor]
    ) -> dict[SymbolicTensor, Array]:
        """Return the gradients of tensors, from the gradient of the model's first output."""
        gradients = [gradient, *[None] * (len(self.program.outputs) - 1)]
        return self.program.toward(wanted).backward(run, trace, gradients)

    def inputs(
        self, place: Place, run: Run, trace: Trace
    ) -> tuple[Array, tuple[Array, ...] | None, Mask | None]:
        """Return what a layer read in a pass: x (B, T, D), first state, and mask or None."""
        at = self.outputs
        for other in self.places:
            if other is place:
                break
            at += len(other.node.inputs)
        x, *given = trace.outputs[at : at + len(place.node.inputs)]
        state = tuple(given) if given else run.states.get(place.name)
        return x, state, of_steps(place.name, trace.masks[at])


def stepwise(layer: Recurrent) -> Recurrent:
    """Return the layer with the same weights, reading forwards and returning all its states."""
    return layer.twin(
        return_sequences=True, return_state=True, go_backwards=False, zero_output_for_mask=False
    )

"""Planning: makes programs from a graph, each for a purpose, and fuses steps where possible.

Planning asks layers and losses what they can do (`layers/abilities.py`); it knows no classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

from lstm.backends.contract import ActivationName
from lstm.layers.activated import Activated
from lstm.layers.base import Layer
from lstm.layers.dense import Dense
from lstm.layers.embedding import Embedding
from lstm.layers.recurrence import Recurrent
from lstm.layers.repeat_vector import RepeatVector
from lstm.layers.symbolic import SymbolicTensor
from lstm.losses import Loss
from lstm.models.fusion import EmbeddedRecurrent, InMode, RepeatedRecurrent, WithActivation
from lstm.models.graph import Graph, layer_of
from lstm.models.held import held
from lstm.models.objective import HeadObjective, Objective
from lstm.models.program import Assumption, Operation, Program, Step


def infer(graph: Graph) -> Program:
    """Return the program that computes the outputs of a graph."""
    return _program(graph, fused(graph), graph.outputs)


def logits(graph: Graph) -> Program:
    """Return the program that computes the single output of a graph without its final softmax."""
    (output,) = graph.outputs
    parts = [
        part.ending_in("linear")
        if output in part.outputs and part.activation == "softmax"
        else part
        for part in fused(graph)
    ]
    return _program(graph, parts, [output])


def remember(graph: Graph) -> Program:
    """Return the program that only updates states: without outputs and what only they need.

    Raises:
        InvalidValueError: a layer cannot work chunk by chunk.
    """
    states, needed = graph.state_shapes(), set[SymbolicTensor]()
    parts: list[Part] = []
    for part in reversed(fused(graph)):
        if part.name in states or not needed.isdisjoint(part.outputs):
            parts.insert(0, part)
            needed.update(part.inputs)
    return _program(graph, parts, [])


def train(graph: Graph, loss: Loss, *, sees_outputs: bool) -> Program:
    """Return the program of a training step: the output, its loss, the gradients.

    Args:
        graph: the model; it has one output.
        loss: the loss to minimize. It includes the final activation, and the product before it, if
            possible: this is faster and cannot overflow.
        sees_outputs: whether something else reads the output, so that it must exist.
    """
    (output,), parts = graph.outputs, fused(graph)
    below = [part for part in parts if output not in part.outputs]
    head = next((part for part in parts if output in part.outputs), None)
    activation: ActivationName = "linear"
    computed = loss
    if head and loss.takes_logits and head.activation == loss.activation:
        head, computed, activation = head.ending_in("linear"), loss.on_logits(), loss.activation
    if head and head.is_head and computed.includes_linear and not sees_outputs:
        program = _program(graph, below, head.inputs, (*head.asked, head.layer)).toward()
        need_dx = any(program.outputs[0] in step.outputs for _, step, _ in program.back)
        layer = cast(Dense, head.layer)
        objective: Objective = HeadObjective(loss, computed, activation, layer, need_dx)
    else:
        program = _program(graph, [*below, head] if head else below, [output]).toward()
        objective = Objective(loss, computed, activation)
    return replace(program, objective=objective)


@dataclass(frozen=True)
class Part:
    """A step while a program is planned.

    Attributes:
        layer: the layer of the step; if two are fused, the one with a state.
        name: the name of its node.
        inputs, outputs: tensors.
        activation: its final activation, if it can be changed; not always the layer's own.
        asked: the layers on whose answers this relies.
        table_of: the layer below, if they are fused, whose table it reads, or which repeats rows.
        fused: as in `Step`.
        training: whether it trains in every pass; None: as the pass does.
    """

    layer: Layer
    name: str
    inputs: tuple[SymbolicTensor, ...]
    outputs: tuple[SymbolicTensor, ...]
    activation: ActivationName | None
    asked: tuple[Layer, ...] = ()
    table_of: Layer | None = None
    fused: tuple[str, ...] = ()
    training: bool | None = None

    @property
    def is_head(self) -> bool:
        """Whether a loss can include it: it is a product without activation."""
        return self.activation == "linear" and self.layer.is_head

    @property
    def operation(self) -> Operation:
        """Return the operation that computes it."""
        own = self._operation
        return own if self.training is None else InMode(own, self.training)

    @property
    def _operation(self) -> Operation:
        if self.table_of is not None and self.table_of.repeats:
            return RepeatedRecurrent(cast(RepeatVector, self.table_of), cast(Recurrent, self.layer))
        if self.table_of is not None:
            return EmbeddedRecurrent(cast(Embedding, self.table_of), cast(Recurrent, self.layer))
        if self.activation is not None and self.activation != self.layer.ends_in:
            return WithActivation(cast(Activated, self.layer), self.activation)
        return held(self.layer)

    def ending_in(self, activation: ActivationName) -> "Part":
        """Return this part with another activation."""
        return replace(self, activation=activation, asked=(*self.asked, self.layer))


def fused(graph: Graph) -> list[Part]:
    """Return the steps of a graph, fused where the result is the same in less time.

    A layer that looks up rows of a table, or repeats those of its input, becomes part of the layers
    that read these rows, if all of them can do this and nothing else reads the rows. An activation
    that alone reads a layer without one becomes that layer's own.
    """
    return _embedded(_activated(separate(graph), graph.outputs), graph.outputs)


def separate(graph: Graph) -> list[Part]:
    """Return the steps of a graph, one for each node."""
    layers = {node: layer_of(node) for node in graph.nodes}
    return [
        Part(
            *(layer, graph.names[node], node.inputs, node.outputs, layer.ends_in),
            training=node.training,
        )
        for node, layer in layers.items()
    ]


def _activated(parts: list[Part], outputs: Sequence[SymbolicTensor]) -> list[Part]:
    """Return the parts, with every activation moved into the layer below it."""
    readers = _readers(parts, outputs)

    def sinks(lower: Part) -> bool:
        """Whether it has no final activation, and only an activation reads it."""
        readers_of_it = readers.get(lower.outputs[0], ())
        alone = len(readers_of_it) == 1 and lower.activation == "linear"
        return alone and all(part and part.layer.only_activates for part in readers_of_it)

    def join(lower: Part, upper: Part) -> Part:
        assert upper.activation is not None
        joined = lower.ending_in(upper.activation)
        return replace(
            joined,
            outputs=upper.outputs,
            asked=(*joined.asked, upper.layer),
            fused=(*lower.fused, f"{upper.name} into {lower.name}"),
        )

    return _joined(parts, sinks, join)


def _embedded(parts: list[Part], outputs: Sequence[SymbolicTensor]) -> list[Part]:
    """Return the parts, with tables and repetitions moved into readers, if all can do this."""
    readers = _readers(parts, outputs)

    def sinks(lower: Part) -> bool:
        rows = lower.outputs[0]
        return (lower.layer.gives_table or lower.layer.repeats) and all(
            reader is not None
            and reader.inputs[0] is rows
            and reader.layer.reads_table
            and (reader.training == lower.training or not lower.layer.heeds_training)
            for reader in readers.get(rows, ())
        )

    def join(lower: Part, upper: Part) -> Part:
        counted = f", for batches of at least {lower.layer.reads_tokens:,} tokens"
        when = counted if lower.layer.gives_table else ""
        return replace(
            upper,
            inputs=lower.inputs + upper.inputs[1:],
            asked=(*upper.asked, lower.layer, upper.layer),
            table_of=lower.layer,
            fused=(*upper.fused, f"{lower.name} into {upper.name}{when}"),
        )

    return _joined(parts, sinks, join)


def _readers(
    parts: Sequence[Part], outputs: Sequence[SymbolicTensor]
) -> dict[SymbolicTensor, list[Part | None]]:
    """Return the parts that read a tensor, and None if it is also an output."""
    readers: dict[SymbolicTensor, list[Part | None]] = {tensor: [None] for tensor in outputs}
    for part in parts:
        for tensor in part.inputs:
            readers.setdefault(tensor, []).append(part)
    return readers


def _joined(
    parts: Sequence[Part], sinks: Callable[[Part], bool], join: Callable[[Part, Part], Part]
) -> list[Part]:
    """Return the parts, with those that sink joined to the parts that read them."""
    sunk: dict[SymbolicTensor, Part] = {}
    found = []
    for part in parts:
        if part.inputs and part.inputs[0] in sunk:
            part = join(sunk[part.inputs[0]], part)
        if sinks(part):
            sunk[part.outputs[0]] = part
        else:
            found.append(part)
    return found


def _program(
    graph: Graph,
    parts: Sequence[Part],
    outputs: Sequence[SymbolicTensor],
    asked: Sequence[Layer] = (),
) -> Program:
    """Return the program of some parts, in which tensors are numbered values."""
    tensors = [*graph.inputs, *(tensor for part in parts for tensor in part.outputs)]
    places = {tensor: k for k, tensor in enumerate(tensors)}

    def numbered(some: Sequence[SymbolicTensor]) -> tuple[int, ...]:
        return tuple(places[tensor] for tensor in some)

    steps = [
        Step(
            *(part.operation, part.name, numbered(part.inputs), numbered(part.outputs)),
            *(part.fused, tuple(tensor.shape for tensor in part.inputs)),
        )
        for part in parts
    ]
    layers = dict.fromkeys([*asked, *(layer for part in parts for layer in part.asked)])
    assumptions = [Assumption(at, name, getattr(at, name)) for at in layers for name in at.decisive]
    return Program(
        graph,
        tuple(steps),
        places,
        numbered(graph.inputs),
        numbered(outputs),
        tuple(assumptions),
    )

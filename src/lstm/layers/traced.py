"""Traced: a function of tensors, traced once, that is computed as one step of something else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lstm.backends import Backend
from lstm.backends.contract import Array, Cache, Ops
from lstm.errors import InvalidTypeError
from lstm.layers.definition import Definition
from lstm.layers.rules import Shape
from lstm.layers.run import Arrays, Gradients, Run
from lstm.layers.symbolic import Node, Operators, SymbolicTensor, input_tensor
from lstm.layers.tracing import outside, undecided


def in_order(outputs: Sequence[SymbolicTensor], inputs: Sequence[SymbolicTensor]) -> list[Node]:
    """Return the nodes that outputs need beyond inputs, each behind those that it needs.

    Nodes without a layer, which are other inputs, are among them.
    """
    sources = {tensor.node for tensor in inputs}
    order: dict[Node, None] = {}
    # Depth first without recursion: a node is placed once everything that it needs is placed.
    stack = [(tensor.node, False) for tensor in reversed(outputs)]
    while stack:
        node, ready = stack.pop()
        if node in order or node in sources:
            continue
        if ready:
            order[node] = None
            continue
        stack.append((node, True))
        stack.extend((tensor.node, False) for tensor in reversed(node.inputs))
    return list(order)


@dataclass(frozen=True)
class Traced:
    """The nodes of a function.

    Attributes:
        inputs, outputs: tensors.
        nodes: the calls of layers, in order.
    """

    inputs: tuple[SymbolicTensor, ...]
    outputs: tuple[SymbolicTensor, ...]
    nodes: tuple[Node, ...]

    @classmethod
    def of(cls, name: str, function: Callable[..., Any], shapes: Sequence[Shape]) -> "Traced":
        """Trace a function of tensors of these shapes.

        Raises:
            InvalidTypeError: it returns something other than tensors that it made of them.
        """
        inputs = tuple(map(input_tensor, shapes))
        with undecided():
            made = function(*inputs)
        several = made if isinstance(made, list | tuple) else [made]
        if not all(isinstance(x, Operators) for x in several):
            raise InvalidTypeError(
                f"result of {name}", "tensors, made by lstm.ops of its arguments", repr(made)
            )
        outputs = tuple(x.tensor for x in several)
        nodes = tuple(in_order(outputs, inputs))
        if any(node.layer is None for node in nodes):
            raise InvalidTypeError(
                f"result of {name}", "tensors made of its arguments alone", "another Input in it"
            )
        return cls(inputs, outputs, nodes)

    def forward(self, run: Run, arrays: Sequence[Array]) -> tuple[Arrays, Cache]:
        """Return the outputs for arrays, and what `backward` needs."""
        values: dict[SymbolicTensor, Any] = dict(zip(self.inputs, arrays, strict=True))
        caches, run.masks = [], ()
        for node in self.nodes:
            given = (values[tensor] for tensor in node.inputs)
            with run.mode(node.training):
                made, cache = _layer(node).forward(run, *given, mask=None)
            values.update(zip(node.outputs, made, strict=True))
            caches.append(cache)
        return tuple(values[tensor] for tensor in self.outputs), caches

    def backward(
        self, run: Run, caches: Cache, gradients: Sequence[Array | None], need: Sequence[bool]
    ) -> Gradients:
        """Return the gradients of the inputs; add those of the weights to their buffers."""
        wanted = {tensor for tensor, needed in zip(self.inputs, need, strict=True) if needed}
        for node in self.nodes:
            if _layer(node).learns or not wanted.isdisjoint(node.inputs):
                wanted.update(node.outputs)
        found: dict[SymbolicTensor, Any] = {}

        def arrive(tensor: SymbolicTensor, gradient: Array | None) -> None:
            if gradient is not None and tensor in wanted:
                known = found.get(tensor)
                found[tensor] = gradient if known is None else run.ops.add([known, gradient])

        for tensor, gradient in zip(self.outputs, gradients, strict=True):
            arrive(tensor, gradient)
        for node, cache in zip(reversed(self.nodes), reversed(caches), strict=True):
            arriving = [found.pop(tensor, None) for tensor in node.outputs]
            if all(gradient is None for gradient in arriving):
                continue
            needed = [tensor in wanted for tensor in node.inputs]
            made = _layer(node).backward(run, cache, *arriving, need=needed)
            for tensor, gradient in zip(node.inputs, made, strict=False):
                arrive(tensor, gradient)
        return tuple(found.get(tensor) for tensor in self.inputs)


class Traces:
    """The traces of a function with one result, for the latest shapes of its arguments."""

    most = 16
    """Number of traces that are kept."""

    def __init__(self) -> None:
        self._known: dict[object, Traced] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Traces, ()  # Made again where they are needed.

    def of(
        self, name: str, function: Callable[..., Any], shapes: Sequence[Shape], version: int
    ) -> Traced:
        """Return the function, traced for tensors of these shapes.

        Args:
            name: its name in errors.
            function: the function.
            shapes: the shapes of its arguments.
            version: another number where the function has become another one.

        Raises:
            InvalidTypeError: it returns something other than one tensor made of its arguments.
        """
        key = version, *shapes
        while key not in self._known and len(self._known) >= self.most:
            self._known.pop(next(iter(self._known)), None)
        if key not in self._known:
            with outside():
                traced = Traced.of(name, function, shapes)
            if len(traced.outputs) != 1:
                raise InvalidTypeError(f"result of {name}", "one tensor", len(traced.outputs))
            self._known[key] = traced
        return self._known[key]

    @property
    def layers(self) -> list[Definition]:
        """The layers that they call."""
        return [_layer(node) for traced in self._known.values() for node in traced.nodes]


def run_for(ops: Ops, x: Array) -> Run:
    """Return a pass of its own for a function of arrays like x, with a way back."""
    dtype = ops.dtype_of(x)
    return Run(Backend(ops, dtype, dtype), keep_cache=True)


def _layer(node: Node) -> Definition:
    assert node.layer is not None
    return node.layer

"""Program: the computation of one pass through a model, as steps over numbered values."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

from lstm.backends.contract import Array, Cache
from lstm.errors import InvalidValueError
from lstm.layers.base import Arrays, Gradients, Layer, Run
from lstm.layers.masks import Mask
from lstm.layers.symbolic import Shape, SymbolicTensor
from lstm.models.graph import Graph
from lstm.models.objective import Objective


class Operation(Protocol):
    """The computation of a step: a layer, or fused layers, with the methods of a layer."""

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        """Return the outputs, and what `backward` needs."""

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        """Return the gradients of the inputs; add those of the weights to their buffers."""

    def joined_mask(self, run: Run, inputs: Arrays, masks: Sequence[Mask | None]) -> Mask | None:
        """Return the single mask with which to read the inputs."""

    def mask_after(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        """Return the mask of the first output."""

    @property
    def learns(self) -> bool:
        """Whether the gradient of a weight is needed."""


class Assumption(NamedTuple):
    """The value of a layer's attribute when a program was planned, which relies on it."""

    layer: Layer
    name: str
    value: Any


@dataclass(frozen=True)
class Step:
    """One instruction of a program.

    Attributes:
        operation: the computation.
        name: the name of its node; if two are fused, of the one with a state.
        inputs, outputs: numbers of the values that it reads and writes.
        fused: the other nodes that are part of it, in the words of `summary()`.
        shapes: of its inputs, as far as they are known without data.
    """

    operation: Operation
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    fused: tuple[str, ...] = ()
    shapes: tuple[Shape, ...] = ()


@dataclass
class Trace:
    """The results of one forward pass.

    Attributes:
        outputs: one array for each output of the program.
        masks: the mask of each output, or None.
        caches: the values that each step kept for the backward pass.
    """

    outputs: list[Array]
    masks: list[Mask | None]
    caches: list[Cache]


@dataclass(frozen=True, eq=False)
class Program:
    """The computation of a pass through a graph, for a purpose; made by `planning`, never changed.

    Attributes:
        graph: the graph that it was made from.
        steps: the steps, in order of computation.
        places: the number of the value for each tensor of the graph, except fused ones.
        inputs, outputs: numbers of the input and output values.
        assumptions: what it assumes of layers, whose attributes may change later.
        objective: what training minimizes, computed from the single output; None for a program that
            only infers.
        wanted: tensors whose gradients `backward` returns.
        back: the steps of `backward`, the last first: the number of each in `steps`, the step, and
            which of its inputs need a gradient.
    """

    graph: Graph
    steps: tuple[Step, ...]
    places: dict[SymbolicTensor, int]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    assumptions: tuple[Assumption, ...]
    objective: Objective | None = None
    wanted: frozenset[SymbolicTensor] = frozenset()
    back: tuple[tuple[int, Step, tuple[bool, ...]], ...] = ()

    @property
    def holds(self) -> bool:
        """Whether its assumptions still hold; if not, a new program is needed."""
        return all(getattr(layer, name) == value for layer, name, value in self.assumptions)

    def toward(self, wanted: Collection[SymbolicTensor] = ()) -> "Program":
        """Return this program with a backward pass to the weights that have gradients now.

        Args:
            wanted: tensors whose gradients are wanted, too; each is an input or output of a step.
        """
        learning = {self.places[tensor] for tensor in wanted}
        back = []
        for k, step in enumerate(self.steps):
            need = tuple(slot in learning for slot in step.inputs)
            if any(need) or step.operation.learns:
                learning.update(step.outputs)
                back.append((k, step, need))
        return replace(self, wanted=frozenset(wanted), back=tuple(reversed(back)))

    def forward(self, run: Run, feeds: Sequence[Array], masks: Sequence[Mask | None] = ()) -> Trace:
        """Compute the outputs.

        Args:
            run: the settings of the pass.
            feeds: one array for each input.
            masks: for each input, the mask (B, T) of sequences of different lengths, or None.
        """
        values: list[Any] = [None] * len(self.places)
        mask_of: list[Mask | None] = [None] * len(self.places)
        for slot, x in zip(self.inputs, feeds, strict=True):
            values[slot] = x
        for slot, mask in zip(self.inputs, masks, strict=False):
            mask_of[slot] = mask
        run.ragged = masked = any(mask is not None for mask in masks)
        caches: list[Cache] = []
        for step in self.steps:
            run.node, operation = step.name, step.operation
            inputs = tuple([values[slot] for slot in step.inputs])
            mask, run.masks = None, ()
            if masked:
                around = [mask_of[slot] for slot in step.inputs]
                if any(mask is not None for mask in around):
                    run.masks, run.shapes = around, step.shapes
                    mask = operation.joined_mask(run, inputs, around)
            of_steps = None if mask is None or mask.ndim < 2 else mask
            outputs, cache = operation.forward(run, *inputs, mask=of_steps)
            for slot, y in zip(step.outputs, outputs, strict=True):
                values[slot] = y
            mask = operation.mask_after(run, inputs, mask)
            if mask is not None:
                mask_of[step.outputs[0]], masked = mask, True
            if run.keep_cache:
                caches.append(cache)
        if run.carried and not run.carried <= run.new_states.keys():
            forgetful = sorted(run.carried - run.new_states.keys())
            raise InvalidValueError(
                forgetful[0],
                "run.leave_state(state) in `forward`, as state_shapes says",
                "no state",
            )
        return Trace(
            [values[slot] for slot in self.outputs],
            [mask_of[slot] for slot in self.outputs],
            caches,
        )

    def backward(
        self, run: Run, trace: Trace, gradients: Sequence[Array | None]
    ) -> dict[SymbolicTensor, Array]:
        """Add the gradient of every trainable weight to its buffer.

        Args:
            run: the same as in `forward`.
            trace: the result of `forward` with `run.keep_cache`; its caches are used up.
            gradients: one for each output; None stands for zeros.

        Returns:
            The gradients of the wanted tensors that the outputs depend on.
        """
        grads: list[Any] = [None] * len(self.places)
        kept = {self.places[tensor]: tensor for tensor in self.wanted}
        add, caches = run.ops.add, trace.caches
        for slot, gradient in zip(self.outputs, gradients, strict=True):
            if gradient is not None:
                known = grads[slot]
                grads[slot] = gradient if known is None else add([known, gradient])
        for k, step, need in self.back:
            cache, caches[k] = caches[k], None
            arriving = [grads[slot] for slot in step.outputs]
            if all(gradient is None for gradient in arriving):
                continue
            for slot in step.outputs:
                if slot not in kept:
                    grads[slot] = None  # Large, and used up.
            run.node = step.name
            dxs = step.operation.backward(run, cache, *arriving, need=need)
            for slot, is_needed, dx in zip(step.inputs, need, dxs, strict=False):
                if is_needed and dx is not None:
                    known = grads[slot]
                    grads[slot] = dx if known is None else add([known, dx])
        return {tensor: grads[slot] for slot, tensor in kept.items() if grads[slot] is not None}

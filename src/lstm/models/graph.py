"""The graph of a model: its nodes in order, named, and the passes through them."""

import copy
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from lstm.backends.contract import ActivationName, Array, Cache
from lstm.errors import InvalidValueError
from lstm.layers.base import Layer, Run, has_time
from lstm.layers.dense import Activation, Dense
from lstm.layers.embedding import Embedding
from lstm.layers.masks import Mask
from lstm.layers.naming import Names
from lstm.layers.shaping import FoldTime, UnfoldTime
from lstm.layers.symbolic import Node, Shape, SymbolicTensor
from lstm.layers.tied_dense import TiedDense
from lstm.layers.weight import Weight
from lstm.models.fusion import ActivatedLinear, Step, fuse
from lstm.models.held import held

Needs = list[tuple[bool, ...] | None]
"""For each step the inputs whose gradient is wanted; None where there is nothing to go back for."""


@dataclass
class Trace:
    """What one forward pass computed.

    Attributes:
        outputs: one array for each output of the graph.
        masks: the mask of each output, or None.
        caches: what each step left for the backward pass.
    """

    outputs: list[Array]
    masks: list[Mask | None]
    caches: list[Cache]


class Graph:
    """The nodes between some inputs and some outputs.

    Attributes:
        inputs, outputs: symbolic tensors.
        nodes: every node that the outputs need, in an order in which they can be computed.
        names: a unique name for each node, such as "bidirectional/forward_lstm".
        steps: what a pass computes, in order.
        symbols: for each input that is only embedded, the number of tokens that it can have.
    """

    def __init__(self, inputs: Sequence[SymbolicTensor], outputs: Sequence[SymbolicTensor]) -> None:
        self.inputs = list(inputs)
        self.outputs = list(outputs)
        self.nodes = self._sorted()
        self.names = _names(self.nodes)
        self._check_ties()
        self.symbols = self._symbols()
        steps = [
            Step(held(_layer_of(node)), self.names[node], node.inputs, node.outputs)
            for node in self.nodes
        ]
        self.steps = fuse(steps, self.outputs)

    def _sorted(self) -> list[Node]:
        sources = {tensor.node for tensor in self.inputs}
        order: dict[Node, None] = {}
        # Depth first without recursion: a node is placed once all that it needs is placed.
        stack = [(tensor.node, False) for tensor in reversed(self.outputs)]
        while stack:
            node, ready = stack.pop()
            if node in order or node in sources:
                continue
            if ready:
                order[node] = None
                continue
            if node.layer is None:
                raise InvalidValueError(
                    "inputs", "every Input that the outputs depend on", "one that is missing"
                )
            stack.append((node, True))
            stack.extend((tensor.node, False) for tensor in reversed(node.inputs))
        return list(order)

    def _check_ties(self) -> None:
        """Check that the weight of every TiedDense, its Embedding's, is one of this graph.

        Raises:
            InvalidValueError: it is not.
        """
        layers = dict.fromkeys(self.layers.values())
        for layer in layers:
            if isinstance(layer, TiedDense) and layer.embedding not in layers:
                raise InvalidValueError(
                    f"embedding of {layer.name}",
                    "an Embedding that is part of the same model",
                    f"{layer.embedding.name}, which is not",
                )

    def _symbols(self) -> dict[SymbolicTensor, int]:
        consumers: dict[SymbolicTensor, list[Layer]] = {tensor: [] for tensor in self.inputs}
        for node in self.nodes:
            for tensor in node.inputs:
                if tensor in consumers:
                    consumers[tensor].append(_layer_of(node))
        found: dict[SymbolicTensor, int] = {}
        for tensor, layers in consumers.items():
            known = [layer.input_dim for layer in layers if isinstance(layer, Embedding)]
            if known and len(known) == len(layers):
                found[tensor] = min(known)
        return found

    @property
    def layers(self) -> dict[str, Layer]:
        """The distinct layers by the name of the node where each is first called."""
        found: dict[Layer, str] = {}
        for node in self.nodes:
            found.setdefault(_layer_of(node), self.names[node])
        return {name: layer for layer, name in found.items()}

    @property
    def weights(self) -> dict[str, Weight]:
        """Every weight by its name, such as "lstm/kernel"."""
        return {
            f"{name}/{key}": weight
            for name, layer in self.layers.items()
            for key, weight in layer.own_weights.items()
        }

    def recurrent(self, *, stateful: bool) -> frozenset[str]:
        """Names of the nodes that carry a state between chunks of a sequence.

        Args:
            stateful: only those whose layer was made with `stateful=True`.

        Raises:
            InvalidValueError: a layer cannot work chunk by chunk.
        """
        return frozenset(self.state_shapes(stateful=stateful))

    def state_shapes(self, *, stateful: bool = False) -> dict[str, tuple[tuple[int, ...], ...]]:
        """Shapes of the carried state of each recurrent node, without the batch axis.

        Args:
            stateful: only of those whose layer was made with `stateful=True`.

        Raises:
            InvalidValueError: a layer cannot work chunk by chunk.
        """
        depth: dict[Node, int] = {}
        ended: set[SymbolicTensor] = set()
        found: dict[str, tuple[tuple[int, ...], ...]] = {}
        for node in self.nodes:
            layer = _layer_of(node)
            around = [depth.get(tensor.node, 0) for tensor in node.inputs]
            # Within TimeDistributed every row is a time step, and none goes on from another.
            depth[node] = around[0] if isinstance(layer, UnfoldTime) else max(around)
            depth[node] += isinstance(layer, FoldTime)
            # A vector, such as the last step, and what is made of it have no steps to go on from.
            timeless = ended.issuperset(node.inputs)
            ended.update(t for t in node.outputs if timeless or not has_time(t.shape))
            if depth[node] or (stateful and not getattr(layer, "stateful", False)):
                continue
            shapes = layer.state_shapes(*(tensor.shape for tensor in node.inputs))
            if shapes and timeless:
                raise InvalidValueError(
                    f"input of {layer.name}",
                    "the steps of the sequence, to work chunk by chunk",
                    "a sequence made of its last step",
                )
            if shapes:
                found[self.names[node]] = shapes
        return dict(sorted(found.items()))

    def output_shapes(self, shapes: Sequence[Shape]) -> list[Shape]:
        """The shapes of the outputs for inputs of these shapes.

        Raises:
            InvalidShapeError: a layer cannot take what follows from them.
        """
        known = dict(zip(self.inputs, shapes, strict=True))
        for node in self.nodes:
            found = _layer_of(node).output_shapes(*(known[tensor] for tensor in node.inputs))
            known.update(zip(node.outputs, found, strict=True))
        return [known[tensor] for tensor in self.outputs]

    # ---- computing

    def forward(self, run: Run, feeds: Sequence[Array], masks: Sequence[Mask | None] = ()) -> Trace:
        """Compute the outputs.

        Args:
            run: how.
            feeds: one array for each input.
            masks: for each input the mask (B, T) of sequences of different lengths, or None.
        """
        values: dict[SymbolicTensor, Array] = dict(zip(self.inputs, feeds, strict=True))
        mask_of = {x: m for x, m in zip(self.inputs, masks, strict=False) if m is not None}
        run.ragged = bool(mask_of)
        caches: list[Cache] = []
        for step in self.steps:
            run.node = step.name
            layer, inputs = step.layer, tuple([values[tensor] for tensor in step.inputs])
            mask, run.masks = None, ()
            if mask_of and not mask_of.keys().isdisjoint(step.inputs):
                run.masks = [mask_of.get(tensor) for tensor in step.inputs]
                mask = layer.joined_mask(run, inputs, run.masks)
            of_steps = None if mask is None or mask.ndim < 2 else mask
            outputs, cache = layer.forward(run, *inputs, mask=of_steps)
            values.update(zip(step.outputs, outputs, strict=True))
            mask = layer.mask_after(run, inputs, mask)
            if mask is not None:
                mask_of[step.outputs[0]] = mask
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
            [values[tensor] for tensor in self.outputs],
            [mask_of.get(tensor) for tensor in self.outputs],
            caches,
        )

    def needs(self, wanted: Collection[SymbolicTensor] = ()) -> Needs:
        """What the backward pass has to compute, for the weights that have gradients now.

        Args:
            wanted: tensors whose own gradient is of interest.
        """
        learning = set(wanted)
        needs: Needs = []
        for step in self.steps:
            need = tuple(tensor in learning for tensor in step.inputs)
            if any(need) or step.layer.learns:
                learning.update(step.outputs)
                needs.append(need)
            else:
                needs.append(None)
        return needs

    def backward(
        self,
        run: Run,
        trace: Trace,
        gradients: Sequence[Array | None],
        needs: Needs,
        wanted: Collection[SymbolicTensor] = (),
    ) -> dict[SymbolicTensor, Array]:
        """Add the gradient of every trainable weight to its buffer.

        Args:
            run: the same as in `forward`.
            trace: what `forward` returned, with `run.keep_cache`; its caches are used up.
            gradients: one for each output; None stands for zeros.
            needs: what `needs` returned for the same `wanted`.
            wanted: tensors whose gradients to return.

        Returns:
            The gradients of those wanted tensors that the outputs depend on.
        """
        grads: dict[SymbolicTensor, Array] = {}
        found: dict[SymbolicTensor, Array] = {}

        def accumulate(tensor: SymbolicTensor, gradient: Array | None) -> None:
            if gradient is not None:
                known = grads.get(tensor)
                grads[tensor] = gradient if known is None else run.ops.add([known, gradient])

        for tensor, gradient in zip(self.outputs, gradients, strict=True):
            accumulate(tensor, gradient)
        for step, need in zip(reversed(self.steps), reversed(needs), strict=True):
            cache = trace.caches.pop()
            if wanted:
                found |= {tensor: grads[tensor] for tensor in step.outputs if tensor in grads}
            arriving = [grads.pop(tensor, None) for tensor in step.outputs]
            if need is None or all(gradient is None for gradient in arriving):
                continue
            run.node = step.name
            dxs = step.layer.backward(run, cache, *arriving, need=need)
            for tensor, is_needed, dx in zip(step.inputs, need, dxs, strict=False):
                if is_needed:
                    accumulate(tensor, dx)
        return {tensor: dx for tensor, dx in (grads | found).items() if tensor in wanted}

    # ---- fusion

    def logits(self, activation: ActivationName) -> "Graph | None":
        """This graph without the `activation` at its only output, for a loss that includes it.

        Returns:
            A graph that shares the layers and weights of this one, or None if its output does not
            end in that activation.
        """
        last = self._last()
        if last is None:
            return None
        if isinstance(last.layer, ActivatedLinear) and last.layer.above.activation == activation:
            return self._ending_in(last.layer.linear)
        # Not a subclass: what it computes is not known.
        if not isinstance(last.layer, Dense | Activation) or (
            type(last.layer) not in (Dense, TiedDense, Activation)
            or last.layer.activation != activation
        ):
            return None
        return self._ending_in(last.layer.twin(activation="linear"))

    def before_head(self) -> "tuple[Graph, Dense] | None":
        """This graph up to the linear Dense that it ends in, for a loss that includes that layer.

        Returns:
            A graph that shares the layers and weights of this one, whose output is what the Dense
            takes; and the Dense. None if its output does not end in one.
        """
        last = self._last()
        if last is None or not isinstance(last.layer, Dense):
            return None
        if type(last.layer) not in (Dense, TiedDense) or last.layer.activation != "linear":
            return None
        return self._ending_in(Activation("linear", name=last.layer.name)), last.layer

    def _last(self) -> Step | None:
        """The step that computes the only output."""
        return next((step for step in self.steps if self.outputs[0] in step.outputs), None)

    def _ending_in(self, layer: Layer) -> "Graph":
        """This graph with another layer in its last step."""
        graph, last = copy.copy(self), self._last()
        graph.steps = [replace(step, layer=layer) if step is last else step for step in self.steps]
        return graph


def _layer_of(node: Node) -> Layer:
    assert isinstance(node.layer, Layer)
    return node.layer


def _names(nodes: Sequence[Node]) -> dict[Node, str]:
    """A name for each node: its own, or the path of its layers, made unique by counting."""
    taken = Names()
    prefixes: dict[tuple[str, object], str] = {}
    names: dict[Node, str] = {}
    for node in nodes:
        prefix = ""
        for layer in node.path[:-1]:
            key = (prefix, layer)
            if key not in prefixes:
                prefixes[key] = taken.unique(prefix + layer.name)
            prefix = prefixes[key] + "/"
        names[node] = taken.unique(node.name or prefix + node.path[-1].name)
    return names

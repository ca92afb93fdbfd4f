"""Graph: the named nodes of a model, in order; its structure, not its computation."""

from collections.abc import Sequence

from lstm.configured import members
from lstm.errors import InvalidValueError
from lstm.layers.base import Layer
from lstm.layers.naming import Names, joined
from lstm.layers.rules import has_time
from lstm.layers.symbolic import Node, Shape, SymbolicTensor
from lstm.layers.traced import in_order
from lstm.layers.weight import Weight
from lstm.models.columns import Entry
from lstm.regularizers import Regularizer


class Graph:
    """The nodes between some inputs and some outputs.

    Args:
        inputs, outputs: symbolic tensors.
        input_names: the key of the data of each input, or None; by default the name of the Input.
        output_names: the key of each output; None if they are not returned by key.

    Attributes:
        inputs, outputs: symbolic tensors.
        input_names: the key of the data of each input, or None.
        output_names: the key of each output, or None.
        nodes: every node that the outputs need, in an order in which they can be computed.
        names: a unique name for each node, such as "bidirectional/forward_lstm".
        outer: a unique name for each layer that is called directly, such as "bidirectional".
        symbols: for each input that is read only as tokens, the number of different tokens.
    """

    def __init__(
        self,
        inputs: Sequence[SymbolicTensor],
        outputs: Sequence[SymbolicTensor],
        input_names: Sequence[str | None] | None = None,
        output_names: Sequence[str] | None = None,
    ) -> None:
        self.inputs = list(inputs)
        own_names = [tensor.node.name for tensor in self.inputs]
        self.input_names = own_names if input_names is None else list(input_names)
        self.outputs = list(outputs)
        self.output_names = None if output_names is None else list(output_names)
        self.nodes = self._sorted()
        self.names, self.outer = _names(self.nodes)
        self._check_ties()
        self.symbols = self._symbols()

    @property
    def entries(self) -> list[Entry]:
        """What data are read for."""
        return [
            Entry(name, tensor.ndim)
            for name, tensor in zip(self.input_names, self.inputs, strict=True)
        ]

    def _sorted(self) -> list[Node]:
        nodes = in_order(self.outputs, self.inputs)
        for node in nodes:
            if node.layer is None:
                name = "" if node.name is None else f" {node.name!r}"
                raise InvalidValueError(
                    "inputs",
                    "every Input that the outputs depend on, such as model.input of the model "
                    "whose layers they are",
                    f"none for that{name} of shape {node.outputs[0].shape}",
                )
        return nodes

    def _check_ties(self) -> None:
        """Check that layers whose weights others use belong to this graph.

        Raises:
            InvalidValueError: one does not.
        """
        layers = dict.fromkeys(self.layers.values())
        for layer in layers:
            for argument, owner in layer.tied_to.items():
                if owner not in layers:
                    raise InvalidValueError(
                        f"{argument} of {layer.name}",
                        f"an {type(owner).__name__} that is part of the same model",
                        f"{owner.name}, which is not",
                    )

    def _symbols(self) -> dict[SymbolicTensor, int]:
        consumers: dict[SymbolicTensor, list[Layer]] = {tensor: [] for tensor in self.inputs}
        for node in self.nodes:
            for tensor in node.inputs:
                if tensor in consumers:
                    consumers[tensor].append(layer_of(node))
        found: dict[SymbolicTensor, int] = {}
        for tensor, readers in consumers.items():
            layers = [layer for layer in readers if not layer.takes_numbers]
            if layers and all(layer.reads_tokens for layer in layers):
                found[tensor] = min(layer.reads_tokens for layer in layers)
        return found

    @property
    def layers(self) -> dict[str, Layer]:
        """Return the distinct layers by the name of the node where each is first called."""
        found: dict[Layer, str] = {}
        for node in self.nodes:
            found.setdefault(layer_of(node), self.names[node])
        return {name: layer for layer, name in found.items()}

    @property
    def weights(self) -> dict[str, Weight]:
        """Return every weight by its name, such as "lstm/kernel"."""
        return {
            joined(name, key): weight
            for name, layer in self.layers.items()
            for key, weight in layer.own_weights.items()
        }

    @property
    def regularizers(self) -> list[Regularizer]:
        """Return the regularizers of weights and of outputs."""
        parts = [*self.layers.values(), *self.weights.values()]
        return list(members([getattr(part, "regularizer", None) for part in parts], Regularizer))

    def recurrent(self, *, stateful: bool) -> frozenset[str]:
        """Return the names of the nodes that carry a state between chunks of a sequence.

        Args:
            stateful: only those whose layer was made with `stateful=True`.

        Raises:
            InvalidValueError: a layer cannot work chunk by chunk.
        """
        return frozenset(self.state_shapes(stateful=stateful))

    def state_shapes(self, *, stateful: bool = False) -> dict[str, tuple[tuple[int, ...], ...]]:
        """Return the shapes of the carried state of each recurrent node, without the batch axis.

        Args:
            stateful: only nodes whose layer was made with `stateful=True`.

        Raises:
            InvalidValueError: a layer cannot work chunk by chunk.
        """
        if stateful and not any(layer_of(node).stateful for node in self.nodes):
            return {}
        depth: dict[Node, int] = {}
        ended: set[SymbolicTensor] = set()
        found: dict[str, tuple[tuple[int, ...], ...]] = {}
        for node in self.nodes:
            layer = layer_of(node)
            # Within TimeDistributed, every row is a time step, and rows do not continue each other.
            around = max([depth.get(tensor.node, 0) for tensor in node.inputs], default=0)
            depth[node] = around + layer.folds_time
            # A vector, such as the last step, and its results have no steps to continue from.
            timeless = ended.issuperset(node.inputs)
            ended.update(t for t in node.outputs if timeless or not has_time(t.shape))
            if depth[node] or (stateful and not layer.stateful):
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
        """Return the shapes of the outputs for inputs of these shapes.

        Raises:
            InvalidShapeError: a layer cannot accept the resulting shape.
        """
        known = dict(zip(self.inputs, shapes, strict=True))
        for node in self.nodes:
            found = layer_of(node).output_shapes(*(known[tensor] for tensor in node.inputs))
            known.update(zip(node.outputs, found, strict=True))
        return [known[tensor] for tensor in self.outputs]


def layer_of(node: Node) -> Layer:
    assert isinstance(node.layer, Layer)
    return node.layer


def _names(nodes: Sequence[Node]) -> tuple[dict[Node, str], dict[Layer, str]]:
    """Return a name for each node: its own, or the path of its layers, made unique by a number.

    Layers get their numbers in the order in which they were made, as in Keras; then come their
    second calls.

    Returns:
        The names of the nodes, and those of the layers that are called outside of others.
    """
    taken = Names()
    names = {node: taken.unique(node.name) for node in nodes if node.name is not None}
    first: dict[Layer, Node] = {}
    for node in nodes:
        outermost = node.path[0]
        assert isinstance(outermost, Layer)
        first.setdefault(outermost, node)
    outer: dict[Layer, str] = {}
    for layer, node in sorted(first.items(), key=lambda item: item[0].serial):
        outer[layer] = names[node] if node in names else taken.unique(layer.name)
        if not node.calls:
            names[node] = outer[layer]
    prefixes: dict[tuple[str, object], str] = {("", layer): name for layer, name in outer.items()}
    for node in nodes:
        prefix = ""
        for part in node.path[:-1]:
            key = (prefix, part)
            if key not in prefixes:
                prefixes[key] = taken.unique(prefix + part.name)
            prefix = prefixes[key] + "/"
        if node not in names:
            names[node] = taken.unique(prefix + node.path[-1].name)
    return {node: names[node] for node in nodes}, outer

"""What every layer is: weights, shapes, a forward and a backward pass, a place in a graph."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from inspect import signature
from math import prod
from typing import Any, ClassVar, TypedDict

import numpy as np
from numpy.typing import NDArray

from lstm import checks, seeding
from lstm.backends import Backend
from lstm.backends import backend as choose_backend
from lstm.backends.contract import Array, Cache, Ops
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, NotDefinedError
from lstm.initializers import Initializer
from lstm.initializers import get as get_initializer
from lstm.interface import refuse_unknown, set_by_constructor
from lstm.layers.abilities import Abilities
from lstm.layers.configuration import Names, members, snake_case
from lstm.layers.masks import Mask, union
from lstm.layers.remedies import for_layer, remedied, takes
from lstm.layers.rules import check_signatures, promised, refuse_weight
from lstm.layers.symbolic import Call, Node, Shape, SymbolicTensor, Tensors, scope, within
from lstm.layers.tracing import composed, no_choice
from lstm.layers.weight import Weight

Arrays = tuple[Array, ...]
Gradients = tuple[Array | None, ...]
"""One gradient for each input or output; None means zeros, or not wanted."""

StepState = tuple[NDArray[Any], ...]
"""What one recurrent layer carries from one chunk of a sequence to the next, batch first."""


class LayerOptions(TypedDict, total=False):
    """The keyword arguments that every layer takes."""

    name: str | None
    trainable: bool
    input_shape: Sequence[int | None] | None
    batch_input_shape: Sequence[int | None] | None


@dataclass
class Run:
    """What the layers need to know of one pass through a graph.

    Attributes:
        backend: where the arrays live.
        training: whether dropout is active.
        keep_cache: whether a backward pass follows.
        rng: where dropout draws from.
        states: carried state by node name; a node that is not in it starts from zeros.
        carried: names of the nodes that leave their last state in `new_states`.
        drawn: what a layer draws once for the pass, however often it is called in it.
        ragged: whether the pass reads sequences of different lengths, padded for it.
        node: name of the node being computed.
        masks: those of its inputs; empty where none has one.
    """

    backend: Backend
    training: bool = False
    keep_cache: bool = False
    rng: np.random.Generator = field(default_factory=seeding.generator)
    states: dict[str, StepState] = field(default_factory=dict)
    carried: frozenset[str] = frozenset()
    new_states: dict[str, StepState] = field(default_factory=dict)
    drawn: dict["Layer", Array] = field(default_factory=dict)
    ragged: bool = False
    node: str = ""
    masks: Sequence[Mask | None] = ()

    @property
    def ops(self) -> Ops:
        """The operations of the backend."""
        return self.backend.ops

    def state(self) -> Arrays | None:
        """The state that the current node starts from, on the backend."""
        state = self.states.get(self.node)
        return None if state is None else tuple(self.ops.array(part) for part in state)

    def leave_state(self, state: Arrays) -> None:
        """Record the state in which the current node ends, if it is carried."""
        if self.node in self.carried:
            # A copy: what the backend returned may be part of a larger array.
            self.new_states[self.node] = tuple(np.array(self.ops.to_numpy(s)) for s in state)


_ADDRESSABLE = 2**48
"""So many numbers no machine has the memory for."""


class Layer(Abilities):
    """Base of all layers, and of the layers that users write.

    A user's layer defines `call(inputs)` out of other layers and `lstm.ops`; it is traced once, on
    symbolic tensors. Before that, `build(shape)` is called, if it is defined; where `call` takes
    `training`, that can be handed on to other layers, but not be known yet.

    A *primitive* layer, as the library's own, defines `build`, `output_shapes`, `forward` and
    `backward` instead. It says whether it remembers anything from step to step: `memoryless` or
    `state_shapes`. The guide to parts of your own has a recurrent one.

    Args:
        name: base of the names of its weights; the class name in snake case by default.
        trainable: False freezes its weights.
        input_shape: shape of the data without the batch axis, for the first layer of a Sequential.
        batch_input_shape: the same with the batch axis.

    Example:
        >>> import lstm
        >>> class LastStep(lstm.layers.Layer):
        ...     def call(self, inputs):
        ...         return inputs[:, -1]
        >>> LastStep()(lstm.Input((None, 3))).shape
        (None, 3)
    """

    own_weights: dict[str, Weight] = set_by_constructor()
    _trainable: bool = set_by_constructor()
    _built: bool = set_by_constructor()
    _common = tuple(LayerOptions.__annotations__)

    keeps_mask = False
    """Whether output step t belongs to input step t, so that a mask passes through."""

    weight_source: Callable[[str, Sequence[int]], NDArray[Any]] | None = None
    """What gives the weights that are not new, for "layer/weight" and a shape."""
    memoryless = False
    """Whether output step t depends on input step t alone: nothing is carried between chunks."""

    never_called: ClassVar[Mapping[str, str]] = {
        **Abilities.never_called,
        "compute_mask": "output_mask, of a layer with forward; `call` passes masks by itself",
        "get_initial_state": "state_shapes, of a layer with forward; states begin as zeros",
        "reset_state": "state_shapes, of a layer with forward, for model.reset_states()",
        "reset_states": "state_shapes, of a layer with forward, for model.reset_states()",
    }

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.call is not Layer.call and cls.forward is not Layer.forward:
            raise InvalidTypeError(
                cls.__name__, "either `call`, out of layers, or `forward` and `backward`", "both"
            )
        if "mask" in signature(cls.call).parameters:
            raise InvalidTypeError(
                f"{cls.__name__}.call", "no mask: it travels with the tensors by itself", "one"
            )
        check_signatures(cls)

    def __init__(
        self,
        name: str | None = None,
        trainable: bool = True,
        input_shape: Sequence[int | None] | None = None,
        batch_input_shape: Sequence[int | None] | None = None,
    ) -> None:
        self.name = snake_case(type(self).__name__) if name is None else checks.name("name", name)
        self.own_weights = {}
        self.trainable = trainable
        self.input_shape = None if input_shape is None else checks.sizes("input_shape", input_shape)
        if batch_input_shape is not None:
            self.input_shape = checks.sizes("batch_input_shape", batch_input_shape)[1:]
        self._built = False

    # ---- what a layer defines

    def build(self, *shapes: Shape) -> None:
        """Create the weights for inputs of these shapes; called once."""

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        """Shapes of the outputs for inputs of these shapes.

        Raises:
            InvalidShapeError: the layer cannot take such inputs.
        """
        composite = type(self).forward is Layer.forward
        raise NotDefinedError(self, "call(inputs)" if composite else "output_shapes(*shapes)")

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        """A tuple of the outputs, and what `backward` needs.

        Args:
            run: the pass of which this is part.
            inputs: arrays of the backend.
            mask: bool (B, T), or with more of the first axes of the inputs: what is False there is
                padding. None without padding.
        """
        raise NotDefinedError(self, "forward(run, *inputs, mask)")

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        """A tuple of the gradients of the inputs; adds those of the weights to their buffers.

        Args:
            run: the pass of which this is part.
            cache: what `forward` left.
            gradients: one for each output; at least one is not None.
            need: for each input, whether its gradient is wanted; if not, it may be None.
        """
        raise NotDefinedError(self, "backward(run, cache, *gradients, need)")

    def joined_mask(self, run: Run, inputs: Arrays, masks: Sequence[Mask | None]) -> Mask | None:
        """The one mask by which the layer reads its inputs, of which each may have one.

        Raises:
            InvalidValueError: the layer cannot read inputs with these masks.
        """
        if len(masks) == 1:
            return masks[0]
        shapes = [tuple(x.shape) for x in inputs]
        return union(self.name, shapes, masks, ragged=run.ragged)

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        """The mask that goes with the first output; `keeps_mask` says that it is that of the input.

        Raises:
            InvalidValueError: there is padding, and nothing is said of where it is in the output.
        """
        if mask is None or self.keeps_mask:
            return mask
        raise InvalidValueError(
            f"{type(self).__name__}",
            "keeps_mask = True, or an output_mask(run, inputs, mask) that says which steps of its "
            "output are real (None: it has no steps), to read padded sequences",
            "neither",
        )

    def mask_after(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        """As `output_mask`; a mask (B,) of whole examples stays as it is."""
        return mask if mask is not None and mask.ndim == 1 else self.output_mask(run, inputs, mask)

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        """Shapes, without the batch axis, of what is carried between chunks of a sequence.

        In `forward`, `run.state()` is what the last chunk left, or None, and
        `run.leave_state(state)` leaves it for the next.

        Args:
            shapes: those of the inputs.

        Raises:
            InvalidValueError: the layer cannot work chunk by chunk, or does not say whether it can.
        """
        if self.memoryless:
            return ()
        raise InvalidValueError(
            self.name,
            f"in class {type(self).__name__}, to work chunk by chunk, `memoryless = True` if each "
            "output step depends on its own input step alone, or `def state_shapes(self, *shapes)`",
            "neither",
        )

    # ---- calling

    def call(self, inputs: Any) -> Any:
        """Compute the outputs from other layers; what a user's layer defines."""
        raise NotDefinedError(self, "call(inputs)")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Apply the layer to symbolic tensors.

        Returns:
            The output tensor, or a list of them.
        """
        if type(self).call is not Layer.call:
            with within(Call(self, tuple(members([inputs, options], SymbolicTensor)))):
                return composed(self, inputs, options)
        no_choice(options.pop("training", None))
        refuse_unknown(f"call of {type(self).__name__}", options, ())
        flat = inputs[0] if len(inputs) == 1 and isinstance(inputs[0], list | tuple) else inputs
        return self.connect(flat)

    def connect(self, inputs: Sequence[Any]) -> Tensors:
        """Make the node that stands for this layer applied to `inputs`."""
        for tensor in inputs:
            if not isinstance(tensor, SymbolicTensor):
                raise InvalidTypeError(
                    f"input of {type(self).__name__}",
                    "a symbolic tensor, such as lstm.Input((None, 2)); to compute on arrays, make "
                    "a model of the layer",
                    type(tensor).__name__,
                )
        shapes = [tensor.shape for tensor in inputs]
        node = Node(self, tuple(inputs), scope.get())
        try:
            outputs = self.outputs_for(shapes)
        except InvalidShapeError as error:
            raise remedied(error, for_layer(inputs, partial(takes, self))) from None
        node.outputs = tuple(SymbolicTensor(shape, node, k) for k, shape in enumerate(outputs))
        return node.outputs[0] if len(node.outputs) == 1 else list(node.outputs)

    def outputs_for(self, shapes: Sequence[Shape]) -> tuple[Shape, ...]:
        """The shapes of the outputs; builds the layer, if this is its first call."""
        if not self._built:
            self.build(*shapes)
            self._built = True
        return promised(self, self.output_shapes(*shapes))

    # ---- weights

    @property
    def built(self) -> bool:
        """Whether the weights were created, or need no more than to be asked for."""
        return self._built

    @built.setter
    def built(self, value: bool) -> None:
        self._built = checks.boolean("built", value)

    @property
    def weights(self) -> dict[str, Weight]:
        """All weights by name, those of inner layers such as "forward_lstm/kernel", as far as they
        are created."""
        found, names = dict(self.own_weights), Names()
        for part in self.all_parts()[1:]:
            if part.own_weights:
                name = names.unique(part.name)
                found |= {f"{name}/{key}": weight for key, weight in part.own_weights.items()}
        return found

    @property
    def trainable(self) -> bool:
        """Whether the weights learn, those of inner layers included.

        A change takes effect when the model is compiled.
        """
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = checks.boolean("trainable", value)
        for layer in self.all_parts():
            layer._trainable = value
            for weight in layer.own_weights.values():
                weight.trainable = value

    def all_parts(self) -> list["Layer"]:
        """This layer, the layers that it is made of, and what these are made of, each once.

        Every layer stands before its own parts: in the order of Keras' weights.
        """
        found: dict[Layer, None] = {}
        waiting: list[Layer] = [self]
        while waiting:
            layer = waiting.pop()
            if layer not in found:
                found[layer] = None
                waiting += reversed(list(layer._parts()))
        return list(found)

    def _parts(self) -> Iterator["Layer"]:
        """The layers that this one is made of: those in its attributes that are not beside it."""
        for name, value in vars(self).items():
            yield from members(value, Layer) if name not in type(self).tied else ()

    def add_weight(
        self,
        name: str,
        shape: Sequence[int],
        initializer: str | Initializer | dict[str, Any] = "glorot_uniform",
    ) -> Weight:
        """Create a weight of the layer, in `build` of one that has `forward`.

        Args:
            name: of the weight, within the layer.
            shape: sizes, all of them known.
            initializer: its initial values.

        Raises:
            InvalidShapeError: it is too large, or the initializer gave another shape.
            InvalidTypeError, InvalidValueError: an argument cannot be used.
        """
        if "/" in checks.name("name", name):
            raise InvalidValueError("name", "a name without `/`", repr(name))
        if name in self.own_weights:
            raise InvalidValueError("name", f"one that is not taken in {self.name}", repr(name))
        if type(self).call is not Layer.call:
            raise InvalidTypeError(
                f"{name} of {self.name}",
                "a weight of a layer with `forward`, such as Dense, for `call` to use",
                "one of a layer with `call`",
            )
        sizes = checks.sequence(f"shape of {name}", shape, "a tuple of sizes")
        shape = tuple(checks.int_at_least(f"shape of {name}", size, 0) for size in sizes)
        initializer = get_initializer(f"initializer of {name}", initializer)
        dtype = choose_backend().dtype
        if self.weight_source is not None:
            with np.errstate(over="ignore"):  # Whoever loads the model checks that it is finite.
                values = np.asarray(self.weight_source(f"{self.name}/{name}", shape), dtype)
            self.own_weights[name] = Weight(name, values, self.trainable)
            return self.own_weights[name]
        try:
            # NumPy has other errors for what it cannot even count.
            if prod(shape) >= _ADDRESSABLE:
                raise MemoryError
            values = initializer(shape, seeding.generator())
        except MemoryError:
            argument, got = f"{name} of {self.name}", f"shape {tuple(shape)}"
            raise InvalidShapeError(argument, "a weight that fits in memory", got) from None
        if values.shape != tuple(shape):
            raise InvalidShapeError(f"initializer of {name}", f"shape {tuple(shape)}", values.shape)
        checks.finite(f"{name} of {self.name}", values, dtype)
        self.own_weights[name] = Weight(name, values.astype(dtype), self.trainable)
        return self.own_weights[name]

    def value(self, name: str) -> Array:
        """The current value of a weight.

        Raises:
            InvalidValueError: the layer has no such weight.
        """
        try:
            return self.own_weights[name].value
        except KeyError:
            refuse_weight(self, name)

    def gradient(self, name: str) -> Array | None:
        """The buffer of a weight's gradient; None if it is not wanted; raises as `value` does."""
        try:
            return self.own_weights[name].gradient
        except KeyError:
            refuse_weight(self, name)

    @property
    def learns(self) -> bool:
        """Whether there is a weight in what the layer computes whose gradient is wanted."""
        if any(weight.gradient is not None for weight in self.own_weights.values()):
            return True
        return any(layer.learns for layer in self.tied_to.values())

    def __reduce__(self) -> tuple[Any, ...]:
        from lstm.layers.copying import reduced  # It takes layers apart.

        return reduced(self)


def has_time(shape: Shape) -> bool:
    """Whether axis 1 may be time: it is not in (B, D), where D is known."""
    return len(shape) > 2 or shape[1:] == (None,)

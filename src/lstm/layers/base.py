"""Layer: the base of all layers, which are called on symbolic tensors."""

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any, ClassVar

from lstm import checks, seeding
from lstm.configured import members
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, NotDefinedError
from lstm.interface import of_library, refuse_unknown
from lstm.layers.called import Called
from lstm.layers.copying import reduced
from lstm.layers.definition import Definition, LayerOptions, has_time
from lstm.layers.naming import snake_case
from lstm.layers.remedies import for_layer, remedied
from lstm.layers.rules import check_signatures
from lstm.layers.run import Arrays, Gradients, Run, StepState
from lstm.layers.symbolic import Call, Node, Shape, SymbolicTensor, Tensors
from lstm.layers.tracing import UNDECIDED, building, check_kept, no_choice, scope, shapes_of, within

__all__ = ["Arrays", "Gradients", "Layer", "LayerOptions", "Run", "StepState", "has_time"]


class Layer(Called):
    """Base of all layers, including those that users write.

    A user's layer defines `call(inputs)` with other layers and `lstm.ops`; it is traced once, on
    symbolic tensors. Before that, `build(shape)` is called, if it is defined. If `call` accepts
    `training`, it can pass it on to other layers, but its value is not known yet.

    A *primitive* layer, as the library's own, defines `build`, `output_shapes`, `forward` and
    `backward` instead. It declares whether it remembers anything from step to step: `memoryless` or
    `state_shapes`. The guide to your own parts has a recurrent one.

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

    kinds: ClassVar[dict[str, type["Layer"]]] = {}
    """The layers of this library, by name."""

    never_called: ClassVar[Mapping[str, str]] = {
        **Definition.never_called,
        "compute_mask": "output_mask, of a layer with forward; `call` passes masks automatically",
        "get_initial_state": "state_shapes, of a layer with forward; states start as zeros",
        "reset_state": "state_shapes, of a layer with forward, for model.reset_states()",
        "reset_states": "state_shapes, of a layer with forward, for model.reset_states()",
    }

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.call is not Layer.call and cls.forward is not Layer.forward:
            raise InvalidTypeError(
                cls.__name__, "either `call`, with layers, or `forward` and `backward`", "both"
            )
        if "mask" in signature(cls.call).parameters:
            raise InvalidTypeError(
                f"{cls.__name__}.call", "no mask: it travels with the tensors", "one"
            )
        check_signatures(cls)
        if cls.__module__.startswith("lstm.layers."):
            Layer.kinds[cls.__name__] = cls

    def __init__(
        self,
        name: str | None = None,
        trainable: bool = True,
        input_shape: Sequence[int | None] | None = None,
        batch_input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(snake_case(type(self).__name__) if name is None else name, trainable)
        if batch_input_shape is not None:
            self.input_shape = checks.sizes("batch_input_shape", batch_input_shape)[1:]
        else:
            own = None if input_shape is None else checks.sizes("input_shape", input_shape)
            self.input_shape = own

    @property
    def composite(self) -> bool:
        return type(self).call is not Layer.call

    def call(self, inputs: Any) -> Any:
        """Compute the outputs with other layers; a user's layer defines this."""
        raise NotDefinedError(self, "call(inputs)")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Apply the layer to symbolic tensors.

        Returns:
            The output tensor, or a list of them.
        """
        if self.composite:
            with within(Call(self, tuple(members([inputs, options], SymbolicTensor)))):
                return self.composed(inputs, options)
        no_choice(options.pop("training", None))
        refuse_unknown(f"call of {type(self).__name__}", options, ())
        flat = inputs[0] if len(inputs) == 1 and isinstance(inputs[0], list | tuple) else inputs
        return self.connect(flat)

    def connect(self, inputs: Sequence[Any]) -> Tensors:
        """Make the node for this layer applied to `inputs`."""
        for tensor in inputs:
            if not isinstance(tensor, SymbolicTensor):
                raise InvalidTypeError(
                    f"input of {type(self).__name__}",
                    "a symbolic tensor, such as lstm.Input((None, 2)); to compute on arrays, make "
                    "a model of the layer",
                    type(tensor).__name__,
                )
        shapes = [tensor.shape for tensor in inputs]
        node, new = Node(self, tuple(inputs), scope.get()), not self._built
        try:
            outputs = self.outputs_for(shapes)
        except InvalidShapeError as error:
            raise remedied(error, for_layer(inputs, self._takes)) from None
        if new and self.own_weights:
            check_kept(self)
        node.outputs = tuple(SymbolicTensor(shape, node, k) for k, shape in enumerate(outputs))
        return node.outputs[0] if len(node.outputs) == 1 else list(node.outputs)

    def composed(self, inputs: Sequence[Any], options: Mapping[str, Any]) -> Any:
        """Return the outputs of `call`; build the layer on the first call."""
        if not self._built:
            with building(self):
                self.build(*map(shapes_of, inputs))
        if not self.trainable:
            self.trainable = False  # Also for the inner layers, which are known only now.
        training = options.get("training")
        if "training" in signature(self.call).parameters:
            options = {**options, "training": UNDECIDED if training is None else training}
        else:
            no_choice(training)
            options = {k: v for k, v in options.items() if k != "training"}
        outputs = self.call(*inputs, **options)
        self.was_called = True
        self.record(inputs, options, outputs)
        return outputs

    def _takes(self, shapes: list[Shape]) -> bool:
        """Whether it would accept inputs of these shapes; a user's class is not tried."""
        if not of_library(type(self)):
            return False
        twin = self.twin(own_weights=dict(self.own_weights))
        try:
            with seeding.untouched():
                twin.outputs_for(shapes)
        except InvalidValueError:
            return False
        return True

    def __reduce__(self) -> tuple[Any, ...]:
        return reduced(self)

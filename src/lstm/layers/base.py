"""Layer: the base of all layers, which are called on symbolic tensors."""

import copy
from collections.abc import Collection, Mapping, Sequence
from inspect import signature
from typing import Any, ClassVar

from lstm import checks, constraints, seeding
from lstm.configured import members, snake_case
from lstm.constraints import ConstraintSpec
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, NotDefinedError
from lstm.interface import of_library, refuse_unknown
from lstm.layers.arguments import as_operand, as_tensor, check_taken, first_by_position, first_of
from lstm.layers.called import Called
from lstm.layers.copying import reduced
from lstm.layers.definition import Definition
from lstm.layers.eager import as_array, compute
from lstm.layers.options import LayerOptions, with_input_dim
from lstm.layers.penalties import RegularizerSpec
from lstm.layers.remedies import for_layer, remedied
from lstm.layers.rules import check_signatures
from lstm.layers.run import Arrays, Gradients, Run, StepState
from lstm.layers.symbolic import (
    OPERATORS,
    Call,
    Node,
    Shape,
    SymbolicTensor,
    Tensors,
    has_operands,
    has_tensors,
    input_tensor,
)
from lstm.layers.tracing import (
    UNDECIDED,
    building,
    check_kept,
    computing_at_once,
    decided,
    deciding,
    outside,
    scope,
    shapes_of,
    within,
)

__all__ = ["Arrays", "Gradients", "Layer", "LayerOptions", "Run", "StepState"]


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
        batch_input_shape: the same with the batch axis; or input_dim, and input_length, in numbers.
        activity_regularizer: what large outputs add to the loss.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, embeddings_regularizer: what
            large weights add to it, of a layer with such weights.
        kernel_constraint, recurrent_constraint, bias_constraint, embeddings_constraint: what these
            weights must be after each step of the optimizer.

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
        "reset_state": "state_shapes, of a layer with forward, for model.reset_states()",
        "reset_states": "state_shapes, of a layer with forward, for model.reset_states()",
    }

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.call is not Layer.call and cls.forward is not Layer.forward:
            raise InvalidTypeError(
                cls.__name__, "either `call`, with layers, or `forward` and `backward`", "both"
            )
        if hasattr(cls, "compute_mask") and cls.call is Layer.call:
            raise InvalidTypeError(
                f"{cls.__name__}.compute_mask",
                "output_mask, of a layer with forward",
                "a method that nothing here calls",
            )
        if not of_library(cls):
            check_signatures(cls)
        if cls.__module__.startswith("lstm.layers."):
            Layer.kinds[cls.__name__] = cls

    def __init__(
        self,
        name: str | None = None,
        trainable: bool = True,
        input_shape: Sequence[int | None] | None = None,
        batch_input_shape: Sequence[int | None] | None = None,
        kernel_regularizer: RegularizerSpec = None,
        recurrent_regularizer: RegularizerSpec = None,
        bias_regularizer: RegularizerSpec = None,
        embeddings_regularizer: RegularizerSpec = None,
        activity_regularizer: RegularizerSpec = None,
        kernel_constraint: ConstraintSpec = None,
        recurrent_constraint: ConstraintSpec = None,
        bias_constraint: ConstraintSpec = None,
        embeddings_constraint: ConstraintSpec = None,
    ) -> None:
        super().__init__(snake_case(type(self).__name__) if name is None else name, trainable)
        self._set_weight_options(
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            embeddings_regularizer=embeddings_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            embeddings_constraint=embeddings_constraint,
        )
        if batch_input_shape is not None:
            self.input_shape = checks.sizes("batch_input_shape", batch_input_shape)[1:]
        else:
            own = None if input_shape is None else checks.sizes("input_shape", input_shape)
            self.input_shape = own

    def _set_weight_options(self, **given: Any) -> None:
        """Keep regularizers and constraints of the weights that it has."""
        known = self.weight_options
        refuse_unknown(
            f"{type(self).__name__}()",
            [k for k, v in given.items() if v is not None and k not in known],
            known,
        )
        for name in known:
            get = constraints.get if name.endswith("_constraint") else OPERATORS["regularizer"]
            setattr(self, name, get(given[name], name))

    @classmethod
    def translated(cls, given: dict[str, Any], known: Collection[str]) -> dict[str, Any]:
        return with_input_dim(given, known, reads_steps=cls.reads_steps)

    @property
    def composite(self) -> bool:
        return type(self).call is not Layer.call

    def call(self, inputs: Any) -> Any:
        """Compute the outputs with other layers; a user's layer defines this."""
        raise NotDefinedError(self, "call(inputs)")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Apply the layer to symbolic tensors, or compute at once, of arrays.

        Args:
            inputs: tensors or arrays, each by itself or all in one list.
            options: `mask`, which is not 0 at steps that count; `training`, whether it trains, in
                every pass of a model; and the arguments of the layer's own `call`.

        Returns:
            The output, or a list of them.
        """
        kind = type(self).__name__
        first = first_of(self.call) if self.composite else ("inputs",)
        first += ("sequences",) * self.reads_steps
        inputs, options = first_by_position(kind, first, inputs, options)
        if self.composite:
            if of_library(type(self)) and not self.reads_lists and inputs:
                inputs = (as_operand(self.name, inputs[0]), *inputs[1:])
            call = Call(self, tuple(members([inputs, options], SymbolicTensor)))
            call.training = decided(options.get("training"))
            with within(call), deciding(call.training):
                return self._finished(self.composed(inputs, options))
        training, chosen = decided(options.pop("training", None)), options.pop("mask", None)
        refuse_unknown(f"call of {kind}", options, ("inputs", "mask", "training"))
        several = len(inputs) == 1 and isinstance(inputs[0], list | tuple)
        flat = inputs[0] if several and has_operands(inputs[0]) else inputs
        symbolic = has_tensors(flat)
        if chosen is not None:
            if symbolic:
                chosen = as_tensor("mask", chosen)
            flat = (OPERATORS["mask"](flat[0], chosen, self.name), *flat[1:])
        if not symbolic:
            return self._finished(compute(self, flat, training=bool(training)))
        with deciding(training):
            return self._finished(self.connect(flat))

    def _finished(self, outputs: Any) -> Any:
        """Return the outputs of a call, of which the first may be activated, or add to the loss."""
        if self.activity_regularizer is None and self.followed_by is None:
            return outputs
        first, *rest = outputs if isinstance(outputs, list) else [outputs]
        if self.followed_by is not None:
            first = OPERATORS["activation"](first, self.followed_by)
        if self.activity_regularizer is not None:
            first = OPERATORS["activity"](first, self.activity_regularizer)
        return [first, *rest] if isinstance(outputs, list) else first

    def connect(self, inputs: Sequence[Any]) -> Tensors:
        """Make the node for this layer applied to `inputs`, tensors or fixed numbers."""
        inputs = [as_tensor(f"input of {type(self).__name__}", x) for x in inputs]
        if self.rowwise and len(inputs) != 1:
            raise InvalidTypeError(f"input of {self.name}", "one tensor", len(inputs))
        shapes = [tensor.shape for tensor in inputs]
        node, new = Node(self, tuple(inputs), scope.get()), not self._built
        node.training = decided() if self.heeds_training else None
        try:
            outputs = self.outputs_for(shapes)
        except InvalidShapeError as error:
            raise remedied(error, for_layer(inputs, self._takes)) from None
        if new and self.own_weights and not self.makes_anew:
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
        taken, options = signature(self.call).parameters, dict(options)
        training, mask = decided(options.pop("training", None)), options.get("mask")
        symbolic = next(members([inputs, options], SymbolicTensor), None) is not None
        if not symbolic:
            inputs = [as_array(x) for x in inputs]
        if "training" in taken:
            unknown = UNDECIDED if symbolic else False
            options["training"] = unknown if training is None else training
        if "mask" in taken and mask is None:
            options["mask"] = mask = OPERATORS["mask of"](inputs[0])
        elif "mask" not in taken and mask is not None:
            del options["mask"]
            inputs = (OPERATORS["mask"](inputs[0], mask, self.name), *inputs[1:])
        check_taken(type(self).__name__, self.call, inputs, options)
        with computing_at_once(not symbolic):
            outputs = self.call(*inputs, **options)
        self.was_called = True
        compute_mask = getattr(self, "compute_mask", None)
        if compute_mask is not None:
            mask = OPERATORS["mask of"](inputs[0]) if mask is None else mask
            outputs = OPERATORS["mask"](outputs, compute_mask(inputs[0], mask), self.name)
        self.record(inputs, options, outputs)
        return outputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the output for an input of this shape, batch first.

        Args:
            input_shape: a shape, or a list of them for several inputs.

        Returns:
            A shape, or a list of them for several outputs.

        Raises:
            InvalidShapeError: the layer cannot read such an input.

        Example:
            >>> import lstm
            >>> lstm.layers.LSTM(8, return_sequences=True).compute_output_shape((None, 5, 3))
            (None, 5, 8)
        """
        several = any(isinstance(part, tuple | list) for part in input_shape)
        shapes = [
            checks.sizes("input_shape", x) for x in (input_shape if several else [input_shape])
        ]
        tensors = [input_tensor(shape) for shape in shapes]
        with outside(), seeding.untouched():
            return shapes_of(copy.copy(self)(tensors if several else tensors[0]))

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

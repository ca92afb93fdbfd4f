"""Options: the keyword arguments that every layer accepts."""

from collections.abc import Sequence
from typing import TypedDict

from lstm.constraints import ConstraintSpec
from lstm.layers.penalties import RegularizerSpec


class LayerOptions(TypedDict, total=False):
    """The keyword arguments that every layer accepts."""

    name: str | None
    trainable: bool
    input_shape: Sequence[int | None] | None
    batch_input_shape: Sequence[int | None] | None
    kernel_regularizer: RegularizerSpec
    recurrent_regularizer: RegularizerSpec
    bias_regularizer: RegularizerSpec
    embeddings_regularizer: RegularizerSpec
    activity_regularizer: RegularizerSpec
    kernel_constraint: ConstraintSpec
    recurrent_constraint: ConstraintSpec
    bias_constraint: ConstraintSpec
    embeddings_constraint: ConstraintSpec


def options_of(*weights: str) -> tuple[str, ...]:
    """Return the arguments of a layer with such weights: what they add to the loss, may be."""
    return (
        *(f"{weight}_regularizer" for weight in weights),
        "activity_regularizer",
        *(f"{weight}_constraint" for weight in weights),
    )


def with_shape(options: LayerOptions, input_shape: Sequence[int | None] | None) -> LayerOptions:
    """Return the arguments of a layer, with this shape of the data if they lack one."""
    if options.get("input_shape") is None and options.get("batch_input_shape") is None:
        return {**options, "input_shape": input_shape}
    return options


def named(options: LayerOptions, name: str) -> LayerOptions:
    """Return the arguments of a layer, with this name if they lack one."""
    return options if options.get("name") is not None else {**options, "name": name}

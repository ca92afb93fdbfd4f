"""Options: the keyword arguments that every layer accepts."""

from collections.abc import Collection, Sequence
from typing import Any, TypedDict

from lstm import checks
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


def with_input_dim(
    given: dict[str, Any], known: Collection[str], *, reads_steps: bool
) -> dict[str, Any]:
    """Return the arguments of a layer with `input_shape` instead of `input_dim`, the size of the
    last axis, and `input_length`, that of the axis before it.

    Args:
        given: the arguments.
        known: those that the constructor has: `input_dim` of an `Embedding` is another thing.
        reads_steps: whether the layer reads sequences, of any length if none is given.
    """
    if "input_dim" not in {*given} - {*known} or {"input_shape", "batch_input_shape"} & {*given}:
        return given
    given = dict(given)
    dim, length = given.pop("input_dim"), None
    if "input_length" not in known:
        length = given.pop("input_length", None)
    for name, size in (("input_dim", dim), ("input_length", length)):
        if size is not None:
            checks.positive_int(name, size)
    return {**given, "input_shape": (length, dim) if length or reads_steps else (dim,)}


def with_shape(options: LayerOptions, input_shape: Sequence[int | None] | None) -> LayerOptions:
    """Return the arguments of a layer, with this shape of the data if they lack one."""
    if options.get("input_shape") is None and options.get("batch_input_shape") is None:
        return {**options, "input_shape": input_shape}
    return options


def named(options: LayerOptions, name: str) -> LayerOptions:
    """Return the arguments of a layer, with this name if they lack one."""
    return options if options.get("name") is not None else {**options, "name": name}

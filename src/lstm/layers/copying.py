"""Copies and pickles of layers: constructor arguments, and the weights in the format of our files.

A layer is rebuilt by its constructor, and so are the layers in its arguments; a layer that occurs
twice stays one layer. Unpickling runs nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lstm import storage
from lstm.backends import backend
from lstm.constraints import Constraint
from lstm.container import pack
from lstm.errors import InvalidTypeError
from lstm.layers.definition import Definition, Source
from lstm.layers.penalties import Regularizer
from lstm.layers.quantization import scale_names, take_int8, tensors_of

Content = tuple[bytes, dict[str, tuple[Regularizer | None, Constraint | None]]]
"""The weights of a layer and its parts; their regularizers, which may be made of functions, and
their constraints."""


@dataclass(eq=False)
class Blueprint:
    """A description from which a layer can be rebuilt.

    Attributes:
        kind: the class of the layer.
        arguments: the arguments of the constructor by name, with Blueprints for layers.
        input_shape: the declared shape of the data, if any.
    """

    kind: type[Definition]
    arguments: dict[str, Any]
    input_shape: tuple[int | None, ...] | None


def blueprint(layer: Definition, known: dict[Definition, Blueprint]) -> Any:
    """Return a Blueprint of a layer, without weights, or a layer that is copied as a whole itself.

    Args:
        layer: the layer.
        known: the layers that were found before; extended here.

    Raises:
        InvalidTypeError: an argument of its constructor is not kept.
    """
    if layer.copied_whole:
        return layer
    if layer not in known:
        known[layer] = plan = Blueprint(type(layer), {}, vars(layer).get("input_shape"))
        try:
            arguments = layer.arguments()
        except InvalidTypeError as error:
            expected = f"{error.expected}, to rebuild a {type(layer).__name__}"
            raise error.changed(expected=expected) from None
        plan.arguments = replaced(arguments, Definition, lambda part: blueprint(part, known))
    return known[layer]


def built(plan: Any, known: dict[Blueprint, Definition], source: Source | None = None) -> Any:
    """Return the layer of a Blueprint, and anything else unchanged.

    Args:
        plan: the result of `blueprint`.
        known: the layers that were made before; extended here.
        source: their `weight_source`.
    """
    if not isinstance(plan, Blueprint):
        return plan
    if plan not in known:
        arguments = replaced(plan.arguments, Blueprint, lambda part: built(part, known, source))
        known[plan] = plan.kind.made_with(arguments)
        for part in known[plan].all_parts() if source else ():
            part.weight_source = source
        if plan.input_shape is not None:
            known[plan].input_shape = plan.input_shape
    return known[plan]


def reduced(layer: Definition) -> tuple[Any, ...]:
    """Return the value for `__reduce__` of a layer."""
    return _again, (blueprint(layer, {}), weights_of(layer))


def _again(plan: Blueprint, content: Content) -> Definition:
    layer: Definition = built(plan, {})
    take_weights(layer, content)
    return layer


def weights_of(layer: Definition) -> Content:
    """Return the weights of a layer and its parts, as far as they exist."""
    parts = layer.all_parts()
    weights = {
        f"{k}/{name}": weight
        for k, part in enumerate(parts)
        for name, weight in part.own_weights.items()
    }
    scales = scale_names(weights)
    header = {
        "kind": "layer",
        "classes": [type(part).__name__ for part in parts],
        "trainable": [part.trainable for part in parts],
        "weights": list(weights),  # In order, which the arrays of a file do not keep.
        "fixed": [key for key, weight in weights.items() if weight.fixed],
        "int8": scales,
    }
    limits = {key: (weight.regularizer, weight.constraint) for key, weight in weights.items()}
    return bytes(pack(tensors_of(weights, scales), header)), limits


def take_weights(layer: Definition, content: Content) -> None:
    """Give a rebuilt layer the weights of the original."""
    parts, (data, limits) = layer.all_parts(), content
    with storage.unpacking(data, ("layer",)) as (tensors, header):
        if header["classes"] != [type(part).__name__ for part in parts]:
            expected = "layers that its constructor makes; copy a model of it instead"
            raise InvalidTypeError(f"parts of {layer.name}", expected, "others")
        for part, trainable in zip(parts, header["trainable"], strict=True):
            part.trainable = trainable
        for key in header["weights"]:
            k, _, name = key.partition("/")
            part = parts[int(k)]
            regularizer, constraint = limits[key]
            weight = part.keep_weight(name, tensors[key], key in header["fixed"], regularizer)
            weight.constraint = weight.constraint or constraint
            part.built = True
        numbered = {str(k): part for k, part in enumerate(parts)}
        take_int8(numbered, tensors, header["int8"], backend())


def replaced(value: Any, kind: type, replace: Callable[[Any], Any]) -> Any:
    """Return a value with all values of a kind replaced, also within lists, tuples and dicts."""
    if isinstance(value, kind):
        return replace(value)
    if isinstance(value, dict):
        return {key: replaced(part, kind, replace) for key, part in value.items()}
    if type(value) in (list, tuple):
        return type(value)(replaced(part, kind, replace) for part in value)
    return value

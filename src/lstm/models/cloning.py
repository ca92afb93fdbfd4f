"""Cloning: models of the same layers with new weights, and models of JSON."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.interface import library_constructs, spelled
from lstm.layers import InputLayer, Layer
from lstm.layers.copying import Blueprint, blueprint, built, replaced
from lstm.layers.definition import Definition
from lstm.layers.symbolic import SymbolicTensor, input_tensor
from lstm.models.configs import Building, reading_config
from lstm.models.model import Model
from lstm.models.sequential import Sequential
from lstm.models.serialization import check_classes
from lstm.models.structure import listed
from lstm.models.wiring import connected, wiring

Clone = Callable[[Any], Any]


@spelled
def clone_model(
    model: Model,
    input_tensors: SymbolicTensor | Sequence[SymbolicTensor] | None = None,
    clone_function: Clone | None = None,
) -> Model:
    """Return a model with the same layers and calls, but with layers and weights of its own.

    It is not compiled. To have the weights, too: `clone.set_weights(model.get_weights())`.

    Args:
        model: a functional model, a Sequential, or a model of your own class.
        input_tensors: what a functional model or a Sequential starts from; new inputs by default.
        clone_function: returns the layer to use for each layer of the model, which may be that
            layer itself, to share it; by default a new one with the same arguments.

    Raises:
        InvalidTypeError: `model` is no model, or of your own class with `input_tensors` or a
            `clone_function`; or `clone_function` returned no layer.

    Example:
        >>> import lstm
        >>> model = lstm.Sequential([lstm.Input((None, 2)), lstm.layers.LSTM(8)])
        >>> clone = lstm.models.clone_model(model)
        >>> clone.count_params(), clone.layers[0] is model.layers[0]
        (352, False)
    """
    if not isinstance(model, Model):
        raise InvalidTypeError("model", "a Model", type(model).__name__)
    given = [] if input_tensors is None else listed(input_tensors)
    clone = _Copier() if clone_function is None else _checked(clone_function)
    if isinstance(model, Sequential) and library_constructs(type(model)):
        return _chain(model, given, clone)
    if model.copied_whole:
        return _functional(model, given, clone)
    if given or clone_function is not None:
        argument = "input_tensors" if given else "clone_function"
        raise InvalidTypeError(argument, "a functional model or a Sequential with it", model)
    copy: Model = _Copier()(model)
    return copy


@spelled
def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """Return the model that `Model.to_json` described, with new weights.

    Args:
        json_string: the description.
        custom_objects: classes of your own layers and models, by name.

    Raises:
        InvalidValueError: this is no description of a model, or a class is not known.

    Example:
        >>> import lstm
        >>> model = lstm.Sequential([lstm.Input((None, 2)), lstm.layers.LSTM(8)])
        >>> lstm.models.model_from_json(model.to_json()).count_params()
        352
    """
    building = Building(check_classes(custom_objects), Model.model_kinds)
    with reading_config("json_string"):
        described = json.loads(json_string)
        kind = building.kind(described)
        if not issubclass(kind, Model):
            raise InvalidValueError("json_string", "a model", kind.__name__)
        made: Model = kind.rebuilt(described["config"], building)
        return made


class _Copier:
    """Makes new layers; a layer that it sees twice, such as a tied one, stays one."""

    def __init__(self) -> None:
        self._plans: dict[Definition, Blueprint] = {}
        self._made: dict[Blueprint, Definition] = {}

    def __call__(self, layer: Layer) -> Any:
        if isinstance(layer, Model) and layer.copied_whole:
            return clone_model(layer)
        known = len(self._plans)
        plan = blueprint(layer, self._plans)
        for new in list(self._plans.values())[known:]:
            new.arguments = replaced(new.arguments, Model, self)
        made = built(plan, self._made)
        made.trainable = layer.trainable
        for part, other in zip(made.all_parts(), layer.all_parts(), strict=False):
            if type(part) is type(other):
                part.trainable = other.trainable
        return made


def _checked(function: Clone) -> Clone:
    """Return the user's function, whose results are checked."""

    def clone(layer: Layer) -> Layer:
        made = function(layer)
        if not isinstance(made, Layer):
            raise InvalidTypeError("clone_function", "a Layer for each layer", type(made).__name__)
        return made

    return clone


def _chain(model: Sequential, given: Sequence[SymbolicTensor], clone: Clone) -> Model:
    layers = [clone(layer) for layer in model.layers]
    copy = type(model)(name=model.name)
    first = next(iter(model.arguments()["layers"]), None)
    if given:
        copy.add(given[0])
    elif isinstance(first, SymbolicTensor):
        copy.add(_again(first, first.node.name))
    for layer in layers:
        copy.add(layer)
    if model.traced and not copy.built:
        copy.build(model.input.shape)
    return copy


def _functional(model: Model, given: Sequence[SymbolicTensor], clone: Clone) -> Model:
    outline = model.outline
    if given and len(given) != len(model.inputs):
        raise InvalidValueError("input_tensors", f"{len(model.inputs)} tensors", len(given))
    graph = model.graph
    starts = given or [*map(_again, graph.inputs, graph.input_names)]
    names = [outline.layer_name(outline.layer_of(tensor.node)) for tensor in model.inputs]
    layers = {
        outline.layer_name(layer): clone(layer)
        for layer in outline.layers
        if not isinstance(layer, InputLayer)
    }
    inputs, outputs = connected(wiring(outline), layers, dict(zip(names, starts, strict=True)))
    return type(model)(inputs, model.arranged(outputs), model.name)


def _again(tensor: SymbolicTensor, name: str | None) -> SymbolicTensor:
    """Return another input like this one, with a name."""
    return input_tensor(tensor.shape, name, exact=tensor.node.exact)

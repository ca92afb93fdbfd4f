"""Configs: layers and models as JSON values, as users made them, and what is made of these."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf, prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidTypeError, InvalidValueError, LSTMError
from lstm.interface import of_library
from lstm.layers import InputLayer, Layer
from lstm.layers.definition import Source
from lstm.layers.inner import layers_of, with_own
from lstm.layers.input_layer import place_of
from lstm.layers.symbolic import SymbolicTensor, input_tensor
from lstm.models.outline import Outline
from lstm.models.serialization import CustomObjects, layer_from_config
from lstm.models.structure import GraphLayer
from lstm.models.wiring import connected, wiring


class Rebuildable(Protocol):
    """A class of models, which makes one of a config."""

    @classmethod
    def rebuilt(cls, config: Mapping[str, Any], building: "Building") -> Layer:
        """Return what the config describes."""


def entry_of(layer: Layer, name: str | None = None) -> dict[str, Any]:
    """Return the class and the config of a layer or a model, under another name if it has one.

    Raises:
        InvalidTypeError: a file cannot hold an argument of a layer.
    """
    kind = type(layer)
    if not isinstance(layer, GraphLayer) and any(
        isinstance(part, GraphLayer) for part in layer.all_parts()
    ):
        raise InvalidTypeError(layer.name, "no model in its arguments, to describe it", "one")
    config = layer.get_config() | ({} if name is None else {"name": name})
    entry = {"class_name": kind.__name__, "config": config}
    return entry if of_library(kind) else entry | {"custom": True}


def functional_config(outline: Outline) -> dict[str, Any]:
    """Return the layers of a functional model, and their calls.

    Raises:
        InvalidTypeError: a file cannot hold an argument of a layer or of a call.
        InvalidValueError: two layers have the same name.
    """
    named = [(layer, outline.layer_name(layer)) for layer in outline.layers]
    layers = [entry_of(layer, name) for layer, name in named]
    for entry, (layer, _) in zip(layers, named, strict=True):
        entry["config"] |= {key: outline.layer_name(x) for key, x in layer.tied_to.items()}
    return {"layers": distinct(layers), **wiring(outline)}


def distinct(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries of layers, whose names are different.

    Raises:
        InvalidValueError: two have the same: one layer is there twice, or an Input is called like
            a layer.
    """
    names = [entry["config"]["name"] for entry in entries]
    for name in names:
        if names.count(name) > 1:
            raise InvalidValueError("layers", "a different name for each layer", repr(name))
    return entries


@dataclass
class Building:
    """What is needed to make layers and models of configs.

    Attributes:
        custom: classes and functions of users by name.
        models: the classes of models by name.
        source: returns the first values of weights for their names and shapes; None to draw them.
    """

    custom: CustomObjects
    models: Mapping[str, type[Rebuildable]]
    source: Source | None = None

    def kind(self, entry: Mapping[str, Any]) -> type[Any]:
        """Return the class of an entry.

        Raises:
            InvalidValueError: it is neither of this library nor among the user's classes.
        """
        own = checks.one_of("custom", entry.get("custom", False), (True, False))
        known: dict[str, Any] = dict(layers_of(self.custom))
        if not own:
            known = {**Layer.kinds, **self.models, **known}
        name = entry["class_name"]
        if name not in known:
            expected = f"the class {name!r}, which is not part of this library, by its name"
            got = ", ".join(self.custom) or "none"
            raise InvalidValueError("custom_objects", expected, got)
        return known[name]

    def layers(self, entries: Iterable[dict[str, Any]]) -> dict[str, Layer]:
        """Return the layers of entries by name, without weights, in their order."""
        found: dict[str, Layer | None] = {}
        tied: dict[str, tuple[type[Layer], dict[str, Any]]] = {}
        for entry in distinct(list(entries)):
            kind, config = self.kind(entry), dict(entry["config"])
            name: str = config["name"]
            if name is not None or kind is not InputLayer:  # An input need not have one.
                checks.string("name of a layer", name)
            found[name] = None
            if kind.tied:
                tied[name] = kind, config  # Made later, when the layers that it refers to exist.
            else:
                found[name] = self._layer(name, kind, config)
        for name, (kind, config) in tied.items():
            made = {key: layer for key, layer in found.items() if layer is not None}
            owners = {key: made[checks.one_of(key, config[key], made)] for key in kind.tied}
            found[name] = self._layer(name, kind, config | owners)
        return {name: layer for name, layer in found.items() if layer is not None}

    def _layer(self, name: str, kind: type[Layer], config: dict[str, Any]) -> Layer:
        if kind.__name__ in self.models and of_library(kind):
            return self.models[kind.__name__].rebuilt(config, self)
        config = with_own(kind, config, self.custom)
        layer = layer_from_config(name, kind, config)
        for part in layer.all_parts():
            part.weight_source = self.source
        return layer

    def functional(
        self, config: Mapping[str, Any]
    ) -> tuple[list[SymbolicTensor], list[SymbolicTensor]]:
        """Return the inputs and the outputs of a functional model, from `functional_config`."""
        layers = self.layers(config["layers"])
        inputs: dict[str, SymbolicTensor] = {}
        for call in config["calls"]:
            layer = layers[call["layer"]]
            if isinstance(layer, InputLayer):
                key = call["key"]
                if key is not None:
                    checks.string("name of an input", key)
                exact = checks.one_of("exact", call["exact"], (True, False))
                tensor = input_tensor(layer.batch_shape, key, exact=exact)
                vars(place_of(tensor))["name"] = layer.name
                inputs[layer.name] = tensor
        return connected(config, layers, inputs)


def zeros(limit: float = inf) -> Source:
    """Return a source of zeros for weights, which get their numbers later.

    Args:
        limit: how many numbers there may be.
    """
    left = limit

    def source(name: str, shape: Sequence[int]) -> NDArray[Any]:
        nonlocal left
        left -= prod(shape)
        if left < 0:
            raise InvalidValueError("structure", "the weights in the file", f"more, as {name}")
        return np.broadcast_to(np.float32(0), shape)

    return source


@contextmanager
def reading_config(argument: str) -> Iterator[None]:
    """Report what a config lacks, in the `with` block, as an error of that argument."""
    try:
        yield
    except (LookupError, AttributeError, TypeError, ValueError) as error:
        if isinstance(error, LSTMError):
            raise
        raise InvalidValueError(argument, "what get_config returns", repr(error)) from error

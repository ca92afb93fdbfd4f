"""Inner: layers that are arguments of others, which alone know of them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from lstm.configured import described, members
from lstm.custom_objects import get_custom_objects
from lstm.errors import InvalidValueError
from lstm.layers.base import Layer
from lstm.layers.symbolic import OPERATORS

Classes = Mapping[str, type[Layer]]


class WithInner(Layer):
    """Base of layers with arguments, named in `inner`, that are layers or lists of layers."""

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return super().from_config(with_own(cls, config, get_custom_objects()))


def layers_of(custom_objects: Mapping[str, Any]) -> Classes:
    """Return the classes of layers among what users have registered or passed, by name."""
    return {
        name: kind
        for name, kind in custom_objects.items()
        if isinstance(kind, type) and issubclass(kind, Layer)
    }


def with_own(
    kind: type[Layer], config: Mapping[str, Any], custom_objects: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the config of a layer, with what may be a user's made of its config.

    These are its inner layers and its regularizers, also those of a layer that it wraps.

    Raises:
        InvalidValueError: a class is unknown.
    """
    classes = {**Layer.kinds, **layers_of(custom_objects)}

    def complete(saved: Mapping[str, Any]) -> dict[str, Any]:
        """Return the description of a layer, with what may be a user's made of its config."""
        inside = with_own(classes[saved["class"]], saved["config"], custom_objects)
        return {**saved, "config": inside}

    def made(name: str, saved: Any) -> Any:
        if isinstance(saved, Layer):
            return saved
        if isinstance(saved, list):
            return [made(name, one) for one in saved]
        named = saved.get("class") if isinstance(saved, Mapping) else saved
        if not isinstance(named, str) or named not in classes:
            raise InvalidValueError("custom_objects", f"the class of {name}, by its name", named)
        return described(name, complete(saved), classes)

    regularizers = {
        name: OPERATORS["regularizer"](saved, name, custom_objects)
        for name, saved in config.items()
        if name.endswith("regularizer") and isinstance(saved, dict) and "custom" in saved
    }
    wrapped = {
        name: complete(saved)
        for name, saved in config.items()
        if name in ("layer", "backward_layer") and isinstance(saved, dict)
        if saved.get("class") in classes
    }
    inner = {name: made(name, config[name]) for name in kind.inner}
    return {**config, **regularizers, **wrapped, **inner}


def inner_layers(layers: Iterable[Any]) -> Iterator[Layer]:
    """Yield the inner layers of layers, and those inside them."""
    for layer in layers:
        for name in layer.inner:
            found = list(members(getattr(layer, name), Layer))
            yield from found
            yield from inner_layers(found)

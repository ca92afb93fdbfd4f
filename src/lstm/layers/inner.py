"""Inner: layers that are arguments of others, which alone know of them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from lstm.configured import described, members
from lstm.custom_objects import get_custom_objects
from lstm.errors import InvalidValueError
from lstm.layers.base import Layer

Classes = Mapping[str, type[Layer]]


class WithInner(Layer):
    """Base of layers with arguments, named in `inner`, that are layers or lists of layers."""

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return super().from_config(with_inner(cls, config, known(get_custom_objects())))


def known(classes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the classes of layers by name: those of the library, and these."""
    return {**Layer.kinds, **classes}


def with_inner(kind: type[Layer], config: Mapping[str, Any], classes: Classes) -> dict[str, Any]:
    """Return the config of a layer, with its inner layers made of their configs.

    Raises:
        InvalidValueError: a class is unknown.
    """

    def made(name: str, saved: Any) -> Any:
        if isinstance(saved, Layer):
            return saved
        if isinstance(saved, list):
            return [made(name, one) for one in saved]
        named = saved.get("class") if isinstance(saved, Mapping) else saved
        if not isinstance(named, str) or named not in classes:
            raise InvalidValueError("custom_objects", f"the class of {name}, by its name", named)
        inside = with_inner(classes[named], saved["config"], classes)
        return described(name, {**saved, "config": inside}, classes)

    return {**config, **{name: made(name, config[name]) for name in kind.inner}}


def inner_layers(layers: Iterable[Any]) -> Iterator[Layer]:
    """Yield the inner layers of layers, and those inside them."""
    for layer in layers:
        for name in layer.inner:
            found = list(members(getattr(layer, name), Layer))
            yield from found
            yield from inner_layers(found)

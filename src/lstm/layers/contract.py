"""What a layer is held to: its inputs, the names of its weights."""

from typing import TYPE_CHECKING, NoReturn

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.layers.symbolic import Shape

if TYPE_CHECKING:
    from lstm.layers.base import Layer


def refuse_weight(layer: "Layer", name: object) -> NoReturn:
    """Refuse a name that no weight of a layer has."""
    argument = f"weight of {layer.name}"
    if layer.own_weights:
        checks.one_of(argument, name, layer.own_weights)
    raise InvalidValueError(argument, "one that add_weight made in `build`", repr(name))


def known_last_axis(layer: "Layer", shape: Shape, axes: str) -> int:
    """Check the rank of an input against `axes`, such as "B T D", and return its last size.

    An ellipsis as second letter allows any number of axes in between.
    """
    letters = axes.split()
    fits = len(shape) >= len(letters) - 1 if "..." in letters else len(shape) == len(letters)
    if not fits or shape[-1] is None:
        raise InvalidShapeError(
            f"input of {layer.name}",
            f"axes ({', '.join(letters)}) with a known size of the last",
            f"shape {shape}",
        )
    return shape[-1]

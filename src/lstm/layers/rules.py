"""Rules: checks of a layer: inputs, axes, names of weights, what methods take and return."""

from collections.abc import Collection
from inspect import signature
from typing import Any, NoReturn

from lstm import checks
from lstm.configured import Configured
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError

Shape = tuple[int | None, ...]
"""Sizes of the axes, batch first; None is a size known only when data comes."""


def has_time(shape: Shape) -> bool:
    """Whether axis 1 may be time: it is not in (B, D) with a known D."""
    return len(shape) > 2 or shape[1:] == (None,)


def refuse_weight(layer: str, weights: Collection[str], name: object) -> NoReturn:
    """Refuse a name that is not the name of a weight of a layer."""
    argument = f"weight of {layer}"
    if weights:
        checks.one_of(argument, name, weights)
    raise InvalidValueError(argument, "one that add_weight made in `build`", repr(name))


def check_signatures(kind: type) -> None:
    """Check that the passes of a layer accept the arguments that they get by name.

    Raises:
        InvalidTypeError: they do not.
    """
    for method, argument in (("forward", "mask"), ("backward", "need")):
        taken = signature(getattr(kind, method)).parameters.values()
        if not any(p.name == argument or p.kind is p.VAR_KEYWORD for p in taken):
            raise InvalidTypeError(
                f"{kind.__name__}.{method}", f"the argument {argument}, by name", "none"
            )


def promised(layer: Configured, shapes: Any) -> tuple[Shape, ...]:
    """Return the shapes of the outputs from `output_shapes` of a layer, checked.

    Raises:
        InvalidTypeError: they are not a tuple of shapes.
    """
    argument = f"output_shapes of {layer.called}"
    if not (isinstance(shapes, tuple | list) and shapes) or not all(
        isinstance(shape, tuple | list) for shape in shapes
    ):
        expected = "a tuple with one shape for each output, such as ((None, 2),)"
        raise InvalidTypeError(argument, expected, repr(shapes))
    return tuple(checks.sizes(argument, shape) for shape in shapes)


def known_last_axis(layer: Configured, shape: Shape, axes: str) -> int:
    """Check the rank of an input against `axes`, such as "B T D", and return its last size.

    An ellipsis as the second letter allows any number of axes in between.
    """
    letters = axes.split()
    fits = len(shape) >= len(letters) - 1 if "..." in letters else len(shape) == len(letters)
    if not fits or shape[-1] is None:
        raise InvalidShapeError(
            f"input of {layer.called}",
            f"axes ({', '.join(letters)}) with a known size of the last",
            f"shape {shape}",
        )
    return shape[-1]


def axis_after_batch(layer: Configured, axis: int, ndim: int) -> int:
    """Return `axis`, counted from the start; it must not be the batch axis."""
    if not -ndim <= axis < ndim or axis % ndim == 0:
        raise InvalidValueError(
            f"axis of {layer.called}", f"an axis after the batch of {ndim} axes", axis
        )
    return axis % ndim


def state_beside_time(
    layer: Configured, axis: int, shape: Shape, ndim: int
) -> tuple[tuple[int, ...], ...]:
    """Return the (empty) state of a layer that works along an axis other than time."""
    if has_time(shape) and axis_after_batch(layer, axis, ndim) == 1:
        refuse_time(layer, axis)
    return ()


def refuse_time(layer: Configured, axis: object) -> NoReturn:
    """Refuse an axis that is the time, of a layer that is to work chunk by chunk."""
    raise InvalidValueError(f"axis of {layer.called}", "not the time, to work chunk by chunk", axis)

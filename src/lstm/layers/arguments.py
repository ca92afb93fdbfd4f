"""Arguments: what a layer is called on and with, by position or by name."""

from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, signature
from typing import Any

import numpy as np

from lstm.errors import InvalidTypeError
from lstm.interface import refuse_unknown
from lstm.layers.eager import as_array
from lstm.layers.symbolic import OPERATORS, Operators, SymbolicTensor, has_operands

_BY_POSITION = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_OF_EVERY_CALL = ("mask", "training")


def first_by_position(
    called: str, names: Sequence[str], inputs: tuple[Any, ...], options: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a call, the first by its position, however it was given.

    Args:
        called: the class, in errors.
        names: the names of the first argument; none if it may be missing.
        inputs, options: the arguments.

    Raises:
        InvalidTypeError: it is missing.
    """
    options = dict(options)
    if inputs or not names:
        return inputs, options
    for name in names:
        if name in options:
            return (options.pop(name),), options
    got = ", ".join(options) or "nothing"
    raise InvalidTypeError(f"call of {called}", f"{names[0]}, a tensor or an array", got)


def first_of(call: Callable[..., Any]) -> tuple[str, ...]:
    """Return the name of the first argument of a `call`; nothing if it needs none."""
    first = next(iter(signature(call).parameters.values()), None)
    if first is None or (first.kind in _BY_POSITION and first.default is not first.empty):
        return ()
    if first.kind is first.VAR_POSITIONAL:
        return ("inputs",)
    return (first.name,) if first.kind in _BY_POSITION else ()


def check_taken(
    called: str, call: Callable[..., Any], inputs: Sequence[Any], options: Mapping[str, Any]
) -> None:
    """Check that `call` takes these arguments.

    Args:
        called: the class, in errors.
        call: the method.
        inputs, options: the arguments.

    Raises:
        InvalidTypeError: it does not have one of them, or needs another.
    """
    taken = signature(call)
    kinds = {parameter.kind for parameter in taken.parameters.values()}
    if Parameter.VAR_KEYWORD not in kinds:
        known = dict.fromkeys([*taken.parameters, *_OF_EVERY_CALL])
        refuse_unknown(f"call of {called}", options, known)
    given = {key: value for key, value in options.items() if key in taken.parameters}
    try:
        taken.bind(*inputs, **(options if Parameter.VAR_KEYWORD in kinds else given))
    except TypeError as error:
        expected = f"the arguments of its `call`, {taken}"
        raise InvalidTypeError(f"call of {called}", expected, str(error)) from None


def as_tensor(argument: str, x: Any) -> SymbolicTensor:
    """Return a tensor of what stands for one, or of fixed numbers.

    Raises:
        InvalidTypeError: it is something else; the message names `argument`.
    """
    if isinstance(x, Operators):
        return x.tensor
    if not isinstance(x, int | float | np.number | np.ndarray):
        expected = "symbolic tensors, such as lstm.Input((None, 2)), or arrays"
        raise InvalidTypeError(argument, expected, type(x).__name__)
    made: SymbolicTensor = OPERATORS["constant"](x)
    return made


def as_operand(layer: str, x: Any) -> Any:
    """Return what a layer reads that is called on one tensor, or on numbers.

    Args:
        layer: its name, in errors.
        x: a tensor or an array, perhaps alone in a list; or a list of numbers.

    Raises:
        InvalidTypeError: it is something else.
    """
    if isinstance(x, list | tuple) and has_operands(x):
        if len(x) > 1:
            raise InvalidTypeError(f"input of {layer}", "one tensor", len(x))
        x = x[0]
    x = as_array(x)
    if not isinstance(x, Operators) and not (isinstance(x, np.ndarray) and x.ndim):
        raise InvalidTypeError(f"input of {layer}", "tensors or arrays", type(x).__name__)
    return x


def listed_states(given: Any, expected: str) -> list[Any]:
    """Return the states that a call begins with; a single one needs no list.

    Raises:
        InvalidTypeError: they are something else than `expected`.
    """
    if given is None:
        return []
    if has_operands([given]):
        return [given]
    if not isinstance(given, list | tuple):
        raise InvalidTypeError("initial_state", f"a list of {expected}", type(given).__name__)
    return list(given)

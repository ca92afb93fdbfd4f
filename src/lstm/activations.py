"""The activation functions by name."""

from typing import cast, get_args

from lstm import checks
from lstm.backends.contract import ActivationName

ACTIVATIONS: tuple[ActivationName, ...] = get_args(ActivationName)


def get(argument: str, name: str | None, *, elementwise: bool = False) -> ActivationName:
    """Check the name of an activation; None is "linear".

    Args:
        argument: named in the error.
        name: one of `ACTIVATIONS`, or None.
        elementwise: refuse softmax, which mixes the units.

    Raises:
        InvalidValueError: there is no such activation.
    """
    choices = [a for a in ACTIVATIONS if not (elementwise and a == "softmax")]
    return cast(
        ActivationName, checks.one_of(argument, "linear" if name is None else name, choices)
    )

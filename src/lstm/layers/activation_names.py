"""Names of activations: those that kernels compute, and those that follow a layer."""

from collections.abc import Callable
from typing import Any, get_args

from lstm import checks
from lstm.backends.contract import ActivationName

ActivationSpec = str | Callable[[Any], Any] | None
"""An activation as users write it: a name, a function of tensors, or None for none."""

OF_KERNELS: tuple[ActivationName, ...] = get_args(ActivationName)
"""Activations that are part of the operation before them."""

OF_FUNCTIONS = (
    "elu",
    "exponential",
    "gelu",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu6",
    "selu",
    "silu",
    "softplus",
    "softsign",
    "swish",
)
"""Activations that are functions of what a layer gives."""

_IN_CELLS = tuple(name for name in OF_KERNELS if name != "softmax")


def get(argument: str, spec: ActivationSpec) -> str | Callable[[Any], Any]:
    """Check an activation; None is "linear", and a function of the library its name.

    Args:
        argument: named in the error.
        spec: the activation.

    Raises:
        InvalidValueError: there is no such activation.
    """
    if callable(spec):
        name = getattr(spec, "__name__", "")
        known = name in OF_KERNELS + OF_FUNCTIONS and spec.__module__.startswith("lstm.")
        return name if known else spec
    return checks.one_of(argument, "linear" if spec is None else spec, OF_KERNELS + OF_FUNCTIONS)


def in_cell(argument: str, spec: ActivationSpec) -> ActivationName:
    """Check the activation of a recurrent cell, which its kernel computes.

    Raises:
        InvalidValueError: there is no such activation.
    """
    name = get(argument, spec) if callable(spec) else spec
    return checks.one_of(argument, "linear" if name is None else name, _IN_CELLS)  # type: ignore[arg-type]


def of_kernel(activation: str | Callable[[Any], Any]) -> ActivationName:
    """Return the part of an activation that a kernel computes: it, or "linear"."""
    return activation if activation in OF_KERNELS else "linear"

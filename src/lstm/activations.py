"""Activations as functions, of tensors and of arrays.

Example:
    >>> import lstm
    >>> lstm.activations.relu([-1.0, 2.0], negative_slope=0.1).round(2).tolist()
    [-0.1, 2.0]
"""

from collections.abc import Callable
from typing import Any

from lstm import checks, ops
from lstm.errors import InvalidValueError
from lstm.interface import spelled
from lstm.layers.activation_names import OF_FUNCTIONS, OF_KERNELS, ActivationSpec
from lstm.layers.symbolic import OPERATORS
from lstm.ops import (
    elu,
    gelu,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    mish,
    relu6,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
    tanh,
)

ACTIVATIONS = OF_KERNELS + OF_FUNCTIONS
"""The names of all activations."""


@spelled
def linear(x: Any) -> Any:
    """x."""
    return x


@spelled
def exponential(x: Any) -> Any:
    """eˣ."""
    return ops.exp(x)


@spelled
def relu(
    x: Any,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> Any:
    """x where x ≥ threshold, at most `max_value`; else `negative_slope` times x - threshold."""
    if threshold:
        reached = ops.greater_equal(x, threshold)
        y = ops.where(reached, x, negative_slope * ops.subtract(x, threshold))
    else:
        y = ops.leaky_relu(x, negative_slope) if negative_slope else ops.relu(x)
    return y if max_value is None else ops.minimum(y, max_value)


swish, hard_swish = silu, hard_silu

_FUNCTIONS: dict[str, Callable[..., Any]] = {name: globals()[name] for name in ACTIVATIONS}


@spelled
def get(activation: ActivationSpec) -> Callable[[Any], Any]:
    """Return the function of a name, or a function itself; None is `linear`.

    Raises:
        InvalidValueError: there is no such activation.
    """
    if activation is None or callable(activation):
        return activation or linear
    return _FUNCTIONS[checks.one_of("activation", activation, _FUNCTIONS)]


@spelled
def serialize(activation: Callable[..., Any]) -> str:
    """Return the name of an activation, for the `get_config` of a layer; `get` reads it.

    Raises:
        InvalidValueError: the function is none of this module.
    """
    for name, function in _FUNCTIONS.items():
        if function is activation:
            return name
    raise InvalidValueError("activation", "a function of lstm.activations", repr(activation))


OPERATORS["activation"] = lambda x, activation: get(activation)(x)

__all__ = [
    "ACTIVATIONS",
    "elu",
    "exponential",
    "gelu",
    "get",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "swish",
    "tanh",
]

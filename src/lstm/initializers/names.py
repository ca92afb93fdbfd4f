"""Names: which initializer a name, an array or a function means."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.configured import described, snake_case
from lstm.errors import InvalidTypeError
from lstm.initializers.base import FromFunction, Initializer, Unavailable
from lstm.initializers.constants import Constant, Identity, Ones, Zeros
from lstm.initializers.orthogonal import Orthogonal
from lstm.initializers.random import RandomNormal, RandomUniform, TruncatedNormal
from lstm.initializers.scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)
from lstm.initializers.thresholds import Thresholds

InitializerSpec = (
    str | Initializer | type[Initializer] | dict[str, Any] | NDArray[Any] | Callable[..., Any]
)
"""What stands for an initializer."""

_KINDS: tuple[type[Initializer], ...] = (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    LecunNormal,
    LecunUniform,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    Thresholds,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
)

INITIALIZERS: dict[str, type[Initializer]] = {
    **{snake_case(kind.__name__): kind for kind in _KINDS},
    "normal": RandomNormal,
    "one": Ones,
    "uniform": RandomUniform,
    "zero": Zeros,
}

_CLASSES = {kind.__name__: kind for kind in (*_KINDS, Unavailable)}


def serialize(initializer: Initializer) -> dict[str, Any]:
    """Return an initializer as JSON values, for the `get_config` of a layer; `get` reads them.

    Example:
        >>> import lstm
        >>> saved = lstm.initializers.serialize(lstm.initializers.Constant(2.0))
        >>> lstm.initializers.get(saved)
        Constant(value=2.0)
    """
    return initializer.description()


def get(spec: InitializerSpec, argument: str = "initializer") -> Initializer:
    """Return an initializer from its name, class or saved form, an array, a function, or itself.

    Args:
        spec: stands for the initializer.
        argument: the name of it in errors.

    Raises:
        InvalidValueError: no initializer has that name; the message names `argument`.
    """
    if isinstance(spec, Initializer):
        # Written for Keras, it has its own `__call__(shape, dtype)`.
        return spec if type(spec).__call__ is Initializer.__call__ else FromFunction(spec)
    if isinstance(spec, dict):
        return described(argument, spec, _CLASSES)
    if isinstance(spec, str):
        if spec in _CLASSES and spec != Unavailable.__name__:
            return _CLASSES[spec]()
        return INITIALIZERS[checks.one_of(argument, spec, INITIALIZERS)]()
    if isinstance(spec, np.ndarray) and spec.ndim:
        return Constant(spec)
    if isinstance(spec, type):
        if issubclass(spec, Initializer):
            return get(spec(), argument)
    elif callable(spec):
        return FromFunction(spec)
    raise InvalidTypeError(argument, "the name of an initializer or an Initializer", repr(spec))

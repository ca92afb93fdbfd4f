"""Losses: what training minimizes."""

from collections.abc import Callable
from typing import Any

from lstm import checks
from lstm.configured import described
from lstm.errors import InvalidTypeError
from lstm.losses.base import Loss
from lstm.losses.categorical import CategoricalCrossentropy, SparseCategoricalCrossentropy
from lstm.losses.composed import (
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCosh,
    MeanAbsolutePercentageError,
    MeanSquaredLogarithmicError,
    Poisson,
    SquaredHinge,
)
from lstm.losses.ctc import CTC
from lstm.losses.function import FunctionLoss
from lstm.losses.functions import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    cosine_similarity,
    ctc,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from lstm.losses.pointwise import (
    BinaryCrossentropy,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
)

_KINDS: tuple[type[Loss], ...] = (
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    BinaryCrossentropy,
    MeanSquaredError,
    MeanAbsoluteError,
    Huber,
    MeanAbsolutePercentageError,
    MeanSquaredLogarithmicError,
    LogCosh,
    KLDivergence,
    Poisson,
    Hinge,
    SquaredHinge,
    CategoricalHinge,
    CosineSimilarity,
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    CTC,
)

_ALIASES: dict[str, type[Loss]] = {
    "bce": BinaryCrossentropy,
    "cce": CategoricalCrossentropy,
    "kld": KLDivergence,
    "kullback_leibler_divergence": KLDivergence,
    "logcosh": LogCosh,
    "mean_absolute_error": MeanAbsoluteError,
    "mean_squared_error": MeanSquaredError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
}

LOSSES: dict[str, type[Loss]] = {
    **{kind.name: kind for kind in _KINDS},
    **_ALIASES,
    **{kind.__name__: kind for kind in _KINDS},
}


_IN_CAPITALS = {name.upper(): kind for name, kind in LOSSES.items() if len(name) <= 4}
"""Short names as Keras also spells them: MSE, MAE, ..."""


def get(spec: str | Loss | Callable[[Any, Any], Any] | dict[str, Any]) -> Loss:
    """Return a loss from its name, class, config, a function or itself.

    Raises:
        InvalidTypeError: it is none of these.
        InvalidValueError: no loss has that name.
    """
    if isinstance(spec, Loss):
        return spec
    if isinstance(spec, dict):
        return described("loss", spec, LOSSES)
    if isinstance(spec, type) and issubclass(spec, Loss):
        return spec()
    if callable(spec):
        return FunctionLoss(spec)
    if not isinstance(spec, str):
        expected = "the name of a loss, a Loss, or a function of (y_true, y_pred)"
        raise InvalidTypeError("loss", expected, repr(spec))
    kind = _IN_CAPITALS.get(spec) or LOSSES[checks.one_of("loss", spec, LOSSES)]
    return kind()


__all__ = [
    "CTC",
    "LOSSES",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "FunctionLoss",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "cosine_similarity",
    "ctc",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "sparse_categorical_crossentropy",
    "squared_hinge",
]

"""Schedules: the learning rate of a step by its number, or by the progress of training."""

from lstm import checks
from lstm.configured import described
from lstm.errors import InvalidTypeError
from lstm.optimizers.schedules.base import LearningRateSchedule
from lstm.optimizers.schedules.cosine import CosineDecay, CosineDecayRestarts
from lstm.optimizers.schedules.decays import (
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
from lstm.optimizers.schedules.progress import Plateau, Schedule, constant, cosine, one_cycle

__all__ = [
    "SCHEDULES",
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "Plateau",
    "PolynomialDecay",
    "Schedule",
    "constant",
    "cosine",
    "get",
    "one_cycle",
]

SCHEDULES: dict[str, type[LearningRateSchedule]] = {
    kind.__name__: kind
    for kind in (
        *(ExponentialDecay, PiecewiseConstantDecay, PolynomialDecay, InverseTimeDecay),
        *(CosineDecay, CosineDecayRestarts),
    )
}


def get(argument: str, spec: object) -> float | LearningRateSchedule:
    """Return a learning rate: a number, a schedule, or a schedule from its saved form.

    Raises:
        InvalidTypeError, InvalidValueError: `spec` is none of these, or no rate.
    """
    if isinstance(spec, LearningRateSchedule):
        return spec
    if isinstance(spec, dict):
        return described(argument, spec, SCHEDULES)
    if callable(spec):
        expected = "a number, or an object of a class derived from LearningRateSchedule"
        raise InvalidTypeError(argument, expected, f"a function, {spec!r:.60}")
    return checks.number(argument, spec, 0)

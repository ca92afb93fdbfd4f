"""Units: a search for units that follow a property of the text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.inspection.properties import PROPERTIES, Property
from lstm.inspection.reading import Reading

FEWEST = 100
"""Steps below which a correlation means little."""


_UNITS = 64
"""Number of units to compare at a time."""


@dataclass(frozen=True)
class UnitScore:
    """How well a unit follows a property.

    Attributes:
        layer, quantity, unit: its layer, "h" or "c" or a gate, and its number from 0.
        property: name of the property.
        score: the correlation of the unit with the property, from -1 to 1.
        control: the score of the best of all units if the property is shifted along the text: the
            mean of `|correlation|` over many shifts.
        deviation: the standard deviation of this score.
    """

    layer: str
    quantity: str
    unit: int
    property: str
    score: float
    control: float
    deviation: float

    @cached_property
    def sigmas(self) -> float:
        """Number of standard deviations by which the score beats the control."""
        return (abs(self.score) - self.control) / self.deviation


def find_units(
    reading: Reading,
    properties: Mapping[str, Property] | Sequence[str] = tuple(PROPERTIES),
    *,
    quantities: Sequence[str] = ("c", "h"),
    shuffles: int = 100,
    seed: int = 0,
) -> list[UnitScore]:
    """Look for the units that follow properties of a text.

    Args:
        reading: the result of `read`.
        properties: functions of the text by name that return a number or bool for each character;
            or names in `PROPERTIES`.
        quantities: the states or gates to search; those that a layer lacks are skipped.
        shuffles: number of shifts of the control.
        seed: seed of the shifts.

    Returns:
        For each property, the scores of all units, with those first that beat the control by most.
        A property that is the same everywhere in the text is left out.

    Raises:
        InvalidShapeError: a property does not return one value per character, or the text is
            shorter than 100 tokens.
        InvalidValueError: there is no such quantity.

    Example:
        >>> import lstm
        >>> model = lstm.LanguageModel.train("one two. " * 60, hidden=16, epochs=3, seed=0)
        >>> reading = lstm.inspection.read(model, "one two. " * 40)
        >>> spaces = {"space": lambda text: [c == " " for c in text]}
        >>> best = lstm.inspection.find_units(reading, spaces)[0]
        >>> best.property, best.quantity in ("c", "h")
        ('space', True)
    """
    if not isinstance(properties, Mapping):
        names = [checks.one_of("properties", name, PROPERTIES) for name in properties]
        properties = {name: PROPERTIES[name] for name in names}
    text = reading.text
    # A token has the value of the last character up to its end.
    ends = np.maximum(np.cumsum([len(piece) for piece in reading.pieces]) - 1, 0)
    found: list[UnitScore] = []
    for name, function in properties.items():
        values = _values(name, function(text), len(text))[ends]
        if np.ptp(values) == 0:
            continue
        found += score_units(
            reading.layers, values, name, quantities=quantities, shuffles=shuffles, seed=seed
        )
    return sorted(found, key=lambda one: -one.sigmas)


def score_units(
    layers: Mapping[str, Mapping[str, NDArray[Any]]],
    target: ArrayLike,
    name: str = "target",
    *,
    quantities: Sequence[str] = ("c", "h"),
    shuffles: int = 100,
    seed: int = 0,
) -> list[UnitScore]:
    """Score how well each unit follows a number that is known at every step.

    The control shifts the target along the sequence, around its end, by a random number of steps:
    the target keeps its regularity and loses only its position. The control uses the best score of
    all units by chance, because a search also finds the best of all.

    Args:
        layers: states and gates by layer and letter, each (T, H).
        target: (T,), numbers or bools.
        name: name of the property.
        quantities: the states or gates to look at.
        shuffles: number of shifts.
        seed: seed of the shifts.

    Returns:
        The scores of all units, the best first.

    Raises:
        InvalidShapeError: there are fewer than 100 steps, or another number of targets.
        InvalidValueError: there is no such quantity, or all targets are equal.
    """
    steps = _standardized(_flat(name, target)[:, None])[:, 0]
    if len(steps) < FEWEST:
        raise InvalidShapeError("target", f"at least {FEWEST} steps", len(steps))
    if not steps.any():
        raise InvalidValueError("target", "values that differ", "equal ones")
    rng = np.random.default_rng(checks.int_at_least("seed", seed, 0))
    count = checks.int_at_least("shuffles", shuffles, 2)
    shifts = rng.integers(len(steps) // 10, len(steps) - len(steps) // 10, count)
    # The target, unchanged and shifted, as rows, so that each is made in place.
    shifted = np.empty((1 + count, len(steps)), np.float32)
    for row, shift in zip(shifted, (0, *shifts), strict=True):
        row[:] = np.roll(steps, shift)
    scores: dict[tuple[str, str], NDArray[Any]] = {}
    for layer, arrays in layers.items():
        for quantity in (q for q in quantities if q in arrays):
            values = arrays[quantity]
            if len(values) != len(steps):
                raise InvalidShapeError("target", f"{len(values)} steps", len(steps))
            scores[layer, quantity] = _correlations(values, shifted)
    if not scores:
        known = sorted({q for arrays in layers.values() for q in arrays})
        raise InvalidValueError("quantities", f"some of {known}", list(quantities))
    best = np.abs(np.concatenate(list(scores.values()))[:, 1:]).max(0)
    control, deviation = float(best.mean()), max(float(best.std()), 1e-12)
    found = [
        UnitScore(layer, quantity, unit, name, float(score), control, deviation)
        for (layer, quantity), rows in scores.items()
        for unit, score in enumerate(rows[:, 0])
    ]
    return sorted(found, key=lambda one: -one.sigmas)


def _correlations(values: NDArray[Any], targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the correlations (H, S) of units (T, H) with standardized targets (S, T)."""
    # A few units at a time: their standardized values are a second array, in float64 at first.
    parts = np.array_split(values, -(-values.shape[1] // _UNITS), 1)
    return np.concatenate([_standardized(part).T @ targets.T for part in parts]) / targets.shape[1]


def _values(name: str, values: ArrayLike, length: int) -> NDArray[np.float64]:
    array = _flat(name, values)
    if len(array) != length:
        raise InvalidShapeError(
            f"property {name}", f"{length} values, one for each character", len(array)
        )
    return array


def _flat(name: str, values: ArrayLike) -> NDArray[np.float64]:
    checks.unmasked(f"property {name}", values)
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidTypeError(f"property {name}", "numbers", error) from error
    checks.rank(f"property {name}", array, "T")
    checks.finite(f"property {name}", array)
    return array


def _standardized(x: NDArray[Any]) -> NDArray[np.float32]:
    """Return the columns of x (T, N) with mean 0 and variance 1; zeros for constant columns."""
    centered = x - x.mean(0, dtype=np.float64)
    spread = centered.std(0)
    # A column that varies only by rounding counts as constant.
    scale = np.where(spread > 1e-6 * (1 + np.abs(x).max(0)), spread, np.inf)
    return np.asarray(centered / scale, np.float32)

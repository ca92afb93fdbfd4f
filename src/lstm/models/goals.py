"""What the outputs of a batch should be, and how much each of them counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.layers.masks import Mask, spread

Values = NDArray[Any]


@dataclass
class Goal:
    """What the outputs of a batch should be, and what counts.

    Attributes:
        target: as the loss takes it.
        mask: of each position whether it counts; None where all do.
        weight: of each position what its example or step weighs; None without weights.
        count: number of positions that count.
    """

    target: Values
    mask: Mask | None
    weight: Values | None
    count: float

    def shares(self, *, weighted: bool) -> tuple[Values | None, float]:
        """For each position its share of a mean, and the sum of what they weigh."""
        weight = self.weight if weighted else None
        if weight is None and self.mask is None:
            return None, self.count
        shares = np.ones(1) if weight is None else weight
        shares = shares if self.mask is None else shares * self.mask
        total = float(shares.sum())
        return shares / (total or 1.0), total

    def weights(self, dtype: str) -> Values | None:
        """What each position adds of its loss to that of the batch; None for the mean."""
        if self.mask is None and self.weight is None:
            return None
        weight = np.ones(1) if self.weight is None else self.weight
        weight = weight if self.mask is None else weight * self.mask
        with np.errstate(over="ignore"):  # Of huge weights: training stops at what comes of them.
            return np.asarray(weight / (self.count or 1.0), dtype)


class ClassWeights:
    """How much examples count by their class; those of other classes count 1.

    Args:
        factors: for each class its weight, `class_weight` of `fit`.
        dtype: in which they are used.

    Raises:
        InvalidTypeError, InvalidValueError: they are no classes, or no numbers of at least 0.
    """

    def __init__(self, factors: Mapping[int, float], dtype: str) -> None:
        if not isinstance(factors, Mapping):
            got = type(factors).__name__
            raise InvalidTypeError("class_weight", "a dict of weights by class", got)
        self._factors = {
            checks.int_at_least("class_weight", key, 0): checks.number(
                f"class_weight[{key}]", factor, 0
            )
            for key, factor in factors.items()
        }
        for key, factor in self._factors.items():
            checks.finite(f"class_weight[{key}]", np.array(factor), dtype)

    def of(self, target: Values, positions: tuple[int, ...]) -> Values:
        """The weight of each position, (B, ...) or with fewer axes.

        Args:
            target: classes or rows, as the loss takes them.
            positions: shape of what the loss compares.

        Raises:
            InvalidValueError: the targets are not one class each.
        """
        classes = target
        if target.dtype.kind == "f" and target.ndim > 1 and target.shape[-1] > 1:
            if target.shape == positions and not _is_one_hot(target):
                raise InvalidValueError(
                    "class_weight",
                    "targets of one class each, a number or a one-hot row (sample_weight takes a "
                    "weight for each step)",
                    f"rows of {target.shape[-1]} numbers",
                )
            classes = target.argmax(-1)
        weights = np.ones(classes.shape)
        for key, factor in self._factors.items():
            weights[np.rint(classes) == key] = factor
        return weights


def _is_one_hot(rows: Values) -> bool:
    return bool(np.isin(rows, (0, 1)).all() and (rows.sum(-1) == 1).all())


def spread_over(name: str, values: Values | None, positions: tuple[int, ...]) -> Values | None:
    """What is said of examples (B) or steps (B, T), perhaps with a last axis of 1, of positions."""
    if values is None:
        return None
    if values.shape[1:][-1:] == (1,) and positions[values.ndim - 1 : values.ndim] != (1,):
        values = values[..., 0]
    checks.shape(name, values.shape, positions[: values.ndim])
    return spread(values, positions)

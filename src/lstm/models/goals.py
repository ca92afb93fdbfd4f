"""Goals: the target of the outputs of a batch, and the weight of each position."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.backends import Backend
from lstm.backends.contract import Array
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.layers.masks import Mask, spread

Values = NDArray[Any]


@dataclass
class Goal:
    """The target of the outputs of a batch, and the weight of each position.

    Attributes:
        target: the target in the form for the loss, which metrics read.
        compared: what the loss compares outputs with: the target, perhaps with smoothed labels.
        mask: whether each position counts; None if all count.
        weight: weight of each position, from its example or step; None without weights.
        count: number of positions that count.
        steps: which steps of the outputs are real, if the loss has to know; see `Loss.real_steps`.
    """

    target: Values
    compared: Values
    mask: Mask | None
    weight: Values | None
    count: float
    steps: Mask | None = None

    def part(self, rows: slice) -> "Goal":
        """Return the goal of some of the examples, whose count is the same."""
        mask, weight, steps = (
            None if part is None else part[rows] for part in (self.mask, self.weight, self.steps)
        )
        return Goal(self.target[rows], self.compared[rows], mask, weight, self.count, steps)

    def counting(self, *, weighted: bool) -> tuple[Values | None, float]:
        """Return the weight of each position in a metric, 0 for padding, and their sum."""
        weight = self.weight if weighted else None
        if weight is None and self.mask is None:
            return None, self.count
        weights = np.ones(1) if weight is None else weight
        weights = weights if self.mask is None else weights * self.mask
        return weights, float(weights.sum())

    def weights(self, dtype: str) -> Values | None:
        """Return the factor of each position's loss in the loss of the batch; None for the mean."""
        if self.mask is None and self.weight is None:
            return None
        weight = np.ones(1) if self.weight is None else self.weight
        weight = weight if self.mask is None else weight * self.mask
        with np.errstate(over="ignore"):  # With huge weights, training stops at the result.
            return np.asarray(weight / (self.count or 1.0), dtype)

    def arrays(self, backend: Backend) -> tuple[Array, Array | None]:
        """Return `compared`, and `weights` if there are any, as arrays of a backend."""
        weights = self.weights(backend.dtype)
        array = backend.ops.array
        return array(self.compared), None if weights is None else array(weights)


class ClassWeights:
    """Weights of examples by class; other classes have weight 1.

    Args:
        factors: the weight of each class, `class_weight` of `fit`.
        dtype: the dtype in which they are used.

    Raises:
        InvalidTypeError, InvalidValueError: not classes, or not numbers of at least 0.
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
        """Return the weight of each position, (B, ...) or with fewer axes.

        Args:
            target: classes or rows, in the form for the loss.
            positions: shape of the positions that the loss compares.

        Raises:
            InvalidValueError: the targets are not one class each.
        """
        classes = target
        if target.dtype.kind == "f" and target.ndim > 1 and target.shape[-1] > 1:
            if target.shape == positions and not _is_one_hot(target):
                raise InvalidValueError(
                    "class_weight",
                    "targets of one class each, a number or a one-hot row (sample_weight accepts a "
                    "weight for each step)",
                    f"rows of {target.shape[-1]} numbers",
                )
            classes = target.argmax(-1)
        if classes.ndim > len(positions) and classes.shape[-1:] == (1,):
            classes = classes[..., 0]
        if not positions:
            expected = "a loss with a number for each example, which it can weight"
            raise InvalidValueError("class_weight", expected, "one number for the batch")
        if classes.ndim > len(positions):
            expected = "targets of one class each"
            raise InvalidValueError("class_weight", expected, f"targets of shape {target.shape}")
        weights = np.ones(classes.shape)
        for key, factor in self._factors.items():
            weights[np.rint(classes) == key] = factor
        return weights


def _is_one_hot(rows: Values) -> bool:
    return bool(np.isin(rows, (0, 1)).all() and (rows.sum(-1) == 1).all())


def spread_over(name: str, values: Values | None, positions: tuple[int, ...]) -> Values | None:
    """Return values of examples (B) or steps (B, T), perhaps with a last axis 1, for positions."""
    if values is None:
        return None
    if values.shape[1:][-1:] == (1,) and positions[values.ndim - 1 : values.ndim] != (1,):
        values = values[..., 0]
    checks.shape(name, values.shape, positions[: values.ndim])
    return spread(values, positions)

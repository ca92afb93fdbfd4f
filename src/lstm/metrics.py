"""Metrics: numbers reported besides the loss. They are computed on the host, in NumPy."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.configured import Configured
from lstm.errors import InvalidTypeError, InvalidValueError, NotDefinedError
from lstm.interface import set_by_constructor
from lstm.losses import CategoricalCrossentropy, Loss

Values = NDArray[Any]
MetricFunction = Callable[[Values, Values], Any]


class Metric(Configured):
    """A weighted mean over everything seen since `reset`.

    Args:
        name: the key under which it is reported.
    """

    needs_outputs = True
    """Whether `update` reads the outputs; if not, they may never be computed, and `y` is
    meaningless."""

    never_called: ClassVar[Mapping[str, str]] = {
        "reset_state": "reset()",
        "reset_states": "reset()",
        "update_state": "values(loss, y, target), or update",
    }

    state = ("_total", "_weight")

    name: str = set_by_constructor()
    _total: float = set_by_constructor()

    def __init__(self, name: str) -> None:
        self.name = checks.string("name", name)
        self.reset()

    def reset(self) -> None:
        """Start again from nothing."""
        self._total = 0.0
        self._weight = 0.0

    def update(
        self, loss: float, y: Values, target: Values, weight: Values | None, count: float
    ) -> None:
        """Add one batch.

        Args:
            loss: the mean loss of the batch.
            y: outputs, (..., V) or (...).
            target: the target in the form for the loss.
            weight: weight of each position, with sum 1; None if all count equally.
            count: weight of the batch among others, such as its number of positions.
        """
        self._total += _mean(np.asarray(self.values(loss, y, target)), weight) * count
        self._weight += count

    def values(self, loss: float, y: Values, target: Values) -> Any:
        """Return the value at each position, or one value for the batch."""
        raise NotDefinedError(self, "values(loss, y, target)")

    def result(self) -> float:
        """Return the mean so far; NaN before the first batch."""
        return self._total / self._weight if self._weight else math.nan

    def contents(self) -> dict[str, Values]:
        """Return all attributes that are numbers or arrays; they include what it has seen."""
        kinds = int, float, np.generic, np.ndarray
        return {key: np.asarray(v) for key, v in vars(self).items() if isinstance(v, kinds)}

    def restore(self, contents: Mapping[str, Values]) -> None:
        """Continue from the result of `contents`."""
        for key, value in contents.items():
            setattr(self, key, value if value.ndim else value.item())


class CategoricalAccuracy(Metric):
    """Share of positions at which the largest output is the right class."""

    def values(self, loss: float, y: Values, target: Values) -> Any:
        return _found(y, target)


class BinaryAccuracy(Metric):
    """Share of entries that lie on the same side of `threshold` as the target of 1/2.

    Args:
        name: the key under which it is reported.
        threshold: 1/2 for probabilities, 0 for logits.
    """

    def __init__(self, name: str, threshold: float = 0.5) -> None:
        super().__init__(name)
        self.threshold = checks.number("threshold", threshold)

    def values(self, loss: float, y: Values, target: Values) -> Any:
        return (y > self.threshold) == (_entries(target, y) > 0.5)


class Accuracy(BinaryAccuracy):
    """Share of right answers: entries if there is one output per position, else classes.

    Args:
        name: the key under which it is reported.
        threshold: a single output means yes from this value on.
    """

    def values(self, loss: float, y: Values, target: Values) -> Any:
        alone = y.ndim == 1 or y.shape[-1] == 1
        return super().values(loss, y, target) if alone else _found(y, target)


class MeanAbsoluteErrorMetric(Metric):
    """Mean of `|y - t|`."""

    def values(self, loss: float, y: Values, target: Values) -> Any:
        return np.abs(y - _entries(target, y))


class MeanSquaredErrorMetric(Metric):
    """Mean of (y - t)²."""

    def values(self, loss: float, y: Values, target: Values) -> Any:
        return (y - _entries(target, y)) ** 2


class _FromCrossEntropy(Metric):
    """Base of the metrics that convert a mean cross-entropy to another unit."""

    needs_outputs = False

    def values(self, loss: float, y: Values, target: Values) -> Any:
        return loss


class Perplexity(_FromCrossEntropy):
    """exp of the mean cross-entropy: the number of symbols between which the model hesitates."""

    def result(self) -> float:
        return math.exp(min(super().result(), 700.0))


class BitsPerCharacter(_FromCrossEntropy):
    """The mean cross-entropy in bits instead of nats."""

    def result(self) -> float:
        return super().result() / math.log(2)


class FunctionMetric(Metric):
    """The mean of a user's `function(y_true, y_pred)`, which returns one value or one per position.

    If some positions are masked, a function that returns one value for a batch is called on the
    others, in a row.
    """

    def __init__(self, function: MetricFunction) -> None:
        super().__init__(getattr(function, "__name__", type(function).__name__))
        self.function = function

    def update(
        self, loss: float, y: Values, target: Values, weight: Values | None, count: float
    ) -> None:
        values = np.asarray(self.function(target, y))
        if weight is not None and values.ndim == 0 and count and not weight.all():
            kept = weight > 0
            values = np.asarray(self.function(target[kept], y[kept]))
        self._total += _mean(values, weight) * count
        self._weight += count


def _found(y: Values, target: Values) -> Values:
    """Whether the largest output (..., V) is the right class; targets are classes or rows."""
    right = target if target.ndim < y.ndim else target.argmax(-1)
    return np.asarray(y.argmax(-1) == right)


def _mean(values: Values, weight: Values | None) -> float:
    """Return the mean over positions, weighted by `weight`."""
    if weight is None or values.ndim == 0:
        return float(values.mean())
    if weight.ndim > values.ndim:
        # A loss over entries has a weight for each; a metric over rows needs the row's weight.
        weight = weight.sum(tuple(range(values.ndim, weight.ndim)))
    values = values.mean(tuple(range(weight.ndim, values.ndim)))
    return float((values * weight).sum())


def _entries(target: Values, y: Values) -> Values:
    """Return integer classes (...) as one-hot rows (..., V), and anything else unchanged."""
    return target if target.ndim == y.ndim else np.eye(y.shape[-1], dtype=y.dtype)[target]


_NAMES = (
    "accuracy",
    "acc",
    "categorical_accuracy",
    "sparse_categorical_accuracy",
    "binary_accuracy",
    "perplexity",
    "bits_per_character",
    "mae",
    "mean_absolute_error",
    "mse",
    "mean_squared_error",
)


def get(spec: str | Metric | MetricFunction, loss: Loss) -> Metric:
    """Return a metric from its name, a function of (y_true, y_pred), or itself.

    Args:
        spec: the metric; "accuracy" chooses the kind that fits the outputs.
        loss: the loss of the model.

    Raises:
        InvalidValueError: no metric has that name, or it does not fit the loss.
    """
    if isinstance(spec, Metric):
        return spec
    if callable(spec) and not isinstance(spec, type):
        return FunctionMetric(spec)
    if not isinstance(spec, str):
        raise InvalidTypeError("metrics", "names, functions or Metrics", repr(spec))
    name = checks.one_of("metrics", spec, _NAMES)
    categorical = isinstance(loss, CategoricalCrossentropy)
    threshold = 0.0 if loss.from_logits else 0.5
    match name:
        case "accuracy" | "acc":
            return Accuracy(name, threshold)
        case "categorical_accuracy" | "sparse_categorical_accuracy":
            return CategoricalAccuracy(name)
        case "binary_accuracy":
            return BinaryAccuracy(name, threshold)
        case "mae" | "mean_absolute_error":
            return MeanAbsoluteErrorMetric(name)
        case "mse" | "mean_squared_error":
            return MeanSquaredErrorMetric(name)
    if not categorical:
        raise InvalidValueError("metrics", f"no {name!r} unless the loss is a cross-entropy", name)
    return Perplexity(name) if name == "perplexity" else BitsPerCharacter(name)


def by_name(plain: Sequence[Metric], weighted: Sequence[Metric]) -> dict[str, Metric]:
    """Return all metrics by name; duplicates are numbered as in Keras: mae, mae_1, weighted_mae.

    The name "loss" is reserved for the loss.
    """
    named: dict[str, Metric] = {}
    for prefix, metrics in (("", plain), ("weighted_", weighted)):
        for metric in metrics:
            name = base = metric.name if metric.name not in named else prefix + metric.name
            count = 0
            while name in named or name == "loss":
                count += 1
                name = f"{base}_{count}"
            named[name] = metric
    return named

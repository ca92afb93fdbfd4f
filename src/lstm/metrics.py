"""Metrics: what is reported beside the loss. They are computed on the host, in NumPy."""

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
    """Whether `update` looks at the outputs; if not, they may never be computed, and `y` is of no
    meaning."""

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
        """Start anew."""
        self._total = 0.0
        self._weight = 0.0

    def update(
        self, loss: float, y: Values, target: Values, weight: Values | None, count: float
    ) -> None:
        """Add one batch.

        Args:
            loss: the mean loss of the batch.
            y: outputs, (..., V) or (...).
            target: as the loss takes it.
            weight: of each position, summing to 1; None where all count alike.
            count: how much the batch weighs against others, such as its number of positions.
        """
        self._total += _mean(np.asarray(self.values(loss, y, target)), weight) * count
        self._weight += count

    def values(self, loss: float, y: Values, target: Values) -> Any:
        """The value at each position, or one for the batch."""
        raise NotDefinedError(self, "values(loss, y, target)")

    def result(self) -> float:
        """The mean so far; NaN before anything was seen."""
        return self._total / self._weight if self._weight else math.nan

    def contents(self) -> dict[str, Values]:
        """All of its attributes that are numbers or arrays: what it has seen is among them."""
        kinds = int, float, np.generic, np.ndarray
        return {key: np.asarray(v) for key, v in vars(self).items() if isinstance(v, kinds)}

    def restore(self, contents: Mapping[str, Values]) -> None:
        """Go on from what `contents` gave."""
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
    """Share of right answers: of entries where there is one output at a position, else of classes.

    Args:
        name: the key under which it is reported.
        threshold: from which on a single output means yes.
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
    """Base of the metrics that say a mean cross-entropy in another unit."""

    needs_outputs = False

    def values(self, loss: float, y: Values, target: Values) -> Any:
        return loss


class Perplexity(_FromCrossEntropy):
    """exp of the mean cross-entropy: between how many symbols the model hesitates."""

    def result(self) -> float:
        return math.exp(min(super().result(), 700.0))


class BitsPerCharacter(_FromCrossEntropy):
    """The mean cross-entropy in bits instead of nats."""

    def result(self) -> float:
        return super().result() / math.log(2)


class FunctionMetric(Metric):
    """The mean of a user's `function(y_true, y_pred)`, which gives one value or one per position.

    A function that gives one value for a batch is called on the positions that count, in a row, if
    some do not.
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
    """Whether the largest output (..., V) is the right class, out of classes (...) or rows."""
    right = target if target.ndim < y.ndim else target.argmax(-1)
    return np.asarray(y.argmax(-1) == right)


def _mean(values: Values, weight: Values | None) -> float:
    """The mean over positions, each weighing as much as `weight` says."""
    if weight is None or values.ndim == 0:
        return float(values.mean())
    if weight.ndim > values.ndim:
        # A loss over entries weighs each; a metric over rows needs the weight of the row.
        weight = weight.sum(tuple(range(values.ndim, weight.ndim)))
    values = values.mean(tuple(range(weight.ndim, values.ndim)))
    return float((values * weight).sum())


def _entries(target: Values, y: Values) -> Values:
    """Integer classes (...) as one-hot rows (..., V); anything else as it is."""
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
    """A metric from its name, a function of (y_true, y_pred), or itself.

    Args:
        spec: which; "accuracy" is the kind that fits the outputs.
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
    """All metrics; those that share a name are told apart as in Keras: mae, mae_1, weighted_mae.

    "loss" is taken: it is that of the loss.
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

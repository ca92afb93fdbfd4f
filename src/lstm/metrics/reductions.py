"""Reductions: sums and means of values, and the means of functions of targets and outputs."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidTypeError
from lstm.interface import set_by_constructor
from lstm.metrics.arrays import divided, spread
from lstm.metrics.base import Metric
from lstm.metrics.variable import Variable

Values = NDArray[Any]
MetricFunction = Callable[..., Any]

_RISES = {"lstm.losses": False, "lstm.metrics.accuracy": True, "lstm.metrics.correlation": True}
"""Whether a better model has more of what the functions in these modules return."""


def weighted(values: Values, sample_weight: Any) -> tuple[Values, Values]:
    """Return values times their weights, and the weights; what weighs 0 may be any value."""
    weights = spread(sample_weight, values.shape)
    return np.where(weights == 0, 0, values) * weights, weights


class Sum(Metric):
    """Σ w·v, over all values of all batches.

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variable; float64 by default.

    Example:
        >>> from lstm.metrics import Sum
        >>> metric = Sum()
        >>> metric.update_state([1, 3, 5, 7], sample_weight=[1, 1, 0, 0])
        >>> metric.result()
        4.0
    """

    total: Variable

    def __init__(self, name: str = "sum", dtype: str | None = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable((), name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add values of any shape, with weights of that shape or of its first axes."""
        found = checks.numbers("values", values)
        if sample_weight is not None:
            found, _ = weighted(found, sample_weight)
        self.total.assign_add(found.sum(dtype=self.dtype))

    def result(self) -> float:
        """Return the sum so far."""
        return float(self.total)


class Average(Metric):
    """Base of the metrics that are a mean of values: Σ w·v / Σ w; 0 if there are none.

    Every value counts the same in whatever batch it came, unless weights say otherwise. (In Keras
    every example counts the same, so that a step of a longer sequence counts less.)
    """

    total: Variable
    count: Variable

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable((), name="total")
        self.count = self.add_variable((), name="count")

    def _include(self, values: Values, sample_weight: Any) -> None:
        """Add values, with weights of their shape or of its first axes; None for equal ones."""
        count: float = values.size
        if sample_weight is not None:
            values, weights = weighted(values, sample_weight)
            count = weights.sum()
        self.total.assign_add(values.sum(dtype=self.dtype))
        self.count.assign_add(count)

    def result(self) -> float:
        """Return the mean so far."""
        return float(divided(self.total, self.count))


class Mean(Average):
    """Σ w·v / Σ w, over all values of all batches; 0 if there are none.

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Example:
        >>> from lstm.metrics import Mean
        >>> metric = Mean()
        >>> metric.update_state([1, 3, 5, 7], sample_weight=[1, 1, 0, 0])
        >>> metric.update_state([8])
        >>> metric.result()
        4.0
    """

    def __init__(self, name: str = "mean", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add values of any shape, with weights of that shape or of its first axes."""
        self._include(checks.numbers("values", values), sample_weight)


class MeanMetricWrapper(Average):
    """The mean of a function of (y_true, y_pred), which returns a value for each position.

    It may also return one value for the batch, which counts as much as the batch has numbers. If
    some positions are masked, it is then called on the others, in a row.

    Args:
        fn: the function of two arrays.
        name: the key under which it is reported; the name of the function by default.
        dtype: the dtype of its variables; float64 by default.
        options: other arguments of the function, by name.

    Example:
        >>> import numpy as np
        >>> from lstm.metrics import MeanMetricWrapper
        >>> metric = MeanMetricWrapper(lambda t, y, power: (y - t) ** power, power=4)
        >>> metric([1, 1], [2, 3])
        8.5
    """

    fn: MetricFunction = set_by_constructor()

    def __init__(
        self,
        fn: MetricFunction,
        name: str | None = None,
        dtype: str | None = None,
        **options: Any,
    ) -> None:
        if not callable(fn):
            raise InvalidTypeError("fn", "a function of (y_true, y_pred)", repr(fn))
        super().__init__(
            getattr(fn, "__name__", type(fn).__name__) if name is None else name, dtype
        )
        self.fn = fn
        self._options = options
        for module, rises in _RISES.items() if self.rises is None else ():
            if f"{getattr(fn, '__module__', None)}.".startswith(f"{module}."):
                self.rises = rises

    def arguments(self) -> dict[str, Any]:
        return super().arguments() | (self._options if "fn" in self._names else {})

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of targets and outputs, with a weight for each position or example."""
        target, found = (np.asarray(part) for part in (y_true, y_pred))
        values = np.asarray(self.fn(target, found, **self._options))
        if values.ndim:
            self._include(values, sample_weight)
            return
        total: float = target.size
        if sample_weight is not None:
            total = float(spread(sample_weight, target.shape).sum())
            kept = np.asarray(sample_weight) != 0
            if total and not kept.all():
                values = np.asarray(self.fn(target[kept], found[kept], **self._options))
        self._include(values, total)

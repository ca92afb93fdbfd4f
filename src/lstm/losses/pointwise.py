"""Losses that compare number by number, in one operation."""

from typing import Any, ClassVar

from numpy.typing import NDArray

from lstm import checks
from lstm.backends.contract import Array, Cache, Ops, PointwiseLossName
from lstm.errors import InvalidValueError
from lstm.losses.base import Loss
from lstm.losses.categorical import on_logits
from lstm.losses.functions import (
    binary_crossentropy,
    huber,
    mean_absolute_error,
    mean_squared_error,
)

Values = NDArray[Any]


class Pointwise(Loss):
    """Base of the losses that compare number by number in one operation."""

    kernel: ClassVar[PointwiseLossName]
    delta = 1.0

    def forward(
        self, ops: Ops, y: Array, target: Array, weight: Array | None
    ) -> tuple[float, Cache]:
        if self._is_called:
            return super().forward(ops, y, target, weight)
        return ops.pointwise_loss_forward(self._kernel(), y, target, weight, self.delta)

    def backward(self, ops: Ops, cache: Cache) -> Array:
        if self._is_called:
            return super().backward(ops, cache)
        return ops.pointwise_loss_backward(cache)

    def _kernel(self) -> PointwiseLossName:
        return self.kernel


class BinaryCrossentropy(Pointwise):
    """-t·log p - (1 - t)·log(1 - p), the mean over all entries, in nats; targets in [0, 1].

    Outputs that do not come from a sigmoid are limited to [1e-7, 1 - 1e-7], beyond which they have
    no gradient.

    Args:
        from_logits: the model's output is logits, not probabilities.
        label_smoothing: how far targets move toward 1/2, as a share.
        reduction, name: as for `Loss`.
    """

    name = "binary_crossentropy"
    activation = "sigmoid"
    kernel = "binary_cross_entropy"

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        self.from_logits = checks.boolean("from_logits", from_logits)
        self.label_smoothing = checks.number("label_smoothing", label_smoothing, 0, 1)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return binary_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing)

    def on_logits(self) -> Loss:
        return on_logits(self)

    def compared(self, target: Values, shape: tuple[int, ...], dtype: str) -> Values:
        if self._is_called or not self.label_smoothing:  # `call` smooths by itself.
            return target
        return target * (1 - self.label_smoothing) + self.label_smoothing / 2

    def check(self, target: Values, shape: tuple[int, ...]) -> None:
        super().check(target, shape)
        if target.size and (target.min() < 0 or target.max() > 1):
            bad = target.min() if target.min() < 0 else target.max()
            raise InvalidValueError("y", "numbers in [0, 1]", bad)

    def _kernel(self) -> PointwiseLossName:
        return "sigmoid_cross_entropy" if self.from_logits else self.kernel


class MeanSquaredError(Pointwise):
    """(y - t)², the mean over all entries."""

    name = "mse"
    kernel = "squared_error"

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return mean_squared_error(y_true, y_pred)


class MeanAbsoluteError(Pointwise):
    """`|y - t|`, the mean over all entries."""

    name = "mae"
    kernel = "absolute_error"

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return mean_absolute_error(y_true, y_pred)


class Huber(Pointwise):
    """(y - t)² / 2 near the target, linear beyond `delta`; the mean over all entries.

    Args:
        delta: the error at which the loss becomes linear.
        reduction, name: as for `Loss`.

    Example:
        >>> import lstm
        >>> float(lstm.losses.Huber()([[0.0]], [[3.0]]))
        2.5

    Source:
        Huber, "Robust estimation of a location parameter", 1964.
    """

    name = "huber"
    kernel = "huber"

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        self.delta = checks.number("delta", delta, 0, open_low=True)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return huber(y_true, y_pred, self.delta)

"""Cross-entropy of classes."""

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.backends.contract import Array, Cache, Ops
from lstm.errors import InvalidShapeError
from lstm.interface import promises
from lstm.losses.base import Loss
from lstm.losses.functions import categorical_crossentropy, sparse_categorical_crossentropy

Values = NDArray[Any]


class CategoricalCrossentropy(Loss):
    """-Σ_v t_v·log p_v, the mean over all positions, in nats.

    Targets are distributions (..., V), such as one-hot rows, or integer classes (...). Outputs that
    do not come from a softmax are divided by their sum and limited to [1e-7, 1 - 1e-7], beyond
    which they have no gradient.

    Args:
        from_logits: the model's output is logits, not probabilities.
        label_smoothing: share of each target that is spread over all classes.
        reduction, name: as for `Loss`.
    """

    name = "categorical_crossentropy"
    activation = "softmax"
    label_smoothing = 0.0

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
        return categorical_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing)

    def on_logits(self) -> Loss:
        return on_logits(self)

    def check(self, target: Values, shape: tuple[int, ...]) -> None:
        if len(shape) < 2:
            raise InvalidShapeError("output", "axes (B, ..., classes)", f"shape {shape}")
        if self._are_classes(target, shape):
            checks.index_range("y", target, shape[-1])
        elif target.shape != shape:
            raise InvalidShapeError(
                "y", f"shape {shape}, or classes of shape {shape[:-1]}", f"shape {target.shape}"
            )
        else:
            checks.finite("y", target)

    def target(self, target: Values, shape: tuple[int, ...], dtype: str) -> Values:
        if self._are_classes(target, shape):
            return np.ascontiguousarray(target.reshape(shape[:-1]), np.int64)
        return np.ascontiguousarray(target, dtype)

    def compared(self, target: Values, shape: tuple[int, ...], dtype: str) -> Values:
        if self._is_called or not self.label_smoothing:  # `call` smooths by itself.
            return target
        rows = np.eye(shape[-1], dtype=dtype)[target] if target.shape != shape else target
        return rows * (1 - self.label_smoothing) + self.label_smoothing / shape[-1]

    def _are_classes(self, target: Values, shape: tuple[int, ...]) -> bool:
        """Whether a target is integers (...) or (..., 1), not distributions (..., V)."""
        return target.shape != shape and target.shape in (shape[:-1], (*shape[:-1], 1))

    def positions(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape[:-1]

    def forward(
        self, ops: Ops, y: Array, target: Array, weight: Array | None
    ) -> tuple[float, Cache]:
        if self._is_called:
            return super().forward(ops, y, target, weight)
        if self.from_logits:
            return ops.softmax_cross_entropy_forward(y, target, weight)
        return ops.cross_entropy_forward(y, target, weight)

    def backward(self, ops: Ops, cache: Cache) -> Array:
        if self._is_called:
            return super().backward(ops, cache)
        if self.from_logits:
            return ops.softmax_cross_entropy_backward(cache)
        return ops.cross_entropy_backward(cache)

    @property
    def includes_linear(self) -> bool:
        kept = promises(type(self), "of_linear", "forward", "backward") and not self._is_called
        return self.from_logits and kept

    def of_linear(
        self,
        ops: Ops,
        x: Array,
        w: Array,
        b: Array | None,
        target: Array,
        weight: Array | None,
        dw: Array | None,
        db: Array | None,
        need_dx: bool,
    ) -> tuple[float, Array | None]:
        return ops.linear_softmax_cross_entropy(x, w, b, target, weight, dw, db, need_dx)


class SparseCategoricalCrossentropy(CategoricalCrossentropy):
    """-log p of the right class, the mean over all positions, in nats.

    Targets are integer classes (...) or (..., 1), for an output (..., V), as for
    `CategoricalCrossentropy`.

    Args:
        from_logits: the model's output is logits, not probabilities.
        reduction, name: as for `Loss`.
    """

    name = "sparse_categorical_crossentropy"

    def __init__(
        self,
        from_logits: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(from_logits, 0.0, reduction, name)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return sparse_categorical_crossentropy(y_true, y_pred, self.from_logits)

    def check(self, target: Values, shape: tuple[int, ...]) -> None:
        if not self._are_classes(target, shape):
            raise InvalidShapeError("y", f"classes of shape {shape[:-1]}", f"shape {target.shape}")
        super().check(target, shape)

    def _are_classes(self, target: Values, shape: tuple[int, ...]) -> bool:
        return target.shape in (shape[:-1], (*shape[:-1], 1))


def on_logits(loss: Loss) -> Loss:
    twin = copy.copy(loss)  # A subclass may have its own constructor.
    twin.from_logits = True
    return twin

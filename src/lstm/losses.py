"""Losses: what training minimizes.

Each is a mean over all positions that are not masked: time steps of examples, and single outputs
where these are compared one by one.
"""

import copy
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.backends.contract import ActivationName, Array, Cache, Ops, PointwiseLossName
from lstm.configured import Versioned, described
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, NotDefinedError
from lstm.interface import promises

Values = NDArray[Any]


class Loss(Versioned):
    """Base of all losses, including those that users write.

    Your own loss defines `forward` and `backward`. By default, it compares outputs and targets of
    the same shape number by number; `check`, `target` and `positions` can change this. The arrays
    belong to the backend: `ops.to_numpy` and `ops.array` convert them.

    Attributes:
        name: the name in `compile(loss=...)`.
        activation: the activation at the end of a model that the loss can include, computing with
            logits instead, which is faster and cannot overflow.

    Example:
        log cosh(y - t), which is a squared error near the target and an absolute one far away:

        >>> import numpy as np
        >>> import lstm
        >>> class LogCosh(lstm.losses.Loss):
        ...     def forward(self, ops, y, target, weight):
        ...         error = ops.to_numpy(y) - ops.to_numpy(target)
        ...         share = 1 / error.size if weight is None else ops.to_numpy(weight)
        ...         return float((np.log(np.cosh(error)) * share).sum()), (error, share)
        ...     def backward(self, ops, cache):
        ...         error, share = cache
        ...         return ops.array(np.tanh(error) * share)
        >>> model = lstm.Sequential([lstm.Input((2,)), lstm.layers.Dense(1, use_bias=False)])
        >>> model.set_weights([np.array([[1.0], [2.0]])])
        >>> model.compile("sgd", LogCosh())
        >>> print(f"{model.evaluate([[1.0, 1.0]], [[2.0]]):.4f}")  # log cosh 1
        0.4338
    """

    name: ClassVar[str] = "loss"
    activation: ClassVar[ActivationName] = "linear"
    from_logits = False

    never_called: ClassVar[Mapping[str, str]] = {
        "__call__": "forward and backward: gradients are not found automatically",
        "call": "forward and backward: gradients are not found automatically",
    }

    def __init__(self) -> None:
        """Make a loss without arguments."""

    def on_logits(self) -> "Loss":
        """Return the same loss for a model from which `activation` was removed."""
        raise NotDefinedError(self, "on_logits()")

    @property
    def takes_logits(self) -> bool:
        """Whether `on_logits` returns the same loss for a model without its `activation`."""
        kept = promises(type(self), "on_logits", "forward", "backward")
        return kept and self.activation != "linear" and not self.from_logits

    @property
    def includes_linear(self) -> bool:
        """Whether `of_linear` computes the loss together with the product before it."""
        return False

    def check(self, target: Values, shape: tuple[int, ...]) -> None:
        """Check a target for an output of `shape`; by default numbers of that shape.

        Raises:
            InvalidShapeError: the target does not match the output.
            InvalidValueError: the target has impossible values.
        """
        # (B,) and (B, 1) hold the same numbers, but must not be broadcast against each other.
        if shape not in (target.shape, (*target.shape, 1)) and target.shape != (*shape, 1):
            raise InvalidShapeError("y", f"shape {shape}", f"shape {target.shape}")
        if target.dtype.kind not in "iufb":
            raise InvalidTypeError("y", "numbers", f"dtype {target.dtype}")
        checks.finite("y", target)

    def target(self, target: Values, shape: tuple[int, ...], dtype: str) -> Values:
        """Return a checked target in the form for the backend; by default in the output's shape."""
        return np.ascontiguousarray(target.reshape(shape), dtype)

    def positions(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the weights for an output of `shape`; by default one per number."""
        return shape

    def forward(
        self, ops: Ops, y: Array, target: Array, weight: Array | None
    ) -> tuple[float, Cache]:
        """Return Σ weight·loss over the positions (None: the mean), and what `backward` needs.

        Args:
            ops: the operations of the backend.
            y: the output.
            target: the result of `target`.
            weight: weight of each position, or None.
        """
        raise NotDefinedError(self, "forward(ops, y, target, weight)")

    def backward(self, ops: Ops, cache: Cache) -> Array:
        """Return the gradient of the output, in its shape and in the dtype of the backend."""
        raise NotDefinedError(self, "backward(ops, cache)")

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
        """Return the loss of x·w + b and, if needed, the gradient of x, in one operation.

        The gradients of w and b are added to dw and db, if these are not None.
        """
        raise NotDefinedError(self, "of_linear(ops, x, w, b, target, weight, dw, db, need_dx)")


class CategoricalCrossentropy(Loss):
    """-Σ_v t_v·log p_v, the mean over all positions, in nats.

    Targets are distributions (..., V), such as one-hot rows, or integer classes (...). Outputs that
    do not come from a softmax are divided by their sum and limited to [1e-7, 1 - 1e-7], beyond
    which they have no gradient.

    Args:
        from_logits: the model's output is logits, not probabilities.
    """

    name = "categorical_crossentropy"
    activation = "softmax"

    def __init__(self, from_logits: bool = False) -> None:
        self.from_logits = checks.boolean("from_logits", from_logits)

    def on_logits(self) -> Loss:
        return _on_logits(self)

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

    def _are_classes(self, target: Values, shape: tuple[int, ...]) -> bool:
        """Whether a target is integers (...) or (..., 1), not distributions (..., V)."""
        return target.shape != shape and target.shape in (shape[:-1], (*shape[:-1], 1))

    def positions(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape[:-1]

    def forward(
        self, ops: Ops, y: Array, target: Array, weight: Array | None
    ) -> tuple[float, Cache]:
        if self.from_logits:
            return ops.softmax_cross_entropy_forward(y, target, weight)
        return ops.cross_entropy_forward(y, target, weight)

    def backward(self, ops: Ops, cache: Cache) -> Array:
        if self.from_logits:
            return ops.softmax_cross_entropy_backward(cache)
        return ops.cross_entropy_backward(cache)

    @property
    def includes_linear(self) -> bool:
        return self.from_logits and promises(type(self), "of_linear", "forward", "backward")

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
    """

    name = "sparse_categorical_crossentropy"

    def check(self, target: Values, shape: tuple[int, ...]) -> None:
        if not self._are_classes(target, shape):
            raise InvalidShapeError("y", f"classes of shape {shape[:-1]}", f"shape {target.shape}")
        super().check(target, shape)

    def _are_classes(self, target: Values, shape: tuple[int, ...]) -> bool:
        return target.shape in (shape[:-1], (*shape[:-1], 1))


class _Pointwise(Loss):
    """Base of the losses that compare number by number in one operation."""

    kernel: ClassVar[PointwiseLossName]
    delta = 1.0

    def forward(
        self, ops: Ops, y: Array, target: Array, weight: Array | None
    ) -> tuple[float, Cache]:
        return ops.pointwise_loss_forward(self._kernel(), y, target, weight, self.delta)

    def backward(self, ops: Ops, cache: Cache) -> Array:
        return ops.pointwise_loss_backward(cache)

    def _kernel(self) -> PointwiseLossName:
        return self.kernel


class BinaryCrossentropy(_Pointwise):
    """-t·log p - (1 - t)·log(1 - p), the mean over all entries, in nats; targets in [0, 1].

    Outputs that do not come from a sigmoid are limited to [1e-7, 1 - 1e-7], beyond which they have
    no gradient.

    Args:
        from_logits: the model's output is logits, not probabilities.
    """

    name = "binary_crossentropy"
    activation = "sigmoid"
    kernel = "binary_cross_entropy"

    def __init__(self, from_logits: bool = False) -> None:
        self.from_logits = checks.boolean("from_logits", from_logits)

    def on_logits(self) -> Loss:
        return _on_logits(self)

    def check(self, target: Values, shape: tuple[int, ...]) -> None:
        super().check(target, shape)
        if target.size and (target.min() < 0 or target.max() > 1):
            bad = target.min() if target.min() < 0 else target.max()
            raise InvalidValueError("y", "numbers in [0, 1]", bad)

    def _kernel(self) -> PointwiseLossName:
        return "sigmoid_cross_entropy" if self.from_logits else self.kernel


class MeanSquaredError(_Pointwise):
    """(y - t)², the mean over all entries."""

    name = "mse"
    kernel = "squared_error"


class MeanAbsoluteError(_Pointwise):
    """`|y - t|`, the mean over all entries."""

    name = "mae"
    kernel = "absolute_error"


class Huber(_Pointwise):
    """(y - t)² / 2 near the target, linear beyond `delta`; the mean over all entries.

    Args:
        delta: the error at which the loss becomes linear.

    Source:
        Huber, "Robust estimation of a location parameter", 1964.
    """

    name = "huber"
    kernel = "huber"

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = checks.number("delta", delta, 0, open_low=True)


def _on_logits(loss: Loss) -> Loss:
    twin = copy.copy(loss)  # A subclass may have its own constructor.
    twin.from_logits = True
    return twin


LOSSES: dict[str, type[Loss]] = {
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "binary_crossentropy": BinaryCrossentropy,
    "mse": MeanSquaredError,
    "mean_squared_error": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mean_absolute_error": MeanAbsoluteError,
    "huber": Huber,
}


def get(spec: str | Loss | dict[str, Any]) -> Loss:
    """Return a loss from its name, its saved form or itself.

    Raises:
        InvalidValueError: no loss has that name.
    """
    if isinstance(spec, Loss):
        return spec
    if isinstance(spec, dict) and "config" in spec:
        return described("loss", spec, LOSSES, "name")
    if not isinstance(spec, str):
        raise InvalidTypeError(
            "loss", "the name of a loss or a Loss (its gradient must be known)", repr(spec)
        )
    return LOSSES[checks.one_of("loss", spec, LOSSES)]()

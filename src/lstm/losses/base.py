"""Loss: what training minimizes.

It is a mean over all positions that are not masked: time steps of examples, and single outputs
where these are compared one by one.
"""

from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.backends.contract import ActivationName, Array, Cache, Ops
from lstm.configured import Versioned
from lstm.errors import InvalidShapeError, InvalidTypeError, NotDefinedError
from lstm.interface import of_library, promises
from lstm.layers.masks import Mask
from lstm.layers.symbolic import Operators
from lstm.layers.traced import Traced, Traces, run_for
from lstm.ops import expand_dims, mean, squeeze, sum
from lstm.ops.calling import shape_of

Values = NDArray[Any]

REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "none", None)


class Loss(Versioned):
    """Base of all losses, including those that users write.

    Your own loss defines `call(y_true, y_pred)` with `lstm.ops`, which is traced once and gets its
    gradient from there. It returns a loss for each position, usually the mean over the last axis,
    so that padding does not count; or a single number, in which padding counts. A loss may define
    `forward` and `backward` instead, on arrays of the backend. By default targets have the shape of
    the outputs; `check` and `target` can change this.

    Args:
        reduction: what calling the loss returns: "sum_over_batch_size", the mean; "sum"; or "none",
            the loss of each position. `compile` accepts the mean only.
        name: its name in messages.

    Attributes:
        activation: the activation at the end of a model that the loss can include, computing with
            logits instead, which is faster and cannot overflow.

    Example:
        log cosh(y - t), which is a squared error near the target and an absolute one far away:

        >>> import lstm
        >>> from lstm import ops
        >>> class LogCosh(lstm.losses.Loss):
        ...     def call(self, y_true, y_pred):
        ...         error = y_pred - y_true
        ...         return ops.mean(error + ops.softplus(-2.0 * error) - 0.6931472, axis=-1)
        >>> float(LogCosh()([[2.0]], [[3.0]]).round(4))  # log cosh 1
        0.4338
        >>> model = lstm.Sequential([lstm.Input((2,)), lstm.layers.Dense(1)])
        >>> model.compile("sgd", LogCosh())
    """

    name: str = "loss"
    activation: ClassVar[ActivationName] = "linear"
    from_logits = False

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = None
    ) -> None:
        self.reduction = checks.one_of("reduction", reduction, REDUCTIONS)
        self.name = type(self).name if name is None else checks.string("name", name)
        self._traces = Traces()

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each position of tensors or arrays."""
        raise NotDefinedError(self, "call(y_true, y_pred)")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the loss of arrays, or of tensors within another function.

        Args:
            y_true: targets.
            y_pred: outputs.
            sample_weight: weights of the positions, or of their first axes, perhaps with a last
                axis of size 1.

        Raises:
            InvalidShapeError: the weights do not fit, or sequences have different lengths.
            InvalidTypeError: targets or outputs are no numbers.

        Example:
            >>> import lstm
            >>> float(lstm.losses.MeanSquaredError()([[1.0, 2.0]], [[1.0, 4.0]]))
            2.0
        """
        given = [
            x if isinstance(x, Operators) else checks.numbers(argument, x).astype(float)
            for argument, x in (("y_true", y_true), ("y_pred", y_pred))
        ]
        targets, outputs = _alike(*given)
        values = self.call(targets, outputs)
        if sample_weight is not None:
            values = values * _weights(sample_weight, shape_of(values))
        if self.reduction in (None, "none"):
            return values
        return (sum if self.reduction == "sum" else mean)(values)

    def on_logits(self) -> "Loss":
        """Return the same loss for a model from which `activation` was removed."""
        raise NotDefinedError(self, "on_logits()")

    @property
    def takes_logits(self) -> bool:
        """Whether `on_logits` returns the same loss for a model without its `activation`."""
        kept = promises(type(self), "on_logits", "forward", "backward") and not self._is_called
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

    def compared(self, target: Values, shape: tuple[int, ...], dtype: str) -> Values:
        """Return what `forward` compares outputs with; by default the result of `target` itself.

        Metrics and the weights of classes read the result of `target`.

        Args:
            target: the result of `target`.
            shape: the shape of the outputs.
            dtype: the dtype of the backend.
        """
        return target

    def positions(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the weights for an output of `shape`; by default one per number."""
        return shape

    def positions_of(self, target: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the weights for a target and an output of these shapes."""
        if not self._is_called:
            return self.positions(shape)
        return tuple(n or 0 for n in self._of(target, shape).outputs[0].shape)

    @property
    def _is_called(self) -> bool:
        """Whether it is computed by `call`: no class of the library, or nearer, has `forward`."""
        for kind in type(self).__mro__:
            if of_library(kind):
                return kind.forward is Loss.forward and kind.call is not Loss.call  # type: ignore[attr-defined]
            if "forward" in vars(kind) or "call" in vars(kind):
                return "forward" not in vars(kind)
        return False

    def _of(self, target: tuple[int, ...], shape: tuple[int, ...]) -> Traced:
        """Return `call`, traced for targets and outputs of these shapes."""
        return self._traces.of(self.name, self.call, [target, shape], self.version)

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
        if not self._is_called:
            raise NotDefinedError(self, "call(y_true, y_pred)")
        traced = self._of(tuple(target.shape), tuple(y.shape))
        run = run_for(ops, y)
        (values,), caches = traced.forward(run, (target, y))
        return ops.weighted_total(values, weight), (traced, run, caches, values, weight)

    def backward(self, ops: Ops, cache: Cache) -> Array:
        """Return the gradient of the output, in its shape and in the dtype of the backend."""
        if not self._is_called:
            raise NotDefinedError(self, "backward(ops, cache)")
        traced, run, caches, values, weight = cache
        weight = shares(ops, values, weight)
        _, dy = traced.backward(run, caches, [weight], [False, True])
        return ops.zeros(traced.inputs[1].shape, run.backend.dtype) if dy is None else dy

    def real_steps(self, target: Values, mask: Mask | None) -> Mask | None:
        """Return which steps of outputs are real, for a loss of whole sequences; else None.

        A loss of positions need not know: what is padding has weight 0.

        Args:
            target: the result of `target`.
            mask: the mask of the outputs, if they have one.

        Raises:
            InvalidTypeError: a class of yours redefines `forward` or `backward` of such a loss, but
                not `forward_within`, and some steps are padding.
            InvalidValueError: the target does not fit the real steps.
        """
        return None

    def forward_within(
        self, ops: Ops, y: Array, target: Array, weight: Array | None, steps: Mask | None
    ) -> tuple[float, Cache]:
        """Return what `forward` does, with the result of `real_steps`."""
        return self.forward(ops, y, target, weight)

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


def shares(ops: Ops, values: Array, weight: Array | None) -> Array:
    """Return the weight of each value in the loss: without weights its share in their mean."""
    if weight is None:
        weight = ops.zeros(tuple(values.shape), ops.dtype_of(values))
        ops.fill(weight, 1 / max(prod(values.shape), 1))
    return weight


def _weights(sample_weight: Any, shape: tuple[int | None, ...]) -> Any:
    """Return weights with as many axes as values of `shape`."""
    symbolic = isinstance(sample_weight, Operators)
    weights = sample_weight if symbolic else checks.numbers("sample_weight", sample_weight)
    given = sizes = shape_of(weights)
    if len(given) == len(shape) + 1 and given[-1] == 1:
        weights, sizes = squeeze(weights, -1) if symbolic else weights[..., 0], given[:-1]
    if not shape:  # Of a loss that is one number.
        return weights
    fits = all(n in (1, m) or None in (n, m) for n, m in zip(sizes, shape, strict=False))
    if len(sizes) > len(shape) or not fits:
        expected = f"shape {shape}, or its first axes"
        raise InvalidShapeError("sample_weight", expected, f"shape {given}")
    missing = range(len(sizes), len(shape))
    return (
        expand_dims(weights, list(missing))
        if symbolic
        else weights.reshape(sizes + (1,) * len(missing))
    )


def _alike(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Return targets and outputs, of which one may lack a last axis of size 1."""
    a, b = shape_of(y_true), shape_of(y_pred)
    if b == (*a, 1):
        return expand_dims(y_true, -1), y_pred
    return (y_true, expand_dims(y_pred, -1)) if a == (*b, 1) and len(b) > 0 else (y_true, y_pred)

"""FunctionLoss: a user's function of targets and outputs as a loss."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidTypeError
from lstm.losses.base import Loss

Values = NDArray[Any]


class FunctionLoss(Loss):
    """A function of (y_true, y_pred), written with `lstm.ops`; traced once.

    Args:
        function: returns a loss for each position, or a number.

    Example:
        >>> import lstm
        >>> def farthest(y_true, y_pred):
        ...     return lstm.ops.max(lstm.ops.abs(y_true - y_pred), axis=-1)
        >>> float(lstm.losses.get(farthest)([[0.0, 0.0]], [[1.0, -3.0]]))
        3.0
    """

    name = "function"

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        super().__init__(name=getattr(function, "__name__", type(function).__name__))
        self.function = function

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.function(y_true, y_pred)

    def check(self, target: Values, shape: tuple[int, ...]) -> None:
        """Check a target; its shape is the function's matter, but for the examples."""
        if target.dtype.kind not in "iufb":
            raise InvalidTypeError("y", "numbers", f"dtype {target.dtype}")
        if target.shape[:1] != shape[:1]:
            raise InvalidShapeError("y", f"{shape[0]} examples", f"shape {target.shape}")
        checks.finite("y", target)

    def target(self, target: Values, shape: tuple[int, ...], dtype: str) -> Values:
        like = target.size == np.prod(shape) and target.ndim in (len(shape) - 1, len(shape) + 1)
        return np.ascontiguousarray(target.reshape(shape) if like else target, dtype)

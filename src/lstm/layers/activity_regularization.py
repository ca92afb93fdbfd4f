"""ActivityRegularization: large outputs add to the loss."""

from collections.abc import Sequence
from typing import Any, Unpack

from lstm.backends.contract import Array, Cache
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.masks import Mask
from lstm.layers.symbolic import OPERATORS, Shape, SymbolicTensor
from lstm.regularizers import L1L2


class ActivityRegularization(Layer):
    """Its input as it is; (l1·Σ|x| + l2·Σx²) / B is added to the loss.

    Args:
        l1: factor of the magnitudes.
        l2: factor of the squares.

    Example:
        >>> import lstm
        >>> lstm.layers.ActivityRegularization(l2=0.01)(lstm.Input((None, 3))).shape
        (None, None, 3)
    """

    keeps_mask = True
    memoryless = True
    weight_options = ()

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self._regularizer = L1L2(l1, l2)
        self.l1, self.l2 = self._regularizer.l1, self._regularizer.l2

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        return (shapes[0],)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        (x,) = inputs
        if not run.penalized or not x.shape[0]:
            return (x,), None
        run.penalties += self._regularizer.penalties(run.ops, x, 1 / x.shape[0])
        return (x,), x

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        if cache is None:
            return gradients
        added = self._regularizer.gradient(run.ops, cache, 1 / cache.shape[0])
        return (gradients[0] if added is None else run.ops.add([gradients[0], added]),)


def _activity(x: Any, regularizer: L1L2) -> Any:
    """Return a tensor that adds to the loss."""
    layer = ActivityRegularization(regularizer.l1, regularizer.l2)
    return layer(x) if isinstance(x, SymbolicTensor) else x


OPERATORS["activity"] = _activity

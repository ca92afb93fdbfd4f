"""ActivityRegularization: large outputs add to the loss."""

from collections.abc import Sequence
from typing import Any, Unpack

from lstm.backends.contract import Array, Cache
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.masks import Mask
from lstm.layers.penalties import RegularizerSpec
from lstm.layers.symbolic import OPERATORS, Shape


class ActivityPenalty(Layer):
    """Its input as it is; what a regularizer makes of it, over B, is added to the loss.

    Args:
        regularizer: the regularizer; padding counts, as in Keras.

    Example:
        >>> import lstm
        >>> from lstm import ops
        >>> layer = lstm.layers.ActivityPenalty(lambda x: ops.sum(ops.max(x, axis=-1)))
        >>> layer(lstm.Input((None, 3))).shape
        (None, None, 3)
    """

    keeps_mask = True
    memoryless = True
    weight_options = ()

    def __init__(self, regularizer: RegularizerSpec, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.regularizer: Any = OPERATORS["regularizer"](regularizer, "regularizer")

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        return (shapes[0],)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        (x,) = inputs
        if not run.penalized or not x.shape[0]:
            return (x,), None
        penalties, cache = self.regularizer.forward(run.ops, x, 1 / x.shape[0])
        run.penalties += penalties
        return (x,), cache

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        if cache is None:
            return gradients
        added = self.regularizer.backward(run.ops, cache)
        return (gradients[0] if added is None else run.ops.add([gradients[0], added]),)


class ActivityRegularization(ActivityPenalty):
    """Its input as it is; (l1·Σ|x| + l2·Σx²) / B is added to the loss.

    Args:
        l1: factor of the magnitudes.
        l2: factor of the squares.

    Example:
        >>> import lstm
        >>> lstm.layers.ActivityRegularization(l2=0.01)(lstm.Input((None, 3))).shape
        (None, None, 3)
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **options: Unpack[LayerOptions]) -> None:
        super().__init__({"class": "L1L2", "config": {"l1": l1, "l2": l2}}, **options)
        self.l1, self.l2 = self.regularizer.l1, self.regularizer.l2

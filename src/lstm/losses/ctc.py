"""CTC: the loss of labels of which nobody says at which steps they are."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import Array, Cache, Ops
from lstm.errors import InvalidShapeError, InvalidTypeError
from lstm.interface import promises
from lstm.layers.ctc_labels import check_labels, check_shape, check_steps
from lstm.layers.masks import Mask
from lstm.losses.base import Loss, shares
from lstm.losses.functions import BLANK, ctc

Values = NDArray[Any]


class CTC(Loss):
    """-log p(labels) of a sequence, all ways to spread them over its steps together, (C6).

    For outputs (B, T, C), which are logits of C classes and not probabilities. Class 0 is the
    *blank*, which stands for no label. Targets are labels (B, L), whole numbers in [1, C), and
    behind the last of each example zeros, as `lstm.data.pad_sequences(labels, padding="post")`
    makes them. An example needs a step for each label, and one more between two that are equal.

    Where sequences have different lengths, only real steps count, while in Keras padding counts
    like data. `lstm.ops.ctc_decode` turns outputs into labels.

    Args:
        reduction, name: as for `Loss`.

    Example:
        >>> import lstm
        >>> layers = [lstm.Input((None, 2)), lstm.layers.LSTM(3, return_sequences=True)]
        >>> model = lstm.Sequential([*layers, lstm.layers.Dense(4)])
        >>> model.compile("adam", lstm.losses.CTC())
        >>> x = [[[0, 1], [1, 0], [1, 1]], [[1, 0], [0, 1]]]  # of three steps, of two
        >>> loss = model.train_on_batch(x, [[3, 1], [2, 0]])  # two labels, one

    Source:
        Graves et al., "Connectionist temporal classification: labelling unsegmented sequence data
        with recurrent neural networks", 2006.
    """

    name = "ctc"

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return ctc(y_true, y_pred)

    def check(self, target: Values, shape: tuple[int, ...]) -> None:
        if len(shape) != 3:
            raise InvalidShapeError("output", "logits of shape (B, T, C)", f"shape {shape}")
        check_shape("y", target, shape[0])
        check_labels("y", target, shape[2], BLANK)
        if shape[1] is not None:
            check_steps("y", target, np.full(shape[0], shape[1]), BLANK)

    def target(self, target: Values, shape: tuple[int, ...], dtype: str) -> Values:
        return np.ascontiguousarray(target, np.int64)

    def positions(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape[:1]

    def real_steps(self, target: Values, mask: Mask | None) -> Mask | None:
        if mask is None or mask.ndim != 2 or self._is_called:  # To `call` all steps count.
            return None
        computes_itself = promises(type(self), "forward_within", "forward", "backward")
        if not computes_itself and not mask.all():
            raise InvalidTypeError(
                type(self).__name__,
                "forward_within, which knows the padding, beside its own forward or backward, "
                "for sequences of different lengths",
                "none",
            )
        if not computes_itself:
            return None
        check_steps("y", target, mask.sum(1), BLANK)
        return mask

    def forward(
        self, ops: Ops, y: Array, target: Array, weight: Array | None
    ) -> tuple[float, Cache]:
        return self.forward_within(ops, y, target, weight, None)

    def forward_within(
        self, ops: Ops, y: Array, target: Array, weight: Array | None, steps: Mask | None
    ) -> tuple[float, Cache]:
        if self._is_called:
            return super().forward(ops, y, target, weight)
        values, cache = ops.ctc_forward(y, target, BLANK, steps)
        return ops.weighted_total(values, weight), (cache, values, weight)

    def backward(self, ops: Ops, cache: Cache) -> Array:
        if self._is_called:
            return super().backward(ops, cache)
        inner, values, weight = cache
        return ops.ctc_backward(shares(ops, values, weight), inner)

"""Losses: weighted sums over positions, and those of whole sequences."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract.types import Array, Cache, PointwiseLossName


class LossOps(Protocol):
    """Losses: weighted sums over positions, and those of whole sequences."""

    def softmax_cross_entropy_forward(
        self, z: Array, target: Array, weight: Array | None
    ) -> tuple[float, Cache]:
        """Σ_n weight_n · (log Σ_v exp z_nv - Σ_v target_nv · z_nv).

        z (..., V); target int64 (...) or a distribution (..., V); weight (...), where None means
        the mean over all positions.
        """

    def softmax_cross_entropy_backward(self, cache: Cache) -> Array:
        """dz_nv = weight_n · (softmax(z_n)_v - target_nv)."""

    def linear_softmax_cross_entropy(
        self,
        x: Array,
        w: Array,
        b: Array | None,
        target: Array,
        weight: Array | None,
        dw: Array | None,
        db: Array | None,
        need_dx: bool,
    ) -> tuple[float, Array | None]:
        """The softmax cross-entropy of the logits z = x·w + b, with its gradients, in one call.

        This is not a pair of passes, so a backend can compute the logits in chunks and keep none; a
        separate backward pass would need them all again. Rows of weight 0, such as padding, are
        left out, and their dx is 0; with w in float, whatever they hold.

        Args:
            x: (..., D).
            w, b: (D, V) and (V).
            target, weight: as in `softmax_cross_entropy_forward`.

        Returns:
            The loss and dx (..., D); adds to dw (D, V) and db (V).
        """

    def cross_entropy_forward(
        self, p: Array, target: Array, weight: Array | None
    ) -> tuple[float, Cache]:
        """The same for shares of any sum: -Σ_n weight_n · Σ_v target_nv · log q_nv.

        q_nv = p_nv / Σ_u p_nu, limited to [1e-7, 1 - 1e-7] as in Keras; where the sum is 0, q is
        1e-7.
        """

    def cross_entropy_backward(self, cache: Cache) -> Array:
        """dp_nv = (dq_nv - Σ_u q_nu · dq_nu) / Σ_u p_nu, dq_nv = -weight_n · target_nv / q_nv.

        dq is 0 where q was limited, and dp is 0 where the sum is.
        """

    def ctc_forward(
        self, z: Array, labels: Array, blank: int, mask: NDArray[np.bool_] | None
    ) -> tuple[Array, Cache]:
        """Connectionist temporal classification, (C1) to (C6): -log p(labels), with no times given.

        Args:
            z: logits (B, T, C). What those of a step differ by, summed over the steps, is below
                1e30: a backend may take paths that are further behind others for impossible.
            labels: int64 (B, L): of each example its labels, and behind them the blank up to L.
            blank: the class that stands for no label.
            mask: (B, T), False where a step is skipped, as if the example did not have it, (C10);
                None if there is none.

        Returns:
            The loss of each example (B); infinity where it has too few steps for its labels.
        """

    def ctc_backward(self, dloss: Array, cache: Cache) -> Array:
        """dz_btk = dloss_b · (softmax(z_bt)_k - posterior_btk), (C7) to (C10).

        It is 0 at skipped steps, and where the loss is infinite.
        """

    def weighted_total(self, values: Array, weight: Array | None) -> float:
        """Σ_n weight_n · value_n over all entries; None means the mean."""

    def pointwise_loss_forward(
        self,
        loss: PointwiseLossName,
        y: Array,
        target: Array,
        weight: Array | None,
        delta: float,
    ) -> tuple[float, Cache]:
        """Σ_n weight_n · ℓ(y_n, target_n) over all entries.

        y, target (...); weight (...), where None means the mean over all entries. `delta` is the
        bend of the Huber loss and ignored by the others. "binary_cross_entropy" takes
        probabilities, limited to [1e-7, 1 - 1e-7] as in Keras, beyond which its slope is 0;
        "sigmoid_cross_entropy" takes logits.
        """

    def pointwise_loss_backward(self, cache: Cache) -> Array:
        """dy, of the shape of y."""

"""Objective: the loss at the end of a program, and what is computed together with it."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from lstm.backends.contract import ActivationName, Array, Ops
from lstm.errors import InvalidValueError
from lstm.layers.base import Run
from lstm.layers.dense import Dense
from lstm.layers.masks import Mask, spread, whole
from lstm.losses import Loss
from lstm.models.batches import Batch
from lstm.models.goals import ClassWeights, Goal, spread_over
from lstm.models.held import held_loss


class Objective:
    """The loss of the output of a program.

    Args:
        loss: the loss as compiled, which checks targets.
        computed: the loss that computes it: another one if it includes the activation.
        activation: the activation of the model's output that is included in the loss and not in the
            program; "linear" if there is none.

    Attributes:
        loss: the loss as compiled.
        fused: what is computed together with the loss, in the words of `summary()`; may be empty.
    """

    def __init__(self, loss: Loss, computed: Loss, activation: ActivationName) -> None:
        self.loss = loss
        self._computed = held_loss(computed)
        self._activation = activation
        self.fused = "" if activation == "linear" else "the last activation"

    def goal(
        self,
        run: Run,
        y: Array,
        mask: Mask | None,
        batch: Batch,
        class_weights: ClassWeights | None = None,
    ) -> Goal:
        """Return the goal of the outputs of a batch.

        Args:
            run: the pass.
            y: the output of the program for the batch.
            mask: the mask of y.
            batch: the batch, with targets.
            class_weights: weights of the examples of each class.

        Raises:
            InvalidValueError, InvalidShapeError: weights or padding do not fit the outputs.
            InvalidTypeError: the loss cannot leave padding out; see `Loss.real_steps`.
        """
        assert batch.y is not None
        shape, dtype = self._shape(y), run.backend.dtype
        target = self.loss.target(batch.y, shape, dtype)
        positions = self.loss.positions_of(tuple(target.shape), shape)
        weight = spread_over("sample_weight", batch.weight, positions)
        if class_weights is not None:
            of_classes = spread(class_weights.of(target, positions), positions)
            weight = of_classes if weight is None else weight * of_classes
        mask = self._mask(run, y, mask)
        steps = self.loss.real_steps(target, mask)
        mask = None if mask is None else whole(mask, len(positions))
        if mask is not None and mask.ndim < 2:  # Masks of whole examples do not count.
            mask = None
        if mask is not None and _reversed(mask, batch.masks):
            raise InvalidValueError(
                "x",
                "sequences of equal length, because the outputs of the model are in reversed order",
                "different lengths",
            )
        real = spread_over("mask", mask, positions)
        count = prod(positions) if real is None else np.count_nonzero(real)
        compared = self.loss.compared(target, shape, dtype)
        return Goal(target, compared, real, weight, float(count), steps)

    def compare(
        self, run: Run, y: Array, target: Array, weight: Array | None, *, learns: bool
    ) -> tuple[float, Array | None]:
        """Return the loss and, if something learns, the gradient of y.

        The target, and the weights of positions, are those of a goal.

        The gradients of weights that are computed together with the loss are added to their
        buffers.
        """
        loss, cache = self._computed.forward(run.ops, y, target, weight)
        return loss, self._computed.backward(run.ops, cache) if learns else None

    def reach(self, run: Run, y: Array, goal: Goal, *, learns: bool) -> tuple[float, Array | None]:
        """Return what `compare` does, for a goal of which the numbers and masks are known."""
        compared = goal.arrays(run.backend)
        if goal.steps is None:
            return self.compare(run, y, *compared, learns=learns)
        loss, cache = self._computed.forward_within(run.ops, y, *compared, goal.steps)
        return loss, self._computed.backward(run.ops, cache) if learns else None

    def only_compares(self, goal: Goal) -> bool:
        """Whether `reach` does no more than `compare`, for this goal and others of its form."""
        return goal.steps is None

    def outputs(self, ops: Ops, y: Array) -> Array:
        """Return the outputs of the model, from the output of the program."""
        return ops.activation_forward(y, self._activation)

    def _shape(self, y: Array) -> Any:
        """Return the shape of the outputs of the model."""
        return tuple(y.shape)

    def _mask(self, run: Run, y: Array, mask: Mask | None) -> Mask | None:
        """Return the mask of the outputs of the model."""
        return mask


class HeadObjective(Objective):
    """The loss joined with the product of the last layer into one operation.

    The outputs never exist all at once, so nothing can read them.

    Args:
        loss, computed, activation: as for an Objective.
        head: the layer.
        need_dx: whether something learns below it.
    """

    def __init__(
        self, loss: Loss, computed: Loss, activation: ActivationName, head: Dense, need_dx: bool
    ) -> None:
        super().__init__(loss, computed, activation)
        self.fused = "the last layer"
        self._of_linear, self._head, self._need_dx = computed.of_linear, head, need_dx

    def compare(
        self, run: Run, y: Array, target: Array, weight: Array | None, *, learns: bool
    ) -> tuple[float, Array | None]:
        need_dx = learns and self._need_dx
        with self._head.linear(run.backend, learns=learns) as (w, b, dw, db):
            return self._of_linear(run.ops, y, w, b, target, weight, dw, db, need_dx)

    def _shape(self, y: Array) -> Any:
        return self._head.output_shapes(tuple(y.shape))[0]

    def _mask(self, run: Run, y: Array, mask: Mask | None) -> Mask | None:
        return self._head.mask_after(run, (y,), mask)


def _reversed(mask: Mask, real: Sequence[Mask | None]) -> bool:
    """Whether outputs with `mask` have padding at the start, while targets have it at the end.

    Args:
        mask: which steps of the outputs count, (B, T).
        real: for each input of different lengths, which of its steps are not padding.
    """
    known = [steps for steps in real if steps is not None]
    alike = [steps for steps in known if steps.shape == mask.shape]
    if known and not alike:
        return bool((mask[:, 1:] & ~mask[:, :-1]).any())
    return bool(alike) and all((mask & ~steps).any() for steps in alike)

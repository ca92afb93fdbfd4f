"""CTCLoss: connectionist temporal classification of tensors."""

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.backends.contract import Array, Cache
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.ctc_labels import check_labels, check_steps
from lstm.layers.masks import Mask, of_steps
from lstm.layers.symbolic import Shape

Values = NDArray[Any]


class CTCLoss(Layer):
    """-log p(labels) of each example, (C6): labels (B, L) and logits (B, T, C) -> (B).

    Two more inputs, (B) or (B, 1), say how many labels and how many steps each example has. Without
    them the blank stands behind the last label, and padding says which steps there are. Labels are
    numbers of the data, so it has no plan.

    Args:
        mask_index: the class that stands for no label, the blank.

    Raises:
        InvalidValueError: a label is no class, or an example has too few steps for its labels.

    Example:
        >>> import lstm
        >>> lstm.layers.CTCLoss()([lstm.Input((None,)), lstm.Input((None, 5))]).shape
        (None,)
    """

    def __init__(self, mask_index: int = 0, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.mask_index = checks.int_at_least("mask_index", mask_index, 0)

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        if len(shapes) not in (2, 4):
            expected = "labels and logits, and perhaps how many there are of each"
            raise InvalidValueError(f"inputs of {self.name}", expected, f"{len(shapes)} tensors")
        labels, z, *lengths = shapes
        if len(labels) != 2:
            raise InvalidShapeError(f"labels of {self.name}", "axes (B, L)", f"shape {labels}")
        if len(z) != 3 or (z[2] is not None and z[2] <= self.mask_index):
            expected = f"axes (B, T, C), with a class {self.mask_index}"
            raise InvalidShapeError(f"logits of {self.name}", expected, f"shape {z}")
        for length in lengths:
            if len(length) > 2 or length[1:] not in ((), (1,)):
                expected = "shape (B) or (B, 1)"
                raise InvalidShapeError(f"lengths of {self.name}", expected, f"shape {length}")
        return ((z[0],),)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        labels, z, *lengths = inputs
        real = of_steps(self.name, mask)
        if lengths or not run.ops.holds_tokens(labels):  # Tokens were checked before.
            labels, real = self._checked(run, labels, z, lengths, real)
        loss, cache = run.ops.ctc_forward(z, labels, self.mask_index, real)
        return (loss,), cache

    def _checked(
        self, run: Run, labels: Array, z: Array, lengths: Sequence[Array], real: Mask | None
    ) -> tuple[Array, Mask | None]:
        """Return the labels as tokens, with blanks behind them, and which steps are real."""
        blank, argument = self.mask_index, f"labels of {self.name}"
        values = run.ops.to_numpy(labels)
        steps = np.full(z.shape[0], z.shape[1])
        if lengths:
            counts, steps = (
                checks.indices(f"lengths of {self.name}", run.ops.to_numpy(x), most + 1).reshape(-1)
                for x, most in zip(lengths, (values.shape[1], z.shape[1]), strict=True)
            )
            values = np.where(np.arange(values.shape[1]) < counts[:, None], values, blank)
            within = np.arange(z.shape[1]) < steps[:, None]
            real = within if real is None else real & within
        check_labels(argument, values, z.shape[2], blank)
        check_steps(argument, values, steps if real is None else real.sum(1), blank)
        return run.ops.array(values.astype(np.int64)), real

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        dz = run.ops.ctc_backward(gradients[0], cache) if need[1] else None
        return (None, dz, None, None)[: len(need)]

    def joined_mask(self, run: Run, inputs: Arrays, masks: Sequence[Mask | None]) -> Mask | None:
        """Return the mask of the logits."""
        return masks[1]

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        return None

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        raise InvalidValueError(self.name, "whole sequences, not chunks", "chunks")

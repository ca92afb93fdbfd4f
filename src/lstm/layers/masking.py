"""Masking: steps that later layers skip, and masks as tensors."""

from collections.abc import Sequence
from math import prod
from typing import Any, Unpack

import numpy as np

from lstm import checks
from lstm.backends.contract import Array, Cache
from lstm.errors import InvalidShapeError
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.eager import Tensor
from lstm.layers.masks import Mask, to_zero, whole
from lstm.layers.symbolic import OPERATORS, Shape, SymbolicTensor


class Masking(Layer):
    """Mark the steps of (B, T, ...) as padding in which all numbers are `mask_value`.

    Layers behind it skip them. Their numbers become 0, as in Keras.

    Args:
        mask_value: the number that padding consists of.

    Example:
        >>> import lstm
        >>> lstm.layers.Masking(mask_value=-1.0)(lstm.Input((None, 3))).shape
        (None, None, 3)
    """

    memoryless = True

    def __init__(self, mask_value: float = 0.0, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.mask_value = checks.number("mask_value", mask_value)

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        if len(shapes[0]) < 3:
            raise InvalidShapeError(f"input of {self.name}", "axes (B, T, ...)", shapes[0])
        return (shapes[0],)

    def _real(self, run: Run, x: Array) -> Mask:
        """Return which steps are real."""
        values = run.ops.to_numpy(x)
        padding: Mask = values == values.dtype.type(self.mask_value)
        real: Mask = ~np.all(padding, axis=tuple(range(2, values.ndim)))
        return real

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        shape = tuple(inputs[0].shape)
        rows = run.ops.reshape(inputs[0], (*shape[:2], prod(shape[2:])))
        real = self._real(run, inputs[0])
        return (run.ops.reshape(to_zero(run.backend, rows, real), shape),), (real, shape)

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        real, shape = cache
        rows = run.ops.reshape(gradients[0], (*shape[:2], prod(shape[2:])))
        return (run.ops.reshape(to_zero(run.backend, rows, real), shape),)

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        real = self._real(run, inputs[0])
        return real if mask is None else real & whole(mask, 2)


class MaskOf(Layer):
    """The mask of a tensor as numbers: (B, T, ...) -> (B, T), 1 where it counts, 0 at padding.

    Example:
        >>> import lstm
        >>> x = lstm.Input((None, 2))
        >>> real = lstm.Model(x, lstm.layers.MaskOf()(lstm.layers.Masking()(x)))
        >>> real.predict([[[1, 1], [0, 0]]]).tolist()
        [[1.0, 0.0]]
    """

    memoryless = True
    keeps_mask = True
    takes_numbers = True

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        return (shapes[0][:2],)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        ops, shape = run.ops, tuple(inputs[0].shape[:2])
        if mask is None:
            ones = ops.zeros(shape, run.backend.dtype)
            ops.fill(ones, 1.0)
            return (ones,), None
        return (ops.array(whole(mask, 2).astype(run.backend.dtype)),), None

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        return (None,)

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        return None if mask is None else whole(mask, 2)


class WithMask(Layer):
    """A tensor with another mask: the steps count where the second input, (B, T), is not 0.

    What is padding already stays padding.

    Example:
        >>> import lstm
        >>> x, real = lstm.Input((None, 2)), lstm.Input((None,))
        >>> lstm.layers.WithMask()([x, real]).shape  # what `layer(x, mask=real)` reads
        (None, None, 2)
    """

    memoryless = True

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        x, mask = shapes
        _check_mask(self.name.removeprefix(_MASK_OF), mask, x)
        return (x,)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        self.output_shapes(*(tuple(array.shape) for array in inputs))  # No size is open now.
        return (inputs[0],), None

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        return gradients[0], None

    def joined_mask(self, run: Run, inputs: Arrays, masks: Sequence[Mask | None]) -> Mask | None:
        return masks[0]

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        chosen = np.not_equal(run.ops.to_numpy(inputs[1]), 0)
        return chosen if mask is None else chosen & whole(mask, 2)


class MaskLike(Layer):
    """A tensor with the mask of the steps of another one, the second input."""

    memoryless = True

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        return (shapes[0],)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        return (inputs[0],), None

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        return gradients[0], None

    def joined_mask(self, run: Run, inputs: Arrays, masks: Sequence[Mask | None]) -> Mask | None:
        return None if masks[1] is None else whole(masks[1], 2)

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        return mask


class WithoutMask(Layer):
    """A tensor in which every step counts from here on."""

    memoryless = True

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        return (shapes[0],)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        return (inputs[0],), None

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        return gradients

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        return None


_MASK_OF = "mask_of_"
"""Before the name of a layer: the name of what gives its input the mask of the call."""


def _check_mask(layer: str, mask: Shape, x: Shape) -> None:
    """Check the shape of a mask for the input of a layer, (B, T, ...)."""
    if len(x) < 2:
        raise InvalidShapeError(f"input of {layer}", "axes (B, T, ...), as it has a mask", x)
    checks.shape(f"mask of {layer}", mask, x[:2])


def masked(x: Any, mask: Any, layer: str = "") -> Any:
    """Return a tensor, or an array, with another mask, or with none.

    Args:
        x: the tensor, or the array.
        mask: not 0 at the steps that count; None if all do.
        layer: the one that has this mask, named in errors.

    Raises:
        InvalidShapeError: the mask has not a number for each step.
    """
    if isinstance(x, SymbolicTensor):
        if mask is None:
            return WithoutMask()(x)
        if isinstance(mask, SymbolicTensor) and isinstance(mask.node.layer, MaskOf):
            return MaskLike()(x, mask.node.inputs[0])
        return WithMask(name=_MASK_OF + layer)(x, mask)
    values = np.asarray(x)
    if mask is None:
        return Tensor.of(values)
    counts = checks.numbers(f"mask of {layer}", mask) != 0
    _check_mask(layer, counts.shape, values.shape)
    return Tensor.of(values, counts)


def mask_of(x: Any) -> Any:
    """Return the mask of what `call` reads, as numbers; None for vectors, which have no steps."""
    if isinstance(x, list | tuple):
        return [mask_of(part) for part in x]
    if not isinstance(x, SymbolicTensor):
        mask = getattr(x, "mask", None)
        return None if mask is None or mask.ndim < 2 else whole(mask, 2)
    has_steps = x.ndim > 2 or x.shape[1:] == (None,)
    return MaskOf()(x) if has_steps else None


OPERATORS["mask"] = masked
OPERATORS["mask of"] = mask_of

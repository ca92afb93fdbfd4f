"""Masks: which entries of a tensor count, and which are padding.

The axes of a mask are the first axes of its tensor: (B, T) describes the steps of sequences,
(B, S, W) the words of sentences. A mask (B,) describes whole examples: TimeDistributed, for which
every step is an example, uses one for padding steps. Masks depend only on the data, never on what a
layer computes. They are NumPy arrays on every backend.
"""

from collections.abc import Sequence
from functools import reduce
from math import prod
from operator import or_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends import Backend
from lstm.backends.contract import Array
from lstm.errors import InvalidValueError

Mask = NDArray[np.bool_]

LOWEST = -1e30
"""Less than every number of a sequence. A logit that softmax turns into 0 next to any other."""


def spread(mask: NDArray[Any], shape: Sequence[int]) -> NDArray[Any]:
    """Return a mask, or other values for the first axes, with all axes of a tensor's shape."""
    return np.broadcast_to(mask.reshape(mask.shape + (1,) * (len(shape) - mask.ndim)), shape)


def reshaped(mask: Mask, shape: Sequence[int], target: Sequence[int]) -> Mask:
    """Return the mask of a tensor of `shape` after it was reshaped to `target`."""
    axes = [k for k in range(1, len(target) + 1) if prod(target[:k]) == mask.size]
    if not axes:
        return spread(mask, shape).reshape(target)
    # If several axes of size 1 follow each other, prefer the old number of axes.
    return mask.reshape(target[: min(axes, key=lambda k: abs(k - mask.ndim))])


def permuted(mask: Mask, shape: Sequence[int], axes: Sequence[int]) -> Mask:
    """Return the mask of a tensor of `shape` after its axes were reordered."""
    if {*axes[: mask.ndim]} == {*range(mask.ndim)}:
        return mask.transpose(axes[: mask.ndim])
    return spread(mask, shape).transpose(axes)


def of_steps(name: str, mask: Mask | None) -> Mask | None:
    """Return the mask (B, T) of sequences.

    Raises:
        InvalidValueError: a step is partly real.
    """
    if mask is None or mask.ndim < 2:
        return None
    if mask.ndim == 2:
        return mask
    parts = tuple(range(2, mask.ndim))
    steps = np.any(mask, parts)
    if (steps & ~np.all(mask, parts)).any():
        raise InvalidValueError(
            f"input of {name}",
            "steps that are entirely padding, or not at all",
            "steps that are partly padding",
        )
    return steps


def whole(mask: Mask, axes: int) -> Mask:
    """Return a mask with at most this many axes: what counts in part counts."""
    return mask if mask.ndim <= axes else np.any(mask, tuple(range(axes, mask.ndim)))


def to_zero(backend: Backend, x: Array, mask: Mask) -> Array:
    """Return x (B, T, C) with zeros at padding steps; this is also its own backward pass."""
    ops = backend.ops
    keep = ops.array(mask.astype(backend.dtype))
    return ops.multiply(x, ops.repeat(keep, x.shape[2], 2))


def alike(masks: Sequence[Mask | None]) -> bool:
    """Whether all masks are equal, or there are none."""
    first = next(iter(masks), None)
    if first is None:
        return all(mask is None for mask in masks)
    return all(mask is not None and np.array_equal(mask, first) for mask in masks)


def union(
    name: str,
    shapes: Sequence[Sequence[int]],
    masks: Sequence[Mask | None],
    *,
    ragged: bool,
) -> Mask | None:
    """Return the mask of merged tensors: what counts in one of them counts.

    Args:
        name: name of the layer that merges them.
        shapes: the shapes of the tensors.
        masks: one for each tensor; everything counts in a tensor without a mask.
        ragged: whether the masks come from sequences of different lengths, which can be merged only
            with sequences of the same lengths.

    Raises:
        InvalidValueError: sequences of different lengths meet.
    """
    known = [mask for mask in masks if mask is not None]
    axes = max(mask.ndim for mask in known)
    spreads = [
        None if mask is None else spread(mask, shape[:axes])
        for mask, shape in zip(masks, shapes, strict=True)
    ]
    if alike(spreads):
        return masks[0]
    if ragged and axes > 1:
        raise InvalidValueError(
            f"inputs of {name}",
            "sequences of the same lengths, example by example",
            "other lengths, or a tensor from a layer without a mask",
        )
    if len(known) < len(masks):
        return None
    return reduce(or_, [mask for mask in spreads if mask is not None])

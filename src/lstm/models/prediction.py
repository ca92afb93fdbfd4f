"""Prediction: the outputs of a model for batches, as users get them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.layers.base import Run
from lstm.layers.masks import Mask
from lstm.models.batches import Batch
from lstm.models.program import Program
from lstm.models.training import Feeder

Values = NDArray[Any]


def computed(program: Program, feed: Feeder, run: Run, batch: Batch) -> list[Any]:
    """The outputs of a batch that was checked, each an array; without the padding, a list."""
    trace = program.forward(run, *feed(batch))
    outputs = [np.array(run.ops.to_numpy(output)) for output in trace.outputs]
    real = [mask for mask in batch.masks if mask is not None]
    if not real:
        return outputs
    return [_unpadded(y, mask, real) for y, mask in zip(outputs, trace.masks, strict=True)]


def classes(y: Values) -> Values:
    """The most probable class of each row; of a single output, whether it is above 1/2."""
    chosen = y > 0.5 if y.shape[-1] == 1 else y.argmax(-1)
    return np.asarray(chosen, dtype=np.int64)


def joined_rows(batches: Sequence[Any]) -> Any:
    """The outputs of all batches, as one array where they are of one shape."""
    if len(batches) == 1:
        return batches[0]
    arrays = all(isinstance(part, np.ndarray) for part in batches)
    if arrays and len({part.shape[1:] for part in batches}) == 1:
        return np.concatenate(batches)
    return [row for part in batches for row in part]


def _unpadded(output: Values, mask: Mask | None, real: Sequence[Mask]) -> Values | list[Values]:
    """Outputs of padded sequences without the padding, if they have a time axis.

    Args:
        output: (B, ...).
        mask: which of its steps count, (B, T) or with more axes; of no steps (B) or None.
        real: for each input of different lengths which of its steps are no padding.
    """
    if mask is None or mask.ndim < 2:
        return output
    # Steps that a layer skips by itself, such as an Embedding token 0, stay in the result: it is as
    # long as the input that has all steps of the mask, and of several the shortest.
    around = [steps for steps in real if steps.shape == mask.shape and not (mask & ~steps).any()]
    keep = min(around, key=np.count_nonzero, default=mask)
    return [row[_extent(counts)] for row, counts in zip(output, keep, strict=True)]


def _extent(counts: Mask) -> tuple[Values, ...]:
    """The index of what counts along each axis of an example."""
    axes = range(counts.ndim)
    along = (counts.any(tuple(other for other in axes if other != axis)) for axis in axes)
    return np.ix_(*along)

"""Slice: a part of each example; the layer for indexing symbolic tensors."""

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.backends.contract import Array, Cache, Ops
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.masks import Mask
from lstm.layers.reshaping import ExpandDims
from lstm.layers.rules import has_time
from lstm.layers.symbolic import OPERATORS, Shape, SymbolicTensor, single

Steps = NDArray[np.int64]


class Slice(Layer):
    """`x[index]`, the layer for indexing a symbolic tensor.

    From padded sequences it takes the same as from each alone: `x[:, -1]` is the last step that is
    not padding.

    Args:
        index: for each axis after the batch an integer, or [start, stop, step] with None for open
            ends.
    """

    def __init__(
        self, index: Sequence[int | Sequence[int | None]], **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**options)
        self.index = tuple(_place(part) for part in checks.sequence("index", index, "a list"))

    @classmethod
    def of(cls, tensor: SymbolicTensor, index: Any) -> SymbolicTensor:
        """Return `tensor[index]`, with the whole batch axis; an ellipsis is allowed.

        Where the index has None, there is a new axis of size 1.
        """
        parts = list(index) if isinstance(index, tuple) else [index]
        count = sum(part is not None for part in parts)
        gap = next((k for k, part in enumerate(parts) if part is Ellipsis), None)
        if gap is not None:
            parts[gap : gap + 1] = [slice(None)] * (tensor.ndim - count + 1)
            count = tensor.ndim
        whole = isinstance(parts[0], slice) and parts[0] == slice(None)
        if not whole or count > tensor.ndim:
            raise InvalidValueError(
                "index", f"`:` for the batch and at most {tensor.ndim - 1} more axes", index
            )
        taken = [_described(part) for part in parts[1:] if part is not None]
        if taken or len(parts) == 1:
            tensor = single(cls(taken)(tensor))
        axes = [part for part in parts if part is None or isinstance(part, slice)]
        for axis in (k for k, part in enumerate(axes) if part is None):
            tensor = single(ExpandDims(axis)(tensor))
        return tensor

    def _index(self) -> tuple[int | slice, ...]:
        parts = (part if isinstance(part, int) else slice(*part) for part in self.index)
        return slice(None), *parts

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        batch, *sizes = shapes[0]
        output: list[int | None] = [batch]
        for size, part in zip(sizes, self._index()[1:], strict=False):
            if isinstance(part, int):
                if size is not None and not -size <= part < size:
                    raise InvalidShapeError(
                        "index", f"an integer in [{-size}, {size})", f"{part} for shape {shapes[0]}"
                    )
            elif size is None:
                output.append(None)
            else:
                output.append(len(range(*part.indices(size))))
        return ((*output, *sizes[len(self.index) :]),)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        x, index = inputs[0], self._index()
        shape = tuple(x.shape)
        self.output_shapes(shape)
        steps = None if mask is None else self._steps(mask)[0]
        if steps is None:
            return (run.ops.slice_forward(x, index),), (shape, None)
        # Different steps of each sequence; the rest of the index then starts after their axis.
        taken = steps_of(run.ops, x, steps)
        behind = (*[slice(None)] * steps.ndim, *index[2:])
        return (run.ops.slice_forward(taken, behind),), (shape, (steps, tuple(taken.shape), behind))

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        shape, moved = cache
        if moved is None:
            return (run.ops.slice_backward(gradients[0], self._index(), shape),)
        steps, taken, behind = moved
        dy = run.ops.slice_backward(gradients[0], behind, taken)
        return (_put_back(run, dy, steps, shape),)

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        # The last step of each chunk is fine: in the last chunk, it is the last of the whole.
        if has_time(shapes[0]) and self._index()[1] not in (-1, slice(None)):
            raise InvalidValueError(
                "index", "`:` or -1 for the time, to work chunk by chunk", self.index[0]
            )
        return ()

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        return None if mask is None else self._steps(mask)[1]

    def _steps(self, mask: Mask) -> tuple[Steps | None, Mask]:
        """Return the steps to take of each sequence (None: those of the index), and their mask.

        Raises:
            InvalidShapeError: a sequence has no such step.
            InvalidValueError: the steps cannot be put in place.
        """
        _, time, *others = self._index()
        behind = tuple(others[: mask.ndim - 2])
        if all(part == slice(None) for part in behind):
            if time == slice(None):
                return None, mask
            if mask.ndim == 2:
                return self._one_step(mask, time) if isinstance(time, int) else _several(mask, time)
        if not mask.all():
            raise InvalidValueError("index", "`:` for steps with padding inside", self.index)
        return None, mask[self._index()[: mask.ndim]]

    def _one_step(self, mask: Mask, index: int) -> tuple[Steps | None, Mask]:
        counts, length = mask.sum(1), mask.shape[1]
        lacking = (counts > 0) & ((counts <= index) | (counts < -index))
        if lacking.any():
            raise InvalidShapeError(
                "index", "a step that each sequence has", f"{index} of one of {counts[lacking][0]}"
            )
        number = counts + index if index < 0 else np.full_like(counts, index)
        steps = (mask & (mask.cumsum(1) == number[:, None] + 1)).argmax(1)
        # Where all steps are padding, any will do.
        steps = np.where(counts == 0, index % length, steps)
        return (None if (steps == index % length).all() else steps), counts > 0


def _described(part: Any) -> int | list[int | None]:
    """Return a part of an index for `Slice`. A list is refused: in NumPy it chooses entries."""
    if isinstance(part, slice):
        return [part.start, part.stop, part.step]
    return checks.integer("index", part, "integers and slices")


def _place(part: Any) -> int | tuple[int | None, ...]:
    """Return an entry of an index: an integer, or start, stop and step of a slice."""
    if not isinstance(part, list | tuple):
        return checks.integer("index", part, "integers and slices")
    ends = tuple(None if end is None else checks.integer("index", end) for end in part)
    if len(ends) != 3 or ends[2] == 0:
        raise InvalidValueError("index", "start, stop and a step other than 0", ends)
    return ends


def _several(mask: Mask, index: slice) -> tuple[Steps | None, Mask]:
    everywhere = np.arange(mask.shape[1])[index]
    meant = [np.flatnonzero(real)[index] for real in mask]
    kept = np.array([np.isin(everywhere, steps) for steps in meant])
    if (kept.sum(1) == [len(steps) for steps in meant]).all():
        return None, kept
    if (mask[:, 1:] & ~mask[:, :-1]).any():
        raise InvalidValueError(
            "index", "a slice that does not depend on padding at the start of sequences", index
        )
    steps = np.zeros(kept.shape, np.int64)
    counts = np.zeros(kept.shape, bool)
    for row, some in enumerate(meant):
        steps[row, : len(some)], counts[row, : len(some)] = some, True
    return steps, counts


def steps_of(ops: Ops, x: Array, steps: Steps) -> Array:
    """Return x (B, T, ...) at the steps (B) or (B, T') of each sequence."""
    B, T, *rest = x.shape
    rows = ops.reshape(x, (B * T, int(np.prod(rest, dtype=int))))
    return ops.reshape(ops.embedding_forward(_rows(ops, steps, T), rows), (*steps.shape, *rest))


def _put_back(run: Run, dy: Array, steps: Steps, shape: Sequence[int]) -> Array:
    """Return the gradient of x, with `shape`, from the gradient of the result of `steps_of`."""
    ops, (B, T, *rest) = run.ops, shape
    size = int(np.prod(rest, dtype=int))
    dx = ops.zeros((B * T, size), run.backend.dtype)
    ops.embedding_backward(ops.reshape(dy, (*steps.shape, size)), _rows(ops, steps, T), dx)
    return ops.reshape(dx, shape)


def _rows(ops: Ops, steps: Steps, T: int) -> Array:
    """Return the steps as row numbers in all sequences, one below the other."""
    first = T * np.arange(len(steps)).reshape(-1, *[1] * (steps.ndim - 1))
    return ops.array(first + steps)


OPERATORS["[]"] = Slice.of

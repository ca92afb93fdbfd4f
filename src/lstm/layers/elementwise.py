"""Elementwise: functions of each number of a tensor, or of each pair of two."""

from collections.abc import Sequence
from math import prod
from typing import Any, Unpack, get_args

from lstm import checks
from lstm.backends.contract import Array, Cache, FunctionName, Ops
from lstm.errors import InvalidShapeError
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.masks import Mask, union
from lstm.layers.options import named
from lstm.layers.symbolic import Shape

_OF_ONE = get_args(FunctionName).index("exp")
FUNCTIONS = get_args(FunctionName)


class Elementwise(Layer):
    """z = f(x, y) of every pair of numbers, or f(x); smaller tensors are broadcast, as in NumPy.

    Args:
        function: f; `ArithmeticOps.elementwise_forward` lists them.
        number: takes the place of y, if only x is given to a function of two numbers.

    Example:
        >>> import lstm
        >>> lstm.layers.Elementwise("multiply", 2.0)(lstm.Input((None, 3))).shape
        (None, None, 3)
    """

    memoryless = True
    takes_numbers = True

    def __init__(self, function: str, number: float = 0.0, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**named(options, function))
        self.function: Any = checks.one_of("function", function, FUNCTIONS)
        self.number = checks.number("number", number)

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        most = 1 if FUNCTIONS.index(self.function) >= _OF_ONE else 2
        if not 1 <= len(shapes) <= most:
            raise InvalidShapeError(f"inputs of {self.name}", f"at most {most}", len(shapes))
        return (broadcast_shape(self.name, shapes),)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        ops, dtype = run.ops, run.backend.dtype
        given = [ops.numbers(x, dtype) if ops.holds_tokens(x) else x for x in inputs]
        shapes = [tuple(x.shape) for x in given]
        shape = tuple(n or 0 for n in broadcast_shape(self.name, shapes))
        x, *rest = [spread(ops, x, shape) for x in given]
        y = rest[0] if rest else None
        z = ops.elementwise_forward(self.function, x, y, self.number)
        return (z,), (shapes, x, y, z)

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        shapes, x, y, z = cache
        both = run.ops.elementwise_backward(
            self.function, gradients[0], x, y, self.number, z, need[0], need[-1]
        )
        return tuple(
            None if d is None else gathered(run.ops, d, shape)
            for d, shape in zip(both, shapes, strict=False)
        )

    def joined_mask(self, run: Run, inputs: Arrays, masks: Sequence[Mask | None]) -> Mask | None:
        """Return the mask of the tensors that have the steps: others are the same at each."""
        return broadcast_mask(self.name, run, inputs, masks)

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        return mask


def broadcast_shape(name: str, shapes: Sequence[Shape]) -> Shape:
    """Return the shape of tensors of these shapes that are broadcast against each other.

    Raises:
        InvalidShapeError: they do not fit.
    """
    ndim = max(len(shape) for shape in shapes)
    found: list[int | None] = []
    for axis in range(-ndim, 0):
        sizes = {shape[axis] for shape in shapes if len(shape) >= -axis} - {1}
        known = sizes - {None}
        if len(known) > 1:
            raise InvalidShapeError(
                f"inputs of {name}", "shapes that are equal or 1 along each axis", [*shapes]
            )
        batch = axis == -ndim and None in sizes
        found.append(1 if not sizes else None if batch or not known else known.pop())
    return tuple(found)


def broadcast_mask(
    name: str, run: Run, inputs: Arrays, masks: Sequence[Mask | None]
) -> Mask | None:
    """Return the mask of tensors that are broadcast against each other.

    Raises:
        InvalidValueError: sequences of different lengths meet.
    """
    shapes = [tuple(x.shape) for x in inputs]
    whole_shape = broadcast_shape(name, run.shapes)
    masks = [None if mask is None else _trimmed(mask) for mask in masks]

    def has(own: Shape, axes: int) -> bool:
        """Whether a tensor has the first axes of the result itself, with any data."""
        fits = len(own) == len(whole_shape) and own[:1] == whole_shape[:1]
        return fits and all(
            n != 1 or m == 1 for n, m in zip(own[:axes], whole_shape[:axes], strict=True)
        )

    pairs = list(zip(run.shapes, shapes, masks, strict=True))
    known = [mask for own, _, mask in pairs if mask is not None and has(own, mask.ndim)]
    if not known:
        return None
    axes = max(mask.ndim for mask in known)
    whole = [(shape, mask) for own, shape, mask in pairs if has(own, axes)]
    return union(
        name, [shape for shape, _ in whole], [mask for _, mask in whole], ragged=run.ragged
    )


def _trimmed(mask: Mask) -> Mask:
    """Return a mask without last axes of size 1 behind the steps."""
    while mask.ndim > 2 and mask.shape[-1] == 1:
        mask = mask[..., 0]
    return mask


def spread(ops: Ops, x: Array, shape: Sequence[int]) -> Array:
    """Return x broadcast to a shape, as in NumPy."""
    if tuple(x.shape) == tuple(shape):
        return x
    return ops.broadcast(ops.reshape(x, (1,) * (len(shape) - x.ndim) + tuple(x.shape)), shape)


def gathered(ops: Ops, dx: Array, shape: Sequence[int]) -> Array:
    """Return the gradient of what was broadcast from a shape: the sum over all copies."""
    if tuple(dx.shape) == tuple(shape):
        return dx
    more = dx.ndim - len(shape)
    if more:
        rows = prod(dx.shape[:more])
        dx = ops.sum(ops.reshape(dx, (rows, *dx.shape[more:])), 0)
    for axis, size in enumerate(shape):
        if size == 1 and dx.shape[axis] != 1:
            summed = ops.sum(dx, axis)
            dx = ops.reshape(summed, (*dx.shape[:axis], 1, *dx.shape[axis + 1 :]))
    return dx

"""Functions on symbolic tensors, for the `call` of a layer or model that a user writes."""

from collections.abc import Sequence

from lstm import layers
from lstm.interface import spelled
from lstm.layers import SymbolicTensor
from lstm.layers.symbolic import single

__all__ = [
    "add",
    "concatenate",
    "expand_dims",
    "flip",
    "multiply",
    "relu",
    "reshape",
    "sigmoid",
    "softmax",
    "squeeze",
    "tanh",
    "transpose",
]


@spelled
def squeeze(x: SymbolicTensor, axis: int = -1) -> SymbolicTensor:
    """Drop an axis of size 1.

    Example:
        >>> import lstm
        >>> lstm.ops.squeeze(lstm.Input((None, 1)), axis=-1).shape
        (None, None)
    """
    return single(layers.Squeeze(axis)(x))


@spelled
def expand_dims(x: SymbolicTensor, axis: int = -1) -> SymbolicTensor:
    """Insert an axis of size 1 at position `axis`."""
    return single(layers.ExpandDims(axis)(x))


def reshape(x: SymbolicTensor, shape: Sequence[int]) -> SymbolicTensor:
    """Give each example another shape.

    Args:
        x: (B, ...).
        shape: without the batch axis; one size may be -1.
    """
    return single(layers.Reshape(shape)(x))


def transpose(x: SymbolicTensor, axes: Sequence[int]) -> SymbolicTensor:
    """Reorder the axes; `axes` starts with 0, the batch."""
    return single(layers.Permute(tuple(axes)[1:])(x))


@spelled
def flip(x: SymbolicTensor, axis: int = 1) -> SymbolicTensor:
    """Reverse an axis, by default time."""
    return single(layers.Flip(axis)(x))


@spelled
def concatenate(xs: Sequence[SymbolicTensor], axis: int = -1) -> SymbolicTensor:
    """Join tensors along an axis.

    Example:
        >>> import lstm
        >>> lstm.ops.concatenate([lstm.Input((2,)), lstm.Input((3,))]).shape
        (None, 5)
    """
    return single(layers.Concatenate(axis)(list(xs)))


def add(x: SymbolicTensor, y: SymbolicTensor) -> SymbolicTensor:
    """x + y, of equal shapes."""
    return single(layers.Add()(x, y))


def multiply(x: SymbolicTensor, y: SymbolicTensor) -> SymbolicTensor:
    """x·y, entry by entry, of equal shapes."""
    return single(layers.Multiply()(x, y))


def relu(x: SymbolicTensor) -> SymbolicTensor:
    """max(0, x)."""
    return single(layers.Activation("relu")(x))


def sigmoid(x: SymbolicTensor) -> SymbolicTensor:
    """1 / (1 + exp(-x))."""
    return single(layers.Activation("sigmoid")(x))


def softmax(x: SymbolicTensor) -> SymbolicTensor:
    """exp(x) over the sum of exp(x) along the last axis."""
    return single(layers.Activation("softmax")(x))


def tanh(x: SymbolicTensor) -> SymbolicTensor:
    """The hyperbolic tangent."""
    return single(layers.Activation("tanh")(x))

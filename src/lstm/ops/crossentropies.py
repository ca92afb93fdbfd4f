"""Cross-entropies, in nats, of targets and outputs of one shape."""

from typing import Any

from lstm.ops.calling import as_one, shape_of
from lstm.ops.elementwise import add, clip, divide, log, multiply, negative, softplus, subtract
from lstm.ops.reductions import log_softmax, sum
from lstm.ops.shaping import one_hot, squeeze

EPSILON = 1e-7
"""How near to 0 and 1 probabilities may come, as in Keras."""


@as_one
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """-t·ln p - (1 - t)·ln(1 - p) of each number.

    Args:
        target: numbers in [0, 1].
        output: probabilities, limited to [1e-7, 1 - 1e-7]; or logits.
        from_logits: whether outputs are logits.

    Example:
        >>> import lstm
        >>> lstm.ops.binary_crossentropy([1.0, 0.0], [0.5, 0.5]).round(4).tolist()  # ln 2
        [0.6931, 0.6931]
    """
    if from_logits:
        return subtract(softplus(output), multiply(target, output))
    p = clip(output, EPSILON, 1 - EPSILON)
    right, wrong = log(p), log(subtract(1.0, p))
    return negative(add(multiply(target, right), multiply(subtract(1.0, target), wrong)))


@as_one
def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """-Σ t·ln p over the classes.

    Args:
        target: one-hot targets or distributions.
        output: probabilities, or shares of any sum, limited to [1e-7, 1 - 1e-7]; or logits.
        from_logits: whether outputs are logits.
        axis: the axis of the classes.
    """
    return negative(sum(multiply(target, _logarithms(output, from_logits, axis)), axis))


@as_one
def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """-ln p of the right class.

    Args:
        target: classes, in the shape of the outputs without the axis of the classes.
        output: probabilities, or shares of any sum, limited to [1e-7, 1 - 1e-7]; or logits.
        from_logits: whether outputs are logits.
        axis: the axis of the classes.

    Example:
        >>> import lstm
        >>> lstm.ops.sparse_categorical_crossentropy([1], [[1.0, 3.0]]).round(4).tolist()  # ln 4/3
        [0.2877]
    """
    if len(shape_of(target)) == len(shape_of(output)) and shape_of(target)[-1] == 1:
        target = squeeze(target, -1)
    rows = one_hot(target, shape_of(output)[axis] or 1, axis)
    return categorical_crossentropy(rows, output, from_logits, axis)


def _logarithms(output: Any, from_logits: bool, axis: int) -> Any:
    """Return the logarithms of probabilities along an axis."""
    if from_logits:
        return log_softmax(output, axis)
    return log(clip(divide(output, sum(output, axis, True)), EPSILON, 1 - EPSILON))

"""Integer labels to one-hot vectors, as in Keras."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.interface import spelled


@spelled
def to_categorical(x: ArrayLike, num_classes: int | None = None) -> NDArray[np.float32]:
    """Return a vector for each label: one at the label, zero elsewhere.

    The losses also accept the labels themselves, which need `num_classes` times less memory.

    Args:
        x: labels (...), whole numbers from 0; a last axis of size 1 is dropped.
        num_classes: size of a vector; None uses the largest label plus one.

    Returns:
        One-hot vectors (..., num_classes), float32.

    Raises:
        InvalidShapeError: `x` is ragged.
        InvalidTypeError: `x` does not contain integers.
        InvalidValueError: a label is negative, masked or not below `num_classes`, or there is no
            label to take `num_classes` from.

    Example:
        >>> to_categorical([2, 0], num_classes=3)
        array([[0., 0., 1.],
               [1., 0., 0.]], dtype=float32)
    """
    checks.unmasked("x", x)
    try:
        labels = np.asarray(x)
    except ValueError as error:
        raise InvalidShapeError("x", "a rectangular array", "a ragged sequence") from error
    if num_classes is None and not labels.size:
        raise InvalidValueError("x", "at least one label, or num_classes", "none")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if num_classes is not None:
        classes = checks.positive_int("num_classes", num_classes)
    else:
        checks.finite("x", labels)
        # `indices` below refuses negative, fractional and other labels with the right message.
        classes = max(int(labels.max()), 0) + 1 if labels.dtype.kind in "biuf" else 1
    flat = checks.indices("x", labels, classes).ravel()
    vectors = np.zeros((flat.size, classes), dtype=np.float32)
    vectors[np.arange(flat.size), flat] = 1
    return vectors.reshape(*labels.shape, classes)

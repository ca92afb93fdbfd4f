"""What labels of connectionist temporal classification must be: classes, with room in the steps."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidValueError

Values = NDArray[Any]


def check_shape(argument: str, labels: Values, examples: int) -> None:
    """Check that labels have the shape (`examples`, L).

    Raises:
        InvalidShapeError: they have not.
    """
    if labels.ndim != 2 or len(labels) != examples:
        expected = f"labels of shape ({examples}, L)"
        raise InvalidShapeError(argument, expected, f"shape {labels.shape}")


def check_labels(argument: str, labels: Values, classes: int, blank: int) -> None:
    """Check labels (B, L): whole numbers in [0, `classes`), the blank only behind the last.

    Raises:
        InvalidTypeError, InvalidValueError: they are not.
    """
    checks.index_range(argument, labels, classes)
    behind = (labels[:, :-1] == blank) & (labels[:, 1:] != blank)
    if behind.any():
        k, place = map(int, np.argwhere(behind)[0])
        expected = f"the blank, {blank}, only behind the labels of an example"
        got = f"label {labels[k, place + 1]:g} behind it in example {k}"
        raise InvalidValueError(argument, expected, got)


def check_steps(argument: str, labels: Values, steps: Values, blank: int) -> None:
    """Check that every example has a step for each label, and for a blank between equal ones.

    Args:
        argument: name of the labels in the error.
        labels: (B, L), behind the last the blank.
        steps: how many each example has, (B).
        blank: the class that stands for no label.

    Raises:
        InvalidValueError: an example has fewer.
    """
    real = labels != blank
    count, repeats = real.sum(1), ((labels[:, 1:] == labels[:, :-1]) & real[:, 1:]).sum(1)
    short = count + repeats > steps
    if short.any():
        k = int(short.argmax())
        between = f" and {repeats[k]} blanks between equal ones" if repeats[k] else ""
        expected = f"at least as many steps as example {k} has labels{between}, "
        expected += f"{count[k] + repeats[k]} steps"
        raise InvalidValueError(argument, expected, f"{steps[k]}")

"""IoU: how much predicted and right positions of a class overlap."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidShapeError
from lstm.metrics.arrays import EPSILON, aligned, spread
from lstm.metrics.base import Metric
from lstm.metrics.variable import Variable

Values = NDArray[Any]


class IoU(Metric):
    """Intersection over union, TP / (TP + FP + FN): the mean over some classes.

    Args:
        num_classes: the number of classes.
        target_class_ids: the classes whose mean is reported.
        name: the key under which it is reported.
        dtype: the dtype of its variable; float64 by default.
        ignore_class: a right class whose positions do not count.
        sparse_y_true: whether targets are classes, not rows.
        sparse_y_pred: whether outputs are classes, not rows.
        axis: the axis of the classes in rows.

    Source:
        Jaccard, "The distribution of the flora in the alpine zone", 1912.

    Example:
        >>> from lstm.metrics import IoU
        >>> round(IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1]), 4)
        0.3333
    """

    rises = True

    total_cm: Variable

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(dtype, name)
        self.num_classes = checks.positive_int("num_classes", num_classes)
        chosen = checks.sequence("target_class_ids", target_class_ids, "a list of classes")
        checks.index_range("target_class_ids", np.array(chosen), self.num_classes)
        self.target_class_ids = [int(one) for one in chosen]
        self.ignore_class = (
            None if ignore_class is None else checks.integer("ignore_class", ignore_class)
        )
        self.sparse_y_true = checks.boolean("sparse_y_true", sparse_y_true)
        self.sparse_y_pred = checks.boolean("sparse_y_pred", sparse_y_pred)
        self.axis = checks.integer("axis", axis)
        self.total_cm = self.add_variable(
            (self.num_classes, self.num_classes), name="total_confusion_matrix"
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of targets and outputs, with a weight for each position or example.

        Classes out of range do not count.

        Raises:
            InvalidShapeError: they do not match each other.
        """
        right = self._classes("y_true", y_true, self.sparse_y_true)
        found = self._classes("y_pred", y_pred, self.sparse_y_pred)
        if right.size != found.size:
            raise InvalidShapeError("y_true", f"shape {found.shape}", f"shape {right.shape}")
        weights = (
            np.ones(found.shape) if sample_weight is None else spread(sample_weight, found.shape)
        )
        right, found, weights = right.ravel(), found.ravel(), weights.ravel()
        n = self.num_classes
        counts = (right >= 0) & (right < n) & (found >= 0) & (found < n)
        if self.ignore_class is not None:
            counts &= right != self.ignore_class
        pairs = (right * n + found)[counts]
        self.total_cm.assign_add(np.bincount(pairs, weights[counts], n * n).reshape(n, n))

    def _classes(self, argument: str, values: Any, sparse: bool) -> Values:
        array = checks.numbers(argument, values)
        return (array if sparse else array.argmax(self.axis)).astype(np.int64)

    def result(self) -> float:
        """Return the mean over the target classes that occur."""
        matrix = self.total_cm.value
        both = matrix.diagonal()
        either = (matrix.sum(0) + matrix.sum(1) - both)[self.target_class_ids]
        occurs = either > 1e-9
        shares = both[self.target_class_ids][occurs] / (either[occurs] + EPSILON)
        return float(shares.sum() / (np.count_nonzero(occurs) + EPSILON))


class BinaryIoU(IoU):
    """`IoU` of two classes, which outputs of at least `threshold` tell apart.

    Args:
        target_class_ids: the classes whose mean is reported: 0, 1 or both.
        threshold: from which on an output is class 1.
        name: the key under which it is reported.
        dtype: the dtype of its variable; float64 by default.

    Example:
        >>> from lstm.metrics import BinaryIoU
        >>> metric = BinaryIoU(target_class_ids=[0, 1], threshold=0.3)
        >>> round(metric([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7]), 4)
        0.3333
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = checks.number("threshold", threshold)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of targets and outputs, with a weight for each position or example."""
        target, found = aligned(y_true, y_pred)
        super().update_state(target, found >= self.threshold, sample_weight)


class MeanIoU(IoU):
    """Mean `IoU` of all classes that occur.

    Args:
        num_classes: the number of classes.
        name: the key under which it is reported.
        dtype: the dtype of its variable; float64 by default.
        ignore_class: a right class whose positions do not count.
        sparse_y_true: whether targets are classes, not rows.
        sparse_y_pred: whether outputs are classes, not rows.
        axis: the axis of the classes in rows.

    Example:
        >>> from lstm.metrics import MeanIoU
        >>> round(MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1]), 4)
        0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        every = range(checks.positive_int("num_classes", num_classes))
        super().__init__(
            num_classes, every, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis
        )


class OneHotIoU(IoU):
    """`IoU` of one-hot targets, and outputs whose largest is the class.

    Args:
        num_classes: the number of classes.
        target_class_ids: the classes whose mean is reported.
        name: the key under which it is reported.
        dtype: the dtype of its variable; float64 by default.
        ignore_class: a right class whose positions do not count.
        sparse_y_pred: whether outputs are classes, not rows.
        axis: the axis of the classes in rows.
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis
        )


class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` of one-hot targets, and outputs whose largest is the class.

    Args:
        num_classes: the number of classes.
        name: the key under which it is reported.
        dtype: the dtype of its variable; float64 by default.
        ignore_class: a right class whose positions do not count.
        sparse_y_pred: whether outputs are classes, not rows.
        axis: the axis of the classes in rows.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

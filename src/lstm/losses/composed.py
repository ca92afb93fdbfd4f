"""Losses that are written with `lstm.ops`: what they compute is in `functions`."""

from typing import Any

from lstm import checks
from lstm.losses import functions
from lstm.losses.base import Loss


class _OfItsFunction(Loss):
    """Base of the losses without arguments: the function has the name of the loss."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return getattr(functions, type(self).name)(y_true, y_pred)


class MeanAbsolutePercentageError(_OfItsFunction):
    """100·`|y - t| / |t|`, the mean over all entries."""

    name = "mean_absolute_percentage_error"


class MeanSquaredLogarithmicError(_OfItsFunction):
    """(ln(1 + y) - ln(1 + t))², the mean over all entries."""

    name = "mean_squared_logarithmic_error"


class LogCosh(_OfItsFunction):
    """ln cosh(y - t), the mean over all entries."""

    name = "log_cosh"


class KLDivergence(_OfItsFunction):
    """Σ t·ln(t / y), the mean over all positions."""

    name = "kl_divergence"


class Poisson(_OfItsFunction):
    """y - t·ln y, the mean over all entries, for counts t."""

    name = "poisson"


class Hinge(_OfItsFunction):
    """max(0, 1 - t·y), the mean over all entries; targets are -1 and 1, or 0 and 1."""

    name = "hinge"


class SquaredHinge(_OfItsFunction):
    """max(0, 1 - t·y)², the mean over all entries; targets are -1 and 1, or 0 and 1."""

    name = "squared_hinge"


class CategoricalHinge(_OfItsFunction):
    """max(0, 1 + the best wrong output - the right one), the mean over all positions.

    Targets are one-hot rows.
    """

    name = "categorical_hinge"


class CosineSimilarity(Loss):
    """Minus the cosine between y and t along an axis, the mean over all positions.

    Args:
        axis: the axis.
        reduction, name: as for `Loss`.

    Example:
        >>> import lstm
        >>> float(lstm.losses.CosineSimilarity()([[0.0, 1.0]], [[0.0, 3.0]]))
        -1.0
    """

    name = "cosine_similarity"

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        self.axis = checks.integer("axis", axis)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return functions.cosine_similarity(y_true, y_pred, self.axis)


class _Focal(Loss):
    """Base of the focal losses."""

    def __init__(
        self,
        alpha: float,
        gamma: float,
        from_logits: bool,
        label_smoothing: float,
        reduction: str | None,
        name: str | None,
    ) -> None:
        super().__init__(reduction, name)
        self.alpha = checks.number("alpha", alpha, 0, 1)
        self.gamma = checks.number("gamma", gamma, 0)
        self.from_logits = checks.boolean("from_logits", from_logits)
        self.label_smoothing = checks.number("label_smoothing", label_smoothing, 0, 1)


class BinaryFocalCrossentropy(_Focal):
    """Binary cross-entropy times (1 - p of the right class)^γ, the mean over all entries.

    Args:
        apply_class_balancing: whether to weight the class 1 by α, the other by 1 - α.
        alpha: α.
        gamma: γ.
        from_logits: the model's output is logits, not probabilities.
        label_smoothing: how far targets move toward 1/2, as a share.
        reduction, name: as for `Loss`.

    Source:
        Lin et al., "Focal loss for dense object detection", 2017.
    """

    name = "binary_focal_crossentropy"

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(alpha, gamma, from_logits, label_smoothing, reduction, name)
        self.apply_class_balancing = checks.boolean("apply_class_balancing", apply_class_balancing)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return functions.binary_focal_crossentropy(
            y_true,
            y_pred,
            self.apply_class_balancing,
            self.alpha,
            self.gamma,
            self.from_logits,
            self.label_smoothing,
        )


class CategoricalFocalCrossentropy(_Focal):
    """Cross-entropy times α·(1 - p)^γ of each class, the mean over all positions.

    Args:
        alpha: α.
        gamma: γ.
        from_logits: the model's output is logits, not probabilities.
        label_smoothing: share of each target that is spread over all classes.
        reduction, name: as for `Loss`.

    Source:
        Lin et al., "Focal loss for dense object detection", 2017.
    """

    name = "categorical_focal_crossentropy"

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(alpha, gamma, from_logits, label_smoothing, reduction, name)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return functions.categorical_focal_crossentropy(
            y_true, y_pred, self.alpha, self.gamma, self.from_logits, self.label_smoothing
        )

"""Names: which metric a name means, and under which names a model reports its metrics."""

from collections.abc import Mapping, Sequence
from typing import Any

from lstm import checks
from lstm.configured import described, snake_case
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.interface import of_library
from lstm.losses import CTC, Loss
from lstm.losses import CategoricalCrossentropy as CategoricalLoss
from lstm.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    matching_accuracy,
)
from lstm.metrics.auc import AUC
from lstm.metrics.base import Metric
from lstm.metrics.confusion import (
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from lstm.metrics.correlation import ConcordanceCorrelation, PearsonCorrelation
from lstm.metrics.f_score import F1Score, FBetaScore
from lstm.metrics.iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from lstm.metrics.margin import CategoricalHinge, Hinge, SquaredHinge
from lstm.metrics.of_loss import BitsPerCharacter, Perplexity
from lstm.metrics.probabilistic import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    KLDivergence,
    Poisson,
    SparseCategoricalCrossentropy,
)
from lstm.metrics.r2_score import R2Score
from lstm.metrics.reductions import Mean, MeanMetricWrapper, MetricFunction, Sum
from lstm.metrics.regression import (
    CosineSimilarity,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    RootMeanSquaredError,
)
from lstm.metrics.trade_offs import (
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)

MetricSpec = str | Metric | type[Metric] | MetricFunction | Mapping[str, Any]

_NAMED: tuple[type[Metric], ...] = (
    Accuracy,
    AUC,
    BinaryAccuracy,
    BinaryCrossentropy,
    BinaryIoU,
    BitsPerCharacter,
    CategoricalAccuracy,
    CategoricalCrossentropy,
    CategoricalHinge,
    ConcordanceCorrelation,
    CosineSimilarity,
    F1Score,
    FalseNegatives,
    FalsePositives,
    FBetaScore,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    PearsonCorrelation,
    Perplexity,
    Poisson,
    Precision,
    R2Score,
    Recall,
    RootMeanSquaredError,
    SparseCategoricalAccuracy,
    SparseCategoricalCrossentropy,
    SparseTopKCategoricalAccuracy,
    SquaredHinge,
    TopKCategoricalAccuracy,
    TrueNegatives,
    TruePositives,
)
"""Those that need no arguments."""

_ALIASES: dict[str, type[Metric]] = {
    "acc": Accuracy,
    "bce": BinaryCrossentropy,
    "kld": KLDivergence,
    "kullback_leibler_divergence": KLDivergence,
    "log_cosh": LogCoshError,
    "logcosh": LogCoshError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "mse": MeanSquaredError,
    "msle": MeanSquaredLogarithmicError,
    "rmse": RootMeanSquaredError,
}

METRICS: dict[str, type[Metric]] = {snake_case(kind.__name__): kind for kind in _NAMED} | _ALIASES
"""The metrics that have a name, by name."""

CLASSES: dict[str, type[Metric]] = {
    kind.__name__: kind
    for kind in (
        *_NAMED,
        IoU,
        Mean,
        MeanIoU,
        OneHotIoU,
        OneHotMeanIoU,
        PrecisionAtRecall,
        RecallAtPrecision,
        SensitivityAtSpecificity,
        SpecificityAtSensitivity,
        Sum,
    )
}
"""All metrics of the library that a file can hold, by the names of their classes."""

_SPELLINGS = (
    {kind.__name__: kind for kind in _NAMED}
    | {name.upper(): kind for name, kind in _ALIASES.items()}
    | METRICS
)

_FROM_LOGITS = (BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy)


def get(spec: MetricSpec, loss: Loss | None = None) -> Metric:
    """Return a metric from its name, its class, its config, a function, or itself.

    Args:
        spec: the metric: a name in `METRICS` or the name of one of these classes; a class; a dict
            of "class_name" and "config"; a function of (y_true, y_pred); or a Metric. The name
            "accuracy" chooses the kind that fits the outputs.
        loss: the loss of the model: where its outputs are logits, names of accuracies and
            cross-entropies mean those of logits.

    Raises:
        InvalidValueError: no metric has that name, or it does not fit the loss.
        InvalidTypeError: it is something else.

    Example:
        >>> from lstm import metrics
        >>> metrics.get("rmse")
        RootMeanSquaredError(name='rmse')
    """
    metric = _named(spec, loss) if isinstance(spec, str) else _made(spec)
    of_cross_entropy = isinstance(metric, Perplexity | BitsPerCharacter)
    if of_cross_entropy and not isinstance(loss, CategoricalLoss | None):
        expected = f"no {metric.name!r} unless the loss is a cross-entropy"
        raise InvalidValueError("metrics", expected, metric.name)
    of_user = not of_library(type(metric)) or type(metric) is MeanMetricWrapper
    if isinstance(loss, CTC) and (isinstance(spec, str) or not of_user):
        expected = (
            f"no {metric.name!r} with CTC, whose labels belong to no steps (ops.ctc_decode turns "
            "outputs into labels, to compare in a function of yours)"
        )
        raise InvalidValueError("metrics", expected, metric.name)
    return metric


def _made(spec: Any) -> Metric:
    if isinstance(spec, Metric):
        return spec
    if isinstance(spec, Mapping):
        return described("metrics", spec, CLASSES)
    if isinstance(spec, type):
        if issubclass(spec, Metric):
            return spec()
    elif callable(spec):
        return MeanMetricWrapper(spec)
    raise InvalidTypeError("metrics", "names, functions or Metrics", repr(spec))


def _named(name: str, loss: Loss | None) -> Metric:
    kind = _SPELLINGS.get(name) or METRICS[checks.one_of("metrics", name, METRICS)]
    from_logits = loss is not None and loss.from_logits
    threshold = 0.0 if from_logits else 0.5
    if kind is Accuracy:
        return MeanMetricWrapper(matching_accuracy, name, threshold=threshold)
    if kind is BinaryAccuracy:
        return BinaryAccuracy(name, threshold=threshold)
    if kind in _FROM_LOGITS:
        return kind(name=name, from_logits=from_logits)
    return kind(name=name)


def saved(spec: MetricSpec) -> Any:
    """Return what a file holds of a metric, as JSON values; None for those of users."""
    if isinstance(spec, str):
        return spec
    if isinstance(spec, type):
        return saved(spec()) if of_library(spec) else None
    if isinstance(spec, Metric) and CLASSES.get(type(spec).__name__) is type(spec):
        return spec.description()
    return dict(spec) if isinstance(spec, Mapping) else None


def by_name(plain: Sequence[Metric], weighted: Sequence[Metric]) -> dict[str, Metric]:
    """Return all metrics by name; duplicates are numbered as in Keras: mae, mae_1, weighted_mae.

    The name "loss" is reserved for the loss.
    """
    named: dict[str, Metric] = {}
    for prefix, metrics in (("", plain), ("weighted_", weighted)):
        for metric in metrics:
            name = base = metric.name if metric.name not in named else prefix + metric.name
            count = 0
            while name in named or name == "loss":
                count += 1
                name = f"{base}_{count}"
            named[name] = metric
    return named

"""Wrappers: models as estimators of scikit-learn, for its pipelines, grids and cross-validation.

They follow the protocol of scikit-learn's estimators, and work without scikit-learn as well.
"""

import copy
from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.absent_names import answering
from lstm.backends import backend
from lstm.callbacks import History
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.estimator_data import as_data, as_inputs, check_features, classes_of, not_fitted
from lstm.estimator_scores import accuracy, r_squared
from lstm.estimators import Estimator
from lstm.layers import SymbolicTensor
from lstm.losses import BinaryCrossentropy, SparseCategoricalCrossentropy
from lstm.models import Model
from lstm.old_paths import lead_to

if not TYPE_CHECKING:
    __getattr__ = answering(__name__)
    lead_to(__name__)

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]

Values = NDArray[Any]


class Wrapper(Estimator):
    """Base of the wrappers.

    Args:
        model: a compiled model, which is copied for each `fit`, with its weights; or a function
            that returns one. If the function has arguments `X` and `y`, it gets the data.
        warm_start: whether `fit` goes on with the model of the last `fit`, or with the model given.
        model_kwargs: other arguments of the function.
        fit_kwargs: arguments of `Model.fit`, such as `epochs`.

    After `fit`, `model_` is the fitted model, `history_` its `History`, and `n_features_in_` the
    last size of X.
    """

    model_: Model
    history_: History
    n_features_in_: int

    def __init__(
        self,
        model: Model | Callable[..., Model],
        warm_start: bool = False,
        model_kwargs: Mapping[str, Any] | None = None,
        fit_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        # Kept as they are, and checked in `fit`: so scikit-learn's tools ask.
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    # ---- the protocol of scikit-learn

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the arguments of the constructor.

        Args:
            deep: also those within `model_kwargs` and `fit_kwargs`, as `fit_kwargs__epochs`.
        """
        found = super().get_params(deep)
        inner = {
            f"{name}__{key}": value
            for name in ("model_kwargs", "fit_kwargs")
            if isinstance(given := found.get(name), Mapping)
            for key, value in given.items()
        }
        return found | (inner if deep else {})

    def set_params(self, **params: Any) -> Self:
        """Change arguments of the constructor, also as `model_kwargs__units=8`.

        Raises:
            InvalidValueError: there is no such argument.
        """
        changed = self.get_params(deep=False)
        for name, value in params.items():
            outer, _, key = name.partition("__")
            known = ("model_kwargs", "fit_kwargs") if key else tuple(changed)
            checks.one_of("parameter", outer, known)
            if key:
                _check_options(outer, changed[outer])
                value = {**(changed[outer] or {}), key: value}
            changed[outer] = value
        vars(self).update(changed)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    # ---- fitting and predicting

    def fit(self, X: Any, y: Any = None, **kwargs: Any) -> Self:
        """Train a model.

        Args:
            X: the data, (N, features), (N, T, features), or a list of N sequences.
            y: the targets, one for each example.
            kwargs: arguments of `Model.fit`, which come before those in `fit_kwargs`.

        Raises:
            NotReadyError: the model is not compiled.
            InvalidTypeError, InvalidValueError: the data, or the arguments of the constructor,
                cannot be used.
        """
        self._check_arguments()
        inputs = as_inputs(X)
        if y is None and self.kind != "transformer":
            got = f"None: {type(self).__name__} requires y to be passed, but the target y is None"
            raise InvalidTypeError("y", "targets", got)
        targets = self._targets(y)
        model = self._model_for(inputs, targets)
        fitted = self._for_model(targets, model)
        self.history_ = model.fit(inputs, fitted, **{**(self.fit_kwargs or {}), **kwargs})
        self.model_ = model
        if isinstance(inputs, np.ndarray):
            self.n_features_in_ = inputs.shape[-1]
        return self

    def _check_arguments(self) -> None:
        if not callable(self.model):  # A Model is callable, too.
            expected = "a compiled Model, or a function that returns one"
            got = f"{type(self.model).__name__} {self.model!r:.40}"
            raise InvalidTypeError("model", expected, got)
        checks.boolean("warm_start", self.warm_start)
        for name in ("model_kwargs", "fit_kwargs"):
            _check_options(name, getattr(self, name))

    def _targets(self, y: Any) -> Values:
        """Return the targets that the function `model` gets."""
        return np.asarray(as_data(y))

    def _for_model(self, targets: Values, model: Model) -> Values:
        """Return targets as the loss of the model takes them."""
        return targets

    def _model_for(self, X: Any, y: Values) -> Model:
        if self.warm_start and hasattr(self, "model_"):
            return self.model_
        if isinstance(self.model, Model):
            model = self.model if self.warm_start else copy.deepcopy(self.model)
        else:
            given = {name: part for name, part in (("X", X), ("y", y)) if _has(self.model, name)}
            model = self.model(**given, **(self.model_kwargs or {}))
        if not isinstance(model, Model):
            raise InvalidTypeError("model", "a function that returns a Model", type(model).__name__)
        model.optimizer  # noqa: B018  It refuses a model that is not compiled.
        if not model.built:
            model.predict_on_batch(X[:1])
        if not isinstance(model.output, SymbolicTensor):
            raise InvalidTypeError("model", "a model with one output", type(model.output).__name__)
        return model

    def _outputs(self, X: Any) -> Values:
        if not hasattr(self, "model_"):
            raise not_fitted(f"{type(self).__name__}: call fit(X, y) first")
        data = as_inputs(X)
        if isinstance(data, np.ndarray):
            check_features(data, getattr(self, "n_features_in_", None), type(self).__name__)
        return np.asarray(self.model_.predict(data, verbose=0))


class SKLearnClassifier(Wrapper):
    """A model as a classifier of scikit-learn. Classes may be any values, such as strings.

    The function `model` gets y as one-hot rows (N, classes), as in Keras. The model ends in one
    output for each class, or in one output for two classes.

    Args:
        model: a compiled model, which is copied for each `fit`, with its weights; or a function
            that returns one. If the function has arguments `X` and `y`, it gets the data.
        warm_start: whether `fit` goes on with the model of the last `fit`, or with the model given.
        model_kwargs: other arguments of the function.
        fit_kwargs: arguments of `Model.fit`, such as `epochs`.

    After `fit`, `classes_` has the classes in order, `model_` is the fitted model, and `history_`
    its `History`.

    Example:
        >>> import numpy as np
        >>> import lstm
        >>> from lstm.wrappers import SKLearnClassifier
        >>> lstm.set_seed(0)
        >>> def network(X, y, units=8):
        ...     model = lstm.Sequential([
        ...         lstm.Input(X.shape[1:]),
        ...         lstm.layers.LSTM(units),
        ...         lstm.layers.Dense(y.shape[1], activation="softmax"),
        ...     ])
        ...     model.compile(lstm.optimizers.Adam(0.02), "categorical_crossentropy")
        ...     return model
        >>> X = np.random.default_rng(0).normal(size=(60, 5, 1))
        >>> y = np.where(X.sum((1, 2)) > 0, "up", "down")
        >>> found = SKLearnClassifier(network, fit_kwargs={"epochs": 30, "verbose": 0}).fit(X, y)
        >>> found.classes_
        array(['down', 'up'], dtype='<U4')
        >>> found.score(X, y) > 0.9
        True
    """

    kind = "classifier"

    classes_: Values

    def predict(self, X: Any) -> Values:
        """Return the most probable class of each example, (N)."""
        proba = self.predict_proba(X)
        return np.asarray(self.classes_[proba.argmax(1)])

    def predict_proba(self, X: Any) -> Values:
        """Return the probability of each class, (N, classes), in the order of `classes_`."""
        return self._probabilities(self._outputs(X))

    def _probabilities(self, y: Values) -> Values:
        """Return the probabilities that outputs of the model mean."""
        loss = self.model_.compiled_loss
        if y.shape[1] == 1:
            p = 0.5 + np.tanh(y / 2) / 2 if loss.from_logits else y
            return np.concatenate([1 - p, p], axis=1)
        if not loss.from_logits:
            return y
        if isinstance(loss, BinaryCrossentropy):
            return 0.5 + np.tanh(y / 2) / 2
        e = np.exp(y - y.max(1, keepdims=True))
        return np.asarray(e / e.sum(1, keepdims=True))

    def decision_function(self, X: Any) -> Values:
        """Return the outputs of the model, (N, classes); for two classes, what favours the second.

        As in scikit-learn, that is one number for each example, (N), above 0 if the second class is
        more probable. (Keras returns both columns.)
        """
        y = self._outputs(X)
        if len(self.classes_) > 2:
            return y
        proba = self._probabilities(y)
        return np.asarray(proba[:, 1] - proba[:, 0])

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of examples whose class is right."""
        return accuracy(self.predict(X), y, sample_weight)

    def _targets(self, y: Any) -> Values:
        self.classes_, index = classes_of(y)
        return np.eye(len(self.classes_), dtype=backend().dtype)[index]

    def _for_model(self, targets: Values, model: Model) -> Values:
        classes = targets.argmax(1)
        if model.graph.outputs[0].shape[-1] == 1:
            if len(self.classes_) > 2:
                expected = f"a model with {len(self.classes_)} outputs, one for each class"
                raise InvalidValueError("model", expected, "one output")
            return classes[:, None]
        return (
            classes if isinstance(model.compiled_loss, SparseCategoricalCrossentropy) else targets
        )


class SKLearnRegressor(Wrapper):
    """A model as a regressor of scikit-learn.

    Args:
        model: a compiled model, which is copied for each `fit`, with its weights; or a function
            that returns one. If the function has arguments `X` and `y`, it gets the data.
        warm_start: whether `fit` goes on with the model of the last `fit`, or with the model given.
        model_kwargs: other arguments of the function.
        fit_kwargs: arguments of `Model.fit`, such as `epochs`.

    After `fit`, `model_` is the fitted model, and `history_` its `History`.

    Example:
        >>> import numpy as np
        >>> import lstm
        >>> from lstm.wrappers import SKLearnRegressor
        >>> def line(rate=0.1):
        ...     model = lstm.Sequential([lstm.Input((2,)), lstm.layers.Dense(1)])
        ...     model.compile(lstm.optimizers.SGD(rate), "mse")
        ...     return model
        >>> X = np.random.default_rng(0).normal(size=(50, 2))
        >>> found = SKLearnRegressor(line, fit_kwargs={"epochs": 20, "verbose": 0})
        >>> found.fit(X, X[:, 0] + 2).score(X, X[:, 0] + 2) > 0.99
        True
    """

    kind = "regressor"

    def predict(self, X: Any) -> Values:
        """Return the outputs, in the shape of the targets of `fit`."""
        y = self._outputs(X)
        return y[:, 0] if self._flat and y.ndim == 2 and y.shape[1] == 1 else y

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R², 1 - Σ (y - t)² / Σ (t - mean t)²; of several outputs, the mean."""
        return r_squared(self.predict(X), y, sample_weight)

    def _targets(self, y: Any) -> Values:
        targets = super()._targets(y)
        self._flat = targets.ndim == 1
        return targets


class SKLearnTransformer(Wrapper):
    """A model as a transformer of scikit-learn: `transform` returns its outputs.

    Args:
        model: a compiled model, which is copied for each `fit`, with its weights; or a function
            that returns one. If the function has arguments `X` and `y`, it gets the data.
        warm_start: whether `fit` goes on with the model of the last `fit`, or with the model given.
        model_kwargs: other arguments of the function.
        fit_kwargs: arguments of `Model.fit`, such as `epochs`.

    After `fit`, `model_` is the fitted model, and `history_` its `History`.
    """

    kind = "transformer"

    def transform(self, X: Any) -> Values:
        """Return the outputs of the model."""
        return self._outputs(X)

    def fit_transform(self, X: Any, y: Any = None, **kwargs: Any) -> Values:
        """Train a model as `fit` does, and return its outputs for X."""
        return self.fit(X, y, **kwargs).transform(X)


def _check_options(name: str, options: object) -> None:
    if not isinstance(options, Mapping | None):
        raise InvalidTypeError(name, "a dict of arguments", type(options).__name__)


def _has(function: Callable[..., Any], argument: str) -> bool:
    """Whether a function takes an argument by name."""
    found = signature(function).parameters
    return argument in found or any(p.kind is Parameter.VAR_KEYWORD for p in found.values())

"""The data of estimators, checked as scikit-learn's tools expect, without importing it."""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, NotReadyError

Values = NDArray[Any]


def as_data(values: Any) -> Any:
    """Return an array of a table, a column or a list; a list of arrays stays what it is."""
    if hasattr(values, "to_numpy"):  # Of pandas and its like.
        return values.to_numpy()
    if isinstance(values, list | tuple) and (
        any(isinstance(row, np.ndarray) for row in values)
        or (all(isinstance(row, list | tuple) for row in values) and len({*map(len, values)}) > 1)
    ):
        return list(values)
    return np.asarray(values)


def as_inputs(X: Any) -> Any:
    """Return X as an array of numbers, or as a list of sequences.

    Raises:
        InvalidTypeError, InvalidValueError: it cannot be used, in words that scikit-learn expects.
    """
    if hasattr(X, "toarray"):
        raise InvalidTypeError("X", "an array", "sparse data, of which X.toarray() makes an array")
    data = as_data(X)
    if isinstance(data, list):
        return data
    if data.dtype.kind == "O":
        try:
            data = data.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise InvalidTypeError("X", "numbers", str(error)) from error
    if data.dtype.kind == "c":
        raise InvalidTypeError("X", "real numbers", "Complex data not supported")
    if data.ndim < 2:
        got = f"shape {data.shape}: Reshape your data, as X[:, None] for one feature"
        raise InvalidShapeError("X", "axes (N, features) or (N, T, features)", got)
    for size, what in ((data.shape[0], "sample"), (data.size, "feature")):
        if not size:
            got = f"0 {what}(s) (shape={data.shape}) while a minimum of 1 is required."
            raise InvalidShapeError("X", "data", got)
    if data.dtype.kind == "f" and not np.isfinite(data).all():
        raise InvalidValueError("X", "finite numbers", "NaN or infinity")
    return data


def not_fitted(message: str) -> NotReadyError:
    """Return the error of an estimator that is not fitted, as scikit-learn knows it."""
    theirs = sys.modules.get("sklearn.exceptions")  # Whoever catches it has imported it.
    if theirs is None:
        return NotReadyError(message)
    return type("NotFittedError", (NotReadyError, theirs.NotFittedError), {})(message)


def column_of(y: Any) -> Values:
    """Return one class for each example, (N)."""
    values = np.asarray(y)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise InvalidShapeError("y", "one class for each example, (N)", f"shape {values.shape}")
    return values


def classes_of(y: Any) -> tuple[Values, Values]:
    """Return the classes in order, and the number of the class of each example, (N).

    Raises:
        InvalidTypeError, InvalidValueError: y is not classes, or there is only one.
    """
    column = column_of(as_data(y))
    if column.dtype.kind == "f" and (other := column[column != np.floor(column)]).size:
        got = f"Unknown label type: continuous numbers, such as {other[0]}"
        raise InvalidTypeError("y", "classes", got)
    try:
        classes, index = np.unique(column, return_inverse=True)
    except TypeError as error:
        raise InvalidTypeError("y", "classes of one type", str(error)) from error
    if len(classes) < 2:
        raise InvalidValueError("y", "at least two classes", f"only 1 class: {classes.tolist()}")
    return classes, index.reshape(-1)


def check_features(X: Values, features: int | None, name: str) -> None:
    """Check that the last axis of data is as in `fit`; None for any.

    Args:
        name: the class of the estimator, in words that scikit-learn expects.
    """
    if features and X.shape[-1:] != (features,):
        got = f"X has {X.shape[-1]} features, but {name} is expecting {features} features as input"
        raise InvalidShapeError("X", f"{features} features, as in fit", got)

"""The data of estimators, checked as scikit-learn's tools expect, without importing it."""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
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


def weights_of(sample_weight: Any, count: int) -> Values:
    """Return the weight of each example."""
    if sample_weight is None:
        return np.ones(count)
    weights = checks.numbers("sample_weight", as_data(sample_weight))
    checks.shape("sample_weight", weights.shape, (count,))
    return weights

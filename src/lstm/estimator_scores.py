"""The scores of estimators: how well predictions fit targets."""

from typing import Any

import numpy as np

from lstm import checks
from lstm.errors import InvalidShapeError
from lstm.estimator_data import Values, as_data, column_of


def accuracy(found: Values, y: Any, sample_weight: Any = None) -> float:
    """Return the share of examples whose class is right, (N) each."""
    target = column_of(as_data(y))
    checks.shape("y", target.shape, found.shape)
    return float(np.average(found == target, weights=_weights(sample_weight, len(found))))


def r_squared(found: Values, y: Any, sample_weight: Any = None) -> float:
    """Return R², 1 - Σ (found - y)² / Σ (y - mean y)²; of several outputs, the mean."""
    target = np.asarray(as_data(y), np.float64)
    if target.size != found.size or len(target) != len(found):
        raise InvalidShapeError("y", f"shape {found.shape}", f"shape {target.shape}")
    rows, flat = target.reshape(len(target), -1), found.reshape(len(target), -1)
    weights = _weights(sample_weight, len(rows))
    off = np.average((flat - rows) ** 2, 0, weights)
    spread = np.average((rows - np.average(rows, 0, weights)) ** 2, 0, weights)
    # Targets that do not vary are explained exactly or not at all, as in scikit-learn.
    constant = np.where(off == 0, 1.0, 0.0)
    return float(np.mean(np.where(spread == 0, constant, 1 - off / np.where(spread, spread, 1))))


def _weights(sample_weight: Any, count: int) -> Values:
    """Return the weight of each example."""
    if sample_weight is None:
        return np.ones(count)
    weights = checks.numbers("sample_weight", as_data(sample_weight))
    checks.shape("sample_weight", weights.shape, (count,))
    return weights

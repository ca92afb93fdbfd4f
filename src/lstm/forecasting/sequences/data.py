"""The data of classifiers and regressors: sequences of numbers, brought to one scale."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.estimator_data import as_data, as_inputs

Values = NDArray[Any]
Sequences = Values | list[Values]
"""An array (N, T, C), or a list of arrays (T, C) of different lengths."""


def read(X: Any) -> Sequences:
    """Return what a user gives as sequences.

    Args:
        X: an array (N, T) or (N, T, C), a table with a row for each sequence, or a list of
            sequences (T) or (T, C).

    Raises:
        InvalidShapeError, InvalidTypeError, InvalidValueError: it cannot be used; the message
            names the first sequence that does not fit.
    """
    if isinstance(X, list | tuple):  # Perhaps columns of tables.
        X = [as_data(values) if hasattr(values, "to_numpy") else values for values in X]
    data = as_inputs(X)
    if isinstance(data, np.ndarray):
        if data.dtype.kind not in "biuf":
            raise InvalidTypeError("X", "numbers", f"dtype {data.dtype}")
        if data.ndim > 3:
            raise InvalidShapeError("X", "axes (N, T) or (N, T, C)", f"shape {data.shape}")
        return data[:, :, None] if data.ndim == 2 else data
    found = [_sequence(f"X[{n}]", values) for n, values in enumerate(data)]
    for n, values in enumerate(found):
        if values.shape[1] != found[0].shape[1]:
            expected = f"{found[0].shape[1]} columns, as in X[0]"
            raise InvalidShapeError(f"X[{n}]", expected, f"shape {values.shape}")
    return found


def _sequence(argument: str, values: Any) -> Values:
    try:
        given = np.asarray(values)
        found = given.astype(np.float64) if given.dtype.kind in "biufO" else None
    except (TypeError, ValueError) as error:
        raise InvalidTypeError(argument, "numbers", str(error)) from error
    if found is None:
        raise InvalidTypeError(argument, "numbers", f"dtype {given.dtype}")
    if found.ndim == 1:
        found = found[:, None]
    if found.ndim != 2 or not found.size:
        raise InvalidShapeError(argument, "axes (T) or (T, C)", f"shape {np.shape(values)}")
    if not (finite := np.isfinite(found)).all():
        step = int((~finite).any(1).argmax())
        raise InvalidValueError(argument, "finite numbers", f"NaN or infinity in step {step}")
    return found


@dataclass(frozen=True)
class Scaling:
    """Mean and deviation of each channel in the data to learn from, (C) each."""

    mean: Values
    deviation: Values

    @classmethod
    def of(cls, data: Sequences) -> Self:
        """Return those of sequences; channels that do not vary have a deviation of 1."""
        rows = np.concatenate(data) if isinstance(data, list) else data.reshape(-1, data.shape[2])
        mean, deviation = rows.mean(0, dtype=np.float64), rows.std(0, dtype=np.float64)
        return cls(mean, np.where(deviation > 1e-9 * np.abs(mean), deviation, 1.0))

    def scaled(self, data: Sequences, patch: int = 1) -> Sequences:
        """Return sequences in float32 with a mean of 0 and a deviation of 1, in whole patches.

        Args:
            data: the sequences.
            patch: steps of a patch; what is missing in the last one is filled with the mean.
        """
        if isinstance(data, list):
            return [self.scaled(x[None], patch)[0] for x in data]
        scaled = ((data - self.mean) / self.deviation).astype(np.float32)
        return np.pad(scaled, ((0, 0), (0, -data.shape[1] % patch), (0, 0)))


def longest(data: Sequences) -> int:
    """Return the number of steps of the longest sequence."""
    return max(map(len, data))

"""LSTMRegressor: numbers that belong to a sequence."""

from typing import Any

import numpy as np

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.estimator_data import as_data
from lstm.estimator_scores import r_squared
from lstm.forecasting.sequences.data import Values
from lstm.forecasting.sequences.estimator import SequenceEstimator


class LSTMRegressor(SequenceEstimator):
    """Estimates numbers that belong to sequences: a pulse, the hours until a machine fails.

    It follows the protocol of scikit-learn's estimators. Sequences may have different lengths, and
    several channels, each of which is brought to a mean of 0 and a deviation of 1, as are the
    targets. It minimizes the squared error.

    Args:
        units: of the recurrent layers in each direction, and of the convolutions.
        layers: recurrent layers.
        cell: "lstm", "gru" or "rnn".
        bidirectional: whether they read sequences from the end, too.
        convolutions: layers before them, which find short patterns; 0 for none.
        patch: values of a channel that the recurrent layers read in one step, a power of 2; by
            default so many that they read no more than 128 steps.
        dropout: share of what they found that is left out in training.
        max_steps: training steps; by default as many as suit the number of examples.
        batch_size: sequences in each; by default 8 to 32, by the number of examples.
        learning_rate: of AdamW; it falls to 0.
        ensemble: number of networks, whose answers are averaged.
        random_state: makes the result reproducible, to the bit; None for another one each time.
        verbose: 0 shows nothing, 1 a bar, 2 a line for each pass, "auto" a bar on a terminal.

    Attributes:
        n_features_in_: steps of a sequence if `fit` got an array (N, T), channels otherwise.

    Example:
        >>> import numpy as np
        >>> from lstm.forecasting import LSTMRegressor
        >>> rng = np.random.default_rng(0)
        >>> def waves(N):
        ...     pace = rng.uniform(0.3, 0.6, N)
        ...     t = rng.uniform(0, 20, (N, 1)) + np.arange(40)
        ...     return np.sin(pace[:, None] * t), pace
        >>> X, y = waves(200)
        >>> model = LSTMRegressor(units=8, max_steps=200, random_state=0).fit(X, y)
        >>> model.score(*waves(100)) > 0.9
        True
    """

    kind = "regressor"
    loss = "mse"

    def predict(self, X: Any) -> Values:
        """Return the numbers of each sequence, in the shape of the targets of `fit`."""
        found = np.mean(self._outputs(X), axis=0) * self._deviation + self._mean
        return found[:, 0] if self._flat else found

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R², 1 - Σ (y - t)² / Σ (t - mean t)²; of several outputs, the mean."""
        return r_squared(self.predict(X), y, sample_weight)

    def _targets(self, y: Any) -> tuple[Values, int, Any]:
        given = as_data(y)
        if isinstance(given, np.ndarray) and given.dtype.kind == "O":
            try:
                given = given.astype(np.float64)
            except (TypeError, ValueError) as error:
                raise InvalidTypeError("y", "numbers", f"Unknown label type: {error}") from error
        targets = checks.numbers("y", given).astype(np.float64)
        if targets.ndim not in (1, 2):
            raise InvalidShapeError("y", "axes (N) or (N, targets)", f"shape {targets.shape}")
        flat = targets.ndim == 1
        targets = targets.reshape(len(targets), -1)
        if not (finite := np.isfinite(targets)).all():
            row = int((~finite).any(1).argmax())
            raise InvalidValueError("y", "finite numbers", f"NaN or infinity in y[{row}]")
        mean, deviation = targets.mean(0), targets.std(0)
        deviation = np.where(deviation > 1e-9 * np.abs(mean), deviation, 1.0)
        answers = {"flat": flat, "mean": mean.tolist(), "deviation": deviation.tolist()}
        return ((targets - mean) / deviation).astype(np.float32), targets.shape[1], answers

    def _restore(self, answers: Any) -> None:
        self._flat = bool(answers["flat"])
        self._mean, self._deviation = np.array(answers["mean"]), np.array(answers["deviation"])

"""LSTMClassifier: the class of a sequence."""

from typing import Any

import numpy as np

from lstm.errors import InvalidTypeError
from lstm.estimator_data import classes_of
from lstm.estimator_scores import accuracy
from lstm.forecasting.sequences.data import Values
from lstm.forecasting.sequences.estimator import SequenceEstimator
from lstm.losses import SparseCategoricalCrossentropy


class LSTMClassifier(SequenceEstimator):
    """Tells classes of sequences apart: gestures, heartbeats, machines that are about to fail.

    It follows the protocol of scikit-learn's estimators. Sequences may have different lengths, and
    several channels, each of which is brought to a mean of 0 and a deviation of 1.

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
        classes_: the classes in order, after `fit`.
        n_features_in_: steps of a sequence if `fit` got an array (N, T), channels otherwise.

    Example:
        >>> import numpy as np
        >>> from lstm.forecasting import LSTMClassifier
        >>> rng = np.random.default_rng(0)
        >>> def waves(N):
        ...     y = np.where(rng.uniform(size=N) < 0.5, "slow", "fast")
        ...     pace = np.where(y == "slow", 0.3, 0.5)
        ...     t = rng.uniform(0, 20, (N, 1)) + np.arange(40)
        ...     return np.sin(pace[:, None] * t) + rng.normal(0, 0.3, (N, 40)), y
        >>> X, y = waves(100)
        >>> model = LSTMClassifier(units=8, max_steps=60, random_state=0).fit(X, y)
        >>> model.score(*waves(100)) > 0.9
        True
    """

    kind = "classifier"
    loss = SparseCategoricalCrossentropy(from_logits=True)

    classes_: Values

    def predict(self, X: Any) -> Values:
        """Return the most probable class of each sequence, (N)."""
        best = self.predict_proba(X).argmax(1)
        return np.asarray(self.classes_[best])

    def predict_proba(self, X: Any) -> Values:
        """Return the probability of each class, (N, classes), in the order of `classes_`."""
        found = []
        for logits in self._outputs(X):
            e = np.exp(logits - logits.max(1, keepdims=True))
            found.append(e / e.sum(1, keepdims=True))
        return np.mean(found, axis=0)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy: the share of sequences whose class is right."""
        return accuracy(self.predict(X), y, sample_weight)

    def _targets(self, y: Any) -> tuple[Values, int, Any]:
        classes, index = classes_of(y)
        for entry in classes.tolist():
            if not isinstance(entry, str | bool | int | float):
                expected = "classes that are texts or numbers, as files hold them"
                raise InvalidTypeError("y", expected, f"{entry!r}")
        if classes.dtype.kind == "T":
            classes = classes.astype(np.str_)
        return index, len(classes), {"dtype": classes.dtype.str, "classes": classes.tolist()}

    def _restore(self, answers: Any) -> None:
        self.classes_ = np.array(answers["classes"], answers["dtype"])

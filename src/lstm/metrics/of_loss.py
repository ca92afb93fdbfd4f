"""Of the loss: the mean cross-entropy in other units. They need no outputs."""

import math

from lstm.metrics.reductions import Mean


class Perplexity(Mean):
    """exp of the mean cross-entropy: the number of symbols between which the model hesitates.

    `update_state` takes the mean cross-entropy of a batch, and the weight of the batch.

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Source:
        Jelinek et al., "Perplexity: a measure of the difficulty of speech recognition tasks", 1977.

    Example:
        >>> import math
        >>> from lstm.metrics import Perplexity
        >>> round(Perplexity()(math.log(20)), 4)
        20.0
    """

    rises = False

    needs_outputs = False

    def __init__(self, name: str = "perplexity", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def result(self) -> float:
        """Return the perplexity so far."""
        return math.exp(min(super().result(), 700.0))


class BitsPerCharacter(Mean):
    """The mean cross-entropy in bits instead of nats.

    `update_state` takes the mean cross-entropy of a batch, and the weight of the batch.

    Args:
        name: the key under which it is reported.
        dtype: the dtype of its variables; float64 by default.

    Example:
        >>> import math
        >>> from lstm.metrics import BitsPerCharacter
        >>> round(BitsPerCharacter()(math.log(8)), 4)
        3.0
    """

    rises = False

    needs_outputs = False

    def __init__(self, name: str = "bits_per_character", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def result(self) -> float:
        """Return the bits so far."""
        return super().result() / math.log(2)

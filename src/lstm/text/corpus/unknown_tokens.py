"""Unknown tokens: how many there are, when that misleads, and what helps."""

import numpy as np
from numpy.typing import NDArray

from lstm.text.vocabularies import Vocabulary

NOTICEABLE = 0.05
"""Share of unknown tokens that is worth a warning."""

_REMEDIES = {
    "characters": "use a lower min_count, or bytes or bpe as tokens",
    "words": "use characters or bpe as tokens, a lower min_count or a higher vocabulary_size",
    "bpe": "use a tokenizer that knows this text",
}


def unknown_share(vocabulary: Vocabulary, tokens: NDArray[np.int64]) -> float:
    """Return the share of tokens (T,) that are unknown."""
    if vocabulary.unknown is None or not len(tokens):
        return 0.0
    return float((tokens == vocabulary.unknown).mean())


def warning_of_training(share: float, vocabulary: Vocabulary) -> str | None:
    """Return a warning about this share of unknown tokens in a training text, or None."""
    if share < NOTICEABLE:
        return None
    remedy = _REMEDIES.get(vocabulary.kind, "use another vocabulary")
    return (
        f"{100 * share:.0f} % of the tokens to learn from are unknown: the model learns only where "
        f"they occur, not what they are; {remedy}"
    )


def warning_of_evaluation(share: float) -> str | None:
    """Return a warning about this share of unknown tokens in an evaluated text, or None."""
    if share < NOTICEABLE:
        return None
    return (
        f"{100 * share:.0f} % of the tokens are unknown to the model: the numbers count only where "
        "they occur, not what they are; use a text like the one that it learned from, or train a "
        "model of other tokens"
    )

"""Unknown tokens: how many there are, when that misleads, and what to do then."""

import numpy as np
from numpy.typing import NDArray

from lstm.text.vocabularies import Vocabulary

NOTICEABLE = 0.05
"""A share from which on it is worth a warning."""

_REMEDIES = {
    "characters": "take a lower min_count, or bytes or bpe as tokens",
    "words": "take characters or bpe as tokens, a lower min_count or a higher vocabulary_size",
    "bpe": "take a tokenizer that knows this text",
}


def unknown_share(vocabulary: Vocabulary, tokens: NDArray[np.int64]) -> float:
    """Share of tokens (T,) that are unknown."""
    if vocabulary.unknown is None or not len(tokens):
        return 0.0
    return float((tokens == vocabulary.unknown).mean())


def warning_of_training(share: float, vocabulary: Vocabulary) -> str | None:
    """What to say of this share of unknown tokens in a text to learn from, if anything."""
    if share < NOTICEABLE:
        return None
    remedy = _REMEDIES.get(vocabulary.kind, "take another vocabulary")
    return (
        f"{100 * share:.0f} % of the tokens to learn from are unknown, and the model learns only "
        f"that they come, not what they are: {remedy}"
    )


def warning_of_evaluation(share: float) -> str | None:
    """What to say of this share of unknown tokens in a text to judge by, if anything."""
    if share < NOTICEABLE:
        return None
    return (
        f"{100 * share:.0f} % of the tokens are unknown to the model, and the figures count only "
        "that they come, not what they are: take a text like the one that it learned from, or "
        "train a model of other tokens"
    )

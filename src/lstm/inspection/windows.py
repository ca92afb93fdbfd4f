"""Windows: pieces of a text from random places, for measurements."""

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidTypeError
from lstm.text import Corpus, LanguageModel
from lstm.text.corpus.sources import TextLike


def windows_of(
    model: LanguageModel, corpus: TextLike | Corpus, length: int, count: int, seed: int
) -> NDArray[np.int64]:
    """Return tokens (count, length) of a text, or the whole text if it is too short.

    Raises:
        InvalidTypeError: `model` is not a language model, or a number is not an integer.
        InvalidValueError: `length` is below 2, `count` below 1, or `seed` below 0.
        InvalidShapeError: the text has fewer than 3 tokens.
    """
    if not isinstance(model, LanguageModel):
        raise InvalidTypeError("model", "a LanguageModel", type(model).__name__)
    checks.int_at_least("longest", length - 1, 1)
    tokens = model.encoded(corpus).tokens
    if len(tokens) < 3:
        raise InvalidShapeError("corpus", "at least 3 tokens", len(tokens))
    length = min(length, len(tokens))
    rng = np.random.default_rng(checks.int_at_least("seed", seed, 0))
    starts = rng.integers(0, len(tokens) - length + 1, checks.positive_int("windows", count))
    return np.array([tokens[start : start + length] for start in starts], np.int64)

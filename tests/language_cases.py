"""A small text with some grammar, and a language model of it, which its tests share."""

from typing import Any

import numpy as np
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from lstm import LanguageModel
from lstm.text import CharVocabulary, Corpus, TextSource, TrainingOptions
from lstm.text.training.training import Training

WORDS = ["red", "green", "blue", "apple", "melon", "is", "was", "sweet", "sour", "the", "a"]


def sentences(count: int, seed: int = 0) -> str:
    rng = np.random.default_rng(seed)
    return "".join(" ".join(rng.choice(WORDS, 4)) + ".\n" for _ in range(count))


TEXT = sentences(160)
"""About 3,400 characters."""


def small() -> LanguageModel:
    """A model that has learned the words of TEXT, though not perfectly."""
    return LanguageModel.train(TEXT, hidden=24, epochs=6, seed=1)


def probabilities(model: LanguageModel, text: str) -> NDArray[Any]:
    """What comes after each character of a text, computed as one sequence (T, V)."""
    return model.model.predict(model.vocabulary.encode(text)[None])[0].astype(np.float64)


def training_of(
    text: str, hidden: int = 4, seed: int = 0, model: dict[str, Any] | None = None, **options: Any
) -> tuple[LanguageModel, Training]:
    """A model that has learned nothing yet, and its training."""
    vocabulary = CharVocabulary.from_text(text)
    made = LanguageModel.create(vocabulary, hidden=hidden, seed=seed, **(model or {}))
    corpus = Corpus.encode(TextSource.of(text), vocabulary)
    return made, Training(made, corpus, TrainingOptions(**options), seed)


def assert_same_weights(a: LanguageModel, b: LanguageModel) -> None:
    for w, v in zip(a.model.get_weights(), b.model.get_weights(), strict=True):
        assert_array_equal(w, v)

"""Text: tokens, padding, and the language model."""

from lstm.text.beam import Continuation
from lstm.text.language_model import Evaluation, LanguageModel
from lstm.text.log_probabilities import TokenLogProbability
from lstm.text.one_hot import to_categorical
from lstm.text.padding import pad_sequences
from lstm.text.tokenizer import Tokenizer
from lstm.text.vocabularies import (
    BPEVocabulary,
    ByteVocabulary,
    CharVocabulary,
    Vocabulary,
    WordVocabulary,
)
from lstm.text.writing import Writer

__all__ = [
    "BPEVocabulary",
    "ByteVocabulary",
    "CharVocabulary",
    "Continuation",
    "Evaluation",
    "LanguageModel",
    "TokenLogProbability",
    "Tokenizer",
    "Vocabulary",
    "WordVocabulary",
    "Writer",
    "pad_sequences",
    "to_categorical",
]

"""Text: tokens, padding, and the language model."""

from lstm.text.language_model import Evaluation, LanguageModel
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

__all__ = [
    "BPEVocabulary",
    "ByteVocabulary",
    "CharVocabulary",
    "Evaluation",
    "LanguageModel",
    "Tokenizer",
    "Vocabulary",
    "WordVocabulary",
    "pad_sequences",
    "to_categorical",
]

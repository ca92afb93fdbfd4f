"""Text: where it comes from, tokens, corpora, padding, and the language model."""

from lstm.text.corpus import Corpus
from lstm.text.evaluation import Evaluation, Surprise
from lstm.text.language_model import LanguageModel
from lstm.text.one_hot import to_categorical
from lstm.text.options import Architecture, TrainingOptions
from lstm.text.padding import pad_sequences
from lstm.text.sources import TextSource, source
from lstm.text.tokenizer import Tokenizer
from lstm.text.vocabularies import (
    BPEVocabulary,
    ByteVocabulary,
    CharVocabulary,
    Vocabulary,
    WordVocabulary,
)

__all__ = [
    "Architecture",
    "BPEVocabulary",
    "ByteVocabulary",
    "CharVocabulary",
    "Corpus",
    "Evaluation",
    "LanguageModel",
    "Surprise",
    "TextSource",
    "Tokenizer",
    "TrainingOptions",
    "Vocabulary",
    "WordVocabulary",
    "pad_sequences",
    "source",
    "to_categorical",
]

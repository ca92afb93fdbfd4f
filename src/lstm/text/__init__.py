"""Text: where it comes from, tokens, corpora, padding, and the language model."""

from lstm.text.beam import Continuation
from lstm.text.corpus import Corpus
from lstm.text.evaluation import Evaluation, Surprise
from lstm.text.language_model import LanguageModel
from lstm.text.learned_text import LearnedText
from lstm.text.log_probabilities import TokenLogProbability
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
from lstm.text.writing import Writer

__all__ = [
    "Architecture",
    "BPEVocabulary",
    "ByteVocabulary",
    "CharVocabulary",
    "Continuation",
    "Corpus",
    "Evaluation",
    "LanguageModel",
    "LearnedText",
    "Surprise",
    "TextSource",
    "TokenLogProbability",
    "Tokenizer",
    "TrainingOptions",
    "Vocabulary",
    "WordVocabulary",
    "Writer",
    "pad_sequences",
    "source",
    "to_categorical",
]

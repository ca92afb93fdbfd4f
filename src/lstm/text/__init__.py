"""Text: where it comes from, tokens, corpora, padding, and the language model."""

from lstm.text.corpus import Corpus
from lstm.text.language_model import Evaluation, LanguageModel
from lstm.text.one_hot import to_categorical
from lstm.text.padding import pad_sequences
from lstm.text.sources import TextSource, source
from lstm.text.tokenizer import Tokenizer
from lstm.text.vocabulary import CharVocabulary

__all__ = [
    "CharVocabulary",
    "Corpus",
    "Evaluation",
    "LanguageModel",
    "TextSource",
    "Tokenizer",
    "pad_sequences",
    "source",
    "to_categorical",
]

"""Text: where it comes from, tokens, corpora, padding, and the language model."""

from lstm.data.one_hot import to_categorical
from lstm.data.padding import pad_sequences
from lstm.text.architecture import Architecture
from lstm.text.corpus.corpus import Corpus
from lstm.text.corpus.learned_text import LearnedText
from lstm.text.corpus.sources import TextSource, source
from lstm.text.evaluation import Evaluation, Surprise
from lstm.text.language_model import LanguageModel
from lstm.text.log_probabilities import TokenLogProbability
from lstm.text.text_vectorization import TextVectorization
from lstm.text.tokenizer import Tokenizer, tokenizer_from_json
from lstm.text.training.options import TrainingOptions
from lstm.text.vocabularies import (
    BPEVocabulary,
    ByteVocabulary,
    CharVocabulary,
    Vocabulary,
    WordVocabulary,
)
from lstm.text.word_vectors import EmbeddingMatrix, embedding_matrix
from lstm.text.writing.beam import Continuation
from lstm.text.writing.writer import Writer

__all__ = [
    "Architecture",
    "BPEVocabulary",
    "ByteVocabulary",
    "CharVocabulary",
    "Continuation",
    "Corpus",
    "EmbeddingMatrix",
    "Evaluation",
    "LanguageModel",
    "LearnedText",
    "Surprise",
    "TextSource",
    "TextVectorization",
    "TokenLogProbability",
    "Tokenizer",
    "TrainingOptions",
    "Vocabulary",
    "WordVocabulary",
    "Writer",
    "embedding_matrix",
    "pad_sequences",
    "source",
    "to_categorical",
    "tokenizer_from_json",
]

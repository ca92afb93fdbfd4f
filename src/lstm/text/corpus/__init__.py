"""Texts to learn from: their sources and their tokens."""

from lstm.text.corpus.corpus import Corpus
from lstm.text.corpus.sources import TextLike, TextSource, source

__all__ = ["Corpus", "TextLike", "TextSource", "source"]

"""Tokenization: how to cut a text into tokens, as a value that a file can hold."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lstm import checks
from lstm.errors import InvalidTypeError, InvalidValueError, naming
from lstm.text.corpus.sources import Progress, TextSource
from lstm.text.vocabularies import (
    BPEVocabulary,
    ByteVocabulary,
    CharVocabulary,
    Vocabulary,
    WordVocabulary,
)

_MOST = 2**31 - 1

KINDS = ("characters", "bytes", "words", "bpe")

_NAMES = {"chunks": "corpus", "size": "vocabulary_size", "path": "tokens"}
"""Arguments of vocabularies, and the names of these arguments here."""


@dataclass(frozen=True)
class Tokenization:
    """How to make a vocabulary.

    Args:
        tokens: one of KINDS, or the name of a tokenizer.json.
        min_count: rarer tokens become the unknown token; for characters (1 by default) and words
            (2).
        vocabulary_size: largest number of tokens, for words (20,000) and bpe (2,048).
    """

    tokens: str = "characters"
    min_count: int | None = None
    vocabulary_size: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.tokens, str):
            raise InvalidTypeError("tokens", f"one of {', '.join(KINDS)}", repr(self.tokens))
        if not self._is_file:
            checks.one_of("tokens", self.tokens, KINDS)
        for name, kinds in (("min_count", KINDS[::2]), ("vocabulary_size", KINDS[2:])):
            value = getattr(self, name)
            if value is None:
                continue
            if checks.positive_int(name, value) > _MOST:
                raise InvalidValueError(name, f"at most {_MOST}", value)
            if self.tokens not in kinds:
                raise InvalidValueError(
                    name, f"none, unless tokens are {' or '.join(kinds)}", value
                )

    def vocabulary(self, text: TextSource, progress: Progress | None = None) -> Vocabulary:
        """Make the vocabulary of a text. The text is read once, if that is needed.

        Args:
            text: the text.
            progress: called with how much has been read, out of `text.size`.

        Raises:
            InvalidValueError: the text is not valid, or an argument does not suit it;
                the tokenizer.json cannot be read.
            MissingExtraError: the extra `bpe` is needed but not installed.
        """
        with naming(_NAMES.get):
            return self._made(text.read(progress))

    def _made(self, chunks: Iterable[str]) -> Vocabulary:
        counted = {} if self.min_count is None else {"min_count": self.min_count}
        sized = {} if self.vocabulary_size is None else {"size": self.vocabulary_size}
        match self.tokens:
            case "characters":
                return CharVocabulary.from_chunks(chunks, **counted)
            case "bytes":
                return ByteVocabulary()
            case "words":
                return WordVocabulary.from_chunks(chunks, **counted, **sized)
            case "bpe":
                return BPEVocabulary.from_chunks(chunks, **sized)
            case file:
                return BPEVocabulary.from_file(file)

    def to_config(self) -> dict[str, Any]:
        """Return it as JSON values that mean the same in every working folder."""
        where = {"tokens": os.path.abspath(self.tokens)} if self._is_file else {}
        return asdict(self) | where

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Tokenization":
        """Return the tokenization that `to_config` described."""
        return cls(**config)

    @property
    def _is_file(self) -> bool:
        return self.tokens.endswith(".json")

"""WordVocabulary: a token for each of the most frequent words, spaces included."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.text.vocabularies.base import REPLACEMENT, Vocabulary
from lstm.text.vocabularies.chunks import chunks_of, only_chunk, whole_words

# The signs of ASCII and Latin-1, of Arabic and Indian scripts, of typography, of currencies, arrows
# and symbols, and of East Asia. They are listed because Python's \w leaves out the combining marks
# that are part of words in many scripts.
_SIGNS = (
    r"!-/:-@\[-^`{-~\u00a1-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7"
    r"\u060c\u061b\u061f\u06d4\u0964\u0965\u2010-\u205e\u20a0-\u20cf\u2190-\u2bff"
    r"\u3001-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
)
# Words may contain apostrophes. The last of several spaces belongs to the next word.
_TOKEN = re.compile(
    rf" ?[^\s{_SIGNS}]+(?:['\u2019][^\s{_SIGNS}]+)*"
    rf"| ?[{_SIGNS}]+"
    r"|\n"
    r"|[^\S\n]+?(?= ?\S|\n|\Z)"
)

_CHUNK = 2**20
"""Characters to split at a time: their words need ten times as much memory."""

_COUNTED = 2**20
"""Distinct words that are counted; if there are more, the rarer half is forgotten."""


@dataclass(frozen=True, repr=False)
class WordVocabulary(Vocabulary):
    """A fixed set of words, each with the token that is its position, and the unknown token.

    A token is a word or a run of signs, either with the one space before it; a line break; or a run
    of other spaces. The tokens of a text together are the text, so nothing is lost if all are
    known. The last token stands for everything unknown, and decodes to U+FFFD.

    Args:
        words: the tokens in order, all distinct.

    Raises:
        InvalidTypeError: `words` is not a sequence of str.
        InvalidValueError: `words` is empty, or a word is repeated, holds a lone surrogate or is not
            one token.

    Example:
        >>> vocabulary = WordVocabulary.from_text("to be, or not to be?", min_count=1)
        >>> vocabulary.words
        (' be', ' not', ' or', ' to', ',', '?', 'to')
        >>> vocabulary.encode("to be is not")
        array([6, 0, 7, 1])
        >>> vocabulary.decode([6, 0, 7, 1])
        'to be\N{REPLACEMENT CHARACTER} not'
    """

    words: tuple[str, ...]

    kind: ClassVar[str] = "words"

    def __post_init__(self) -> None:
        if isinstance(self.words, str) or not isinstance(self.words, Iterable):
            raise InvalidTypeError("words", "a sequence of str", f"{self.words!r:.40}")
        words = tuple(self.words)
        if not words:
            raise InvalidValueError("words", "at least one word", "none")
        for word in words:
            checks.utf8("words", word)
            if not _TOKEN.fullmatch(word):
                raise InvalidValueError("words", "single tokens", f"{word!r:.40}")
        word, count = Counter(words).most_common(1)[0]
        if count > 1:
            raise InvalidValueError("words", "distinct words", f"{word!r:.40} {count} times")
        object.__setattr__(self, "words", words)
        object.__setattr__(self, "unknown", len(words))

    @classmethod
    def from_text(cls, text: str, min_count: int = 2, size: int = 20_000) -> Self:
        """Return the vocabulary of the most frequent words of a text, the most frequent first.

        Args:
            text: any text of at least one character.
            min_count: how often a word must occur.
            size: largest number of words, without the unknown token.

        Raises:
            InvalidTypeError: an argument is of the wrong type.
            InvalidValueError: the text is empty, names a file, holds a lone surrogate or has no
                word that occurs that often; or another argument is below 1.
        """
        return cls._from_chunks("text", only_chunk(text), min_count, size)

    @classmethod
    def from_chunks(cls, chunks: Iterable[str], min_count: int = 2, size: int = 20_000) -> Self:
        """Like `from_text`, for a text in chunks cut anywhere; only counts are kept in memory.

        For a file, use `from_chunks(source(Path(...)))`; a str is a text, also in a list.

        A million distinct words are counted. If a text has more, the rarer ones are forgotten on
        the way, so words near the limit of `min_count` may be left out.

        Example:
            >>> WordVocabulary.from_chunks(["a ros", "e is a ro", "se"]).words
            (' rose',)
        """
        return cls._from_chunks("chunks", chunks_of(chunks), min_count, size)

    @classmethod
    def _from_chunks(cls, argument: str, chunks: Iterable[str], min_count: int, size: int) -> Self:
        checks.positive_int("min_count", min_count)
        checks.positive_int("size", size)
        counts: Counter[str] = Counter()
        for chunk in whole_words(argument, chunks, _CHUNK):
            counts.update(_TOKEN.findall(chunk))
            if len(counts) > _COUNTED:
                counts = Counter(dict(counts.most_common(_COUNTED // 2)))
        if not counts:
            raise InvalidValueError(argument, "at least one character", "an empty text")
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        if ranked[0][1] < min_count:
            raise InvalidValueError(
                "min_count", f"at most {ranked[0][1]}, the count of the commonest word", min_count
            )
        return cls(tuple(word for word, count in ranked[:size] if count >= min_count))

    @cached_property
    def pieces(self) -> tuple[bytes, ...]:
        return (*(word.encode() for word in self.words), REPLACEMENT.encode())

    def encode(self, text: str) -> NDArray[np.int64]:
        """Return the tokens of a text; words outside the vocabulary become the unknown token."""
        checks.string("text", text)
        words = _TOKEN.findall(text)
        tokens = map(self._token_of.get, words, repeat(self.unknown))
        return np.fromiter(tokens, np.int64, len(words))

    def to_config(self) -> dict[str, Any]:
        return {"kind": self.kind, "words": list(self.words)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        checks.saved_form(config, cls.kind, ["words"])
        return cls(config["words"])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self.words)} words>"

    @cached_property
    def _token_of(self) -> dict[str, int]:
        return {word: token for token, word in enumerate(self.words)}

"""CharVocabulary: a token for every character, without loss; rare ones may share a token."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm import checks
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.text.vocabularies.base import REPLACEMENT, Vocabulary, checked_tokens
from lstm.text.vocabularies.chunks import chunks_of, only_chunk

_CHUNK = 2**20
"""Characters to count at a time: their code points need twelve bytes each."""


@dataclass(frozen=True, init=False, repr=False)
class CharVocabulary(Vocabulary):
    """A fixed set of characters, each with the token that is its position.

    Args:
        characters: the characters in the order of their tokens, all distinct. Lone surrogates,
            which occur only in badly decoded text, are refused.
        unknown: whether there is one more token, the last, for all other characters; it decodes to
            U+FFFD. Without it, `encode` refuses these characters.

    Raises:
        InvalidTypeError: `characters` is not a str, or `unknown` is not a bool.
        InvalidValueError: `characters` is empty, repeats a character or holds a lone surrogate.

    Example:
        >>> vocabulary = CharVocabulary.from_text("hello")
        >>> vocabulary.characters, len(vocabulary)
        ('ehlo', 4)
        >>> vocabulary.encode("hole")
        array([1, 3, 2, 0])
        >>> vocabulary.decode([1, 0, 2, 2, 3])
        'hello'
        >>> CharVocabulary("abc", unknown=True).encode("cable")
        array([2, 0, 1, 3, 3])
    """

    characters: str
    unknown: int | None

    kind: ClassVar[str] = "characters"

    def __init__(self, characters: str, unknown: bool = False) -> None:
        checks.utf8("characters", characters)
        if not characters:
            raise InvalidValueError("characters", "at least one character", "an empty text")
        if not isinstance(unknown, bool):
            raise InvalidTypeError("unknown", "True or False", repr(unknown))
        character, count = Counter(characters).most_common(1)[0]
        if count > 1:
            raise InvalidValueError(
                "characters", "distinct characters", f"{checks.character(character)} {count} times"
            )
        object.__setattr__(self, "characters", characters)
        object.__setattr__(self, "unknown", len(characters) if unknown else None)

    @classmethod
    def from_text(cls, text: str, min_count: int = 1) -> Self:
        """Return the vocabulary of the distinct characters of a text, sorted by code point.

        Args:
            text: any text of at least one character.
            min_count: how often a character must occur to have a token. If there are rarer ones,
                the vocabulary has an unknown token, which stands for them.

        Returns:
            A vocabulary that encodes `text` and every other text of these characters.

        Raises:
            InvalidTypeError: `text` is not a str, or `min_count` is not an integer.
            InvalidValueError: `text` is empty, names a file, holds a lone surrogate or has no
                character that occurs that often; `min_count` is below 1.

        Example:
            >>> CharVocabulary.from_text("to be or not to be").characters
            ' benort'
            >>> CharVocabulary.from_text("to be or not to be", min_count=2)
            CharVocabulary(characters=' beot', unknown=True)
        """
        return cls._from_chunks("text", only_chunk(text), min_count)

    @classmethod
    def from_chunks(cls, chunks: Iterable[str], min_count: int = 1) -> Self:
        """Like `from_text`, for a text in chunks; only one at a time is in memory.

        For a file, use `from_chunks(source(Path(...)))`; a str is a text, also in a list.

        Example:
            >>> CharVocabulary.from_chunks(["to be ", "or not ", "to be"]).characters
            ' benort'
        """
        return cls._from_chunks("chunks", chunks_of(chunks), min_count)

    @classmethod
    def _from_chunks(cls, argument: str, chunks: Iterable[str], min_count: int) -> Self:
        checks.positive_int("min_count", min_count)
        counts = np.zeros(0x110000, np.int64)
        for chunk in chunks:
            checks.utf8(argument, chunk)
            for start in range(0, len(chunk), _CHUNK):
                found = np.bincount(_code_points(chunk[start : start + _CHUNK]))
                counts[: len(found)] += found
        if not counts.any():
            raise InvalidValueError(argument, "at least one character", "an empty text")
        if counts.max() < min_count:
            raise InvalidValueError(
                "min_count", f"at most {counts.max()}, the count of the commonest one", min_count
            )
        common = "".join(map(chr, np.flatnonzero(counts >= min_count).tolist()))
        return cls(common, unknown=bool(((counts > 0) & (counts < min_count)).any()))

    @cached_property
    def pieces(self) -> tuple[bytes, ...]:
        return tuple(character.encode() for character in self._texts)

    def encode(self, text: str) -> NDArray[np.int64]:
        """Return the tokens of a text of T characters.

        Raises:
            InvalidTypeError: `text` is not a str.
            InvalidValueError: `text` has a character outside the vocabulary, and there is no
                unknown token.

        Example:
            >>> CharVocabulary("abc").encode("cab")
            array([2, 0, 1])
        """
        checks.string("text", text)
        tokens = self._token_of.take(_code_points(text), mode="clip")
        if self.unknown is None and tokens.size and tokens.min() < 0:
            offset = int(np.argmax(tokens < 0))
            raise InvalidValueError(
                "text",
                f"only the {len(self)} distinct characters of the vocabulary",
                f"{checks.character(text[offset])} at offset {offset}",
            )
        return tokens

    def decode(self, tokens: ArrayLike) -> str:
        """Return the text of T tokens, which has T characters; see `Vocabulary.decode`."""
        points = _code_points(self._texts)[checked_tokens(tokens, len(self))]
        return points.tobytes().decode("utf-32-le")

    def to_config(self) -> dict[str, Any]:
        """Return the kind and the characters, and `unknown` if there is such a token.

        Example:
            >>> CharVocabulary("abc").to_config()
            {'kind': 'characters', 'characters': 'abc'}
        """
        config = {"kind": self.kind, "characters": self.characters}
        return config if self.unknown is None else config | {"unknown": True}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        checks.saved_form(config, cls.kind, ["characters"])
        return cls(config["characters"], config.get("unknown", False))

    def __repr__(self) -> str:
        unknown = "" if self.unknown is None else ", unknown=True"
        return f"{type(self).__name__}(characters={self.characters!r}{unknown})"

    def _utf8(self, tokens: ArrayLike) -> bytes:
        return self.decode(tokens).encode()

    @property
    def _texts(self) -> str:
        """The characters of all tokens, in order."""
        return self.characters if self.unknown is None else self.characters + REPLACEMENT

    @cached_property
    def _token_of(self) -> NDArray[np.int64]:
        """Token by code point, and one more entry, to which `take` clips all larger code points.

        Characters outside the vocabulary map to its unknown token, or -1.
        """
        points = _code_points(self.characters)
        other = -1 if self.unknown is None else self.unknown
        table = np.full(int(points.max()) + 2, other, dtype=np.int64)
        table[points] = np.arange(len(points))
        return table


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")

"""CharVocabulary: a token for every character, without loss; an unseen one is an error."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm import checks
from lstm.errors import InvalidValueError


@dataclass(frozen=True)
class CharVocabulary:
    """A fixed set of characters, each with the token that is its position.

    Args:
        characters: the characters in the order of their tokens, all distinct. Lone surrogates,
            which only badly decoded text has, are refused.

    Raises:
        InvalidTypeError: `characters` is no str.
        InvalidValueError: it is empty, repeats a character or holds a lone surrogate.

    Example:
        >>> vocabulary = CharVocabulary.from_text("hello")
        >>> vocabulary.characters, len(vocabulary)
        ('ehlo', 4)
        >>> vocabulary.encode("hole")
        array([1, 3, 2, 0])
        >>> vocabulary.decode([1, 0, 2, 2, 3])
        'hello'
    """

    characters: str

    kind: ClassVar[str] = "characters"

    def __post_init__(self) -> None:
        _check_text("characters", self.characters)
        character, count = Counter(self.characters).most_common(1)[0]
        if count > 1:
            raise InvalidValueError(
                "characters", "distinct characters", f"{_describe(character)} {count} times"
            )

    @classmethod
    def from_text(cls, text: str) -> "CharVocabulary":
        """Return the vocabulary of the distinct characters of `text`, sorted by code point.

        Args:
            text: any text of at least one character.

        Returns:
            A vocabulary that encodes `text` and every other text of these characters.

        Raises:
            InvalidTypeError: `text` is no str.
            InvalidValueError: `text` is empty or holds a lone surrogate.

        Example:
            >>> CharVocabulary.from_text("to be or not to be").characters
            ' benort'
        """
        _check_text("text", text)
        return cls("".join(sorted(set(text))))

    def __len__(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> NDArray[np.int64]:
        """Return the tokens of `text`.

        Args:
            text: a text of T characters; it may be empty.

        Returns:
            Tokens (T,), int64, in [0, len(vocabulary)).

        Raises:
            InvalidTypeError: `text` is no str.
            InvalidValueError: `text` has a character that the vocabulary has not.

        Example:
            >>> CharVocabulary("abc").encode("cab")
            array([2, 0, 1])
        """
        checks.string("text", text)
        tokens = self._token_of.take(_code_points(text), mode="clip")
        if tokens.size and tokens.min() < 0:
            offset = int(np.argmax(tokens < 0))
            raise InvalidValueError(
                "text",
                f"only the {len(self)} distinct characters of the vocabulary",
                f"{_describe(text[offset])} at offset {offset}",
            )
        return tokens

    def decode(self, tokens: ArrayLike) -> str:
        """Return the text of `tokens`.

        Args:
            tokens: (T,) whole numbers in [0, len(vocabulary)).

        Returns:
            A text of T characters.

        Raises:
            InvalidShapeError: `tokens` has not one axis.
            InvalidTypeError: `tokens` are no integers.
            InvalidValueError: a token is out of range.

        Example:
            >>> CharVocabulary("abc").decode([2, 0, 1])
            'cab'
        """
        array = np.asarray(tokens)
        checks.rank("tokens", array, "T")
        points = _code_points(self.characters)[checks.indices("tokens", array, len(self))]
        return points.tobytes().decode("utf-32-le")

    def to_config(self) -> dict[str, Any]:
        """Return a description that JSON can hold and that `from_config` reads.

        Returns:
            The kind of this class and the characters.

        Example:
            >>> CharVocabulary("abc").to_config()
            {'kind': 'characters', 'characters': 'abc'}
        """
        return {"kind": self.kind, "characters": self.characters}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "CharVocabulary":
        """Return the vocabulary that `to_config` described.

        Args:
            config: what `to_config` returned, perhaps by way of JSON.

        Returns:
            A vocabulary equal to the one described.

        Raises:
            InvalidValueError: the description is of another kind or incomplete.

        Example:
            >>> CharVocabulary.from_config({"kind": "characters", "characters": "abc"})
            CharVocabulary(characters='abc')
        """
        checks.saved_form(config, cls.kind, ["characters"])
        return cls(config["characters"])

    @cached_property
    def _token_of(self) -> NDArray[np.int64]:
        """Token by code point, and a last entry -1 to which `take` clips all larger code points."""
        points = _code_points(self.characters)
        table = np.full(int(points.max()) + 2, -1, dtype=np.int64)
        table[points] = np.arange(len(self))
        return table


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def _describe(character: str) -> str:
    return f"{character!r} (U+{ord(character):04X})"


def _check_text(argument: str, text: str) -> None:
    checks.string(argument, text)
    if not text:
        raise InvalidValueError(argument, "at least one character", "an empty text")
    try:
        text.encode("utf-32-le")
    except UnicodeEncodeError as error:
        raise InvalidValueError(
            argument,
            "text without lone surrogates (was it decoded with its own encoding?)",
            f"{_describe(text[error.start])} at offset {error.start}",
        ) from error

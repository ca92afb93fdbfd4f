"""The base of all vocabularies, and the decoder that turns a stream of tokens into text."""

import codecs
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm import checks
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.interface import Interface

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
"""The replacement for what cannot be shown: an unknown token, or bytes that are not UTF-8."""


class Vocabulary(Interface, ABC):
    """A fixed set of V tokens, each of which stands for a piece of text.

    A vocabulary never changes: what it encoded, it can decode, and so can every equal vocabulary. A
    subclass defines the pieces and how a text is split into them.

    Attributes:
        kind: name of the class in files.
        unknown: the token of everything outside the vocabulary; None if there is no such token,
            and `encode` refuses what it cannot encode.
    """

    kind: ClassVar[str]
    unknown: int | None = None

    @property
    @abstractmethod
    def pieces(self) -> Sequence[bytes]:
        """The UTF-8 of each of the V tokens; for byte-level tokens, perhaps part of a character."""

    @abstractmethod
    def encode(self, text: str) -> NDArray[np.int64]:
        """Return the tokens of a text.

        Args:
            text: any text; it may be empty.

        Returns:
            Tokens (T,), int64, in [0, V).

        Raises:
            InvalidTypeError: `text` is not a str.
            InvalidValueError: `text` cannot be encoded with this vocabulary.
        """

    @abstractmethod
    def to_config(self) -> dict[str, Any]:
        """Return a description that JSON can hold and that `from_config` reads.

        Its "kind" is the `kind` of the class.
        """

    @classmethod
    @abstractmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Return the vocabulary that `to_config` described, perhaps through JSON.

        Raises:
            InvalidValueError: the description is of another kind, incomplete or damaged.
        """

    def __len__(self) -> int:
        """V, the number of tokens."""
        return len(self.pieces)

    def __copy__(self) -> Self:
        return self  # It never changes.

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_config, (self.to_config(),)

    def decode(self, tokens: ArrayLike) -> str:
        """Return the text of tokens.

        Args:
            tokens: (T,) whole numbers in [0, V).

        Returns:
            Valid Unicode for any tokens: U+FFFD stands for the unknown token and for bytes that are
            not valid UTF-8.

        Raises:
            InvalidShapeError: `tokens` does not have exactly one axis.
            InvalidTypeError: `tokens` are not integers.
            InvalidValueError: a token is out of range.
        """
        return self._utf8(tokens).decode("utf-8", "replace")

    def encode_open(self, text: str) -> tuple[NDArray[np.int64], bool]:
        """Return the tokens of a text that continues, such as a prompt.

        If words include the space before them, a space at the end belongs to the next token.

        Args:
            text: any text; it may be empty.

        Returns:
            The tokens, and whether a space at the end is left to the next token, which is then one
            of those in `spaced`.

        Raises:
            InvalidTypeError, InvalidValueError: as `encode`.

        Example:
            >>> from lstm.text import WordVocabulary
            >>> vocabulary = WordVocabulary(["the", " cat", " "])
            >>> vocabulary.encode("the "), vocabulary.encode_open("the ")
            (array([0, 2]), (array([0]), True))
        """
        checks.string("text", text)
        left = text.endswith(" ") and self._words_take_spaces
        return self.encode(text[:-1] if left else text), left

    def decoder(self) -> "Decoder":
        """Return a decoder for tokens that arrive piece by piece."""
        return Decoder(self._utf8)

    @cached_property
    def start(self) -> int:
        """The token before a text without a prompt: the line break, or else 0."""
        return self.pieces.index(b"\n") if b"\n" in self.pieces else 0

    @cached_property
    def spaced(self) -> NDArray[np.bool_]:
        """Which tokens start with a space, (V,)."""
        return np.array([piece.startswith(b" ") for piece in self.pieces])

    @cached_property
    def _words_take_spaces(self) -> bool:
        return any(piece.startswith(b" ") and len(piece) > 1 for piece in self.pieces)

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """How many characters and UTF-8 bytes each token stands for, (V, 2), int64.

        A character counts in the token with its first byte. So the sums over a text are right if
        all its tokens are known and the vocabulary is `reversible`. The unknown token counts as one
        character and one byte, whatever it stands for.
        """
        # Bytes 10xxxxxx continue a character that started before.
        lengths = np.array(
            [(sum(b & 0xC0 != 0x80 for b in piece), len(piece)) for piece in self.pieces], np.int64
        )
        if self.unknown is not None:
            lengths[self.unknown] = 1
        return lengths

    @property
    def reversible(self) -> bool:
        """Whether tokens that are all known can be turned back into their text, byte by byte.

        A space before the first word does not count.
        """
        return True

    def token_text(self, token: int) -> str:
        r"""Return how a token reads in a table.

        Args:
            token: an integer in [0, V).

        Returns:
            The quoted text, such as `' the'` or `'\n'`; `<e2 82>` for bytes that alone are not
            text; `<unknown>` for the unknown token.

        Raises:
            InvalidTypeError: `token` is not an integer.
            InvalidValueError: `token` is out of range.
        """
        if checks.int_at_least("token", token, 0) >= len(self):
            raise InvalidValueError("token", f"an integer in [0, {len(self)})", token)
        if token == self.unknown:
            return "<unknown>"
        try:
            return repr(self.pieces[token].decode("utf-8"))
        except UnicodeDecodeError:
            return f"<{self.pieces[token].hex(' ')}>"

    def _utf8(self, tokens: ArrayLike) -> bytes:
        array = checked_tokens(tokens, len(self))
        return b"".join(map(self.pieces.__getitem__, array.tolist()))


class Decoder:
    """Turns a stream of tokens into text, and never cuts a character.

    Together, the texts that it returns are what the vocabulary's `decode` returns for all tokens at
    once. A character that one token starts and a later one ends is held back until then.

    Args:
        utf8: returns the UTF-8 of tokens.

    Example:
        >>> from lstm.text import ByteVocabulary
        >>> decoder = ByteVocabulary().decoder()
        >>> decoder.decode([0x41, 0xE2, 0x82])
        'A'
        >>> decoder.pending
        b'\\xe2\\x82'
        >>> decoder.decode([0xAC])
        '€'
    """

    def __init__(self, utf8: Callable[[ArrayLike], bytes]) -> None:
        self._utf8 = utf8
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def decode(self, tokens: ArrayLike, final: bool = False) -> str:
        """Return the text that is complete with these tokens.

        Args:
            tokens: (T,) whole numbers in [0, V), the next ones.
            final: no more tokens follow; what is held back is returned as U+FFFD, and the decoder
                is reset.

        Raises:
            InvalidShapeError, InvalidTypeError, InvalidValueError: as the vocabulary's `decode`.
        """
        return self._decoder.decode(self._utf8(tokens), final)

    @property
    def pending(self) -> bytes:
        """The bytes held back: the start of one character, or nothing.

        Save them and set them in another decoder to continue where this one is.

        Raises:
            InvalidTypeError: the new value is not bytes.
            InvalidValueError: the new value is not the start of one character.
        """
        return self._decoder.getstate()[0]

    @pending.setter
    def pending(self, pending: bytes) -> None:
        if not isinstance(pending, bytes):
            raise InvalidTypeError("pending", "bytes", type(pending).__name__)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        if decoder.decode(pending):
            raise InvalidValueError("pending", "the first bytes of one character", pending)
        self._decoder = decoder


def checked_tokens(tokens: ArrayLike, size: int) -> NDArray[np.int64]:
    """Return `tokens` as an int64 array (T,) if they are whole numbers in [0, size)."""
    checks.unmasked("tokens", tokens)
    array = np.asarray(tokens)
    checks.rank("tokens", array, "T")
    return checks.indices("tokens", array, size)

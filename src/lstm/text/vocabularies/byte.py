"""ByteVocabulary: a token for every byte of UTF-8, so that every text has tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm import checks
from lstm.text.vocabularies.base import Vocabulary, checked_tokens


@dataclass(frozen=True)
class ByteVocabulary(Vocabulary):
    """The 256 bytes: a text has as many tokens as its UTF-8 has bytes.

    It knows every text, and decodes any tokens to valid Unicode.

    Example:
        >>> vocabulary = ByteVocabulary()
        >>> vocabulary.encode("né")
        array([110, 195, 169])
        >>> vocabulary.decode([110, 195, 169])
        'né'
        >>> vocabulary.decode([110, 195])
        'n\N{REPLACEMENT CHARACTER}'
    """

    kind: ClassVar[str] = "bytes"

    @property
    def pieces(self) -> Sequence[bytes]:
        return _BYTES

    def encode(self, text: str) -> NDArray[np.int64]:
        """Return the bytes of a text; see `Vocabulary.encode`. Lone surrogates have no bytes."""
        return np.frombuffer(checks.utf8("text", text), np.uint8).astype(np.int64)

    def to_config(self) -> dict[str, Any]:
        return {"kind": self.kind}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        checks.saved_form(config, cls.kind, [])
        return cls()

    def _utf8(self, tokens: ArrayLike) -> bytes:
        return checked_tokens(tokens, len(self)).astype(np.uint8).tobytes()


_BYTES = tuple(bytes([byte]) for byte in range(256))

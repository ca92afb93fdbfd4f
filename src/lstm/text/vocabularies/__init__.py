"""Vocabularies: the tokens of text, and how text becomes tokens and tokens become text."""

from collections.abc import Mapping
from typing import Any

from lstm import checks
from lstm.errors import InvalidTypeError
from lstm.text.vocabularies.base import Decoder, Vocabulary
from lstm.text.vocabularies.bpe import BPEVocabulary
from lstm.text.vocabularies.byte import ByteVocabulary
from lstm.text.vocabularies.characters import CharVocabulary
from lstm.text.vocabularies.words import WordVocabulary

__all__ = [
    "BPEVocabulary",
    "ByteVocabulary",
    "CharVocabulary",
    "Decoder",
    "Vocabulary",
    "WordVocabulary",
    "saved_vocabulary",
    "vocabulary_from_config",
]

_KINDS: dict[str, type[Vocabulary]] = {
    kind.kind: kind for kind in (CharVocabulary, ByteVocabulary, WordVocabulary, BPEVocabulary)
}


def saved_vocabulary(vocabulary: Vocabulary) -> dict[str, Any]:
    """Return a description from which `vocabulary_from_config` rebuilds a vocabulary.

    Raises:
        InvalidTypeError: its class is not one of this library, so a file cannot name it.
    """
    if _KINDS.get(vocabulary.kind) is not type(vocabulary):
        expected = "one of this library, which a file can describe"
        raise InvalidTypeError("vocabulary", expected, type(vocabulary).__name__)
    return vocabulary.to_config()


def vocabulary_from_config(config: Mapping[str, Any]) -> Vocabulary:
    """Return the vocabulary that its `to_config` described.

    Args:
        config: what `to_config` returned, perhaps through JSON.

    Returns:
        A vocabulary equal to the one described.

    Raises:
        InvalidTypeError: `config` is not a dict.
        InvalidValueError: its `kind` is unknown, or the description is incomplete.
        MissingExtraError: the extra `bpe` is needed but not installed.

    Example:
        >>> vocabulary_from_config({"kind": "characters", "characters": "abc"})
        CharVocabulary(characters='abc')
    """
    if not isinstance(config, Mapping):
        raise InvalidTypeError("config", "a dict", f"{config!r:.40}")
    kind: Any = checks.one_of("kind", config.get("kind"), list(_KINDS))
    return _KINDS[kind].from_config(config)

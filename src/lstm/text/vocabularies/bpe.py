"""BPEVocabulary: pieces of words, learned from a text or read from an existing tokenizer."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidValueError, MissingExtraError
from lstm.text.vocabularies.base import REPLACEMENT, Vocabulary
from lstm.text.vocabularies.chunks import chunks_of, only_chunk, split, whole_words
from lstm.text.vocabularies.growth import LIMIT, growth

_CHUNK = 2**14
"""Characters in a text to learn from; the library loads hundreds of texts into memory at once."""

_TOKENS = 2**24
"""Every vocabulary has fewer tokens; a larger number comes from a damaged file."""

_FALLBACK = re.compile(r"<0x([0-9A-F]{2})>")
"""How tokenizers that are not byte-level write the token of a byte."""


_PROBES = (
    *(
        "{0} {1}",
        "{0}  {0}",
        "{0}\t{0}",
        "{0}\n{0}",
        "{0} ",
        "{0}\u00a0{0}",
        "The FOX, don't 3.14!",
    ),
    *("\u00e9 e\u0301", "\ufb01 \u00bd \u212b", "\u4e2d\u6587 \U0001f600"),
)
"""Texts that tokenizers may change; formatted with one of their words, also in capitals."""


@dataclass(frozen=True, repr=False)
class BPEVocabulary(Vocabulary):
    """Byte-pair encoding, through the library `tokenizers` (`pip install 'lstm-kit[bpe]'`).

    Made by `from_text` or `from_chunks`, it is byte-level: it knows every text and decodes exactly
    what it encoded. `from_file` also reads any other tokenizer. If that is not byte-level, `encode`
    returns the tokenizer's tokens without special ones. The text of a token is what it adds after
    another token, so a decoded text may start with an extra space. `lengths` are the lengths of
    these texts; they differ from the encoded text if the tokenizer changes it (for example, lowers
    it) and so is not `reversible`. Truncation, padding and dropout are switched off.

    Args:
        definition: the tokenizer in JSON, the content of a `tokenizer.json`.

    Raises:
        InvalidTypeError: `definition` is not a str.
        InvalidValueError: `definition` does not describe a tokenizer.
        MissingExtraError: the extra `bpe` is not installed.

    Source:
        P. Gage, A new algorithm for data compression, 1994; R. Sennrich, B. Haddow, A. Birch, 2016;
        of bytes: A. Radford et al., Language models are unsupervised multitask learners, 2019.

    Example:
        >>> text = "to be or not to be, that is the question"
        >>> vocabulary = BPEVocabulary.from_text(text, size=259)
        >>> [vocabulary.token_text(token) for token in vocabulary.encode("not to be")]
        ["'n'", "'o'", "'t'", "' t'", "'o'", "' be'"]
    """

    definition: str

    kind: ClassVar[str] = "bpe"

    def __post_init__(self) -> None:
        tokenizer = _tokenizer(self.definition)
        # Checked before the library writes the definition, because it counts to the largest token.
        largest = max(tokenizer.get_vocab().values(), default=None)
        if largest is None or largest >= _TOKENS:
            raise _no_tokenizer(
                "one without tokens" if largest is None else f"one with token {largest}"
            )
        # The tokens may depend only on the text.
        tokenizer.no_truncation()
        tokenizer.no_padding()
        parts = json.loads(tokenizer.to_str())
        if growth(parts) > LIMIT:
            raise _no_tokenizer("one that makes texts too long, step by step")
        model = parts["model"]
        if "dropout" in model:
            model["dropout"] = None
        unknown = model.get("unk_id")
        if model.get("unk_token") is not None:
            unknown = tokenizer.token_to_id(model["unk_token"])
        object.__setattr__(self, "unknown", unknown)
        # One form for each tokenizer, so that equal ones compare equal.
        object.__setattr__(self, "definition", json.dumps(parts, sort_keys=True))

    @classmethod
    def from_text(cls, text: str, size: int = 2048) -> Self:
        """Learn a byte-level vocabulary from a text.

        Args:
            text: any text of at least one character.
            size: largest number of tokens, including the 256 bytes. A short text leads to fewer: a
                sequence that occurs only once does not become a token.

        Returns:
            A vocabulary that encodes any text. The same text leads to the same vocabulary.

        Raises:
            InvalidTypeError: `text` is not a str, or `size` is not an integer.
            InvalidValueError: `text` is empty, names a file or holds a lone surrogate, `size` is
                below 256.
            MissingExtraError: the extra `bpe` is not installed.
        """
        return cls._from_chunks("text", only_chunk(text), size)

    @classmethod
    def from_chunks(cls, chunks: Iterable[str], size: int = 2048) -> Self:
        """Like `from_text`, for a text in chunks cut anywhere; few are in memory at a time.

        For a file, use `from_chunks(source(Path(...)))`; a str is a text, also in a list.
        """
        return cls._from_chunks("chunks", chunks_of(chunks), size)

    @classmethod
    def _from_chunks(cls, argument: str, chunks: Iterable[str], size: int) -> Self:
        checks.int_at_least("size", size, 256)
        library = _library()
        byte_level = library.pre_tokenizers.ByteLevel
        tokenizer = library.Tokenizer(library.models.BPE())
        tokenizer.pre_tokenizer = byte_level(add_prefix_space=False)
        tokenizer.decoder = library.decoders.ByteLevel()
        trainer = library.trainers.BpeTrainer(
            vocab_size=size,
            min_frequency=2,
            initial_alphabet=byte_level.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(_some(argument, chunks), trainer)
        return cls(tokenizer.to_str())

    @classmethod
    def from_file(cls, path: str | PathLike[str]) -> Self:
        """Read an existing tokenizer: a `tokenizer.json`.

        Args:
            path: the file.

        Raises:
            InvalidValueError: the file cannot be read or is not a tokenizer.
            MissingExtraError: the extra `bpe` is not installed.
        """
        try:
            return cls(Path(path).read_text(encoding="utf-8-sig"))
        except OSError as error:
            got = f"{path} ({error.strerror})"
        except UnicodeDecodeError:
            got = f"{path} (not UTF-8)"
        except InvalidValueError as error:
            got = f"{path} ({error.got})"
        raise InvalidValueError("path", "the tokenizer.json of a tokenizer", got)

    @cached_property
    def pieces(self) -> tuple[bytes, ...]:
        vocabulary: dict[str, int] = self._tokenizer.get_vocab()
        # There may be gaps, which no encoded text contains.
        pieces = [REPLACEMENT.encode()] * (1 + max(vocabulary.values()))
        decoders = _types(self._parts["decoder"])
        if "ByteLevel" in decoders:
            for token, index in vocabulary.items():
                known = _BYTE_OF.keys() >= set(token)
                pieces[index] = bytes(map(_BYTE_OF.__getitem__, token)) if known else token.encode()
        else:
            texts = self._texts(len(pieces))
            for token, index in vocabulary.items():
                byte = "ByteFallback" in decoders and _FALLBACK.fullmatch(token)
                pieces[index] = bytes.fromhex(byte[1]) if byte else texts[index].encode()
        for index, added in self._tokenizer.get_added_tokens_decoder().items():
            pieces[index] = added.content.encode()
        if self.unknown is not None:
            pieces[self.unknown] = REPLACEMENT.encode()
        return tuple(pieces)

    def _texts(self, size: int) -> list[str]:
        """Return what each token adds to a text that another token started."""
        with _asking("definition", "a tokenizer that can write its tokens"):
            decode = self._tokenizer.decode_batch
            alone = decode([[token] for token in range(size)], skip_special_tokens=False)
            first = next((token for token, text in enumerate(alone) if text.isalnum()), 0)
            both = decode([[first, token] for token in range(size)], skip_special_tokens=False)
        return [text.removeprefix(alone[first]) for text in both]

    def encode(self, text: str) -> NDArray[np.int64]:
        """Return the tokens of a text, without those that the tokenizer would add."""
        checks.utf8("text", text)
        # Encode each distinct word once: a text has far fewer of these than words.
        words = split(text) if self._splits_at_spaces else [text]
        index = {word: i for i, word in enumerate(dict.fromkeys(words))}
        # Some tokenizers lack a token for what they do not know.
        with _asking("text", "one that the tokenizer can encode"):
            encoded = self._tokenizer.encode_batch_fast(list(index), add_special_tokens=False)
        tokens = [word.ids for word in encoded]
        return _joined(tokens, np.fromiter(map(index.__getitem__, words), np.int64, len(words)))

    @cached_property
    def reversible(self) -> bool:
        words = (self.decode([token]).strip() for token in range(len(self)))
        word = next(filter(str.isalpha, words), "a")
        return all(self._keeps(probe.format(word, word.upper())) for probe in _PROBES)

    def _keeps(self, text: str) -> bool:
        """Whether the tokens of a text, if known, turn back into the same text."""
        try:
            tokens = self.encode(text)
        except InvalidValueError:  # Some of it has no token, not even an unknown one.
            return True
        return self.unknown in tokens or self.decode(tokens).removeprefix(" ") == text

    def to_config(self) -> dict[str, Any]:
        """Return the kind, and the tokenizer in the form of a `tokenizer.json`."""
        return {"kind": self.kind, "tokenizer": self._parts}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        checks.saved_form(config, cls.kind, ["tokenizer"])
        with _asking("tokenizer", "the content of a tokenizer.json"):
            definition = json.dumps(config["tokenizer"])
        return cls(definition)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)} tokens>"

    @property
    def _parts(self) -> dict[str, Any]:
        return json.loads(self.definition)

    @cached_property
    def _splits_at_spaces(self) -> bool:
        """Whether the tokens of a text are the tokens of its words from `chunks.split`."""
        parts = self._parts
        before = parts["pre_tokenizer"] or {}
        return (
            parts["normalizer"] is None
            and not parts["added_tokens"]
            and before.get("type") == "ByteLevel"
            and before.get("use_regex", True)
            and not before["add_prefix_space"]
        )

    @cached_property
    def _tokenizer(self) -> Any:
        # What a tokenizer adds to a text is not part of the text.
        return _tokenizer(json.dumps(self._parts | {"post_processor": None}))


def _library() -> Any:
    # Its threads could block a process that is forked later (it warns of this); one is enough.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        import tokenizers
    except ImportError as error:
        raise MissingExtraError("byte-pair encoding", "bpe") from error
    return tokenizers


def _tokenizer(definition: str) -> Any:
    checks.utf8("definition", definition)
    with _asking("definition", "the content of a tokenizer.json"):
        return _library().Tokenizer.from_str(definition)


@contextmanager
def _asking(argument: str, expected: str) -> Iterator[None]:
    """Turn the errors of the library into ours, including its panics, which are not Exceptions."""
    try:
        yield
    except MissingExtraError:
        raise
    except BaseException as error:  # The library has no narrower one.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise InvalidValueError(argument, expected, f"{error!s:.200}") from error


def _some(argument: str, chunks: Iterable[str]) -> Iterator[str]:
    """Yield the chunks to learn from; there must be at least one character."""
    chunk = ""
    for chunk in whole_words(argument, chunks, _CHUNK):
        yield chunk
    if not chunk:
        raise InvalidValueError(argument, "at least one character", "an empty text")


def _joined(parts: list[list[int]], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Concatenate the parts with the numbers in `order`."""
    flat = np.fromiter(chain.from_iterable(parts), np.int64)
    sizes = np.fromiter(map(len, parts), np.int64, len(parts))
    firsts, sizes = (np.cumsum(sizes) - sizes)[order], sizes[order]
    ends = np.cumsum(sizes)
    return flat[np.arange(sizes.sum()) + np.repeat(firsts - ends + sizes, sizes)]


def _types(decoder: Mapping[str, Any] | None) -> list[str]:
    """Return the kinds of decoders that a decoder consists of."""
    if decoder is None:
        return []
    return [decoder["type"], *(part["type"] for part in decoder.get("decoders", ()))]


def _no_tokenizer(got: object) -> InvalidValueError:
    return InvalidValueError("definition", "the content of a tokenizer.json", f"{got!s:.200}")


def _byte_alphabet() -> dict[str, int]:
    """Return the byte that each character of a byte-level token stands for.

    A visible character of Latin-1 stands for its own byte. The characters from U+0100 on stand for
    the other bytes, in order.
    """
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = sorted(set(range(256)) - set(visible))
    return {chr(byte): byte for byte in visible} | {
        chr(0x100 + i): byte for i, byte in enumerate(others)
    }


_BYTE_OF = _byte_alphabet()

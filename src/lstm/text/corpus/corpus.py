"""Corpus: the tokens of a text, in memory or in a file larger than memory."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm import checks, storage
from lstm.container import pack
from lstm.errors import InvalidShapeError, InvalidValueError, ModelFileError
from lstm.text.corpus.mapped_file import MappedFile
from lstm.text.corpus.sources import Progress, TextLike, TextSource
from lstm.text.corpus.sources import source as text_source
from lstm.text.vocabularies import Vocabulary
from lstm.text.vocabularies.chunks import whole_words

Tokens = NDArray[np.unsignedinteger[Any]]
Chunk = tuple[NDArray[np.int64], NDArray[np.int64]]

_BLOCK = 1 << 20
"""Characters to encode at a time, and tokens to count or check at a time."""


class Corpus:
    """The tokens of a text, from first to last, in as few bytes as the vocabulary allows.

    Make one with `write` and `open`, which keep the tokens in a file and map it into memory, with
    `aside`, which keeps them in a temporary file, or with `encode` and `of`, which keep them in
    memory. Reading a file needs some tens of MB of memory, however large the file is.

    The file holds only the tokens: unsigned little-endian integers of 1 byte for a vocabulary of up
    to 256 tokens, of 2 bytes for up to 65,536, and of 4 bytes above.

    Attributes:
        tokens: (T,), uint8, uint16 or uint32; read-only.
        vocabulary_size: V; each token is below it.

    Example:
        >>> from lstm.text import CharVocabulary, TextSource
        >>> text = "abcdefghijk"
        >>> corpus = Corpus.encode(TextSource.of(text), CharVocabulary.from_text(text))
        >>> corpus
        Corpus(11 tokens below 11, uint8)
        >>> for x, y in corpus.chunks(streams=2, length=3):
        ...     print(x.tolist(), y.tolist())
        [[0, 1, 2], [5, 6, 7]] [[1, 2, 3], [6, 7, 8]]
        [[3, 4], [8, 9]] [[4, 5], [9, 10]]
    """

    def __init__(
        self, tokens: Tokens, vocabulary_size: int, mapping: MappedFile | None = None
    ) -> None:
        self.tokens = tokens
        self.vocabulary_size = vocabulary_size
        self._mapping = mapping
        self._place: tuple[str, int] | None = None  # Its file, and its first token there.

    @classmethod
    def write(
        cls,
        path: str | os.PathLike[str],
        source: TextLike,
        vocabulary: Vocabulary,
        progress: Progress | None = None,
    ) -> "Corpus":
        """Write the tokens of a text to a file, in one step, and open it.

        The text is read once and never held in memory as a whole. It is cut between words, so the
        cuts do not change the tokens.

        Args:
            path: the file; replaced if it exists.
            source: the text, or Paths of files; see `lstm.text.source`.
            vocabulary: the vocabulary of the tokens; V is its length.
            progress: called with how much of the text has been read, out of its size.

        Returns:
            The corpus, mapped from the file.

        Raises:
            InvalidValueError: there is no text, it is not valid, or the vocabulary has
                no token for a part of it.
            ModelFileError: the file cannot be written; an existing file stays unchanged.
        """
        text = text_source(source)
        with storage.replacing(path) as file:
            for tokens in _encoded(text, vocabulary, progress):
                file.write(tokens.data)
        return cls._mapped(Path(path), len(vocabulary))

    @classmethod
    def temporary(
        cls, source: TextLike, vocabulary: Vocabulary, progress: Progress | None = None
    ) -> "Corpus":
        """Return the tokens of a text in a temporary file without a name; otherwise like `write`.

        However the process ends, nothing of the text remains.

        Args:
            source: the text, or Paths of files; see `lstm.text.source`.
            vocabulary: the vocabulary of the tokens; V is its length.
            progress: called with how much of the text has been read, out of its size.

        Raises:
            InvalidValueError: there is no text, it is not valid, or the vocabulary has
                no token for a part of it.
            ModelFileError: the file cannot be written.
        """
        text = text_source(source)
        try:
            with tempfile.TemporaryFile(prefix="lstm-") as file:
                for tokens in _encoded(text, vocabulary, progress):
                    file.write(tokens.data)
                file.flush()
                mapping = MappedFile(file)
        except OSError as error:
            why = f"cannot be written ({error.strerror})"
            raise ModelFileError("a temporary file", why) from error
        return cls(mapping.array(_dtype(len(vocabulary))), len(vocabulary), mapping)

    @classmethod
    def open(cls, path: str | os.PathLike[str], vocabulary_size: int) -> "Corpus":
        """Open a file that `write` wrote, and check all its tokens, in a stream.

        Args:
            path: the file.
            vocabulary_size: V of the vocabulary that it was written with.

        Raises:
            InvalidValueError: `vocabulary_size` is out of range.
            ModelFileError: the file is missing, cannot be read, or was not written with a
                vocabulary of that size.
        """
        corpus = cls._mapped(Path(path), checks.positive_int("vocabulary_size", vocabulary_size))
        largest = max(int(block.max()) for block in corpus._blocks())
        if largest >= vocabulary_size:
            raise ModelFileError(
                path,
                f"has the token {largest}, but its vocabulary has only {vocabulary_size}: "
                "it was written with another vocabulary",
            )
        return corpus

    @classmethod
    def encode(
        cls, source: TextLike, vocabulary: Vocabulary, progress: Progress | None = None
    ) -> "Corpus":
        """Return the tokens of a text in memory: the same tokens as `write`, without a file.

        Args:
            source: the text, or Paths of files; see `lstm.text.source`.
            vocabulary: the vocabulary of the tokens; V is its length.
            progress: called with how much of the text has been read, out of its size.

        Raises:
            InvalidValueError: there is no text, it is not valid, or the vocabulary has
                no token for a part of it.
        """
        tokens = np.concatenate(list(_encoded(text_source(source), vocabulary, progress)))
        return cls._in_memory(tokens, len(vocabulary))

    @classmethod
    def of(cls, tokens: ArrayLike, vocabulary_size: int) -> "Corpus":
        """Return a copy of tokens as a corpus in memory.

        Args:
            tokens: (T,) whole numbers in [0, V); T may be 0.
            vocabulary_size: V.

        Raises:
            InvalidShapeError: `tokens` does not have exactly one axis.
            InvalidTypeError: `tokens` are not integers.
            InvalidValueError: a token or `vocabulary_size` is out of range.

        Example:
            >>> Corpus.of([0, 299, 3], vocabulary_size=300)
            Corpus(3 tokens below 300, uint16)
        """
        size = checks.positive_int("vocabulary_size", vocabulary_size)
        checks.unmasked("tokens", tokens)
        array = np.asarray(tokens)
        checks.rank("tokens", array, "T")
        checks.index_range("tokens", array, size)
        return cls._in_memory(array.astype(_dtype(size)), size)

    @classmethod
    def _in_memory(cls, tokens: Tokens, vocabulary_size: int) -> "Corpus":
        tokens.flags.writeable = False
        return cls(tokens, vocabulary_size)

    @classmethod
    def _mapped(cls, path: Path, vocabulary_size: int) -> "Corpus":
        mapping = MappedFile.open(path)
        dtype = _dtype(vocabulary_size)
        if mapping.size % dtype.itemsize:
            raise ModelFileError(
                path,
                f"has {mapping.size} bytes, which is not a whole number of tokens of "
                f"{dtype.itemsize} bytes",
            )
        corpus = cls(mapping.array(dtype), vocabulary_size, mapping)
        corpus._place = os.path.abspath(path), 0
        return corpus

    def __copy__(self) -> "Corpus":
        return self  # It never changes.

    def __deepcopy__(self, memo: dict[int, Any]) -> "Corpus":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        if self._place is None:
            header = {"kind": "corpus", "vocabulary_size": self.vocabulary_size}
            return _unpickled, (bytes(pack({"tokens": self.tokens}, header)),)
        # A corpus in a file is pickled as the path of the file.
        path, start = self._place
        return _reopened, (path, self.vocabulary_size, start, start + len(self))

    def __len__(self) -> int:
        return len(self.tokens)

    def __repr__(self) -> str:
        return f"Corpus({len(self):,} tokens below {self.vocabulary_size:,}, {self.tokens.dtype})"

    # ---- parts

    def part(self, start: int, stop: int) -> "Corpus":
        """Return the tokens from `start` to just before `stop`, without copying them.

        Args:
            start: position of the first token, in [0, len(corpus)].
            stop: position after the last token, in [start, len(corpus)].

        Raises:
            InvalidValueError: `start` or `stop` is out of range.
        """
        for argument, value, low in (("start", start, 0), ("stop", stop, start)):
            checks.int_at_least(argument, value, low)
            if value > len(self):
                raise InvalidValueError(argument, f"at most the {len(self)} of the corpus", value)
        part = Corpus(self.tokens[start:stop], self.vocabulary_size, self._mapping)
        if self._place is not None:
            path, first = self._place
            part._place = path, first + start
        return part

    def split(
        self, val_fraction: float, test_fraction: float = 0.0, seq_len: int = 1
    ) -> tuple["Corpus", "Corpus", "Corpus"]:
        """Return the parts to train on, to validate on and to test on, in this order.

        The parts are contiguous and share no token. The last two are rounded down.

        Args:
            val_fraction: share of the tokens to validate on, in [0, 1).
            test_fraction: share of the tokens to test on, in [0, 1 - val_fraction).
            seq_len: steps of the chunks to train on, which must fit at least once.

        Returns:
            Training, validation and test part; a part is empty where its share is 0.

        Raises:
            InvalidShapeError: the corpus is too short to train on.
            InvalidValueError: a share is out of range, or leaves fewer than 2 tokens.

        Example:
            >>> [len(part) for part in Corpus.of([0] * 99, 1).split(0.1, 0.05)]
            [86, 9, 4]
        """
        shares = {"val_fraction": val_fraction, "test_fraction": test_fraction}
        for argument, share in shares.items():
            checks.number(argument, share, 0, 1, open_high=True)
        checks.positive_int("seq_len", seq_len)
        if val_fraction + test_fraction >= 1:
            expected = f"a number below {1 - val_fraction:g}, which val_fraction leaves"
            raise InvalidValueError("test_fraction", expected, test_fraction)
        held = {argument: int(len(self) * share) for argument, share in shares.items()}
        validation, test = held.values()
        cut = len(self) - validation - test
        if cut <= seq_len:
            others = {"to validate on": validation, "to test on": test}
            raise InvalidShapeError(
                "corpus",
                f"at least {seq_len + 1} tokens to train on (seq_len + 1)",
                ", and ".join([f"{cut}", *(f"{n} {use}" for use, n in others.items() if n)]),
            )
        for argument, share in shares.items():
            if share and held[argument] < 2:
                raise InvalidValueError(
                    argument,
                    "0, or a share that leaves at least 2 tokens",
                    f"{share} of {len(self)} tokens",
                )
        cuts = (0, cut, cut + validation, len(self))
        training, validating, testing = map(self.part, cuts, cuts[1:])
        return training, validating, testing

    # ---- reading

    def steps(self, streams: int, length: int, offset: int = 0) -> int:
        """Return the number of chunks that `chunks` yields from the start; see there."""
        return -(-self._stream_length(streams, length, offset) // length)

    def chunks(self, streams: int, length: int, offset: int = 0, start: int = 0) -> Iterator[Chunk]:
        """Read the tokens as streams side by side, for truncated backpropagation through time.

        The corpus is cut into contiguous streams of L = (len(corpus) - 1 - offset) // streams
        tokens, which do not overlap. A chunk has the next `length` tokens of each stream, so a
        state carried from chunk to chunk has seen everything before in its stream. Up to
        `streams` - 1 tokens at the end belong to no stream.

        Args:
            streams: B.
            length: steps of a chunk, T; the last chunk has what is left.
            offset: tokens to skip at the start.
            start: chunks to skip, for example to resume a training run.

        Returns:
            An iterator over pairs (x, y) of int64 (B, ≤ T): y[b, t] is the token after x[b, t].

        Raises:
            InvalidShapeError: the corpus has less than one step per stream.
            InvalidValueError: an argument is out of range.
        """
        steps = self.steps(streams, length, offset)
        checks.int_at_least("start", start, 0)
        if start > steps:
            raise InvalidValueError("start", f"at most the {steps} chunks of the corpus", start)
        size = self._stream_length(streams, length, offset)
        inputs, targets = (
            self.tokens[first : first + streams * size].reshape(streams, size)
            for first in (offset, offset + 1)
        )
        return self._cut(inputs, targets, length, start)

    def _cut(self, inputs: Tokens, targets: Tokens, length: int, start: int) -> Iterator[Chunk]:
        for step in range(start * length, inputs.shape[1], length):
            x = inputs[:, step : step + length].astype(np.int64)
            y = targets[:, step : step + length].astype(np.int64)
            self._have_read(x.size)
            yield x, y

    def _stream_length(self, streams: int, length: int, offset: int) -> int:
        checks.positive_int("streams", streams)
        checks.positive_int("length", length)
        checks.int_at_least("offset", offset, 0)
        if len(self) <= streams + offset:
            raise InvalidShapeError(
                "corpus", f"at least {streams + offset + 1} tokens for {streams} streams", len(self)
            )
        return (len(self) - 1 - offset) // streams

    def counts(self) -> NDArray[np.int64]:
        """How often each token of the vocabulary occurs, (V,).

        Example:
            >>> Corpus.of([0, 2, 2], 4).counts()
            array([1, 0, 2, 0])
        """
        counts = np.zeros(self.vocabulary_size, np.int64)
        for block in self._blocks():
            counts += np.bincount(block, minlength=self.vocabulary_size)
        return counts

    def characters_and_bytes(self, lengths: ArrayLike) -> tuple[int, int]:
        """Return the length of the text of the tokens, by which losses are divided.

        Args:
            lengths: (V, 2), the number of characters and of bytes of each token.

        Returns:
            The two sums over all tokens.

        Raises:
            InvalidShapeError: `lengths` is not (V, 2).

        Example:
            >>> Corpus.of([0, 1, 1], 2).characters_and_bytes([[1, 1], [1, 2]])
            (3, 5)
        """
        table = np.asarray(lengths)
        checks.shape("lengths", table.shape, (self.vocabulary_size, 2))
        characters, size = self.counts() @ table
        return int(characters), int(size)

    @cached_property
    def sha256(self) -> str:
        """Hexadecimal digest of the tokens as bytes; for a whole file, of its content."""
        digest = hashlib.sha256()
        for block in self._blocks():
            digest.update(block.data)
        return digest.hexdigest()

    def _blocks(self) -> Iterator[Tokens]:
        """Yield all tokens, part by part."""
        for start in range(0, len(self), _BLOCK):
            block = self.tokens[start : start + _BLOCK]
            self._have_read(block.size)
            yield block

    def _have_read(self, tokens: int) -> None:
        if self._mapping is not None:
            self._mapping.have_read(tokens * self.tokens.itemsize)


def _unpickled(data: bytes) -> Corpus:
    with storage.unpacking(data, ("corpus",)) as (tensors, header):
        return Corpus.of(tensors["tokens"], header["vocabulary_size"])


def _reopened(path: str, vocabulary_size: int, start: int, stop: int) -> Corpus:
    corpus = Corpus.open(path, vocabulary_size)
    if len(corpus) < stop:
        raise ModelFileError(path, f"has {len(corpus)} tokens, but {stop} are needed: it was cut")
    return corpus.part(start, stop)


def _encoded(
    text: TextSource, vocabulary: Vocabulary, progress: Progress | None
) -> Iterator[Tokens]:
    """Yield the tokens of a text in arrays of the corpus' dtype; at least one token."""
    size, dtype = len(vocabulary), _dtype(len(vocabulary))
    characters = tokens = 0
    for piece in whole_words("corpus", text.read(progress), _BLOCK):
        try:
            encoded = vocabulary.encode(piece)
        except InvalidValueError as error:
            got = f"{error.got}" + f" beyond the first {characters} characters" * (characters > 0)
            raise error.changed("corpus", got=got) from None
        checks.index_range("tokens", encoded, size)
        yield encoded.astype(dtype)
        characters, tokens = characters + len(piece), tokens + len(encoded)
    if not tokens:
        raise InvalidValueError("corpus", "a text with at least one token", text)


def _dtype(vocabulary_size: int) -> np.dtype[Any]:
    """Return the smallest unsigned integer type for the tokens of a vocabulary."""
    for dtype in ("<u1", "<u2", "<u4"):
        if vocabulary_size <= 2 ** (8 * np.dtype(dtype).itemsize):
            return np.dtype(dtype)
    raise InvalidValueError("vocabulary_size", "at most 4294967296", vocabulary_size)

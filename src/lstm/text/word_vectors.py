"""Word vectors: the table of an Embedding from files of GloVe, word2vec and fastText."""

import gzip
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstm import checks, initializers
from lstm.errors import InvalidValueError
from lstm.initializers.names import InitializerSpec
from lstm.interface import spelled


class EmbeddingMatrix(NamedTuple):
    """A table of word vectors for some words.

    Attributes:
        matrix: the vector of each word, (V, D) float32.
        missing: the words that the file lacks, in the order of their indices.
        duplicates: the words that the file has more than once; the first vector counts.
    """

    matrix: NDArray[np.float32]
    missing: list[str]
    duplicates: list[str]


@spelled
def embedding_matrix(
    path: str | PathLike[str],
    word_index: Mapping[str, int] | Sequence[str],
    num_words: int | None = None,
    initializer: InitializerSpec = "zeros",
) -> EmbeddingMatrix:
    """Read the vectors of some words from a text file, for `Embedding(V, D, weights=[matrix])`.

    Each line of the file has a word and D numbers with a space between them, as in files of GloVe.
    A first line with two integers, as in those of word2vec and fastText, says how many words there
    are, and D. The file may be compressed by gzip. Only the vectors of the words asked for are kept
    in memory.

    Args:
        path: the file.
        word_index: the index of each word, such as `Tokenizer.word_index`; or the words in order.
        num_words: V, so that words with an index from there on are left out; by default one more
            than the largest index.
        initializer: the vectors of words that are not in the file, and of indices without a word.

    Raises:
        InvalidValueError: the file cannot be read, or a line is not a word and D numbers; the
            message has the number of the line.
        InvalidTypeError: `word_index` is not what it should be.

    Source:
        Pennington et al., "GloVe: global vectors for word representation", 2014; Mikolov et al.,
        "Efficient estimation of word representations in vector space", 2013.

    Example:
        >>> import os, tempfile
        >>> from lstm.text import embedding_matrix
        >>> file = os.path.join(tempfile.mkdtemp(), "vectors.txt")
        >>> with open(file, "w") as lines:
        ...     _ = lines.write("the 0.5 1.0\\ncat 2.0 -1.0\\n")
        >>> matrix, missing, _ = embedding_matrix(file, {"cat": 1, "sat": 2})
        >>> matrix
        array([[ 0.,  0.],
               [ 2., -1.],
               [ 0.,  0.]], dtype=float32)
        >>> missing
        ['sat']
    """
    index = _checked_index(word_index)
    size = max(index.values(), default=-1) + 1
    if num_words is not None:
        size = checks.positive_int("num_words", num_words)
        index = {word: k for word, k in index.items() if k < size}
    wanted = {word.encode("utf-8", "surrogatepass"): word for word in index}
    found: dict[str, list[float]] = {}
    duplicates: dict[str, None] = {}
    with _opened(path) as file:
        lines = _Lines(Path(path).name, file)
        for line in lines:
            word = wanted.get(line.word)
            if word in found:
                duplicates[word] = None
            elif word is not None:
                found[word] = lines.numbers(line)
    drawn = initializers.get(initializer, "initializer")((size, lines.width))
    table = np.array(drawn, np.float32)
    for word, vector in found.items():
        table[index[word]] = vector
    missing = sorted(index.keys() - found.keys(), key=lambda word: (index[word], word))
    return EmbeddingMatrix(table, missing, list(duplicates))


def _checked_index(word_index: Mapping[str, int] | Sequence[str]) -> dict[str, int]:
    """Return the index of each word.

    Raises:
        InvalidTypeError, InvalidValueError: it is not a dict of indices, or a list of words.
    """
    if not isinstance(word_index, Mapping):
        words = checks.sequence("word_index", word_index, "a dict of indices, or a list of words")
        word_index = {word: k for k, word in enumerate(words)}
    return {
        checks.string("word_index", word): checks.int_at_least(f"word_index[{word!r}]", k, 0)
        for word, k in word_index.items()
    }


@contextmanager
def _opened(path: str | PathLike[str]) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """Open a file, or what gzip compressed, by its first bytes.

    Raises:
        InvalidValueError: it cannot be read.
    """
    name = checks.path("path", path)
    try:
        with open(name, "rb") as file:
            compressed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            yield gzip.GzipFile(fileobj=file) if compressed else file
    except (OSError, EOFError) as error:
        got = f"{name} ({checks.reason(error)})"
        raise InvalidValueError("path", "a file that can be read", got) from None


class _Line(NamedTuple):
    """A line: its number from 1, its word, and what follows the word."""

    number: int
    word: bytes
    rest: bytes


class _Lines:
    """The lines of a file of word vectors.

    Args:
        name: the name of the file in errors.
        file: the file.

    Attributes:
        width: how many numbers follow each word; 0 before the first line was read.
    """

    def __init__(self, name: str, file: IO[bytes] | gzip.GzipFile) -> None:
        self._name, self._file = name, file
        self.width = 0

    def __iter__(self) -> Iterator[_Line]:
        first, promised = self._file.readline(), None
        rest: Iterable[bytes] = self._file
        match first.split():
            case [count, width] if count.isdigit() and width.isdigit():
                promised, self.width = int(count), int(width)
            case fields:
                self.width, rest = len(fields) - 1, chain([first], rest)
        if self.width < 1:
            raise self._malformed(1, "a word and numbers", first)
        start = 1 if promised is None else 2
        number = start - 1
        for number, line in enumerate(rest, start):
            yield self._divided(number, line)
        if promised not in (None, number - start + 1):
            expected = f"{promised} words, as its first line says"
            raise self._malformed(number, expected, b"the end of the file")

    def numbers(self, line: _Line) -> list[float]:
        """Return the vector of a line.

        Raises:
            InvalidValueError: these are not finite numbers.
        """
        try:
            found = [float(part) for part in line.rest.split(b" ")]
        except ValueError:
            found = [math.nan]
        if not all(map(math.isfinite, found)):
            raise self._malformed(line.number, f"{self.width} finite numbers", line.rest)
        return found

    def _divided(self, number: int, line: bytes) -> _Line:
        """Return the parts of a line; a word may have spaces in it."""
        text = line.rstrip(b" \r\n")
        spaces = text.count(b" ")
        word = text.partition(b" ")[0] if spaces == self.width else text.rsplit(b" ", self.width)[0]
        if spaces < self.width or any(map(_is_number, word.split(b" ")[1:])):
            expected = f"a word and {self.width} numbers, as in the first line"
            raise self._malformed(number, expected, b"%d numbers" % spaces)
        return _Line(number, word, text[len(word) + 1 :])

    def _malformed(self, number: int, expected: str, got: bytes) -> InvalidValueError:
        shown = got.decode("utf-8", "replace").strip()
        return InvalidValueError(f"line {number} of {self._name}", expected, f"{shown:.60}")


def _is_number(part: bytes) -> bool:
    try:
        float(part)
    except ValueError:
        return False
    return True

"""Corpora: every token once, in order, in bounded memory; parts that never overlap."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, ModelFileError
from lstm.text import CharVocabulary, Corpus, TextSource, source
from lstm.text.normalization import normalized

RNG = np.random.default_rng(5)
TEXT = "to be or not\nto be, thát is the\nquestion 🎉\n" * 30
VOCABULARY = CharVocabulary.from_text(TEXT)


class Words:
    """A vocabulary in which tokens are runs of white space or of other characters."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def encode(self, text: str) -> NDArray[np.int64]:
        runs: list[str] = []
        for character in text:
            if runs and runs[-1].isspace() == character.isspace():
                runs[-1] += character
            else:
                runs.append(character)
        return np.array([len(run) for run in runs], np.int64)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "corpus.tokens"


def numbers(count: int, vocabulary_size: int = 100_000) -> Corpus:
    """Tokens that are all different and say where they stand."""
    return Corpus.of(np.arange(count), vocabulary_size)


def written(path: Path, tokens: NDArray[Any], vocabulary_size: int) -> Corpus:
    path.write_bytes(Corpus.of(tokens, vocabulary_size).tokens.tobytes())
    return Corpus.open(path, vocabulary_size)


class TestWriting:
    @pytest.mark.parametrize(
        ("size", "dtype"),
        [(1, "u1"), (256, "u1"), (257, "u2"), (65536, "u2"), (65537, "u4"), (2**32, "u4")],
    )
    def test_tokens_take_as_few_bytes_as_the_vocabulary_allows(
        self, path: Path, size: int, dtype: str
    ) -> None:
        tokens = np.append(RNG.integers(0, size, 98), [size - 1, 0])
        corpus = written(path, tokens, size)
        assert corpus.tokens.dtype == np.dtype(dtype)
        assert path.stat().st_size == 100 * corpus.tokens.itemsize
        assert_array_equal(corpus.tokens, tokens)

    def test_the_bytes_of_a_file(self, path: Path) -> None:
        Corpus.write(path, TextSource.of("to be" + "e" * 300), Words(400))
        assert path.read_bytes() == b"\2\0\1\0\x2e\1"

    def test_a_file_holds_the_tokens_of_the_text(self, tmp_path: Path, path: Path) -> None:
        (tmp_path / "text").write_text(TEXT, encoding="utf-8")
        text = source(tmp_path / "text", chunk_size=100)
        seen: list[int] = []
        corpus = Corpus.write(path, text, VOCABULARY, seen.append)
        assert_array_equal(corpus.tokens, VOCABULARY.encode(TEXT))
        assert corpus.vocabulary_size == len(VOCABULARY)
        assert seen == sorted(seen)
        assert seen[-1] == text.size
        assert sorted(p.name for p in tmp_path.iterdir()) == ["corpus.tokens", "text"]
        assert_array_equal(Corpus.open(path, len(VOCABULARY)).tokens, corpus.tokens)
        assert_array_equal(Corpus.encode(text, VOCABULARY).tokens, corpus.tokens)

    def test_a_file_without_a_name(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        seen: list[int] = []
        corpus = Corpus.temporary(TextSource.of(TEXT), VOCABULARY, seen.append)
        if os.name == "posix":  # Elsewhere it has a name, but goes with the process, too.
            assert list(tmp_path.iterdir()) == []
        assert_array_equal(corpus.tokens, VOCABULARY.encode(TEXT))
        assert corpus.vocabulary_size == len(VOCABULARY)
        assert seen[-1] == len(TEXT)
        assert [x.shape for x, _ in corpus.chunks(2, 500)] == [(2, 500), (2, 144)]
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
        with pytest.raises(ModelFileError, match="a temporary file: cannot be written"):
            Corpus.temporary(TextSource.of(TEXT), VOCABULARY)

    @given(st.text(st.sampled_from("ab \n\r"), min_size=1, max_size=80), st.integers(1, 20))
    def test_tokens_do_not_depend_on_the_chunks(self, text: str, size: int) -> None:
        with tempfile.TemporaryDirectory() as name:
            path = Path(name, "text")
            path.write_bytes(text.encode())
            tokens = Corpus.encode(source(path, chunk_size=size), Words(100)).tokens
        assert_array_equal(tokens, Words(100).encode(normalized(text)))

    def test_in_memory_is_a_copy(self) -> None:
        tokens = np.array([1, 2, 3], np.uint8)
        corpus = Corpus.of(tokens, 5)
        tokens[:] = 0
        assert corpus.tokens.tolist() == [1, 2, 3]

    @pytest.mark.parametrize("make", [Corpus.of, lambda t, v: Corpus.of(t, v).part(0, 2)])
    def test_tokens_are_read_only(self, make: Callable[..., Corpus]) -> None:
        with pytest.raises(ValueError, match="read-only"):
            make([1, 2, 3], 5).tokens[0] = 1

    def test_a_failure_leaves_everything_as_it_was(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path.write_bytes(b"old")

        def fail(*arguments: Any) -> None:
            raise OSError(28, "No space left on device")

        with pytest.raises(InvalidValueError):
            Corpus.write(path, TextSource.of(TEXT + "?"), VOCABULARY)
        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(ModelFileError, match=r"cannot be written \(No space left"):
            Corpus.write(path, TextSource.of(TEXT), VOCABULARY)
        assert path.read_bytes() == b"old"
        assert [p.name for p in path.parent.iterdir()] == [path.name]

    def test_what_the_vocabulary_lacks(self, tmp_path: Path) -> None:
        (tmp_path / "text").write_text("to be\n" * 9 + "to be?")
        text = source(tmp_path / "text", chunk_size=12)
        with pytest.raises(InvalidValueError) as error:
            Corpus.encode(text, VOCABULARY)
        assert str(error.value).startswith("corpus: expected only the ")
        assert str(error.value).endswith("'?' (U+003F) at offset 3 beyond the first 56 characters")

    def test_vocabularies_that_break_their_word(self) -> None:
        with pytest.raises(InvalidValueError, match=r"tokens: expected integers in \[0, 3\)"):
            Corpus.encode(TextSource.of("four"), Words(3))

    def test_no_text_and_no_tokens(self, path: Path) -> None:
        class Deaf(Words):
            def encode(self, text: str) -> NDArray[np.int64]:
                return np.zeros(0, np.int64)

        with pytest.raises(InvalidValueError, match="corpus: expected a text that is not empty"):
            Corpus.write(path, TextSource.of(""), VOCABULARY)
        with pytest.raises(InvalidValueError, match="corpus: expected a text with at least one"):
            Corpus.write(path, TextSource.of("text"), Deaf(3))
        assert not path.exists()


class TestOpening:
    @pytest.mark.parametrize(
        ("content", "size", "message"),
        [
            (b"", 3, "is empty"),
            (b"\0\1\2", 300, "has 3 bytes, which is not a whole number of tokens of 2 bytes"),
            (b"\0\1\3\2", 3, "has the token 3, but its vocabulary has only 3"),
            (b"\0\1\2\3", 300, "has the token 770, but its vocabulary has only 300"),
        ],
    )
    def test_files_of_another_vocabulary(
        self, path: Path, content: bytes, size: int, message: str
    ) -> None:
        path.write_bytes(content)
        with pytest.raises(ModelFileError) as error:
            Corpus.open(path, size)
        assert str(error.value).startswith(f"{path}: {message}")

    def test_a_bad_token_is_found_wherever_it_stands(self, path: Path) -> None:
        for where in (0, 2**20 - 1, 2**20, 2_500_000 - 1):
            tokens = np.zeros(2_500_000, np.uint8)
            tokens[where] = 9
            path.write_bytes(tokens.tobytes())
            with pytest.raises(ModelFileError, match="has the token 9"):
                Corpus.open(path, 9)

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(ModelFileError, match="there is no such file"):
            Corpus.open(tmp_path / "none", 3)
        with pytest.raises(ModelFileError, match="is a folder"):
            Corpus.open(tmp_path, 3)

    @pytest.mark.parametrize("size", [0, -1, 2**32 + 1])
    def test_no_vocabulary(self, path: Path, size: int) -> None:
        path.write_bytes(b"\0")
        with pytest.raises(InvalidValueError, match="vocabulary_size: expected"):
            Corpus.open(path, size)

    @pytest.mark.parametrize(
        ("tokens", "error"),
        [
            ([0, 3], InvalidValueError),
            ([-1], InvalidValueError),
            ([0.5], InvalidValueError),
            (["a"], InvalidTypeError),
            ([[1]], InvalidShapeError),
        ],
    )
    def test_tokens_that_are_none(self, tokens: Any, error: type[Exception]) -> None:
        with pytest.raises(error, match="tokens: expected"):
            Corpus.of(tokens, 3)


class TestParts:
    def test_a_part_is_a_view(self, path: Path) -> None:
        corpus = written(path, np.arange(100), 100)
        part = corpus.part(10, 50).part(5, 20)
        assert part.tokens.tolist() == list(range(15, 30))
        assert np.shares_memory(part.tokens, corpus.tokens)
        assert len(corpus.part(100, 100)) == 0

    @pytest.mark.parametrize(
        ("start", "stop", "argument"), [(-1, 5, "start"), (6, 5, "stop"), (0, 11, "stop")]
    )
    def test_parts_that_are_none(self, start: int, stop: int, argument: str) -> None:
        with pytest.raises(InvalidValueError, match=f"{argument}: expected"):
            numbers(10).part(start, stop)

    @given(st.integers(2, 3000), st.floats(0, 0.6), st.floats(0, 0.3))
    def test_a_split_has_every_token_once(self, count: int, val: float, test: float) -> None:
        corpus = numbers(count)
        try:
            parts = corpus.split(val, test)
        except InvalidValueError:
            assert 0 < val * count < 2 or 0 < test * count < 2
            return
        training, validation, testing = (part.tokens.tolist() for part in parts)
        assert training + validation + testing == list(range(count))
        assert len(validation) == int(count * val)
        assert len(testing) == int(count * test)

    def test_without_validation(self) -> None:
        training, validation, test = numbers(10).split(0)
        assert (len(training), len(validation), len(test)) == (10, 0, 0)

    @pytest.mark.parametrize(
        ("count", "val", "test", "message"),
        [
            (64, 0, 0, "corpus: expected at least 65 tokens to train on (seq_len + 1), got 64"),
            (70, 0.1, 0, "tokens to train on (seq_len + 1), got 63, and 7 to validate on"),
            (70, 0.1, 0.2, "(seq_len + 1), got 49, and 7 to validate on, and 14 to test on"),
            (100, 0.01, 0, "val_fraction: expected 0, or a share that leaves at least 2 tokens"),
            (100, 0.1, 0.01, "test_fraction: expected 0, or a share that leaves at least 2 tokens"),
            (100, 0.6, 0.4, "test_fraction: expected a number below 0.4, which val_fraction leave"),
            (100, 1, 0, "val_fraction: expected a number in [0, 1), got 1"),
            (100, 0, -0.1, "test_fraction: expected a number in [0, 1), got -0.1"),
        ],
    )
    def test_splits_that_leave_too_little(
        self, count: int, val: float, test: float, message: str
    ) -> None:
        with pytest.raises(InvalidValueError) as error:
            numbers(count).split(val, test, seq_len=64)
        assert message in str(error.value)
        assert isinstance(error.value, InvalidShapeError) == ("seq_len" in message)


class TestChunks:
    @given(st.integers(2, 400), st.integers(1, 9), st.integers(1, 50), st.integers(0, 20))
    def test_streams_have_every_token_once(
        self, count: int, streams: int, length: int, offset: int
    ) -> None:
        corpus = numbers(count)
        if count <= streams + offset:
            with pytest.raises(InvalidShapeError, match=f"corpus: .* for {streams} streams, got"):
                corpus.chunks(streams, length, offset)
            return
        chunks = list(corpus.chunks(streams, length, offset))
        assert len(chunks) == corpus.steps(streams, length, offset)
        for x, y in chunks:
            assert x.dtype == y.dtype == np.int64
            assert x.shape == y.shape
            assert_array_equal(y, x + 1)
        assert {x.shape for x, _ in chunks[:-1]} <= {(streams, length)}
        read = np.concatenate([x for x, _ in chunks], 1).ravel()
        assert_array_equal(read, np.arange(offset, offset + len(read)))
        assert 0 <= count - 1 - offset - len(read) < streams

    @pytest.mark.parametrize("start", [0, 1, 5, 15])
    def test_are_resumed_where_they_were_left(self, path: Path, start: int) -> None:
        corpus = written(path, RNG.integers(0, 50, 1001), 50).part(3, 999)
        chunks = list(corpus.chunks(6, 11, 7))
        resumed = list(corpus.chunks(6, 11, 7, start=start))
        assert len(chunks) == 15
        for (x, y), (again, after) in zip(chunks[start:], resumed, strict=True):
            assert_array_equal(x, again)
            assert_array_equal(y, after)

    @pytest.mark.parametrize(
        ("arguments", "name"),
        [
            ((0, 5), "streams"),
            ((2, 0), "length"),
            ((2, 5, -1), "offset"),
            ((2, 5, 0, -1), "start"),
            ((2, 5, 0, 11), "start"),
            ((2.5, 5), "streams"),
        ],
    )
    def test_arguments_out_of_range(self, arguments: Any, name: str) -> None:
        assert numbers(101).steps(2, 5) == 10
        with pytest.raises(InvalidValueError, match=f"{name}: expected"):
            numbers(101).chunks(*arguments)


class TestSums:
    def test_characters_and_bytes(self) -> None:
        corpus = Corpus.encode(TextSource.of(TEXT), VOCABULARY)
        lengths = [(1, len(character.encode())) for character in VOCABULARY.characters]
        assert corpus.characters_and_bytes(lengths) == (len(TEXT), len(TEXT.encode()))
        assert corpus.part(0, 0).characters_and_bytes(lengths) == (0, 0)
        with pytest.raises(InvalidShapeError, match="lengths: expected shape"):
            corpus.characters_and_bytes(lengths[1:])

    def test_of_more_than_one_block(self, path: Path) -> None:
        tokens = RNG.integers(0, 3, 2_500_000)
        corpus = written(path, tokens, 3)
        lengths = np.array([[1, 4], [0, 7], [3, 5]])
        assert corpus.characters_and_bytes(lengths) == tuple(lengths[tokens].sum(0))
        assert corpus.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()

    def test_the_digest_is_that_of_the_tokens(self, path: Path) -> None:
        corpus = Corpus.write(path, TextSource.of(TEXT), VOCABULARY)
        assert corpus.sha256 == Corpus.encode(TextSource.of(TEXT), VOCABULARY).sha256
        assert corpus.sha256 != corpus.part(1, len(corpus)).sha256
        assert corpus.sha256 != Corpus.of(corpus.tokens[::-1], len(VOCABULARY)).sha256


READ_ALL = """
import resource, sys
from itertools import islice
from pathlib import Path
from lstm.text import CharVocabulary, Corpus, source

text, tokens = Path(sys.argv[1]), Path(sys.argv[2])
vocabulary = CharVocabulary.from_text(next(iter(source(text))))
size = len(Corpus.write(tokens, source(text), vocabulary))
corpus = Corpus.open(tokens, len(vocabulary))
training, validation, _ = corpus.split(0.1)
half = training.steps(32, 64) // 2
for x, y in islice(training.chunks(32, 64, start=half), half // 2):
    pass
for x, y in validation.chunks(1, 65536):
    pass
print(vocabulary.decode(corpus.tokens[-50:]).encode().hex())
print(size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""

# A process that was forked by a large one counts the memory of that one as its own at first.
IN_A_PROCESS_OF_A_SMALL_ONE = """
import subprocess, sys
sys.exit(subprocess.run([sys.executable, "-c", *sys.argv[1:]]).returncode)
"""


@pytest.mark.skipif(os.name != "posix", reason="the memory of a process is measured as in POSIX")
def test_a_gigabyte_takes_half_of_one_at_most(tmp_path: Path) -> None:
    if shutil.disk_usage(tmp_path).free < 4e9:
        pytest.skip("needs 4 GB of disk")
    words = np.array(["the", "sea", "naïve", "of", "日本", "and,", "🎉", "question\n", "whale.\n"])
    block = " ".join(RNG.choice(words, 700_001)).replace("\n ", "\n") + "\n"
    data = block.encode()
    repeats = -(-(10**9) // len(data))
    text, tokens = tmp_path / "text", tmp_path / "tokens"
    try:
        with text.open("wb") as file:
            for _ in range(repeats):
                file.write(data)
        command = [sys.executable, "-c", IN_A_PROCESS_OF_A_SMALL_ONE, READ_ALL, text, tokens]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        end, size, peak = done.stdout.split()
        assert bytes.fromhex(end).decode() == block[-50:]
        assert int(size) == tokens.stat().st_size == repeats * len(block)
        assert int(peak) * (1 if sys.platform == "darwin" else 1024) < 500e6
    finally:
        text.unlink()
        tokens.unlink(missing_ok=True)

"""Where texts come from: files in any number and form, in chunks that change nothing."""

import codecs
import gc
import gzip
import io
import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm.data import offline_corpus
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.text.corpus.sources import TextSource, named

TEXTS = {
    "utf-8": "one\ntwo\nthrée 日本 🎉\n",
    "latin-1": "caf\xe9\n",
    "utf-16": "one 日本\n",
    "utf-32": "one 🎉\n",
    "shift_jis": "日本\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with files in and between folders, some of them hidden."""
    monkeypatch.chdir(tmp_path)
    for name in ("b.txt", "a/2.txt", "a/1.txt", "a/deep/x.md", ".hidden.txt", "a/.git/log.txt"):
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name}\n")
    return tmp_path


def standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def error_of(reading: TextSource) -> str:
    with pytest.raises(InvalidValueError) as error:
        reading.text()
    assert error.value.argument == "corpus"
    return str(error.value)


class TestFiles:
    def test_is_read_as_often_as_needed(self, folder: Path) -> None:
        reading = named("b.txt")
        assert [list(reading), list(reading), reading.text()] == [
            ["b.txt\n"],
            ["b.txt\n"],
            "b.txt\n",
        ]

    def test_a_folder_is_all_files_below_it_in_the_order_of_their_names(self, folder: Path) -> None:
        assert named("a").text() == "a/1.txt\na/2.txt\na/deep/x.md\n"
        assert named(folder).text() == "a/1.txt\na/2.txt\na/deep/x.md\nb.txt\n"

    @pytest.mark.parametrize(
        ("pattern", "text"),
        [
            ("**/*.txt", "a/1.txt\na/2.txt\nb.txt\n"),
            ("a/*", "a/1.txt\na/2.txt\n"),
            ("a/[2-9].txt", "a/2.txt\n"),
            ("?.txt", "b.txt\n"),
        ],
    )
    def test_a_pattern_is_all_files_that_it_fits(
        self, folder: Path, pattern: str, text: str
    ) -> None:
        assert named(pattern).text() == text

    def test_a_file_may_be_called_like_a_pattern(self, folder: Path) -> None:
        Path("[b].txt").write_text("brackets")
        assert named("[b].txt").text() == "brackets"

    def test_hidden_files_are_read_where_they_are_named(self, folder: Path) -> None:
        assert named([".hidden.txt", Path("a/.git")]).text() == ".hidden.txt\na/.git/log.txt\n"

    def test_several_names_keep_their_order_and_give_each_file_once(self, folder: Path) -> None:
        reading = named(["b.txt", "a/2.txt", "**/*.txt"])
        assert reading.text() == "b.txt\na/2.txt\na/1.txt\n"
        assert reading.names == ("b.txt", "a/2.txt", "**/*.txt")

    def test_a_line_break_is_put_between_files_that_lack_one(self, folder: Path) -> None:
        for name, text in (("1", "one"), ("2", ""), ("3", "three\n"), ("4", "four\r"), ("5", "5")):
            Path(name).write_text(text, newline="")
        assert named(["1", "2", "3", "4", "5"]).text() == "one\nthree\nfour\n5"

    def test_named_texts(self, folder: Path) -> None:
        assert named(None).text() == offline_corpus()
        Path("shakespeare").write_text("a file of that name")
        assert named("shakespeare").text() == "a file of that name"

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
    def test_a_pipe_is_read_once_and_kept(self, folder: Path) -> None:
        os.mkfifo("pipe")
        writer = threading.Thread(target=Path("pipe").write_text, args=["through a pipe"])
        writer.start()
        reading = named("pipe")
        writer.join()
        assert [reading.text(), reading.text()] == ["through a pipe"] * 2

    def test_progress_ends_at_the_size(self, folder: Path) -> None:
        Path("long").write_bytes(b"0123456789" * 1000)
        Path("z.gz").write_bytes(gzip.compress(os.urandom(500).hex().encode()))
        reading = named(["long", "z.gz", "b.txt"], chunk_size=1000)
        assert reading.size == sum(Path(name).stat().st_size for name in reading.names)
        seen: list[int] = []
        assert len("".join(reading.read(seen.append))) == 11008
        assert seen == sorted(seen)
        assert seen[0] == 1000
        assert seen[-1] == reading.size


class TestStandardInput:
    def test_is_kept_in_a_file_without_a_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        standard_input(monkeypatch, b"one\r\ntwo")
        reading = named("-")
        assert [reading.text(), reading.text()] == ["one\ntwo"] * 2
        # Elsewhere it has a name, but goes with the process, too.
        if os.name == "posix":
            assert list(tmp_path.iterdir()) == []
        del reading
        gc.collect()
        assert list(tmp_path.iterdir()) == []

    def test_may_be_read_by_several_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        text = "".join(map(str, range(3000)))
        standard_input(monkeypatch, text.encode())
        reading = named("-", chunk_size=100)
        assert reading.size == len(text)
        first, second = iter(reading), iter(reading)
        parts = [next(first), next(first)]
        assert "".join(second) == text
        assert "".join([*parts, *first]) == text

    def test_may_be_compressed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        standard_input(monkeypatch, gzip.compress(b"zipped"))
        assert named("-").text() == "zipped"

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a\0b"])
    def test_is_called_by_its_name_in_errors(
        self, monkeypatch: pytest.MonkeyPatch, content: bytes
    ) -> None:
        standard_input(monkeypatch, content)
        reading = named("-")
        assert ("standard input" if content else "got -") in error_of(reading)

    def test_may_be_closed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", None)
        with pytest.raises(InvalidValueError, match=r"corpus: .* got standard input, now closed"):
            named("-")


class TestInMemory:
    def test_is_read_as_often_as_needed(self) -> None:
        reading = TextSource.of("one\r\ntwo", "mine")
        assert [reading.text(), reading.text()] == ["one\ntwo"] * 2
        assert (reading.names, reading.size) == (("mine",), 8)

    def test_long_ones_come_in_chunks(self) -> None:
        text = "0123456789" * 150_000
        seen: list[int] = []
        chunks = list(TextSource.of(text).read(seen.append))
        assert len(chunks) == len(seen) == 2
        assert "".join(chunks) == text
        assert seen[-1] == len(text)

    def test_there_must_be_some(self) -> None:
        assert "a text that is not empty" in error_of(TextSource.of(""))
        with pytest.raises(InvalidTypeError, match="corpus: expected a str"):
            TextSource.of(b"bytes")  # type: ignore[arg-type]


class TestChunks:
    """However a file is cut, the text is the same."""

    @pytest.mark.parametrize("encoding", TEXTS)
    @pytest.mark.parametrize("size", [1, 2, 3, 5])
    def test_characters_may_be_cut(self, tmp_path: Path, encoding: str, size: int) -> None:
        text = TEXTS[encoding] * 3
        path = tmp_path / "text"
        path.write_text(text, encoding=encoding)
        assert named(path, encoding=encoding, chunk_size=size).text() == text

    @given(
        st.lists(st.text(st.sampled_from("a\r\nü🎉\ufeff "), max_size=12), min_size=1, max_size=3),
        st.integers(1, 9),
    )
    def test_line_ends_may_be_cut(self, texts: list[str], size: int) -> None:
        with tempfile.TemporaryDirectory() as name:
            for number, text in enumerate(texts):
                Path(name, f"{number}").write_bytes(text.encode())
            cut, whole = (named(name, chunk_size=s) for s in (size, 1000))
            expected = ""
            for text in texts:
                read = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
                expected += "\n" * bool(read and expected[-1:] not in ("", "\n")) + read
            if not expected:
                assert "is not empty" in error_of(cut)
                return
            assert cut.text() == whole.text() == expected
            assert "" not in list(cut)


class TestGzip:
    @pytest.mark.parametrize("name", ["text.gz", "text.GZ", "text"])
    def test_is_recognised_by_what_it_is(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        path.write_bytes(gzip.compress(b"one\r\n") + gzip.compress(b"two"))
        assert named(path, chunk_size=4).text() == "one\ntwo"

    @pytest.mark.parametrize(
        "damage",
        [
            lambda content: content[:-9],
            lambda content: content[:2],
            lambda content: content[:30] + b"\xff\xff\xff" + content[33:],
            lambda content: content[:-8] + b"\0\0\0\0" + content[-4:],
            lambda content: content + b"more",
            lambda content: b"no gzip",
        ],
    )
    def test_damage_is_noticed(self, tmp_path: Path, damage: Any) -> None:
        path = tmp_path / "text.gz"
        path.write_bytes(damage(gzip.compress(bytes(range(32, 127)) * 9)))
        message = error_of(named(path))
        assert message.startswith(f"corpus: expected a complete gzip file, got {path} (")


class TestErrors:
    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("none.txt", "a file that can be read, got none.txt (no such file or directory)"),
            ("b.txt/x", "a file that can be read, got b.txt/x (not a directory)"),
            ("", "a file that can be read, got  (no such file"),
            ("a\0b", "a file that can be read, got a␀b (embedded null byte)"),
            ("x" * 5000, "(file name too long)"),
            ("*.gz", "a pattern that matches a file, got *.gz"),
            ("a/dee*", "a pattern that matches a file, got a/dee*"),
            ("void", "a folder with files (hidden ones do not count), got void"),
            ([], "the name of a file, got no name"),
            ([3], "the name of a file, got 3"),
        ],
    )
    def test_names_of_nothing(self, folder: Path, name: Any, message: str) -> None:
        Path("void/deep").mkdir(parents=True)
        Path("void/.hidden").touch()
        with pytest.raises(InvalidValueError) as error:
            named(name)
        assert error.value.argument == "corpus"
        assert message in str(error.value)

    @pytest.mark.skipif(not hasattr(os, "geteuid") or not os.geteuid(), reason="root reads all")
    def test_files_that_may_not_be_read(self, folder: Path) -> None:
        Path("b.txt").chmod(0)
        assert "got b.txt (permission denied)" in error_of(named("b.txt"))
        Path("a").chmod(0)
        with pytest.raises(InvalidValueError, match=r"got .*a \(permission denied\)"):
            named(folder)

    def test_a_file_that_goes_away(self, folder: Path) -> None:
        reading = named("a")
        Path("a/2.txt").unlink()
        assert "a/2.txt (no such file or directory)" in error_of(reading)

    @pytest.mark.parametrize(
        ("content", "encoding", "bad"),
        [
            (("é" * 9 + "x").encode() + b"\xe9 " * 9, "utf-8", "byte 0xe9 at offset 19"),
            (b"\xef\xbb\xbfab\xffcd", "utf-8", "byte 0xff at offset 5"),
            ("日本".encode()[:-1], "utf-8", "byte 0xe6 at offset 3"),
            (
                codecs.BOM_UTF16_LE + "ab日".encode("utf-16-le")[:-1],
                "utf-16",
                "byte 0xe5 at offset 6",
            ),
            (b"abc\x80", "ascii", "byte 0x80 at offset 3"),
            ("日本".encode("shift_jis") + b"\x81", "shift_jis", "byte 0x81 at offset 4"),
        ],
    )
    @pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
    @pytest.mark.parametrize("zipped", [False, True])
    def test_bytes_that_are_not_in_the_encoding(
        self, folder: Path, content: bytes, encoding: str, bad: str, size: int, zipped: bool
    ) -> None:
        Path("good").write_text("good", encoding=encoding)
        Path("bad").write_bytes(gzip.compress(content) if zipped else content)
        message = error_of(named(["good", "bad"], encoding=encoding, chunk_size=size))
        assert f"corpus: expected {encoding.upper()} text, got {bad}" in message
        assert message.endswith(" of bad (set the options encoding and errors to read it)")

    def test_utf_16_needs_its_mark(self, folder: Path) -> None:
        message = error_of(named("b.txt", encoding="utf-16"))
        assert "expected UTF-16 text, got b.txt: UTF-16 stream does not start with BOM" in message

    def test_they_may_be_replaced_or_ignored(self, folder: Path) -> None:
        Path("bad").write_bytes(b"caf\xe9 \0")
        assert named("bad", errors="replace").text() == "caf\ufffd \0"
        assert named("bad", errors="ignore").text() == "caf \0"

    @pytest.mark.parametrize(
        ("content", "kind"),
        [
            (b"\x7fELF\0\1", "bad, a binary file: it contains zero bytes"),
            ("text".encode("utf-16"), "bad, which starts like UTF-16"),
            ("text".encode("utf-32"), "bad, which starts like UTF-32"),
        ],
    )
    def test_files_that_are_no_text(self, folder: Path, content: bytes, kind: str) -> None:
        Path("bad").write_bytes(content)
        for encoding in ("utf-8", "latin-1"):
            message = error_of(named("bad", encoding=encoding))
            assert f"expected {encoding.upper()} text, got {kind} (set the options" in message

    @pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0)])
    def test_no_text(self, folder: Path, content: bytes) -> None:
        for name in ("1", "2"):
            Path(name).write_bytes(content)
        assert error_of(named(["1", "2"])) == "corpus: expected a text that is not empty, got 1, 2"

    @pytest.mark.parametrize(
        ("options", "argument"),
        [
            ({"encoding": "utf-9"}, "encoding"),
            ({"encoding": "hex"}, "encoding"),
            ({"encoding": "a\0"}, "encoding"),
            ({"encoding": 8}, "encoding"),
            ({"errors": "stricter"}, "errors"),
            ({"chunk_size": 0}, "chunk_size"),
        ],
    )
    def test_options(self, folder: Path, options: Any, argument: str) -> None:
        with pytest.raises(InvalidValueError) as error:
            named("b.txt", **options)
        assert error.value.argument == argument


def test_long_lists_of_names_are_shown_in_short(folder: Path) -> None:
    names = ["b.txt", "a/1.txt", "a/2.txt", "a/deep/x.md", ".hidden.txt"]
    assert str(named(names[:3])) == "b.txt, a/1.txt, a/2.txt"
    assert str(named(names)) == "b.txt, a/1.txt, a/2.txt and 2 more"

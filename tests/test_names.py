"""What a str is, wherever a text is wanted: the text itself, and never the name of a file."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from language_cases import TEXT
from lstm import LanguageModel, inspection
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.text import (
    BPEVocabulary,
    ByteVocabulary,
    CharVocabulary,
    Corpus,
    TextSource,
    Tokenizer,
    WordVocabulary,
    source,
)
from lstm.text.names import names_a_file

SMALL: dict[str, Any] = {"hidden": 2, "seq_len": 4, "epochs": 1, "seed": 0}
VOCABULARY = ByteVocabulary()


def untrained() -> LanguageModel:
    return LanguageModel.create(VOCABULARY, hidden=2, seed=0)


TAKERS: dict[str, Callable[[Any], Any]] = {
    "source": lambda text: source(text).text(),
    "Corpus.encode": lambda text: Corpus.encode(text, VOCABULARY),
    "Corpus.write": lambda text: Corpus.write("tokens", text, VOCABULARY),
    "train": lambda text: LanguageModel.train(text, **SMALL).generate(length=99, seed=0),
    "train into a folder": lambda text: LanguageModel.train(text, folder="model", **SMALL).generate(
        length=99, seed=0
    ),
    "fit": lambda text: untrained().fit(text, seq_len=4, epochs=1).history,
    "find_lr": lambda text: untrained().find_lr(text, seq_len=4),
    "encoded": lambda text: untrained().encoded(text),
    "evaluate": lambda text: untrained().evaluate(text),
    "surprises": lambda text: untrained().surprises(text),
    "read": lambda text: inspection.read(untrained(), text),
    "readings": lambda text: list(inspection.readings(untrained(), text)),
    "examine": lambda text: inspection.examine(untrained(), text, characters=200).units,
    "memory": lambda text: inspection.memory(untrained(), text),
    "context": lambda text: inspection.context(untrained(), text),
    "gradient_flow": lambda text: inspection.gradient_flow_of_text(untrained(), text),
}
"""All that takes a text."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with texts."""
    monkeypatch.chdir(tmp_path)
    for name in ("my.txt", "texts/part", "poem"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(TEXT)
    return tmp_path


@pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)
class TestWhatTakesAText:
    def test_a_str_is_the_text_and_a_path_is_where_it_is(self, take: Callable[[Any], Any]) -> None:
        results = []
        for given in (TEXT, [TEXT], Path("my.txt"), [Path("my.txt")], TextSource.of(TEXT)):
            results.append(repr(take(given)))
            Path("tokens").unlink(missing_ok=True)
            shutil.rmtree("model", ignore_errors=True)
        assert len(set(results)) == 1

    @pytest.mark.parametrize("wrap", [str, lambda name: [name], lambda name: (name, name)])
    @pytest.mark.parametrize("name", ["my.txt", "poem", "texts/", "none/of/them.gz"])
    def test_a_str_that_names_a_file_is_refused(
        self, take: Callable[[Any], Any], name: str, wrap: Callable[[str], Any]
    ) -> None:
        before = sorted(Path().iterdir())
        with pytest.raises(InvalidValueError) as error:
            take(wrap(name))
        assert error.value.argument == "corpus"
        assert str(error.value) == (
            f"corpus: expected a text, got the name of a file, {name!r} (Path(...) reads it, "
            "TextSource.of(...) takes the name as the text)"
        )
        assert sorted(Path().iterdir()) == before

    def test_text_and_paths_do_not_mix(self, take: Callable[[Any], Any]) -> None:
        for given in ([TEXT, Path("my.txt")], [Path("my.txt"), TEXT], [3], [], 3, None, b"text"):
            with pytest.raises(InvalidValueError, match=r"^corpus: expected") as error:
                take(given)
            assert isinstance(error.value, InvalidTypeError) or given == []


@pytest.mark.parametrize("name", ["-", "shakespeare"])
def test_what_else_has_a_name(name: str) -> None:
    for given in (name, [name]):
        with pytest.raises(InvalidValueError, match=r"^corpus: expected a text, got the name of a"):
            source(given)
    assert source(TextSource.of(name)).text() == name


def test_among_other_texts_it_is_a_line() -> None:
    assert source(["my.txt", "is a file"]).text() == "my.txt\nis a file"


def test_several_texts_are_one_as_several_files_are() -> None:
    assert source(["one", "two\r\n", "", "\ufeffthree"]).text() == "one\ntwo\nthree"
    seen: list[int] = []
    long = source(["a" * 2**20 + "b", "", "c" * 5])
    assert "".join(long.read(seen.append)) == "a" * 2**20 + "b\nccccc"
    assert seen == [2**20, 2**20 + 1, long.size]


def test_whoever_says_that_it_is_a_text_is_believed() -> None:
    assert source(TextSource.of("my.txt")).text() == "my.txt"
    assert untrained().evaluate(TextSource.of("my.txt")).tokens == 5
    assert CharVocabulary.from_chunks(TextSource.of("my.txt")).characters == ".mtxy"


@pytest.mark.parametrize("kind", [CharVocabulary, WordVocabulary, BPEVocabulary])
class TestVocabularies:
    def test_of_a_text_and_of_a_file(self, kind: Any) -> None:
        expected = kind.from_text(TEXT)
        assert kind.from_chunks(TEXT) == expected
        assert kind.from_chunks([TEXT[:100], TEXT[100:]]) == expected
        assert kind.from_chunks(source(Path("my.txt"))) == expected

    def test_of_the_name_of_a_file(self, kind: Any) -> None:
        hint = r"^text: expected a text, got the name of a file, 'my.txt' \(from_chunks\(source\(P"
        with pytest.raises(InvalidValueError, match=hint):
            kind.from_text("my.txt")
        hint = (
            r"^chunks: expected a text, got the name of a file, 'my.txt' \(source\(Path\(\.\.\.\)"
        )
        for chunks in ("my.txt", ["my.txt"], ("my.txt", "poem")):
            with pytest.raises(InvalidValueError, match=hint):
                kind.from_chunks(chunks)
        for paths in (Path("my.txt"), [Path("my.txt")], 3):
            with pytest.raises(InvalidTypeError, match=r"^chunks: expected a "):
                kind.from_chunks(paths)

    def test_a_text_may_mention_a_file(self, kind: Any) -> None:
        whole = kind.from_text("my.txt is not my.txt\n")
        assert kind.from_chunks(["my.txt", " is not ", "my.txt", "\n"]) == whole


def test_a_tokenizer_of_keras_takes_every_str_as_a_text() -> None:
    tokenizer = Tokenizer(filters="")
    tokenizer.fit_on_texts(["my.txt", "poem"])
    assert tokenizer.word_index == {"my.txt": 1, "poem": 2}


@pytest.mark.parametrize(
    "text",
    [
        *("my.txt", "MY.TXT", "no/such.md", "texts/*.txt", "**/*.gz", "C:\\texts\\a.csv"),
        *("/home/me/My Documents/the poems.txt", "~/poems.txt", "../a b.txt", "a" * 105 + ".txt"),
        *("/a/folder/somewhere/x", "./texts/of/mine", "~/data/texts/", "poem", "texts/part"),
    ],
)
def test_what_is_like_the_name_of_a_file(text: str) -> None:
    assert names_a_file(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            ".",
            "..",
            "/",
            "a",
            "the",
            "e.g.",
            "3.14",
            "and/or",
            "1/2",
            "he/she/it",
            "example.com",
        ),
        *(
            "Look into my.txt",
            "my.txt\n",
            "my\n.txt",
            "texts",
            "/s",
            "</b>",
            "a.b",
            "no. text",
            "-",
        ),
        *("/* a comment */", "~", "my.txt is a file", "x" * 5000 + ".txt", "my\0.tx", "\ud800"),
    ],
)
def test_what_is_not(text: str) -> None:
    assert not names_a_file(text)

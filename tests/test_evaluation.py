"""How well a model predicts a text, against a plain computation, and the command that shows it."""

import gzip
import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from typer.testing import CliRunner

from language_cases import TEXT, sentences
from lstm import LanguageModel
from lstm.cli import app
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.text import Corpus, TextSource
from tolerances import assert_close

SCRIPTS = "Съешь ещё 🧬 天地玄黄\n" + TEXT[:200]
KINDS: dict[str, dict[str, Any]] = {
    "characters": {},
    "bytes": {"tokens": "bytes"},
    "words": {"tokens": "words", "min_count": 1},
    "bpe": {"tokens": "bpe", "vocabulary_size": 270},
}


def trained(text: str = TEXT, **options: Any) -> LanguageModel:
    small: dict[str, Any] = {"hidden": 8, "lr": 0.01, "seq_len": 8, "epochs": 1, "seed": 2}
    return LanguageModel.train(text, **small | options)


def plain(model: LanguageModel, tokens: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """-log p of each token but the first, of a text read in one go, and the probabilities."""
    p = model.model.predict(tokens[None, :-1])[0].astype(np.float64)
    return -np.log(p[np.arange(len(p)), tokens[1:]]), p


@pytest.fixture(scope="module", params=KINDS)
def model(request: pytest.FixtureRequest) -> LanguageModel:
    return trained(TEXT + SCRIPTS * 5, **KINDS[request.param])


class TestFigures:
    @pytest.mark.parametrize(
        "text", [SCRIPTS, TEXT[: TEXT.index("\n", 500)], sentences(60, seed=4)]
    )
    def test_are_those_of_a_plain_computation(self, model: LanguageModel, text: str) -> None:
        tokens = model.vocabulary.encode(text)
        assert len(tokens) < 2 * 2048
        nats, p = plain(model, tokens)
        result = model.evaluate(text)
        # What the first token stands for was not predicted.
        predicted = text.encode()[len(model.vocabulary.decode(tokens[:1]).encode()) :]
        if model.vocabulary.kind in ("bytes", "bpe"):
            predicted = text.encode()[int(model.vocabulary.lengths[tokens[0], 1]) :]
        characters = len(predicted.decode("utf-8", "ignore"))
        counted = (result.tokens, result.unknown, result.characters, result.bytes)
        assert counted == (len(tokens) - 1, 0, characters, len(predicted))
        exact: dict[str, Any] = {"terms": len(tokens), "dtype": "float32"}
        assert_close(result.nats, nats.mean(), "lstm", **exact)
        assert_close(result.bits, result.nats / math.log(2), "pointwise")
        assert_close(result.perplexity, math.exp(result.nats), "pointwise")
        assert_close(result.nats_per_character, nats.sum() / characters, "lstm", **exact)
        bits = nats.sum() / math.log(2)
        assert_close(result.bits_per_character, bits / characters, "lstm", **exact)
        assert_close(result.bits_per_byte, bits / len(predicted), "lstm", **exact)
        assert result.accuracy == (p.argmax(-1) == tokens[1:]).mean()

    def test_change_nothing(self, model: LanguageModel) -> None:
        before = model.model.get_weights(), model.model.random_state
        assert model.evaluate(TEXT) == model.evaluate(TEXT)
        for w, v in zip(model.model.get_weights(), before[0], strict=True):
            assert_array_equal(w, v)
        assert model.model.random_state == before[1]

    def test_do_not_depend_on_where_the_tokens_are(
        self, model: LanguageModel, tmp_path: Path
    ) -> None:
        text = TextSource.of(TEXT)
        expected = model.evaluate(TEXT)
        assert model.evaluate(Corpus.encode(text, model.vocabulary)) == expected
        assert model.evaluate(Corpus.write(tmp_path / "t", text, model.vocabulary)) == expected
        (tmp_path / "text.txt").write_text(TEXT)
        assert model.evaluate(tmp_path / "text.txt") == expected

    @pytest.mark.parametrize("text", ["", "t"])
    def test_of_too_short_a_text(self, text: str) -> None:
        with pytest.raises(InvalidValueError, match=r"^corpus: expected"):
            trained().evaluate(text)
        with pytest.raises(InvalidShapeError, match=r"^corpus: expected at least 2 tokens, got 1"):
            trained().evaluate(Corpus.of([0], 20))

    def test_of_the_end_of_a_character(self) -> None:
        result = trained(tokens="bytes").evaluate("é")
        assert (result.tokens, result.characters, result.bytes) == (1, 1, 1)
        assert result.bits_per_character == result.bits_per_byte == result.bits


class TestSurprises:
    @pytest.mark.parametrize("length", [700, 2 * 2048 + 2, 3 * 2048 + 3])
    def test_are_the_tokens_that_were_least_expected(self, length: int) -> None:
        model = trained()
        text = sentences(350, seed=3)[:length]
        tokens = model.vocabulary.encode(text)
        result, found = model.evaluate(text), model.surprises(text, length)
        # Every token but the first is one of them.
        assert sorted(surprise.position for surprise in found) == list(range(1, length))
        assert all(a.nats >= b.nats for a, b in pairwise(found))
        assert_close(sum(s.nats for s in found) / len(found), result.nats, "loss", terms=length)
        assert model.surprises(text, 5) == found[:5]
        for surprise in found:
            assert surprise.token == tokens[surprise.position]
            assert math.log(surprise.probability) >= -surprise.nats
        hits = [surprise.token == surprise.expected for surprise in found]
        assert np.mean(hits) == result.accuracy

    def test_equal_those_of_a_plain_computation(self) -> None:
        model = trained()
        tokens = model.vocabulary.encode(TEXT[:900])
        nats, p = plain(model, tokens)
        for surprise in model.surprises(TEXT[:900], 30):
            at = surprise.position - 1
            assert_close(surprise.nats, nats[at], "lstm", terms=900, dtype="float32")
            assert surprise.expected == p[at].argmax()
            assert_close(surprise.probability, p[at].max(), "lstm", terms=900, dtype="float32")

    @pytest.mark.parametrize("count", [0, -1, 1.5])
    def test_bad_counts(self, count: Any) -> None:
        with pytest.raises(InvalidValueError, match=r"^count: expected"):
            trained().surprises(TEXT, count)


def run(*arguments: str, stdin: str | None = None, code: int = 0) -> str:
    result = CliRunner().invoke(app, arguments, input=stdin)
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.stderr


class TestCommand:
    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("COLUMNS", "200")
        trained().save("model.safetensors")
        (tmp_path / "text.txt").write_text(TEXT)
        return tmp_path

    def figures(self, *arguments: str, stdin: str | None = None) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(
            run("evaluate", "model.safetensors", *arguments, "--json", stdin=stdin)
        )
        assert shown.pop("corpus").startswith(arguments[0])
        return shown

    def test_reads_texts_wherever_they_are(self, folder: Path) -> None:
        expected = self.figures("text.txt")
        assert expected["tokens"] == len(TEXT) - 1
        (folder / "text.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
        assert self.figures("text.txt.gz") == expected
        assert self.figures("-", stdin=TEXT) == expected
        (folder / "parts").mkdir()
        cut = TEXT.index("\n", 1000) + 1
        (folder / "parts/a.txt").write_text(TEXT[:cut])
        (folder / "parts/b.txt").write_text(TEXT[cut:])
        assert self.figures("parts") == expected
        assert self.figures("parts/a.txt", "parts/b.txt") == expected
        assert self.figures("parts/*.txt") == expected
        assert self.figures("parts/b.txt", "parts/a.txt") != expected

    def test_leaves_no_file_behind(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        before = sorted(folder.iterdir())
        self.figures("text.txt")
        assert sorted(folder.iterdir()) == before

    def test_other_encodings(self, folder: Path) -> None:
        (folder / "wide.txt").write_bytes(TEXT.encode("utf-16"))
        expected = self.figures("text.txt")
        assert self.figures("wide.txt", "--encoding", "utf-16") == expected
        (folder / "bad.txt").write_bytes(TEXT.encode() + b"\xff")
        assert self.figures("bad.txt", "--errors", "ignore") == expected
        assert "byte 0xff" in run("evaluate", "model.safetensors", "bad.txt", code=1)

    def test_characters_that_the_model_does_not_know(self, folder: Path) -> None:
        message = run("evaluate", "model.safetensors", "-", stdin="the maté", code=1)
        assert message.startswith("error: corpus: expected only the 20 distinct characters")
        assert "'é' (U+00E9) at offset 4 beyond the first 3 characters" in message
        trained(TEXT + "éü", min_count=2).save("model.safetensors")
        assert self.figures("-", stdin="the maté")["tokens"] == 7

    def test_the_most_surprising_places(self, folder: Path) -> None:
        model = LanguageModel.load("model.safetensors")
        text = TEXT[:400] + "wwwww" + TEXT[400:800]
        (folder / "odd.txt").write_text(text)
        expected = model.surprises(text, 4)
        shown = run("evaluate", "model.safetensors", "odd.txt", "--per-token", "4").splitlines()
        plain_lines = run("evaluate", "model.safetensors", "odd.txt").splitlines()
        assert shown[: len(plain_lines)] == plain_lines
        heading, *rows = shown[len(plain_lines) :]
        assert heading.split() == ["position", "after", "came", "nats", "expected", "with"]
        assert [row.split()[0] for row in rows] == [str(s.position) for s in expected]
        assert all(f"{s.nats:.2f}" in row for s, row in zip(expected, rows, strict=True))
        assert all(repr(text[s.position]) in row for s, row in zip(expected, rows, strict=True))
        table = self.figures("odd.txt", "--per-token", "4")["surprises"]
        for surprise, row in zip(expected, table, strict=True):
            assert row["position"] == surprise.position
            assert row["nats"] == surprise.nats
            assert row["token"] == repr(text[surprise.position])
            assert row["expected"] == model.vocabulary.token_text(surprise.expected)
            before = text[max(0, surprise.position - 24) : surprise.position]
            assert row["after"] == repr(before)[1:-1]

    @pytest.mark.parametrize("count", ["-1", "many"])
    def test_bad_counts(self, folder: Path, count: str) -> None:
        command = ("evaluate", "model.safetensors", "text.txt", "--per-token", count)
        assert "--per-token" in run(*command, code=2)

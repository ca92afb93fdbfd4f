"""One form for every text: what a byte order mark and line ends become, on every way in."""

import gzip
import io
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from typer.testing import CliRunner

from lstm import LanguageModel, inspection
from lstm.cli import app
from lstm.errors import InvalidValueError
from lstm.text import ByteVocabulary, Corpus, TextSource, source
from lstm.text.normalization import normalized, normalized_chunks

TEXTS = {
    "a\r\nb": "a\nb",
    "a\rb": "a\nb",
    "a\r\r\nb": "a\n\nb",
    "a\n\rb": "a\n\nb",
    "a\r\n": "a\n",
    "a\r": "a\n",
    "\ufeffab": "ab",
    "\ufeff\ufeff\r\na": "\na",
    "a\ufeffb": "a\ufeffb",
    "a\u2028\x0b\x0c\x85b": "a\u2028\x0b\x0c\x85b",
}
"""Texts as they may come, and as they are read."""

raw_texts = st.text(st.sampled_from("a\r\n\ufeff 🎉"), max_size=12)


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    """It knows every byte, so that it would notice each."""
    return LanguageModel.create(ByteVocabulary(), hidden=8, seed=0)


class TestTheRule:
    @given(raw_texts)
    @example("a\r")
    def test_is_how_python_opens_texts(self, raw: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "text")
            path.write_bytes(raw.encode())
            opened = path.read_text(encoding="utf-8")
        assert normalized(raw) == opened.lstrip("\ufeff")
        assert normalized(normalized(raw)) == normalized(raw)

    @given(raw_texts, st.integers(1, 4))
    def test_does_not_depend_on_how_a_text_is_cut(self, raw: str, size: int) -> None:
        chunks = list(normalized_chunks(raw[i : i + size] for i in range(0, len(raw), size)))
        assert "".join(chunks) == normalized(raw)
        assert "" not in chunks


def from_standard_input(raw: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw.encode())))
    return source(Path("-")).text()


@pytest.mark.parametrize("raw", TEXTS)
class TestTexts:
    @pytest.mark.parametrize("size", [1, 2, 3, 1000])
    @pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "utf-8-sig", "utf-16", "utf-32"])
    @pytest.mark.parametrize("pack", [bytes, gzip.compress])
    def test_in_files(
        self, raw: str, size: int, encoding: str, pack: Callable[[bytes], bytes], tmp_path: Path
    ) -> None:
        for name in "ab":
            (tmp_path / name).write_bytes(pack(raw.encode(encoding)))
        expected = TEXTS[raw]
        read = {"encoding": encoding, "chunk_size": size}
        assert source(tmp_path / "a", **read).text() == expected
        # Each file has its own beginning and its own end.
        twice = expected if expected.endswith("\n") else expected + "\n"
        assert source(tmp_path, **read).text() == twice + expected

    def test_elsewhere(self, raw: str, monkeypatch: pytest.MonkeyPatch) -> None:
        assert from_standard_input(raw, monkeypatch) == TEXTS[raw]
        assert TextSource.of(raw).text() == TEXTS[raw]

    def test_given_to_a_model(self, raw: str, model: LanguageModel) -> None:
        tokens = list(TEXTS[raw].encode())
        assert model.encoded(raw).tokens.tolist() == tokens
        corpus = Corpus.encode(TextSource.of(raw), model.vocabulary)
        assert corpus.tokens.tolist() == tokens
        assert model.evaluate(raw) == model.evaluate(Corpus.of(tokens, 256))
        assert inspection.read(model, raw).text == TEXTS[raw]
        assert "".join(inspection.saliency(model, raw, raw).pieces) == TEXTS[raw]


def test_a_line_end_between_two_chunks_of_a_text_in_memory() -> None:
    before = "x" * (2**20 - 1)
    assert TextSource.of(before + "\r\ny").text() == before + "\ny"


@pytest.mark.parametrize("raw", TEXTS)
class TestPrompts:
    def test_are_read_as_texts(self, raw: str, model: LanguageModel) -> None:
        text = TEXTS[raw]
        options: dict[str, Any] = {"length": 12, "seed": 3}
        # What a user wrote comes back as it is; what follows is that of the text.
        expected = model.generate(text, **options).removeprefix(text)
        assert model.generate(raw, **options) == raw + expected
        assert "".join(model.stream(raw, **options)) == expected
        beams = [model.beam(prompt, 6) for prompt in (raw, text)]
        assert beams[0].text.removeprefix(raw) == beams[1].text.removeprefix(text)
        assert beams[0].log_probability == beams[1].log_probability
        assert model.log_probabilities(raw, raw) == model.log_probabilities(text, text)
        assert [token for token, _ in model.log_probabilities(raw)] == [
            ByteVocabulary().decode([byte]) for byte in text.encode()
        ]

    def test_a_writer_reads_them_so(self, raw: str, model: LanguageModel) -> None:
        writers = [model.writer("to be", seed=1) for _ in range(2)]
        for writer, text in zip(writers, (raw, TEXTS[raw]), strict=True):
            writer.read(text)
        for parts in zip(*(writer._state.values() for writer in writers), strict=True):
            assert_array_equal(*(np.stack(part) for part in parts))

    def test_of_the_command(
        self, raw: str, model: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        model.save("model")
        Path("prompt").write_bytes(raw.encode())
        expected = {
            "prompt": TEXTS[raw],
            "text": model.generate(TEXTS[raw], 9, temperature=0.8, seed=0),
        }
        expected["text"] = expected["text"].removeprefix(TEXTS[raw])
        for given_so in (["--prompt", raw], ["--prompt-file", "prompt"], ["--prompt-file", "-"]):
            command = ["generate", "model", *given_so, "--length", "9", "--seed", "0", "--json"]
            result = CliRunner().invoke(app, command, input=raw.encode())
            assert json.loads(result.stdout) == expected | {"seed": 0}


class TestStopStrings:
    @pytest.mark.parametrize("stop", ["\n", "\r\n", "\r", "\ufeff\n"])
    def test_are_read_as_texts(self, stop: str) -> None:
        text = "to be\ror not\r\n" * 40
        made = LanguageModel.train(text, hidden=16, epochs=20, lr=0.03, seed=0)
        for write in (made.generate, lambda *a, **k: made.beam("to", 20, stop=k["stop"]).text):
            assert write("to", 20, temperature=0, stop=stop) == "to be"

    @pytest.mark.parametrize("stop", ["\ufeff", ["\n", "\ufeff\ufeff"]])
    def test_of_nothing(self, stop: Any, model: LanguageModel) -> None:
        with pytest.raises(InvalidValueError, match=r"^stop: expected texts that are not empty"):
            model.generate("a", stop=stop)

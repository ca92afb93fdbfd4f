"""The vocabulary of a tokenizer: byte-pair encoding and its like."""

import codecs
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
)

from lstm.errors import InvalidValueError, MissingExtraError
from lstm.text import (
    BPEVocabulary,
)
from lstm.text.vocabularies import vocabulary_from_config
from text_cases import SCRIPTS, quick, texts


def byte_fallback() -> Tokenizer:
    """As SentencePiece makes them: spaces before words, bytes for what is no token."""
    tokens = ["<unk>", "<0xE2>", "<0x82>", "<0xAC>", "▁", "a", "b", "▁a"]
    tokenizer = Tokenizer(
        models.BPE(
            vocab={token: i for i, token in enumerate(tokens)},
            merges=[("▁", "a")],
            unk_token="<unk>",
            byte_fallback=True,
        )
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return tokenizer


def word_piece() -> Tokenizer:
    """As BERT's, which lowers, and which was saved to cut and to pad."""
    tokens = ["[UNK]", "the", "##s", "cat", ".", "[CLS]"]
    tokenizer = Tokenizer(
        models.WordPiece({token: i for i, token in enumerate(tokens)}, unk_token="[UNK]")
    )
    tokenizer.add_special_tokens(["[CLS]"])
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=20)
    return tokenizer


class TestBPEVocabulary:
    def test_frequent_words_become_tokens(self) -> None:
        vocabulary = BPEVocabulary.from_text("to be or not to be, " * 20, size=300)
        assert 256 < len(vocabulary) <= 300
        assert [vocabulary.token_text(t) for t in vocabulary.encode("to be not")] == [
            *("'to'", "' be'", "' not'"),
        ]

    @quick
    @given(texts)
    @example(SCRIPTS)
    def test_it_encodes_what_it_never_saw_as_the_library_does(self, text: str) -> None:
        vocabulary = BPEVocabulary.from_text(SCRIPTS * 2, size=400)
        tokens = vocabulary.encode(text)
        assert vocabulary.decode(tokens) == text
        # It is quicker word by word, and the same.
        assert tokens.tolist() == Tokenizer.from_str(vocabulary.definition).encode(text).ids

    def test_the_bytes_of_tokens_are_those_of_the_library(self) -> None:
        vocabulary = BPEVocabulary.from_text(SCRIPTS, size=256)
        assert sorted(vocabulary.pieces) == [bytes([byte]) for byte in range(256)]

    def test_a_file_that_someone_made(self, tmp_path: Path) -> None:
        path = tmp_path / "tokenizer.json"
        byte_fallback().save(str(path))
        vocabulary = BPEVocabulary.from_file(path)
        assert (len(vocabulary), vocabulary.unknown) == (8, 0)
        tokens = vocabulary.encode("a ab€z")
        assert tokens.tolist() == [7, 7, 6, 1, 2, 3, 0]
        assert vocabulary.decode(tokens) == " a ab€\ufffd"
        assert vocabulary.lengths[tokens].sum(axis=0).tolist() == [7, 9]
        assert vocabulary_from_config(vocabulary.to_config()) == vocabulary
        path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
        assert BPEVocabulary.from_file(path) == vocabulary

    def test_nothing_but_the_text_decides_on_its_tokens(self) -> None:
        vocabulary = BPEVocabulary(word_piece().to_str())
        tokens = vocabulary.encode("The cats. dog")
        assert tokens.tolist() == [1, 3, 2, 4, 0]
        assert vocabulary.decode(tokens) == " the cats.\ufffd"
        assert vocabulary.token_text(5) == "'[CLS]'"

    def test_added_tokens(self) -> None:
        tokenizer = Tokenizer.from_str(BPEVocabulary.from_text("to be " * 9).definition)
        tokenizer.add_special_tokens(["<| the end |>"])
        vocabulary = BPEVocabulary(tokenizer.to_str())
        tokens = vocabulary.encode("to be<| the end |>é")
        assert [vocabulary.token_text(t) for t in tokens] == [
            *("'to'", "' be'", "'<| the end |>'", "<c3>", "<a9>"),
        ]
        assert vocabulary.decode(tokens) == "to be<| the end |>é"

    def test_a_tokenizer_that_does_not_know_the_text(self) -> None:
        vocabulary = BPEVocabulary(Tokenizer(models.WordLevel({"a": 0}, unk_token="?")).to_str())
        assert vocabulary.unknown is None
        with pytest.raises(InvalidValueError, match=r"^text: expected one that the tokenizer can"):
            vocabulary.encode("b")

    def test_files_that_are_no_tokenizers(self, tmp_path: Path) -> None:
        path = tmp_path / "tokenizer.json"
        with pytest.raises(InvalidValueError, match=r"^path: .*tokenizer.json \(No such file"):
            BPEVocabulary.from_file(path)
        for content in (b"", b"{}", b"[1]", b"\xff", Tokenizer(models.BPE()).to_str().encode()):
            path.write_bytes(content)
            with pytest.raises(InvalidValueError, match=r"^path: expected the tokenizer.json of"):
                BPEVocabulary.from_file(path)

    def test_a_token_that_is_too_large_to_be_one(self) -> None:
        definition = Tokenizer(models.WordLevel({"a": 0, "b": 2}, unk_token="a")).to_str()
        damaged = definition.replace('"b":2', '"b":2147483648')
        with pytest.raises(
            InvalidValueError, match=r"^definition: .* got one with token 2147483648$"
        ):
            BPEVocabulary(damaged)

    def test_bad_arguments(self) -> None:
        with pytest.raises(InvalidValueError, match=r"^size: expected an integer of at least 256"):
            BPEVocabulary.from_text("text", size=255)
        with pytest.raises(InvalidValueError, match=r"^text: expected at least one character"):
            BPEVocabulary.from_text("")
        with pytest.raises(InvalidValueError, match=r"^text: .*surrogates"):
            BPEVocabulary.from_text("text").encode("\ud800")

    def test_without_the_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "tokenizers", None)
        with pytest.raises(MissingExtraError, match=r"lstm-kit\[bpe\]"):
            BPEVocabulary.from_text("text")

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
    def test_it_is_imported_late_learns_the_same_and_says_nothing_of_forks(self) -> None:
        program = (
            "import lstm, os, sys; assert 'tokenizers' not in sys.modules\n"
            "text = 'to be or not to be\\n' * 500\n"
            "vocabulary = lstm.text.BPEVocabulary.from_text(text)\n"
            "if (child := os.fork()) == 0:\n"
            "    vocabulary.encode(text); os._exit(0)\n"
            "assert os.waitpid(child, 0)[1] == 0; print(vocabulary.definition)\n"
        )
        environment = {k: v for k, v in os.environ.items() if k != "TOKENIZERS_PARALLELISM"}
        runs = [
            subprocess.run(
                [sys.executable, "-c", program],
                env=environment,
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            )
            for _ in range(2)
        ]
        assert [run.stderr for run in runs] == ["", ""]
        assert runs[0].stdout == runs[1].stdout

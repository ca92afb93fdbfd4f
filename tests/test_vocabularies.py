"""Text to tokens and back, with every kind of vocabulary."""

import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.text import (
    BPEVocabulary,
    ByteVocabulary,
    CharVocabulary,
    LanguageModel,
    Vocabulary,
    WordVocabulary,
)
from lstm.text.vocabularies import vocabulary_from_config
from text_cases import SCRIPTS, quick, texts

MAKERS: dict[str, Callable[[str], Vocabulary]] = {
    "characters": CharVocabulary.from_text,
    "bytes": lambda text: ByteVocabulary(),
    "words": lambda text: WordVocabulary.from_text(text, min_count=1),
    "bpe": lambda text: BPEVocabulary.from_text(text, size=300),
}


CHUNKED: dict[str, Callable[[Iterator[str]], Vocabulary]] = {
    "characters": lambda chunks: CharVocabulary.from_chunks(chunks, min_count=2),
    "words": lambda chunks: WordVocabulary.from_chunks(chunks, min_count=2, size=7),
    "bpe": lambda chunks: BPEVocabulary.from_chunks(chunks, size=300),
}


each_kind = pytest.mark.parametrize("kind", MAKERS)


def utf8(text: str) -> int:
    return len(text.encode())


@each_kind
class TestEveryVocabulary:
    @quick
    @given(texts)
    @example(SCRIPTS)
    def test_decode_undoes_encode(self, kind: str, text: str) -> None:
        vocabulary = MAKERS[kind](text)
        tokens = vocabulary.encode(text)
        assert tokens.dtype == np.int64
        assert tokens.ndim == 1
        assert vocabulary.decode(tokens) == text

    @quick
    @given(texts)
    @example(SCRIPTS)
    def test_lengths_add_up_to_those_of_the_text(self, kind: str, text: str) -> None:
        vocabulary = MAKERS[kind](text)
        assert vocabulary.lengths.dtype == np.int64
        assert vocabulary.lengths.shape == (len(vocabulary), 2)
        total = vocabulary.lengths[vocabulary.encode(text)].sum(axis=0)
        assert total.tolist() == [len(text), utf8(text)]

    @quick
    @given(texts, st.data())
    @example(SCRIPTS, None)
    def test_decoding_piece_by_piece_gives_the_same(
        self, kind: str, text: str, data: st.DataObject | None
    ) -> None:
        vocabulary = MAKERS[kind](text)
        tokens = vocabulary.encode(text)
        cuts = cuts_of(len(tokens), data)
        decoder, written = vocabulary.decoder(), ""
        for part in np.split(tokens, cuts):
            written += decoder.decode(part)
            assert text.startswith(written)
            # As if saved and loaded.
            pending, decoder = decoder.pending, vocabulary.decoder()
            decoder.pending = pending
        assert written + decoder.decode([], final=True) == text

    @quick
    @given(st.data())
    def test_any_tokens_decode_to_valid_unicode(self, kind: str, data: st.DataObject) -> None:
        vocabulary = MAKERS[kind](SCRIPTS)
        tokens = data.draw(st.lists(st.integers(0, len(vocabulary) - 1)))
        whole = vocabulary.decode(tokens)
        whole.encode("utf-8")
        decoder = vocabulary.decoder()
        assert "".join(decoder.decode([t]) for t in tokens) + decoder.decode([], True) == whole

    def test_config_survives_json(self, kind: str) -> None:
        vocabulary = MAKERS[kind](SCRIPTS)
        config = json.loads(json.dumps(vocabulary.to_config(), sort_keys=True))
        assert config["kind"] == kind
        copy = vocabulary_from_config(config)
        assert copy == vocabulary
        assert hash(copy) == hash(vocabulary)
        assert copy.to_config() == vocabulary.to_config()
        assert np.array_equal(copy.encode(SCRIPTS), vocabulary.encode(SCRIPTS))
        if kind != "bytes":
            assert copy != MAKERS[kind]("another text, another text")

    def test_an_empty_text(self, kind: str) -> None:
        vocabulary = MAKERS[kind]("abc abc")
        assert vocabulary.encode("").shape == (0,)
        assert vocabulary.encode("").dtype == np.int64
        assert vocabulary.decode([]) == ""
        assert vocabulary.decoder().decode([], final=True) == ""

    def test_a_text_starts_after_a_line_break(self, kind: str) -> None:
        vocabulary = MAKERS[kind]("a\nb\nb b")
        assert vocabulary.decode([vocabulary.start]) == "\n"

    def test_tables_quote_tokens(self, kind: str) -> None:
        vocabulary = MAKERS[kind]("a\na\n")
        assert [vocabulary.token_text(t) for t in vocabulary.encode("a\n")] == ["'a'", "'\\n'"]
        with pytest.raises(InvalidValueError, match=r"^token: .*\[0, "):
            vocabulary.token_text(len(vocabulary))

    def test_bad_input(self, kind: str) -> None:
        vocabulary, data = MAKERS[kind]("abc abc"), b"abc"
        bad: Any
        for bad in (data, None, 3):
            with pytest.raises(InvalidTypeError, match=r"^text: expected a str"):
                vocabulary.encode(bad)
        for bad in (-1, len(vocabulary)):
            with pytest.raises(InvalidValueError, match=rf"^tokens: .* got {bad}$"):
                vocabulary.decode([0, bad])
            with pytest.raises(InvalidValueError, match=r"^tokens: "):
                vocabulary.decoder().decode([bad])
        with pytest.raises(InvalidShapeError, match=r"^tokens: "):
            vocabulary.decode([[0, 1]])
        with pytest.raises(InvalidTypeError, match=r"^tokens: "):
            vocabulary.decode(["a"])
        with pytest.raises(InvalidValueError, match=r"^tokens: .*0\.5"):
            vocabulary.decode([0.5])

    def test_a_language_model_of_it_writes_and_keeps_it(self, kind: str, tmp_path: Path) -> None:
        vocabulary = MAKERS[kind]("to be or not to be\n" * 30)
        model = LanguageModel.create(vocabulary, hidden=8, seed=0)
        model.fit("to be or not to be\n" * 30, seq_len=4, epochs=1)
        written = model.generate("to be", length=40, seed=1)
        written.encode("utf-8")
        assert written.startswith("to be")
        model.save(tmp_path / "model.safetensors")
        loaded = LanguageModel.load(tmp_path / "model.safetensors")
        assert loaded.vocabulary == vocabulary
        assert loaded.generate("to be", length=40, seed=1) == written


def cuts_of(length: int, data: st.DataObject | None) -> list[int]:
    """Where to cut a sequence: where Hypothesis says, or everywhere."""
    if data is None:
        return list(range(1, length))
    return sorted(data.draw(st.lists(st.integers(0, length), max_size=5)))


@pytest.mark.parametrize("kind", CHUNKED)
class TestTextsInChunks:
    @quick
    @given(texts, st.data())
    def test_chunks_give_the_vocabulary_of_the_whole(
        self, kind: str, text: str, data: st.DataObject
    ) -> None:
        text += " aa bb aa bb"  # Something has to occur twice.
        cuts = [0, *cuts_of(len(text), data), len(text)]
        chunks = (text[a:b] for a, b in pairwise(cuts))
        assert CHUNKED[kind](chunks) == CHUNKED[kind](iter([text]))

    def test_characters_one_by_one(self, kind: str) -> None:
        text = SCRIPTS * 3
        assert CHUNKED[kind](iter(text)) == CHUNKED[kind](iter([text]))

    def test_longer_than_what_is_read_at_once(self, kind: str) -> None:
        text = "the quick brown fox\njumps over  the lazy dog, " * 50_000
        assert len(text) > 2 * 2**20
        whole = CHUNKED[kind](iter([text]))
        assert CHUNKED[kind](text[i : i + 99_991] for i in range(0, len(text), 99_991)) == whole

    def test_nothing_to_learn_from(self, kind: str) -> None:
        for chunks in ([], [""], ["", ""]):
            with pytest.raises(InvalidValueError, match=r"^chunks: expected at least one char"):
                CHUNKED[kind](iter(chunks))

    def test_chunks_that_are_no_text(self, kind: str) -> None:
        bad: Any = iter(["aa aa", b"bb"])
        with pytest.raises(InvalidTypeError, match=r"^chunks: expected a str, got bytes"):
            CHUNKED[kind](bad)
        with pytest.raises(
            InvalidValueError, match=r"^chunks: .*surrogates.*U\+DCE9\) at offset 1"
        ):
            CHUNKED[kind](iter(["aa aa", "f\udce9"]))


@pytest.mark.parametrize("config", [{}, {"kind": "keras_tokenizer"}, {"kind": ["bytes"]}])
def test_a_config_of_no_known_kind(config: Any) -> None:
    with pytest.raises(InvalidValueError, match=r"^kind: expected one of 'characters', 'bytes', "):
        vocabulary_from_config(config)


@pytest.mark.parametrize(
    "config",
    [
        {"kind": "characters"},
        {"kind": "characters", "characters": "ab", "unknown": 3},
        {"kind": "words"},
        {"kind": "words", "words": "a b"},
        {"kind": "words", "words": ["a", 3]},
        {"kind": "words", "words": ["a b"]},
        {"kind": "words", "words": []},
        {"kind": "bpe"},
        {"kind": "bpe", "tokenizer": {}},
        {"kind": "bpe", "tokenizer": "text"},
        "bytes",
    ],
)
def test_damaged_configs(config: Any) -> None:
    with pytest.raises(InvalidValueError):
        vocabulary_from_config(config)


class TestDecoder:
    def test_a_character_comes_when_it_is_complete(self) -> None:
        decoder = ByteVocabulary().decoder()
        written = [decoder.decode([byte]) for byte in "a€é".encode()]
        assert written == ["a", "", "", "€", "", "é"]

    def test_what_is_held_back_at_the_end(self) -> None:
        decoder = ByteVocabulary().decoder()
        assert decoder.decode([0xE2, 0x82]) == ""
        assert decoder.pending == b"\xe2\x82"
        assert decoder.decode([], final=True) == "\ufffd"
        assert decoder.pending == b""
        assert decoder.decode([0x41]) == "A"

    def test_going_on_elsewhere(self) -> None:
        decoder = ByteVocabulary().decoder()
        decoder.pending = b"\xf0\x9f\x91"
        assert decoder.decode([0xA9]) == "👩"

    @pytest.mark.parametrize("pending", [b"a", b"\xff", b"\xe2\x82\xac", b"\xe2\x82a"])
    def test_pending_bytes_begin_one_character(self, pending: bytes) -> None:
        decoder = ByteVocabulary().decoder()
        with pytest.raises(InvalidValueError, match=r"^pending: expected the first bytes of one"):
            decoder.pending = pending
        bad: Any = "a"
        with pytest.raises(InvalidTypeError, match=r"^pending: expected bytes, got str"):
            decoder.pending = bad
        assert decoder.pending == b""


class TestByteVocabulary:
    @given(st.binary())
    def test_tokens_are_bytes(self, data: bytes) -> None:
        vocabulary = ByteVocabulary()
        assert len(vocabulary) == 256
        assert vocabulary.decode(list(data)) == data.decode("utf-8", "replace")

    def test_bytes_that_are_no_text_by_themselves_in_a_table(self) -> None:
        assert ByteVocabulary().token_text(0xE2) == "<e2>"

    def test_lone_surrogates(self) -> None:
        with pytest.raises(InvalidValueError, match=r"^text: .*surrogates.*U\+D800\) at offset 2$"):
            ByteVocabulary().encode("ab\ud800")


class TestWordVocabulary:
    def test_tokens_are_words_signs_line_breaks_and_spaces(self) -> None:
        text = "It's  Ana's dog's bone,\n\n   'so' -- he said...\tक्या? «oui» 👩‍👧!\r\n "
        words = WordVocabulary.from_text(text, min_count=1)
        assert [words.decode([t]) for t in words.encode(text)] == [
            *("It's", " ", " Ana's", " dog's", " bone", ",", "\n", "\n", "  ", " '", "so", "'"),
            *(" --", " he", " said", "...", "\t", "क्या", "?", " «", "oui", "»", " 👩‍👧", "!"),
            *("\r", "\n", " "),
        ]

    def test_rare_words_are_unknown(self) -> None:
        vocabulary = WordVocabulary.from_text("a rose is a rose is a rose once")
        assert vocabulary.words == (" rose", " a", " is")
        assert vocabulary.unknown == 3
        tokens = vocabulary.encode("a rose is red")
        assert tokens.tolist() == [3, 0, 2, 3]
        assert vocabulary.decode(tokens) == "\ufffd rose is\ufffd"
        assert vocabulary.token_text(3) == "<unknown>"
        assert vocabulary.lengths.tolist() == [[5, 5], [2, 2], [3, 3], [1, 1]]

    def test_only_the_most_frequent(self) -> None:
        vocabulary = WordVocabulary.from_text("a b b c c c d d d d", min_count=1, size=2)
        assert vocabulary.words == (" d", " c")

    def test_without_a_line_break_the_start_is_the_first_word(self) -> None:
        assert WordVocabulary(["a", " b"]).start == 0

    def test_more_distinct_words_than_are_counted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("lstm.text.vocabularies.words._COUNTED", 50)
        chunks = (f" often word{i} often" for i in range(1000))
        assert WordVocabulary.from_chunks(chunks, size=1).words == (" often",)

    def test_a_run_that_never_ends_is_cut(self) -> None:
        vocabulary = WordVocabulary.from_chunks(iter(["x" * 2**20] * 3), min_count=1)
        assert sum(len(word) for word in vocabulary.words) <= 3 * 2**20

    def test_bad_arguments(self) -> None:
        with pytest.raises(InvalidValueError, match=r"^min_count: expected at most 1, .* got 2$"):
            WordVocabulary.from_text("all of these differ")
        with pytest.raises(InvalidValueError, match=r"^size: expected an integer of at least 1"):
            WordVocabulary.from_text("a a", size=0)
        with pytest.raises(InvalidValueError, match=r"^text: expected at least one character"):
            WordVocabulary.from_text("")
        with pytest.raises(
            InvalidValueError, match=r"^words: expected distinct words, got 'a' 2 t"
        ):
            WordVocabulary(["a", "b", "a"])
        with pytest.raises(InvalidValueError, match=r"^words: expected single tokens, got 'a b'"):
            WordVocabulary(["a b"])
        with pytest.raises(InvalidValueError, match=r"^words: .*surrogates"):
            WordVocabulary(["\ud800"])

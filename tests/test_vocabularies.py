"""Text to tokens and back, with every kind of vocabulary."""

import codecs
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
)

from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, MissingExtraError
from lstm.text import (
    BPEVocabulary,
    ByteVocabulary,
    CharVocabulary,
    LanguageModel,
    Vocabulary,
    WordVocabulary,
)
from lstm.text.names import names_a_file
from lstm.text.vocabularies import vocabulary_from_config

unicode_text = st.text(min_size=1).filter(lambda text: not names_a_file(text))
quick = settings(max_examples=50)

SCRIPTS = (
    "Ça va, naïve ﬁancée? It's 5 o'clock -- \"so\" it is.\r\n\r\n"
    "Привет,  мир!\tκαλημέρα κόσμε·\n\n"
    "नमस्ते दुनिया। สวัสดีชาวโลก שָׁלוֹם عَالَمٌ، مرحبا؟\n"
    "今日は、世界。한국어 e\u0301 👩‍👩‍👧‍👦 🇫🇷 ☀️ 𐍈𒀀 \u2028\x00\x1c\x85\ufeff\ufffd"
    "\u00a0 \u3000end  \n"
)
"""Several scripts, combining marks, emoji, line ends of all kinds and odd spaces."""

# Spaces and line breaks decide on where tokens begin, and would be rare among all of Unicode.
pieces = st.sampled_from(
    [*" \n\t\r.,'!a", "  ", "b c", "don't", "é", "नम", "👩‍👧", "\x1c", "\u00a0"]
)
texts = st.lists(st.one_of(pieces, st.text(max_size=4)), min_size=1).map("".join).filter(len)
texts = texts.filter(lambda text: not names_a_file(text))

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


class TestCharVocabulary:
    @given(unicode_text)
    def test_decode_undoes_encode_for_any_text(self, text: str) -> None:
        vocabulary = CharVocabulary.from_text(text)
        tokens = vocabulary.encode(text)
        assert tokens.shape == (len(text),)
        assert vocabulary.decode(tokens) == text

    @given(unicode_text)
    def test_tokens_are_positions_among_the_sorted_distinct_characters(self, text: str) -> None:
        vocabulary = CharVocabulary.from_text(text)
        distinct = sorted(set(text))
        assert vocabulary.characters == "".join(distinct)
        assert len(vocabulary) == len(distinct)
        assert vocabulary.encode(text).tolist() == [distinct.index(c) for c in text]

    @given(unicode_text)
    def test_config_survives_json(self, text: str) -> None:
        vocabulary = CharVocabulary.from_text(text)
        config = json.loads(json.dumps(vocabulary.to_config(), sort_keys=True))
        assert CharVocabulary.from_config(config) == vocabulary

    @given(unicode_text, st.text(min_size=1, max_size=1))
    def test_an_unseen_character_is_refused_wherever_it_stands(self, text: str, new: str) -> None:
        known = text.replace(new, "")
        if not known:
            return
        vocabulary = CharVocabulary.from_text(known)
        for offset in (0, len(known) // 2, len(known)):
            with pytest.raises(InvalidValueError, match=f"at offset {offset}$"):
                vocabulary.encode(known[:offset] + new + known[offset:])

    def test_encoded_tokens_are_int64(self) -> None:
        assert CharVocabulary("ab").encode("ba").dtype == np.int64

    def test_characters_keep_the_order_given(self) -> None:
        assert CharVocabulary("zay").encode("yaz").tolist() == [2, 1, 0]

    def test_empty_text_has_no_tokens(self) -> None:
        vocabulary = CharVocabulary("ab")
        assert vocabulary.encode("").shape == (0,)
        assert vocabulary.encode("").dtype == np.int64
        assert vocabulary.decode([]) == ""

    def test_decode_takes_any_whole_numbers(self) -> None:
        vocabulary = CharVocabulary("abc")
        assert vocabulary.decode(np.array([2, 0], dtype=np.uint8)) == "ca"
        assert vocabulary.decode(np.arange(6)[::3] // 2) == "ab"
        assert vocabulary.decode((1.0, 2.0)) == "bc"

    def test_the_message_names_the_unseen_character(self) -> None:
        vocabulary = CharVocabulary.from_text("Hello")
        with pytest.raises(InvalidValueError) as caught:
            vocabulary.encode("Hellö")
        assert str(caught.value) == (
            "text: expected only the 4 distinct characters of the vocabulary, "
            "got 'ö' (U+00F6) at offset 4"
        )

    @pytest.mark.parametrize("unseen", ["\x00", "c", "\xc5", "\ud800", "\U0010ffff"])
    def test_unseen_characters_at_the_edges_of_unicode(self, unseen: str) -> None:
        with pytest.raises(InvalidValueError, match=rf"U\+{ord(unseen):04X}\) at offset 1$"):
            CharVocabulary("ab").encode("a" + unseen)

    @pytest.mark.parametrize("token", [-1, 3])
    def test_decode_out_of_range(self, token: int) -> None:
        with pytest.raises(InvalidValueError, match=rf"tokens: .*\[0, 3\), got {token}"):
            CharVocabulary("abc").decode([0, token])

    def test_decode_refuses_what_is_no_sequence_of_integers(self) -> None:
        vocabulary = CharVocabulary("abc")
        with pytest.raises(InvalidShapeError, match="tokens"):
            vocabulary.decode([[0, 1]])
        with pytest.raises(InvalidShapeError, match="tokens"):
            vocabulary.decode(1)
        with pytest.raises(InvalidTypeError, match="tokens"):
            vocabulary.decode(["a"])
        with pytest.raises(InvalidValueError, match=r"tokens: .*0\.5"):
            vocabulary.decode([0.5])

    def test_empty_vocabulary(self) -> None:
        with pytest.raises(InvalidValueError, match="text: expected at least one character"):
            CharVocabulary.from_text("")
        with pytest.raises(InvalidValueError, match="characters: expected at least one character"):
            CharVocabulary("")

    def test_repeated_character(self) -> None:
        with pytest.raises(InvalidValueError, match=r"distinct characters, got 'a' \(U\+0061\)"):
            CharVocabulary("abca")

    def test_badly_decoded_text(self) -> None:
        text = b"caf\xe9".decode("utf-8", "surrogateescape")
        with pytest.raises(InvalidValueError, match=r"text: .*surrogates.*U\+DCE9\) at offset 3"):
            CharVocabulary.from_text(text)

    def test_bytes_are_no_text(self) -> None:
        data: Any = b"abc"
        with pytest.raises(InvalidTypeError, match="text: expected a str, got bytes"):
            CharVocabulary.from_text(data)
        with pytest.raises(InvalidTypeError, match="text: expected a str, got bytes"):
            CharVocabulary("abc").encode(data)
        with pytest.raises(InvalidTypeError, match="characters: expected a str, got bytes"):
            CharVocabulary(data)

    @pytest.mark.parametrize(
        "config",
        [
            {},
            {"kind": "keras_tokenizer", "characters": "abc"},
            {"kind": "characters"},
            {"kind": "characters", "characters": ["a", "b"]},
            {"kind": "characters", "characters": "aa"},
            "characters",
        ],
    )
    def test_foreign_or_damaged_config(self, config: Any) -> None:
        with pytest.raises(InvalidValueError):
            CharVocabulary.from_config(config)

    def test_rare_characters_share_the_unknown_token(self) -> None:
        vocabulary = CharVocabulary.from_text("banana☃", min_count=2)
        assert vocabulary == CharVocabulary("an", unknown=True)
        assert (len(vocabulary), vocabulary.unknown) == (3, 2)
        assert vocabulary.encode("ban☃\ud800\U0010ffff").tolist() == [2, 0, 1, 2, 2, 2]
        assert vocabulary.decode([0, 2, 1]) == "a\ufffdn"
        assert vocabulary.token_text(2) == "<unknown>"
        assert vocabulary.lengths.tolist() == [[1, 1], [1, 1], [1, 1]]
        assert repr(vocabulary) == "CharVocabulary(characters='an', unknown=True)"

    def test_there_is_an_unknown_token_only_if_a_character_is_rare(self) -> None:
        vocabulary = CharVocabulary.from_text("abab", min_count=2)
        assert vocabulary.unknown is None
        assert vocabulary.to_config() == {"kind": "characters", "characters": "ab"}
        assert vocabulary != CharVocabulary("ab", unknown=True)

    def test_bad_counts(self) -> None:
        with pytest.raises(InvalidValueError, match=r"^min_count: expected at most 3, .* got 4$"):
            CharVocabulary.from_text("banana", min_count=4)
        with pytest.raises(InvalidValueError, match=r"^min_count: expected an integer of at least"):
            CharVocabulary.from_text("banana", min_count=0)


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

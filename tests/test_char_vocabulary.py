"""The vocabulary of characters."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.text import (
    CharVocabulary,
)
from lstm.text.names import names_a_file

unicode_text = st.text(min_size=1).filter(lambda text: not names_a_file(text))


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

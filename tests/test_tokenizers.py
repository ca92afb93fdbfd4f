"""`Tokenizer` against the behaviour of Keras 2."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm.errors import InvalidTypeError, InvalidValueError, NotReadyError
from lstm.text import Tokenizer, tokenizer_from_json
from lstm.text.names import names_a_file

unicode_text = st.text(min_size=1).filter(lambda text: not names_a_file(text))


def fitted(*texts: str | list[str], **arguments: Any) -> Tokenizer:
    tokenizer = Tokenizer(**arguments)
    tokenizer.fit_on_texts(texts)
    return tokenizer


class TestTokenizer:
    """Expected values are those of Keras 2 where the name of a test does not say otherwise."""

    def test_words_rank_by_frequency_then_first_appearance(self) -> None:
        tokenizer = fitted("b a c", "c b d d d")
        assert tokenizer.word_index == {"d": 1, "b": 2, "c": 3, "a": 4}
        assert tokenizer.index_word == {1: "d", 2: "b", 3: "c", 4: "a"}
        assert tokenizer.word_counts == {"b": 2, "a": 1, "c": 2, "d": 3}
        assert list(tokenizer.word_counts) == ["b", "a", "c", "d"]
        assert tokenizer.document_count == 2

    def test_punctuation_is_filtered_but_not_the_apostrophe(self) -> None:
        tokenizer = fitted("Don't (ever) say:\tnever-\nmind!!  3.5")
        assert list(tokenizer.word_index) == ["don't", "ever", "say", "never", "mind", "3", "5"]

    def test_without_filters_and_lowering(self) -> None:
        tokenizer = fitted("A a. a\nb", filters="", lower=False)
        assert list(tokenizer.word_index) == ["A", "a.", "a\nb"]

    def test_own_separator(self) -> None:
        tokenizer = fitted("x y,z||w", split="||", filters=",")
        assert list(tokenizer.word_index) == ["x y", "z", "w"]

    def test_lists_of_tokens_are_lowered_but_neither_split_nor_filtered(self) -> None:
        tokenizer = fitted(["New York", "!", "new york"])
        assert tokenizer.word_index == {"new york": 1, "!": 2}
        assert tokenizer.texts_to_sequences([["NEW YORK", "!"]]) == [[1, 2]]

    def test_characters_are_lowered_but_not_filtered(self) -> None:
        tokenizer = fitted("Ab, a\n", char_level=True)
        assert tokenizer.word_index == {"a": 1, "b": 2, ",": 3, " ": 4, "\n": 5}
        assert tokenizer.texts_to_sequences(["B\na"]) == [[2, 5, 1]]
        assert tokenizer.sequences_to_texts([[2, 1]]) == ["b a"]

    def test_with_characters_one_string_is_one_text_per_character(self) -> None:
        tokenizer = Tokenizer(char_level=True)
        tokenizer.fit_on_texts("abba")
        assert tokenizer.document_count == 4
        assert tokenizer.texts_to_sequences("ba") == [[2], [1]]

    def test_unseen_words_are_dropped(self) -> None:
        assert fitted("a b").texts_to_sequences(["a x b", "x", ""]) == [[1, 2], [], []]

    def test_oov_token_takes_index_1_and_stands_for_unseen_words(self) -> None:
        tokenizer = fitted("b b a", oov_token="<OOV>")
        assert tokenizer.word_index == {"<OOV>": 1, "b": 2, "a": 3}
        assert tokenizer.texts_to_sequences(["a x b"]) == [[3, 1, 2]]

    def test_num_words_keeps_smaller_indices_only(self) -> None:
        tokenizer = fitted("a a a b b c", num_words=3)
        assert len(tokenizer.word_index) == 3
        assert tokenizer.texts_to_sequences(["c b a"]) == [[2, 1]]
        assert tokenizer.sequences_to_texts([[3, 2, 1]]) == ["b a"]

    def test_num_words_with_oov_token(self) -> None:
        tokenizer = fitted("a a a b b c", num_words=3, oov_token="?")
        assert tokenizer.texts_to_sequences(["c b a"]) == [[1, 1, 2]]
        assert tokenizer.sequences_to_texts([[3, 2, 9]]) == ["? a ?"]

    def test_num_words_may_be_changed_after_fitting(self) -> None:
        tokenizer = fitted("a a b")
        tokenizer.num_words = 2
        assert tokenizer.texts_to_sequences(["a b"]) == [[1]]

    def test_an_oov_token_that_is_also_a_word_keeps_index_1(self) -> None:
        # Keras gives it the later index and leaves 1 without a word.
        tokenizer = fitted("unk a a unk unk", oov_token="unk")
        assert tokenizer.word_index == {"unk": 1, "a": 2}
        assert tokenizer.texts_to_sequences(["unk a new"]) == [[1, 2, 1]]

    def test_sequences_to_texts_skips_padding_and_unknown_indices(self) -> None:
        tokenizer = fitted("a b")
        assert tokenizer.sequences_to_texts([[0, 0, 1, 2, 9], []]) == ["a b", ""]
        assert tokenizer.sequences_to_texts(np.array([[0, 2], [2, 1]])) == ["b", "b a"]

    def test_sequences_to_texts_with_oov_token(self) -> None:
        assert fitted("a b", oov_token="?").sequences_to_texts([[0, 1, 2, 9]]) == ["? ? a ?"]

    def test_fitting_again_goes_on_counting(self) -> None:
        tokenizer = fitted("a b b")
        tokenizer.fit_on_texts(["a a c"])
        assert tokenizer.word_index == {"a": 1, "b": 2, "c": 3}
        assert tokenizer.document_count == 2

    def test_texts_may_come_from_a_generator(self) -> None:
        tokenizer = Tokenizer()
        tokenizer.fit_on_texts(line for line in ["a b", "b"])
        assert tokenizer.texts_to_sequences(line for line in ["a", "b"]) == [[2], [1]]

    @given(st.lists(st.lists(st.sampled_from(["a", "b", "cd", "e'f"]), min_size=1), min_size=1))
    def test_known_words_come_back(self, texts: list[list[str]]) -> None:
        joined = [" ".join(words) for words in texts]
        tokenizer = fitted(*joined)
        sequences = tokenizer.texts_to_sequences(joined)
        assert tokenizer.sequences_to_texts(sequences) == joined
        assert fitted(*texts).word_index == tokenizer.word_index
        counts = [tokenizer.word_counts[word] for word in tokenizer.word_index]
        assert counts == sorted(counts, reverse=True)

    @given(
        st.lists(unicode_text, min_size=1),
        st.booleans(),
        st.booleans(),
        st.sampled_from([None, "?"]),
        st.sampled_from([None, 2]),
    )
    def test_config_survives_json(
        self, texts: list[str], char_level: bool, lower: bool, oov: str | None, kept: int | None
    ) -> None:
        tokenizer = fitted(
            *texts, "a", char_level=char_level, lower=lower, oov_token=oov, num_words=kept
        )
        config = json.loads(json.dumps(tokenizer.to_config(), sort_keys=True))
        copy = Tokenizer.from_config(config)
        assert copy.to_config() == tokenizer.to_config()
        assert list(copy.word_index.items()) == list(tokenizer.word_index.items())
        assert copy.texts_to_sequences(texts) == tokenizer.texts_to_sequences(texts)

    def test_a_copy_can_be_fitted_further(self) -> None:
        tokenizer = fitted("a b")
        copy = Tokenizer.from_config(tokenizer.to_config())
        for each in (tokenizer, copy):
            each.fit_on_texts(["b c"])
        assert copy.to_config() == tokenizer.to_config()

    def test_the_generation_loop_of_the_seed(self) -> None:
        tokenizer = fitted("one two three")
        token_list = tokenizer.texts_to_sequences(["One two"])[0]
        predicted = np.array([token_list[-1] + 1])
        words = [word for word, index in tokenizer.word_index.items() if index == predicted]
        assert words == ["three"]

    def test_use_before_fitting(self) -> None:
        with pytest.raises(NotReadyError, match="fit_on_texts"):
            Tokenizer().texts_to_sequences(["a"])
        with pytest.raises(NotReadyError, match="fit_on_texts"):
            Tokenizer().sequences_to_texts([[1]])

    def test_one_string_is_no_list_of_texts(self) -> None:
        with pytest.raises(InvalidTypeError, match="texts: expected a list of texts, got 'a b'"):
            Tokenizer().fit_on_texts("a b")
        with pytest.raises(InvalidTypeError, match="texts: expected a list of texts, got 'a b'"):
            fitted("a b").texts_to_sequences("a b")

    def test_a_message_does_not_quote_a_whole_book(self) -> None:
        with pytest.raises(InvalidTypeError) as caught:
            Tokenizer().fit_on_texts("a b " * 100_000)
        assert len(str(caught.value)) < 100

    @pytest.mark.parametrize("texts", [None, 3, [None], [3], [b"a"], [["a", 3]], ["a", 3]])
    def test_texts_of_a_wrong_type_change_nothing(self, texts: Any) -> None:
        tokenizer = fitted("a b b")
        before = tokenizer.to_config()
        with pytest.raises(InvalidTypeError, match="texts"):
            tokenizer.fit_on_texts(texts)
        assert tokenizer.to_config() == before

    def test_no_texts(self) -> None:
        with pytest.raises(InvalidValueError, match="texts: expected at least one text"):
            Tokenizer().fit_on_texts([])

    @pytest.mark.parametrize("sequences", [[1, 2], [["a"]], [[1.5]], [None]])
    def test_sequences_of_a_wrong_type(self, sequences: Any) -> None:
        with pytest.raises(InvalidTypeError, match="sequences"):
            fitted("a b").sequences_to_texts(sequences)

    @pytest.mark.parametrize(
        ("argument", "value"),
        [
            ("num_words", 0),
            ("num_words", 2.5),
            ("filters", None),
            ("lower", "yes"),
            ("split", ""),
            ("split", None),
            ("char_level", 2),
            ("oov_token", ""),
            ("oov_token", 1),
        ],
    )
    def test_bad_arguments_are_named(self, argument: str, value: Any) -> None:
        with pytest.raises(InvalidValueError, match=f"^{argument}: expected"):
            Tokenizer(**{argument: value})

    @pytest.mark.parametrize(
        "damage",
        [
            {"kind": "characters"},
            {"num_words": -1},
            {"document_count": -1},
            {"word_counts": 3},
            {"word_counts": ["a"]},
            {"word_counts": [["a"]]},
            {"word_counts": [["a", 0]]},
            {"word_counts": [[3, 1]]},
            {"word_docs": [["a", 0]]},
            {"word_docs": [["z", 1]]},
        ],
    )
    def test_damaged_config(self, damage: dict[str, Any]) -> None:
        with pytest.raises(InvalidValueError):
            Tokenizer.from_config(fitted("a b").to_config() | damage)

    @pytest.mark.parametrize("key", sorted(Tokenizer().to_config().keys() - {"word_docs"}))
    def test_incomplete_config(self, key: str) -> None:
        config = fitted("a b").to_config()
        del config[key]
        with pytest.raises(InvalidValueError, match=key):
            Tokenizer.from_config(config)


class TestMatrices:
    @pytest.mark.parametrize(
        ("mode", "row"),
        [
            ("binary", [0, 1, 0, 1]),
            ("count", [0, 2, 0, 1]),
            ("freq", [0, 2 / 3, 0, 1 / 3]),
            # a and c are in one of two texts each.
            ("tfidf", [0, (1 + np.log(2)) * np.log(2), 0, np.log(2)]),
        ],
    )
    def test_a_number_for_each_word(self, mode: str, row: list[float]) -> None:
        tokenizer = fitted("a b a", "b c")
        assert tokenizer.index_docs == {1: 1, 2: 2, 3: 1}
        np.testing.assert_allclose(tokenizer.texts_to_matrix(["a a c d", ""], mode)[0], row)
        np.testing.assert_array_equal(tokenizer.texts_to_matrix([""], mode), np.zeros((1, 4)))

    def test_words_beyond_num_words_have_no_column(self) -> None:
        tokenizer = fitted("a a a b b c", num_words=3)
        np.testing.assert_array_equal(tokenizer.sequences_to_matrix([[1, 2, 3, 9]]), [[0, 1, 1]])

    def test_bad_input(self) -> None:
        with pytest.raises(NotReadyError):
            Tokenizer().texts_to_matrix(["a"])
        with pytest.raises(InvalidValueError, match=r"^mode: "):
            fitted("a").texts_to_matrix(["a"], "often")
        with pytest.raises(InvalidTypeError, match=r"^sequences: "):
            fitted("a").sequences_to_matrix([[0.5]])  # type: ignore[list-item]
        with pytest.raises(InvalidTypeError, match=r"^sequences: expected a list of sequences"):
            fitted("a").sequences_to_matrix([1])  # type: ignore[list-item]

    def test_a_number_of_words_needs_no_text(self) -> None:
        found = Tokenizer(num_words=3).sequences_to_matrix([[1, 1, 2, 7], []], "count")
        np.testing.assert_array_equal(found, [[0, 2, 1], [0, 0, 0]])
        with pytest.raises(NotReadyError):
            Tokenizer(num_words=3).sequences_to_matrix([[1]], "tfidf")

    def test_a_config_from_before_texts_were_counted(self) -> None:
        config = fitted("a b a", "b c").to_config()
        del config["word_docs"]
        tokenizer = Tokenizer.from_config(config)
        assert tokenizer.texts_to_matrix(["a"], "count").tolist() == [[0, 1, 0, 0]]
        tokenizer.fit_on_texts(["a b c"])  # It does not tell of those before.
        for each in (tokenizer, Tokenizer.from_config(tokenizer.to_config())):
            with pytest.raises(NotReadyError, match="tfidf needs in how many texts"):
                each.texts_to_matrix(["a"], "tfidf")


class TestJSON:
    def test_is_read_again(self) -> None:
        tokenizer = fitted("a b a", "b C", oov_token="?", num_words=3, lower=False)
        copy = tokenizer_from_json(tokenizer.to_json())
        assert copy.to_config() == tokenizer.to_config()
        assert copy.index_word == tokenizer.index_word

    def test_has_the_form_of_keras(self) -> None:
        saved = json.loads(fitted("a b a").to_json())
        assert saved["class_name"] == "Tokenizer"
        assert json.loads(saved["config"]["word_counts"]) == {"a": 2, "b": 1}
        assert json.loads(saved["config"]["index_word"]) == {"1": "a", "2": "b"}

    @pytest.mark.parametrize("damaged", ["", "[]", "{}", '{"config": {}}', 3])
    def test_anything_else_is_refused(self, damaged: Any) -> None:
        with pytest.raises((InvalidTypeError, InvalidValueError), match=r"^json_string: "):
            tokenizer_from_json(damaged)

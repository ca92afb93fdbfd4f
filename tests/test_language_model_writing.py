"""LanguageModel: the text that it writes, in any script, and bad input."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from language_cases import TEXT, probabilities, small
from lstm import LanguageModel
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.text import CharVocabulary


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return small()


class TestWriting:
    def test_the_prompt_and_as_many_characters_as_asked(self, model: LanguageModel) -> None:
        for prompt, length in (("the ", 50), ("", 7), ("a", 1), ("red", 0), (TEXT, 33)):
            written = model.generate(prompt, length, seed=0)
            assert written.startswith(prompt)
            assert len(written) == len(prompt) + length
            assert set(written) <= set(TEXT)

    def test_at_temperature_0_always_the_most_probable(self, model: LanguageModel) -> None:
        expected = prompt = "the apple "
        for _ in range(70):
            best = probabilities(model, expected)[-1].argmax()
            expected += model.vocabulary.decode([best])
        assert model.generate(prompt, 70, temperature=0) == expected
        assert model.generate(prompt, 70, temperature=0, seed=9) == expected
        assert model.generate(prompt, 70, top_k=1, seed=3) == expected
        assert model.generate(prompt, 70, top_p=1e-9, seed=3) == expected

    @pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
    def test_characters_are_as_frequent_as_probable(
        self, model: LanguageModel, temperature: float
    ) -> None:
        prompt, draws = "the red a", 600
        p = probabilities(model, prompt)[-1] ** (1 / temperature)
        p /= p.sum()
        drawn = [
            model.generate(prompt, 1, temperature=temperature, seed=k)[-1] for k in range(draws)
        ]
        counts = np.array([drawn.count(c) for c in model.vocabulary.characters])
        # Five standard deviations.
        assert (abs(counts - draws * p) <= 5 * np.sqrt(draws * p * (1 - p)) + 1).all()
        assert len(set(drawn)) > 1

    def test_top_k_takes_one_of_the_most_probable(self, model: LanguageModel) -> None:
        text = model.generate("the ", 150, temperature=3.0, top_k=3, seed=0)
        p = probabilities(model, text)
        ranks = [
            int((row > row[token]).sum())
            for row, token in zip(p[3:-1], model.vocabulary.encode(text)[4:], strict=True)
        ]
        assert set(ranks) == {0, 1, 2}

    def test_top_p_takes_one_of_the_most_probable_that_reach_it(self, model: LanguageModel) -> None:
        text = model.generate("the ", 150, temperature=1.0, top_p=0.6, seed=0)
        p = probabilities(model, text)
        before = [
            row[row > row[token]].sum()
            for row, token in zip(p[3:-1], model.vocabulary.encode(text)[4:], strict=True)
        ]
        # Those that are more probable do not reach 0.6 without it.
        assert max(before) < 0.6 + 1e-5
        assert max(before) > 0.2

    def test_as_many_choices_as_there_are_is_no_limit(self, model: LanguageModel) -> None:
        expected = model.generate("the ", 40, seed=4)
        for top_k in (len(model.vocabulary), 10**6):
            assert model.generate("the ", 40, top_k=top_k, seed=4) == expected

    def test_a_prompt_of_any_length_counts_as_a_whole(self, model: LanguageModel) -> None:
        prompt = TEXT[-700:-3]
        best = probabilities(model, prompt)[-1].argmax()
        assert model.generate(prompt, 1, temperature=0)[-1] == model.vocabulary.decode([best])
        # What stood long ago can matter: a state that saw nothing of it gives other numbers.
        ends = [probabilities(model, text)[-1] for text in ("\n", prompt + "\n")]
        assert (ends[0] != ends[1]).any()

    def test_without_a_prompt_a_line_begins(self, model: LanguageModel) -> None:
        assert model.generate("", 40, seed=2) == model.generate("\n", 40, seed=2)[1:]
        for characters, first in (("\t\nab", "\n"), ("abc", "a")):
            made = LanguageModel.create(CharVocabulary(characters), hidden=3, seed=0)
            assert made.generate("", 9, seed=2) == made.generate(first, 9, seed=2)[1:]

    def test_a_stream_is_the_same_text_in_pieces(self, model: LanguageModel) -> None:
        options: dict[str, Any] = {"temperature": 0.9, "top_k": 9, "top_p": 0.95, "seed": 7}
        pieces = list(model.stream("the ", 100, **options))
        assert "the " + "".join(pieces) == model.generate("the ", 100, **options)
        assert len(pieces) > 2
        assert list(model.stream("the ", 0)) == []

    def test_a_shorter_text_is_the_beginning_of_a_longer(self, model: LanguageModel) -> None:
        longest = model.generate("a", 100, seed=3)
        for length in (1, 31, 32, 33, 64, 99):
            assert model.generate("a", length, seed=3) == longest[: length + 1]

    def test_a_seed_fixes_the_text(self, model: LanguageModel) -> None:
        assert model.generate(length=60, seed=1) == model.generate(length=60, seed=1)
        assert model.generate(length=60, seed=1) != model.generate(length=60, seed=2)
        assert model.generate(length=60) != model.generate(length=60)

    def test_writing_changes_nothing(self, model: LanguageModel) -> None:
        before = [w.copy() for w in model.model.get_weights()]
        first = model.generate("the ", 50, temperature=0)
        model.generate("sour ", 50)
        assert model.generate("the ", 50, temperature=0) == first
        for w, v in zip(model.model.get_weights(), before, strict=True):
            assert_array_equal(w, v)

    def test_through_several_layers(self) -> None:
        made = LanguageModel.create(
            CharVocabulary.from_text(TEXT), hidden=12, layers=3, dropout=0.4, seed=0
        )
        made.fit(TEXT, epochs=1)
        expected = "sweet"
        for _ in range(20):
            best = probabilities(made, expected)[-1].argmax()
            expected += made.vocabulary.decode([best])
        assert made.generate("sweet", 20, temperature=0) == expected


@pytest.mark.parametrize(
    "line",
    [
        "Съешь же ещё этих мягких французских булок.\n",
        "نص حكيم له سر قاطع وذو شأن عظيم\n",
        "דג סקרן שט בים מאוכזב\n",
        "天地玄黄 宇宙洪荒。\n",
        "いろはにほへと ちりぬるを\n",
        "ऋषियों को सताने वाले दुष्ट राक्षसों\n",
        "e\u0301 and \u00e9 are two: a\u0308 \u00e4\n",
        "\U0001f469\u200d\U0001f467 \U0001f3f3\ufe0f\u200d\U0001f308 \U0001f44d\U0001f3fd 🧬\n",
        "𓂀𓆣 𐍈 \U0010ffff\n",
        "tab\tnul\0bell\x07 \u2028 \u200b \ufeff\n",
    ],
    ids=[
        "Cyrillic",
        "Arabic",
        "Hebrew",
        "Chinese",
        "Japanese",
        "Devanagari",
        "combining",
        "emoji",
        "beyond 16 bits",
        "control",
    ],
)
def test_texts_of_every_script(line: str, tmp_path: Path) -> None:
    corpus = line * 30
    made = LanguageModel.train(corpus, hidden=4, seq_len=8, epochs=1, seed=0)
    made.save(tmp_path / "model.safetensors")
    loaded = LanguageModel.load(tmp_path / "model.safetensors")
    assert set(loaded.vocabulary.characters) == set(corpus)
    written = loaded.generate(line, 20, seed=0)
    assert written == made.generate(line, 20, seed=0)
    assert written.startswith(line)
    assert len(written) == len(line) + 20
    assert loaded.evaluate(corpus).characters == len(corpus) - 1


class TestBadInput:
    @pytest.mark.parametrize(
        ("corpus", "kind", "message"),
        [
            ("", InvalidValueError, "corpus: expected a text that is not empty"),
            ("a short text", InvalidShapeError, "corpus: expected at least 65 tokens"),
            (TEXT.encode(), InvalidTypeError, "corpus: expected a text, or Paths .* got bytes"),
            (None, InvalidTypeError, "corpus: expected a text, or Paths of files, got NoneType"),
            (TEXT + "\udcff", InvalidValueError, "corpus: expected text without lone surrogates"),
        ],
    )
    def test_texts(self, corpus: Any, kind: type[Exception], message: str) -> None:
        with pytest.raises(kind, match=f"^{message}"):
            LanguageModel.train(corpus, hidden=2)

    @pytest.mark.parametrize("corpus", ["", "t", 3, "the maté"])
    def test_texts_to_judge(self, model: LanguageModel, corpus: Any) -> None:
        with pytest.raises(InvalidValueError, match=r"^corpus: expected"):
            model.evaluate(corpus)

    def test_another_text_with_other_characters(self, model: LanguageModel) -> None:
        before, record = model.model.get_weights(), model.history
        with pytest.raises(InvalidValueError, match=r"^corpus: .* got 'é' \(U\+00E9\) at offset 3"):
            model.fit("maté" * 100)
        for w, v in zip(model.model.get_weights(), before, strict=True):
            assert_array_equal(w, v)
        assert model.history is record

    @pytest.mark.parametrize(
        ("option", "values"),
        [
            ("hidden", [0, 1.5, "8"]),
            ("layers", [0, None]),
            ("embedding", [0, -3]),
            ("dropout", [1.0, -0.1, math.nan]),
            ("seed", [-1, 0.5]),
            ("backend", ["cuda", 3]),
            ("seq_len", [0, 2.0]),
            ("batch_size", [0, True]),
            ("epochs", [0, 1.0]),
            ("minutes", [0, -1, math.nan, math.inf, "2"]),
            ("lr", [0, -0.1, math.nan, math.inf]),
            ("val_fraction", [1.0, -0.1, 1e-4]),
            ("verbose", [3]),
            ("callbacks", [3, ["bar"]]),
        ],
    )
    def test_options_of_training(self, option: str, values: list[Any]) -> None:
        for value in values:
            with pytest.raises(InvalidValueError, match=f"^{option}: expected"):
                LanguageModel.train(TEXT, **{"hidden": 2, option: value})

    @pytest.mark.parametrize("vocabulary", ["abc", None, 5])
    def test_vocabularies(self, vocabulary: Any) -> None:
        with pytest.raises(InvalidTypeError, match=r"^vocabulary: expected a Vocabulary"):
            LanguageModel.create(vocabulary)

    @pytest.mark.parametrize("write", [LanguageModel.generate, LanguageModel.stream])
    @pytest.mark.parametrize(
        ("option", "values"),
        [
            ("prompt", ["the maté", 3, None]),
            ("length", [-1, 1.5]),
            ("temperature", [-0.1, math.nan, math.inf, "hot"]),
            ("top_k", [-1, 2.5]),
            ("top_p", [0.0, 1.1, math.nan]),
            ("seed", [-1, "x"]),
        ],
    )
    def test_options_of_writing(
        self, model: LanguageModel, write: Callable[..., Any], option: str, values: list[Any]
    ) -> None:
        # A stream refuses them when it is made, not when it is read.
        for value in values:
            with pytest.raises(InvalidValueError, match=f"^{option}: expected"):
                write(model, **{option: value})

    def test_an_unknown_character_is_shown(self, model: LanguageModel) -> None:
        with pytest.raises(InvalidValueError) as caught:
            model.generate("the maté")
        assert "'é' (U+00E9) at offset 7" in str(caught.value)


def test_the_most_extreme_temperatures(model: LanguageModel) -> None:
    assert model.generate("the ", 20, temperature=1e-300, seed=0) == model.generate(
        "the ", 20, temperature=0
    )
    hot = model.generate("the ", 400, temperature=1e300, seed=0)[4:]
    # All characters are equally probable.
    expected = len(hot) / len(model.vocabulary)
    assert set(hot) == set(model.vocabulary.characters)
    assert max(hot.count(c) for c in set(hot)) < 3 * expected

"""Prompts that end with a space, where a token is a word with the space before it."""

import json
import math
from ast import literal_eval
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from typer.testing import CliRunner

from lstm import LanguageModel, inspection
from lstm.cli import app
from lstm.text import (
    BPEVocabulary,
    ByteVocabulary,
    CharVocabulary,
    Vocabulary,
    WordVocabulary,
    Writer,
)
from tolerances import assert_close

PROMPT = "the red "
RNG = np.random.default_rng(0)
CHOICES = ("the a", "red green blue", "apple melon pear", "is was", "sweet sour")
TEXT = "".join(
    " ".join(str(RNG.choice(words.split())) for words in CHOICES) + ".\n" for _ in range(160)
)
"""After a colour comes a fruit, but which one is open."""


def word_piece() -> BPEVocabulary:
    """As BERT's: its tokens have no spaces, and what it decodes has one before each word."""
    tokens = ["[UNK]", *" ".join(CHOICES).split(), ".", "##s"]
    model = models.WordPiece({token: i for i, token in enumerate(tokens)}, unk_token="[UNK]")
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return BPEVocabulary(tokenizer.to_str())


VOCABULARIES: dict[str, Vocabulary] = {
    "words": WordVocabulary.from_text(TEXT, min_count=1),
    "bpe": BPEVocabulary.from_text(TEXT, size=300),
    "WordPiece": word_piece(),
}


@pytest.fixture(scope="module", params=VOCABULARIES)
def model(request: pytest.FixtureRequest) -> LanguageModel:
    made = LanguageModel.create(VOCABULARIES[request.param], hidden=24, seed=1)
    made.fit(TEXT, seq_len=8, epochs=12, lr=0.01)
    return made


def next_tokens(model: LanguageModel, before: str) -> NDArray[Any]:
    """p of the tokens after a text that begin with a space or are unknown, among all of these."""
    p = model.model.predict(model.vocabulary.encode(before)[None])[0, -1].astype(np.float64)
    vocabulary = model.vocabulary
    p *= [vocabulary.decode([t])[:1] == " " or t == vocabulary.unknown for t in range(len(p))]
    return p / p.sum()


def next_words(model: LanguageModel, before: str) -> NDArray[Any]:
    """The same, without the unknown token, which is never written."""
    p = next_tokens(model, before)
    p[[] if model.vocabulary.unknown is None else model.vocabulary.unknown] = 0
    return p / p.sum()


def text_of(model: LanguageModel, token: int) -> str:
    return model.vocabulary.decode([token])[1:]


class TestTokens:
    def test_the_space_is_left_to_the_next_word(self, model: LanguageModel) -> None:
        vocabulary = model.vocabulary
        for text, head in (
            ("the red ", "the red"),
            (" ", ""),
            ("the  ", "the "),
            ("a.\n ", "a.\n"),
        ):
            tokens, space = vocabulary.encode_open(text)
            assert_array_equal(tokens, vocabulary.encode(head))
            assert space
        for text in ("the red", "the red\n", "the\t", "the\u00a0", ""):
            tokens, space = vocabulary.encode_open(text)
            assert_array_equal(tokens, vocabulary.encode(text))
            assert not space

    @pytest.mark.parametrize(
        "vocabulary",
        [
            CharVocabulary.from_text(TEXT),
            ByteVocabulary(),
            WordVocabulary(["the", " "]),
            BPEVocabulary.from_text("the", size=256),
        ],
    )
    def test_where_no_word_begins_with_it_it_is_a_token(self, vocabulary: Vocabulary) -> None:
        tokens, space = vocabulary.encode_open("the ")
        assert_array_equal(tokens, vocabulary.encode("the "))
        assert vocabulary.decode(tokens) == "the "
        assert not space


class TestWriting:
    def test_no_word_is_lost_and_none_changed(self, model: LanguageModel) -> None:
        expected = model.generate("the red", 12, temperature=0)
        assert expected.startswith(PROMPT)
        assert model.generate(PROMPT, 12, temperature=0) == expected
        assert "".join(model.stream(PROMPT, 12, temperature=0)) == expected[len(PROMPT) :]
        assert model.generate(PROMPT, 0) == PROMPT

    def test_the_first_word_is_as_probable_as_after_the_words_before(
        self, model: LanguageModel
    ) -> None:
        p, draws = next_words(model, "the red"), 400
        drawn = model.generate(PROMPT, 1, seed=0, samples=draws)
        counts = np.zeros(len(p))
        tokens = {PROMPT + text_of(model, token): token for token in np.flatnonzero(p)}
        for text in drawn:
            counts[tokens[text]] += 1
        assert (abs(counts - draws * p) <= 5 * np.sqrt(draws * p * (1 - p)) + 1).all()
        assert (counts > 0).sum() > 2

    def test_options_hold_for_it(self, model: LanguageModel) -> None:
        p = next_words(model, "the red")
        best = {PROMPT + text_of(model, token) for token in np.argsort(-p)[:2]}
        assert set(model.generate(PROMPT, 1, temperature=2.0, top_k=2, seed=0, samples=40)) == best

    @pytest.mark.parametrize("parts", [[20], [1] * 20, [0, 1, 19], [7, 13]])
    def test_parts_samples_and_saves_change_nothing(
        self, model: LanguageModel, parts: list[int], tmp_path: Path
    ) -> None:
        options: dict[str, Any] = {"temperature": 1.2, "repetition_penalty": 1.1}
        expected = [model.generate(PROMPT, 20, seed=seed, **options) for seed in (5, 6)]
        writer = model.writer(PROMPT, seed=5, samples=2, **options)
        texts = [PROMPT] * 2
        for length in parts:
            writer.save(tmp_path / "writer")
            writer = Writer.load(tmp_path / "writer", model).copy()
            texts = [a + b for a, b in zip(texts, writer.write(length), strict=True)]
        assert texts == expected

    def test_reading_word_by_word_is_reading_the_whole(self, model: LanguageModel) -> None:
        whole, parts = model.writer("the red melon was", seed=2), model.writer("the ", seed=2)
        for text in ("red ", "melon", " ", "was", ""):
            parts.read(text)
        assert parts.write(20) == whole.write(20)

    def test_proposals_begin_with_the_word(self, model: LanguageModel) -> None:
        proposals = model.writer(PROMPT, seed=0).propose(3)
        assert not any(text.startswith(" ") for text in proposals)
        writer = model.writer(PROMPT, temperature=0)
        writer.read("melon ")
        expected = model.generate("the red melon", 8, temperature=0)
        assert "the red melon " + writer.write(8)[0] == expected

    def test_stop_strings_come_after_it(self, model: LanguageModel) -> None:
        whole = model.generate(PROMPT, 12, temperature=0)
        word = whole[len(PROMPT) :].split()[0]
        assert model.generate(PROMPT, 12, temperature=0, stop=word) == PROMPT
        assert model.beam(PROMPT, 12, 1, stop=word).text == PROMPT
        before = model.generate(PROMPT, 12, temperature=0, stop=" " + word)
        assert len(before) > len(PROMPT)


class TestProbabilities:
    def test_are_those_after_the_words_before(self, model: LanguageModel) -> None:
        p = next_tokens(model, "the red")
        for text in ("apple", "melon", "pear"):
            (token,) = model.vocabulary.encode(" " + text)
            ((shown, log_p),) = model.log_probabilities(text, PROMPT)
            assert shown == text
            assert_close(log_p, math.log(p[token]), "lstm", terms=8, dtype="float32")
        assert model.log_probabilities("", PROMPT) == []

    def test_together_are_that_of_the_beam(self, model: LanguageModel) -> None:
        text, log_p = model.beam(PROMPT, 5, 3)
        logs = model.log_probabilities(text.removeprefix(PROMPT), PROMPT)
        assert "".join(token for token, _ in logs) == text.removeprefix(PROMPT)
        assert_close(log_p, sum(log for _, log in logs), "lstm", terms=40, dtype="float32")
        assert model.beam(PROMPT, 12, 1).text == model.generate(PROMPT, 12, temperature=0)

    def test_a_context_that_is_explained(self, model: LanguageModel) -> None:
        whole, ending = (inspection.saliency(model, text) for text in ("the red", PROMPT))
        best = int(next_tokens(model, "the red").argmax())
        assert ending.target == model.vocabulary.decode([best])
        assert ending.pieces == whole.pieces
        named = inspection.saliency(model, PROMPT, text_of(model, best))
        assert named.target == ending.target
        assert_array_equal(named.values, ending.values)


class TestCommand:
    @pytest.fixture
    def command(
        self, model: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> list[str]:
        monkeypatch.chdir(tmp_path)
        model.save("model")
        return ["generate", "model", "--prompt", PROMPT, "--temperature", "0"]

    def test_shows_the_words(self, command: list[str], model: LanguageModel) -> None:
        expected = model.generate(PROMPT, 6, temperature=0)
        shown = CliRunner().invoke(app, [*command, "--length", "6", "--log-probs"]).stdout
        assert shown.startswith(expected + "\n")
        assert "<unknown>" not in shown
        found = CliRunner().invoke(app, [*command, "--length", "6", "--log-probs", "--json"]).stdout
        logs = model.log_probabilities(expected.removeprefix(PROMPT), PROMPT)
        assert json.loads(found)["log_probabilities"] == [entry._asdict() for entry in logs]

    def test_word_by_word(self, command: list[str], model: LanguageModel) -> None:
        result = CliRunner().invoke(app, [*command, "--interactive"], input="1\nmelon \n")
        first = literal_eval(result.stdout.split("\n  1  ")[1].split("\n")[0])
        assert model.generate("the red", 12, temperature=0).startswith(PROMPT + first)
        assert result.stdout.endswith(f"\n{PROMPT}{first}melon \n")


def test_an_unknown_word_may_follow() -> None:
    made = LanguageModel.create(WordVocabulary.from_text(TEXT, size=5), hidden=8, seed=0)
    p = next_tokens(made, "the red")
    assert 0 < p[made.vocabulary.unknown] < 1
    ((_, log_p),) = made.log_probabilities("zebra", PROMPT)
    assert_close(log_p, math.log(p[made.vocabulary.unknown]), "lstm", terms=8, dtype="float32")
    assert "\ufffd" not in made.generate(PROMPT, 30, seed=0)

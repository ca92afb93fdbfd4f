"""Beam search against all texts there are, and log-probabilities against the model itself."""

import math
from itertools import product
from typing import Any

import numpy as np
import pytest

from language_cases import TEXT, probabilities, small
from lstm import LanguageModel
from lstm.errors import InvalidValueError
from lstm.text import ByteVocabulary, CharVocabulary, WordVocabulary
from tolerances import assert_close


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return small()


def tiny(seed: int) -> LanguageModel:
    """Three characters, and weights so large that what comes depends on what came."""
    made = LanguageModel.create(CharVocabulary("ab."), hidden=5, seed=seed)
    made.model.set_weights([4 * w for w in made.model.get_weights()])
    return made


def log_probability(model: LanguageModel, text: str, prompt: str) -> float:
    """Of a text after a prompt, from the probabilities of the whole sequence."""
    p, tokens = probabilities(model, prompt + text), model.vocabulary.encode(text)
    return sum(math.log(p[len(prompt) + k - 1, token]) for k, token in enumerate(tokens))


# ---- beam search


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_beam_of_all_texts_finds_the_most_probable(seed: int, length: int) -> None:
    model = tiny(seed)
    texts = ["".join(characters) for characters in product("ab.", repeat=length)]
    logs = [log_probability(model, text, "ab") for text in texts]
    found = model.beam("ab", length, width=3**length)
    assert found.text == "ab" + texts[int(np.argmax(logs))]
    assert_close(found.log_probability, max(logs), "lstm", terms=length, dtype="float32")


@pytest.mark.parametrize("seed", range(4))
def test_with_a_stop_string_the_most_probable_that_ends(seed: int) -> None:
    model, length = tiny(seed), 5
    complete = {}
    for size in range(1, length + 1):
        for characters in product("ab", repeat=size - 1):
            text = "".join(characters) + "."
            complete[text] = log_probability(model, text, "b")
        for characters in product("ab", repeat=length):
            text = "".join(characters)
            complete[text] = log_probability(model, text, "b")
    best = max(complete, key=complete.__getitem__)
    found = model.beam("b", length, width=3**length, stop=".")
    assert found.text == "b" + best.rstrip(".")
    assert_close(found.log_probability, complete[best], "lstm", terms=length, dtype="float32")


@pytest.mark.parametrize("prompt", ["", "the ", TEXT[:300]])
def test_a_width_of_1_takes_the_most_probable_token(model: LanguageModel, prompt: str) -> None:
    expected = model.generate(prompt, 60, temperature=0)
    assert model.beam(prompt, 60, width=1).text == expected
    assert model.beam(prompt, 60, width=1, stop=".").text == model.generate(
        prompt, 60, temperature=0, stop="."
    )


def test_a_wider_beam_finds_no_less(model: LanguageModel) -> None:
    found = [model.beam("the ", 12, width).log_probability for width in (1, 40)]
    assert found[1] >= found[0]


@pytest.mark.parametrize("width", [1, 3])
def test_its_log_probability_is_that_of_its_text(model: LanguageModel, width: int) -> None:
    text, log_p = model.beam("the ", 30, width)
    logs = model.log_probabilities(text.removeprefix("the "), prompt="the ")
    assert_close(log_p, sum(log for _, log in logs), "lstm", terms=30, dtype="float32")


def test_nothing_to_write(model: LanguageModel) -> None:
    assert model.beam("the ", 0) == ("the ", 0.0)


@pytest.mark.parametrize(
    ("option", "values"),
    [("prompt", ["é", 3]), ("length", [-1, None, 0.5]), ("width", [0, 1.5, None, 4097])],
)
def test_options(model: LanguageModel, option: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(InvalidValueError, match=f"^{option}: expected"):
            model.beam(**{option: value})


# ---- log-probabilities


@pytest.mark.parametrize("prompt", ["the ", "\n", TEXT[:100]])
def test_log_probabilities_are_those_of_the_sequence(model: LanguageModel, prompt: str) -> None:
    text = TEXT[100:400]
    logs = model.log_probabilities(text, prompt)
    assert [token for token, _ in logs] == list(text)
    p = probabilities(model, prompt + text)[len(prompt) - 1 : -1]
    expected = np.log(p[np.arange(len(text)), model.vocabulary.encode(text)])
    assert_close(
        np.array([log for _, log in logs]), expected, "lstm", terms=len(text), dtype="float32"
    )


def test_chunks_give_the_same(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = model.log_probabilities(TEXT[:200], "the ")
    monkeypatch.setattr("lstm.text.log_probabilities._AT_ONCE", 7 * len(model.vocabulary))
    assert model.log_probabilities(TEXT[:200], "the ") == expected


def test_all_next_tokens_together_are_certain(model: LanguageModel) -> None:
    total = sum(
        math.exp(model.log_probabilities(character, "the ")[0].log_probability)
        for character in model.vocabulary.characters  # type: ignore[attr-defined]
    )
    assert_close(total, 1.0, "loss", terms=len(model.vocabulary), dtype="float32")


def test_they_agree_with_an_evaluation(model: LanguageModel) -> None:
    logs = model.log_probabilities(TEXT[1:900], TEXT[0])
    nats = model.evaluate(TEXT[:900]).nats
    mean = -sum(log for _, log in logs) / len(logs)
    assert_close(mean, nats, "lstm", terms=900, dtype="float32")


def test_of_nothing_and_of_the_start_of_a_line(model: LanguageModel) -> None:
    assert model.log_probabilities("") == []
    assert model.log_probabilities("the") == model.log_probabilities("the", "\n")


def test_tokens_of_other_vocabularies() -> None:
    words = LanguageModel.create(WordVocabulary.from_text(TEXT), hidden=4)
    assert [token for token, _ in words.log_probabilities("the red what.", "a")] == [
        "the",
        " red",
        "\N{REPLACEMENT CHARACTER}",
        ".",
    ]
    of_bytes = LanguageModel.create(ByteVocabulary(), hidden=4)
    assert len(of_bytes.log_probabilities("né😀")) == 7


@pytest.mark.parametrize("text", ["é", 3, None])
def test_what_has_none(model: LanguageModel, text: Any) -> None:
    with pytest.raises(InvalidValueError, match=r"^text: expected"):
        model.log_probabilities(text)

"""Tokenizer against Keras, whose results golden/make_keras_tokenizer.py stored."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstm.preprocessing.text import (
    Tokenizer,
    hashing_trick,
    one_hot,
    text_to_word_sequence,
    tokenizer_from_json,
)

PATH = Path(__file__).parent / "golden" / "keras_tokenizer.json"
GOLDEN: dict[str, Any] = json.loads(PATH.read_text("utf-8"))
STRINGS = [text for text in GOLDEN["fit"] if isinstance(text, str)]


@pytest.fixture(params=GOLDEN["cases"])
def case(request: pytest.FixtureRequest) -> dict[str, Any]:
    return GOLDEN["cases"][request.param]


def fitted(case: dict[str, Any]) -> Tokenizer:
    tokenizer = Tokenizer(**case["arguments"])
    tokenizer.fit_on_texts(GOLDEN["fit"])
    return tokenizer


def test_counts_and_indices(case: dict[str, Any]) -> None:
    tokenizer = fitted(case)
    for name in ("word_index", "word_counts"):
        assert [[*pair] for pair in getattr(tokenizer, name).items()] == case[name]
    assert tokenizer.word_docs == case["word_docs"]
    assert {str(index): n for index, n in tokenizer.index_docs.items()} == case["index_docs"]
    assert tokenizer.document_count == case["document_count"]


def test_sequences_and_texts(case: dict[str, Any]) -> None:
    tokenizer = fitted(case)
    sequences = tokenizer.texts_to_sequences(GOLDEN["use"])
    assert sequences == case["sequences"]
    assert tokenizer.sequences_to_texts([*sequences, [0, 1, 10**6]]) == case["texts"]


@pytest.mark.parametrize("mode", ["binary", "count", "freq", "tfidf"])
def test_matrices(case: dict[str, Any], mode: str) -> None:
    found = fitted(case).texts_to_matrix(GOLDEN["use"], mode)
    np.testing.assert_allclose(found, case["matrices"][mode], rtol=1e-14)


def test_its_json_is_read(case: dict[str, Any]) -> None:
    tokenizer = tokenizer_from_json(case["json"])
    expected, found = fitted(case).to_config(), tokenizer.to_config()
    assert dict(found.pop("word_docs")) == dict(expected.pop("word_docs"))
    assert found == expected
    assert json.loads(tokenizer.to_json()).keys() == json.loads(case["json"]).keys()
    rows = tokenizer.texts_to_matrix(GOLDEN["use"], "tfidf")
    np.testing.assert_allclose(rows, case["matrices"]["tfidf"], rtol=1e-14)


def test_words_and_hashes() -> None:
    assert [text_to_word_sequence(text) for text in STRINGS] == GOLDEN["words"]
    assert [hashing_trick(text, 50, "md5") for text in STRINGS] == GOLDEN["hashes"]
    for found in (one_hot(STRINGS[0], 9), hashing_trick(STRINGS[0], 9, len)):
        assert len(found) == len(GOLDEN["words"][0])
        assert set(found) <= set(range(1, 9))
    assert one_hot("a b a", 99)[0] == one_hot("a b a", 99)[2]

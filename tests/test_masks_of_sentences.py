"""Padding of words within sentences, and of sentences within documents: none of it is read."""

from typing import Any

import numpy as np
import pytest

import lstm
from lstm.layers import LSTM, Embedding, TimeDistributed
from tolerances import assert_close

pytestmark = pytest.mark.usefixtures("float64")

V, E, UNITS = 9, 4, 3


class TestSentencesOfWords:
    """Documents (B, S, W): words are padded within a sentence, sentences within a document."""

    DOCUMENTS = (
        ((1, 2, 3), (4,), (5, 6)),
        ((7, 8),),
        ((3, 1), (2, 5, 8)),
    )

    @pytest.fixture
    def parts(self) -> tuple[lstm.Model, LSTM, lstm.Model]:
        """What reads a sentence, the Embedding within, what reads a document of vectors."""
        rng = np.random.default_rng(8)
        words = lstm.Input((None,))
        self.embedding, self.reader = Embedding(V, E, mask_zero=True), LSTM(UNITS)
        sentence = lstm.Model(words, self.reader(self.embedding(words)))
        vectors, self.outer = lstm.Input((None, UNITS)), LSTM(2)
        document = lstm.Model(vectors, self.outer(vectors))
        for model in (sentence, document):
            model.set_weights([rng.normal(0, 0.7, w.shape) for w in model.get_weights()])
        return sentence, self.reader, document

    @pytest.mark.parametrize("before", [False, True], ids=["behind", "before"])
    @pytest.mark.parametrize("how", ["tokens embedded at once", "model of a sentence"])
    def test_words_and_empty_sentences_are_skipped(
        self, parts: Any, how: str, before: bool
    ) -> None:
        sentence, reader, document = parts
        array = np.zeros((3, 4, 3), int)
        for b, sentences in enumerate(self.DOCUMENTS):
            for k, words in enumerate(sentences):
                row = 4 - len(sentences) + k if before else k
                place = slice(3 - len(words), 3) if before else slice(len(words))
                array[b, row, place] = words
        x = lstm.Input((None, 3))
        if how == "model of a sentence":
            vectors = TimeDistributed(sentence)(x)
        else:
            vectors = TimeDistributed(reader)(self.embedding(x))
        together = lstm.Model(x, self.outer(vectors)).predict(array)
        for row, sentences in zip(together, self.DOCUMENTS, strict=True):
            alone = [sentence.predict(np.array([words]))[0] for words in sentences]
            assert_close(row, document.predict(np.array([alone]))[0], "lstm", terms=40)

    def test_lists_of_sentences(self) -> None:
        x = lstm.Input((None, 3))
        vectors = TimeDistributed(LSTM(UNITS))(Embedding(V, E, mask_zero=True)(x))
        model = lstm.Model(x, LSTM(2, return_sequences=True)(vectors))
        documents = [np.array([[1, 2, 0], [3, 0, 0]]), np.array([[4, 5, 6]])]
        together = model.predict(documents)
        for y, document in zip(together, documents, strict=True):
            assert_close(y, model.predict(document[None])[0], "lstm", terms=40)

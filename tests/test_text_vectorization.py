"""TextVectorization against Keras, whose results golden/make_keras_text_vectorization.py stored."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import lstm
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, NotReadyError
from lstm.text import TextVectorization

PATH = Path(__file__).parent / "golden" / "keras_text_vectorization.json"
GOLDEN: dict[str, Any] = json.loads(PATH.read_text("utf-8"))
FIT, USE = GOLDEN["fit"], GOLDEN["use"]


def adapted(**arguments: Any) -> TextVectorization:
    vectorize = TextVectorization(**arguments)
    if "vocabulary" not in arguments:
        vectorize.adapt(FIT)
    return vectorize


@pytest.mark.parametrize("name", GOLDEN["cases"])
def test_as_in_keras(name: str) -> None:
    case = GOLDEN["cases"][name]
    vectorize = adapted(**case["arguments"])
    found = vectorize(USE)
    assert vectorize.get_vocabulary() == case["vocabulary"]
    assert vectorize.vocabulary_size() == case["size"]
    assert found.dtype == case["dtype"]
    assert_allclose(found, case["rows"], rtol=1e-6)
    again = TextVectorization.from_config(json.loads(json.dumps(vectorize.get_config())))
    assert again.get_vocabulary() == case["vocabulary"]
    assert_array_equal(again(USE), found)


class TestTexts:
    def test_in_all_forms(self) -> None:
        vectorize = adapted()
        expected = vectorize(USE)
        for form in (tuple(USE), np.array(USE), np.array(USE, object), np.array(USE)[:, None]):
            assert_array_equal(vectorize(form), expected)
        assert_array_equal(vectorize([text.encode() for text in USE]), expected)
        assert_array_equal(vectorize("the mat"), vectorize(["the mat"])[0])
        assert vectorize([]).shape == (0, 0)

    def test_in_batches(self) -> None:
        whole, parts = adapted(), TextVectorization()
        parts.adapt(FIT[k : k + 2] for k in range(0, len(FIT), 2))
        assert parts.get_vocabulary() == whole.get_vocabulary()
        parts.adapt(([text] for text in FIT), steps=1)
        assert parts.get_vocabulary(include_special_tokens=False)[0] == "the"
        assert parts.vocabulary_size() < whole.vocabulary_size()

    def test_with_functions(self) -> None:
        vectorize = TextVectorization(
            standardize=np.char.upper, split=lambda texts: [text.split("-") for text in texts]
        )
        vectorize.adapt(["a-b", "b-c d"])
        assert vectorize.get_vocabulary() == ["", "[UNK]", "B", "C D", "A"]
        assert_array_equal(vectorize(["c d-b-x"]), [[3, 2, 1]])
        with pytest.raises(InvalidTypeError, match=r"^standardize: expected a name"):
            vectorize.get_config()

    def test_before_a_model(self) -> None:
        vectorize = TextVectorization(output_sequence_length=5)
        vectorize.adapt(FIT)
        model = lstm.Sequential(
            [
                lstm.Input((5,)),
                lstm.layers.Embedding(vectorize.vocabulary_size(), 3, mask_zero=True),
                lstm.layers.LSTM(4),
            ]
        )
        assert model.predict(vectorize(USE[:2])).shape == (2, 4)


class TestVocabulary:
    def test_from_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "words.txt"
        path.write_text("été\nmat\n", "utf-8")
        for given in (path, str(path)):
            vectorize = TextVectorization(vocabulary=given)
            assert vectorize.get_vocabulary() == ["", "[UNK]", "été", "mat"]
        with pytest.raises(InvalidValueError, match=r"^vocabulary: expected a file"):
            TextVectorization(vocabulary=tmp_path / "none.txt")

    def test_can_be_set_later(self) -> None:
        vectorize = adapted(max_tokens=4)
        vectorize.set_vocabulary(["x", "y"])
        assert_array_equal(vectorize(["y z"]), [[3, 1]])
        with pytest.raises(InvalidValueError, match=r"^vocabulary: expected at most 4 tokens"):
            vectorize.set_vocabulary(["x", "y", "z"])
        with pytest.raises(InvalidValueError, match="because the vocabulary was given"):
            vectorize.adapt(FIT)

    @pytest.mark.parametrize(
        ("use", "message"),
        [
            (lambda: TextVectorization()(USE), "no vocabulary yet"),
            (lambda: TextVectorization().adapt(["", "!"]), "data: expected texts with at least"),
            (lambda: TextVectorization().adapt(3), "data"),
            (lambda: TextVectorization().adapt([3]), "inputs: expected texts, got 3"),
            (lambda: adapted()(3), "inputs: expected texts, got 3"),
            (lambda: adapted()([["a", "b"]]), r"inputs: expected texts \(N\) or \(N, 1\)"),
            (lambda: TextVectorization(vocabulary=["a", "a"]), "vocabulary: .*got 'a'"),
            (lambda: TextVectorization(vocabulary=["a", ""]), "vocabulary"),
            (lambda: TextVectorization(vocabulary=[]), "vocabulary"),
            (lambda: TextVectorization(vocabulary=[1]), "vocabulary"),
            (lambda: TextVectorization(max_tokens=2), "max_tokens"),
            (lambda: TextVectorization(standardize="lowr"), "standardize: .*did you mean 'lower'"),
            (lambda: TextVectorization(split="words"), "split"),
            (lambda: TextVectorization(ngrams=0), "ngrams"),
            (lambda: TextVectorization(ngrams=(1, "a")), "ngrams"),
            (lambda: TextVectorization(output_mode="integer"), "output_mode: .*mean 'int'"),
            (
                lambda: TextVectorization(output_mode="count", output_sequence_length=3),
                "output_seq",
            ),
            (lambda: TextVectorization(output_sequence_length=0), "output_sequence_length"),
            (lambda: TextVectorization(idf_weights=[1.0]), "idf_weights"),
            (lambda: TextVectorization(vocabulary=["a"], idf_weights=[1.0]), "idf_weights"),
            (lambda: TextVectorization(output_mode="tf_idf", vocabulary=["a"]), "idf_weights"),
            (lambda: TextVectorization(sparse=True), "TextVectorization"),
        ],
    )
    def test_what_cannot_be_used(self, use: Any, message: str) -> None:
        errors = InvalidValueError, InvalidTypeError, InvalidShapeError, NotReadyError
        with pytest.raises(errors, match=message):
            use()

"""Word vectors from files of GloVe, word2vec and fastText."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.text import embedding_matrix

INDEX = {"the": 1, "cat": 2, "sat": 4}
GLOVE = "the 0.5 -1 2e-1\ncat 1 2 3\non 7 8 9\n"
EXPECTED = np.array([[0, 0, 0], [0.5, -1, 0.2], [1, 2, 3], [0, 0, 0], [0, 0, 0]], "float32")


def written(folder: Path, text: str | bytes, name: str = "vectors.txt") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


class TestFiles:
    @pytest.mark.parametrize(
        "text",
        [
            GLOVE,
            f"3 3\n{GLOVE}",
            GLOVE.replace("\n", " \n"),
            GLOVE.replace("\n", "\r\n"),
            GLOVE[:-1],
        ],
        ids=["GloVe", "word2vec", "fastText", "Windows", "no last line end"],
    )
    def test_of_all_kinds(self, text: str, tmp_path: Path) -> None:
        for path in (
            written(tmp_path, text),
            written(tmp_path, gzip.compress(text.encode()), "vectors.gz"),
        ):
            found = embedding_matrix(path, INDEX)
            assert_array_equal(found.matrix, EXPECTED)
            assert found.matrix.dtype == "float32"
            assert (found.missing, found.duplicates) == (["sat"], [])

    def test_words_with_spaces_in_them(self, tmp_path: Path) -> None:
        path = written(tmp_path, "the 1 2\nat name@domain.com 3 4\n. . . 5 6\n")
        found = embedding_matrix(path, ["the", "at name@domain.com", ". . ."])
        assert_array_equal(found.matrix, [[1, 2], [3, 4], [5, 6]])

    def test_the_first_of_duplicates_counts(self, tmp_path: Path) -> None:
        path = written(tmp_path, "a 1\nb 2\na 3\na 4\nc 5\nc 6\n")
        found = embedding_matrix(path, ["a", "b"])
        assert_array_equal(found.matrix, [[1], [2]])
        assert found.duplicates == ["a"]

    def test_words_in_any_script(self, tmp_path: Path) -> None:
        path = written(tmp_path, "層 1 2\nété 3 4\na\u00a0b 5 6\n")
        found = embedding_matrix(path, ["été", "層", "a\u00a0b"])
        assert_array_equal(found.matrix, [[3, 4], [1, 2], [5, 6]])

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("the 1 2\ncat 1\n", "line 2 of vectors.txt: expected a word and 2 numbers.*got 1 num"),
            ("the 1 2\ncat 1 2 3\n", "line 2 of vectors.txt: expected a word and 2 .*got 3 num"),
            ("the 1 2\n\ncat 1 2\n", "line 2 of vectors.txt: .*got 0 numbers"),
            ("the 1 2\ncat 1 x\n", "line 2 of vectors.txt: expected 2 finite numbers, got 1 x"),
            ("the 1 2\ncat 1 nan\n", "line 2 of vectors.txt: expected 2 finite numbers, got 1 nan"),
            ("the 1 2\ncat 1  2\n", "line 2 of vectors.txt: expected a word and 2 .*got 3 numbers"),
            ("the\n", "line 1 of vectors.txt: expected a word and numbers, got the"),
            ("", "line 1 of vectors.txt: expected a word and numbers"),
            (
                "2 2\nthe 1 2\n",
                "line 2 of vectors.txt: expected 2 words, .*got the end of the file",
            ),
            ("1 2\nthe 1 2\ncat 1 2\n", "line 3 of vectors.txt: expected 1 words"),
            ("9 2\n", "line 1 of vectors.txt: expected 9 words"),
        ],
    )
    def test_that_are_malformed(self, text: str, message: str, tmp_path: Path) -> None:
        with pytest.raises(InvalidValueError, match=message):
            embedding_matrix(written(tmp_path, text), {"the": 0, "cat": 1})

    def test_that_cannot_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidValueError, match=r"^path: expected a file that can be read"):
            embedding_matrix(tmp_path / "none.txt", INDEX)
        cut = gzip.compress(GLOVE.encode() * 99)[:-30]
        with pytest.raises(InvalidValueError, match=r"^path: expected a file that can be read"):
            embedding_matrix(written(tmp_path, cut), INDEX)


class TestIndices:
    def test_may_end_earlier(self, tmp_path: Path) -> None:
        found = embedding_matrix(written(tmp_path, GLOVE), INDEX, num_words=2)
        assert_array_equal(found.matrix, EXPECTED[:2])
        assert found.missing == []

    def test_of_missing_words_are_drawn(self, tmp_path: Path) -> None:
        path = written(tmp_path, GLOVE)
        found = embedding_matrix(path, INDEX, initializer=lstm.initializers.RandomNormal(seed=1))
        drawn = lstm.initializers.RandomNormal(seed=1)((5, 3)).astype("float32")
        assert_array_equal(found.matrix[[0, 3, 4]], drawn[[0, 3, 4]])
        assert_array_equal(found.matrix[[1, 2]], EXPECTED[[1, 2]])

    @pytest.mark.parametrize("index", ["the", 3, {"the": -1}, {"the": 0.5}, {1: 1}, [1, 2]])
    def test_are_checked(self, index: Any, tmp_path: Path) -> None:
        with pytest.raises(InvalidValueError, match=r"^word_index"):
            embedding_matrix(written(tmp_path, GLOVE), index)

    def test_of_a_tokenizer(self, tmp_path: Path) -> None:
        tokenizer = lstm.preprocessing.text.Tokenizer()
        tokenizer.fit_on_texts(["The cat sat on the mat."])
        matrix, missing, _ = embedding_matrix(written(tmp_path, GLOVE), tokenizer.word_index)
        layer = lstm.layers.Embedding(*matrix.shape, weights=[matrix], trainable=False)
        model = lstm.Sequential([lstm.Input((None,)), layer])
        (tokens,) = tokenizer.texts_to_sequences(["the cat on"])
        assert_array_equal(
            model.predict([tokens])[0], np.array([[0.5, -1, 0.2], [1, 2, 3], [7, 8, 9]], "float32")
        )
        assert missing == ["sat", "mat"]


class TestEmbeddings:
    TABLE = np.random.default_rng(0).normal(size=(4, 3))

    def vectors(self, layer: lstm.layers.Layer) -> np.ndarray:
        model = lstm.Sequential([lstm.Input((1,)), layer])
        return model.predict(np.arange(4)[:, None])[:, 0]

    @pytest.mark.parametrize(
        "options",
        [
            {"weights": [TABLE]},
            {"weights": TABLE},
            {"weights": TABLE.tolist()},
            {"embeddings_initializer": lstm.initializers.Constant(TABLE)},
            {"embeddings_initializer": TABLE},
            {"embeddings_initializer": lambda shape, dtype=None: TestEmbeddings.TABLE},
        ],
        ids=["a list", "an array", "lists", "Constant", "as initializer", "a function"],
    )
    def test_start_with_a_table(self, options: dict[str, Any], tmp_path: Path) -> None:
        layer = lstm.layers.Embedding(4, 3, **options)
        assert_array_equal(self.vectors(layer), self.TABLE.astype("float32"))
        model = lstm.Sequential([lstm.Input((1,)), layer])
        model.save(tmp_path / "model.safetensors")
        assert (tmp_path / "model.safetensors").stat().st_size < 2000
        loaded = lstm.load_model(tmp_path / "model.safetensors")
        assert_array_equal(loaded.get_weights()[0], self.TABLE.astype("float32"))

    def test_made_again_from_their_arguments(self) -> None:
        layer = lstm.layers.Embedding(4, 3, weights=[self.TABLE])
        again = lstm.layers.Embedding(**layer.arguments())
        assert_array_equal(self.vectors(again), self.TABLE.astype("float32"))
        assert repr(layer).startswith("Embedding(input_dim=4, output_dim=3, embeddings_initializer")

    def test_of_another_shape(self) -> None:
        for options in ({"weights": self.TABLE.T}, {"weights": [self.TABLE, self.TABLE]}):
            with pytest.raises(InvalidShapeError, match=r"^weights: expected shape \(4, 3\)"):
                lstm.layers.Embedding(4, 3, **options)
        layer = lstm.layers.Embedding(4, 3, embeddings_initializer=self.TABLE.T)
        with pytest.raises(
            InvalidShapeError, match="value of Constant: expected an array of shape"
        ):
            self.vectors(layer)

    def test_weights_are_set_elsewhere(self) -> None:
        layer = lstm.layers.Embedding(4, 3)
        with pytest.raises(InvalidValueError, match=r"^weights: expected set_weights"):
            layer.weights = [self.TABLE]
        with pytest.raises(InvalidTypeError):
            lstm.layers.Embedding(4, 3, weights="glove")

"""`pad_sequences` and `to_categorical` against the behaviour of Keras."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import ArrayLike

from lstm.data.one_hot import to_categorical
from lstm.data.padding import Side, pad_sequences
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError

ragged = st.lists(st.lists(st.integers(-9, 9), max_size=6), min_size=1, max_size=5)
sides = st.sampled_from(["pre", "post"])


class TestPadSequences:
    def test_pads_and_cuts_at_the_start_by_default(self) -> None:
        padded = pad_sequences([[1], [1, 2, 3, 4]], maxlen=3)
        assert_array_equal(padded, [[0, 0, 1], [2, 3, 4]])
        assert padded.dtype == np.int32

    def test_post(self) -> None:
        padded = pad_sequences([[1], [1, 2, 3, 4]], maxlen=3, padding="post", truncating="post")
        assert_array_equal(padded, [[1, 0, 0], [1, 2, 3]])

    def test_without_maxlen_the_longest_counts(self) -> None:
        assert_array_equal(pad_sequences([[], [7, 8], [9]]), [[0, 0], [7, 8], [0, 9]])

    @given(ragged, st.none() | st.integers(1, 8), sides, sides)
    def test_every_row_is_its_sequence_cut_and_filled(
        self, sequences: list[list[int]], maxlen: int | None, padding: Side, truncating: Side
    ) -> None:
        padded = pad_sequences(sequences, maxlen, "int64", padding, truncating, value=77)
        length = maxlen or max(map(len, sequences))
        assert padded.shape == (len(sequences), length)
        for row, sequence in zip(padded.tolist(), sequences, strict=True):
            kept = sequence[max(len(sequence) - length, 0) :]
            kept = kept if truncating == "pre" else sequence[:length]
            filling = [77] * (length - len(kept))
            assert row == (filling + kept if padding == "pre" else kept + filling)

    def test_further_axes(self) -> None:
        sequences: list[ArrayLike] = [[], np.ones((2, 3)), np.full((1, 3), 2)]
        padded = pad_sequences(sequences, dtype="float32", value=-1)
        assert padded.shape == (3, 2, 3)
        assert padded.dtype == np.float32
        assert_array_equal(padded[:, :, 0], [[-1, -1], [1, 1], [-1, 2]])

    def test_strings(self) -> None:
        padded = pad_sequences([["a"], ["b", "cde"]], dtype=object, value="<pad>")
        assert padded.tolist() == [["<pad>", "a"], ["b", "cde"]]

    def test_sequences_may_come_from_a_generator(self) -> None:
        assert_array_equal(pad_sequences(range(n) for n in (1, 3)), [[0, 0, 0], [0, 1, 2]])

    def test_no_sequences(self) -> None:
        assert pad_sequences([], maxlen=4).shape == (0, 4)
        with pytest.raises(InvalidValueError, match="sequences: expected at least one"):
            pad_sequences([])

    @pytest.mark.parametrize(
        ("dtype", "entry"),
        [
            ("int32", 0.5),
            ("int32", float("nan")),
            ("int32", 2**31),
            ("int8", 128),
            ("uint8", -1),
            ("bool", 2),
        ],
    )
    def test_entries_that_the_type_cannot_hold_are_not_changed_in_silence(
        self, dtype: str, entry: float
    ) -> None:
        with pytest.raises(InvalidValueError, match=r"^sequences\[1\]: .* can hold, got"):
            pad_sequences([[0], [1, entry]], dtype=dtype)
        with pytest.raises(InvalidValueError, match=r"^value: .* can hold, got"):
            pad_sequences([[0], [1]], dtype=dtype, value=entry)

    @pytest.mark.parametrize("entry", ["a", None, 2**70])
    def test_entries_that_are_no_numbers(self, entry: Any) -> None:
        with pytest.raises(InvalidTypeError, match=r"^sequences\[0\]: expected numbers"):
            pad_sequences([[entry]])

    def test_what_is_no_list_of_sequences(self) -> None:
        number: Any = 3
        with pytest.raises(InvalidTypeError, match=r"^sequences: "):
            pad_sequences(number)
        with pytest.raises(InvalidShapeError, match=r"^sequences\[0\]: expected a sequence, got 1"):
            pad_sequences([1, 2])
        with pytest.raises(InvalidShapeError, match=r"^sequences\[0\]: .* ragged"):
            pad_sequences([[[1], [2, 3]]])

    def test_further_axes_that_differ(self) -> None:
        with pytest.raises(InvalidShapeError, match=r"^sequences\[1\]: expected shape \(any, 3\)"):
            pad_sequences([np.ones((2, 3)), np.ones((2, 4))])

    @pytest.mark.parametrize(
        ("argument", "value"),
        [
            ("maxlen", 0),
            ("maxlen", -1),
            ("maxlen", 2.0),
            ("padding", "right"),
            ("truncating", "both"),
            ("dtype", "integer32"),
            ("dtype", "str"),
            ("value", [0, 1]),
            ("value", "<pad>"),
        ],
    )
    def test_bad_options_are_named(self, argument: str, value: Any) -> None:
        with pytest.raises(InvalidValueError, match=f"^{argument}: expected"):
            pad_sequences([[1], [2, 3]], **{argument: value})


class TestToCategorical:
    @given(st.lists(st.integers(0, 6)), st.integers(7, 9))
    def test_each_row_is_a_row_of_the_identity(self, labels: list[int], classes: int) -> None:
        vectors = to_categorical(labels, classes)
        assert vectors.dtype == np.float32
        assert_array_equal(vectors, np.eye(classes)[np.array(labels, dtype=int)])

    def test_classes_from_the_largest_label(self) -> None:
        assert_array_equal(to_categorical([0, 2]), [[1, 0, 0], [0, 0, 1]])
        assert_array_equal(to_categorical([0.0, 1.0]), [[1, 0], [0, 1]])
        assert_array_equal(to_categorical([True, False]), [[0, 1], [1, 0]])

    @pytest.mark.parametrize(
        ("shape", "expected"),
        [((), (4,)), ((3,), (3, 4)), ((3, 5), (3, 5, 4)), ((3, 1), (3, 4)), ((1,), (1, 4))],
    )
    def test_shapes(self, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
        labels = np.full(shape, 2)
        vectors = to_categorical(labels, 4)
        assert vectors.shape == expected
        assert (vectors.argmax(-1) == 2).all()

    @pytest.mark.parametrize("labels", [[-1, 0], [0, 3]])
    def test_labels_out_of_range(self, labels: list[int]) -> None:
        with pytest.raises(InvalidValueError, match=r"^x: expected integers in \[0, 3\), got"):
            to_categorical(labels, 3)

    @pytest.mark.parametrize("labels", [[-1], [-1, 2], [0.5], [float("nan")], [], ["a"], [[0], 1]])
    def test_labels_that_are_none(self, labels: Any) -> None:
        with pytest.raises(InvalidValueError, match=r"^x: expected"):
            to_categorical(labels)

    @pytest.mark.parametrize("classes", [0, -2, 1.5])
    def test_bad_number_of_classes(self, classes: Any) -> None:
        with pytest.raises(InvalidValueError, match=r"^num_classes: expected"):
            to_categorical([0], classes)

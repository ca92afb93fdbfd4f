"""Errors about shapes say what to do, where it is clear what was meant, and only there."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lstm
from lstm import Input, Sequential
from lstm.errors import InvalidShapeError
from lstm.layers import (
    GRU,
    LSTM,
    Add,
    Bidirectional,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Permute,
    RepeatVector,
    Reshape,
    TimeDistributed,
)

ALL = "{} below returns only its last step: return_sequences=True returns all"
LAST = "{} below returns every step: without return_sequences it returns the last"
SPARSE, CATEGORICAL = "sparse_categorical_crossentropy", "categorical_crossentropy"
SERIES = "x[None, :, None] is a batch of one sequence of one feature"


def steps(units: int = 4) -> LSTM:
    return LSTM(units, return_sequences=True)


def remedy(call: Callable[[], Any]) -> str:
    """What an error says behind what it got."""
    with pytest.raises(InvalidShapeError) as error:
        call()
    assert ": expected " in str(error.value)
    return str(error.value).partition("; ")[2]


def fit(layers: Any, x: Any, y: Any, loss: Any = "mse") -> Callable[[], Any]:
    def call() -> None:
        model = Sequential(layers)
        model.compile("sgd", loss)
        model.fit(x, y, verbose=0)

    return call


def zeros(*shape: int, dtype: Any = float) -> Any:
    return np.zeros(shape, dtype)


class TestLayers:
    @pytest.mark.parametrize(
        ("layers", "expected"),
        [
            ([LSTM(4), LSTM(5)], ALL.format("the LSTM")),
            ([GRU(4), Dropout(0.2), Dense(3), LSTM(5)], ALL.format("the GRU")),
            ([LSTM(4), Conv1D(3, 2)], ALL.format("the LSTM")),
            ([LSTM(4), TimeDistributed(Dense(1))], ALL.format("the LSTM")),
            ([LSTM(4), TimeDistributed(LSTM(2))], ALL.format("the LSTM")),
            ([LSTM(4), Permute((2, 1))], ALL.format("the LSTM")),
            ([Bidirectional(LSTM(4)), LSTM(5)], ALL.format("the Bidirectional")),
            ([Bidirectional(LSTM(4), "sum"), GRU(5)], ALL.format("the Bidirectional")),
            ([steps(), RepeatVector(3)], LAST.format("the LSTM")),
            ([steps(), Flatten(), Reshape((5, 5))], ""),
            ([Dense(4), Reshape((5, 3))], ""),
            ([LSTM(4), Reshape((5, 3))], ""),
        ],
    )
    def test_in_a_chain(self, layers: Any, expected: str) -> None:
        assert remedy(lambda: Sequential([Input((10, 3)), *layers]).summary()) == expected

    @pytest.mark.parametrize(
        ("shape", "expected"),
        [
            ((10,), "x[..., None] has an axis for the feature, and Input((10, 1)) says so"),
            ((1, 6, 30), "Input((6, 30)) leaves the batch axis out"),
            ((None, None), "Input says how many features there are, as in Input((None, 2))"),
            ((2, 5, 6, 30), ""),
        ],
    )
    def test_at_the_start(self, shape: Any, expected: str) -> None:
        assert remedy(lambda: Sequential([LSTM(4, input_shape=shape)]).summary()) == expected

    def test_behind_a_flatten(self) -> None:
        message = remedy(
            lambda: Sequential([Input((None, 3)), steps(), Flatten(), Dense(2)]).summary()
        )
        assert message == "its size follows from the length that Input gives the sequences"

    def test_where_two_would_help(self) -> None:
        x = Input((10, 3))
        assert remedy(lambda: Add()([steps()(x), LSTM(4)(x)])) == ""

    def test_the_remedy_helps(self) -> None:
        for layers in (
            [steps(), LSTM(5)],
            [steps(), TimeDistributed(Dense(1))],
            [LSTM(4), RepeatVector(3)],
        ):
            Sequential([Input((10, 3)), *layers]).summary()

    def test_layers_of_users_are_not_tried(self) -> None:
        class Picky(Dense):
            def build(self, *shapes: Any) -> None:
                raise InvalidShapeError("input", "more", len(shapes[0]))

        assert remedy(lambda: Picky(3)(LSTM(4)(Input((10, 3))))) == ""

    def test_looking_for_it_leaves_no_trace(self) -> None:
        """Neither in the layer nor in the random numbers."""

        def weights(*, mistake: bool) -> Any:
            lstm.set_seed(3)
            layer = LSTM(5)
            if mistake:
                remedy(lambda: layer(Input((4,))))
            return Sequential([Input((None, 2)), layer]).get_weights()

        for one, other in zip(weights(mistake=True), weights(mistake=False), strict=True):
            np.testing.assert_array_equal(one, other)


class TestData:
    @pytest.mark.parametrize(
        ("shape", "expected"),
        [
            ((10, 3), "with [None] it is a batch of one"),
            ((8, 3, 10), "with .transpose(0, 2, 1) the features are last"),
            ((8, 12, 3), "Input((None, 3)) accepts sequences of any length"),
            ((8, 10, 3, 1), "with .squeeze(3) that axis is gone"),
            ((8, 1, 10, 3), "with .squeeze(1) that axis is gone"),
            ((8, 10, 4), ""),
            ((8, 30), ""),
            # The batch in the middle, or sequences of another length.
            ((10, 8, 3), ""),
        ],
    )
    def test_that_do_not_fit(self, shape: Any, expected: str) -> None:
        model = Sequential([Input((10, 3)), LSTM(4)])
        assert remedy(lambda: model.predict(zeros(*shape))) == expected

    @pytest.mark.parametrize(
        ("shape", "expected"),
        [
            ((8, 5, 1), "with .squeeze(2) that axis is gone"),
            ((8, 5, 7), "with .argmax(-1) one-hot vectors are tokens"),
            ((8, 5, 6), ""),
            # One sequence of five tokens, or five of one.
            ((5,), ""),
        ],
    )
    def test_that_are_no_tokens(self, shape: Any, expected: str) -> None:
        for start in ([Input((None,))], []):
            model = Sequential([*start, Embedding(7, 3), LSTM(4)])
            assert remedy(lambda model=model: model.predict(zeros(*shape, dtype=int))) == expected

    @pytest.mark.parametrize(
        ("shape", "expected"),
        [
            ((8, 10), "x[..., None] has an axis for the feature"),
            ((10,), SERIES),
            ((8, 1, 10, 3), "with .squeeze(1) that axis is gone"),
            ((8, 2, 10, 3), ""),
        ],
    )
    def test_that_come_first(self, shape: Any, expected: str) -> None:
        assert remedy(lambda: Sequential([LSTM(4)]).predict(zeros(*shape))) == expected

    def test_of_several_inputs(self) -> None:
        a, b = Input((10, 3)), Input((2,))
        model = lstm.Model([a, b], [LSTM(4)(a), Dense(1)(b)])
        with pytest.raises(InvalidShapeError, match=r"^x\[0\]: .*transpose\(0, 2, 1\)"):
            model.predict([zeros(8, 3, 10), zeros(8, 2)])


class TestTargets:
    @pytest.mark.parametrize(
        ("layers", "shape", "expected"),
        [
            ([LSTM(4), Dense(2)], (8, 10, 2), ALL.format("the LSTM")),
            (
                [Bidirectional(LSTM(4)), Dropout(0.1), Dense(2)],
                (8, 10, 2),
                ALL.format("the Bidirectional"),
            ),
            ([steps(), Dense(1)], (8, 1), LAST.format("the LSTM")),
            ([steps(), TimeDistributed(Dense(1))], (8,), LAST.format("the LSTM")),
            ([LSTM(4), Dense(6)], (8, 2, 3), "Reshape((2, 3)) at the end gives such outputs"),
            (
                [LSTM(4), Dense(3)],
                (8, 2, 3),
                "Dense(6) and Reshape((2, 3)) at the end give such outputs",
            ),
            ([LSTM(4), Dense(2)], (8, 1, 2), "with .squeeze(1) that axis is gone"),
            ([steps(), Dense(2)], (8, 2, 10), "with .transpose(0, 2, 1) the features are last"),
            ([LSTM(4), Dense(3)], (8, 2), ""),
            # Ten steps, or ten targets of the last.
            ([LSTM(4), Dense(3)], (8, 10, 2), ""),
            ([LSTM(4), Dense(1)], (8, 3), ""),
        ],
    )
    def test_of_numbers(self, layers: Any, shape: Any, expected: str) -> None:
        call = fit([Input((10, 3)), *layers], zeros(8, 10, 3), zeros(*shape))
        assert remedy(call) == expected

    @pytest.mark.parametrize(
        ("reader", "loss", "targets", "expected"),
        [
            (LSTM(4), SPARSE, zeros(8, 5), f"{CATEGORICAL} accepts such targets"),
            (steps(), SPARSE, zeros(8, 10, 5), f"{CATEGORICAL} accepts such targets"),
            (LSTM(4), "mse", zeros(8, dtype=int), f"{SPARSE} accepts such targets"),
            (
                steps(),
                "binary_crossentropy",
                zeros(8, 10, dtype=int),
                f"{SPARSE} accepts such targets",
            ),
            (LSTM(4), SPARSE, zeros(8, 10, dtype=int), ALL.format("the LSTM")),
            (steps(), SPARSE, zeros(8, dtype=int), LAST.format("the LSTM")),
            (LSTM(4), CATEGORICAL, zeros(8, 4), ""),
        ],
    )
    def test_of_classes(self, reader: Any, loss: str, targets: Any, expected: str) -> None:
        layers = [Input((10, 3)), reader, Dense(5, activation="softmax")]
        assert remedy(fit(layers, zeros(8, 10, 3), targets, loss)) == expected

    def test_the_remedy_helps(self) -> None:
        fit([Input((10, 3)), LSTM(4), Dense(6), Reshape((2, 3))], zeros(8, 10, 3), zeros(8, 2, 3))()


class TestWeights:
    def test_that_are_transposed(self) -> None:
        model = Sequential([Input((None, 3)), LSTM(4)])
        kernel, recurrent, bias = model.get_weights()
        message = remedy(lambda: model.set_weights([kernel.T, recurrent, bias]))
        assert message == "with .T it fits, as for PyTorch and ONNX"
        assert remedy(lambda: model.set_weights([kernel[:2], recurrent, bias])) == ""

"""What connectionist temporal classification refuses: labels, lengths, logits, arguments."""

from typing import Any

import numpy as np
import pytest

import lstm
from lstm import ops as functions
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers import LSTM, Dense


def model_of() -> lstm.Model:
    layers = [LSTM(3, return_sequences=True), Dense(4)]
    return lstm.Sequential([lstm.Input((None, 2)), *layers])


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([1, 2], InvalidShapeError, r"y: expected labels of shape \(2, L\), got shape \(2,\)"),
        ([[[1]], [[2]]], InvalidShapeError, "y: expected labels of shape"),
        ([[1, 2], [4, 0]], InvalidValueError, r"y: expected integers in \[0, 4\), got 4"),
        ([[1, 2], [-1, 0]], InvalidValueError, r"y: expected integers in \[0, 4\), got -1"),
        ([[1, 2.5], [1, 0]], InvalidValueError, "y: expected whole numbers, got 2.5"),
        (
            [[1, 2], [0, 3]],
            InvalidValueError,
            "y: expected the blank, 0, only behind the labels of an example, got label 3 "
            "behind it in example 1",
        ),
        (
            [[1, 2, 0, 0], [1, 2, 3, 1]],
            InvalidValueError,
            "y: expected at least as many steps as example 1 has labels, 4 steps, got 3",
        ),
        (
            [[2, 2, 2], [1, 2, 3]],
            InvalidValueError,
            "y: expected at least as many steps as example 0 has labels and 2 blanks between "
            "equal ones, 5 steps, got 3",
        ),
    ],
)
def test_of_training(labels: Any, error: type[Exception], message: str) -> None:
    model = model_of()
    model.compile("sgd", "ctc")
    with pytest.raises(error, match=message):
        model.fit(np.zeros((2, 3, 2)), np.array(labels), verbose=0)
    if error is not InvalidShapeError:
        with pytest.raises(error, match=message.replace("y:", "y_true:")):
            lstm.losses.ctc(labels, np.zeros((2, 3, 4)))


def test_too_few_real_steps() -> None:
    model = model_of()
    model.compile("sgd", "ctc")
    message = "y: expected .* as example 1 has labels and 1 blanks .*, 3 steps, got 2"
    with pytest.raises(InvalidValueError, match=message):
        model.fit([np.ones((5, 2)), np.ones((2, 2))], [[1, 2], [3, 3]], shuffle=False, verbose=0)


def test_one_vector_for_an_example() -> None:
    model = lstm.Sequential([lstm.Input((None, 2)), LSTM(3)])
    model.compile("sgd", "ctc")
    with pytest.raises(InvalidShapeError, match="output: expected logits of shape"):
        model.fit(np.zeros((2, 3, 2)), np.ones((2, 1), int), verbose=0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"target": [1, 2]}, InvalidShapeError, "target: expected labels of shape"),
        ({"target": [["a"], ["b"]]}, InvalidTypeError, "target: expected numbers"),
        ({"target": [[1, 0], [2, 3]]}, InvalidValueError, "target: expected labels other than"),
        ({"target": [[1, 2], [2, 9]]}, InvalidValueError, r"target: .* in \[0, 4\), got 9"),
        ({"output": np.zeros((2, 4))}, InvalidShapeError, "output: expected 3 axes"),
        ({"output": np.full((2, 3, 4), np.nan)}, InvalidValueError, "output: expected finite"),
        ({"output": np.full((2, 3, 4), 1e39)}, InvalidValueError, "output: expected .*, got 1e"),
        ({"target_length": [2]}, InvalidShapeError, r"target_length: expected shape \(2\)"),
        ({"target_length": [2, 3]}, InvalidValueError, r"target_length: .* in \[0, 3\), got 3"),
        ({"output_length": [[3], [3]]}, InvalidShapeError, "output_length: expected shape"),
        ({"output_length": [3, 4]}, InvalidValueError, r"output_length: .* got 4"),
        ({"output_length": [3, 1]}, InvalidValueError, "target: .* example 1 has labels, 2 st"),
        ({"mask_index": 4}, InvalidValueError, r"mask_index: expected a class in \[0, 4\)"),
    ],
)
def test_of_the_function(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    right = {
        "target": [[1, 2], [2, 3]],
        "output": np.zeros((2, 3, 4)),
        "target_length": [2, 2],
        "output_length": [3, 2],
    }
    functions.ctc_loss(**right)
    with pytest.raises(error, match=message):
        functions.ctc_loss(**right | arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"strategy": "beam"},
            InvalidValueError,
            "strategy: expected one of",
        ),
        ({"inputs": np.zeros((2, 3))}, InvalidShapeError, "inputs: expected 3 axes"),
        ({"inputs": np.full((2, 3, 4), 1e39)}, InvalidValueError, "inputs: expected"),
        ({"sequence_lengths": [3]}, InvalidShapeError, "sequence_lengths: expected shape"),
        ({"sequence_lengths": [3, 4]}, InvalidValueError, "sequence_lengths: .* got 4"),
        ({"beam_width": 0}, InvalidValueError, "beam_width"),
        ({"top_paths": 0}, InvalidValueError, "top_paths"),
        ({"mask_index": -1}, InvalidValueError, "mask_index"),
    ],
)
def test_of_decoding(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    right: dict[str, Any] = {"inputs": np.zeros((2, 3, 4)), "sequence_lengths": [3, 2]}
    functions.ctc_decode(**right)
    with pytest.raises(error, match=message):
        functions.ctc_decode(**right | arguments)


def test_of_tensors() -> None:
    labels, z = lstm.Input((None,)), lstm.Input((None, 4))
    for inputs, message in (
        ((labels, lstm.Input((4,))), r"logits of ctc_loss: expected axes \(B, T, C\)"),
        ((z, z), "labels of ctc_loss: expected axes"),
    ):
        with pytest.raises(InvalidShapeError, match=message):
            lstm.losses.ctc(*inputs)
    with pytest.raises(InvalidShapeError, match=r"logits .*, with a class 4"):
        functions.ctc_loss(labels, z, lstm.Input(()), lstm.Input(()), mask_index=4)
    with pytest.raises(InvalidShapeError, match="lengths of ctc_loss: expected shape"):
        functions.ctc_loss(labels, z, lstm.Input((2,)), lstm.Input((1,)))
    with pytest.raises(InvalidTypeError, match="inputs: expected an array, such as predict"):
        functions.ctc_decode(z, [1])
    model = lstm.Model([labels, z], lstm.losses.ctc(labels, z))
    with pytest.raises(InvalidValueError, match=r"labels of ctc_loss: .* 3 steps, got 2"):
        model.predict([np.array([[1, 1]]), np.zeros((1, 2, 4))])


def test_class_weights() -> None:
    model = model_of()
    model.compile("sgd", "ctc")
    with pytest.raises(InvalidValueError, match="class_weight: expected"):
        model.fit(np.zeros((2, 3, 2)), [[1, 2], [1, 0]], class_weight={1: 2.0}, verbose=0)


@pytest.mark.parametrize("metric", ["accuracy", "mae", lstm.metrics.Precision()])
def test_metrics_that_compare_steps(metric: Any) -> None:
    message = "^metrics: expected no '.*' with CTC, .*ops.ctc_decode"
    with pytest.raises(InvalidValueError, match=message):
        model_of().compile("sgd", "ctc", metrics=[metric])


def test_metrics_of_users_are_called() -> None:
    def empty(labels: Any, outputs: Any) -> Any:
        return (functions.ctc_decode(outputs, [3, 3])[0][0] < 0).all(-1)

    model = model_of()
    model.compile("sgd", "ctc", metrics=[empty])
    logs = model.evaluate(np.zeros((2, 3, 2)), [[1, 2], [1, 0]], return_dict=True)
    assert 0 <= logs["empty"] <= 1

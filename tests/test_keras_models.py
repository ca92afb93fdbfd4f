"""Models against what Keras made of the same weights and data: masks, weights, metrics, states.

The numbers are in golden/keras_models.safetensors, with the script that made them.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from safetensors.numpy import load_file

import lstm
from branched_models import BRANCHED
from lstm.layers import (
    LSTM,
    Add,
    Average,
    Bidirectional,
    Concatenate,
    Dense,
    Embedding,
    Layer,
    Multiply,
)
from tolerances import assert_close

pytestmark = pytest.mark.usefixtures("float64")

GOLDEN = load_file(Path(__file__).with_name("golden") / "keras_models.safetensors")
DATA = {key.removeprefix("data/"): a for key, a in GOLDEN.items() if key.startswith("data/")}
X, TOKENS, NUMBERS, CLASSES = (DATA[key] for key in ("x", "tokens", "numbers", "classes"))

TERMS = 200


def stored(case: str, name: str) -> list[NDArray[Any]]:
    """Arrays that were stored as name0, name1, ..."""
    keys = [key for key in GOLDEN if key.startswith(f"{case}/{name}") and key[-1].isdigit()]
    return [GOLDEN[f"{case}/{name}{k}"] for k in range(len(keys))]


def with_weights(case: str, model: lstm.Model) -> lstm.Model:
    model.set_weights(stored(case, "weight"))
    return model


def trained(case: str, model: lstm.Model, x: Any, y: Any, batch_size: int, **options: Any) -> None:
    """Train a compiled model as the script did, and compare its record and its weights."""
    with_weights(case, model)
    history = model.fit(x, y, batch_size, 2, 0, shuffle=False, **options).history
    recorded = f"{case}/history."
    assert {f"{recorded}{key}" for key in history} == {k for k in GOLDEN if k.startswith(recorded)}
    for key, values in history.items():
        assert_close(values, GOLDEN[recorded + key], "loss", terms=TERMS)
    for weight, expected in zip(model.get_weights(), stored(case, "trained"), strict=True):
        assert_close(weight, expected, "lstm", terms=TERMS)


def of_numbers(units: int = 2, activation: str | None = None) -> lstm.Model:
    layers = [LSTM(3, return_sequences=True), Dense(units, activation)]
    return lstm.Sequential([lstm.Input((5, 2)), *layers])


def of_vectors(units: int, activation: str) -> lstm.Model:
    return lstm.Sequential([lstm.Input((2,)), Dense(units, activation)])


def sgd() -> lstm.optimizers.Optimizer:
    return lstm.optimizers.SGD(0.1)


class TestMasks:
    @pytest.mark.parametrize(
        ("name", "merge"),
        [
            ("add", Add()),
            ("average", Average()),
            ("multiply", Multiply()),
            ("concatenate", Concatenate()),
            ("joined", Concatenate(axis=1)),
        ],
    )
    def test_of_tensors_that_are_merged(self, name: str, merge: Layer) -> None:
        inputs, embedding = [lstm.Input((5,)), lstm.Input((5,))], Embedding(6, 2, mask_zero=True)
        model = lstm.Model(inputs, LSTM(3)(merge([embedding(x) for x in inputs])))
        with_weights(f"merge {name}", model)
        y = model.predict([TOKENS, np.roll(TOKENS, 1, axis=0)])
        assert_close(y, GOLDEN[f"merge {name}/y"], "lstm", terms=TERMS)

    @pytest.mark.parametrize(("name", "tokens"), [("behind", "tokens"), ("before", "before")])
    def test_of_both_directions(self, name: str, tokens: str) -> None:
        layers = [Embedding(6, 2, mask_zero=True), Bidirectional(LSTM(3, return_sequences=True))]
        model = lstm.Sequential([lstm.Input((5,)), *layers])
        with_weights(f"bidirectional {name}", model)
        y = model.predict(DATA[tokens])
        assert_close(y, GOLDEN[f"bidirectional {name}/y"], "lstm", terms=TERMS)
        assert_array_equal(y == 0, GOLDEN[f"bidirectional {name}/y"] == 0)


class TestOrder:
    """Of weights, in models that are no chains: `set_weights(theirs.get_weights())`."""

    @pytest.mark.parametrize("name", BRANCHED)
    def test_is_that_of_keras(self, name: str) -> None:
        assert_outputs(name, with_weights(name, BRANCHED[name](lstm)))

    @pytest.mark.parametrize("name", BRANCHED)
    def test_goes_with_the_model(self, name: str, tmp_path: Path) -> None:
        model = with_weights(name, BRANCHED[name](lstm))
        model.save(tmp_path / "model.safetensors")
        again = lstm.load_model(tmp_path / "model.safetensors")
        x = lstm.Input((5, 2))
        inside = lstm.Model(x, again(x))
        for other in (again, inside):
            with_weights(name, other)
            assert_outputs(name, other)
            assert_array_equal(other.weights[1].value, model.get_weights()[1])

    @pytest.mark.parametrize("name", BRANCHED)
    def test_of_names_is_that_of_values(self, name: str) -> None:
        model = BRANCHED[name](lstm)
        assert model.built
        assert len(set(map(id, model.weights))) == len(stored(name, "weight"))
        for weight, values in zip(model.weights, model.get_weights(), strict=True):
            assert_array_equal(weight.value, values)


def assert_outputs(case: str, model: lstm.Model) -> None:
    y = model.predict(X)
    for part, expected in zip(y if isinstance(y, list) else [y], stored(case, "y"), strict=True):
        assert_close(part, expected, "lstm", terms=TERMS)


class TestWeights:
    def test_of_examples(self) -> None:
        model = of_vectors(2, "tanh")
        model.compile(sgd(), "mse", ["mae"], weighted_metrics=["mae", "mse"])
        weight = DATA["each"]
        trained("weights of examples", model, X[:, 0], NUMBERS[:, 0], 3, sample_weight=weight)

    def test_of_steps(self) -> None:
        model = of_numbers()
        model.compile(sgd(), "mse", ["mae"], weighted_metrics=["mae", "mse"])
        trained("weights of steps", model, X, NUMBERS, 3, sample_weight=DATA["steps"])

    def test_of_steps_beside_padding(self) -> None:
        layers = [Embedding(6, 2, mask_zero=True), LSTM(3, return_sequences=True)]
        model = lstm.Sequential([lstm.Input((5,)), *layers, Dense(3, "softmax")])
        loss = "sparse_categorical_crossentropy"
        model.compile(sgd(), loss, ["accuracy"], weighted_metrics=["accuracy"])
        trained("weights and padding", model, TOKENS, CLASSES, 7, sample_weight=DATA["steps"])

    @pytest.mark.parametrize(
        ("name", "units", "activation", "loss", "y"),
        [
            ("binary", 1, "sigmoid", "binary_crossentropy", DATA["binary"][:, None]),
            ("sparse", 3, "softmax", "sparse_categorical_crossentropy", CLASSES[:, 0]),
            ("one-hot", 3, "softmax", "categorical_crossentropy", np.eye(3)[CLASSES[:, 0]]),
        ],
    )
    def test_of_classes(self, name: str, units: int, activation: str, loss: str, y: Any) -> None:
        model = of_vectors(units, activation)
        model.compile(sgd(), loss, ["accuracy"], weighted_metrics=["acc"])
        weights = {0: 0.5, 1: 4.0}
        trained(f"classes {name}", model, X[:, 0], y, 3, class_weight=weights)


@pytest.mark.parametrize(
    ("name", "units", "activation", "loss"),
    [
        ("one-hot, mse", 3, "softmax", "mse"),
        ("one-hot, binary", 3, "sigmoid", "binary_crossentropy"),
        ("one-hot", 3, "softmax", "categorical_crossentropy"),
        ("classes", 3, "softmax", "sparse_categorical_crossentropy"),
        ("single, mse", 1, "sigmoid", "mse"),
        ("single", 1, "sigmoid", "binary_crossentropy"),
    ],
)
def test_accuracy_goes_by_the_shapes(name: str, units: int, activation: str, loss: str) -> None:
    model = with_weights(f"accuracy {name}", of_numbers(units, activation))
    model.compile("sgd", loss, ["accuracy"])
    _, accuracy = model.evaluate(X, GOLDEN[f"accuracy {name}/y"])
    assert_close(accuracy, GOLDEN[f"accuracy {name}/accuracy"], "loss", terms=TERMS)


@pytest.mark.parametrize("share", [0.25, 0.2, 0.5])
def test_the_last_examples_validate(share: float) -> None:
    model = of_numbers()
    model.compile(sgd(), "mse")
    x, y = (np.concatenate([a, a[:3]]) for a in (X, NUMBERS))
    trained(f"split {share}", model, x, y, 10, validation_split=share)


def test_states_go_on_from_call_to_call() -> None:
    layers = [LSTM(3, stateful=True, return_sequences=True)]
    model = with_weights("stateful", lstm.Sequential([lstm.Input((5, 2)), *layers]))
    model.compile(sgd(), "mse")
    target = GOLDEN["stateful/target"]
    losses = [model.evaluate(X, target, batch_size=7) for _ in range(3)]
    assert_close(losses, GOLDEN["stateful/losses"], "loss", terms=TERMS)
    history = model.fit(X, target, batch_size=7, epochs=3, shuffle=False, verbose=0)
    assert_close(history.history["loss"], GOLDEN["stateful/trained"], "loss", terms=TERMS)

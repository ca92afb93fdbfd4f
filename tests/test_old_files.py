"""Files that an earlier version wrote are read as it wrote them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load_file

import lstm
from lstm.layers import LSTM, Embedding, TiedDense
from lstm.text import Writer
from tolerances import assert_close

FILES = Path(__file__).parent / "golden" / "files"
EXPECTED = load_file(FILES / "expected.safetensors")
MODELS = ["chain", "graph", "everything", "tied", "detector"]
NETWORKS = ["regression", "classes"]
VOCABULARIES = ["characters", "rare", "bytes", "words", "bpe"]


def expected(name: str) -> list[NDArray[Any]]:
    """The arrays of that name, in their order."""
    keys = [key for key in EXPECTED if key.rpartition("/")[0] == name]
    return [EXPECTED[key] for key in sorted(keys)]


def file(name: str) -> Path:
    return FILES / f"{name}.safetensors"


def check_outputs(name: str, predict: Callable[[Any], Any]) -> None:
    """Compare with what the reference computed in float64, before the file was written."""
    x = expected(f"{name}/x")
    y = predict(x[0] if len(x) == 1 else x)
    for got, right in zip(y if isinstance(y, list) else [y], expected(f"{name}/y"), strict=True):
        assert_close(got, right, "lstm", terms=30)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MODELS)
def test_models(name: str, dtype: str) -> None:
    lstm.use("reference" if dtype == "float64" else "native", dtype)
    check_outputs(name, lstm.load_model(file(name)).predict)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str) -> None:
    network = lstm.LSTMNetwork.load(file(name))
    check_outputs(name, network.predict)
    assert (network.input_size, network.hidden_size) == (2, 4)
    assert network.apply_softmax == (name == "classes")


@pytest.mark.parametrize("name", VOCABULARIES)
def test_language_models(name: str) -> None:
    model = lstm.LanguageModel.load(file(f"language-{name}"))
    check_outputs(f"language-{name}", model.model.predict)
    text = "the green apple is red.\n"
    (tokens,) = expected(f"language-{name}/x")
    np.testing.assert_array_equal(model.vocabulary.encode(text), tokens[0])
    assert model.vocabulary.decode(tokens[0]) == text
    assert model.history is not None
    assert list(model.history.history) == ["loss", "val_loss"]


def test_outputs_follow_from_the_bytes() -> None:
    """The formulas of docs/theory/gates.md on the arrays of a file, without this library."""

    def sigmoid(z: NDArray[Any]) -> NDArray[Any]:
        return 1 / (1 + np.exp(-z))

    weights = {key: w.astype(np.float64) for key, w in load_file(file("detector")).items()}
    (x,) = expected("detector/x")
    h = c = np.zeros((len(x), 3))
    for t in range(x.shape[1]):
        z = x[:, t] @ weights["lstm/kernel"] + h @ weights["lstm/recurrent_kernel"]
        i, f, g, o = np.split(z + weights["lstm/bias"], 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    y = sigmoid(h @ weights["dense/kernel"] + weights["dense/bias"])
    assert_close(lstm.load_model(file("detector")).predict(x), y, "lstm", terms=30)


@pytest.mark.parametrize(
    ("name", "optimizer", "loss", "config"),
    [
        ("chain", "Adam", "SparseCategoricalCrossentropy", {"learning_rate": 0.001}),
        ("everything", "SGD", "Huber", {"momentum": 0.9, "nesterov": True}),
        (
            "tied",
            "AdamW",
            "SparseCategoricalCrossentropy",
            {"clipnorm": None, "global_clipnorm": 0.5},
        ),
        ("detector", "RMSprop", "BinaryCrossentropy", {"rho": 0.9}),
    ],
)
def test_training_goes_on(name: str, optimizer: str, loss: str, config: dict[str, Any]) -> None:
    model = lstm.load_model(file(name))
    assert type(model.optimizer).__name__ == optimizer
    assert model.optimizer.get_config().items() >= config.items()
    assert model.optimizer.step == 4
    slots = {
        key.removeprefix("optimizer/"): array
        for key, array in load_file(file(name)).items()
        if key.startswith("optimizer/")
    }
    if "velocity" in slots:  # It has the learning rate in it now.
        slots = {"momentum": np.float32(-0.05) * slots["velocity"]}
    assert slots.keys() == set(model.optimizer.slot_names)
    for key, array in slots.items():
        np.testing.assert_array_equal(model.optimizer.slots[key], array)
    x, (y,) = expected(f"{name}/x"), expected(f"{name}/y")
    targets = y if name in ("everything", "detector") else y.argmax(-1)
    model.fit(x[0], targets, verbose=0)
    assert model.optimizer.step == 5


def test_what_layers_were_made_with() -> None:
    chain, tied = lstm.load_model(file("chain")), lstm.load_model(file("tied"))
    _, embedding, first, second = chain.layers[:4]
    assert isinstance(embedding, Embedding)
    assert (embedding.mask_zero, embedding.dropout) == (True, 0.2)
    assert isinstance(first, LSTM)
    assert (first.dropout, first.recurrent_dropout) == (0.1, 0.3)
    assert isinstance(second, LSTM)
    assert second.recurrent_activation == "hard_sigmoid"
    assert isinstance(tied.layers[-1], TiedDense)
    assert tied.layers[-1].embedding is tied.layers[1]
    frozen = [layer.name for layer in lstm.load_model(file("everything")).layers if layer.weights]
    assert "simple_rnn" in frozen
    layer = lstm.load_model(file("everything")).get_layer("simple_rnn")
    assert not layer.trainable


def test_a_state() -> None:
    state = lstm.State.load(file("state"))
    assert list(state) == ["gru", "lstm"]
    for name, parts in state.items():
        for part, right in zip(parts, expected(f"state/{name}"), strict=True):
            np.testing.assert_array_equal(part, right)


def test_a_writer_goes_on_with_its_texts() -> None:
    model = lstm.LanguageModel.load(file("language-bytes"))
    writer = Writer.load(file("writer"), model)
    assert writer.write(30) == json.loads((FILES / "writer.json").read_text())


def test_a_training_goes_on_to_its_end(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(FILES / "run", folder)
    with safe_open(folder / "checkpoint.safetensors", framework="numpy") as checkpoint:
        header = json.loads(checkpoint.metadata()["lstm"])
    rounds = header["training"]["records"]
    assert len(rounds) == 1
    model = lstm.LanguageModel.resume(folder)
    assert model.history is not None
    assert model.history.history["loss"][0] == rounds[0]["loss"]
    assert len(model.history.history["loss"]) == 3
    assert len(lstm.LanguageModel.load(folder).generate("the ", 20, seed=0)) == 24

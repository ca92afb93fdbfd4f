"""Whatever stands in a file: it is refused with an error of ours, or gives what can be used."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lstm
from golden import make_files
from lstm import storage
from lstm.errors import LSTMError, ModelFileError
from tampering import FILES, USES, signed, tamper

SEEDS = 16
"""For each file; thousands can be tried with `python tests/tampering.py`."""


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of every kind as they are written today."""
    folder = tmp_path_factory.mktemp("files") / "new"
    make_files.write(folder)
    return folder


@pytest.mark.parametrize("name", USES)
@pytest.mark.parametrize("age", ["old", "new"])
def test_files_that_were_changed_and_signed_again(
    name: str, age: str, new: Path, tmp_path: Path
) -> None:
    refused = 0
    for seed in range(SEEDS):
        try:
            tamper(name, seed, tmp_path, FILES if age == "old" else new)
        except LSTMError:
            refused += 1
    assert refused > SEEDS / 3


def header_of(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    with storage.reading(path, storage.READERS) as contents:
        return contents


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def refusal(path: Path, tensors: dict[str, Any], header: Any) -> str:
    path.write_bytes(signed(tensors, header))
    with pytest.raises(ModelFileError) as caught:
        lstm.load_model(path)
    return str(caught.value)


class TestSizes:
    """What a few bytes name is compared with what is there before it is made."""

    @pytest.fixture
    def made(self, path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
        model = lstm.Sequential([lstm.Input((None, 2)), lstm.layers.LSTM(3), lstm.layers.Dense(1)])
        model.save(path)
        return header_of(path)

    def test_units(self, path: Path, made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        largest = 0
        for name in ("zeros", "empty", "ones", "asarray", "array"):
            make = getattr(np, name)

            def watched(*args: Any, make: Any = make, **options: Any) -> Any:
                nonlocal largest
                array = make(*args, **options)
                largest = max(largest, array.nbytes)
                return array

            monkeypatch.setattr(np, name, watched)
        tensors, header = made
        header["graph"]["layers"]["lstm"]["config"]["units"] = 10_000
        message = r"lstm/kernel: expected shape (2, 40000), got shape (2, 12)"
        assert message in refusal(path, tensors, header)
        assert largest <= max(array.nbytes for array in tensors.values())

    @pytest.mark.parametrize(
        ("layer", "config"),
        [
            ("RepeatVector", {"n": 10**9}),
            ("RepeatVector", {"n": 10**30}),
            ("Reshape", {"target_shape": [10**5, 10**5]}),
        ],
    )
    def test_steps(self, path: Path, made: Any, layer: str, config: Any) -> None:
        _, header = made
        graph = header["graph"]
        graph["inputs"][0]["shape"] = [None, None]
        graph["layers"] = {"a": {"class": layer, "config": config}}
        graph["calls"] = [{"layer": "a", "inputs": [[0, 0]]}]
        graph["outputs"] = [[1, 0]]
        assert "a: expected" in refusal(path, {}, header)

    def test_doubling(self, path: Path, made: Any) -> None:
        """Thirty calls of a few bytes each give 2³¹ numbers."""
        _, header = made
        graph = header["graph"]
        join = {"class": "Concatenate", "config": {"axis": -1}}
        graph["layers"] = {"join": join}
        graph["calls"] = [{"layer": "join", "inputs": [[k, 0], [k, 0]]} for k in range(60)]
        graph["outputs"] = [[60, 0]]
        expected = "output of join: expected fewer than 268,435,456 numbers for each example"
        assert expected in refusal(path, {}, header)

    def test_names(self, path: Path, made: Any) -> None:
        """Ten thousand layers of one name are named in a time that grows with their number."""
        _, header = made
        graph, count = header["graph"], 10_000
        graph["layers"] = {"a": {"class": "Activation", "config": {"activation": "tanh"}}}
        graph["calls"] = [{"layer": "a", "inputs": [[k, 0]], "name": "a"} for k in range(count)]
        graph["outputs"] = [[count, 0]]
        del header["order"]
        path.write_bytes(signed({}, header))
        model = lstm.load_model(path)
        names = list(model.graph.names.values())
        assert names == ["a", *(f"a_{k}" for k in range(1, count))]


@pytest.mark.parametrize(
    "end", [[-1, 0], [0, -1], [3, 0], [0, 1], [True, 0], [0.0, 0], [10**30, 0]]
)
@pytest.mark.parametrize("place", ["calls", "outputs"])
def test_nodes_are_counted_from_zero(path: Path, place: str, end: Any) -> None:
    tensors, header = header_of(FILES / "detector.safetensors")
    header = copy.deepcopy(header)
    graph = header["graph"]
    if place == "calls":
        graph["calls"][1]["inputs"] = [end]
    else:
        graph["outputs"] = [end]
    expected = r"makes no sense \((node|index): expected an integer"
    path.write_bytes(signed(tensors, header))
    with pytest.raises(ModelFileError, match=expected):
        lstm.load_model(path)


@pytest.mark.parametrize("step", [-1, 1.5, True, 2**63, 10**400])
def test_steps_that_nobody_took(path: Path, step: Any) -> None:
    tensors, header = header_of(FILES / "detector.safetensors")
    header = copy.deepcopy(header)
    header["compile"]["step"] = step
    assert "step: expected an integer" in refusal(path, tensors, header)


def test_weights_beyond_float32(path: Path) -> None:
    """They are finite in the file, and would not be in the model."""
    tensors, header = header_of(FILES / "detector.safetensors")
    huge = {key: array.astype(np.float64) for key, array in tensors.items()}
    huge["lstm/kernel"][0, 1] = 1e39
    assert "lstm/kernel: expected finite numbers, got inf" in refusal(path, huge, header)
    with lstm.backends.using("reference", "float64"):
        assert lstm.load_model(path).get_weights()[0][0, 1] == 1e39


def test_a_vocabulary_that_is_not_the_models(path: Path) -> None:
    tensors, header = header_of(FILES / "language-characters.safetensors")
    header = json.loads(json.dumps(header))
    header["vocabulary"]["characters"] += "€"
    size = len(header["vocabulary"]["characters"])
    path.write_bytes(signed(tensors, header))
    with pytest.raises(ModelFileError, match=f"model: expected one input of {size} tokens"):
        lstm.LanguageModel.load(path)


@pytest.mark.parametrize("change", ["shape", "more", "infinite"])
def test_slots_that_do_not_go_with_the_weights(path: Path, change: str) -> None:
    """The optimizer begins anew, as it does where a layer is frozen after the model is compiled."""
    tensors, header = header_of(FILES / "detector.safetensors")
    slot = tensors["optimizer/mean_square"]
    changed = {
        "shape": slot[None],
        "more": np.append(slot, 1),
        "infinite": np.full_like(slot, np.inf),
    }[change]
    path.write_bytes(signed(tensors | {"optimizer/mean_square": changed}, header))
    model = lstm.load_model(path)
    assert (model.optimizer.step, model.optimizer.slots) == (0, {})
    model.fit(np.ones((2, 3, 2)), np.ones((2, 1)), verbose=0)
    assert all(np.isfinite(w).all() for w in model.get_weights())

"""`lstm quantize`, and `--int8` of the commands that read a model."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import lstm
from language_cases import TEXT, small
from lstm import LanguageModel
from lstm.cli import app
from lstm.models.quantization import is_quantized


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a text and a model."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT)
    small().save("model")
    return tmp_path


def run(command: str) -> str:
    result = CliRunner().invoke(app, command.split())
    assert result.exit_code == 0, result.output
    return result.stdout


def measured(command: str) -> Any:
    return json.loads(run(f"{command} --json"))


def test_a_model_is_written_as_int8(folder: Path) -> None:
    said = run("quantize model int8")
    before, after = ((folder / name).stat().st_size for name in ("model", "int8"))
    assert said == f"int8: {after:,} bytes instead of {before:,}\n"
    assert is_quantized(LanguageModel.load("int8").model.graph)
    assert "Quantized: int8 weights in" in run("info int8")
    assert "Quantized" not in run("info model")


def test_int8_is_that_of_a_quantized_file(folder: Path) -> None:
    run("quantize model int8")
    found = measured("evaluate model text.txt --int8")
    assert found == measured("evaluate int8 text.txt") == measured("evaluate int8 text.txt --int8")
    assert found["nats"] != measured("evaluate model text.txt")["nats"]
    write = "--prompt the --length 40 --seed 1"
    assert run(f"generate model {write} --int8") == run(f"generate int8 {write}")


def test_every_kind_of_model_is_quantized(folder: Path) -> None:
    model = lstm.Sequential([lstm.Input((None, 2)), lstm.layers.LSTM(3)])
    model.save("plain")
    network = lstm.LSTMNetwork(1, 8, 2, seed=0)
    network.save("network")
    run("train text.txt --hidden 8 --epochs 1 --seed 1 --out run")
    for name in ("plain", "network", "run"):
        run(f"quantize {name} {name}-int8")
    assert is_quantized(lstm.load_model("plain-int8").graph)
    assert is_quantized(lstm.LSTMNetwork.load("network-int8").model.graph)
    assert is_quantized(LanguageModel.load("run-int8").model.graph)
    x = np.ones((1, 4, 1))
    network.quantize()
    np.testing.assert_array_equal(
        lstm.LSTMNetwork.load("network-int8").predict(x), network.predict(x)
    )


def test_what_cannot_be_quantized(folder: Path) -> None:
    model = lstm.Sequential([lstm.Input((4,)), lstm.layers.Activation("relu")])
    model.save("nothing")
    for command in ("quantize nothing out", "quantize missing out", "quantize model no/such/out"):
        result = CliRunner().invoke(app, command.split())
        assert result.exit_code == 1
        assert result.output.startswith("error: ")
    assert sorted(path.name for path in folder.iterdir()) == ["model", "nothing", "text.txt"]

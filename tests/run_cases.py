"""Small trainings in folders, and what these hold, read as a user may read it at any time."""

import csv
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from language_cases import TEXT
from lstm import LanguageModel, storage
from lstm.callbacks import LambdaCallback, Logs
from lstm.text import Corpus
from lstm.text.corpus.tokenization import Tokenization
from lstm.text.training.run import TrainingRun

FILES = [
    *("checkpoint.safetensors", "config.json", "history.csv", "history.jsonl"),
    *("model.safetensors", "tokens.bin"),
]
"""Of a training that has come to its end, if it was too short for samples."""


SMALL: dict[str, Any] = {"hidden": 4, "lr": 0.01, "seq_len": 16, "batch_size": 4, "epochs": 3}
STEPS = 3 * 42


def train(folder: Path, corpus: Any = TEXT, **options: Any) -> LanguageModel:
    return LanguageModel.train(corpus, folder=folder, seed=5, **SMALL | options)


def begin(folder: Path, corpus: Any = TEXT, **options: Any) -> TrainingRun:
    return TrainingRun.begin(LanguageModel, corpus, Tokenization(), SMALL | options, folder, seed=5)


def at_step(run: TrainingRun, step: int, what: Any) -> LambdaCallback:
    """What happens after a step of a training."""

    def happen(batch: int, logs: Logs) -> None:
        if run.training.step == step:
            what()

    return LambdaCallback(on_train_batch_end=happen)


def stop_at(run: TrainingRun, step: int) -> None:
    """Train to a step, and stop there as Ctrl-C does."""
    stop = at_step(run, step, lambda: setattr(run.training, "interrupted", True))
    with pytest.raises(KeyboardInterrupt):
        run.train(callbacks=stop)


def digest(file: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def checkpoint(folder: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The arrays and the header of a checkpoint."""
    with storage.reading(folder / "checkpoint.safetensors", ("checkpoint",)) as contents:
        return contents


def records(folder: Path) -> list[dict[str, float]]:
    """The rounds, as history.jsonl has them."""
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


def table(folder: Path) -> list[dict[str, float]]:
    """The rounds, as history.csv has them."""
    with (folder / "history.csv").open(newline="") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def timeless(rounds: list[dict[str, float]]) -> list[dict[str, float]]:
    """The rounds without the time that they took."""
    return [{key: value for key, value in r.items() if key != "seconds"} for r in rounds]


def contents(folder: Path) -> dict[str, Any]:
    """What every file says."""
    return {
        path.name: digest(path) if path.suffix == ".safetensors" else path.read_bytes()
        for path in folder.iterdir()
    }


def check_readable(folder: Path, vocabulary_size: int) -> None:
    """Check that every file that is there is whole."""
    for file in folder.glob("[!.]*"):
        match file.name:
            case "model.safetensors" | "checkpoint.safetensors":
                LanguageModel.load(file)
            case "config.json":
                json.loads(file.read_bytes())
            case "tokens.bin":
                Corpus.open(file, vocabulary_size)
            case "history.jsonl":
                records(folder)
            case "history.csv":
                table(folder)
            case "samples.txt":
                file.read_text("utf-8")
            case other:
                pytest.fail(f"{other} is no file of a training")


def check_same(folder: Path, other: Path) -> None:
    """Check that two trainings left the same, but for the time that they took."""
    assert digest(folder / "model.safetensors") == digest(other / "model.safetensors")
    assert (folder / "tokens.bin").read_bytes() == (other / "tokens.bin").read_bytes()
    assert timeless(records(folder)) == timeless(records(other))
    assert timeless(table(folder)) == timeless(table(other))
    (got, header), (expected, other_header) = checkpoint(folder), checkpoint(other)
    assert got.keys() == expected.keys()
    for key, array in got.items():
        np.testing.assert_array_equal(array, expected[key])
    states = [dict(h["training"]) for h in (header, other_header)]
    for state in states:
        del state["seconds"]
        state["records"] = timeless(state["records"])
    assert states[0] == states[1]


def stopped(folder: Path, step: int = 50, **options: Any) -> Path:
    """A folder of a training that was stopped after a step."""
    stop_at(begin(folder, **options), step)
    return folder


def unbegun(folder: Path, left: Sequence[str] = ("config.json",)) -> None:
    """Leave what a training leaves that is killed before its first checkpoint."""
    config = json.loads((folder / "config.json").read_bytes())
    del config["chosen"]
    (folder / "config.json").write_text(json.dumps(config))
    for name in set(os.listdir(folder)) - {*left}:
        (folder / name).unlink()

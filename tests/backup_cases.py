"""Trainings that are backed up, each with all that a training may depend on.

As a program it trains one and writes down what came of it, unless it is killed at a point of its
saves: python backup_cases.py CASE FOLDER POINT, where 0 is no point.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

import lstm
import sabotage
from lstm.callbacks import (
    BackupAndRestore,
    Callback,
    Contents,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    ModelCheckpoint,
    Tensors,
)
from lstm.layers import GRU, LSTM, Dense, Dropout

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(22, 6, 2)), RNG.normal(size=(22, 6, 1))
RAGGED = [x[: 2 + k % 5] for k, x in enumerate(X)]
RAGGED_Y = [y[: 2 + k % 5] for k, y in enumerate(Y)]


class Numbered:
    """A sequence of batches."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, k: int) -> Any:
        return X[4 * k : 4 * k + 4], Y[4 * k : 4 * k + 4]


class Decay(Callback):
    """A callback that remembers something: how often the loss has risen, and when it was seen."""

    def __init__(self) -> None:
        self.last, self.rises = np.inf, 0

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        self.rises += logs["loss"] > self.last
        self.last = logs["loss"]
        self.model.optimizer.learning_rate = 0.02 / (1 + self.rises)

    def contents(self) -> Contents:
        return {"last": np.array(self.last)}, {"rises": self.rises}

    def restore(self, tensors: Tensors, header: Any) -> None:
        self.last, self.rises = tensors["last"].item(), header["rises"]


def model(*layers: Any, optimizer: Any = "adam") -> lstm.Model:
    made = lstm.Sequential([lstm.Input((None, 2)), *layers, Dense(1)])
    made.compile(optimizer, "mse", ["mae"])
    return made


CASES: dict[str, Callable[[], tuple[lstm.Model, tuple[Any, ...], dict[str, Any]]]] = {
    "shuffled": lambda: (
        model(LSTM(4, return_sequences=True), Dropout(0.3)),
        (X, Y),
        {"validation_split": 0.2, "batch_size": 3},
    ),
    "ragged": lambda: (
        model(GRU(3, return_sequences=True, recurrent_dropout=0.2), optimizer="rmsprop"),
        (RAGGED, RAGGED_Y),
        {"batch_size": 4, "steps_per_epoch": 4},
    ),
    "carried": lambda: (
        model(LSTM(4, return_sequences=True)),
        (X, Y),
        {"carry_state": True, "chunk_length": 2, "batch_size": 9, "steps_per_epoch": 5},
    ),
    "stateful": lambda: (
        model(LSTM(4, stateful=True, return_sequences=True)),
        (X, Y),
        {"batch_size": 2, "shuffle": False, "class_weight": {0: 2.0, 1: 0.5}},
    ),
    "sequence": lambda: (
        model(LSTM(4, return_sequences=True), optimizer=lstm.optimizers.SGD(0.1, 0.9)),
        (Numbered(),),
        {"validation_data": (X[:4], Y[:4])},
    ),
    "sequence in steps": lambda: (
        model(LSTM(4, return_sequences=True)),
        (Numbered(),),
        {"steps_per_epoch": 5},
    ),
}

EPOCHS = 6


def train(
    case: str, folder: Path, *others: Callback, save_freq: Any = 1, **more: Any
) -> lstm.Model:
    """Train, from where the folder has it; the weights and the record are what counts."""
    lstm.set_seed(4)
    made, data, options = CASES[case]()
    watched = "val_loss" if {"validation_split", "validation_data"} & options.keys() else "loss"
    callbacks = [
        *others,
        CSVLogger(folder / "log.csv"),
        Decay(),
        EarlyStopping(watched, min_delta=0.01, patience=3, restore_best_weights=True),
        ModelCheckpoint(folder / "best.safetensors", watched, save_best_only=True),
        BackupAndRestore(folder / "backup", save_freq),
    ]
    made.fit(*data, epochs=EPOCHS, verbose=0, callbacks=callbacks, **options | more)
    return made


def outcome(made: lstm.Model, folder: Path) -> dict[str, Any]:
    """All that a training has brought."""
    assert made.history is not None
    return {
        "weights": [w.tolist() for w in made.get_weights()],
        "state": {name: [p.tolist() for p in parts] for name, parts in made.carried_state.items()},
        "random_state": made.random_state,
        "learning_rate": made.optimizer.learning_rate,
        "slots": {name: np.asarray(slot).tolist() for name, slot in made.optimizer.slots.items()},
        "step": made.optimizer.step,
        "history": made.history.history,
        "epoch": made.history.epoch,
        "csv": (folder / "log.csv").read_text(),
        "best": [w.tolist() for w in lstm.load_model(folder / "best.safetensors").get_weights()],
    }


def stopping(epoch: int) -> Callback:
    """A callback that interrupts a training when an epoch begins."""

    def stop(number: int, logs: Any) -> None:
        if number == epoch:
            raise KeyboardInterrupt

    return LambdaCallback(on_epoch_begin=stop)


def small(units: int = 3, **options: Any) -> lstm.Model:
    """A compiled model of one LSTM."""
    made = lstm.Sequential([lstm.Input((None, 2)), LSTM(units, return_sequences=True), Dense(1)])
    made.compile(**{"optimizer": "adam", "loss": "mse", **options})
    return made


def fit(made: lstm.Model, folder: Path, x: Any = X, y: Any = Y, **options: Any) -> lstm.Model:
    """Train with a backup in a folder, from where the folder has it."""
    others = options.pop("callbacks", [])
    backup = BackupAndRestore(folder, **options.pop("backup", {}))
    made.fit(x, y, **{"epochs": 3, "verbose": 0, **options}, callbacks=[backup, *others])
    return made


def stopped(folder: Path) -> Path:
    """The folder of a training that was interrupted in its second epoch."""
    with suppress(KeyboardInterrupt):
        fit(small(), folder, callbacks=[stopping(1)])
    return folder


if __name__ == "__main__":
    case, place, point = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    with sabotage.sabotaged(point, lambda: os.kill(os.getpid(), signal.SIGKILL)):
        found = outcome(train(case, place), place)
    (place / "outcome.json").write_text(json.dumps(found))

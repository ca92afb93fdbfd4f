"""BackupAndRestore: a training that was killed ends in the bits of one that never was."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backup_cases
import lstm
from backup_cases import CASES, X, Y, fit, outcome, small, stopping, train
from lstm.callbacks import HOOKS, BackupAndRestore, Callback, EarlyStopping, LambdaCallback
from lstm.layers import LSTM
from lstm.optimizers import Adagrad, Adam, Ftrl, Lion, Nadam
from lstm.optimizers.schedules import CosineDecayRestarts, PolynomialDecay

KILLS = int(os.environ.get("LSTM_KILLS", "12"))

posix = pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")


def interrupting(after: int) -> Callback:
    """A callback that ends a training at some moment of which it is told."""
    told = [0]

    def tell(*news: Any) -> None:
        told[0] += 1
        if told[0] > after:
            raise KeyboardInterrupt

    within = [hook for hook in HOOKS if hook not in ("on_train_end", "on_batch_end")]
    return LambdaCallback(**dict.fromkeys(within, tell))


def undisturbed(case: str, tmp_path: Path) -> dict[str, Any]:
    folder = tmp_path / "undisturbed"
    folder.mkdir()
    return outcome(train(case, folder), folder)


@pytest.mark.parametrize("save_freq", [1, 4, "epoch"])
@pytest.mark.parametrize("case", CASES)
def test_an_interrupted_training_ends_in_the_same_bits(
    case: str, save_freq: int | str, tmp_path: Path
) -> None:
    expected = undisturbed(case, tmp_path)
    folder = tmp_path / "interrupted"
    folder.mkdir()
    rng = np.random.default_rng(5)
    interruptions = 0
    while interruptions < 30:
        try:
            # Mostly soon after it begins, sometimes after more than an epoch.
            made = train(case, folder, interrupting(int(rng.geometric(0.08))), save_freq=save_freq)
            break
        except KeyboardInterrupt:
            interruptions += 1
    else:
        made = train(case, folder, save_freq=save_freq)
    assert interruptions > 3
    assert outcome(made, folder) == expected
    assert sorted(os.listdir(folder)) == ["best.safetensors", "log.csv"]


@posix
@pytest.mark.skipif(KILLS == 0, reason="LSTM_KILLS is 0")
def test_a_killed_process_ends_in_the_same_bits(tmp_path: Path) -> None:
    """Killed at any time, or at a point of its saves."""
    case, rng, kills = "shuffled", np.random.default_rng(0), Counter[str]()
    expected = json.loads(json.dumps(undisturbed(case, tmp_path)))
    folder = tmp_path / "killed"
    folder.mkdir()
    environment = {**os.environ, "LSTM_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}

    def begun(point: int) -> subprocess.Popen[bytes]:
        program = [sys.executable, backup_cases.__file__, case, str(folder), str(point)]
        return subprocess.Popen(program, env=environment)

    while kills.total() < KILLS:
        if kills.total() % 2:
            running, kind = begun(int(rng.integers(1, 120))), "in a save"
        else:
            running, kind = begun(0), "at any time"
            time.sleep(float(rng.uniform(0.3, 0.8)))
            running.send_signal((signal.SIGKILL, signal.SIGINT)[rng.integers(2)])
        code = running.wait(timeout=120)
        if code:
            kills[kind] += 1
        if (folder / "outcome.json").exists():
            assert json.loads((folder / "outcome.json").read_text()) == expected
            (folder / "outcome.json").unlink()
    assert begun(0).wait(timeout=120) == 0
    assert json.loads((folder / "outcome.json").read_text()) == expected
    assert not [path for path in folder.rglob(".*") if "best" not in path.name]
    print(dict(kills))


OPTIMIZERS = [
    lambda: Lion(PolynomialDecay(0.1, 20), clipnorm=0.1),
    lambda: Nadam(0.1, gradient_accumulation_steps=4, global_clipnorm=0.1),
    lambda: Adam(0.1, amsgrad=True, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=4),
    lambda: Adagrad(CosineDecayRestarts(0.1, 3), gradient_accumulation_steps=3, use_ema=True),
    lambda: Ftrl(0.1, weight_decay=0.1),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda make: repr(make()))
@pytest.mark.parametrize("steps", [1, 6, 11])
def test_optimizers_and_schedules_continue(optimizer: Any, steps: int, tmp_path: Path) -> None:
    def train(*callbacks: Callback) -> list[Any]:
        lstm.set_seed(4)
        made = small(optimizer=optimizer())
        fit(made, tmp_path, callbacks=callbacks, batch_size=4, backup={"save_freq": 1})
        weights = [w.tolist() for w in made.get_weights()]
        return [*weights, made.optimizer.learning_rate, made.optimizer.step, made.history.history]

    def stop(batch: int, logs: Any) -> None:
        taken.append(batch)
        if len(taken) > steps:
            raise KeyboardInterrupt

    expected, taken = train(), list[int]()
    with pytest.raises(KeyboardInterrupt):
        train(LambdaCallback(on_train_batch_end=stop))
    assert train() == expected


class TestGoingOn:
    def test_needs_no_seed(self, tmp_path: Path) -> None:
        """The weights from before the first step are kept, too."""
        folder = tmp_path / "backup"
        first = small()
        weights = first.get_weights()
        with pytest.raises(KeyboardInterrupt):
            fit(first, folder, callbacks=[stopping(0)])
        seen: list[Any] = []
        keep = LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append(other.get_weights()))
        other = small()
        fit(other, folder, callbacks=[keep])
        for a, b in zip(seen[0], weights, strict=True):
            np.testing.assert_array_equal(a, b)

    def test_tells_callbacks_of_what_is_still_to_come(self, tmp_path: Path) -> None:
        told: list[Any] = []
        keep = LambdaCallback(
            on_epoch_begin=lambda epoch, logs: told.append(epoch),
            on_train_batch_begin=lambda batch, logs: told.append(f"batch {batch}"),
            on_epoch_end=lambda epoch, logs: told.append("end"),
        )

        def stop(batch: int, logs: Any) -> None:
            if batch == 1:
                raise KeyboardInterrupt

        options: dict[str, Any] = {"batch_size": 8, "backup": {"save_freq": 1}, "epochs": 2}
        with pytest.raises(KeyboardInterrupt):
            fit(
                small(),
                tmp_path,
                callbacks=[LambdaCallback(on_train_batch_begin=stop)],
                **options,
            )
        made = fit(small(), tmp_path, callbacks=[keep], **options)
        batches = [f"batch {k}" for k in range(3)]
        assert told == [0, *batches[1:], "end", 1, *batches, "end"]
        assert made.history is not None
        assert made.history.epoch == [0, 1]

    def test_more_epochs_may_follow(self, tmp_path: Path) -> None:
        lstm.set_seed(1)
        whole = small()
        whole.fit(X, Y, epochs=5, verbose=0)
        lstm.set_seed(1)
        backup = {"delete_checkpoint": False}
        fit(small(), tmp_path, epochs=2, backup=backup)
        before = (tmp_path / "backup.safetensors").read_bytes()
        assert len(fit(small(), tmp_path, epochs=2, backup=backup).history.epoch) == 2  # type: ignore[union-attr]
        assert (tmp_path / "backup.safetensors").read_bytes() == before
        made = fit(small(), tmp_path, epochs=5)
        assert made.history is not None
        assert whole.history is not None
        assert made.history.history == whole.history.history
        assert not tmp_path.exists()

    def test_a_training_that_was_stopped_has_come_to_its_end(self, tmp_path: Path) -> None:
        backup = {"delete_checkpoint": False}
        stopped = EarlyStopping("loss", min_delta=1e9)
        made = fit(small(), tmp_path, epochs=9, callbacks=[stopped], backup=backup)
        again = EarlyStopping("loss", min_delta=1e9)
        other = fit(small(), tmp_path, epochs=9, callbacks=[again], backup=backup)
        assert made.history is not None
        assert other.history is not None
        assert made.history.epoch == other.history.epoch == [0, 1]
        assert again.stopped_epoch == stopped.stopped_epoch == 1

    def test_writes_as_often_as_it_is_told(self, tmp_path: Path) -> None:
        written: list[int] = []
        for freq in ("epoch", 2):
            backup = BackupAndRestore(tmp_path, freq)
            write, count = backup._write, []
            backup._write = lambda write=write, count=count: (count.append(1), write())  # type: ignore[method-assign, assignment]
            small().fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=backup)
            written.append(len(count))
        # Six steps in each epoch; and before the first one.
        assert written == [1 + 2, 1 + 6]


def test_what_is_no_number_stops_a_training_that_goes_on_as_it_did(tmp_path: Path) -> None:
    """It is not gone on with after it has diverged."""
    options: dict[str, Any] = {"optimizer": lstm.optimizers.SGD(1e15)}
    backup = {"delete_checkpoint": False}
    found = []
    for _ in range(2):
        lstm.set_seed(0)
        made = lstm.Sequential([lstm.Input((None, 2)), LSTM(4, None, return_sequences=True)])
        made.compile(loss="mse", **options)
        with pytest.warns(lstm.errors.StoppedWarning, match="no longer a finite number") as warned:
            fit(made, tmp_path, y=np.zeros((22, 6, 4)), epochs=50, backup=backup)
        assert made.history is not None
        found.append((str(warned[0].message), len(made.history.epoch)))
    assert found[0] == found[1]

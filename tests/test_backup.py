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
from backup_cases import CASES, EPOCHS, X, Y, outcome, train
from lstm import saving
from lstm.callbacks import HOOKS, BackupAndRestore, Callback, EarlyStopping, LambdaCallback
from lstm.errors import InvalidTypeError, InvalidValueError, ModelFileError
from lstm.layers import LSTM, Dense
from lstm.losses import Huber
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


def stopping(epoch: int) -> Callback:
    def stop(number: int, logs: Any) -> None:
        if number == epoch:
            raise KeyboardInterrupt

    return LambdaCallback(on_epoch_begin=stop)


def small(units: int = 3, **options: Any) -> lstm.Model:
    made = lstm.Sequential([lstm.Input((None, 2)), LSTM(units, return_sequences=True), Dense(1)])
    made.compile(**{"optimizer": "adam", "loss": "mse", **options})
    return made


def fit(made: lstm.Model, folder: Path, x: Any = X, y: Any = Y, **options: Any) -> lstm.Model:
    others = options.pop("callbacks", [])
    backup = BackupAndRestore(folder, **options.pop("backup", {}))
    made.fit(x, y, **{"epochs": 3, "verbose": 0, **options}, callbacks=[backup, *others])
    return made


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


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The folder of a training that was interrupted in its second epoch."""
    with pytest.raises(KeyboardInterrupt):
        fit(small(), tmp_path / "backup", callbacks=[stopping(1)])
    return tmp_path / "backup"


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


class TestRefused:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (
                {"x": X[::-1]},
                "x: expected the same values, as in the training run in .*, got other values",
            ),
            ({"y": Y * 2}, "y: expected the same values, as in"),
            ({"sample_weight": np.ones(22)}, "sample_weight: expected the same values, as in"),
            ({"batch_size": 16}, r"batch_size: expected 32, as in .*backup \(remove .*, got 16"),
            ({"shuffle": False}, "shuffle: expected True, as in .*, got False"),
            ({"steps_per_epoch": 2}, "steps_per_epoch: expected None, as in .*, got 2"),
            ({"initial_epoch": 1}, "initial_epoch: expected 0, as in .*, got 1"),
            ({"class_weight": {0: 2}}, r"class_weight: expected None, as in .*, got \[\[0, 2\]\]"),
            ({"validation_split": 0.5}, "(x|validation_data): expected ('none'|the same values)"),
            (
                {"validation_data": (X[:2], Y[:2])},
                "validation_data: expected 'none', .*, got other values",
            ),
            (
                {"callbacks": [EarlyStopping("loss")]},
                "callbacks: expected 'none', .* 'EarlyStopping'",
            ),
        ],
    )
    def test_other_data_and_arguments(
        self, kept: Path, options: dict[str, Any], message: str
    ) -> None:
        made = small()
        before, files = made.get_weights(), [path.read_bytes() for path in kept.iterdir()]
        with pytest.raises(InvalidValueError, match=f"^{message}"):
            fit(made, kept, **options)
        for a, b in zip(made.get_weights(), before, strict=True):
            np.testing.assert_array_equal(a, b)
        assert [path.read_bytes() for path in kept.iterdir()] == files

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"units": 4}, "model: expected the same layers, as in .*, got other layers"),
            ({"optimizer": "sgd"}, "optimizer: expected 'Adam', as in .*, got 'SGD'"),
            ({"optimizer": lstm.optimizers.Adam(beta_1=0.5)}, "beta_1: expected 0.9, .*got 0.5"),
            (
                {"optimizer": Adam(CosineDecayRestarts(0.1, 3))},
                "learning_rate: expected None, .*, got other values",
            ),
            ({"loss": "mae"}, "loss: expected"),
            ({"metrics": ["mae"]}, "metrics: expected 'none', as in .*, got 'mae'"),
        ],
    )
    def test_another_model(self, kept: Path, options: dict[str, Any], message: str) -> None:
        with pytest.raises(InvalidValueError, match=f"^{message}"):
            fit(small(**options), kept)

    def test_the_same_loss_with_other_arguments(self, tmp_path: Path) -> None:
        with pytest.raises(KeyboardInterrupt):
            fit(small(loss=Huber(1.0)), tmp_path, callbacks=[stopping(1)])
        with pytest.raises(InvalidValueError, match=r"^delta: expected 1.0, as in .*, got 0.1"):
            fit(small(loss=Huber(0.1)), tmp_path)

    def test_what_a_callback_remembers_has_a_form(self, tmp_path: Path) -> None:
        class Forgetful(Callback):
            def contents(self) -> Any:
                return {}

        with pytest.raises(InvalidTypeError, match=r"^contents of Forgetful: expected \(arrays"):
            fit(small(), tmp_path, callbacks=[Forgetful()])

    def test_another_backend(self, kept: Path, float64: None) -> None:
        with pytest.raises(InvalidValueError, match=r"^backend: expected 'native, float32', as in"):
            fit(small(), kept)

    @pytest.mark.parametrize(("epochs", "begun"), [(0, 2), (1, 2)])
    def test_fewer_epochs_than_it_has(self, kept: Path, epochs: int, begun: int) -> None:
        """The longer training would be lost at the end of the shorter one."""
        with pytest.raises(KeyboardInterrupt):
            fit(small(), kept, callbacks=[stopping(2)])
        files = [path.read_bytes() for path in kept.iterdir()]
        made = small()
        before = made.get_weights()
        message = rf"^epochs: expected at least {begun}, which .*backup has begun .*, got {epochs}"
        with pytest.raises(InvalidValueError, match=message):
            fit(made, kept, epochs=epochs)
        for a, b in zip(made.get_weights(), before, strict=True):
            np.testing.assert_array_equal(a, b)
        assert [path.read_bytes() for path in kept.iterdir()] == files

    def test_fewer_epochs_than_it_has_begun(self, tmp_path: Path) -> None:
        def stop(batch: int, logs: Any) -> None:
            if batch == 1:
                raise KeyboardInterrupt

        options: dict[str, Any] = {"batch_size": 8, "backup": {"save_freq": 1}}
        stops = [LambdaCallback(on_train_batch_begin=stop)]
        with pytest.raises(KeyboardInterrupt):
            fit(small(), tmp_path, callbacks=stops, **options)
        with pytest.raises(InvalidValueError, match=r"^epochs: expected at least 1, .* got 0$"):
            fit(small(), tmp_path, epochs=0, **options)
        assert len(fit(small(), tmp_path, epochs=1, **options).history.epoch) == 1  # type: ignore[union-attr]

    def test_another_sequence_of_batches(self, tmp_path: Path) -> None:
        class Shorter(backup_cases.Numbered):
            def __len__(self) -> int:
                return 3

        numbered = backup_cases.Numbered()
        with pytest.raises(KeyboardInterrupt):
            fit(small(), tmp_path, numbered, None, callbacks=[stopping(1)])
        with pytest.raises(InvalidValueError, match=r"^x: expected '6 batches', .*'3 batches'"):
            fit(small(), tmp_path, Shorter(), None)

    @pytest.mark.parametrize("make", [iter, lambda batches: (batch for batch in batches)])
    def test_what_only_comes(self, tmp_path: Path, make: Any) -> None:
        with pytest.raises(InvalidTypeError, match=r"^x: expected arrays, or a sequence of batche"):
            fit(small(), tmp_path / "backup", make([(X, Y)]), None)
        assert os.listdir(tmp_path) == []
        with pytest.raises(
            InvalidTypeError, match=r"^validation_data: expected data that BackupAndRe"
        ):
            fit(small(), tmp_path, validation_data=make([(X, Y)]), validation_steps=1)

    def test_two_of_them(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidValueError, match=r"^callbacks: expected one BackupAndRestore"):
            fit(small(), tmp_path, callbacks=[BackupAndRestore(tmp_path)])

    def test_for_language_models(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidTypeError, match=r"^callbacks: expected .*folder"):
            lstm.LanguageModel.train(
                "to be or not to be. " * 40, callbacks=BackupAndRestore(tmp_path), epochs=1
            )

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"backup_dir": 3}, "backup_dir: expected"),
            ({"backup_dir": ""}, r"backup_dir: expected a path \(.*\), got ''"),
            ({"save_freq": 0}, "save_freq: expected an integer of at least 1"),
            (
                {"save_freq": "batch"},
                'save_freq: expected "epoch" or a number of batches, got \'ba',
            ),
            ({"save_freq": False}, 'save_freq: expected "epoch" or a number of batches, got False'),
            ({"double_checkpoint": "no"}, "double_checkpoint: expected True or False"),
            ({"delete_checkpoint": None}, "delete_checkpoint: expected True or False"),
        ],
    )
    def test_bad_arguments(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(InvalidValueError, match=f"^{message}"):
            BackupAndRestore(**{"backup_dir": "backup", **options})

    def test_a_folder_in_which_another_trains(self, tmp_path: Path) -> None:
        made = small()

        def too(epoch: int, logs: Any) -> None:
            with pytest.raises(ModelFileError, match="another process trains in it"):
                fit(small(), tmp_path)

        fit(made, tmp_path, callbacks=[LambdaCallback(on_epoch_end=too)])

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(InvalidValueError, match=r"^backup_dir: expected a folder that can be"):
            fit(small(), tmp_path / "file")


class TestFiles:
    def test_one_that_is_damaged_is_refused(self, kept: Path) -> None:
        (kept / "backup.safetensors").write_bytes(b"nothing")
        with pytest.raises(ModelFileError, match="is damaged"):
            fit(small(), kept)

    def test_the_last_but_one_takes_its_place(self, tmp_path: Path) -> None:
        lstm.set_seed(1)
        whole = small()
        whole.fit(X, Y, epochs=3, verbose=0)
        lstm.set_seed(1)
        double = {"double_checkpoint": True}
        with pytest.raises(KeyboardInterrupt):
            fit(small(), tmp_path, callbacks=[stopping(2)], backup=double)
        assert sorted(os.listdir(tmp_path)) == ["backup.safetensors", "previous.safetensors"]
        (tmp_path / "backup.safetensors").write_bytes(b"nothing")
        made = fit(small(), tmp_path, backup=double)
        assert made.history is not None
        assert whole.history is not None
        assert made.history.history == whole.history.history
        assert not tmp_path.exists()

    def test_say_what_they_are(self, kept: Path) -> None:
        with pytest.raises(ModelFileError, match=r"holds a backup, .* lstm.callbacks.BackupAndRes"):
            lstm.load_model(kept / "backup.safetensors")

    def test_of_others_stay(self, kept: Path) -> None:
        (kept / "notes.txt").write_text("mine")
        fit(small(), kept)
        assert os.listdir(kept) == ["notes.txt"]

    def test_what_a_killed_process_was_writing_goes(self, kept: Path) -> None:
        stray = kept / ".backup.safetensors.0123abcd"
        stray.write_bytes(b"half")
        fit(small(), kept)
        assert not kept.exists()

    def test_a_backup_is_removed_only_when_all_went_well(self, kept: Path) -> None:
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                fit(small(), kept, callbacks=[stopping(2)])
            with saving.reading(kept / "backup.safetensors", ("backup",)) as (_, header):
                assert header["round"] == 2
        assert EPOCHS > 2


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

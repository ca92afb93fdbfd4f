"""BackupAndRestore: what a folder must be for a training to continue from it, and its files."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backup_cases
import lstm
from backup_cases import EPOCHS, X, Y, fit, small, stopped, stopping
from lstm import storage
from lstm.callbacks import BackupAndRestore, Callback, EarlyStopping, LambdaCallback
from lstm.errors import InvalidTypeError, InvalidValueError, ModelFileError
from lstm.losses import Huber
from lstm.optimizers import Adam
from lstm.optimizers.schedules import CosineDecayRestarts


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return stopped(tmp_path / "backup")


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
            with storage.reading(kept / "backup.safetensors", ("backup",)) as (_, header):
                assert header["round"] == 2
        assert EPOCHS > 2

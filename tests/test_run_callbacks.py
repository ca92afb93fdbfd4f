"""What callbacks remember is part of a training run in a folder: resumed is never stopped."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from lstm import LanguageModel
from lstm.callbacks import Callback, Contents, CSVLogger, EarlyStopping, LambdaCallback, Logs
from lstm.errors import InvalidValueError
from lstm.text.training.run import TrainingRun
from run_cases import at_step, begin, check_same

OPTIONS = {"lr": 0.3, "epochs": 12}


class Counter(Callback):
    """Remembers what it was told, in an array and in a list."""

    def on_train_begin(self, logs: Logs) -> None:
        self.sum, self.epochs = np.zeros(1), list[int]()

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        self.sum += logs["loss"]

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        self.epochs.append(epoch)

    def contents(self) -> Contents:
        return {"sum": self.sum.copy()}, {"epochs": self.epochs}

    def restore(self, tensors: Any, header: Any) -> None:
        self.sum, self.epochs = tensors["sum"].copy(), list(header["epochs"])


def callbacks(table: Path) -> tuple[Counter, EarlyStopping, CSVLogger]:
    return Counter(), EarlyStopping(min_delta=0.15, patience=2), CSVLogger(table)


def stop_at(run: TrainingRun, step: int, *others: Callback) -> None:
    stop = at_step(run, step, lambda: setattr(run.training, "interrupted", True))
    with pytest.raises(KeyboardInterrupt):
        run.train(callbacks=[stop, *others])


@pytest.mark.parametrize("stops", [(1,), (20, 21), (42, 43), (84, 130)], ids=str)
def test_callbacks_continue_too(tmp_path: Path, stops: tuple[int, ...]) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    expected = callbacks(tmp_path / "whole.csv")
    begin(whole, **OPTIONS).train(callbacks=expected)
    assert expected[1].stopped_epoch > 0
    run = begin(parts, **OPTIONS)
    for step in stops:
        stop_at(run, step, *callbacks(tmp_path / "parts.csv"))
        run = TrainingRun.resume(LanguageModel, parts)
    got = callbacks(tmp_path / "parts.csv")
    run.train(callbacks=got)
    assert_array_equal(got[0].sum, expected[0].sum)
    assert got[0].epochs == expected[0].epochs
    assert got[1].stopped_epoch == expected[1].stopped_epoch
    assert (tmp_path / "parts.csv").read_text() == (tmp_path / "whole.csv").read_text()
    check_same(parts, whole)


def test_a_checkpoint_knows_what_callbacks_were_told(tmp_path: Path) -> None:
    """The process ends where no error is caught; the last checkpoint is that of a step."""
    run, counter = begin(tmp_path / "run", **OPTIONS), Counter()
    kept: list[bytes] = []
    file = tmp_path / "run" / "checkpoint.safetensors"
    look = LambdaCallback(on_train_batch_begin=lambda batch, logs: kept.append(file.read_bytes()))
    sums: list[float] = []
    note = LambdaCallback(on_train_batch_end=lambda batch, logs: sums.append(float(counter.sum[0])))
    run.train(callbacks=[look, counter, note], checkpoint_every=0)
    file.write_bytes(kept[30])
    again = TrainingRun.resume(LanguageModel, tmp_path / "run")
    assert again.training.step == 30
    resumed, more = Counter(), list[float]()
    note = LambdaCallback(on_train_batch_end=lambda batch, logs: more.append(resumed.sum[0]))
    again.train(callbacks=[resumed, note])
    assert more == sums[30:]


def test_what_a_callback_has_ended_stays_ended(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    begin(folder, **OPTIONS).train(callbacks=callbacks(tmp_path / "a.csv"))
    again = TrainingRun.resume(LanguageModel, folder)
    step = again.training.step
    assert step < 12 * 42
    again.train(callbacks=callbacks(tmp_path / "a.csv"))
    assert again.training.step == step


def test_other_callbacks_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    stop_at(begin(folder, **OPTIONS), 20, EarlyStopping())
    for others, got in (([], "none"), ([EarlyStopping(), Counter()], "EarlyStopping, Counter")):
        with pytest.raises(InvalidValueError) as caught:
            LanguageModel.resume(folder, callbacks=others)
        assert str(caught.value).startswith(
            "callbacks: expected EarlyStopping, as when the run began"
        )
        assert str(caught.value).endswith(f"got {got}")
    # Those that remember nothing may come and go.
    LanguageModel.resume(folder, callbacks=[LambdaCallback(), EarlyStopping()])

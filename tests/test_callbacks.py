"""Callbacks: when they are called, and what each of the library's own does."""

import csv
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    ModelCheckpoint,
    TensorBoard,
    TerminateOnNaN,
)
from lstm.errors import InvalidTypeError, InvalidValueError, MissingExtraError
from lstm.layers import Dense

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(6, 2)), RNG.normal(size=(6, 1))


@pytest.fixture
def model() -> lstm.Model:
    lstm.set_seed(4)
    model = lstm.Sequential([lstm.Input((2,)), Dense(1)])
    model.compile("sgd", "mse", ["mae"])
    return model


class Scripted(Callback):
    """Puts values into the logs, one for each epoch, before the callbacks that come after."""

    def __init__(self, key: str, values: list[float]) -> None:
        self.key, self.values = key, values
        self.weights: list[Any] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        logs[self.key] = self.values[epoch]
        self.weights.append(self.model.get_weights())


class Recorder(Callback):
    def __init__(self) -> None:
        self.calls: list[str] = []

    def on_train_begin(self, logs: Any) -> None:
        self.calls.append(f"begin, {self.params['epochs']} epochs of {self.params['steps']} steps")

    def on_epoch_begin(self, epoch: int, logs: Any) -> None:
        self.calls.append(f"epoch {epoch}")

    def on_train_batch_begin(self, batch: int, logs: Any) -> None:
        self.calls.append(f"batch {batch}")

    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        self.calls.append(f"after batch {batch}: {' '.join(logs)}")

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        self.calls.append(f"after epoch {epoch}: {' '.join(logs)}")

    def on_train_end(self, logs: Any) -> None:
        self.calls.append("end")


class TestCalls:
    def test_come_in_order(self, model: lstm.Model) -> None:
        recorder = Recorder()
        model.fit(X, Y, 4, 2, callbacks=[recorder], validation_data=(X, Y), verbose=0)
        epoch = [
            "batch 0",
            "after batch 0: loss mae",
            "batch 1",
            "after batch 1: loss mae",
        ]
        logs = "loss mae val_loss val_mae"
        assert recorder.calls == [
            "begin, 2 epochs of 2 steps",
            *["epoch 0", *epoch, f"after epoch 0: {logs}"],
            *["epoch 1", *epoch, f"after epoch 1: {logs}"],
            "end",
        ]
        assert recorder.model is model

    def test_one_or_none_will_do(self, model: lstm.Model) -> None:
        recorder = Recorder()
        model.fit(X, Y, callbacks=recorder, verbose=0)
        assert recorder.calls[-1] == "end"
        model.fit(X, Y, callbacks=None, verbose=0)

    def test_others_are_refused_before_training(self, model: lstm.Model) -> None:
        before = model.get_weights()
        for wrong in (print, [print], [Recorder]):
            with pytest.raises(InvalidTypeError, match="callbacks: expected Callbacks"):
                model.fit(X, Y, callbacks=wrong, verbose=0)
        assert_array_equal(model.get_weights()[0], before[0])

    @pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
    def test_everyone_is_told_of_the_end_whatever_happens(
        self, model: lstm.Model, error: type[BaseException]
    ) -> None:
        def interrupt(epoch: int, logs: Any) -> None:
            if epoch == 1:
                raise error

        def fail(logs: Any) -> None:
            raise OSError

        first, last = Recorder(), Recorder()
        broken = LambdaCallback(on_epoch_end=interrupt, on_train_end=fail)
        with pytest.raises((error, OSError)):
            model.fit(X, Y, epochs=5, callbacks=[first, broken, last], verbose=0)
        assert first.calls[-1] == last.calls[-1] == "end"
        assert model.history is not None
        assert model.history.epoch == [0, 1]

    def test_those_that_did_not_begin_do_not_end(self, model: lstm.Model) -> None:
        def fail(logs: Any) -> None:
            raise OSError("disk full")

        first, last = Recorder(), Recorder()
        with pytest.raises(OSError, match="disk full"):
            model.fit(X, Y, callbacks=[first, LambdaCallback(on_train_begin=fail), last], verbose=0)
        assert first.calls[-1] == "end"
        assert last.calls == []

    def test_stop_training_ends_after_the_batch(self, model: lstm.Model) -> None:
        class Stop(Recorder):
            def on_train_batch_end(self, batch: int, logs: Any) -> None:
                self.model.stop_training = batch == 1

        stop = Stop()
        history = model.fit(X, Y, 2, 5, callbacks=[stop], verbose=0)
        assert stop.calls.count("batch 1") == 1
        assert "batch 2" not in stop.calls
        assert history.epoch == [0]
        assert model.fit(X, Y, epochs=2, verbose=0).epoch == [0, 1]

    def test_the_learning_rate_may_be_changed(self, model: lstm.Model) -> None:
        class Decay(Callback):
            def on_epoch_begin(self, epoch: int, logs: Any) -> None:
                self.model.optimizer.learning_rate = 0.01 * 0.0**epoch

        weights = Scripted("none", [0.0] * 3)
        model.fit(X, Y, epochs=3, callbacks=[Decay(), weights], verbose=0)
        assert_array_equal(weights.weights[0][0], weights.weights[2][0])


class TestEarlyStopping:
    @pytest.mark.parametrize(
        ("options", "values", "stopped"),
        [
            ({}, [3, 2, 2, 1], 2),
            ({"patience": 1}, [3, 2, 2, 1], 2),
            ({"patience": 2}, [3, 4, 5, 1], 2),
            ({"patience": 2}, [3, 4, 2, 3, 3, 0], 4),
            ({"patience": 2}, [3, 4, 2, 3, 1, 0], None),
            ({"min_delta": 0.5}, [3, 2.6, 2], 1),
            ({"min_delta": 0.5}, [3, 2.4, 1.8], None),
            ({"mode": "max"}, [1, 2, 3, 3, 4], 3),
            ({"mode": "min"}, [1, 2, 3], 1),
            ({"patience": 2}, [3, float("nan"), float("nan"), 1], 2),
            ({"baseline": 2.5, "patience": 2}, [5, 4, 3, 3, 1], 3),
            ({"baseline": 2.5, "patience": 2}, [5, 2, 3, 1], None),
            ({"start_from_epoch": 2}, [1, 5, 4, 3, 3], 4),
            ({"start_from_epoch": 2, "patience": 2}, [1, 5, 4, 5, 6, 0], 4),
            ({"min_delta": -0.5}, [3, 2.6, 2], 1),
        ],
    )
    def test_counts_as_keras(
        self, model: lstm.Model, options: dict[str, Any], values: list[float], stopped: int | None
    ) -> None:
        stopping = EarlyStopping("value", **{"mode": "min", **options})
        script = Scripted("value", values)
        history = model.fit(X, Y, epochs=len(values), callbacks=[script, stopping], verbose=0)
        assert stopping.stopped_epoch == (stopped or 0)
        assert history.epoch[-1] == (len(values) - 1 if stopped is None else stopped)

    @pytest.mark.parametrize("values", [[3, 1, 2, 2, 0], [3, 1, 2, 2]], ids=["stops", "ends"])
    def test_restores_the_best_weights(self, model: lstm.Model, values: list[float]) -> None:
        script = Scripted("value", values)
        stopping = EarlyStopping("value", mode="min", patience=3, restore_best_weights=True)
        model.fit(X, Y, epochs=4, callbacks=[script, stopping], verbose=0)
        assert_array_equal(model.get_weights()[0], script.weights[1][0])
        assert (script.weights[3][0] != script.weights[1][0]).any()

    def test_starts_anew_with_every_fit(self, model: lstm.Model) -> None:
        stopping = EarlyStopping("value", mode="min", patience=1)
        for values in ([1, 2], [6, 5, 4]):
            script = Scripted("value", values)
            history = model.fit(X, Y, epochs=len(values), callbacks=[script, stopping], verbose=0)
            assert len(history.epoch) == len(values)

    def test_unusable(self, model: lstm.Model) -> None:
        for options in ({"patience": -1}, {"mode": "up"}, {"min_delta": "1"}, {"verbose": -1}):
            with pytest.raises(InvalidValueError, match=next(iter(options))):
                EarlyStopping(**options)


class TestModelCheckpoint:
    def saved(self, folder: Path) -> list[str]:
        return sorted(path.name for path in folder.iterdir())

    def test_names_hold_epoch_and_logs(self, model: lstm.Model, tmp_path: Path) -> None:
        script = Scripted("val_loss", [0.5, 0.25])
        keep = ModelCheckpoint(tmp_path / "{epoch:02d}-{val_loss:.2f}.safetensors")
        model.fit(X, Y, epochs=2, callbacks=[script, keep], verbose=0)
        assert self.saved(tmp_path) == ["01-0.50.safetensors", "02-0.25.safetensors"]
        first = lstm.load_model(tmp_path / "01-0.50.safetensors")
        assert_array_equal(first.get_weights()[0], script.weights[0][0])

    @pytest.mark.parametrize("make", [ModelCheckpoint, CSVLogger])
    def test_no_name_of_a_file_has_zero_characters(self, make: Any) -> None:
        with pytest.raises(InvalidValueError, match=r"^file\w+: expected a path without zero"):
            make("a\0b")

    def test_saves_only_the_best(self, model: lstm.Model, tmp_path: Path) -> None:
        script = Scripted("val_loss", [3, 2, 4, 1, 2])
        path = str(tmp_path / "{epoch}")
        keep = ModelCheckpoint(path, save_best_only=True)
        model.fit(X, Y, epochs=5, callbacks=[script, keep], verbose=0)
        assert self.saved(tmp_path) == ["1", "2", "4"]

    def test_best_may_be_the_largest(self, model: lstm.Model, tmp_path: Path) -> None:
        script = Scripted("val_accuracy", [1, 3, 2])
        keep = ModelCheckpoint(
            tmp_path / "{epoch}", "val_accuracy", mode="max", save_best_only=True
        )
        model.fit(X, Y, epochs=3, callbacks=[script, keep], verbose=0)
        assert self.saved(tmp_path) == ["1", "2"]

    @pytest.mark.parametrize(
        "name", ["{epochs}", "{}", "{loss:d}", "{", "}", "{epoch!r:{}", "{epoch!}", "{epoch.x}"]
    )
    def test_unusable_names(self, model: lstm.Model, tmp_path: Path, name: str) -> None:
        before = model.get_weights()
        with pytest.raises(InvalidValueError, match="filepath: expected fields among epoch, loss"):
            model.fit(X, Y, callbacks=ModelCheckpoint(tmp_path / name), verbose=0)
        assert self.saved(tmp_path) == []
        if name != "{epochs}":  # It could be a key of the logs, which come with the first epoch.
            assert_array_equal(model.get_weights()[0], before[0])


class TestCSVLogger:
    def rows(self, path: Path, separator: str = ",") -> list[list[str]]:
        return list(csv.reader(path.read_text().splitlines(), delimiter=separator))

    def test_writes_every_epoch(self, model: lstm.Model, tmp_path: Path) -> None:
        path = tmp_path / "log.csv"
        path.write_text("old\n")
        history = model.fit(X, Y, epochs=3, callbacks=CSVLogger(path), verbose=0)
        header, *rows = self.rows(path)
        assert header == ["epoch", "loss", "mae"]
        assert [int(row[0]) for row in rows] == [0, 1, 2]
        assert [float(row[1]) for row in rows] == history.history["loss"]

    def test_appends(self, model: lstm.Model, tmp_path: Path) -> None:
        path = tmp_path / "log.csv"
        for first in (0, 2):
            logger = CSVLogger(path, separator=";", append=True)
            model.fit(X, Y, epochs=first + 2, initial_epoch=first, callbacks=logger, verbose=0)
        header, *rows = self.rows(path, ";")
        assert header == ["epoch", "loss", "mae"]
        assert [row[0] for row in rows] == ["0", "1", "2", "3"]

    def test_is_complete_and_closed_after_an_interruption(
        self, model: lstm.Model, tmp_path: Path
    ) -> None:
        def interrupt(epoch: int, logs: Any) -> None:
            assert len(self.rows(tmp_path / "log.csv")) == epoch + 2
            if epoch == 2:
                raise KeyboardInterrupt

        logger = CSVLogger(tmp_path / "log.csv")
        callbacks = [logger, LambdaCallback(on_epoch_end=interrupt)]
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, epochs=5, callbacks=callbacks, verbose=0)
        assert len(self.rows(tmp_path / "log.csv")) == 4
        assert logger._file is not None
        assert logger._file.closed


class TestTensorBoard:
    def scalars(self, folder: Path) -> list[tuple[str, int, float]]:
        """The values (name, step, value) in the event files of a folder, in their order."""
        events = self.events(folder)
        return [
            (v.tag, event.step, v.simple_value) for event in events for v in event.summary.value
        ]

    def events(self, folder: Path) -> list[Any]:
        """The events in the files of a folder, in their order.

        A file is a sequence of records: length (8 bytes), its checksum (4), an event, and its
        checksum (4).
        """
        from tensorboardX.proto.event_pb2 import Event

        found = []
        for file in sorted(folder.glob("events.out.tfevents.*")):
            data, at = file.read_bytes(), 0
            while at < len(data):
                (length,) = struct.unpack_from("<Q", data, at)
                found.append(Event.FromString(data[at + 12 : at + 12 + length]))
                at += length + 16
            assert at == len(data)
        return found

    def test_writes_every_epoch(self, model: lstm.Model, tmp_path: Path) -> None:
        history = model.fit(X, Y, 4, 3, callbacks=TensorBoard(tmp_path), verbose=0)
        found = self.scalars(tmp_path)
        assert {name for name, _, _ in found} == {"loss", "mae", "learning_rate"}
        for name, values in history.history.items():
            written = [(step, value) for tag, step, value in found if tag == name]
            # By steps of the optimizer, of which an epoch has two.
            assert [step for step, _ in written] == [2, 4, 6]
            assert_array_equal(np.float32(values), np.float32([value for _, value in written]))
        rates = [value for tag, _, value in found if tag == "learning_rate"]
        assert_array_equal(rates, np.float32([model.optimizer.learning_rate] * 3))

    def test_writes_batches_on_request(self, model: lstm.Model, tmp_path: Path) -> None:
        losses: list[float] = []
        keep = LambdaCallback(on_train_batch_end=lambda batch, logs: losses.append(logs["loss"]))
        board = TensorBoard(tmp_path, update_freq=2)
        model.fit(X, Y, 2, 2, callbacks=[keep, board], verbose=0)
        found = [entry for entry in self.scalars(tmp_path) if entry[0] == "batch_loss"]
        assert [step for _, step, _ in found] == [2, 4, 6]
        assert_array_equal([value for *_, value in found], np.float32(losses[1::2]))

    def test_writes_histograms_of_the_weights_on_request(
        self, model: lstm.Model, tmp_path: Path
    ) -> None:
        board = TensorBoard(tmp_path, histogram_freq=2)
        model.fit(X, Y, 4, 3, callbacks=board, verbose=0)
        written = [
            (value.tag, event.step, value.histo.num)
            for event in self.events(tmp_path)
            for value in event.summary.value
            if value.HasField("histo")
        ]
        # After the second epoch, of two steps.
        assert written == [(name, 4, w.size) for name, w in model.named_weights.items()]

    def test_takes_the_arguments_of_keras_that_ask_for_nothing(self, tmp_path: Path) -> None:
        TensorBoard(
            log_dir=tmp_path,
            histogram_freq=0,
            write_graph=True,
            write_images=False,
            write_steps_per_second=False,
            update_freq="epoch",
            profile_batch=0,
            embeddings_freq=0,
            embeddings_metadata=None,
        )
        with pytest.raises(InvalidTypeError, match="got 'profile_batch'"):
            TensorBoard(tmp_path, profile_batch=2)

    def test_goes_on_in_the_same_folder(self, model: lstm.Model, tmp_path: Path) -> None:
        for _ in range(2):
            model.fit(X, Y, 4, 2, callbacks=TensorBoard(tmp_path), verbose=0)
        steps = sorted(step for name, step, _ in self.scalars(tmp_path) if name == "loss")
        assert steps == [2, 4, 6, 8]

    def test_is_written_to_the_end_after_an_interruption(
        self, model: lstm.Model, tmp_path: Path
    ) -> None:
        def interrupt(epoch: int, logs: Any) -> None:
            if epoch == 2:
                raise KeyboardInterrupt

        callbacks = [TensorBoard(tmp_path), LambdaCallback(on_epoch_end=interrupt)]
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, 4, 9, callbacks=callbacks, verbose=0)
        assert len([name for name, *_ in self.scalars(tmp_path) if name == "loss"]) == 3

    def test_needs_an_extra(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "tensorboardX", None)
        with pytest.raises(MissingExtraError, match=r"lstm-kit\[tensorboard\]"):
            TensorBoard(tmp_path)

    @pytest.mark.parametrize("every", [0, -1, 1.5, "batch"])
    def test_bad_frequencies(self, tmp_path: Path, every: Any) -> None:
        with pytest.raises(InvalidValueError, match=r"^update_freq: expected"):
            TensorBoard(tmp_path, update_freq=every)


class TestTerminateOnNaN:
    def test_stops_at_the_first_batch(
        self, model: lstm.Model, capsys: pytest.CaptureFixture[str]
    ) -> None:
        model.compile(lstm.optimizers.SGD(1e16), "mse")
        recorder = Recorder()
        with np.errstate(all="ignore"):
            history = model.fit(X, Y, 2, 5, callbacks=[recorder, TerminateOnNaN()], verbose=0)
        assert history.epoch == [0]
        assert recorder.calls.count("batch 2") == 0
        assert "Batch 1: the loss is" in capsys.readouterr().out

    def test_lets_others_pass(self, model: lstm.Model) -> None:
        assert len(model.fit(X, Y, epochs=3, callbacks=TerminateOnNaN(), verbose=0).epoch) == 3


class TestLambdaCallback:
    def test_calls_what_it_was_given(self, model: lstm.Model) -> None:
        seen: list[Any] = []
        callback = LambdaCallback(
            on_train_begin=lambda logs: seen.append("begin"),
            on_epoch_begin=None,
            on_train_batch_end=lambda batch, logs: seen.append(batch),
            on_epoch_end=lambda epoch, logs: seen.append(set(logs)),
        )
        model.fit(X, Y, batch_size=3, callbacks=callback, verbose=0)
        assert seen == ["begin", 0, 1, {"loss", "mae"}]

    def test_knows_its_hooks(self) -> None:
        with pytest.raises(InvalidValueError, match="did you mean 'on_epoch_end'"):
            LambdaCallback(on_epochs_end=print)

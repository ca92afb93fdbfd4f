"""Arguments and callbacks of Keras' programs: what they do, and which mean nothing here."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import lstm
from lstm import layers
from lstm.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
)
from lstm.errors import InvalidTypeError, InvalidValueError, LSTMWarning, ModelFileError
from lstm.layers import GRU, LSTM, Bidirectional, Dense, Lambda, LSTMCell, SimpleRNN

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(10, 2)), RNG.normal(size=(10, 1))


@pytest.fixture
def model() -> lstm.Model:
    lstm.set_seed(4)
    model = lstm.Sequential([lstm.Input((2,)), Dense(1)])
    model.compile(lstm.optimizers.SGD(0.5), "mse")
    return model


class Scripted(Callback):
    """Puts values into the logs, one for each epoch, before the callbacks that come after."""

    def __init__(self, values: list[float]) -> None:
        self.values = values

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        logs["value"] = self.values[epoch]


def trained(model: lstm.Model, values: list[float], *callbacks: Callback) -> dict[str, list[float]]:
    """The history of as many epochs as there are values."""
    told = [Scripted(values), *callbacks]
    return model.fit(X, Y, epochs=len(values), callbacks=told, verbose=0).history


class TestLearningRates:
    @pytest.mark.parametrize(
        ("options", "values", "rates"),
        [
            ({"patience": 2}, [3, 3, 3, 3, 3], [0.5, 0.5, 0.5, 0.05, 0.05]),
            ({"patience": 1, "factor": 0.5}, [3, 2, 2, 1, 1], [0.5, 0.5, 0.5, 0.25, 0.25]),
            ({"patience": 0, "factor": 0.5}, [3, 3, 3, 2], [0.5, 0.5, 0.25, 0.125]),
            (
                {"patience": 1, "factor": 0.5, "cooldown": 2},
                [3, 3, 3, 3, 3, 3],
                [0.5, 0.5, 0.25, 0.25, 0.125, 0.125],
            ),
            ({"patience": 1, "min_lr": 0.2}, [3, 3, 3, 3], [0.5, 0.5, 0.2, 0.2]),
            ({"patience": 1, "mode": "max"}, [1, 2, 2, 3], [0.5, 0.5, 0.5, 0.05]),
            ({"patience": 1, "min_delta": 1}, [3, 2.5, 2, 1], [0.5, 0.5, 0.05, 0.005]),
        ],
    )
    def test_they_fall_as_in_keras(
        self, model: lstm.Model, options: dict[str, Any], values: list[float], rates: list[float]
    ) -> None:
        history = trained(model, values, ReduceLROnPlateau("value", **{"mode": "min", **options}))
        assert_allclose(history["learning_rate"], rates)

    @pytest.mark.parametrize(
        ("schedule", "rates"),
        [
            (lambda epoch: 0.1 / (epoch + 1), [0.1, 0.05, 0.1 / 3]),
            (lambda epoch, rate: rate / 2, [0.25, 0.125, 0.0625]),
            (lambda epoch, rate=None: 0.3, [0.3] * 3),
        ],
    )
    def test_a_schedule_sets_them(
        self, model: lstm.Model, schedule: Any, rates: list[float]
    ) -> None:
        history = trained(model, [0.0] * 3, LearningRateScheduler(schedule))
        assert_allclose(history["learning_rate"], rates)
        assert model.optimizer.learning_rate == pytest.approx(rates[-1])

    @pytest.mark.parametrize("rate", [float("nan"), -1.0, None, "0.1"])
    def test_a_schedule_that_returns_none_is_refused(self, model: lstm.Model, rate: Any) -> None:
        before = model.get_weights()
        with pytest.raises((InvalidTypeError, InvalidValueError), match=r"^result of schedule: "):
            trained(model, [0.0], LearningRateScheduler(lambda epoch: rate))
        assert_array_equal(model.get_weights()[0], before[0])
        assert model.optimizer.learning_rate == 0.5

    def test_a_schedule_is_a_function(self) -> None:
        with pytest.raises(InvalidTypeError, match=r"^schedule: expected a function"):
            LearningRateScheduler(0.1)  # type: ignore[arg-type]

    def test_a_backup_remembers(self, tmp_path: Path) -> None:
        def course(backup: list[Callback], stop: bool) -> list[float]:
            lstm.set_seed(4)
            model = lstm.Sequential([lstm.Input((2,)), Dense(1)])
            model.compile(lstm.optimizers.SGD(0.5), "mse")
            reduce = ReduceLROnPlateau("value", mode="min", patience=2, cooldown=1, factor=0.5)
            values = [3.0] * 8

            class Stops(Callback):
                def on_epoch_begin(self, epoch: int, logs: dict[str, float]) -> None:
                    if stop and epoch == 4:
                        raise KeyboardInterrupt

            told = [Scripted(values), reduce, Stops(), *backup]
            return model.fit(X, Y, epochs=8, callbacks=told, verbose=0).history["learning_rate"]

        whole = course([], False)
        backup = lstm.callbacks.BackupAndRestore(tmp_path / "backup")
        with pytest.raises(KeyboardInterrupt):
            course([backup], True)
        assert course([backup], False) == whole


class TestStopping:
    @pytest.mark.parametrize(
        "make",
        [
            EarlyStopping,
            ReduceLROnPlateau,
            lambda: ModelCheckpoint("never.safetensors", save_best_only=True),
        ],
    )
    def test_a_value_that_is_not_there_changes_nothing(
        self, model: lstm.Model, make: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.warns(LSTMWarning, match="'val_loss', which .* 'loss'.* validation_split"):
            history = model.fit(X, Y, epochs=2, callbacks=make(), verbose=0)
        assert len(history.epoch) == 2
        assert not [*tmp_path.iterdir()]

    def test_it_says_why(self, model: lstm.Model, capsys: pytest.CaptureFixture[str]) -> None:
        trained(
            model,
            [2, 1, 3],
            EarlyStopping("value", mode="min", verbose=1, restore_best_weights=True),
        )
        said = "Epoch 3: training stops early, the best value was 1.0000, in epoch 2; the model has"
        assert said in capsys.readouterr().out


class TestCheckpoints:
    def test_some_batches_apart(self, model: lstm.Model, tmp_path: Path) -> None:
        path = tmp_path / "{epoch}-{batch}.safetensors"
        keep = ModelCheckpoint(path, save_freq=3)
        model.fit(X, Y, batch_size=2, epochs=2, callbacks=keep, verbose=0)  # 5 batches each.
        assert sorted(file.stem for file in tmp_path.iterdir()) == ["1-3", "2-1", "2-4"]

    def test_batches_that_are_heard_of_together(self, tmp_path: Path) -> None:
        model = lstm.Sequential([lstm.Input((2,)), Dense(1)])
        model.compile("sgd", "mse", steps_per_execution=2)
        keep = ModelCheckpoint(tmp_path / "{epoch}-{batch}.safetensors", save_freq=3)
        model.fit(X, Y, batch_size=2, epochs=2, callbacks=keep, verbose=0)
        # 2, 4 and 5 batches into each epoch: 4 batches after the start, then 3, then 3.
        assert sorted(file.stem for file in tmp_path.iterdir()) == ["1-4", "2-2", "2-5"]

    def test_a_field_that_no_file_will_have(self, model: lstm.Model, tmp_path: Path) -> None:
        for options in (
            {"filepath": tmp_path / "{batch}"},
            {"filepath": tmp_path / "{val_loss}", "save_freq": 2},
        ):
            with pytest.raises(InvalidValueError, match=r"^filepath: expected fields among epoch"):
                model.fit(X, Y, callbacks=ModelCheckpoint(**options), verbose=0)

    def test_a_threshold_that_is_set_later(self, model: lstm.Model, tmp_path: Path) -> None:
        keep = ModelCheckpoint(tmp_path / "{epoch}", "value", mode="min", save_best_only=True)
        keep.initial_value_threshold = 2.5
        trained(model, [3, 2], keep)
        assert [file.name for file in tmp_path.iterdir()] == ["2"]

    def test_better_than_a_threshold(
        self, model: lstm.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "{epoch}"
        options = {"save_best_only": True, "initial_value_threshold": 2.5, "verbose": 1}
        trained(model, [3, 2, 4, 1], ModelCheckpoint(path, "value", mode="min", **options))
        assert sorted(file.name for file in tmp_path.iterdir()) == ["2", "4"]
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "Epoch 1: value did not improve from 2.5000."
        assert lines[1] == f"Epoch 2: value improved from 2.5000 to 2.0000, saved {tmp_path / '2'}."

    def test_weights_alone(self, model: lstm.Model, tmp_path: Path) -> None:
        path = tmp_path / "best.safetensors"
        keep = ModelCheckpoint(path, save_weights_only=True)
        model.fit(X, Y, epochs=2, callbacks=keep, verbose=0)
        other = lstm.Sequential([lstm.Input((2,)), Dense(1, name="another")])
        other.load_weights(path)
        for one, two in zip(other.get_weights(), model.get_weights(), strict=True):
            assert_array_equal(one, two)

    @pytest.mark.parametrize("name", ["best.keras", "best.h5", "best.weights.h5", "best.onnx"])
    def test_files_of_others_are_refused_before_training(
        self, model: lstm.Model, name: str, tmp_path: Path
    ) -> None:
        with pytest.raises(InvalidValueError, match=r"^filepath: .*lstm\.interop"):
            ModelCheckpoint(tmp_path / name)
        for save in (model.save, model.save_weights):
            with pytest.raises(InvalidValueError, match=r"^filepath: .*lstm\.interop"):
                save(tmp_path / name)
        assert not [*tmp_path.iterdir()]


class TestLogs:
    def test_a_table_gets_columns_that_come_later(self, model: lstm.Model, tmp_path: Path) -> None:
        path = tmp_path / "log.csv"
        options: dict[str, Any] = {"validation_split": 0.2, "validation_freq": 2, "verbose": 0}
        history = model.fit(X, Y, epochs=3, callbacks=CSVLogger(path), **options).history
        first, *rows = (line.split(",") for line in path.read_text().splitlines())
        assert first == ["epoch", "loss", "val_loss"]
        assert [row[2] for row in rows] == ["", str(history["val_loss"][0]), ""]

    def test_a_plot_knows_the_epochs(self, model: lstm.Model) -> None:
        pytest.importorskip("matplotlib")
        options: dict[str, Any] = {"validation_split": 0.2, "validation_freq": 2, "verbose": 0}
        lines = model.fit(X, Y, epochs=5, **options).plot().get_lines()
        assert [list(line.get_xdata()) for line in lines] == [[1, 2, 3, 4, 5], [2, 4]]

    def test_steps_are_joined_unless_a_callback_counts_them(self, tmp_path: Path) -> None:
        path = tmp_path / "{epoch}-{loss}"
        assert not ModelCheckpoint(path).every_batch
        assert ModelCheckpoint(path, save_freq=2).every_batch
        with pytest.raises(InvalidValueError, match="in the class"):
            Heard().every_batch = False


class TestFilesOfWeights:
    @pytest.mark.parametrize(
        ("layers", "words"),
        [
            (
                [Dense(2)],
                r"holds dense/kernel \(2, 1\) where the model has dense\w*/kernel \(2, 2\)",
            ),
            ([Dense(1, use_bias=False)], r"holds 2 weights, but the model has 1: dense\w*/kernel"),
        ],
    )
    def test_those_of_another_model_are_refused(
        self, model: lstm.Model, layers: list[Any], words: str, tmp_path: Path
    ) -> None:
        path = tmp_path / "weights.safetensors"
        model.save_weights(path)
        other = lstm.Sequential([lstm.Input((2,)), *layers])
        before = other.get_weights()
        with pytest.raises(ModelFileError, match=words):
            other.load_weights(path)
        for one, two in zip(before, other.get_weights(), strict=True):
            assert_array_equal(one, two)

    def test_int8_weights_are_refused(self, tmp_path: Path) -> None:
        model = lstm.Sequential([lstm.Input((None, 2)), LSTM(3)])
        path = tmp_path / "weights.safetensors"
        model.save_weights(path)
        model.quantize()
        for refused in (lambda: model.save_weights(path), lambda: model.load_weights(path)):
            with pytest.raises(InvalidTypeError, match="int8 weights"):
                refused()


class Heard(Callback):
    def __init__(self) -> None:
        self.begun: list[int] = []
        self.ended: list[int] = []

    def on_train_batch_begin(self, batch: int, logs: dict[str, float]) -> None:
        self.begun.append(batch)

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        self.ended.append(batch)


class Content(Heard):
    """Content with the last of several batches."""

    every_batch = False  # type: ignore[assignment]

    def on_train_batch_begin(self, batch: int, logs: dict[str, float]) -> None:
        super().on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        super().on_train_batch_end(batch, logs)


class TestBatches:
    @pytest.mark.parametrize("data", ["arrays", "generator"])
    def test_callbacks_hear_of_some_together(self, data: str) -> None:
        def course(together: int, every: bool = True) -> tuple[Heard, list[Any]]:
            lstm.set_seed(4)
            model = lstm.Sequential([lstm.Input((2,)), Dense(1)])
            model.compile("sgd", "mse", steps_per_execution=together)
            heard = Heard() if every else Content()
            options: dict[str, Any] = {"epochs": 2, "callbacks": heard, "verbose": 0}
            if data == "arrays":
                history = model.fit(X, Y, batch_size=2, **options)
            else:
                batches = ((X[:2], Y[:2]) for _ in range(10))
                history = model.fit(batches, steps_per_epoch=5, **options)
            return heard, [*history.history.values(), *model.get_weights()]

        single, expected = course(1)
        assert single.ended == [*range(5), *range(5)]
        content, _ = course(2, every=False)
        assert content.ended == [1, 3, 4, 1, 3, 4]
        heard, found = course(2)
        assert heard.begun == [0, 2, 4, 0, 2, 4]
        assert heard.ended == [1, 3, 4, 1, 3, 4]
        for one, two in zip(found, expected, strict=True):
            assert_array_equal(one, two)

    @pytest.mark.parametrize(
        ("frequency", "epochs"), [(1, 5), (2, 2), ([1, 4], 2), (9, 0), ((), 0)]
    )
    def test_validation_of_some_epochs(
        self, model: lstm.Model, frequency: Any, epochs: int
    ) -> None:
        options: dict[str, Any] = {"validation_freq": frequency, "validation_split": 0.2}
        history = model.fit(X, Y, epochs=5, verbose=0, **options).history
        assert len(history.get("val_loss", [])) == epochs
        assert len(history["loss"]) == 5

    def test_validation_in_other_batches(self, model: lstm.Model) -> None:
        seen: list[int] = []

        class Counts(Callback):
            def on_test_batch_end(self, batch: int, logs: dict[str, float]) -> None:
                seen.append(batch)

        options: dict[str, Any] = {"validation_data": (X, Y), "callbacks": Counts(), "verbose": 0}
        model.fit(X, Y, batch_size=10, validation_batch_size=3, **options)
        assert seen == [0, 1, 2, 3]

    def test_no_batch_size_is_that_by_default(self, model: lstm.Model) -> None:
        heard = Heard()
        many = np.tile(X, (7, 1)), np.tile(Y, (7, 1))  # 70 examples.
        model.fit(*many, batch_size=None, callbacks=heard, verbose=0)
        assert heard.ended == [0, 1, 2]
        assert model.evaluate(*many, None, 0) == model.evaluate(*many, batch_size=32)
        assert_array_equal(model.predict(many[0], None), model.predict(many[0], 32))

    @pytest.mark.parametrize(
        "wrong",
        [
            {"validation_freq": 0},
            {"validation_freq": [0]},
            {"validation_freq": "2"},
            {"validation_batch_size": 0, "validation_split": 0.2},
        ],
    )
    def test_numbers_below_one_are_refused(self, model: lstm.Model, wrong: dict[str, Any]) -> None:
        with pytest.raises((InvalidTypeError, InvalidValueError), match=next(iter(wrong))):
            model.fit(X, Y, verbose=0, **wrong)


class TestWhatMeansNothing:
    @pytest.mark.parametrize("kind", [LSTM, GRU, SimpleRNN])
    def test_is_taken_by_recurrent_layers(self, kind: Any) -> None:
        layer = kind(3, unroll=True, implementation=2, time_major=False)
        assert not {"unroll", "implementation", "time_major"} & layer.get_config().keys()

    def test_is_taken_by_a_class_of_a_user(self) -> None:
        class Mine(LSTM):
            def __init__(self, units: int) -> None:
                super().__init__(units, unroll=True)

        assert Mine(3).units == 3

    def test_is_taken_by_layers_along_time(self) -> None:
        for layer in (
            layers.Conv1D(4, 3, data_format="channels_last", groups=1),
            layers.SeparableConv1D(4, 3, data_format=None),
            layers.DepthwiseConv1D(3, data_format="channels_last"),
            layers.Conv1DTranspose(4, 3, data_format="channels_last"),
            layers.Flatten(data_format="channels_last"),
            layers.ZeroPadding1D(1, data_format="channels_last"),
        ):
            assert not {"data_format", "groups"} & layer.get_config().keys()

    def test_is_taken_by_models(self, model: lstm.Model) -> None:
        model.compile("sgd", "mse", jit_compile=True, run_eagerly=False, auto_scale_loss=True)
        model.compile("sgd", "mse", sample_weight_mode="temporal", target_tensors=None)
        options = {"workers": 4, "use_multiprocessing": True, "max_queue_size": 10}
        model.fit(X, Y, verbose=0, **options)
        model.evaluate(X, Y, **options)
        model.predict(X, **options)

    def test_is_taken_by_every_constructor(self) -> None:
        made = (
            Dense(3, dtype="float32"),
            Bidirectional(LSTM(3), weights=None, dtype=None),
            lstm.losses.MeanSquaredError(dtype="float32"),
            LSTM(3, seed=1),
            LSTMCell(3, seed=1),
            Lambda(abs, mask=None, arguments=None),
            ModelCheckpoint("model", period=1),
        )
        for thing in made:
            assert not {"weights", "seed", "arguments", "period"} & vars(thing).keys()

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_a_dtype_is_taken_where_it_is_the_chosen_one(self, dtype: str) -> None:
        other = "float64" if dtype == "float32" else "float32"
        message = r"\(lstm.use\(dtype=...\) chooses it for all layers\), got 'dtype'"
        with lstm.backends.using("reference", dtype):
            Dense(3, dtype=None)
            Dense(3, dtype=dtype)
            lstm.metrics.Mean(dtype=np.dtype(dtype))
            for make in (lambda: Dense(3, dtype=other), lambda: LSTM(3, dtype=other)):
                with pytest.raises(InvalidTypeError, match=message):
                    make()

    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda: Dense(3, dtype="float16"), "dtype"),
            (lambda: layers.Conv1D(4, 3, groups=2), "groups"),
            (lambda: layers.Flatten(data_format="channels_first"), "data_format"),
            (lambda: Dense(3, data_format="channels_last"), "data_format"),
            (lambda: Dense(3, weights=[X]), "weights"),
            (lambda: LSTM(3, time_major=True), "time_major"),
            (lambda: LSTM(3, reset_after=False), "reset_after"),
            (lambda: LSTM(3, implementation=7), "implementation"),
            (lambda: Dense(3, unroll=True), "unroll"),
            (lambda: LSTM(3, unroll=[1]), "unroll"),
            (lambda: LSTM(3, unrol=True), "unrol"),
        ],
    )
    def test_is_refused_where_it_would_mean_something(self, make: Any, words: str) -> None:
        with pytest.raises(InvalidTypeError, match=f"got '{words}'"):
            make()

"""Files of models: the same bits back, and nothing half-written."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from numpy.testing import assert_array_equal

import lstm
from lstm import seeding, storage
from lstm.errors import InvalidValueError, ModelFileError, NotReadyError
from lstm.layers import LSTM, Bidirectional, Conv1D, Dense, Embedding, Layer
from lstm.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Ftrl,
    Lion,
    Nadam,
    RMSprop,
)
from tolerances import assert_close

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(6, 5, 2)), RNG.normal(size=(6, 1))


def small() -> lstm.Model:
    lstm.set_seed(4)
    return lstm.Sequential([lstm.Input((None, 2)), LSTM(3), Dense(1)])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


class TestRoundTrip:
    def check(self, model: lstm.Model, path: Path, x: Any) -> lstm.Model:
        model.save(path)
        loaded = lstm.load_model(path)
        results = [m.predict(x) for m in (model, loaded)]
        for y, z in zip(*(r if isinstance(r, list) else [r] for r in results), strict=True):
            assert_array_equal(y, z)
        for w, v in zip(model.get_weights(), loaded.get_weights(), strict=True):
            assert_array_equal(w, v)
        return loaded

    def test_a_chain(self, path: Path) -> None:
        self.check(small(), path, X)

    def test_a_graph_with_shared_layers_and_several_ends(self, path: Path) -> None:
        a, b = lstm.Input((None, 2), name="left"), lstm.Input((None, 2), name="right")
        cell, dense = LSTM(3, return_state=True, name="zelle"), Dense(2, name="äußere")
        (y, *state), (z, *_) = cell(a), cell(b)
        w = LSTM(3, return_sequences=True)(Conv1D(2, 2)(b), initial_state=state)
        model = lstm.Model([a, b], [dense(y) + dense(z), w[:, -1]])
        loaded = self.check(model, path, [X, X[::-1]])
        named = loaded.predict({"left": X, "right": X[::-1]})
        assert_array_equal(named[0], loaded.predict([X, X[::-1]])[0])
        assert loaded.count_params() == model.count_params()

    def test_models_within_models(self, path: Path) -> None:
        inner = lstm.Sequential([Bidirectional(LSTM(3)), Dense(2)])
        x = lstm.Input((None, 2))
        self.check(lstm.Model(x, Dense(1)(inner(x))), path, X)

    def test_a_subclass_comes_back_without_its_code(self, path: Path) -> None:
        class Mine(lstm.Model):
            def __init__(self, units: int) -> None:
                super().__init__()
                self.cell, self.dense = LSTM(units), Dense(1)

            def call(self, inputs: Any) -> Any:
                return lstm.ops.tanh(self.dense(self.cell(inputs)))

        model = Mine(3)
        model.predict(X)
        loaded = self.check(model, path, X)
        assert type(loaded) is lstm.Model
        assert loaded.predict(X[:, :2]).shape == (6, 1)

    def test_tokens_masks_and_frozen_layers(self, path: Path) -> None:
        tokens = RNG.integers(0, 5, (3, 4))
        model = lstm.Sequential([Embedding(5, 2, mask_zero=True), LSTM(3), Dense(1)])
        model.layers[0].trainable = False
        loaded = self.check(model, path, tokens)
        assert [layer.trainable for layer in loaded.layers] == [False, True, True]

    def test_in_float64(self, path: Path, float64: None) -> None:
        assert self.check(small(), path, X).predict(X).dtype == np.float64
        lstm.use(dtype="float32")
        assert lstm.load_model(path).predict(X).dtype == np.float32

    def test_layers_of_ones_own(self, path: Path) -> None:
        class Double(Layer):
            keeps_mask = True

            def output_shapes(self, *shapes: Any) -> Any:
                return shapes

            def forward(self, run: Any, *inputs: Any, mask: Any) -> Any:
                return (run.ops.scale(inputs[0], 2.0),), None

            def backward(self, run: Any, cache: Any, *gradients: Any, need: Any) -> Any:
                return (run.ops.scale(gradients[0], 2.0),)

        model = lstm.Sequential([lstm.Input((2,)), Dense(2), Double()])
        model.save(path)
        with pytest.raises(InvalidValueError, match=r"custom_objects.*'Double'"):
            lstm.load_model(path)
        loaded = lstm.load_model(path, {"Double": Double})
        assert_array_equal(loaded.predict(X[:, 0]), model.predict(X[:, 0]))

    def test_other_programs_can_read_the_weights(self, path: Path) -> None:
        model = small()
        model.save(path)
        tensors = safetensors.numpy.load_file(path)
        assert list(tensors["lstm/kernel"].shape) == [2, 12]
        assert_array_equal(tensors["dense/bias"], model.get_weights()[-1])


class TestTraining:
    @pytest.mark.parametrize(
        "make",
        [
            lambda: "sgd",
            lambda: SGD(0.1, 0.9, nesterov=True),
            lambda: "rmsprop",
            lambda: RMSprop(0.01, momentum=0.5, centered=True),
            lambda: "adam",
            lambda: AdamW(0.01, clipnorm=0.1),
            lambda: Adam(0.01, amsgrad=True, use_ema=True, ema_overwrite_frequency=3),
            lambda: SGD(0.1, 0.5, clipvalue=0.01, gradient_accumulation_steps=2),
            lambda: Adagrad(0.01),
            lambda: Adadelta(1.0),
            lambda: Adamax(0.01),
            lambda: Nadam(0.01),
            lambda: Ftrl(0.1),
            lambda: Lion(0.01),
        ],
        ids=lambda make: repr(make()),
    )
    @pytest.mark.parametrize("frozen", [False, True])
    def test_goes_on_as_if_it_had_never_stopped(self, path: Path, make: Any, frozen: bool) -> None:
        model = small()
        model.layers[0].trainable = not frozen
        model.compile(make(), lstm.losses.Huber(0.5), ["mae"])
        model.fit(X, Y, epochs=3, batch_size=2, shuffle=False, verbose=0)
        model.optimizer.learning_rate = np.float32(0.02)
        model.save(path)
        loaded = lstm.load_model(path)
        histories = [
            m.fit(X, Y, epochs=3, batch_size=2, shuffle=False, verbose=0).history
            for m in (model, loaded)
        ]
        assert histories[0] == histories[1]
        assert set(histories[0]) == {"loss", "mae"}
        for w, v in zip(model.get_weights(), loaded.get_weights(), strict=True):
            assert_array_equal(w, v)

    @pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam", "adamw"])
    def test_of_what_it_needs_nothing_may_be_missing(self, path: Path, optimizer: str) -> None:
        model = small()
        model.compile(optimizer, "mse")
        model.fit(X, Y, verbose=0)
        model.save(path)
        with storage.reading(path, ("model",)) as (tensors, header):
            assert any(name.startswith("optimizer/") for name in tensors)
        for missing in tensors:
            others = {name: array for name, array in tensors.items() if name != missing}
            storage.write(path, others, header)
            with pytest.raises(ModelFileError, match="makes no sense"):
                lstm.load_model(path)

    @pytest.mark.parametrize("rate", [0.1, 0.004])
    def test_a_velocity_without_the_rate_goes_on_in_steps_of_the_saved_rate(
        self, path: Path, rate: float
    ) -> None:
        # Files once held v of v = momentum·v + g; p -= lr·v.
        model = small()
        model.compile(SGD(0.1, 0.75), "mse")
        model.fit(X, Y, verbose=0)
        model.optimizer.learning_rate = rate
        tensors, header = model.contents(include_optimizer=True)
        size = tensors.pop(header["compile"].pop("slots")["momentum"]).shape
        velocity = np.random.default_rng(5).normal(size=size).astype(np.float32)
        storage.write(path, tensors | {"optimizer/velocity": velocity}, {"kind": "model", **header})
        loaded = lstm.load_model(path)
        before = loaded.parameters.values.copy()
        # On targets that it meets exactly there is no gradient: the velocity alone takes the step.
        loaded.train_on_batch(X, loaded.predict(X))
        assert_close(loaded.parameters.values, before - rate * 0.75 * velocity, "optimizer")

    def test_may_be_left_out(self, path: Path) -> None:
        model = small()
        model.compile("adam", "mse")
        model.fit(X, Y, verbose=0)
        model.save(path, include_optimizer=False)
        with pytest.raises(NotReadyError, match="compile"):
            lstm.load_model(path).fit(X, Y)

    def test_parts_of_ones_own_are_left_out(self, path: Path) -> None:
        class MyOptimizer(SGD):
            pass

        model = small()
        model.compile(MyOptimizer(0.1), "mse", [lambda t, y: 0.0])
        model.save(path)
        with pytest.raises(NotReadyError, match="compile"):
            lstm.load_model(path).evaluate(X, Y)


def test_loading_changes_no_random_number(path: Path) -> None:
    def weights() -> Any:
        return Dense(3).kernel_initializer((2, 3), seeding.generator())

    makers: list[tuple[Any, Callable[[Path], Any]]] = [
        (small(), lstm.load_model),
        (lstm.LSTMNetwork(1, 2, 3, loss="cross_entropy"), lstm.LSTMNetwork.load),
    ]
    for made, load in makers:
        made.save(path)
        lstm.set_seed(5)
        expected = weights()
        lstm.set_seed(5)
        load(path)
        assert_array_equal(weights(), expected)


class TestWriting:
    def failing(self, error: BaseException) -> Callable[..., None]:
        def fail(*args: Any) -> None:
            raise error

        return fail

    @pytest.mark.parametrize("function", ["replace", "fsync"])
    @pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
    @pytest.mark.parametrize("existing", [True, False])
    def test_a_failure_leaves_everything_as_it_was(
        self,
        path: Path,
        monkeypatch: pytest.MonkeyPatch,
        function: str,
        error: BaseException,
        existing: bool,
    ) -> None:
        if existing:
            path.write_bytes(b"old")
        expected = ModelFileError if isinstance(error, OSError) else KeyboardInterrupt
        with monkeypatch.context() as patch:
            patch.setattr(os, function, self.failing(error))
            with pytest.raises(expected):
                small().save(path)
        assert [p.name for p in path.parent.iterdir()] == [path.name] * existing
        if existing:
            assert path.read_bytes() == b"old"

    def test_says_what_went_wrong(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        full = OSError(28, "No space left on device")
        monkeypatch.setattr(os, "replace", self.failing(full))
        with pytest.raises(ModelFileError, match=r"cannot be written \(No space left on device\)"):
            small().save(path)

    @pytest.mark.skipif(os.name != "posix", reason="folders cannot be opened")
    def test_folders_need_no_fsync(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Some network file systems refuse it; the file is there all the same."""
        fsync = os.fsync

        def only_files(descriptor: int) -> None:
            if os.path.isdir(f"/proc/self/fd/{descriptor}"):
                raise OSError(22, "Invalid argument")
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", only_files)
        small().save(path)
        assert lstm.load_model(path).count_params() == small().count_params()

    def test_unusable_paths(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        for wrong in (tmp_path / "missing" / "model", tmp_path / "folder", "", "/"):
            with pytest.raises(ModelFileError):
                small().save(wrong)
        assert [p.name for p in tmp_path.rglob("*")] == ["folder"]

    def test_a_model_that_cannot_be_used_overwrites_nothing(self, path: Path) -> None:
        small().save(path)
        before = path.read_bytes()
        with pytest.raises(NotReadyError):
            lstm.Sequential([LSTM(3)]).save(path)
        diverged = small()
        diverged.parameters.learned[5] = np.nan
        with pytest.raises(InvalidValueError, match="lstm/kernel: expected finite numbers"):
            diverged.save(path)
        assert path.read_bytes() == before

    def test_replaces_an_older_file(self, path: Path) -> None:
        small().save(path)
        lstm.Sequential([lstm.Input((2,)), Dense(1)]).save(path)
        assert lstm.load_model(path).count_params() == 3
        assert [p.name for p in path.parent.iterdir()] == [path.name]

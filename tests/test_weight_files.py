"""Weights from files: of weights, of whole models, of models that are a little different."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm.callbacks import ModelCheckpoint
from lstm.errors import InvalidTypeError, LSTMWarning, ModelFileError
from lstm.layers import LSTM, Bidirectional, Concatenate, Dense, Embedding, Input

X = np.random.default_rng(4).normal(size=(4, 6, 2))
Y = X[:, 0, :1]


def chain(units: int = 3, outputs: int = 1) -> lstm.Sequential:
    return lstm.Sequential([Input((6, 2)), Bidirectional(LSTM(units)), Dense(outputs, name="head")])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.safetensors"


def check_equal(one: lstm.Model, other: lstm.Model) -> None:
    for there, here in zip(one.get_weights(), other.get_weights(), strict=True):
        assert_array_equal(there, here)


class TestWholeModels:
    @pytest.mark.parametrize("compiled", [True, False])
    def test_are_files_of_weights_too(self, compiled: bool, path: Path) -> None:
        one, other = chain(), chain()
        if compiled:
            one.compile("adam", "mse")
            one.fit(X, Y, verbose=0)
        one.save(path)
        other.load_weights(path)
        check_equal(one, other)

    def test_of_several_branches(self, path: Path) -> None:
        def branched() -> lstm.Model:
            x, y = Input((6, 2)), Input((6, 2))
            other = LSTM(3)(LSTM(2, return_sequences=True)(y))
            return lstm.Model([x, y], Dense(1)(Concatenate()([LSTM(3)(x), other])))

        one, other = branched(), branched()
        one.save(path)
        other.load_weights(path)
        check_equal(one, other)

    def test_of_a_language_model(self, path: Path) -> None:
        text = "abcd" * 30
        trained = lstm.LanguageModel.train(text, hidden=4, epochs=1, embedding=3, seed=0)
        trained.save(path)
        layers = [Embedding(len(trained.vocabulary), 3), LSTM(4, return_sequences=True)]
        model = lstm.Sequential([Input((None,)), *layers, Dense(len(trained.vocabulary))])
        model.load_weights(path)
        check_equal(trained.model, model)

    def test_with_int8_weights_are_refused(self, path: Path) -> None:
        model = chain(8)
        model.quantize()
        model.save(path)
        with pytest.raises(ModelFileError, match=r"holds int8 weights: lstm\.load_model reads it"):
            chain(8).load_weights(path)
        with pytest.raises(InvalidTypeError, match="before quantize"):
            model.load_weights(path)

    def test_of_other_shapes_are_refused(self, path: Path) -> None:
        chain(4).save(path)
        model = chain(3)
        before = model.get_weights()
        with pytest.raises(ModelFileError, match=r"kernel \(2, 16\) where .*\(2, 12\)"):
            model.load_weights(path)
        assert_array_equal(model.get_weights()[0], before[0])


class TestSkipping:
    def test_goes_by_names(self, path: Path) -> None:
        one = chain(outputs=4)
        one.save_weights(path)
        other = chain(outputs=1)
        other.add(Dense(2, name="extra"))
        before = other.get_weights()
        with pytest.warns(LSTMWarning) as warned:
            other.load_weights(path, skip_mismatch=True)
        (message,) = (str(warning.message) for warning in warned)
        assert "keeps its own head/kernel (6, 1) ((6, 4) in the file), head/bias" in message
        assert "extra/bias (2,) (there is none)" in message
        for k, (now, then) in enumerate(zip(other.get_weights(), before, strict=True)):
            assert_array_equal(now, then if k >= 6 else one.get_weights()[k])

    def test_says_what_the_model_lacks(self, path: Path) -> None:
        chain().save(path)
        other = chain()
        other.pop()
        with pytest.warns(LSTMWarning, match="the model has no head/kernel, head/bias"):
            other.load_weights(path, skip_mismatch=True)

    def test_of_nothing_is_silent(self, path: Path) -> None:
        one, other = chain(), chain()
        one.save(path)
        other.load_weights(path, skip_mismatch=True)
        check_equal(one, other)


class TestNamesOfArguments:
    def test_are_those_of_keras(self, path: Path) -> None:
        one, other = chain(), chain()
        one.save(filepath=path)
        one.save_weights(filepath=path, overwrite=True)
        other.load_weights(filepath=path)
        one.save(path=path)
        check_equal(lstm.load_model(path=path), one)
        check_equal(lstm.load_model(filepath=path, custom_objects=None), one)
        lstm.models.save_model(one, path)
        with pytest.raises(InvalidTypeError, match="save"):
            one.save(filepath=path, path=path)

    def test_a_file_may_be_kept(self, path: Path) -> None:
        one, other = chain(), chain()
        one.save(path)
        for save in (other.save, other.save_weights):
            with pytest.raises(ModelFileError, match="exists, and overwrite is False"):
                save(path, overwrite=False)
        check_equal(lstm.load_model(path), one)


@pytest.mark.parametrize("alone", [True, False])
def test_the_best_weights_of_a_training(alone: bool, path: Path) -> None:
    model = chain()
    model.compile("adam", "mse")
    keep = ModelCheckpoint(path, monitor="loss", save_best_only=True, save_weights_only=alone)
    losses = model.fit(X, Y, epochs=3, verbose=0, callbacks=[keep]).history["loss"]
    other: Any = chain()
    other.load_weights(path)
    assert losses[-1] == min(losses)
    check_equal(model, other)

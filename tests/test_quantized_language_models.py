"""Quantized language models, networks, and what reads their states."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from language_cases import TEXT, small
from lstm import LanguageModel, inspection
from lstm.errors import InvalidTypeError, ModelFileError
from lstm.text import TrainingOptions
from lstm.text.training.lr_finder import find_lr
from lstm.text.training.training import Training
from lstm.text.writing import generation
from tolerances import assert_close


@pytest.fixture(scope="module")
def language_model() -> LanguageModel:
    model = small()
    model.quantize()
    return model


def test_a_language_model_predicts_as_well(language_model: LanguageModel) -> None:
    assert abs(language_model.evaluate(TEXT).nats - small().evaluate(TEXT).nats) < 0.003


def test_one_call_writes_what_single_steps_do(
    language_model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert generation.stack_of(language_model) is not None
    in_one_call = language_model.generate("the ", length=150, seed=1, samples=2)
    monkeypatch.setattr(generation, "stack_of", lambda model: None)
    assert language_model.generate("the ", length=150, seed=1, samples=2) == in_one_call


def test_its_training_is_refused(language_model: LanguageModel) -> None:
    corpus = language_model.encoded(TEXT)
    for train in (Training, find_lr):
        with pytest.raises(InvalidTypeError, match="int8 weights"):
            train(language_model, corpus, TrainingOptions())


def test_a_model_that_is_partly_int8_writes_step_by_step() -> None:
    model = small()
    first, *_ = model.model.graph.layers.values()
    weight = first.own_weights["embeddings"]
    weight.take_int8(model.model.backend, model.model.backend.ops.quantize(weight.value, 0))
    assert generation.stack_of(model) is None
    assert len(model.generate("the ", length=9)) == 13


def test_a_saved_language_model_goes_on(language_model: LanguageModel, tmp_path: Path) -> None:
    language_model.save(tmp_path / "model")
    loaded = LanguageModel.load(tmp_path / "model")
    assert loaded.generate("the ", seed=2) == language_model.generate("the ", seed=2)
    writer = language_model.writer("the ", seed=3)
    writer.write(5)
    writer.save(tmp_path / "writer")
    again = lstm.text.Writer.load(tmp_path / "writer", loaded)
    assert again.write(20) == writer.write(20)
    with pytest.raises(ModelFileError):
        lstm.text.Writer.load(tmp_path / "writer", small())


def test_it_is_searched_and_measured(language_model: LanguageModel) -> None:
    assert language_model.beam("the ", length=9).text.startswith("the ")
    assert len(language_model.log_probabilities("apple", prompt="the ")) == 5


def test_the_lens_reads_it(language_model: LanguageModel) -> None:
    tokens = language_model.vocabulary.encode(TEXT[:60])[None]
    recording = inspection.record(language_model.model, tokens)
    logits, state = language_model.advance(tokens, language_model.model.initial_state())
    p = language_model.probabilities(logits)
    assert_close(recording.outputs[0], p, "pointwise")
    ((name, quantities),) = recording.layers.items()
    assert_array_equal(quantities["h"][:, -1], state[name][0])
    assert_array_equal(quantities["c"][:, -1], state[name][1])
    reading = inspection.read(language_model, TEXT[:60])
    assert reading.text == TEXT[:60]
    gradient = inspection.gradient_flow_of_text(language_model, TEXT[:60])
    plain = inspection.gradient_flow_of_text(small(), TEXT[:60])
    for one, other in zip(*(flow.norms[name]["h"] for flow in (gradient, plain)), strict=True):
        assert one == pytest.approx(other, rel=0.3)


def test_a_network() -> None:
    lstm.set_seed(170)
    network = lstm.LSTMNetwork(1, 12, 3, seed=0)
    x = np.random.default_rng(171).normal(size=(4, 9, 1))
    before = network.predict(x)
    network.quantize()
    assert 0 < abs(network.predict(x) - before).max() < 0.02
    with pytest.raises(InvalidTypeError, match="int8 weights"):
        network.train(x, np.zeros((4, 9, 3)), 1, 0.1, verbose=0)

"""Quantized models: what works as before, what is refused, and what their files hold."""

import copy
import json
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from layer_case import LayerCase
from layer_cases import CASES
from lstm import storage
from lstm.errors import InvalidTypeError, InvalidValueError, ModelFileError
from lstm.layers import (
    GRU,
    LSTM,
    Bidirectional,
    Conv1D,
    Dense,
    Embedding,
    Layer,
    SimpleRNN,
    TiedDense,
    TimeDistributed,
)
from lstm.models import planning
from lstm.models.quantization import is_quantized
from tampering import signed

over_backends = pytest.mark.parametrize("backend", ["native", "reference"])

X = np.random.default_rng(160).normal(size=(6, 11, 3)).astype(np.float32)
Y = np.random.default_rng(161).integers(0, 4, 6)
TOKENS = np.random.default_rng(162).integers(0, 50, (4, 30))


class Doubled(Layer):
    """A layer of a user, with a weight."""

    def build(self, *shapes: Any) -> None:
        self.add_weight("factor", (shapes[0][-1],), "ones")

    def output_shapes(self, *shapes: Any) -> Any:
        return shapes

    def forward(self, run: Any, *inputs: Any, mask: Any) -> Any:
        return (run.ops.scale(inputs[0], 2.0),), None


class Wide(Dense):
    """A Dense that computes something of its own."""

    def forward_as(self, activation: Any, run: Any, *inputs: Any, mask: Any) -> Any:
        (y,), cache = super().forward_as(activation, run, *inputs, mask=mask)
        return (run.ops.scale(y, 3.0),), cache


class Encoder(lstm.Model):
    """A model as a class."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = LSTM(16)
        self.out = Dense(4, activation="softmax")

    def call(self, x: Any) -> Any:
        return self.out(self.memory(x))


def classifier() -> lstm.Model:
    lstm.set_seed(163)
    model = lstm.Sequential(
        [
            lstm.Input((None, 3)),
            Conv1D(8, 3, padding="same"),
            Bidirectional(LSTM(33, return_sequences=True)),
            GRU(20, return_sequences=True),
            TimeDistributed(Dense(12, activation="relu")),
            SimpleRNN(9),
            Dense(4, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def tied() -> lstm.Model:
    lstm.set_seed(164)
    embedding = Embedding(50, 32)
    model = lstm.Sequential(
        [
            lstm.Input((None,)),
            embedding,
            LSTM(32, return_sequences=True),
            GRU(32, return_sequences=True),
            TiedDense(embedding, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def subclassed() -> lstm.Model:
    lstm.set_seed(165)
    model = Encoder()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.build((None, None, 3))
    return model


MODELS: Mapping[str, tuple[Callable[[], lstm.Model], Any, Any]] = {
    "classifier": (classifier, X, Y),
    "tied": (tied, TOKENS, TOKENS),
    "subclassed": (subclassed, X, Y),
}
over_models = pytest.mark.parametrize("name", MODELS)


def quantized(name: str) -> lstm.Model:
    model = MODELS[name][0]()
    assert model.quantize("int8") is None  # type: ignore[func-returns-value]
    return model


# ---- what works as before


@over_backends
@over_models
def test_the_outputs_stay_close(name: str, backend: str) -> None:
    make, x, _ = MODELS[name]
    with lstm.backends.using(backend):
        model = make()
    before = model.predict(x)
    model.quantize()
    after = model.predict(x)
    assert 0 < abs(after - before).max() < 0.02 * abs(before).max()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_layer(case: LayerCase) -> None:
    lstm.set_seed(166)
    model = case.model()
    rng = np.random.default_rng(167)
    x: Any = [
        rng.integers(0, 4, (2, *shape)) if case.tokens else rng.normal(size=(2, *shape))
        for shape in case.inputs
    ]
    before = model.predict(x if len(x) > 1 else x[0])
    if not any(layer.int8_axes and layer.own_weights for layer in model.graph.layers.values()):
        with pytest.raises(InvalidValueError, match="to quantize it, got none"):
            model.quantize()
        return
    model.quantize()
    after = model.predict(x if len(x) > 1 else x[0])
    results = [y if isinstance(y, list) else [y] for y in (after, before)]
    for one, other in zip(*results, strict=True):
        assert abs(one - other).max() < 0.1 * max(1, abs(other).max())


@over_models
def test_a_plan_computes_the_same(name: str) -> None:
    model, x = quantized(name), MODELS[name][1]
    first = model.predict(x)
    for _ in range(3):
        assert_array_equal(model.predict(x), first)
    assert len(model.passes(planning.infer).plans.planned) == 1
    assert_array_equal(np.concatenate([model.predict(x[k : k + 1]) for k in range(len(x))]), first)


def test_steps_equal_the_whole() -> None:
    model = quantized("tied")
    whole = model.predict(TOKENS[:1])
    stream, state = model.stream(), model.initial_state()
    for k in range(TOKENS.shape[1]):
        x = TOKENS[:1, k : k + 1]
        y, state = model.step(x, state)
        assert_array_equal(y[:, 0], whole[:, k])
        assert_array_equal(stream(x), y)


@over_models
def test_evaluation_is_that_of_the_predictions(name: str) -> None:
    model, (_, x, y) = quantized(name), MODELS[name]
    p = np.take_along_axis(model.predict(x), y[..., None], -1)
    found = model.evaluate(x, y)
    loss = found[0] if isinstance(found, list) else found
    assert loss == pytest.approx(-np.log(p).mean(), rel=1e-5)


def test_regularizers_of_int8_weights_do_not_count() -> None:
    """As those of other weights that do not learn."""
    model = lstm.Sequential([lstm.Input((8,)), Dense(8, kernel_regularizer="l2")])
    model.compile("sgd", "mse")
    model.quantize()
    x, y = np.random.default_rng(1).normal(size=(2, 4, 8))
    assert model.evaluate(x, y) == pytest.approx(np.mean((model.predict(x) - y) ** 2), rel=1e-5)


def test_what_was_planned_before_is_not_used_any_more() -> None:
    model, again = tied(), tied()
    stream = model.stream()
    for _ in range(4):
        model.predict(TOKENS)
        stream(TOKENS[:1, :1])
    stream.reset()
    for one in (model, again):
        one.quantize()
    assert_array_equal(model.predict(TOKENS), again.predict(TOKENS))
    assert_array_equal(stream(TOKENS[:1, :1]), again.predict(TOKENS[:1, :1]))


def test_quantizing_twice_changes_nothing() -> None:
    model = quantized("classifier")
    before = model.predict(X)
    model.quantize()
    assert_array_equal(model.predict(X), before)


def test_both_backends_hold_the_same_numbers() -> None:
    parts = []
    for name in ("native", "reference"):
        with lstm.backends.using(name):
            model = quantized("tied")
        ops = model.backend.ops
        held = (w for w in model.weights if w.is_int8)
        parts.append([array for w in held for array in ops.quantized_parts(w.value)])
    for one, other in zip(*parts, strict=True):
        assert_array_equal(one, other)


@over_models
def test_float64_stays_float64(name: str, tmp_path: Path) -> None:
    make, x, _ = MODELS[name]
    with lstm.backends.using("reference", "float64"):
        model = make()
        before = model.predict(x)
        model.quantize()
        after = model.predict(x)
        assert after.dtype == np.float64
        assert 0 < abs(after - before).max() < 0.02 * abs(before).max()
        model.save(tmp_path / "model")
        assert_array_equal(lstm.load_model(tmp_path / "model").predict(x), after)


def test_weights_can_still_be_read() -> None:
    before = classifier()
    after = quantized("classifier")
    for old, new in zip(before.get_weights(), after.get_weights(), strict=True):
        assert new.shape == old.shape
        assert abs(new - old).max() <= abs(old).max() / 127
    assert after.count_params() == before.count_params()


def test_a_layer_of_two_models_is_quantized_in_both() -> None:
    lstm.set_seed(168)
    x = lstm.Input((None, 3))
    h = LSTM(16)(x)
    encoder, model = lstm.Model(x, h), lstm.Model(x, Dense(2)(h))
    model.compile("sgd", "mse")
    model.quantize()
    assert is_quantized(encoder.graph)
    assert encoder.predict(X).shape == (6, 16)
    with pytest.raises(InvalidTypeError, match="int8 weights"):
        model.fit(X, np.zeros((6, 2)), verbose=0)


# ---- what is refused, and what is shown


def test_training_is_refused() -> None:
    model = quantized("classifier")
    before = model.get_weights()
    for train in (
        lambda: model.fit(X, Y, verbose=0),
        lambda: model.train_on_batch(X, Y),
        lambda: model.set_weights(before),
    ):
        with pytest.raises(InvalidTypeError, match=r"quantize\(\).*int8 weights"):
            train()
    for old, new in zip(before, model.get_weights(), strict=True):
        assert_array_equal(old, new)


def test_training_is_refused_in_the_middle_of_it() -> None:
    model = classifier()

    class Hasty(lstm.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any) -> None:
            model.quantize()

    with pytest.raises(InvalidTypeError, match="int8 weights"):
        model.fit(X, Y, batch_size=2, verbose=0, callbacks=[Hasty()])


def test_other_modes_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="mode: expected one of 'int8'"):
        classifier().quantize("int4")


def test_the_summary_says_what_is_int8(capsys: pytest.CaptureFixture[str]) -> None:
    classifier().summary()
    assert "uantized" not in capsys.readouterr().out
    quantized("classifier").summary()
    shown = capsys.readouterr().out
    assert "Quantized: int8 weights in bidirectional/forward_lstm, bidirectional/b" in shown
    assert "Not quantized: conv1d (no int8 product)" in shown
    quantized("tied").summary()
    shown = capsys.readouterr().out
    assert "Quantized: int8 weights in embedding, lstm, gru, tied_dense\n" in shown


def test_layers_of_users_stay_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    lstm.set_seed(169)
    layers = [lstm.Input((None, 3)), Wide(8), Doubled(), LSTM(8), Dense(2)]
    model = lstm.Sequential(layers)
    before = model.predict(X)
    model.quantize()
    assert abs(model.predict(X) - before).max() < 0.02 * abs(before).max()
    assert {name for name, weight in model.named_weights.items() if weight.is_int8} == {
        *("lstm/kernel", "lstm/recurrent_kernel", "dense/kernel"),
    }
    model.summary()
    assert (
        "Not quantized: wide (a layer of your own), doubled (a layer of your own)"
        in capsys.readouterr().out
    )


def test_too_long_sums_stay_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstm.layers.quantization.MOST_INPUTS", 20)
    model = quantized("subclassed")
    assert [name for name, weight in model.named_weights.items() if weight.is_int8] == [
        *("lstm/kernel", "lstm/recurrent_kernel", "dense/kernel"),
    ]
    monkeypatch.setattr("lstm.layers.quantization.MOST_INPUTS", 15)
    with pytest.raises(InvalidValueError, match="to quantize it"):
        subclassed().quantize()


# ---- files and copies


@over_models
def test_files_and_copies_have_the_same_bits(name: str, tmp_path: Path) -> None:
    make, x, _ = MODELS[name]
    model, path = make(), tmp_path / "model.safetensors"
    model.save(path)
    whole = path.stat().st_size
    model.quantize()
    expected = model.predict(x)
    model.save(path)
    assert path.stat().st_size < 0.7 * whole
    loaded = lstm.load_model(path)
    for one in (loaded, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert is_quantized(one.graph)
        assert_array_equal(one.predict(x), expected)
    first = path.read_bytes()
    loaded.save(path)
    assert path.read_bytes() == first


def test_a_trained_model_leaves_the_state_of_its_optimizer_behind(tmp_path: Path) -> None:
    model, path = classifier(), tmp_path / "model.safetensors"
    model.fit(X, Y, verbose=0)
    model.quantize()
    model.save(path)
    with storage.reading(path, ("model",)) as (tensors, header):
        assert not [name for name in tensors if name.startswith("optimizer")]
        assert header["format"] == 2
    assert lstm.load_model(path).evaluate(X, Y) == model.evaluate(X, Y)


def test_a_layer_is_copied_as_it_is() -> None:
    model = quantized("subclassed")
    assert isinstance(model, Encoder)
    again = pickle.loads(pickle.dumps(model.memory))
    for name, weight in model.memory.own_weights.items():
        assert again.own_weights[name].is_int8 == weight.is_int8 == (name != "bias")
        assert_array_equal(again.own_weights[name].to_numpy(), weight.to_numpy())


def test_files_of_other_models_are_as_before(tmp_path: Path) -> None:
    classifier().save(tmp_path / "model")
    with storage.reading(tmp_path / "model", ("model",)) as (_, header):
        assert header["format"] == 1
        assert "int8" not in header


Change = Callable[[dict[str, Any], dict[str, Any]], Any]

KERNEL, SCALE = "lstm/kernel", "lstm/kernel/scale"
CHANGES: dict[str, tuple[Change, str]] = {
    "later format": (lambda t, h: h.update(format=3), "later version"),
    "no scale": (lambda t, h: t.pop(SCALE), "makes no sense"),
    "negative scale": (lambda t, h: t.update({SCALE: -t[SCALE]}), "at least 0"),
    "infinite scale": (lambda t, h: t.update({SCALE: t[SCALE] * np.inf}), "finite"),
    "short scale": (lambda t, h: t.update({SCALE: t[SCALE][:-1]}), r"shape \(64,\)"),
    "integer scale": (lambda t, h: t.update({SCALE: t[SCALE].astype(np.int32)}), "float32"),
    "float numbers": (lambda t, h: t.update({KERNEL: t[KERNEL] * 1.0}), "int8 numbers"),
    "too low": (lambda t, h: t.update({KERNEL: np.full_like(t[KERNEL], -128)}), "at least -127"),
    "a bias": (lambda t, h: h["int8"].update({"lstm/bias": SCALE}), "weights of"),
    "no such weight": (lambda t, h: h["int8"].update({"x/kernel": SCALE}), "weights of"),
    "no table": (lambda t, h: h.update(int8=[KERNEL]), "names of scales"),
    "no name": (lambda t, h: h["int8"].update({KERNEL: 3}), "makes no sense"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_broken_files_are_refused(change: str, tmp_path: Path) -> None:
    path, (alter, words) = tmp_path / "model.safetensors", CHANGES[change]
    quantized("subclassed").save(path)
    with storage.reading(path, ("model",)) as (tensors, header):
        alter(tensors, header)
    path.write_bytes(signed(tensors, json.loads(json.dumps(header))))
    with pytest.raises(ModelFileError, match=words):
        lstm.load_model(path)

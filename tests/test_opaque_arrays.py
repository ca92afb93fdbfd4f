"""Above the backends nobody looks into an array: all works, to the same bits, where nobody can."""

import copy
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from composed_cases import OwnCell
from layer_case import STEPS, LayerCase
from layer_cases import CASES
from lstm.backends.contract import Array, Cache
from lstm.layers import LSTM, Bidirectional, Conv1D, Dense, Embedding, Layer, Multiply, TiedDense
from lstm.layers.base import Arrays, Gradients, Run
from lstm.layers.masks import Mask
from lstm.layers.symbolic import Shape
from opaque_arrays import OPAQUE, Opaque, opaque  # noqa: F401

Course = Callable[[Path], Iterator[Any]]

TEXT = "the cat sat on the mat and the dog ran to the cat. " * 12


def results(course: Course, backend: str, folder: Path) -> list[Any]:
    """What a course gives on a backend, from one seed."""
    with lstm.backends.using(backend, "float32"):
        lstm.set_seed(11)
        return list(course(folder))


def check(course: Course, folder: Path) -> None:
    """The course gives on opaque arrays what it gives on the reference's own."""
    expected, found = (results(course, name, folder) for name in ("reference", "opaque"))
    assert len(found) == len(expected) > 0
    for one, other in zip(found, expected, strict=True):
        _same(one, other)


def _same(one: Any, other: Any) -> None:
    if isinstance(other, list | tuple):
        assert len(one) == len(other)
        for part, right in zip(one, other, strict=True):
            _same(part, right)
    elif isinstance(other, dict):
        assert list(one) == list(other)
        _same(list(one.values()), list(other.values()))
    else:
        assert type(one) is type(other)
        assert_array_equal(one, other)


@pytest.mark.usefixtures("opaque")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_layer(case: LayerCase, tmp_path: Path) -> None:
    def course(folder: Path) -> Iterator[Any]:
        rng = np.random.default_rng(12)
        model = case.model(any_length=True)
        x = case.data(rng, 3)
        yield model.predict(x)
        if case.masks:
            shorter = [[sequence[: 4 + k % 2] for k, sequence in enumerate(part)] for part in x]
            yield model.predict(shorter if len(x) > 1 else shorter[0])
        learner = lstm.Model(model.graph.inputs, model.graph.outputs[0])
        target = rng.normal(size=(3, *case.output[0]))
        learner.compile("adam", "mse", ["mae"])
        if learner.graph.weights:
            for carry in (False, bool(case.streams), bool(case.streams)):
                yield learner.train_on_batch(x, target, carry_state=carry)
            yield learner.evaluate(x, target)
            learner.reset_states([1])
            yield dict(learner.carried_state)
        if case.streams:
            state = model.initial_state(3)
            for part in np.split(np.arange(STEPS), [2]):
                y, state = model.step([values[:, part] for values in x], state)
                yield y, dict(state)
        yield learner.get_weights()
        learner.save(folder / "model.safetensors")
        loaded = lstm.load_model(folder / "model.safetensors", {"OwnCell": OwnCell})
        yield loaded.predict(x)
        if learner.graph.weights:
            yield loaded.train_on_batch(x, target), learner.train_on_batch(x, target)
        yield copy.deepcopy(learner).predict(x)

    check(course, tmp_path)


def bidirectional() -> lstm.Model:
    x = lstm.Input((None,))
    y = Embedding(7, 4, mask_zero=True, dropout=0.2)(x)
    y = Bidirectional(LSTM(3, return_sequences=True, dropout=0.1, recurrent_dropout=0.2))(y)
    return lstm.Model(x, Dense(7, activation="softmax")(y[:, -1]))


def tied() -> lstm.Model:
    embedding = Embedding(7, 4, dropout=0.2)
    layers = [embedding, LSTM(4, return_sequences=True), TiedDense(embedding)]
    return lstm.Sequential([lstm.Input((None,)), *layers, lstm.layers.Activation("softmax")])


def stateful() -> lstm.Model:
    x = lstm.Input((None,))
    y = Embedding(7, 4, mask_zero=True)(x)
    y = Conv1D(4, 3, padding="causal")(y)
    y = Multiply()([y, LSTM(4, return_sequences=True, stateful=True)(y)])
    return lstm.Model(x, Dense(7, activation="softmax")(y))


@pytest.mark.usefixtures("opaque")
@pytest.mark.parametrize("make", [bidirectional, tied, stateful])
@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "categorical_crossentropy"])
@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adamw"])
def test_training(
    make: Callable[[], lstm.Model], loss: str, optimizer: str, tmp_path: Path
) -> None:
    def course(folder: Path) -> Iterator[Any]:
        model, rng = make(), np.random.default_rng(13)
        x = rng.integers(1, 7, (6, 5))
        x[::2, 3:] = 0
        y = np.eye(7)[rng.integers(0, 7, (6,) if make is bidirectional else (6, 5))]
        y = y.argmax(-1) if loss.startswith("sparse") else y
        for metrics in ((), ("accuracy", "perplexity")):
            model.compile(optimizer, loss, list(metrics), weighted_metrics=list(metrics))
            weights = rng.random(6)
            history = model.fit(x, y, 3, 2, 0, sample_weight=weights, validation_split=0.5)
            yield history.history
        yield model.get_weights(), model.predict(x, 3), dict(model.carried_state)
        twin = copy.deepcopy(model)
        for one in (model, twin):
            one.fit(x, y, 3, 1, 0)
            yield one.get_weights()

    check(course, tmp_path)


class Echo(Layer):
    """x + y of the chunk before, by operations alone: a layer as a user writes it."""

    keeps_mask = True

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        return (shapes[0],)

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        return (tuple(size or 0 for size in shapes[0][1:]),)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        state = run.state()
        y = run.ops.add([*inputs, *(state or inputs)])
        run.leave_state((y,))
        return (y,), state is None

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        return (run.ops.scale(gradients[0], 2.0) if cache else gradients[0],)


@pytest.mark.usefixtures("opaque")
def test_a_layer_of_a_user(tmp_path: Path) -> None:
    def course(_: Path) -> Iterator[Any]:
        model = lstm.Sequential([lstm.Input((4, 2)), Dense(3), Echo(), Dense(1)])
        model.compile("adam", "mse")
        x = np.random.default_rng(19).normal(size=(3, 4, 2))
        for _ in range(3):
            yield model.train_on_batch(x, x[..., :1], carry_state=True)
            model.reset_states([2])
            yield dict(model.carried_state)

    check(course, tmp_path)


@pytest.mark.usefixtures("opaque")
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_a_network(loss: str, tmp_path: Path) -> None:
    def course(folder: Path) -> Iterator[Any]:
        network = lstm.LSTMNetwork(2, 4, 3, loss, loss == "cross_entropy", seed=20)
        rng = np.random.default_rng(21)
        x, y = rng.normal(size=(6, 5, 2)), np.eye(3)[rng.integers(0, 3, (6, 5))]
        network.train(x, y, 2, 0.01, verbose=0)
        yield network.predict(x), network.dataset_loss(x, y)
        yield network.loss_function(network.predict(x[0]), y[0])
        network.save(folder / "network.safetensors")
        yield lstm.LSTMNetwork.load(folder / "network.safetensors").predict(x[0])

    check(course, tmp_path)


@pytest.mark.usefixtures("opaque")
@pytest.mark.parametrize("tie", [False, True])
def test_a_language_model(tie: bool, tmp_path: Path) -> None:
    def course(folder: Path) -> Iterator[Any]:
        model = lstm.LanguageModel.train(
            TEXT,
            hidden=6,
            layers=2,
            tie_weights=tie,
            dropout=0.2,
            embedding_dropout=0.1,
            recurrent_dropout=0.2,
            seq_len=8,
            batch_size=4,
            epochs=2,
            seed=14,
        )
        assert model.history is not None
        yield model.history.history, model.evaluate(TEXT[:80]).nats
        yield model.generate("the ", 30, seed=15), model.beam("the ", 6, width=3)
        yield model.log_probabilities("the cat")
        writer = model.writer("the ", samples=2, seed=16)
        yield writer.write(10), model.writer("the ", seed=18).propose(2)
        writer.read("cat")
        writer.save(folder / "writer.safetensors")
        model.save(folder / "language.safetensors")
        model = lstm.LanguageModel.load(folder / "language.safetensors")
        again = lstm.text.Writer.load(folder / "writer.safetensors", model)
        yield again.write(10), writer.write(10)

    check(course, tmp_path)


@pytest.mark.usefixtures("opaque")
def test_the_lens(tmp_path: Path) -> None:
    def course(_: Path) -> Iterator[Any]:
        inspection = lstm.inspection
        model = lstm.LanguageModel.train(TEXT, hidden=6, layers=2, epochs=1, seq_len=8, seed=17)
        x = np.arange(10).reshape(2, 5)
        found = inspection.record(model.model, x, model.model.initial_state(2))
        yield found.outputs, found.layers, found.state
        yield vars(inspection.saliency(model, "the c"))
        yield inspection.gradient_flow(model.model, x).norms
        yield inspection.memory(model, TEXT, longest=6, windows=4).change
        yield inspection.context(model, TEXT, longest=6, windows=4).nats
        reading = inspection.read(model, TEXT[:60])
        yield reading.surprise, inspection.position(reading, 3).nats

    check(course, tmp_path)


def test_nobody_can_look_into_the_arrays() -> None:
    x = OPAQUE.array(np.ones((2, 3)))
    assert isinstance(x, Opaque)
    assert (x.shape, x.ndim) == ((2, 3), 2)
    for look in (np.asarray, len, list, bool, float, copy.copy, lambda x: x[0], lambda x: x + 1):
        with pytest.raises(TypeError):
            look(x)  # type: ignore[operator]
    for look in (
        lambda x: np.ones(3) * x,
        lambda x: x == x,
        np.sum,
        lambda x: x.T,
        lambda x: x.sum,
    ):
        with pytest.raises((TypeError, AttributeError)):
            look(x)
    with pytest.raises(TypeError, match=r"scale: an array of NumPy"):
        OPAQUE.scale(np.ones(3), 2.0)
    with pytest.raises(TypeError, match=r"array: an array of the backend"):
        OPAQUE.array(x)
    values = np.zeros(2)
    hidden = OPAQUE.array(values)
    values[:] = 1
    OPAQUE.to_numpy(hidden)[:] = 2
    assert_array_equal(OPAQUE.to_numpy(hidden), [0, 0])

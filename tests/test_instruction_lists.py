"""Instruction lists: what a plan computes is what NumPy computes from its list."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import lstm
from layer_case import STEPS, LayerCase
from layer_cases import CASES
from lstm.backends import BACKENDS
from lstm.backends.contract import Given, InstructionList, Place
from lstm.backends.native.plan import Plan
from lstm.backends.reference import interpreter
from lstm.layers import GRU, LSTM, Dense, Dropout, Embedding

ROUNDS = 4
TOLERANCE = {"rtol": 2e-4, "atol": 2e-5}


@pytest.fixture(autouse=True)
def native() -> Iterator[None]:
    lstm.set_seed(3)
    with lstm.backends.using("native"):
        yield


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[InstructionList]:
    """The lists that plans ran, each with the same results as in NumPy."""
    found: list[InstructionList] = []
    run = Plan.run

    def both(
        plan: Plan, inputs: Any, numbers: Any = (), outputs: Any = (), *, times: int, **options: Any
    ) -> Any:
        listed = plan.listed
        kept = [np.array(array) for array in listed.kept]
        copies = InstructionList(
            listed.instructions, listed.arena_bytes, kept, listed.passed, listed.outputs
        )
        returned = run(plan, inputs, numbers, outputs, times=times, **options)
        outputs, results = returned
        for k in range(times):
            parts = [np.split(x, times)[k] for x in inputs]
            written = [np.full_like(np.split(y, times)[k], np.nan) for y in outputs]
            width = len(numbers) // times
            passed = numbers[k * width : (k + 1) * width]
            again = interpreter.run(copies, [*parts, *written], passed, BACKENDS["reference"])
            assert_allclose(results[k], again, **TOLERANCE)
            for one, other in zip(outputs, written, strict=True):
                assert_allclose(np.split(one, times)[k], other, **TOLERANCE)
        for one, other in zip(listed.kept, kept, strict=True):
            assert_allclose(one, other, **TOLERANCE)
        found.append(listed)
        return returned

    monkeypatch.setattr(Plan, "run", both)
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_every_layer(case: LayerCase, compared: list[InstructionList]) -> None:
    model, rng = case.model(), np.random.default_rng(1)
    for _ in range(ROUNDS):
        model.predict(case.data(rng, 3))
    assert compared


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.weights or "tied" in case.name],
    ids=lambda c: c.name,
)
def test_every_layer_learns(
    case: LayerCase, weighted: bool, compared: list[InstructionList]
) -> None:
    graph, rng = case.model(any_length=True).graph, np.random.default_rng(2)
    model = lstm.Model(graph.inputs, graph.outputs[0])
    model.compile(lstm.optimizers.SGD(0.01, momentum=0.5, global_clipnorm=1.0), "mse")
    for _ in range(ROUNDS):
        y = rng.normal(size=(3, *case.output[0]))
        weight = rng.random(3) if weighted else None
        model.train_on_batch(case.data(rng, 3), y, sample_weight=weight)
    assert compared


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.masks and case.in_order], ids=lambda c: c.name
)
def test_every_layer_with_masks(case: LayerCase, compared: list[InstructionList]) -> None:
    graph, rng = case.model(any_length=True).graph, np.random.default_rng(2)
    model = lstm.Model(graph.inputs, graph.outputs[0])
    model.compile("sgd", "mse", ["mae"])
    steps = case.output[0][:1] == (STEPS,)
    for lengths in [5, 3, 4], [3, 5, 3], [5, 5, 3], [4, 5, 4]:
        x = case.ragged(rng, lengths)
        sizes = [(n, *case.output[0][1:]) if steps else case.output[0] for n in lengths]
        y = [rng.normal(size=size) for size in sizes]
        if case.weights:
            model.train_on_batch(x, y if steps else np.array(y))
        model.predict(x)
    assert compared


@pytest.mark.parametrize("metrics", [[], ["mae"]])
@pytest.mark.parametrize(
    ("loss", "one_hot"),
    [
        ("sparse_categorical_crossentropy", False),
        ("categorical_crossentropy", True),
        ("mse", True),
        ("mae", True),
        ("binary_crossentropy", True),
        ("huber", True),
    ],
)
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_every_loss(
    loss: str, one_hot: bool, metrics: list[str], activation: str, compared: list[InstructionList]
) -> None:
    rng = np.random.default_rng(4)
    layers = [Embedding(6, 4), LSTM(5, return_sequences=True, dropout=0.1), Dense(6, activation)]
    model = lstm.Sequential([lstm.Input((None,)), *layers])
    model.compile("sgd", loss, metrics)
    x, y = rng.integers(0, 6, (2, 20, 7))
    model.fit(x, np.eye(6)[y] if one_hot else y, batch_size=4, epochs=3, verbose=0)
    assert compared


@pytest.mark.parametrize(
    "optimizer",
    [
        lstm.optimizers.SGD(0.01, nesterov=True, momentum=0.9),
        lstm.optimizers.RMSprop(0.01, epsilon=1e-2),
        lstm.optimizers.RMSprop(0.01, epsilon=1e-2, momentum=0.5, centered=True),
        lstm.optimizers.AdamW(0.01, epsilon=1e-2),
        lstm.optimizers.Adam(0.01, epsilon=1e-2, amsgrad=True, clipnorm=0.1),
        lstm.optimizers.Adagrad(0.01, use_ema=True, ema_overwrite_frequency=3),
        lstm.optimizers.Adadelta(1.0, epsilon=1e-2, clipvalue=0.1),
        lstm.optimizers.Adamax(0.01, epsilon=1e-2, gradient_accumulation_steps=2),
        lstm.optimizers.Nadam(0.01, epsilon=1e-2),
        lstm.optimizers.Ftrl(0.1),
    ],
    ids=repr,
)
def test_every_optimizer(optimizer: Any, compared: list[InstructionList]) -> None:
    rng = np.random.default_rng(5)
    layers = [GRU(4, stateful=True, return_sequences=True, recurrent_dropout=0.2), LSTM(3)]
    model = lstm.Sequential([lstm.Input((None, 2)), *layers, Dropout(0.3), Dense(1)])
    model.compile(optimizer, "mse")
    for _ in range(ROUNDS):
        model.train_on_batch(rng.random((3, 4, 2)), rng.random((3, 1)))
    assert compared


def test_steps_that_are_taken_together(compared: list[InstructionList]) -> None:
    rng = np.random.default_rng(6)
    model = lstm.Sequential([lstm.Input((5, 2)), LSTM(3), Dropout(0.3), Dense(1)])
    model.compile("sgd", "mse")
    model.fit(rng.random((40, 5, 2)), rng.random((40, 1)), batch_size=4, epochs=3, verbose=0)
    assert compared


def test_a_list_ends_where_the_plan_does(compared: list[InstructionList]) -> None:
    model = lstm.Sequential([lstm.Input((3, 1)), LSTM(2), Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((2, 3, 1)), np.ones((2, 1))
    for _ in range(ROUNDS):
        model.train_on_batch(x, y)
    with np.errstate(over="ignore", invalid="ignore"):
        assert model.train_on_batch(x, np.full((2, 1), 3e38)) == np.inf
    assert compared


def test_a_list_is_plain_data(compared: list[InstructionList]) -> None:
    model = lstm.Sequential([lstm.Input((5, 2)), LSTM(3), Dropout(0.3), Dense(1)])
    model.compile("adam", "mse")
    for _ in range(ROUNDS):
        model.train_on_batch(np.ones((2, 5, 2)), np.ones((2, 1)))
    listed = compared[-1]
    weights = {id(model._parameters.learned), id(model._parameters.gradients)}
    slots = {id(slot) for slot in model.optimizer.slots.values()}
    numbers = [array for array in listed.kept if array.dtype == np.float32]
    assert {id(array) for array in numbers} == weights | slots
    sizes = [listed.arena_bytes, *(array.nbytes for array in listed.kept)]
    sizes += [4 * place.shape[0] for place in listed.passed]
    for name, arguments, most, where in listed.instructions:
        assert isinstance(name, str)
        for x in (*arguments, most, where):
            assert x is None or type(x) in (int, float, bool, Place, Given)
            if isinstance(x, Place):
                size = np.dtype(x.dtype).itemsize * np.prod(x.shape, dtype=int)
                assert 0 <= x.offset <= sizes[x.buffer] - size


@pytest.mark.parametrize("tokens", [False, True])
def test_int8_weights(tokens: bool, compared: list[InstructionList]) -> None:
    first = Embedding(7, 5) if tokens else Dense(5)
    layers = [first, *(make(6, return_sequences=True) for make in (LSTM, GRU)), Dense(3)]
    model = lstm.Sequential(layers)
    shape = (3, 4) if tokens else (3, 4, 2)
    rng = np.random.default_rng(4)

    def data() -> Any:
        return rng.integers(0, 7, shape) if tokens else rng.normal(size=shape)

    model.predict(data())
    model.quantize()
    for _ in range(ROUNDS):
        model.predict(data())
    names = {instruction.name for listed in compared for instruction in listed.instructions}
    assert {"int8_inference_lstm_forward", "int8_inference_gru_forward"} < names

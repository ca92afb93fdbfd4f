"""Passes from a plan give the bits that they give step by step, and notice whatever changes."""

import copy
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from layer_case import STEPS, LayerCase
from layer_cases import CASES
from lstm.layers import (
    GRU,
    LSTM,
    Dense,
    Dropout,
    Embedding,
    Layer,
)
from planned_passes import ROUNDS, both, plans, recurrent


@pytest.fixture(autouse=True)
def native() -> Iterator[None]:
    with lstm.backends.using("native"):
        yield


# ---- every layer


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_layer_predicts_the_same(case: LayerCase) -> None:
    model, rng = case.model(), np.random.default_rng(1)
    x, others = (case.data(rng, 3) for _ in range(2))
    first = model.predict(x)
    for _ in range(ROUNDS):
        model.predict(others)
    again = model.predict(x)
    assert plans(model)
    for one, other in zip(listed(first), listed(again), strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "case", [case for case in CASES if case.weights or "tied" in case.name], ids=lambda c: c.name
)
def test_every_layer_learns_the_same(
    case: LayerCase, weighted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def course() -> list[Any]:
        graph, rng = case.model(any_length=True).graph, np.random.default_rng(2)
        model = lstm.Model(graph.inputs, graph.outputs[0])
        model.compile(lstm.optimizers.Adam(0.01, clipnorm=1.0), "mse", ["mae"])
        found: list[Any] = []
        for _ in range(ROUNDS):
            y = rng.normal(size=(3, *case.output[0]))
            weight = rng.random(3) if weighted else None
            found.append(model.train_on_batch(case.data(rng, 3), y, sample_weight=weight))
        assert model._trainer is not None
        recorded.append(len(model._trainer._passes.plans.planned))
        return found + model.get_weights()

    recorded: list[int] = []
    both(monkeypatch, course)
    assert recorded == [1, 0]


LENGTHS = [[5, 3, 4], [3, 5, 3], [5, 5, 3], [4, 5, 4], [5, 3, 5], [4, 5, 5]]
"""Of the sequences of one batch after the other."""

RAGGED = [case for case in CASES if case.masks and case.in_order]


@pytest.mark.parametrize("case", RAGGED, ids=lambda case: case.name)
def test_every_layer_predicts_the_same_of_sequences_of_other_lengths(
    case: LayerCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def course() -> list[Any]:
        model, rng = case.model(any_length=True), np.random.default_rng(1)
        found = [model.predict(case.ragged(rng, lengths)) for lengths in LENGTHS]
        recorded.append(len(plans(model)))
        return [array for given in found for one in listed(given) for array in listed(one)]

    recorded: list[int] = []
    both(monkeypatch, course)
    assert recorded == [1, 0]


@pytest.mark.parametrize("metrics", [[], ["mae"]])
@pytest.mark.parametrize(
    "case", [case for case in RAGGED if case.weights and case.in_order], ids=lambda c: c.name
)
def test_every_layer_learns_the_same_of_sequences_of_other_lengths(
    case: LayerCase, metrics: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def course() -> list[Any]:
        graph, rng = case.model(any_length=True).graph, np.random.default_rng(2)
        model = lstm.Model(graph.inputs, graph.outputs[0])
        model.compile(lstm.optimizers.Adam(0.01, clipnorm=1.0), "mse", metrics)
        found: list[Any] = []
        steps = case.output[0][:1] == (STEPS,)
        for lengths in LENGTHS:
            sizes = [(n, *case.output[0][1:]) if steps else case.output[0] for n in lengths]
            y = [rng.normal(size=size) for size in sizes]
            x = case.ragged(rng, lengths)
            found.append(model.train_on_batch(x, y if steps else np.array(y)))
        assert model._trainer is not None
        recorded.append(len(model._trainer._passes.plans.planned))
        return found + model.get_weights()

    recorded: list[int] = []
    both(monkeypatch, course)
    assert recorded == [1, 0]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# ---- losses, heads, states


def language_model(**options: Any) -> lstm.Model:
    layers = [Embedding(6, 4), LSTM(5, return_sequences=True, **options), Dense(6, "softmax")]
    return lstm.Sequential([lstm.Input((None,)), *layers])


@pytest.mark.parametrize("metrics", [[], ["accuracy", "mae"]])
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
def test_losses(
    loss: str, one_hot: bool, metrics: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def course() -> list[Any]:
        rng, model = np.random.default_rng(4), language_model(dropout=0.1)
        model.compile("rmsprop", loss, metrics)
        x, y = rng.integers(0, 6, (2, 20, 7))
        targets = np.eye(6)[y] if one_hot else y
        history = model.fit(x, targets, batch_size=4, epochs=3, verbose=0, validation_split=0.2)
        return [history.history[key] for key in sorted(history.history)] + model.get_weights()

    both(monkeypatch, course)


@pytest.mark.parametrize("cell", [LSTM, GRU])
def test_states_are_carried(cell: type[Layer], monkeypatch: pytest.MonkeyPatch) -> None:
    def course() -> list[Any]:
        rng = np.random.default_rng(5)
        layers = [cell(4, return_sequences=True, stateful=True), cell(3), Dropout(0.3), Dense(1)]
        model = lstm.Sequential([lstm.Input((None, 2)), *layers])
        model.compile("sgd", "mse")
        found = [model.train_on_batch(rng.random((3, 4, 2)), rng.random((3, 1))) for _ in range(5)]
        found += [model.predict(rng.random((3, 4, 2))) for _ in range(4)]
        state = model.initial_state(3)
        for _ in range(4):
            y, state = model.step(rng.random((3, 2, 2)), state)
            found += [y, *(part for name in sorted(state) for part in state[name])]
        return found + [part for parts in model.carried_state.values() for part in parts]

    both(monkeypatch, course)


def test_a_loss_that_is_not_finite_changes_nothing() -> None:
    model = lstm.Sequential([lstm.Input((3, 1)), LSTM(2), Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((2, 3, 1)), np.ones((2, 1))
    for _ in range(ROUNDS):
        model.train_on_batch(x, y)
    before = model.get_weights()
    assert model.train_on_batch(x, np.full((2, 1), 3e38)) == np.inf
    for one, other in zip(before, model.get_weights(), strict=True):
        assert_array_equal(one, other)


# ---- what changes is noticed


def _set(path: str, value: Any) -> Callable[[lstm.Model], None]:
    def change(model: lstm.Model) -> None:
        *way, name = path.split(".")
        owner: Any = model
        for part in way:
            owner = owner.layers[int(part)] if part.isdigit() else getattr(owner, part)
        setattr(owner, name, value)

    return change


@pytest.mark.parametrize(
    "change",
    [
        _set("0.activation", "relu"),
        _set("0.recurrent_activation", "hard_sigmoid"),
        _set("0.dropout", 0.3),
        _set("0.recurrent_dropout", 0.3),
        _set("0.go_backwards", True),
        _set("1.rate", 0.1),
        _set("2.activation", "tanh"),
        _set("optimizer.learning_rate", 0.5),
        _set("optimizer.clipnorm", 1e-3),
        lambda model: model.set_weights([w + 0.1 for w in model.get_weights()]),
        lambda model: model.compile("adam", "mae"),
    ],
)
def test_a_change_between_two_calls_counts(
    change: Callable[[lstm.Model], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(6)
    x, y = rng.random((3, 4, 2)), rng.random((3, 4, 1))

    def course() -> list[Any]:
        model, found = recurrent(), []
        for turn in range(2):
            for _ in range(ROUNDS):
                found += [model.train_on_batch(x, y), model.predict(x)]
            if turn == 0:
                change(model)
        return found + model.get_weights()

    both(monkeypatch, course)


def test_layers_in_two_models_learn_in_both(monkeypatch: pytest.MonkeyPatch) -> None:
    def course() -> list[Any]:
        rng, shared = np.random.default_rng(7), LSTM(3)
        models = [lstm.Sequential([lstm.Input((4, 2)), shared, Dense(1)]) for _ in range(2)]
        found: list[Any] = []
        for model in models:
            model.compile("adam", "mse")
        for k in range(12):
            x, y = rng.random((2, 4, 2)), rng.random((2, 1))
            found += [models[k // 3 % 2].train_on_batch(x, y), models[0].predict(x)]
        return found + models[0].get_weights() + models[1].get_weights()

    both(monkeypatch, course)


def test_a_copy_has_plans_of_its_own() -> None:
    model, x = recurrent(), np.random.default_rng(8).random((3, 4, 2))
    for _ in range(ROUNDS):
        y = model.predict(x)
    twin = copy.deepcopy(model)
    twin.set_weights([0 * w for w in twin.get_weights()])
    for _ in range(ROUNDS):
        assert not twin.predict(x).any()
        assert_array_equal(model.predict(x), y)


def test_threads_that_meet_ever_other_shapes() -> None:
    before, errors = sys.getswitchinterval(), list[Exception]()
    model = lstm.Sequential([lstm.Input((None, 2)), LSTM(2)])
    model.build((None, 3, 2))

    def work(start: int) -> None:
        try:
            for k in range(300):
                model.predict(np.ones((1, 1 + (start + k) // 3 % 40, 2)))
        except Exception as error:  # Whatever it is, the test must see it.
            errors.append(error)

    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=work, args=(11 * k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(before)
    assert not errors


def test_threads_predict_with_one_model() -> None:
    model, rng = recurrent(), np.random.default_rng(9)
    data = [rng.random((40, 4, 2)) for _ in range(4)]
    expected = [model.predict(x) for x in data]
    wrong: list[int] = []

    def work(k: int) -> None:
        for _ in range(50):
            if not np.array_equal(model.predict(data[k]), expected[k]):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong

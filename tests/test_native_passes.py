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
from lstm import ops
from lstm.backends.native.plan import Plan
from lstm.layers import (
    GRU,
    LSTM,
    Dense,
    Dropout,
    Embedding,
    Layer,
    Masking,
    TimeDistributed,
    Variable,
)
from lstm.models import planning
from lstm.models.plans import Plans

ROUNDS = 4
"""The first two are computed step by step, and recorded; the others come from a plan."""


@pytest.fixture(autouse=True)
def native() -> Iterator[None]:
    with lstm.backends.using("native"):
        yield


def plans(model: lstm.Model) -> list[Any]:
    """The plans of a model's predictions."""
    return model.passes(planning.infer).plans.planned


def step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Plans, "find", lambda *_: None)


def both(monkeypatch: pytest.MonkeyPatch, course: Callable[[], Any]) -> None:
    """A course gives the same from plans and step by step."""
    lstm.set_seed(3)
    planned = course()
    with monkeypatch.context() as patch:
        step_by_step(patch)
        lstm.set_seed(3)
        expected = course()
    assert len(planned) == len(expected) > 0
    for one, other in zip(planned, expected, strict=True):
        assert_array_equal(one, other)


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


def recurrent() -> lstm.Model:
    model = lstm.Sequential(
        [lstm.Input((4, 2)), LSTM(3, name="lstm", return_sequences=True), Dropout(0.5), Dense(1)]
    )
    model.compile("sgd", lstm.losses.Huber(0.1))
    return model


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


# ---- what is computed step by step


class Doubled(Layer):
    """A layer of one's own."""

    memoryless = True

    def output_shapes(self, *shapes: Any) -> Any:
        return shapes

    def forward(self, run: Any, *inputs: Any, mask: Any) -> Any:
        return (run.ops.scale(inputs[0], 2.0),), None

    def backward(self, run: Any, cache: Any, *gradients: Any, need: Any) -> Any:
        return (run.ops.scale(gradients[0], 2.0),)


def test_layers_of_ones_own_have_no_plan(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = lstm.Sequential([lstm.Input((None, 2)), Doubled(), LSTM(3)])
    for _ in range(ROUNDS):
        model.predict(np.ones((2, 3, 2)))
    assert not plans(model)
    model.summary()
    assert "No plan: doubled is a layer of your own" in capsys.readouterr().out
    model = lstm.Sequential([lstm.Input((None, 2)), LSTM(3)])
    model.summary()
    assert "No plan" not in capsys.readouterr().out


@pytest.mark.parametrize("full", [0, 3])
def test_masks_that_python_decided_otherwise_about_are_computed_step_by_step(
    full: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def course() -> list[Any]:
        rng, layers = np.random.default_rng(6), [Embedding(5, 4, mask_zero=True), LSTM(3)]
        model = lstm.Sequential([lstm.Input((None,)), *layers])
        tokens = rng.integers(1, 5, (8, 4, 6))
        for k, batch in enumerate(tokens):
            if k % 4 != full:  # All steps of the others are real.
                batch[:, 4:] = 0
        tokens[5, 1] = tokens[6] = 0  # No step of a sequence, or of a batch, is.
        found = [model.predict(batch) for batch in tokens]
        recorded.append(len(plans(model)))
        return found

    recorded: list[int] = []
    both(monkeypatch, course)
    assert recorded == [1, 0]


def test_what_comes_again_and_again_gets_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [Embedding(5, 4, mask_zero=True), LSTM(3)]
    model = lstm.Sequential([lstm.Input((None,)), *layers])
    ran: list[bool] = []
    derive = Plan.derive

    def noted(plan: Plan, data: Any, times: int = 1) -> Any:
        found = derive(plan, data, times)
        ran.append(found is not None)
        return found

    monkeypatch.setattr(Plan, "derive", noted)
    full, padded = np.ones((4, 6), int), np.array([[1, 2, 0, 0, 0, 0]] * 4)
    for batch in [full] * 3 + [padded] * 8 + [full] * 2 + [padded] * 3:
        model.predict(batch)
    assert ran[-2:] == [True, True]  # A few others do not end it.
    assert sum(ran) >= 6


def test_a_mask_that_does_not_follow_from_data_has_no_plan() -> None:
    class Own(lstm.Model):
        def __init__(self) -> None:
            super().__init__()
            self.real, self.read = Variable((1, 3), "ones"), LSTM(3, return_sequences=True)

        def call(self, inputs: Any) -> Any:
            return self.read(inputs, mask=self.real)

    model, x = Own(), np.random.default_rng(8).normal(size=(1, 3, 2))
    whole = [model.predict(x) for _ in range(4)][-1]
    model.real.assign([[1.0, 1.0, 0.0]])
    padded = [model.predict(x) for _ in range(4)][-1]
    assert_array_equal(padded[0][:2], whole[0][:2])
    assert_array_equal(padded[0][2], padded[0][1])
    assert not plans(model)


def test_masked_numbers_are_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def course() -> list[Any]:
        rng, layers = np.random.default_rng(9), [Masking(-1.0), LSTM(3), Dense(2)]
        model = lstm.Sequential([lstm.Input((6, 3)), *layers])
        model.compile("adam", "mse")
        found = []
        for _ in range(6):
            x = rng.normal(size=(5, 6, 3))
            x[np.arange(6) >= rng.integers(3, 6, 5)[:, None]] = -1
            found += [model.train_on_batch(x, np.ones((5, 2))), model.predict(x)]
        recorded.append(len(plans(model)))
        return found

    recorded: list[int] = []
    both(monkeypatch, course)
    assert recorded == [1, 0]


@pytest.mark.parametrize("joined", [True, False])
def test_losses_of_one_number_count_alike(joined: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(10).normal(size=(26, 3))
    y = x[:, :1].copy()
    y[24:] += 5
    model = lstm.Sequential([lstm.Input((3,)), Dense(1)])
    model.compile(lstm.optimizers.SGD(0.0), lambda t, y: ops.mean(ops.square(t - y)))
    if not joined:
        step_by_step(monkeypatch)
    history = model.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0).history
    each = [np.mean((y[k : k + 4] - model.predict(x[k : k + 4])) ** 2) for k in range(0, 26, 4)]
    np.testing.assert_allclose(history["loss"], np.mean(each), rtol=1e-5)


def test_steps_with_masks_are_taken_together(monkeypatch: pytest.MonkeyPatch) -> None:
    def course() -> list[Any]:
        rng, layers = np.random.default_rng(7), [Embedding(5, 4, mask_zero=True), LSTM(3), Dense(2)]
        model = lstm.Sequential([lstm.Input((None,)), *layers])
        model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
        x = rng.integers(1, 5, (80, 6))
        x[:, 3:] *= rng.integers(0, 2, (80, 3))
        history = model.fit(x, rng.integers(0, 2, 80), batch_size=4, epochs=3, verbose=0)
        return [history.history["loss"], history.history["accuracy"], *model.get_weights()]

    times: list[int] = []
    derive = Plan.derive

    def counted(plan: Plan, data: Any, count: int = 1) -> Any:
        times.append(count)
        return derive(plan, data, count)

    monkeypatch.setattr(Plan, "derive", counted)
    both(monkeypatch, course)
    assert max(times) > 1


def test_a_shape_gets_a_plan_when_it_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    record = Plans.record
    monkeypatch.setattr(
        Plans, "record", lambda *given, **options: (made.append(1), record(*given, **options))[1]
    )
    model = lstm.Sequential([lstm.Input((None, 2)), TimeDistributed(Dense(3)), LSTM(3)])
    for steps in range(1, 40):
        model.predict(np.ones((2, steps, 2)))
        assert not made
    for steps in range(1, 200):
        for _ in range(2):
            model.predict(np.ones((2, steps, 2)))
        assert len(plans(model)) <= Plans.most_shapes
    # Where they are hardly used, they are made ever more rarely.
    assert Plans.most_shapes <= len(made) < 2 * Plans.most_shapes
    for _ in range(1000):
        model.predict(np.ones((2, 7, 2)))
    assert plans(model)


def test_tokens_that_are_an_output_have_no_plan() -> None:
    x = lstm.Input((None,))
    model, tokens = lstm.Model(x, [Embedding(11, 5)(x), x]), np.arange(8).reshape(2, 4)
    for _ in range(ROUNDS):
        assert_array_equal(model.predict(tokens)[1], tokens)


def test_the_sign_of_zero_is_kept() -> None:
    x = lstm.Input((3,))
    model = lstm.Model(x, lstm.ops.concatenate([x, x], -1))
    for _ in range(ROUNDS):
        assert np.signbit(model.predict(np.array([[-0.0, 1, 2]]))[0, [0, 3]]).all()


def test_what_is_repeated_learns_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def course() -> list[Any]:
        rng = np.random.default_rng(10)
        layers = [Dense(1), lstm.layers.RepeatVector(300), LSTM(2, return_sequences=True)]
        model = lstm.Sequential([lstm.Input((2,)), *layers])
        model.compile("sgd", "mse")
        for _ in range(6):
            model.train_on_batch(rng.random((3, 2)), rng.random((3, 300, 2)))
        return model.get_weights()

    both(monkeypatch, course)


def test_a_property_of_ones_own_is_read_at_each_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = [0.1]

    class Annealed(Dropout):
        @property
        def rate(self) -> float:  # type: ignore[override]
            return rates[0]

        @rate.setter
        def rate(self, value: float) -> None:
            pass

    def course() -> list[Any]:
        rng = np.random.default_rng(11)
        model = lstm.Sequential([lstm.Input((4,)), Dense(5), Annealed(0.1), Dense(1)])
        model.compile("sgd", "mse")
        for k in range(8):
            rates[0] = k / 10
            model.train_on_batch(rng.random((3, 4)), rng.random((3, 1)))
        return model.get_weights()

    both(monkeypatch, course)


def test_a_method_that_is_replaced_on_a_layer_is_called() -> None:
    class Own(Dense):
        pass

    layer = Own(3, use_bias=False)
    model, x = lstm.Sequential([lstm.Input((4,)), layer]), np.ones((2, 4))
    y = model.predict(x)
    forward = layer.forward

    def doubled(run: Any, *inputs: Any, mask: Any) -> Any:
        (y,), cache = forward(run, *inputs, mask=mask)
        return (np.asarray(y) * 2,), cache

    layer.forward = doubled  # type: ignore[method-assign]
    for _ in range(ROUNDS):
        assert_array_equal(model.predict(x), 2 * y)

"""Which passes get a plan: what a plan cannot repeat is computed step by step."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm import ops
from lstm.backends.native.plan import Plan
from lstm.layers import (
    LSTM,
    Dense,
    Dropout,
    Embedding,
    Layer,
    Masking,
    TimeDistributed,
    Variable,
)
from lstm.models.plans import Plans
from planned_passes import ROUNDS, both, plans, step_by_step


@pytest.fixture(autouse=True)
def native() -> Iterator[None]:
    with lstm.backends.using("native"):
        yield


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

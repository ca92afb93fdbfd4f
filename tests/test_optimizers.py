"""Optimizers as a model uses them; their arithmetic is tested with the operations."""

from typing import Any

import numpy as np
import pytest

import lstm
from lstm.backends import backend
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.layers import LSTM, Dense
from lstm.optimizers import (
    OPTIMIZERS,
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Ftrl,
    Lion,
    Nadam,
    Optimizer,
    RMSprop,
)
from tolerances import assert_close

pytestmark = pytest.mark.usefixtures("float64")

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(6, 5, 2)), RNG.normal(size=(6, 1))


def compiled(optimizer: Any) -> lstm.Model:
    lstm.set_seed(4)
    model = lstm.Sequential([lstm.Input((None, 2)), LSTM(3), Dense(1)])
    model.compile(optimizer, "mse")
    return model


def step(optimizer: Any) -> Any:
    """The change that one step makes to all weights."""
    model = compiled(optimizer)
    before = model.parameters.values.copy()
    model.train_on_batch(X, Y)
    return model.parameters.values - before


def test_global_clipnorm_bounds_the_whole_gradient() -> None:
    free, clipped = step(SGD(1.0)), step(SGD(1.0, global_clipnorm=0.01))
    norm = np.linalg.norm(free)
    assert norm > 0.01
    assert_close(clipped, free * (0.01 / norm), "optimizer", terms=len(free))
    assert_close(step(SGD(1.0, global_clipnorm=2 * norm)), free, "optimizer")


def test_clipnorm_bounds_the_gradient_of_each_weight() -> None:
    free, clipped = step(SGD(1.0)), step(SGD(1.0, clipnorm=0.5))
    weights = compiled("sgd").graph.weights.values()
    ends = np.cumsum([weight.size for weight in weights])
    norms = [np.linalg.norm(part) for part in np.split(free, ends[:-1])]
    assert min(norms) < 0.5 < max(norms)
    factors = np.repeat([min(1.0, 0.5 / norm) for norm in norms], np.diff(ends, prepend=0))
    assert_close(clipped, free * factors, "optimizer", terms=len(free))


def test_clipvalue_bounds_each_number() -> None:
    free, clipped = step(SGD(1.0)), step(SGD(1.0, clipvalue=0.01))
    assert_close(clipped, free.clip(-0.01, 0.01), "optimizer")


def steps(optimizer: Optimizer, *gradients_and_rates: tuple[float, float]) -> float:
    """Where a parameter that begins at 0 is after steps along these gradients, at these rates."""
    p = np.zeros(1)
    for g, rate in gradients_and_rates:
        optimizer.learning_rate = rate
        optimizer.apply(backend("reference", "float64"), p, np.array([g]))
    return float(p[0])


def test_a_small_gradient_takes_a_small_first_step() -> None:
    # 1e-9 of the mean square beside an epsilon of 1e-7.
    assert_close(steps(RMSprop(), (1e-4, 1e-3)), -1e-7 / np.sqrt(1.01e-7), "optimizer")
    # The unbiased mean is 1e-6; the root, not yet unbiased, is 1e-6 · √0.001.
    expected = -1e-3 * np.sqrt(1e-3) * 1e-6 / (1e-6 * np.sqrt(1e-3) + 1e-7)
    assert_close(steps(Adam(), (1e-6, 1e-3)), expected, "optimizer", terms=1000)


def test_the_velocity_keeps_the_rate_of_its_gradients() -> None:
    assert_close(steps(SGD(momentum=0.9), (1.0, 0.1), (0.0, 1e-3)), -0.1 - 0.09, "optimizer")
    nesterov = SGD(momentum=0.9, nesterov=True)
    assert_close(steps(nesterov, (1.0, 0.1), (0.0, 1e-3)), -0.19 - 0.081, "optimizer")


def test_an_option_that_was_switched_off_leaves_nothing_behind() -> None:
    turns = (1.0, 1e-3), (3.0, 1e-3), (-2.0, 1e-3)
    optimizer = RMSprop(centered=True, momentum=0.9)
    steps(optimizer, *turns)
    optimizer.centered, optimizer.momentum = False, 0.0
    # The mean square is 0.1 · (0.81 · 1 + 0.9 · 9 + 4), and becomes 0.9 times that, plus 0.1 · 25.
    spread = 0.9 * 0.1 * (0.81 + 0.9 * 9 + 4) + 0.1 * 25
    expected = -1e-3 * 5 / np.sqrt(spread + 1e-7)
    assert_close(steps(optimizer, (5.0, 1e-3)), expected, "optimizer", terms=10)
    assert optimizer.slots.keys() == {"mean_square"}


def test_weight_decay_pulls_all_weights_to_zero() -> None:
    before = compiled("sgd").parameters.values.copy()
    pull = step(AdamW(0.1, weight_decay=0.5)) - step(Adam(0.1))
    assert_close(pull, -0.05 * before, "optimizer", terms=len(before))


@pytest.mark.parametrize("kind", OPTIMIZERS.values())
def test_every_optimizer_decays_weights_before_its_step(kind: Any) -> None:
    # Where the step does not depend on the weights, as all but Ftrl's.
    before = compiled("sgd").parameters.values.copy()
    pull = step(kind(0.1, weight_decay=0.5)) - step(kind(0.1, **NO_DECAY.get(kind, {})))
    if kind is not Ftrl:
        assert_close(pull, -0.05 * before, "optimizer", terms=len(before))
    assert pull.any()


NO_DECAY: dict[Any, Any] = {AdamW: {"weight_decay": 0.0}}


class TestAccumulation:
    def test_takes_a_step_along_the_mean_of_several_gradients(self) -> None:
        model = compiled(SGD(0.5, gradient_accumulation_steps=3))
        before = model.parameters.values.copy()
        for k in range(3):
            np.testing.assert_array_equal(model.parameters.values, before)
            model.train_on_batch(X[2 * k : 2 * k + 2], Y[2 * k : 2 * k + 2])
        assert_close(model.parameters.values - before, step(SGD(0.5)), "optimizer", terms=6)
        assert (model.optimizer.step, model.optimizer.iterations, model.optimizer.waiting) == (
            *(1, 1, 0),
        )

    def test_clips_their_mean(self) -> None:
        norm = np.linalg.norm(step(SGD(1.0)))
        model = compiled(SGD(1.0, global_clipnorm=norm / 2, gradient_accumulation_steps=2))
        before = model.parameters.values.copy()
        for _ in range(2):
            model.train_on_batch(X, Y)
        change = model.parameters.values - before
        assert_close(np.linalg.norm(change), norm / 2, "optimizer", terms=len(before))

    def test_can_be_switched_off(self) -> None:
        model = compiled(SGD(0.5, gradient_accumulation_steps=2))
        model.train_on_batch(X, Y)
        model.optimizer.gradient_accumulation_steps = None
        before = model.parameters.values.copy()
        model.train_on_batch(X, Y)
        assert_close(model.parameters.values - before, step(SGD(0.5)), "optimizer", terms=6)
        assert model.optimizer.slots.keys() == {"momentum"}


class TestAverage:
    def test_is_what_a_model_has_after_fit(self) -> None:
        model = compiled(SGD(0.5, use_ema=True, ema_momentum=0.75))
        seen: list[Any] = []
        watch = lstm.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: seen.append(model.parameters.values.copy())
        )
        model.fit(X, Y, batch_size=2, epochs=2, shuffle=False, verbose=0, callbacks=watch)
        average = seen[0]
        for weights in seen[1:]:
            average = 0.75 * average + 0.25 * weights
        assert len(seen) == 6
        assert_close(model.parameters.values, average, "optimizer", terms=6)

    def test_is_taken_over_at_the_end_of_a_loop_of_ones_own(self) -> None:
        model = compiled(SGD(0.5, use_ema=True, ema_momentum=0.75))
        twin = compiled(SGD(0.5, use_ema=True, ema_momentum=0.75))
        twin.fit(X, Y, batch_size=2, shuffle=False, verbose=0)
        for k in range(3):
            model.train_on_batch(X[2 * k : 2 * k + 2], Y[2 * k : 2 * k + 2])
        model.optimizer.finalize_variable_values(model.graph.weights.values())
        for ours, theirs in zip(model.get_weights(), twin.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)

    def test_may_be_taken_over_every_few_steps(self) -> None:
        model = compiled(SGD(0.5, use_ema=True, ema_momentum=0.75, ema_overwrite_frequency=2))
        other = compiled(SGD(0.5))
        for _ in range(2):
            first = other.parameters.values.copy()
            other.train_on_batch(X, Y)
            model.train_on_batch(X, Y)
        expected = 0.75 * first + 0.25 * other.parameters.values
        assert_close(model.parameters.values, expected, "optimizer", terms=2)

    def test_starts_with_the_weights_when_it_is_switched_on(self) -> None:
        model = compiled(SGD(0.5))
        model.train_on_batch(X, Y)
        before = model.parameters.values.copy()
        model.optimizer.use_ema = True
        model.train_on_batch(X, Y)
        expected = 0.99 * before + 0.01 * model.parameters.values
        assert_close(model.optimizer.slots["average"], expected, "optimizer")


@pytest.mark.parametrize("make", [SGD, lambda: Adam(clipnorm=1.0, use_ema=True)])
def test_a_frozen_model_stays_as_it_is(make: Any) -> None:
    with lstm.backends.using("native", "float32"):
        model = lstm.Sequential([lstm.Input((None, 2)), LSTM(3, trainable=False)])
        model.compile(make(), "mse")
        losses = {model.train_on_batch(X, np.ones((6, 3))) for _ in range(4)}
        model.fit(X, np.ones((6, 3)), epochs=3, batch_size=2, verbose=0)
        losses.add(model.train_on_batch(X, np.ones((6, 3))))
    assert len(losses) == 1


def test_learning_rate_changes_between_steps() -> None:
    model = compiled("adam")
    model.train_on_batch(X, Y)
    model.optimizer.learning_rate = 0.0
    before = model.get_weights()
    model.train_on_batch(X, Y)
    for now, old in zip(model.get_weights(), before, strict=True):
        assert_close(now, old, "copy")
    with pytest.raises(InvalidValueError, match="learning_rate"):
        model.optimizer.learning_rate = float("nan")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_names_and_configs_make_the_same_optimizer(name: str) -> None:
    made = lstm.optimizers.get(name)
    again = lstm.optimizers.get({"name": name, "config": made.get_config()})
    assert type(made) is type(again) is OPTIMIZERS[name]
    assert made.get_config() == again.get_config()
    assert_close(step(again), step(name), "copy")


COMMON = dict.fromkeys(("weight_decay", "clipnorm", "clipvalue", "global_clipnorm"))
COMMON |= dict.fromkeys(("ema_overwrite_frequency", "loss_scale_factor"))
COMMON |= {"gradient_accumulation_steps": None, "use_ema": False, "ema_momentum": 0.99}


def test_arguments_come_in_the_order_of_keras() -> None:
    assert AdamW(0.1, 0.2, 0.3, 0.4, 0.5).get_config() == {
        **COMMON,
        **{"learning_rate": 0.1, "weight_decay": 0.2, "beta_1": 0.3, "beta_2": 0.4},
        **{"epsilon": 0.5, "amsgrad": False, "name": "adamw"},
    }
    assert RMSprop(0.1, 0.2, 0.3, 0.4, True).get_config() == {
        **COMMON,
        **{"learning_rate": 0.1, "rho": 0.2, "momentum": 0.3, "epsilon": 0.4},
        **{"centered": True, "name": "rmsprop"},
    }
    assert Adam(0.1, 0.9, 0.999, 1e-7, True).amsgrad
    # Those that all have are taken by name only.
    for make in (lambda: SGD(0.1, 0.9, True, 0.01), lambda: Optimizer(0.1, 0.01)):
        with pytest.raises(TypeError, match="positional"):
            make()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (SGD, {"learning_rate": -0.1}),
        (SGD, {"learning_rate": "fast"}),
        (SGD, {"momentum": 1.0}),
        (SGD, {"clipnorm": 0.0}),
        (RMSprop, {"rho": -0.1}),
        (RMSprop, {"epsilon": 0.0}),
        (RMSprop, {"momentum": 1.0}),
        (Adam, {"beta_1": 1.0}),
        (Adam, {"beta_2": np.nan}),
        (Adam, {"learning_rate": np.inf}),
        (AdamW, {"weight_decay": -1}),
        (AdamW, {"weight_decay": None}),
        (AdamW, {"clipnorm": True}),
        (SGD, {"clipvalue": 0}),
        (SGD, {"global_clipnorm": -1.0}),
        (SGD, {"global_clipnorm": 1.0, "clipnorm": 1.0}),
        (SGD, {"clipvalue": 1.0, "clipnorm": 1.0}),
        (SGD, {"weight_decay": -0.1}),
        (SGD, {"use_ema": "yes"}),
        (SGD, {"ema_momentum": 1.1}),
        (SGD, {"ema_overwrite_frequency": 0}),
        (SGD, {"gradient_accumulation_steps": 1}),
        (SGD, {"gradient_accumulation_steps": 2.0}),
        (SGD, {"loss_scale_factor": 0.0}),
        (SGD, {"name": 3}),
        (Adagrad, {"initial_accumulator_value": -0.1}),
        (Adadelta, {"rho": 1.0}),
        (Adamax, {"epsilon": 0}),
        (Nadam, {"beta_1": 1.0}),
        (Ftrl, {"learning_rate_power": 0.1}),
        (Ftrl, {"learning_rate": 0.0}),
        (Ftrl, {"l1_regularization_strength": -1.0}),
        (Lion, {"beta_1": 0.0}),
        (Lion, {"beta_2": 1.1}),
    ],
)
def test_unusable_options(kind: Any, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError, match=next(iter(options))):
        kind(**options)


def test_unknown_optimizers() -> None:
    with pytest.raises(InvalidValueError, match="did you mean 'adam'"):
        compiled("adm")
    with pytest.raises(InvalidTypeError, match="optimizer: expected the name"):
        compiled(0.01)

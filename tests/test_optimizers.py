"""Optimizers as a model uses them; their arithmetic is tested with the operations."""

from typing import Any

import numpy as np
import pytest

import lstm
from lstm.backends import backend
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.layers import LSTM, Dense
from lstm.optimizers import OPTIMIZERS, SGD, Adam, AdamW, Optimizer, RMSprop
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


def test_clipnorm_bounds_the_whole_gradient() -> None:
    free, clipped = step(SGD(1.0)), step(SGD(1.0, clipnorm=0.01))
    norm = np.linalg.norm(free)
    assert norm > 0.01
    assert_close(clipped, free * (0.01 / norm), "optimizer", terms=len(free))
    assert_close(step(SGD(1.0, clipnorm=2 * norm)), free, "optimizer")


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


def test_arguments_come_in_the_order_of_keras() -> None:
    assert AdamW(0.1, 0.2, 0.3, 0.4, 0.5).get_config() == {
        **{"learning_rate": 0.1, "weight_decay": 0.2, "beta_1": 0.3, "beta_2": 0.4},
        **{"epsilon": 0.5, "clipnorm": None},
    }
    assert RMSprop(0.1, 0.2, 0.3, 0.4, True).get_config() == {
        **{"learning_rate": 0.1, "rho": 0.2, "momentum": 0.3, "epsilon": 0.4},
        **{"centered": True, "clipnorm": None},
    }
    # Where Keras has other arguments next, ours are taken by name only.
    for make in (lambda: SGD(0.1, 0.9, True, 0.01), lambda: Adam(0.1, 0.9, 0.999, 1e-7, True)):
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
        (AdamW, {"clipnorm": True}),
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

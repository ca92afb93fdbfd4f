"""Models with one output, whose data and losses are in lists and dicts, as in Keras."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lstm
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers import LSTM, Dense
from tolerances import assert_close

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(4, 5, 2)), RNG.normal(size=(4, 1))
RAGGED = [X[0], X[1, :3], X[2], X[3, :1]]
WEIGHTS = np.array([1.0, 0.0, 3.0, 0.5])


def model(loss: Any = "mse", **arguments: Any) -> lstm.Model:
    lstm.set_seed(1)
    x = lstm.Input((None, 2))
    made = lstm.Model(x, Dense(1, name="out")(LSTM(3)(x)))
    made.compile(lstm.optimizers.SGD(0.1), loss, **arguments)
    return made


def expected(factor: float = 1.0, weights: Any = 1.0) -> list[float]:
    """The loss and the mean absolute error."""
    error = model().predict(X) - Y
    loss = factor * np.mean(np.multiply(weights, (error**2)[:, 0]))
    return [float(loss), float(np.abs(error).mean())]


def same(found: Any, reference: Any) -> None:
    assert_close(found, reference, "loss", terms=len(X), dtype="float32")


@pytest.mark.parametrize(
    "arguments",
    [
        {"metrics": ["mae"]},
        {"metrics": [["mae"]]},
        {"metrics": {"out": "mae"}},
        {"metrics": {"out": ["mae"]}},
        {"loss": {"out": "mse"}, "metrics": ["mae"]},
        {"loss": ["mse"], "metrics": {"out": ["mae"]}},
        {"loss": {"out": "mse"}, "weighted_metrics": {"out": ["mae"]}, "loss_weights": [1]},
    ],
)
def test_its_losses_and_metrics_are_given_by_name(arguments: dict[str, Any]) -> None:
    same(model(**arguments).evaluate(X, Y), expected())


@pytest.mark.parametrize(
    ("x", "y"), [([X], [Y]), (X, [Y]), ([X], Y), (X, {"out": Y}), ([X], {"out": Y})]
)
def test_its_data_may_be_in_a_list(x: Any, y: Any) -> None:
    made = model(metrics=["mae"])
    same(made.evaluate(x, y), expected())
    same(made.test_on_batch(x, y), expected())
    history = made.fit(x, y, validation_data=(x, y), batch_size=4, verbose=0).history
    same(history["loss"], [expected()[0]])
    assert {"val_loss", "val_mae"} <= {*history}
    same(model(metrics=["mae"]).train_on_batch(x, y), expected())


def test_a_list_holds_sequences_or_an_input() -> None:
    made = model()
    loss = made.evaluate(RAGGED, Y)
    assert made.evaluate([RAGGED], [Y]) == made.evaluate(RAGGED, [Y]) == loss
    # One sequence in a list is one example.
    same(made.evaluate([X[0]], [Y[0]]), made.evaluate(X[:1], Y[:1]))
    assert made.evaluate([X[:1]], [Y[:1]]) == made.evaluate(X[:1], Y[:1])
    with pytest.raises(InvalidShapeError, match=r"^y: expected 4 examples.*got 1$"):
        made.evaluate(X, [Y[:3]])


def test_the_input_of_a_chain_is_in_a_list_before_it_is_known() -> None:
    chain = lstm.Sequential([LSTM(3), Dense(1)])
    chain.compile("sgd", "mse", metrics={"dense": "mae"})
    chain.fit([X], [Y], verbose=0)
    assert chain.count_params() == 4 * 3 * (2 + 3 + 1) + 4
    assert chain.metrics_names == ["loss", "mae"]


def test_a_table_is_in_a_list_before_its_size_is_known() -> None:
    chain = lstm.Sequential([Dense(1)])
    chain.compile("sgd", "mse")
    chain.fit([X[:, 0]], [Y], verbose=0)
    assert chain.output_shape == (None, 1)


@pytest.mark.parametrize("weights", [WEIGHTS, [WEIGHTS], {"out": WEIGHTS}, WEIGHTS.tolist()])
def test_its_weights_of_examples_may_be_in_a_list(weights: Any) -> None:
    found = model().evaluate(X, Y, sample_weight=weights)
    same(found, expected(weights=WEIGHTS)[0])


@pytest.mark.parametrize("weights", [[2.5], {"out": 2.5}])
def test_its_loss_has_a_weight(weights: Any, tmp_path: Path) -> None:
    made = model(loss_weights=weights, metrics=["mae"])
    same(made.evaluate(X, Y), expected(2.5))
    made.save(tmp_path / "model.safetensors")
    again = lstm.load_model(tmp_path / "model.safetensors")
    same(again.evaluate(X, Y), expected(2.5))
    weighted = made.evaluate(X, Y, sample_weight=WEIGHTS)
    same(weighted, expected(2.5, WEIGHTS))
    # A step of SGD is as much longer.
    before, plain = made.get_weights(), model()
    made.train_on_batch(X, Y)
    plain.train_on_batch(X, Y)
    for old, new, other in zip(before, made.get_weights(), plain.get_weights(), strict=True):
        assert_close(new, old + 2.5 * (other - old), "optimizer")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metrics": {"foo": "mae"}}, r"^output in metrics: expected one of 'out', got 'foo'"),
        ({"loss": {"foo": "mse"}}, r"^output in loss: expected one of 'out', got 'foo'"),
        ({"loss_weights": [1, 2]}, r"^loss_weights: expected one for each of 1 outputs, got 2"),
        ({"loss_weights": [-1.0]}, r"^loss_weights: "),
    ],
)
def test_other_outputs_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        model(**arguments)


def test_a_number_is_no_weight_of_losses() -> None:
    with pytest.raises(InvalidTypeError, match=r"^loss_weights: expected a list.* dict.*got 0.5"):
        model(loss_weights=0.5)


def test_targets_and_weights_of_other_outputs_are_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"^output in y: expected one of 'out', got 'o'"):
        model().fit(X, {"o": Y})
    with pytest.raises(InvalidValueError, match=r"^output in sample_weight: .*'out', got 'o'"):
        model().fit(X, Y, sample_weight={"o": WEIGHTS})

"""Dropout of whole tokens: which, how often, and what they learn."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

import lstm
from backend_cases import over_dtypes
from gradients import assert_weight_gradient
from lstm.backends.contract import Ops
from lstm.layers import LSTM, Dense, Embedding
from lstm.layers.base import Run
from lstm.models.program import Trace
from tolerances import assert_close

V, E, RATE = 1000, 2, 0.3


def looked_up(dropout: float = RATE) -> lstm.Model:
    """The vectors themselves, trained towards zeros by steps of length 0."""
    model = lstm.Sequential([lstm.Input((None,)), Embedding(V, E, "normal", dropout=dropout)])
    model.compile(lstm.optimizers.SGD(0.0), "mse")
    return model


def kept(model: lstm.Model, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
    """The factors m_v of a step on these tokens, by the gradient of Σ(m_v·E_v)²."""
    model.train_on_batch(tokens, np.zeros((*tokens.shape, E)))
    (x,) = model.get_weights()
    count = np.bincount(tokens.reshape(-1), minlength=V)[:, None]
    scale = 2 * x * count / (tokens.size * E)
    return np.sqrt(model.parameters.gradients.reshape(V, E) / scale)


@over_dtypes
def test_drops_whole_tokens_and_scales_the_others(ops: Ops, dtype: str) -> None:
    with lstm.backends.using(ops.NAME, dtype):
        lstm.set_seed(2)
        model = looked_up()
    # Every token twice: in different examples, and in different places.
    order = np.random.default_rng(3).permutation(np.tile(np.arange(V), 2))
    m = kept(model, order.reshape(40, -1))
    dropped = (m == 0).all(1)
    assert_array_equal(dropped, (m == 0).any(1))
    expected = np.full_like(m[~dropped], 1 / (1 - RATE))
    assert_close(m[~dropped], expected, "pointwise", dtype=dtype)
    # Five standard deviations of the share of V throws.
    assert abs(dropped.mean() - RATE) < 5 * np.sqrt(RATE * (1 - RATE) / V)


@pytest.mark.usefixtures("float64")
def test_only_in_training() -> None:
    model, tokens = looked_up(), np.arange(V)[None]
    (x,) = model.get_weights()
    target = np.zeros((1, V, E))
    assert_array_equal(model.predict(tokens)[0], x)
    y, _ = model.step(tokens, model.initial_state(1))
    assert_array_equal(y[0], x)
    assert_close(model.evaluate(tokens, target), np.mean(x**2), "loss", terms=x.size)
    assert model.train_on_batch(tokens, target) != model.train_on_batch(tokens, target)


@over_dtypes
def test_a_seed_drops_the_same(ops: Ops, dtype: str) -> None:
    results = []
    for seed in (4, 4, 5):
        with lstm.backends.using(ops.NAME, dtype):
            lstm.set_seed(seed)
            model = looked_up()
        results.append(np.stack([kept(model, np.arange(V)[None]) for _ in range(2)]))
    assert_array_equal(results[0], results[1])
    assert not np.array_equal(results[0] == 0, results[2] == 0)
    assert not np.array_equal(results[0][0] == 0, results[0][1] == 0)


def test_every_backend_drops_the_same() -> None:
    patterns = []
    for name in lstm.backends.BACKENDS:
        with lstm.backends.using(name):
            lstm.set_seed(6)
            patterns.append(kept(looked_up(), np.arange(V)[None]) == 0)
    for pattern in patterns:
        assert_array_equal(pattern, patterns[0])


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("shape", [(2, 3), (4, 6)], ids=["looked up", "as a table"])
def test_gradients_are_those_of_the_loss(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(7)
    x, y = rng.integers(0, 9, shape), rng.normal(size=(*shape, 2))
    layers = [Embedding(9, 3, dropout=0.4), LSTM(4, return_sequences=True), Dense(2)]
    model = lstm.Sequential([lstm.Input((None,)), *layers])
    model.set_weights([rng.normal(0, 0.7, w.shape) for w in model.get_weights()])

    def step() -> tuple[Run, Trace]:
        """A step of training; the same tokens are dropped in each."""
        run = Run(model.backend, training=True, keep_cache=True, rng=np.random.default_rng(12))
        return run, model.program.forward(run, [x])

    parameters, (run, trace) = model.parameters, step()
    model.program.toward().backward(run, trace, [y])
    assert parameters.gradients.any()
    for name, weight in model.graph.weights.items():
        assert_weight_gradient(weight, lambda: float((step()[1].outputs[0] * y).sum()), name)
    seen = np.isin(np.arange(9), x)
    learns = (model.layers[0].gradient("embeddings") != 0).all(1)
    assert learns.any()
    assert (seen & ~learns).any()

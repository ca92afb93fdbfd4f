"""Drawing tokens: `sample` draws one for each row of logits, `generate` a whole text."""

import math

import numpy as np
import pytest

from backend_cases import over_backends, over_dtypes
from lstm.backends.ops import Ops
from op_cases import Array
from tolerances import assert_close

JUST_BELOW_1 = math.nextafter(1, 0)


def drawn(ops: Ops, z: Array, n: int = 4000, *options: float) -> Array:
    """How often each token comes, of `n` draws with uniforms at even distances in [0, 1).

    Such uniforms meet each probability up to 1 draw, so that nothing here is left to chance.
    """
    temperature, top_k, top_p = options or (1.0, 0, 1.0)
    u = (np.arange(n) + 0.5) / n
    tokens = ops.sample(np.tile(z, (n, 1)), u, temperature, int(top_k), top_p)
    assert tokens.dtype == np.int64
    return np.bincount(tokens, minlength=len(z))


def softmax(z: Array) -> Array:
    e = np.exp(z.astype(np.float64) - np.max(z))
    return e / e.sum()


@pytest.fixture
def z() -> Array:
    """Logits of nine tokens, none in order of rank."""
    return np.random.default_rng(50).normal(0, 1.5, 9).astype(np.float32)


# ---- sample


@over_dtypes
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tokens_come_as_often_as_softmax_says(
    ops: Ops, dtype: str, temperature: float, z: Array
) -> None:
    counts = drawn(ops, z.astype(dtype), 4000, temperature, 0, 1.0)
    assert np.all(np.abs(counts - 4000 * softmax(z / temperature)) <= 1 + 4000 * 1e-6)


@over_dtypes
def test_temperature_0_takes_the_likeliest(ops: Ops, dtype: str, z: Array) -> None:
    rows = np.stack([z, -z, np.roll(z, 4)]).astype(dtype)
    u = np.array([0.0, 0.5, JUST_BELOW_1])
    np.testing.assert_array_equal(ops.sample(rows, u, 0.0, 0, 1.0), rows.argmax(1))


@over_dtypes
def test_a_low_temperature_comes_close(ops: Ops, dtype: str, z: Array) -> None:
    assert drawn(ops, z.astype(dtype), 100, 1e-6, 0, 1.0)[z.argmax()] == 100


@over_dtypes
@pytest.mark.parametrize("k", [1, 2, 5, 9, 20])
def test_top_k_keeps_the_k_likeliest(ops: Ops, dtype: str, k: int, z: Array) -> None:
    counts = drawn(ops, z.astype(dtype), 4000, 1.0, k, 1.0)
    kept = np.argsort(-z)[:k]
    expected = np.zeros(9)
    expected[kept] = softmax(z[kept])
    assert np.all(np.abs(counts - 4000 * expected) <= 1 + 4000 * 1e-6)


@over_dtypes
def test_top_p_keeps_the_fewest_that_reach_it(ops: Ops, dtype: str) -> None:
    z = np.log(np.array([0.2, 0.5, 0.3])).astype(dtype)
    for top_p, kept in ((0.01, [1]), (0.49, [1]), (0.51, [1, 2]), (0.79, [1, 2])):
        assert np.flatnonzero(drawn(ops, z, 1000, 1.0, 0, top_p)).tolist() == kept
    for top_p in (0.81, 1.0):
        assert np.abs(drawn(ops, z, 1000, 1.0, 0, top_p) - [200, 500, 300]).max() <= 1
    # What is kept is drawn in the same proportions.
    assert np.abs(drawn(ops, z, 800, 1.0, 0, 0.6) - [0, 500, 300]).max() <= 1


@over_dtypes
def test_top_p_counts_among_the_top_k(ops: Ops, dtype: str) -> None:
    z = np.log(np.array([0.1, 0.4, 0.2, 0.3])).astype(dtype)
    # Among the three likeliest the first has 4/9, the first two have 7/9.
    for top_p, kept in ((0.42, [1]), (0.46, [1, 3]), (0.75, [1, 3]), (0.8, [1, 2, 3])):
        assert np.flatnonzero(drawn(ops, z, 900, 1.0, 3, top_p)).tolist() == kept
    assert np.abs(drawn(ops, z, 900, 1.0, 3, 0.8) - [0, 400, 200, 300]).max() <= 1


@over_dtypes
def test_equal_logits_rank_by_index(ops: Ops, dtype: str) -> None:
    z = np.array([1.0, 2.0, 2.0, 1.0, 2.0, 2.0], dtype)
    assert ops.sample(z[None], np.array([0.9]), 0.0, 0, 1.0)[0] == 1
    assert np.flatnonzero(drawn(ops, z, 100, 1.0, 3, 1.0)).tolist() == [1, 2, 4]
    # Four equal tokens of 1/4 each: exactly two reach 1/2.
    equal = np.zeros(4, dtype)
    assert drawn(ops, equal, 100, 1.0, 0, 0.5).tolist() == [50, 50, 0, 0]


@over_dtypes
def test_the_token_drawn_is_the_first_beyond_u(ops: Ops, dtype: str) -> None:
    z = np.zeros((4, 2), dtype)
    u = np.array([0.0, math.nextafter(0.5, 0), 0.5, JUST_BELOW_1])
    assert ops.sample(z, u, 1.0, 0, 1.0).tolist() == [0, 0, 1, 1]


@over_dtypes
def test_the_ends_of_u_draw_the_first_and_the_last_kept(ops: Ops, dtype: str) -> None:
    z = np.random.default_rng(51).normal(0, 3, (300, 11)).astype(dtype)
    ranked = np.argsort(-z, 1)
    lowest, highest = np.zeros(300), np.full(300, JUST_BELOW_1)
    for k in (1, 3, 10):
        np.testing.assert_array_equal(ops.sample(z, lowest, 1.0, k, 1.0), ranked[:, 0])
        np.testing.assert_array_equal(ops.sample(z, highest, 1.0, k, 1.0), ranked[:, k - 1])
    cumulative = np.cumsum(
        np.stack([softmax(row[order]) for row, order in zip(z, ranked, strict=True)]), 1
    )
    last = (cumulative < 0.7).sum(1)
    np.testing.assert_array_equal(
        ops.sample(z, highest, 1.0, 0, 0.7), np.take_along_axis(ranked, last[:, None], 1)[:, 0]
    )


@over_dtypes
def test_extreme_logits_can_be_sampled(ops: Ops, dtype: str) -> None:
    z = np.array([-1e4, 1e4, -1e4, 1e4 - 1], dtype)
    counts = drawn(ops, z, 1000)
    assert counts[[0, 2]].tolist() == [0, 0]
    assert abs(counts[1] - 1000 * softmax(z)[1]) <= 1


@over_dtypes
def test_rows_are_drawn_apart_and_logits_left_alone(ops: Ops, dtype: str) -> None:
    rng = np.random.default_rng(52)
    z, u = rng.normal(size=(20, 6)).astype(dtype), rng.random(20)
    before = z.copy()
    together = ops.sample(z, u, 0.8, 4, 0.9)
    alone = [ops.sample(z[n : n + 1], u[n : n + 1], 0.8, 4, 0.9)[0] for n in range(20)]
    assert together.tolist() == alone
    np.testing.assert_array_equal(z, before)


# ---- generate

B, E, H, VOCABULARY, N = 3, 4, 5, 7, 12


def make_network(dtype: str, layers: int) -> tuple[list, list]:
    """(tokens, embedding, layers, w, b) and states, random."""
    rng = np.random.default_rng(53)

    def numbers(*shape: int) -> Array:
        return rng.normal(size=shape).astype(dtype)

    sizes = [E] + [H] * (layers - 1)
    stack = [(numbers(D, 4 * H), numbers(H, 4 * H), numbers(4 * H)) for D in sizes]
    network = [
        rng.integers(0, VOCABULARY, B),
        numbers(VOCABULARY, E),
        stack,
        numbers(H, VOCABULARY),
        numbers(VOCABULARY),
    ]
    return network, [(numbers(B, H), numbers(B, H)) for _ in range(layers)]


OPTIONS = [(1.0, 0, 1.0), (0.0, 0, 1.0), (0.7, 3, 1.0), (1.3, 0, 0.8)]


@over_dtypes
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("options", OPTIONS)
def test_generate_is_a_loop_over_the_other_operations(
    ops: Ops, dtype: str, layers: int, options: tuple[float, int, float]
) -> None:
    network, states = make_network(dtype, layers)
    u = np.random.default_rng(54).random((B, N))
    tokens, last = ops.generate(*network, states, u, *options)
    assert tokens.shape == (B, N)
    assert tokens.dtype == np.int64

    token, embedding, stack, w, b = network
    for n in range(N):
        x = ops.embedding_forward(token[:, None], embedding)
        for k, weights in enumerate(stack):
            x, *state, _ = ops.lstm_forward(
                x, *weights, *states[k], None, None, False, "tanh", "sigmoid", False
            )
            states[k] = tuple(state)
        z, _ = ops.linear_forward(x[:, 0], w, b, "linear")
        token = ops.sample(z, u[:, n], *options)
        np.testing.assert_array_equal(tokens[:, n], token)
    for got, expected in zip(last, states, strict=True):
        for x, y in zip(got, expected, strict=True):
            assert x.dtype == dtype
            assert_close(x, y, "lstm", terms=N)


@over_dtypes
@pytest.mark.parametrize("cut", [0, 1, 5, N])
def test_generate_goes_on_where_it_stopped(ops: Ops, dtype: str, cut: int) -> None:
    (tokens, *network), states = make_network(dtype, 2)
    u = np.random.default_rng(55).random((B, N))
    whole, last = ops.generate(tokens, *network, states, u, 1.0, 0, 1.0)
    first, middle = ops.generate(tokens, *network, states, u[:, :cut], 1.0, 0, 1.0)
    unseen = first[:, -1] if cut else tokens
    second, end = ops.generate(unseen, *network, middle, u[:, cut:], 1.0, 0, 1.0)
    np.testing.assert_array_equal(np.concatenate([first, second], 1), whole)
    for got, expected in zip(end, last, strict=True):
        for x, y in zip(got, expected, strict=True):
            np.testing.assert_array_equal(x, y)


@over_backends
def test_generate_leaves_its_arguments_alone(ops: Ops) -> None:
    network, states = make_network("float32", 2)
    u = np.random.default_rng(56).random((B, N))
    arrays = [network[0], *(x for state in states for x in state), u]
    before = [x.copy() for x in arrays]
    held = list(states)
    ops.generate(*network, states, u, 1.0, 0, 1.0)
    for x, y in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(x, y)
    assert all(x is y for x, y in zip(states, held, strict=True))

"""Drawing tokens: `sample` draws one for each row of logits, `generate` a whole text."""

import math
from typing import Any

import numpy as np
import pytest

from backend_cases import over_backends, over_dtypes
from lstm.backends.contract import Choice, Ops
from op_cases import Array, generated
from recurrent_calls import lstm_forward
from tolerances import assert_close

PLAIN = Choice()
JUST_BELOW_1 = math.nextafter(1, 0)


def none(B: int) -> Array:
    """No recent tokens."""
    return np.empty((B, 0), np.int64)


def sampled(ops: Ops, z: Array, u: Array, choice: Choice, recent: Any = None) -> Array:
    """Tokens for rows of logits, without recent ones unless given."""
    return ops.sample(z, u, none(len(z)) if recent is None else np.array(recent), choice)


def drawn(ops: Ops, z: Array, n: int = 4000, choice: Choice = PLAIN) -> Array:
    """How often each token comes, of `n` draws with uniforms at even distances in [0, 1).

    Such uniforms meet each probability up to 1 draw, so that nothing here is left to chance.
    """
    u = (np.arange(n) + 0.5) / n
    tokens = sampled(ops, np.tile(z, (n, 1)), u, choice)
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
    counts = drawn(ops, z.astype(dtype), 4000, Choice(temperature=temperature))
    assert np.all(np.abs(counts - 4000 * softmax(z / temperature)) <= 1 + 4000 * 1e-6)


@over_dtypes
def test_temperature_0_takes_the_likeliest(ops: Ops, dtype: str, z: Array) -> None:
    rows = np.stack([z, -z, np.roll(z, 4)]).astype(dtype)
    u = np.array([0.0, 0.5, JUST_BELOW_1])
    np.testing.assert_array_equal(sampled(ops, rows, u, Choice(temperature=0.0)), rows.argmax(1))


@over_dtypes
def test_a_low_temperature_comes_close(ops: Ops, dtype: str, z: Array) -> None:
    assert drawn(ops, z.astype(dtype), 100, Choice(temperature=1e-6))[z.argmax()] == 100


@over_dtypes
@pytest.mark.parametrize("k", [1, 2, 5, 9, 20])
def test_top_k_keeps_the_k_likeliest(ops: Ops, dtype: str, k: int, z: Array) -> None:
    counts = drawn(ops, z.astype(dtype), 4000, Choice(top_k=k))
    kept = np.argsort(-z)[:k]
    expected = np.zeros(9)
    expected[kept] = softmax(z[kept])
    assert np.all(np.abs(counts - 4000 * expected) <= 1 + 4000 * 1e-6)


@over_dtypes
def test_top_p_keeps_the_fewest_that_reach_it(ops: Ops, dtype: str) -> None:
    z = np.log(np.array([0.2, 0.5, 0.3])).astype(dtype)
    for top_p, kept in ((0.01, [1]), (0.49, [1]), (0.51, [1, 2]), (0.79, [1, 2])):
        assert np.flatnonzero(drawn(ops, z, 1000, Choice(top_p=top_p))).tolist() == kept
    for top_p in (0.81, 1.0):
        assert np.abs(drawn(ops, z, 1000, Choice(top_p=top_p)) - [200, 500, 300]).max() <= 1
    # What is kept is drawn in the same proportions.
    assert np.abs(drawn(ops, z, 800, Choice(top_p=0.6)) - [0, 500, 300]).max() <= 1


@over_dtypes
def test_top_p_counts_among_the_top_k(ops: Ops, dtype: str) -> None:
    z = np.log(np.array([0.1, 0.4, 0.2, 0.3])).astype(dtype)
    # Among the three likeliest the first has 4/9, the first two have 7/9.
    for top_p, kept in ((0.42, [1]), (0.46, [1, 3]), (0.75, [1, 3]), (0.8, [1, 2, 3])):
        assert np.flatnonzero(drawn(ops, z, 900, Choice(top_k=3, top_p=top_p))).tolist() == kept
    assert np.abs(drawn(ops, z, 900, Choice(top_k=3, top_p=0.8)) - [0, 400, 200, 300]).max() <= 1


@over_dtypes
def test_equal_logits_rank_by_index(ops: Ops, dtype: str) -> None:
    z = np.array([1.0, 2.0, 2.0, 1.0, 2.0, 2.0], dtype)
    assert sampled(ops, z[None], np.array([0.9]), Choice(temperature=0.0))[0] == 1
    assert np.flatnonzero(drawn(ops, z, 100, Choice(top_k=3))).tolist() == [1, 2, 4]
    # Four equal tokens of 1/4 each: exactly two reach 1/2.
    equal = np.zeros(4, dtype)
    assert drawn(ops, equal, 100, Choice(top_p=0.5)).tolist() == [50, 50, 0, 0]


@over_dtypes
def test_the_token_drawn_is_the_first_beyond_u(ops: Ops, dtype: str) -> None:
    z = np.zeros((4, 2), dtype)
    u = np.array([0.0, math.nextafter(0.5, 0), 0.5, JUST_BELOW_1])
    assert sampled(ops, z, u, PLAIN).tolist() == [0, 0, 1, 1]


@over_dtypes
def test_the_ends_of_u_draw_the_first_and_the_last_kept(ops: Ops, dtype: str) -> None:
    z = np.random.default_rng(51).normal(0, 3, (300, 11)).astype(dtype)
    ranked = np.argsort(-z, 1)
    lowest, highest = np.zeros(300), np.full(300, JUST_BELOW_1)
    for k in (1, 3, 10):
        np.testing.assert_array_equal(sampled(ops, z, lowest, Choice(top_k=k)), ranked[:, 0])
        np.testing.assert_array_equal(sampled(ops, z, highest, Choice(top_k=k)), ranked[:, k - 1])
    cumulative = np.cumsum(
        np.stack([softmax(row[order]) for row, order in zip(z, ranked, strict=True)]), 1
    )
    last = (cumulative < 0.7).sum(1)
    np.testing.assert_array_equal(
        sampled(ops, z, highest, Choice(top_p=0.7)),
        np.take_along_axis(ranked, last[:, None], 1)[:, 0],
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
    together = sampled(ops, z, u, Choice(temperature=0.8, top_k=4, top_p=0.9))
    alone = [
        sampled(ops, z[n : n + 1], u[n : n + 1], Choice(temperature=0.8, top_k=4, top_p=0.9))[0]
        for n in range(20)
    ]
    assert together.tolist() == alone
    np.testing.assert_array_equal(z, before)


@over_dtypes
def test_min_p_keeps_what_is_not_far_below_the_first(ops: Ops, dtype: str) -> None:
    z = np.log(np.array([0.2, 0.5, 0.06, 0.24])).astype(dtype)
    for min_p, kept in ((0.11, [0, 1, 2, 3]), (0.13, [0, 1, 3]), (0.45, [1, 3]), (0.5, [1])):
        assert np.flatnonzero(drawn(ops, z, 1000, Choice(min_p=min_p))).tolist() == kept
    # In the same proportions.
    assert np.abs(drawn(ops, z, 940, Choice(min_p=0.3)) - [200, 500, 0, 240]).max() <= 1
    # At the temperature, which brings the probabilities together: √(0.24 / 0.5) = 0.69.
    hot = drawn(ops, z, 1000, Choice(temperature=2.0, min_p=0.6))
    assert np.flatnonzero(hot).tolist() == [0, 1, 3]


@over_dtypes
def test_min_p_1_keeps_those_equal_to_the_first(ops: Ops, dtype: str) -> None:
    z = np.array([1.0, 3.0, 3.0, 2.9, 3.0], dtype)
    assert drawn(ops, z, 300, Choice(min_p=1.0)).tolist() == [0, 100, 100, 0, 100]


@over_dtypes
def test_min_p_comes_after_top_k_and_top_p(ops: Ops, dtype: str) -> None:
    z = np.log(np.array([0.1, 0.4, 0.2, 0.3])).astype(dtype)
    for choice, kept in (
        (Choice(top_k=2, min_p=0.3), [1, 3]),
        (Choice(top_k=3, min_p=0.6), [1, 3]),
        # The nucleus is measured before min_p takes its share away.
        (Choice(top_p=0.75, min_p=0.3), [1, 2, 3]),
        (Choice(top_p=0.65, min_p=0.3), [1, 3]),
        (Choice(top_p=0.65, min_p=0.8), [1]),
    ):
        assert np.flatnonzero(drawn(ops, z, 1000, choice)).tolist() == kept, choice


@over_dtypes
def test_repeated_tokens_lose_by_the_penalty(ops: Ops, dtype: str) -> None:
    z = np.array([1.0, -0.5, 0.8, -0.2, 0.0], dtype)
    recent = [0, 3, 0, -1, 0, 4, 3]  # once each, however often they stand there
    penalized = np.array([1.0 / 1.5, -0.5, 0.8, -0.2 * 1.5, 0.0])
    u = (np.arange(4000) + 0.5) / 4000
    tokens = sampled(ops, np.tile(z, (4000, 1)), u, Choice(repetition_penalty=1.5), [recent] * 4000)
    counts = np.bincount(tokens, minlength=5)
    assert np.all(np.abs(counts - 4000 * softmax(penalized)) <= 1 + 4000 * 1e-6)


@over_dtypes
def test_the_penalty_counts_before_ranking(ops: Ops, dtype: str) -> None:
    z = np.array([[2.0, 1.9, -1.0], [2.0, 1.9, -1.0], [-2.0, -1.0, -1.5]], dtype)
    recent = [[-1, 0], [-1, -1], [1, -1]]
    u = np.full(3, 0.99)
    for choice in (Choice(temperature=0.0), Choice(top_k=1), Choice(top_p=1e-9), Choice(min_p=1.0)):
        choice = choice._replace(repetition_penalty=1.6)
        assert sampled(ops, z, u, choice, recent).tolist() == [1, 0, 2]
    # Below 1 it is a reward.
    reward = Choice(temperature=0.0, repetition_penalty=0.5)
    assert sampled(ops, z, u, reward, [[-1, 1], [2, 2], [-1, 0]]).tolist() == [1, 0, 0]


@over_dtypes
def test_recent_tokens_are_nothing_without_a_penalty(ops: Ops, dtype: str, z: Array) -> None:
    rows, u = np.tile(z.astype(dtype), (50, 1)), (np.arange(50) + 0.5) / 50
    recent = np.random.default_rng(57).integers(-1, 9, (50, 4))
    np.testing.assert_array_equal(
        sampled(ops, rows, u, PLAIN, recent), sampled(ops, rows, u, PLAIN)
    )


@over_dtypes
@pytest.mark.parametrize(
    "choice", [PLAIN, Choice(temperature=1e300), Choice(top_p=1 - 1e-16), Choice(top_k=3)]
)
def test_what_has_no_probability_is_never_drawn(ops: Ops, dtype: str, choice: Choice) -> None:
    z = np.random.default_rng(58).normal(size=(400, 7)).astype(dtype)
    z[:, [2, 5]] = -np.inf
    for u in (0.0, 0.5, JUST_BELOW_1):
        assert not set(sampled(ops, z, np.full(400, u), choice)) & {2, 5}


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


CHOICES = [
    PLAIN,
    Choice(temperature=0.0),
    Choice(temperature=0.7, top_k=3),
    Choice(temperature=1.3, top_p=0.8),
    Choice(min_p=0.3, repetition_penalty=1.4),
    Choice(temperature=0.0, repetition_penalty=2.0),
]


@over_dtypes
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("window", [0, 1, 4, N + 3])
def test_generate_is_a_loop_over_the_other_operations(
    ops: Ops, dtype: str, layers: int, choice: Choice, window: int
) -> None:
    network, states = make_network(dtype, layers)
    rng = np.random.default_rng(54)
    u, recent = rng.random((B, N)), rng.integers(-1, VOCABULARY, (B, window))
    tokens, last = generated(ops, *network, states, recent, u, choice)
    assert tokens.shape == (B, N)
    assert tokens.dtype == np.int64

    token, embedding, stack, w, b = network
    for n in range(N):
        x = ops.embedding_forward(token[:, None], embedding)
        for k, weights in enumerate(stack):
            x, *state, _ = lstm_forward(
                ops, x, *weights, *states[k], None, None, False, "tanh", "sigmoid", False
            )
            states[k] = tuple(state)
        z, _ = ops.linear_forward(x[:, 0], w, b, "linear")
        token = ops.sample(z, u[:, n], recent, choice)
        recent = np.concatenate([recent, token[:, None]], 1)[:, -window or N :]
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
    choice, recent = Choice(repetition_penalty=1.3), tokens[:, None].repeat(3, 1)
    whole, last = generated(ops, tokens, *network, states, recent, u, choice)
    first, middle = generated(ops, tokens, *network, states, recent, u[:, :cut], choice)
    unseen, recent = first[:, -1] if cut else tokens, np.append(recent, first, 1)[:, -3:]
    second, end = generated(ops, unseen, *network, middle, recent, u[:, cut:], choice)
    np.testing.assert_array_equal(np.concatenate([first, second], 1), whole)
    for got, expected in zip(end, last, strict=True):
        for x, y in zip(got, expected, strict=True):
            np.testing.assert_array_equal(x, y)


@over_backends
def test_generate_leaves_its_arguments_alone(ops: Ops) -> None:
    network, states = make_network("float32", 2)
    u = np.random.default_rng(56).random((B, N))
    recent = np.arange(2 * B).reshape(B, 2)
    arrays = [network[0], *(x for state in states for x in state), recent, u]
    before = [x.copy() for x in arrays]
    held = list(states)
    generated(ops, *network, states, recent, u, Choice(repetition_penalty=1.2))
    for x, y in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(x, y)
    assert all(x is y for x, y in zip(states, held, strict=True))

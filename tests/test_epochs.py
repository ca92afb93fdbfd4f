"""Epochs: passes over data, cut into epochs, from any point on."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lstm.models.epochs import Epochs, Order


def epochs_of(count: int, steps: int | None, seed: int | None) -> Epochs[int]:
    """Epochs over the numbers below `count`, shuffled if there is a seed."""

    def go_over(order: Order | None, skip: int) -> Iterator[int]:
        numbers = range(count) if order is None else order.tolist()
        return islice(iter(numbers), skip, None)

    rng = None if seed is None else np.random.default_rng(seed)
    return Epochs(go_over, steps, range(count), rng)


cases = given(
    count=st.integers(1, 7),
    steps=st.none() | st.integers(1, 9),
    seed=st.none() | st.integers(0, 9),
    taken=st.integers(0, 30),
)


def taken_from(epochs: Epochs[int], number: int) -> tuple[list[list[int]], Any]:
    """So many items, by epochs, and where that leaves them, as it is read from a file."""
    found: list[list[int]] = [[]]
    while number:
        for item in epochs:
            found[-1].append(item)
            number -= 1
            if not number:
                return found, json.loads(json.dumps(epochs.position))
        found.append([])
    return found, json.loads(json.dumps(epochs.position))


@cases
def test_any_position_can_be_gone_on_from(
    count: int, steps: int | None, seed: int | None, taken: int
) -> None:
    whole, _ = taken_from(epochs_of(count, steps, seed), taken + 20)
    first = epochs_of(count, steps, seed)
    before, position = taken_from(first, taken)
    again = epochs_of(count, steps, None if seed is None else 99)
    again.seek(position)
    if seed is not None:
        # Whoever goes on puts the random numbers back, too.
        assert first._rng is not None
        assert again._rng is not None
        again._rng.bit_generator.state = first._rng.bit_generator.state
    after, _ = taken_from(again, 20)
    joined = [*before[:-1], before[-1] + after[0], *after[1:]]
    assert [epoch for epoch in joined if epoch] == [epoch for epoch in whole if epoch]


@cases
def test_a_pass_has_each_item_once(
    count: int, steps: int | None, seed: int | None, taken: int
) -> None:
    found, _ = taken_from(epochs_of(count, steps, seed), taken + 1)
    items = [item for epoch in found for item in epoch]
    for start in range(0, len(items) - count + 1, count):
        assert sorted(items[start : start + count]) == list(range(count))
    whole = [epoch for epoch in found[:-1] if epoch]
    assert all(len(epoch) == (steps or count) for epoch in whole)


def test_the_order_is_drawn_anew_for_each_pass() -> None:
    found, _ = taken_from(epochs_of(50, None, 0), 100)
    assert found[0] != found[1] != list(range(50))


def test_what_there_is_no_more_of_is_known_before_it_is_taken() -> None:
    items = iter([1, 2, 3])
    epochs = Epochs(lambda order, skip: items, 2, once=True)
    assert epochs.more()
    assert list(epochs) == [1, 2]
    assert epochs.more()
    assert list(epochs) == [3]
    assert not epochs.more()
    assert list(epochs) == []

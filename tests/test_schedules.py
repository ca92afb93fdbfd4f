"""Schedules: the share of the peak learning rate, by how far a training has come."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.optimizers.schedules import Plateau, constant, cosine, one_cycle
from tolerances import assert_close

shares = st.floats(0, 1)
warmups = st.floats(0, 0.9)


@given(shares, warmups, shares)
def test_is_a_share_of_the_peak(progress: float, warmup: float, floor: float) -> None:
    rate = cosine(progress, warmup, floor)
    assert 0 <= rate <= 1
    if progress >= warmup:
        assert rate >= floor
    else:
        assert rate > 0


@given(shares, shares, warmups, shares)
def test_rises_and_then_falls(p: float, q: float, warmup: float, floor: float) -> None:
    low, high = sorted((p, q))
    if high < warmup:
        assert cosine(low, warmup, floor) <= cosine(high, warmup, floor)
    elif low >= warmup:
        assert cosine(low, warmup, floor) >= cosine(high, warmup, floor)


def test_values() -> None:
    # Half of the way up, the peak, and 0, 1/4, 1/2, 3/4 and all of the way down.
    way = [cosine(p, warmup=0.2, floor=0.1) for p in (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)]
    half = math.sqrt(0.5)
    down = [0.1 + 0.45 * (1 + c) for c in (1, half, 0, -half, -1)]
    assert_close(way, [0.5, *down], "pointwise")
    assert cosine(0.0) == 1.0
    assert cosine(1.0) == 0.0
    assert cosine(0.0, warmup=0.1) > 0
    assert cosine(1.5, floor=0.25) == 0.25


def test_a_constant_rate_after_the_rise() -> None:
    way = [constant(p, warmup=0.2) for p in (0.05, 0.1, 0.2, 0.5, 1.0)]
    assert_close(way, [0.25, 0.5, 1, 1, 1], "pointwise")
    assert constant(0.0) == 1.0
    # A first step with a rate of 0 would be lost.
    assert 0 < constant(0.0, warmup=0.1) < 0.01


def test_one_cycle_goes_up_and_down() -> None:
    half = math.sqrt(0.5)
    up = [0.04 + 0.48 * (1 + c) for c in (-1, -half, 0, half)]
    down = [0.5 * (1 + c) for c in (1, half, 0, -half, -1)]
    points = [0, 0.1, 0.2, 0.3, 0.4, 0.55, 0.7, 0.85, 1]
    assert_close([one_cycle(p, warmup=0.4) for p in points], [*up, *down], "pointwise")
    assert one_cycle(0.0, warmup=0.4, start=0.5) == 0.5
    assert one_cycle(0.0, warmup=0.0) == 1.0
    assert one_cycle(2.0) == 0.0


@given(shares, shares, warmups, st.floats(0.01, 1))
def test_one_cycle_rises_to_its_peak_and_falls(
    p: float, q: float, warmup: float, start: float
) -> None:
    low, high = sorted((p, q))
    rates = [one_cycle(at, warmup, start) for at in (low, high)]
    assert all(0 <= rate <= 1 for rate in rates)
    if high < warmup:
        # Equal but for rounding where the rise is flat.
        assert rates[0] <= rates[1] or math.isclose(*rates)
        assert rates[0] >= start or math.isclose(rates[0], start)
    elif low >= warmup:
        assert rates[0] >= rates[1]


class TestPlateau:
    def test_divides_when_patience_is_at_an_end(self) -> None:
        plateau = Plateau(patience=3, factor=0.1)
        losses = [5.0, 6.0, 5.0, 4.9, 7.0, 7.0, 4.9, 4.9, 4.9, 4.9, 4.0, 4.1]
        shares = [plateau.update(loss) for loss in losses]
        assert_close(shares, [1.0] * 6 + [0.1] * 3 + [0.01] * 3, "pointwise")
        assert plateau.best == 4.0
        assert plateau.waited == 1

    def test_never_goes_below_its_minimum(self) -> None:
        plateau = Plateau(patience=1, factor=0.5, minimum=0.3)
        assert [plateau.update(1.0) for _ in range(4)] == [1.0, 0.5, 0.3, 0.3]

    @pytest.mark.parametrize(
        ("arguments", "name"),
        [
            ({"patience": 0}, "patience"),
            ({"factor": 0.0}, "factor"),
            ({"factor": 1.0}, "factor"),
            ({"minimum": 1.5}, "minimum"),
        ],
    )
    def test_bad_input(self, arguments: dict[str, Any], name: str) -> None:
        with pytest.raises(InvalidValueError, match=f"^{name}: expected"):
            Plateau(**arguments)


@pytest.mark.parametrize("schedule", [constant, cosine, one_cycle])
@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"progress": -0.1}, "progress"),
        ({"progress": math.nan}, "progress"),
        ({"warmup": 1.0}, "warmup"),
        ({"warmup": -0.1}, "warmup"),
    ],
)
def test_bad_input(schedule: Any, arguments: dict[str, float], name: str) -> None:
    with pytest.raises(InvalidValueError, match=f"^{name}: expected"):
        schedule(**{"progress": 0.5, **arguments})


@pytest.mark.parametrize(
    ("schedule", "argument", "values"),
    [(cosine, "floor", [1.1, math.nan, -0.1]), (one_cycle, "start", [0.0, 1.1, math.nan])],
)
def test_bad_ends(schedule: Any, argument: str, values: list[float]) -> None:
    for value in values:
        with pytest.raises(InvalidValueError, match=f"^{argument}: expected"):
            schedule(0.1, **{argument: value})


@pytest.mark.parametrize("schedule", [constant, cosine, one_cycle])
def test_bad_types(schedule: Any) -> None:
    with pytest.raises(InvalidTypeError, match=r"^progress: expected"):
        schedule("half")

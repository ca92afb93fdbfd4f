"""The cosine schedule, and the pace of a training that follows it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lstm.text.pace import Pace

from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.schedules import cosine
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


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"progress": -0.1}, "progress"),
        ({"progress": math.nan}, "progress"),
        ({"warmup": 1.0}, "warmup"),
        ({"warmup": -0.1}, "warmup"),
        ({"floor": 1.1}, "floor"),
        ({"floor": math.nan}, "floor"),
    ],
)
def test_bad_input(arguments: dict[str, float], name: str) -> None:
    with pytest.raises(InvalidValueError, match=f"^{name}: expected"):
        cosine(**{"progress": 0.5, **arguments})


def test_bad_types() -> None:
    with pytest.raises(InvalidTypeError, match=r"^progress: expected"):
        cosine("half")  # type: ignore[arg-type]


class TestPace:
    def test_time_counts_if_it_is_ahead_of_the_steps(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = 100.0
        monkeypatch.setattr("time.perf_counter", lambda: now)
        pace = Pace(0.1, steps=10, minutes=2)
        assert pace.progress == 0.0
        pace.on_train_begin({})
        now += 30
        assert pace.progress == 0.25
        now += 300
        assert pace.progress == 1.0

    def test_time_runs_from_the_beginning_of_the_training(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = 100.0
        monkeypatch.setattr("time.perf_counter", lambda: now)
        pace = Pace(0.1, steps=10, minutes=1)
        now += 45
        pace.on_train_begin({})
        assert pace.progress == 0.0

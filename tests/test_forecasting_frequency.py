"""Frequencies: what lies between times, by pandas' own ranges of dates."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.forecasting.frequency import Frequency, as_times, shown

RANGES = [
    ("h", "h", (24, 168)),
    ("15min", "15min", (96, 672)),
    ("30s", "30s", (2, 120)),
    ("100ms", "100ms", (600, 36_000)),
    ("D", "D", (7,)),
    ("2D", "2D", ()),
    ("W-SUN", "W", (52,)),
    ("W-WED", "W", (52,)),
    ("B", "B", (5,)),
    ("MS", "MS", (12,)),
    ("ME", "ME", (12,)),
    ("QS", "QS", (4,)),
    ("QE", "QE", (4,)),
    ("YS", "YS", ()),
    ("YE", "YE", ()),
]


def times_of(index: Any) -> Any:
    return as_times("ds", index.to_numpy())[0]


@pytest.mark.parametrize(("alias", "name", "seasons"), RANGES)
class TestFollowsFromTheTimes:
    def test_found(self, alias: str, name: str, seasons: tuple[int, ...]) -> None:
        index = pd.date_range("2019-11-30 00:00", periods=60, freq=alias)
        found = Frequency.of([times_of(index)], dated=True)
        assert str(found) == name
        assert found.seasons == seasons
        assert Frequency.named(alias).unit == found.unit
        assert Frequency.named(alias).count == found.count

    def test_steps_and_times(self, alias: str, name: str, seasons: tuple[int, ...]) -> None:
        index = pd.date_range("2019-11-30 00:00", periods=60, freq=alias)
        times = times_of(index)
        frequency = Frequency.of([times[:30]], dated=True)
        steps, off = frequency.positions(times)
        assert_array_equal(steps, np.arange(60))
        assert not off.any()
        assert_array_equal(frequency.times(int(times[0]), np.arange(60)), times)

    def test_gaps(self, alias: str, name: str, seasons: tuple[int, ...]) -> None:
        kept = np.delete(np.arange(60), [7, 30, 31])
        times = times_of(pd.date_range("2019-11-30 00:00", periods=60, freq=alias))[kept]
        frequency = Frequency.of([times], dated=True)
        steps, off = frequency.positions(times)
        assert_array_equal(steps, kept)
        assert not off.any()


def test_time_of_day_stays() -> None:
    index = pd.date_range("2021-01-04 16:30", periods=9, freq="B")
    times = times_of(index)
    frequency = Frequency.of([times], dated=True)
    assert frequency.unit == "business day"
    assert_array_equal(frequency.times(int(times[0]), np.arange(9)), times)


def test_what_is_on_no_step() -> None:
    times = times_of(pd.DatetimeIndex(["2021-01-01", "2021-02-01", "2021-02-15", "2021-03-01"]))
    assert_array_equal(Frequency.named("MS").positions(times)[1], [False, False, True, False])
    times = times_of(pd.DatetimeIndex(["2021-01-01 00:00", "2021-01-01 01:00", "2021-01-01 01:20"]))
    assert_array_equal(Frequency.named("h").positions(times)[1], [False, False, True])
    saturday = times_of(pd.DatetimeIndex(["2021-01-08", "2021-01-09"]))
    assert_array_equal(Frequency.named("B").positions(saturday)[1], [False, True])


def test_numbered_steps() -> None:
    times, dated = as_times("ds", np.array([10, 15, 20, 30]))
    frequency = Frequency.of([times], dated)
    assert (frequency.unit, frequency.count, str(frequency)) == ("number", 5, "5")
    assert_array_equal(frequency.positions(times)[0], [0, 1, 2, 4])
    assert frequency == Frequency.named("5") == Frequency.named(5)


class TestBadInput:
    def test_names(self) -> None:
        with pytest.raises(InvalidValueError, match="freq"):
            Frequency.named("fortnight")
        with pytest.raises(InvalidTypeError, match="freq"):
            Frequency.named(1.5)
        with pytest.raises(InvalidValueError, match="freq"):
            Frequency.named("0h")

    def test_one_step(self) -> None:
        with pytest.raises(InvalidValueError, match="the distance of two steps"):
            Frequency.of([np.array([5])], dated=False)

    @pytest.mark.parametrize(
        ("column", "message"),
        [
            (["2020-01-01", "1.2.2020"], r"ds: expected dates .*, got '1.2.2020' in row 1"),
            ([0.5, 1.5], "ds: expected dates or whole numbers"),
            ([1.0, np.inf], "ds: expected dates or whole numbers"),
            (["1500-01-01"], "dates from 1678 to 2261"),
            (np.array(["2020-01-01", "NaT"], "M8[D]"), "none in row 1"),
        ],
    )
    def test_columns(self, column: Any, message: str) -> None:
        with pytest.raises(InvalidValueError, match=message):
            as_times("ds", np.asarray(column))


def test_text_with_an_offset_is_in_utc() -> None:
    column = np.array(["2020-01-01T05:00+02:00", "2020-01-01T04:00:00Z", "20200102"], object)
    expected = np.array(["2020-01-01T03", "2020-01-01T04", "2020-01-02T00"], "M8[ns]")
    assert_array_equal(as_times("ds", column)[0], expected.astype(np.int64))


def test_two_times_of_a_business_day() -> None:
    hours = times_of(pd.DatetimeIndex(["2021-01-04 09:00", "2021-01-04 10:00"]))
    assert Frequency.named("B").positions(hours)[1].any()


@pytest.mark.parametrize(
    ("time", "text"),
    [
        ("2020-01-02", "2020-01-02"),
        ("2020-01-02 10:00", "2020-01-02 10:00"),
        ("2020-01-02 00:30", "2020-01-02 00:30"),
        ("2020-01-02 10:20:30", "2020-01-02 10:20:30"),
        ("2020-10-20 20:00", "2020-10-20 20:00"),
    ],
)
def test_how_messages_show_times(time: str, text: str) -> None:
    assert shown(int(np.datetime64(time, "ns").astype(np.int64)), dated=True) == text

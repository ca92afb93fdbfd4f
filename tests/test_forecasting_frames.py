"""Tables of pandas, polars and NumPy: how they are read, and what they must not contain."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal

from lstm.errors import InvalidTypeError, InvalidValueError, LSTMWarning
from lstm.forecasting.frames import Columns, Format, read

COLUMNS = Columns()
NAN = np.nan


def long(**changes: Any) -> dict[str, Any]:
    """Return columns of two series of days, of 3 and 2 steps."""
    days = ["2020-01-01", "2020-01-02", "2020-01-03", "2021-05-01", "2021-05-02"]
    columns = {"unique_id": ["a", "a", "a", "b", "b"], "ds": days, "y": [1.0, 2.0, 3.0, 4.0, 5.0]}
    return columns | changes


class TestKinds:
    @pytest.mark.parametrize(
        "frame",
        [
            pd.DataFrame(long()),
            pd.DataFrame(long(ds=pd.to_datetime(long()["ds"]))),
            pl.DataFrame(long()),
            pl.DataFrame(long()).with_columns(pl.col("ds").str.to_date()),
            pl.DataFrame(long()).with_columns(pl.col("ds").str.to_datetime("%Y-%m-%d")),
        ],
        ids=["text", "pandas", "polars text", "polars date", "polars datetime"],
    )
    def test_long_frames(self, frame: Any) -> None:
        panel = read(frame, COLUMNS)
        assert panel.ids == ["a", "b"]
        assert_array_equal(panel.offsets, [0, 3, 5])
        assert_array_equal(panel.y, [1, 2, 3, 4, 5])
        assert str(panel.frequency) == "D"
        assert panel.shown(1, 2) == "2021-05-03"

    def test_one_series_without_an_id(self) -> None:
        panel = read(pd.DataFrame({"ds": [1, 2, 3], "y": [1, 2, 3]}), COLUMNS)
        assert panel.ids == ["y"]
        assert not panel.dated

    def test_a_series_of_pandas(self) -> None:
        index = pd.date_range("2020-01-31", periods=4, freq="ME")
        panel = read(pd.Series([1, 2, 3, 4], index), COLUMNS)
        assert str(panel.frequency) == "ME"
        assert panel.shown(0, 4) == "2020-05-31"
        period = pd.Series([1, 2, 3], pd.period_range("2020-01", periods=3, freq="M"))
        assert str(read(period, COLUMNS).frequency) == "MS"

    @pytest.mark.parametrize("values", [[1, 2, 3], (1, 2, 3), np.array([1, 2, 3])])
    def test_arrays(self, values: Any) -> None:
        panel = read(values, COLUMNS)
        assert_array_equal(panel.y, [1, 2, 3])
        assert_array_equal(panel.times(0, 3, 5), [3, 4])

    def test_other_columns(self) -> None:
        frame = pd.DataFrame(
            {"who": [1, 1], "when": [5, 6], "what": [7, 8], "t": [True, False], "x": [0.5, None]}
        )
        panel = read(frame, Columns("who", "when", "what"), covariates=["t", "x"])
        assert_array_equal(panel.y, [7, 8])
        assert_array_equal(panel.covariates["t"], [1, 0])
        assert_array_equal(panel.covariates["x"], [0.5, NAN])


class TestSteps:
    def test_rows_may_come_in_any_order(self) -> None:
        order = [4, 1, 0, 3, 2]
        frame = pd.DataFrame(long()).iloc[order]
        panel = read(frame, COLUMNS)
        assert panel.ids == ["b", "a"]
        assert_array_equal(panel.y, [4, 5, 1, 2, 3])

    def test_missing_rows_are_missing_values(self) -> None:
        frame = pd.DataFrame(long()).drop(1)
        with pytest.warns(LSTMWarning, match=r"1 of 5 steps of D .* after 2020-01-01 of .* 'a'"):
            panel = read(frame, COLUMNS, freq="D")
        assert_array_equal(panel.y, [1, NAN, 3, 4, 5])

    def test_missing_values_stay(self) -> None:
        panel = read(pl.DataFrame(long(y=[1.0, None, 3.0, NAN, 5.0])), COLUMNS)
        assert_array_equal(panel.y, [1, NAN, 3, NAN, 5])

    def test_hours_when_clocks_change(self) -> None:
        index = pd.date_range("2010-03-13 20:00", periods=30, freq="h", tz="US/Pacific")
        with warnings.catch_warnings(action="error"):
            panel = read(pd.Series(np.arange(30), index), COLUMNS)
        assert_array_equal(panel.y, np.arange(30))

    def test_hours_by_the_clock_lack_one(self) -> None:
        clock = pd.date_range("2010-03-13 20:00", periods=30, freq="h", tz="US/Pacific")
        frame = pd.DataFrame({"ds": clock.tz_localize(None), "y": np.arange(30.0)})
        with pytest.warns(LSTMWarning, match="1 of 31 steps of h .* after 2010-03-14 01:00"):
            panel = read(frame, COLUMNS)
        assert_array_equal(np.flatnonzero(np.isnan(panel.y)), [6])

    def test_days_when_clocks_change(self) -> None:
        index = pd.date_range("2020-03-25", periods=9, freq="D", tz="Europe/Berlin")
        panel = read(pd.Series(np.arange(9), index), COLUMNS)
        assert str(panel.frequency) == "D"
        assert_array_equal(panel.y, np.arange(9))


class TestWritten:
    @pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
    def test_frames(self, kind: Any) -> None:
        frame = kind(long())
        panel = read(frame, COLUMNS)
        times = [panel.times(0, 3, 5), panel.times(1, 2, 3)]
        parts = {"LSTM": np.array([1.0, 2.0, 3.0])}
        found = Format.of(frame, COLUMNS).written(COLUMNS, panel, times, parts)
        assert type(found) is kind
        assert list(found.columns) == ["unique_id", "ds", "LSTM"]
        assert list(found["unique_id"]) == ["a", "a", "b"]
        expected = np.array(["2020-01-04", "2020-01-05", "2021-05-03"], "M8[D]")
        assert_array_equal(found["ds"].to_numpy().astype("M8[D]"), expected)
        assert_array_equal(found["LSTM"].to_numpy(), [1, 2, 3])

    @pytest.mark.parametrize("freq", ["h", "D"])
    @pytest.mark.parametrize("start", ["2020-03-27", "2020-10-23"])
    def test_time_zones(self, freq: str, start: str) -> None:
        index = pd.date_range(start, periods=200, freq=freq, tz="Europe/Berlin")
        for data in (
            pd.Series(np.arange(20.0), index[:20]),
            pd.DataFrame({"ds": index[:20], "y": np.arange(20.0)}),
            pl.DataFrame({"ds": index[:20].to_list(), "y": np.arange(20.0)}).with_columns(
                pl.col("ds").dt.convert_time_zone("Europe/Berlin")
            ),
        ):
            panel = read(data, COLUMNS)
            times = [panel.times(0, 20, 200)]
            form = Format.of(data, COLUMNS)
            again = Format.from_config(form.to_config())
            for used in (form, again):
                table = used.written(COLUMNS, panel, times, {"LSTM": np.zeros(180)})
                found = table["ds"] if "ds" in table.columns else table.index
                assert list(found) == list(index[20:])

    def test_a_series_gets_an_index(self) -> None:
        data = pd.Series([1.0, 2.0], pd.date_range("2020", periods=2, freq="YS"))
        panel = read(data, COLUMNS)
        form = Format.of(data, COLUMNS)
        found = form.written(COLUMNS, panel, [panel.times(0, 2, 4)], {"LSTM": np.zeros(2)})
        assert list(found.index) == list(pd.date_range("2022", periods=2, freq="YS"))

    def test_arrays(self) -> None:
        panel, form = read([1, 2], COLUMNS), Format.of([1, 2], COLUMNS)
        times, a, b = [panel.times(0, 2, 4)], np.ones(2), np.zeros(2)
        assert_array_equal(form.written(COLUMNS, panel, times, {"LSTM": a}), a)
        assert form.written(COLUMNS, panel, times, {"LSTM": a, "LSTM-lo-90": b}).shape == (2, 2)


class TestBadInput:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"ds": ["2020-01-01"] * 5}, "one row for each time .* two rows for 2020-01-01 .*'a'"),
            ({"y": [1, "2,5", 3, 4, 5]}, "column y: .* '2,5' at 2020-01-02 of .*decimal comma"),
            ({"y": [1, 2, "x", 4, 5]}, "column y: expected numbers, got 'x' at 2020-01-03 .*'a'"),
            ({"y": [1, 2, 3, np.inf, 5]}, "column y: .* inf at 2021-05-01 of unique_id 'b'"),
            ({"unique_id": ["a", "a", None, "b", "b"]}, "unique_id: expected an id in every row"),
            ({"ds": [*long()["ds"][:4], "3 May"]}, "ds: expected dates .* got '3 May' in row 4"),
            ({"ds": [*long()["ds"][:4], "2021-05-01 07:00"]},
             "whole steps of D apart .* got 2021-05-01 07:00 of unique_id 'b'"),
        ],
    )  # fmt: skip
    def test_names_the_first_row(self, changes: dict[str, Any], message: str) -> None:
        with pytest.raises(InvalidValueError, match=message):
            read(pd.DataFrame(long(**changes)), COLUMNS)

    def test_columns_that_are_not_there(self) -> None:
        frame = pd.DataFrame(long()).rename(columns={"y": "Y"})
        with pytest.raises(InvalidValueError, match=r"target_col: expected .*Y.*, got 'y'"):
            read(frame, COLUMNS)
        with pytest.raises(InvalidValueError, match="time_col"):
            read(frame, Columns(time="time", target="Y"))
        with pytest.raises(InvalidValueError, match="temperature"):
            read(pd.DataFrame(long()), COLUMNS, covariates=["temperature"])

    def test_nothing(self) -> None:
        with pytest.raises(InvalidValueError, match="df: expected rows, got an empty table"):
            read(pd.DataFrame({"ds": [], "y": []}), COLUMNS)
        with pytest.raises(InvalidValueError, match="df: expected values, got an empty series"):
            read([], COLUMNS)

    def test_other_data(self) -> None:
        with pytest.raises(InvalidValueError, match="df"):
            read(np.zeros((3, 2)), COLUMNS)
        with pytest.raises(InvalidTypeError, match="df: expected a frame"):
            read([1, 2, 3], COLUMNS, covariates=["x"])
        with pytest.raises(InvalidValueError, match="freq"):
            read([1, 2, 3], COLUMNS, freq="D")
        with pytest.raises(InvalidTypeError, match="column y: expected numbers, got 'x' at 1"):
            read([1.0, "x"], COLUMNS)

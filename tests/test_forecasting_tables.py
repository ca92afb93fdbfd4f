"""Tables in files, and the measures of a backtest."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal

from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.forecasting import LSTMForecaster, metrics, read_table, scores
from lstm.forecasting.frames import Columns, read
from lstm.forecasting.tables import Table


def written(folder: Path, content: str | bytes, name: str = "data.csv") -> Path:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


class TestRead:
    def test_a_plain_file(self, tmp_path: Path) -> None:
        table = read_table(written(tmp_path, "ds,y,x,s\n2020-01-01,1,2.5,a\n2020-01-02,2,,b\n"))
        assert table.columns == ["ds", "y", "x", "s"]
        assert len(table) == 2
        assert_array_equal(table["y"], [1, 2])
        assert table["y"].dtype.kind == "i"
        assert_array_equal(table["x"], [2.5, np.nan])
        assert list(table["s"]) == ["a", "b"]
        assert table.notes == ()

    def test_semicolons_and_decimal_commas(self, tmp_path: Path) -> None:
        text = "Zeit;Wert;Größe\n2020-01-01;1.234,5;ß\n2020-01-02;-7;ä\n"
        for encoding in ("utf-8", "utf-8-sig", "cp1252", "utf-16"):
            table = read_table(written(tmp_path, text.encode(encoding)))
            assert table.columns == ["Zeit", "Wert", "Größe"]
            assert_array_equal(table["Wert"], [1234.5, -7])
            assert list(table["Größe"]) == ["ß", "ä"]
            assert "decimal commas in Wert" in table.notes
        assert "read as utf-16" in table.notes

    @pytest.mark.parametrize("missing", ["", "NA", "nan", "null", "-"])
    def test_missing_values(self, tmp_path: Path, missing: str) -> None:
        table = read_table(written(tmp_path, f"ds\ty\n1\t{missing}\n2\t5\n"))
        assert_array_equal(table["y"], [np.nan, 5])

    def test_names_with_commas_and_ids_with_zeros(self, tmp_path: Path) -> None:
        table = read_table(written(tmp_path, "id;temp, C\n007;1,5\n008;2,5\n"))
        assert table.columns == ["id", "temp, C"]
        assert list(table["id"]) == ["007", "008"]
        assert_array_equal(table["temp, C"], [1.5, 2.5])

    def test_quotes_and_empty_lines(self, tmp_path: Path) -> None:
        table = read_table(written(tmp_path, '"a, b",y\n\n"x, ""y""",1\n\n'))
        assert table.columns == ["a, b", "y"]
        assert list(table["a, b"]) == ['x, "y"']

    def test_parquet(self, tmp_path: Path) -> None:
        pl.DataFrame({"ds": [1, 2], "y": [1.0, 2.0]}).write_parquet(tmp_path / "data.parquet")
        assert_array_equal(read(read_table(tmp_path / "data.parquet"), Columns()).y, [1, 2])

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("", "an empty file"),
            ("a,b\n1,2\n1,2,3\n", "2 entries in each row, as in the first, got 3 in row 3"),
            ('a,b\n"1,2', "a table, got .*data.csv: unexpected end of data"),
            ("a,a\n1,2\n", "different names of columns, got 'a' twice"),
        ],
    )
    def test_bad_files(self, tmp_path: Path, content: str, message: str) -> None:
        with pytest.raises(InvalidValueError, match=message):
            read_table(written(tmp_path, content))

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidValueError, match="which does not exist"):
            read_table(tmp_path / "nothing.csv")

    def test_written_and_read(self, tmp_path: Path) -> None:
        times = np.array(["2020-01-01 05:00", "2020-01-01 06:00"], "M8[ns]")
        fine = Table({"ds": times + np.timedelta64(100, "ms"), "y": [0.1, 0.2]})
        assert fine.text().splitlines()[1] == "2020-01-01 05:00:00.100,0.1"
        table = Table({"ds": times, "y": np.array([1 / 3, np.nan]), "s": ["a,b", 'c"']})
        table.write(tmp_path / "out.csv")
        again = read_table(tmp_path / "out.csv")
        assert list(again["ds"]) == ["2020-01-01 05:00:00", "2020-01-01 06:00:00"]
        assert again["y"][0] == 1 / 3
        assert list(again["s"]) == ["a,b", 'c"']


class TestScores:
    def table(self) -> Any:
        rng = np.random.default_rng(0)
        T = 40
        ids, ds = np.repeat(["a", "b"], T), np.tile(np.arange(T), 2)
        return pd.DataFrame({"unique_id": ids, "ds": ds, "y": rng.uniform(1, 9, 2 * T)})

    def test_are_means_over_series(self) -> None:
        frame = self.table()
        model = LSTMForecaster(4, season_length=4, units=4, max_steps=2, random_state=0)
        found = model.cross_validation(frame, n_windows=2)
        made = scores(found, frame, 4)
        assert set(made) == {"LSTM", "Naive", "SeasonalNaive", "Drift", "Mean"}
        assert [m["MASE"] for m in made.values()] == sorted(m["MASE"] for m in made.values())
        for name, measures in made.items():
            parts = [found[found["unique_id"] == entry] for entry in "ab"]
            histories = [frame[(frame["unique_id"] == k) & (frame["ds"] < 32)]["y"] for k in "ab"]
            pairs = [(part["y"].to_numpy(), part[name].to_numpy()) for part in parts]
            for measure in ("mae", "rmse", "smape", "wape"):
                expected = np.mean([getattr(metrics, measure)(*pair) for pair in pairs])
                label = {"smape": "sMAPE"}.get(measure, measure.upper())
                assert measures[label] == pytest.approx(expected)
            mase = [
                metrics.mase(*pair, history.to_numpy(), 4)
                for pair, history in zip(pairs, histories, strict=True)
            ]
            assert measures["MASE"] == pytest.approx(np.mean(mase))

    def test_a_series_that_does_not_vary_has_no_mase(self) -> None:
        frame = self.table().assign(y=lambda t: np.where(t["unique_id"] == "a", 3.0, t["y"]))
        model = LSTMForecaster(4, season_length=4, units=4, max_steps=2, random_state=0)
        made = scores(model.cross_validation(frame, n_windows=1), frame, 4)
        assert all(np.isfinite(m["MASE"]) for m in made.values())

    def test_of_hours_with_a_zone_know_nothing_of_the_test_part(self) -> None:
        """All cutoffs have the same hour, as days would."""
        hours = pd.date_range("2020-03-01", periods=96, freq="h", tz="Asia/Tokyo")
        rng = np.random.default_rng(0)
        y = np.where(np.arange(96) < 72, 1, 100) * rng.uniform(1, 2, 96)
        model = LSTMForecaster(24, season_length=4, units=4, max_steps=2, random_state=0)
        made = []
        for times in (hours, hours.tz_localize(None)):
            frame = pd.DataFrame({"ds": times, "y": y})
            made.append(scores(model.cross_validation(frame, n_windows=1), frame, 4)["Naive"])
        assert made[0] == made[1]
        assert made[0]["MASE"] > 100

    def test_needs_a_frame(self) -> None:
        with pytest.raises(InvalidTypeError, match="found: expected the frame"):
            scores(np.zeros(3), self.table())

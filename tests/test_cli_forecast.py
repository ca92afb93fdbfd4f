"""`lstm forecast`: from a file with a table to a folder with forecasts."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lstm.cli import app
from lstm.forecasting import LSTMForecaster, read_table

QUICK = ["--max-steps", "3", "--season", "4", "--h", "4"]
PLACES = ["--target", "load", "--id", "place"]


def plain(output: str) -> str:
    return " ".join(output.split())


def run(*args: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["forecast", *map(str, args)])
    return result.exit_code, result.output


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with two series of 40 hours, in an empty folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    times = np.datetime64("2020-01-01T00", "s") + np.arange(40) * np.timedelta64(1, "h")
    rows = [
        f"{name};{str(time).replace('T', ' ')};{value:.2f};{k % 3}"
        for name in ("north", "south")
        for k, (time, value) in enumerate(zip(times, rng.uniform(1, 9, 40), strict=True))
    ]
    file = tmp_path / "data.csv"
    file.write_text("\n".join(["place;when;load;wind", *rows]).replace(".", ","), encoding="utf-8")
    return file


def known(data: Path, hours: int) -> str:
    """The file with no load in the last rows of each series, as if these were to come."""
    head, *rows = data.read_text("utf-8").splitlines()
    parts = [row.split(";") for row in rows]
    shown = [
        ";".join([place, when, "" if k % 40 >= hours else load, wind])
        for k, (place, when, load, wind) in enumerate(parts)
    ]
    return "\n".join([head, *shown]) + "\n"


def test_from_a_file_to_a_folder(data: Path) -> None:
    code, output = run(data, "--target", "load", "--id", "place", *QUICK, "--level", "50")
    assert code == 0, output
    assert "2 series of load, 40 steps of h each, from 2020-01-01" in output
    assert "separated by ';'" in output
    assert "decimal commas in load" in output
    for name in ("LSTM", "Naive", "SeasonalNaive", "MASE", "better than"):
        assert name in output
    folder = data.parent / "data-forecast"
    assert {file.name for file in folder.iterdir()} == {
        *("forecast.csv", "forecast.svg", "model.safetensors")
    }
    made = read_table(folder / "forecast.csv")
    assert made.columns == ["place", "when", "LSTM", "LSTM-lo-50", "LSTM-hi-50"]
    assert list(made["place"]) == ["north"] * 4 + ["south"] * 4
    assert made["when"][0] == "2020-01-02 16:00:00"
    assert (made["LSTM-lo-50"] < made["LSTM"]).all()


def test_goes_on_from_what_it_saved(data: Path) -> None:
    assert run(data, "--target", "load", "--id", "place", *QUICK, "--backtest", "0")[0] == 0
    code, output = run("data-forecast", "--h", "2")
    assert code == 0, output
    lines = output.splitlines()
    assert lines[0] == "place,when,LSTM"
    assert len(lines) == 5
    saved = (data.parent / "data-forecast" / "forecast.csv").read_text(encoding="utf-8").split()
    assert lines[1].split() == saved[1:3]
    new = data.parent / "new.csv"
    new.write_text("place,when,load\nnorth,2020-01-02 16:00,5.0\n", encoding="utf-8")
    code, output = run("data-forecast", new, "--h", "1")
    assert code == 0, output
    assert [line.split(",")[:2] for line in output.splitlines()[1:]] == [
        ["north", "2020-01-02 17:00:00"],
        ["south", "2020-01-02 16:00:00"],
    ]
    code, output = run("data-forecast", data, "--h", "1")
    assert code == 0, output
    assert output.splitlines()[1].startswith("north,2020-01-02 16:00:00,")
    assert len(run("data-forecast")[1].splitlines()) == 9
    assert "h: expected at most 4" in run("data-forecast", "--h", "5")[1]


def test_columns_of_the_horizon_behind_the_last_target(data: Path) -> None:
    """The same rows in the file itself, or in a file of their own."""
    (data.parent / "one.csv").write_text(known(data, 36), "utf-8")
    arguments = [*PLACES, *QUICK, "--future", "wind", "--level", "50"]
    code, output = run("one.csv", *arguments, "--out", "one")
    assert code == 0, output
    assert "36 steps of h each" in output
    assert "known for the steps to forecast, too: wind" in output
    made = read_table("one/forecast.csv")
    assert list(made["when"][:2]) == ["2020-01-02 12:00:00", "2020-01-02 13:00:00"]
    rows = known(data, 36).splitlines()
    (data.parent / "past.csv").write_text("\n".join(r for r in rows if ";;" not in r), "utf-8")
    coming = [row.replace("load;", "").replace(";;", ";") for row in rows if ";;" in row]
    (data.parent / "coming.csv").write_text("\n".join(["place;when;wind", *coming]), "utf-8")
    two = run("past.csv", *arguments, "--future-file", "coming.csv", "--out", "two")
    assert two[0] == 0, two[1]
    assert Path("two/forecast.csv").read_bytes() == Path("one/forecast.csv").read_bytes()
    other = known(data, 36).replace(";;1", ";;9")
    (data.parent / "other.csv").write_text(other, "utf-8")
    assert run("other.csv", *arguments, "--out", "other")[0] == 0
    assert Path("other/forecast.csv").read_bytes() != Path("one/forecast.csv").read_bytes()


def test_rows_without_a_target_and_no_column_of_the_horizon(data: Path) -> None:
    (data.parent / "one.csv").write_text(known(data, 36), "utf-8")
    code, output = run("one.csv", *PLACES, *QUICK, "--backtest", "1")
    assert code == 0, output
    assert "8 rows behind the last load have none: forecasts begin behind them" in plain(output)
    assert "Nothing is known of the steps of these forecasts" in output


def test_goes_on_with_columns_of_the_horizon(data: Path) -> None:
    (data.parent / "one.csv").write_text(known(data, 36), "utf-8")
    arguments = [*PLACES, *QUICK, "--future", "wind", "--backtest", "0", "--out", "model"]
    assert run("one.csv", *arguments)[0] == 0
    (data.parent / "later.csv").write_text(known(data, 38), "utf-8")
    code, output = run("model", "later.csv", "--h", "2")
    assert code == 0, output
    assert [line.split(",")[1] for line in output.splitlines()[1:3]] == [
        "2020-01-02 14:00:00",
        "2020-01-02 15:00:00",
    ]
    model = LSTMForecaster.load("model/model.safetensors").update(read_table("data.csv"))
    (data.parent / "wind.csv").write_text(
        "place,when,wind\nnorth,2020-01-02 16:00,1\nsouth,2020-01-02 16:00,2\n", "utf-8"
    )
    code, output = run("model", "data.csv", "--future-file", "wind.csv", "--h", "1")
    assert code == 0, output
    expected = model.predict(h=1, future_df=read_table("wind.csv"))["LSTM"]
    assert [float(line.split(",")[2]) for line in output.splitlines()[1:]] == expected.tolist()
    code, output = run("model")
    assert code == 2
    assert "--future-file: expected a frame with the columns ['wind'] for 4 steps" in plain(output)
    code, output = run("model", "data.csv")
    assert code == 1
    assert "new: expected a frame with the columns ['wind'] for 4 steps" in plain(output)


def test_what_is_known_of_each_series(data: Path) -> None:
    (data.parent / "places.csv").write_text("place,area,kind\nsouth,3.5,b\nnorth,1,a\n", "utf-8")
    code, output = run(data, *PLACES, *QUICK, "--level", "50", "--static", "places.csv")
    assert code == 0, output
    assert "known of each series: area, kind" in output
    model = LSTMForecaster.load("data-forecast/model.safetensors")
    assert model.static == ["area", "kind"]
    assert model.learned.ensemble.design.static == 3
    arguments = [*PLACES, *QUICK, "--backtest", "0", "--out", "other"]
    code, output = run(data, *arguments, "--static", "places.csv", "--static-columns", "area")
    assert code == 0, output
    assert LSTMForecaster.load("other/model.safetensors").static == ["area"]


def test_a_given_time(data: Path) -> None:
    arguments = [*PLACES, "--season", "4", "--h", "4", "--backtest", "1", "--minutes", "0.03"]
    code, output = run(data, *arguments)
    assert code == 0, output
    found = re.search(r"\(--max-steps (\d+) --ensemble (\d+) does the same again\)", plain(output))
    assert found, output
    steps, networks = map(int, found.groups())
    model = LSTMForecaster.load("data-forecast/model.safetensors")
    assert (model.max_steps, model.ensemble) == (steps, networks)
    again = [*arguments[:-2], "--max-steps", str(steps), "--ensemble", str(networks)]
    assert run(data, *again, "--out", "again")[0] == 0
    first, second = (
        Path(f"{name}/forecast.csv").read_bytes() for name in ("data-forecast", "again")
    )
    assert first == second


def test_a_warning_is_given_once(data: Path) -> None:
    rows = data.read_text("utf-8").splitlines()
    data.write_text("\n".join(rows[:5] + rows[6:]), "utf-8")
    code, output = run(data, *PLACES, *QUICK)
    assert code == 0, output
    assert plain(output).count("1 of 80 steps of h have no row") == 1


def test_json(data: Path) -> None:
    arguments = ["--target", "load", "--id", "place", *QUICK, "--json", "--out", "there"]
    code, output = run(data, *arguments)
    assert code == 0, output
    found = json.loads(output)
    assert set(found["scores"]) == {"LSTM", "Naive", "SeasonalNaive", "Drift", "Mean"}
    assert found["forecast"][0]["place"] == "north"
    assert isinstance(found["forecast"][0]["LSTM"], float)
    assert found["folder"] == "there"


def test_columns_that_can_only_be_those(data: Path) -> None:
    file = data.parent / "one.csv"
    rows = "\n".join(f"2020-01-{k + 1:02d},{k % 7 + 1}" for k in range(31))
    file.write_text(f"day,sales\n{rows}\n", encoding="utf-8")
    code, output = run(file, "--h", "3", "--max-steps", "2", "--backtest", "1")
    assert code == 0, output
    assert "one series of sales, 31 steps of D" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.csv"], "nothing.csv: no such file"),
        (["data.csv", "--target", "loads"], "--target: expected one of"),
        (["data.csv", "data.csv"], "new: expected no second file"),
        (["data.csv", "--target", "load", "--id", "place", "--past", "winds"], "--past: expected"),
        (["data.csv", "--target", "load", "--id", "place", "--season", "0"], "--season: expected"),
        (["data.csv", "--id", "place"], "--target: expected the column to forecast, of"),
        (["data.csv", "--target", "load", "--time", "hour"], "--time: expected"),
        (["data.csv", "--target", "load"], "data: expected one row for each time"),
        (["data.csv", "--target", "load", "--id", "place", "--h", "0"], "--h: expected an integer"),
        (["data.csv", "--target", "load", "--id", "place", "--season", "x"], "--season: expected"),
        (["data.csv", "--target", "load", "--id", "place", "--h", "40"], "data: expected a series"),
        (["data.csv", "--target", "load", "--id", "place", "--level", "100"], "--level: expected"),
        (["data.csv", *PLACES, "--future", "load"], "--future: expected one of 'wind'"),
        (
            ["data.csv", *PLACES, "--future", "wind"],
            "--future: expected rows behind the last load, with wind and an empty load (or "
            "--future-file), got none",
        ),
        (
            ["short.csv", *PLACES, "--future", "wind", "--h", "5"],
            "--future: expected ['wind'] for 5 steps of 'north', got nothing for 2020-01-02 16:00",
        ),
        (
            ["only.csv", *PLACES, "--future", "wind", "--h", "4"],
            "--target: expected a column with a known value of each series, got none of 'south'",
        ),
        (
            ["data.csv", *PLACES, "--future-file", "places.csv"],
            "--future: expected columns of places.csv, as a,b, got none",
        ),
        (
            ["data.csv", *PLACES, "--future", "wind", "--future-file", "none.csv"],
            "--future-file: expected a file, got none.csv, which does not exist",
        ),
        (
            ["data.csv", *PLACES, "--future", "wind", "--future-file", "places.csv"],
            "future_file: the column time_col: expected one of 'place', 'area', got 'when'",
        ),
        (["data.csv", *PLACES, "--static-columns", "area"], "--static: expected a file with"),
        (["data.csv", *PLACES, "--static", "none.csv"], "--static: expected a file, got none.csv"),
        (
            ["data.csv", *PLACES, "--static", "places.csv", "--static-columns", "areas"],
            "--static-columns: expected one of 'place', 'area' (did you mean 'area'?)",
        ),
        (
            ["data.csv", *PLACES, "--static", "places.csv"],
            "--static: expected a row for each series, got none of 'south'",
        ),
        (["data.csv", "--target", "load", "--static", "places.csv"], "--id: expected a column"),
        (["data.csv", *PLACES, "--minutes", "0"], "--minutes: expected a finite number above 0"),
        (["data.csv", *PLACES, "--minutes", "1"], "--max-steps: expected none with --minutes"),
        (
            ["data.csv", "--target", "load", "--id", "place", "--h", "9", "--level", "95"],
            "--level: expected a lower level, or series of at least 108 steps, got 95 for 40",
        ),
    ],
)
def test_bad_input(data: Path, arguments: list[str], message: str) -> None:
    (data.parent / "short.csv").write_text(known(data, 36), "utf-8")
    north = known(data, 36).split("south")[0]
    south = known(data, 0)[len(known(data, 0).split("south")[0]) :]
    (data.parent / "only.csv").write_text(north + south, "utf-8")
    (data.parent / "places.csv").write_text("place,area\nnorth,1\n", "utf-8")
    code, output = run(*arguments, "--max-steps", "1")
    assert code in (1, 2)
    assert message in plain(output)
    assert not (data.parent / "data-forecast").exists()


def test_a_folder_that_exists_stays(data: Path) -> None:
    (data.parent / "data-forecast").mkdir()
    code, output = run(data, "--target", "load", "--id", "place", *QUICK)
    assert code == 2
    assert "--out: expected a folder to create" in output


def test_a_model_has_its_own_options(data: Path) -> None:
    assert run(data, *PLACES, *QUICK, "--backtest", "0")[0] == 0
    for option, value in (("--target", "wind"), ("--minutes", "1"), ("--static", "data.csv")):
        code, output = run("data-forecast", option, value)
        assert code == 2
        assert f"{option}: expected none with data-forecast, a model" in plain(output)
    (data.parent / "wind.csv").write_text("when,wind\n2020-01-02 16:00,1\n", "utf-8")
    code, output = run("data-forecast", "--future-file", "wind.csv")
    assert code == 2
    assert "--future-file: expected None, without columns future" in plain(output)

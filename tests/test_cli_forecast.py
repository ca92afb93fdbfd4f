"""`lstm forecast`: from a file with a table to a folder with forecasts."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lstm.cli import app
from lstm.forecasting import read_table

QUICK = ["--max-steps", "3", "--season", "4", "--h", "4"]


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
        (
            ["data.csv", "--target", "load", "--id", "place", "--h", "9", "--level", "95"],
            "--level: expected a lower level, or series of at least 108 steps, got 95 for 40",
        ),
    ],
)
def test_bad_input(data: Path, arguments: list[str], message: str) -> None:
    code, output = run(*arguments, "--max-steps", "1")
    assert code in (1, 2)
    assert message in " ".join(output.split())
    assert not (data.parent / "data-forecast").exists()


def test_a_folder_that_exists_stays(data: Path) -> None:
    (data.parent / "data-forecast").mkdir()
    code, output = run(data, "--target", "load", "--id", "place", *QUICK)
    assert code == 2
    assert "--out: expected a folder to create" in output

"""`lstm inspect` of a forecaster: where a forecast came from."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from language_cases import small as language_model
from lstm.cli import app
from lstm.forecasting import LSTMForecaster, Table
from lstm.inspection import explain_forecast
from small_forecasts import small, table


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["inspect", *arguments])
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LSTMForecaster:
    """A forecaster in the folder `forecast`, which is in the current one."""
    monkeypatch.chdir(tmp_path)
    wind = np.arange(174) % 5
    model = small(future=["wind"]).fit(table(Table, wind=wind))
    Path("forecast").mkdir()
    model.save("forecast/model.safetensors")
    rows = [f"{name},{step},{step % 4}" for name in "abc" for step in range(44, 80)]
    Path("wind.csv").write_text("\n".join(["unique_id,ds,wind", *rows]), "utf-8")
    return model


def test_the_summary(model: LSTMForecaster) -> None:
    code, output = run("forecast", "--id", "b", "--future-file", "wind.csv")
    assert code == 0, output
    coming = {"unique_id": ["b"] * 6, "ds": np.arange(60, 66), "wind": np.arange(60, 66) % 4}
    found = explain_forecast(model, id="b", future_df=Table(coming))
    assert "b: 6 steps of y from 60 on, from 20 values before" in output
    assert f"would lead to {found.base.mean():.4g};" in output
    assert f"wind adds {found.contribution('wind').sum():+.4g}" in output
    assert f"the mean forecast is {found.forecast.mean():.4g}." in output
    name, place, entry, part = found.largest(1)[0]
    assert f"{name} {found.times[place]} {20 - place} before {entry:.4g} {part:+.3g}" in output
    assert "last season of 4" in output
    assert f"f (forget) {found.gates['lstm']['f'].mean():.2f}" in output


def test_json(model: LSTMForecaster) -> None:
    code, output = run("forecast", "--id", "a", "--future-file", "wind.csv", "--json")
    assert code == 0, output
    found = json.loads(output)
    assert (found["id"], found["target"], len(found["forecast"])) == ("a", "y", 6)
    assert np.shape(found["contributions"]["wind"]) == (6, 26)


def test_a_page_of_rows_that_follow(model: LSTMForecaster) -> None:
    rows = [f"b,{step},{'' if step > 61 else 20},1" for step in range(60, 68)]
    Path("new.csv").write_text("\n".join(["unique_id,ds,y,wind", *rows]), "utf-8")
    code, output = run("forecast", "new.csv", "--id", "b", "--report", "page.html")
    assert code == 0, output
    assert "b: 6 steps of y from 62 on" in output
    assert output.endswith("Saved page.html.")
    assert "Where the forecast of b came from" in Path("page.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["forecast", "--future-file", "wind.csv"], "--id: expected the name of a series, of ['a'"),
        (["forecast", "--future-file", "wind.csv", "--id", "d"], "--id: expected one of 'a', 'b'"),
        (["forecast", "--id", "a"], "--future-file: expected a frame with the columns ['wind']"),
        (["forecast", "none.csv"], "new: expected a file, got none.csv"),
        (["forecast", "--unit", "lstm/1"], "--unit: expected none with a forecaster, got lstm/1"),
        (["forecast", "--report", "page.txt"], "--report: expected a file that ends in .html"),
        (["text.safetensors", "--id", "a"], "--id: expected none, which is for forecasters, got a"),
        (["none.safetensors"], "none.safetensors: there is no such file"),
    ],
)
def test_bad_input(model: LSTMForecaster, arguments: list[str], message: str) -> None:
    language_model().save("text.safetensors")
    code, output = run(*arguments)
    assert code in (1, 2)
    assert message in output
    assert not Path("page.html").exists()

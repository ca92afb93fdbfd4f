"""The benchmark of forecasts in small: splits, measures, and results that are kept."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstm.forecasting import metrics
from lstm.forecasting.baselines import seasonal_naive

FOLDER = Path(__file__).parents[1] / "benchmarks" / "forecasting"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="not in this distribution")

H, SEASON = 48, 24


@pytest.fixture
def series(tmp_path: Path) -> list[np.ndarray]:
    """Two series of different lengths, written as those of M4 are."""
    rng = np.random.default_rng(0)
    made = [
        np.round(50 + 10 * np.sin(np.arange(T) / 4) + rng.normal(size=T), 3)
        for T in (500 + H, 611 + H)
    ]
    for part, rows in (("train", [y[:-H] for y in made]), ("test", [y[-H:] for y in made])):
        with (tmp_path / f"m4-hourly-{part}.csv").open("w", newline="") as file:
            width = max(map(len, rows))
            writer = csv.writer(file, quoting=csv.QUOTE_ALL)
            writer.writerow([f"V{k}" for k in range(width + 1)])
            for n, y in enumerate(rows):
                writer.writerow([f"H{n}", *y.tolist(), *[""] * (width - len(y))])
    return made


def run(folder: Path, *arguments: str) -> str:
    """Run the program on a folder of data that also gets the results; return what it says."""
    options = ["--data", f"{folder}", "--folder", f"{folder}", "--threads", "1"]
    command = [sys.executable, f"{FOLDER / 'run.py'}", *options, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "failed" not in done.stdout, done.stdout
    return done.stdout


def results(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "results.json").read_text())


NAIVE = ("--only", "m4_hourly", "--contenders", "simple", "--methods")


def test_a_forecast_is_measured_on_what_follows_the_known_part(
    tmp_path: Path, series: list[np.ndarray]
) -> None:
    run(tmp_path, *NAIVE, "seasonal_naive")
    (result,) = results(tmp_path)
    parts = [(y[:-H], y[-H:], seasonal_naive(y[:-H], H, SEASON)) for y in series]
    expected = {
        "sMAPE": np.mean([metrics.smape(y, found) for _, y, found in parts]),
        "MASE": np.mean([metrics.mase(y, found, known, SEASON) for known, y, found in parts]),
        "MAE": np.mean([metrics.mae(y, found) for _, y, found in parts]),
    }
    assert result["measures"] == {name: round(float(x), 6) for name, x in expected.items()}
    assert "Seasonal naive" in (tmp_path / "RESULTS.md").read_text()


def test_what_is_there_is_kept_and_not_run_again(tmp_path: Path, series: list[np.ndarray]) -> None:
    run(tmp_path, *NAIVE, "naive")
    first = results(tmp_path)
    said = run(tmp_path, *NAIVE, "naive", "mean")
    assert "simple mean 0" in said
    assert "simple naive 0" not in said
    assert results(tmp_path)[0] == first[0]
    assert [result["method"] for result in results(tmp_path)] == ["naive", "mean"]


def test_absent_data_is_named_and_a_trial_keeps_nothing(
    tmp_path: Path, series: list[np.ndarray]
) -> None:
    options = ("--only", "etth1_24", "m4_hourly", "--contenders", "ours", "ablation")
    said = run(tmp_path, *options, "--methods", "defaults", "mlp", "--seeds", "1", "--trial")
    assert "etth1_24: left out" in said
    assert "ours defaults 0" in said
    assert "ablation mlp 0" in said
    assert not (tmp_path / "results.json").exists()

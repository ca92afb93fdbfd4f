"""Statistical forecasts: what their library gets and returns, without it."""

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from lstm.errors import InvalidValueError, MissingExtraError
from lstm.forecasting import scores
from small_forecasts import small, table


class Last:
    """A model as that library has them, which repeats the last value."""

    def __init__(self, season_length: int) -> None:
        self.season_length = season_length

    def forecast(self, y: np.ndarray, h: int) -> dict[str, np.ndarray]:
        assert np.isfinite(y).all()
        return {"mean": np.full(h, y[-1])}


def backtest(frame: Any, *names: str) -> Any:
    return small().cross_validation(frame, n_windows=1, baselines=names)


def test_beside_other_forecasts(monkeypatch: pytest.MonkeyPatch) -> None:
    models = SimpleNamespace(AutoTheta=Last, AutoETS=Last)
    monkeypatch.setitem(sys.modules, "statsforecast", SimpleNamespace(models=models))
    frame = table()
    frame.loc[[3, 62], "y"] = np.nan
    found = backtest(frame, "Theta", "Naive", "AutoETS")
    assert_array_equal(found["Theta"], found["Naive"])
    assert {*scores(found, frame)} == {"LSTM", "Theta", "Naive", "AutoETS"}
    assert "Mean" not in found.columns


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "statsforecast", None)
    with pytest.raises(MissingExtraError, match=r"lstm-kit\[statistical\]"):
        backtest(table(), "Theta")
    with pytest.raises(InvalidValueError, match=r"baselines: .*did you mean 'Theta'"):
        backtest(table(), "Teta")

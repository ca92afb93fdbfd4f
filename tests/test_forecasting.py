"""LSTMForecaster: what it learns, and that nothing of the future takes part in it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import lstm
from lstm.errors import (
    LSTMWarning,
)
from lstm.forecasting import LSTMForecaster, baselines
from small_forecasts import LENGTHS, small, table, values_of

RNG = np.random.default_rng(5)


class TestFit:
    def test_learns_what_no_baseline_knows(self) -> None:
        """Seasons of two kinds take turns: the last one never comes again at once."""
        season = np.array([[10, 20, 30, 20], [30, 15, 10, 25]])
        y = season[np.arange(120) % 2].reshape(-1) + RNG.normal(size=480) / 5
        frame = pd.DataFrame({"ds": range(480), "y": y})
        model = small(h=4, units=16, max_steps=300, batch_size=64, learning_rate=0.01)
        found = model.cross_validation(frame, n_windows=8)
        error = (found["LSTM"] - found["y"]).abs().mean()
        for name in baselines.BASELINES:
            assert error < 0.2 * (found[name] - found["y"]).abs().mean()

    def test_begins_at_a_mix_of_simple_forecasts(self) -> None:
        y = table()["y"].to_numpy()[:70]
        model = small(transform=None, max_steps=1, learning_rate=0).fit(y)
        window = y[-model._learned.ensemble.design.input_size :]
        known = [
            baselines.seasonal_naive(window, 6, 4),
            (baselines.seasonal_naive(window, 6, 4) + baselines.seasonal_naive(window[:-4], 6, 4))
            / 2,
            baselines.naive(window, 6),
            baselines.drift(window, 6),
        ]
        assert_allclose(model.predict(), np.mean(known, axis=0), rtol=1e-5)

    @pytest.mark.parametrize(
        "options",
        [
            {"cell": "gru", "layers": 2},
            {"cell": "rnn", "patch": 2, "input_size": 9},
            {"transform": None, "scaler": None, "baseline": None},
            {"loss": "mse"},
            {"loss": "mae", "ensemble": 2},
            {"season_length": (4, 12)},
            {"season_length": 1},
            {"input_size": 500},
        ],
        ids=str,
    )
    def test_options(self, options: dict[str, Any], tmp_path: Path) -> None:
        model = small(**options).fit(table())
        found = values_of(model.predict())
        assert found.shape == (18,)
        assert np.isfinite(found).all()
        model.save(tmp_path / "model")
        assert_array_equal(values_of(LSTMForecaster.load(tmp_path / "model").predict()), found)

    def test_short_series_and_missing_values_take_part(self) -> None:
        frame = table(lengths=(70, 30, 3))
        frame.loc[[5, 20, 69, 75], "y"] = np.nan
        with pytest.warns(LSTMWarning, match="1 of 3 series are too short to learn from: 'c'"):
            model = small().fit(frame)
        assert np.isfinite(values_of(model.predict())).all()

    def test_a_constant_series(self) -> None:
        found = small().fit(np.full(60, 7.0)).predict()
        assert_allclose(found, 7, rtol=0.05)
        assert np.isfinite(small(transform=None).fit(np.zeros(60)).predict()).all()

    def test_val_size_keeps_the_best_weights(self) -> None:
        """With so high a rate, training soon leaves what was good."""
        frame = table(lengths=(70,))
        known, coming = frame[:64], frame["y"][64:].to_numpy()
        better = []
        for seed in range(4):
            options = {"max_steps": 60, "learning_rate": 0.3, "random_state": seed, "loss": "mae"}
            kept = values_of(small(**options).fit(frame, val_size=6).predict(known))
            last = values_of(small(**options).fit(known).predict())
            better.append(np.abs(last - coming).mean() - np.abs(kept - coming).mean())
        assert min(better) >= 0
        assert max(better) > 0

    def test_the_same_seed_gives_the_same_bits_for_any_number_of_threads(self) -> None:
        found = []
        before = lstm.num_threads()
        for count in (1, 2, 3):
            lstm.set_num_threads(count)
            try:
                found.append(values_of(small(units=40).fit(table()).predict()))
            finally:
                lstm.set_num_threads(before)
        assert_array_equal(found[0], found[1])
        assert_array_equal(found[0], found[2])
        assert not np.array_equal(found[0], values_of(small(random_state=1).fit(table()).predict()))


class TestNothingOfTheFuture:
    """What follows a forecast may change: the forecast has the same bits."""

    def changed(self, frame: Any, known: int) -> Any:
        later = frame["ds"] >= frame.groupby("unique_id")["ds"].transform("max") + 1 - known
        return frame.assign(**{k: frame[k].where(~later, 10 * frame[k] + 3) for k in ("y", "x")})

    @pytest.mark.parametrize(
        ("past", "strategy"), [((), "direct"), (("x",), "direct"), ((), "recursive")]
    )
    def test_in_backtests(self, past: tuple[str, ...], strategy: str) -> None:
        frame = table(x=RNG.normal(size=sum(LENGTHS)))
        model = small(past=past, strategy=strategy)
        found = model.cross_validation(frame, n_windows=2)
        again = model.cross_validation(self.changed(frame, 6), n_windows=2)
        first = found["cutoff"] == found.groupby("unique_id")["cutoff"].transform("min")
        assert_array_equal(found["LSTM"][first], again["LSTM"][first])
        assert_array_equal(found["SeasonalNaive"][first], again["SeasonalNaive"][first])
        assert first.sum() == 18

    def test_windows_never_cross_series(self) -> None:
        frame = table()
        other = frame.assign(y=frame["y"].where(frame["unique_id"] != "b", 3 * frame["y"]))
        model = small().fit(frame)
        found, again = model.predict(frame), model.predict(other)
        kept = (found["unique_id"] != "b").to_numpy()
        assert_array_equal(values_of(found)[kept], values_of(again)[kept])
        assert (values_of(found)[~kept] != values_of(again)[~kept]).all()

    def test_targets_follow_their_windows(self) -> None:
        """What comes next follows from what is known; a step later it would be another number."""
        turn = np.array([5.0, 9.0, 2.0, 7.0, 4.0])
        y = turn[np.arange(200) % 5]
        model = small(1, input_size=5, season_length=1, max_steps=200, learning_rate=0.02)
        model.fit(y)
        for cutoff in range(190, 200):
            assert abs(model.predict(y[:cutoff])[0] - turn[cutoff % 5]) < 0.5

    def test_backtests_name_the_steps_that_they_forecast(self) -> None:
        y = np.repeat(RNG.uniform(1, 9, 20), 3)
        found = small(h=3, season_length=1, max_steps=1).cross_validation(
            pd.DataFrame({"ds": range(60), "y": y}), n_windows=3, step_size=1
        )
        assert_array_equal(found["y"], y[[55, 56, 57, 56, 57, 58, 57, 58, 59]])
        assert_array_equal(found["ds"], [55, 56, 57, 56, 57, 58, 57, 58, 59])
        assert_array_equal(found["cutoff"], np.repeat([54, 55, 56], 3))
        assert_array_equal(found["Naive"], np.repeat(y[[54, 55, 56]], 3))

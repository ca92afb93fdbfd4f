"""Alarms: rates that are what was asked for, and streams that agree with tables."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from lstm.errors import (
    InvalidShapeError,
    InvalidValueError,
    LSTMWarning,
    ModelFileError,
    NotReadyError,
)
from lstm.forecasting import Detector, LSTMForecaster
from lstm.forecasting.tail import Tail

N, T = 4, 900


def sensors(kind: str = "normal", seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = rng.standard_t(4, (N, T)) if kind == "heavy" else rng.normal(size=(N, T))
    return 20 + 5 * np.sin(2 * np.pi * np.arange(T) / 12) + noise / 2


def table(y: np.ndarray, begin: int, end: int) -> Any:
    ids = np.repeat(np.arange(N), end - begin)
    ds = np.tile(np.arange(begin, end), N)
    return pd.DataFrame({"unique_id": ids, "ds": ds, "y": y[:, begin:end].reshape(-1)})


def fitted(y: np.ndarray, **options: Any) -> LSTMForecaster:
    given = {"season_length": 12, "units": 8, "max_steps": 40, "random_state": 0, **options}
    return LSTMForecaster(3, **given).fit(table(y, 0, 300))


class TestTail:
    def test_is_the_share_of_larger_errors(self) -> None:
        errors = np.sort(np.random.default_rng(0).exponential(size=999))
        tail = Tail(errors)
        assert_allclose(tail.probability(errors[[0, 499, 899]]), [1, 0.5, 0.1], atol=2e-3)
        assert np.isnan(tail.probability(np.array([np.nan]))[0])

    def test_goes_on_beyond_the_data(self) -> None:
        errors = np.sort(np.random.default_rng(0).exponential(size=5000))
        beyond = np.array([7.0, 12.0, 20.0])
        assert_allclose(np.log(Tail(errors).probability(beyond)), -beyond, rtol=0.15)

    def test_never_rises(self) -> None:
        errors = np.sort(np.random.default_rng(0).normal(size=300) ** 2)
        found = Tail(errors).probability(np.linspace(0, 30, 1000))
        assert (np.diff(found) <= 1e-12).all()
        assert found[0] == 1


class TestDetector:
    @pytest.mark.parametrize("kind", ["normal", "heavy"])
    def test_raises_as_many_false_alarms_as_asked_for(self, kind: str) -> None:
        y = sensors(kind)
        detector = fitted(y).detector(table(y, 300, 600), false_alarms=0.02)
        found = detector.score(table(y, 580, T))
        known = found["score"].notna()
        rate = found["alarm"][known].mean()
        # Twice the standard error of so many readings.
        assert abs(rate - 0.02) < 2 * np.sqrt(0.02 / known.sum()) + 0.005
        assert abs(detector.measured - 0.02) < 0.015

    def test_finds_what_is_not_normal(self) -> None:
        y = sensors()
        detector = fitted(y).detector(table(y, 300, 600))
        y[2, 800] += 6
        found = detector.score(table(y, 600, T))
        worst = found.loc[found["score"].idxmin()]
        assert (worst["unique_id"], worst["ds"], worst["alarm"]) == (2, 800, 1)
        assert worst["score"] < 1e-5

    def test_says_nothing_of_what_is_missing(self) -> None:
        y = sensors()
        detector = fitted(y).detector(table(y, 300, 600))
        y[1, 700:720] = np.nan
        found = detector.score(table(y, 600, T))
        missing = (found["unique_id"] == 1) & found["ds"].between(700, 719)
        assert found["score"][missing].isna().all()
        assert found["alarm"][missing].sum() == 0
        assert found["score"][(found["unique_id"] == 1) & (found["ds"] > 719)].notna().all()

    def test_readings_without_a_logarithm(self) -> None:
        y = sensors()
        detector = fitted(y).detector(table(y, 300, 600))
        y[2, 800], y[3, 810] = -1, 0
        found = detector.score(table(y, 600, T))
        alarms = found[found["alarm"] == 1]
        assert {(2, 800), (3, 810)} <= {*zip(alarms["unique_id"], alarms["ds"], strict=True)}
        stream = detector.stream()
        assert stream([-1.0, 0, 20, 20])[:2].max() < 1e-3
        assert np.isfinite(stream([20.0, 20, 20, 20])).all()

    def test_says_nothing_after_a_long_silence(self) -> None:
        y = sensors()
        model = fitted(y)
        detector = model.detector(table(y, 300, 600))
        y[1, 700:800] = np.nan
        found = detector.score(table(y, 600, T))
        found = found[found["unique_id"] == 1].set_index("ds")
        assert found["score"][800:803].isna().all()
        assert found["alarm"][800:830].sum() == 0
        assert found["score"][830:].notna().all()

    def test_of_half_missing_data(self) -> None:
        y = sensors()
        model = fitted(y)
        for part in (slice(300, 450), slice(450, 600)):
            some = y.copy()
            some[:, part] = np.nan
            assert 0 <= model.detector(table(some, 300, 600)).measured < 0.1

    def test_compares_with_what_came_before_only(self) -> None:
        y = sensors()
        detector = fitted(y).detector(table(y, 300, 600))
        found = detector.score(table(y, 600, T))
        y[:, 750:] = 99
        again = detector.score(table(y, 600, T))
        before = found["ds"] <= 750
        assert_array_equal(found["LSTM"][before], again["LSTM"][before])

    def test_files(self, tmp_path: Path) -> None:
        y = sensors()
        model = fitted(y)
        detector = model.detector(table(y, 300, 600), 0.01)
        detector.save(tmp_path / "detector")
        again = Detector.load(tmp_path / "detector")
        assert repr(again) == repr(detector)
        pd.testing.assert_frame_equal(
            again.score(table(y, 600, T)), detector.score(table(y, 600, T))
        )
        model.save(tmp_path / "model")
        with pytest.raises(ModelFileError):
            Detector.load(tmp_path / "model")

    def test_bad_input(self) -> None:
        y = sensors()
        model = fitted(y)
        with pytest.raises(NotReadyError):
            LSTMForecaster(3).detector(table(y, 300, 600))
        with pytest.raises(InvalidValueError, match="false_alarms"):
            model.detector(table(y, 300, 600), false_alarms=0)
        with pytest.raises(InvalidValueError, match="df: expected at least 100 readings"):
            model.detector(table(y, 300, 330))

    def test_each_series_has_its_own_noise(self, tmp_path: Path) -> None:
        season = 20 + 5 * np.sin(2 * np.pi * np.arange(T) / 12)
        y = season + (sensors() - season) * np.array([[0.3], [1], [1], [4]])
        detector = fitted(y, transform=None).detector(table(y, 300, 600), false_alarms=0.02)
        found = detector.score(table(y, 580, T))
        rates = found[found["score"].notna()].groupby("unique_id")["alarm"].mean()
        assert rates.max() < 0.06  # Of the loudest, too.
        assert rates[1:].min() > 0.002
        detector.save(tmp_path / "detector.safetensors")
        again = Detector.load(tmp_path / "detector.safetensors")
        assert again.score(table(y, 580, T)).equals(found)

    def test_of_series_too_short_to_be_halved(self, tmp_path: Path) -> None:
        y = np.concatenate([sensors(seed=k)[:, :25] for k in range(40)])
        rows = {"unique_id": np.repeat(np.arange(160), 25), "ds": np.tile(np.arange(25), 160)}
        model = fitted(sensors())
        detector = model.detector(pd.DataFrame({**rows, "y": y.reshape(-1)}))
        assert detector.measured is None
        assert "not measured" in repr(detector)
        detector.save(tmp_path / "detector.safetensors")
        assert Detector.load(tmp_path / "detector.safetensors").measured is None


class TestStream:
    def test_agrees_with_a_table(self) -> None:
        y = sensors()
        detector = fitted(y).detector(table(y, 300, 600))
        stream = detector.stream()
        found = np.array([stream(y[:, k]) for k in range(300, 340)])
        expected = detector.score(table(y, 0, 340))
        expected = expected["score"].to_numpy().reshape(N, 340)[:, 300:].T
        assert_allclose(found, expected, rtol=1e-3)
        assert stream.ids == list(range(N))

    def test_series_may_end_at_different_times(self) -> None:
        y = sensors()
        known = table(y, 0, 300)
        early = known[(known["unique_id"] != 2) | (known["ds"] < 294)]  # Half a season.
        model = fitted(y, transform=None).fit(early)
        detector = model.detector(table(y, 300, 600))
        stream = detector.stream()
        found = np.array([stream(y[:, k]) for k in range(300, 340)])
        assert np.nanmin(found) > 1e-4
        both = pd.concat([early, table(y, 300, 340)])
        with pytest.warns(LSTMWarning, match="6 of"):
            scored = detector.score(both)
        last = scored[(scored["unique_id"] == 2) & (scored["ds"] >= 300)]["score"]
        assert_allclose(found[:, 2], last, rtol=1e-3)

    def test_silent_sensors_disturb_no_other(self) -> None:
        y = sensors()
        detector = fitted(y).detector(table(y, 300, 600))
        whole, part = detector.stream(), detector.stream()
        for k in range(300, 420):
            some = y[:, k].copy()
            some[1] = np.nan
            a, b = whole(y[:, k]), part(some)
            assert_allclose(np.delete(a, 1), np.delete(b, 1), rtol=1e-3)
            assert np.isnan(b[1])
        assert np.isnan(part.expected[1])
        assert not part.alarms(some)[1]

    def test_alarms(self) -> None:
        y = sensors()
        stream = fitted(y).detector(table(y, 300, 600)).stream()
        values = stream.expected + np.array([0, 9, 0, np.nan])
        assert_array_equal(stream.alarms(values), [False, True, False, False])

    def test_bad_input(self) -> None:
        y = sensors()
        stream = fitted(y).detector(table(y, 300, 600)).stream()
        with pytest.raises(InvalidShapeError, match=r"readings: expected shape \(4,\)"):
            stream([1, 2])
        with pytest.raises(InvalidValueError, match="readings: expected finite numbers"):
            stream([1, 2, np.inf, 4])

"""Measures and simple forecasts, against values worked out by hand and plain loops."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.forecasting import baselines, metrics

RNG = np.random.default_rng(3)
NAN = np.nan


class TestMetrics:
    def test_of_a_forecast(self) -> None:
        y, forecast = [1.0, 2.0, 4.0], [2.0, 2.0, 1.0]
        assert metrics.mae(y, forecast) == pytest.approx(4 / 3)
        assert metrics.rmse(y, forecast) == pytest.approx(np.sqrt(10 / 3))
        assert metrics.wape(y, forecast) == pytest.approx(4 / 7)
        assert metrics.smape(y, forecast) == pytest.approx(200 / 3 * (1 / 3 + 0 + 3 / 5))
        assert metrics.smape([0, 0], [0, 1]) == pytest.approx(100)

    def test_scaled_by_the_history(self) -> None:
        history = [1, 5, 2, 7, 3]  # A season of 2 steps changes by 1, 2 and 1.
        assert metrics.naive_error(history, 2) == pytest.approx(4 / 3)
        assert metrics.mase([4, 8], [5, 6], history, 2) == pytest.approx(1.5 / (4 / 3))
        assert metrics.rmsse([4, 8], [5, 6], history, 2) == pytest.approx(np.sqrt(2.5 / 2))

    def test_missing_values_do_not_count(self) -> None:
        assert metrics.mae([1, NAN, 3], [2, 9, 3]) == 0.5
        assert metrics.naive_error([1, 2, NAN, 4, 6], 2) == pytest.approx(2)
        assert metrics.coverage([1, NAN, 3], [0, 0, 4], [2, 9, 5]) == 0.5

    def test_of_quantiles(self) -> None:
        y = RNG.normal(size=40)
        forecasts = np.sort(RNG.normal(size=(40, 3)), axis=1)
        levels = (0.1, 0.5, 0.9)
        losses = [
            np.mean(
                [
                    q * (a - f) if a > f else (1 - q) * (f - a)
                    for a, f in zip(y, column, strict=True)
                ]
            )
            for q, column in zip(levels, forecasts.T, strict=True)
        ]
        assert [
            metrics.pinball(y, column, q) for q, column in zip(levels, forecasts.T, strict=True)
        ] == pytest.approx(losses)
        expected = 2 * np.sum(losses) * 40 / 3 / np.abs(y).sum()
        assert metrics.weighted_quantile_loss(y, forecasts, levels) == pytest.approx(expected)

    def test_of_intervals(self) -> None:
        assert metrics.coverage([1, 2, 3, 4], [1, 3, 0, 0], [1, 4, 2, 9]) == 0.5
        assert metrics.width([1, 2], [2, 5]) == 2

    def test_of_nothing_to_compare_with(self) -> None:
        assert np.isnan(metrics.wape([0, 0], [1, 2]))
        assert np.isnan(metrics.naive_error([1, 2], 5))
        with pytest.raises(InvalidValueError, match="y: expected actual values, got none"):
            metrics.mae([NAN], [1])

    def test_shapes_must_agree(self) -> None:
        with pytest.raises(InvalidShapeError, match=r"forecast: expected shape \(2,\)"):
            metrics.mae([1, 2], [[1], [2]])
        with pytest.raises(InvalidShapeError, match="forecasts"):
            metrics.weighted_quantile_loss([1, 2], [1, 2], [0.5])
        with pytest.raises(InvalidTypeError, match="y: expected"):
            metrics.mae(["a"], [1])
        with pytest.raises(InvalidValueError, match="quantile"):
            metrics.pinball([1], [1], 1.5)


class TestBaselines:
    def test_naive(self) -> None:
        assert_array_equal(baselines.naive([[1, 2, NAN], [3, 4, 5]], 2), [[2, 2], [5, 5]])

    def test_mean(self) -> None:
        assert_array_equal(baselines.mean([1, 2, NAN, 6], 2), [3, 3])

    def test_drift_goes_through_the_first_and_the_last_value(self) -> None:
        assert_allclose(baselines.drift([1, 9, 5], 3), [7, 9, 11])
        assert_allclose(baselines.drift([NAN, 1, 3, NAN], 2), [7, 9])
        assert_array_equal(baselines.drift([4], 2), [4, 4])

    @pytest.mark.parametrize("T", [3, 4, 7, 8, 9])
    @pytest.mark.parametrize("h", [1, 4, 11])
    def test_seasonal_naive(self, T: int, h: int) -> None:
        y = RNG.normal(size=(2, T))
        season = 4
        expected = np.zeros((2, h))
        for k in range(h):
            back = T + k % season - season
            expected[:, k] = y[:, back] if back >= 0 else y[:, -1]
        assert_array_equal(baselines.seasonal_naive(y, h, season), expected)

    def test_seasonal_naive_goes_back_for_what_is_missing(self) -> None:
        y = [1, 2, 3, NAN, NAN, 5]
        assert_array_equal(baselines.seasonal_naive(y, 4, 2), [3, 5, 3, 5])
        assert_array_equal(baselines.seasonal_naive([NAN, 2, NAN, 3], 2, 2), [3, 3])

    def test_needs_a_value(self) -> None:
        for name, baseline in baselines.BASELINES.items():
            with pytest.raises(InvalidValueError, match="y: expected series"):
                baseline([[1.0, 2.0], [NAN, NAN]], 2, 2)
            with pytest.raises(InvalidValueError, match="h"):
                baseline([1.0, 2.0], 0, 2)
            assert np.isfinite(baseline([1.0, NAN], 3, 2)).all(), name

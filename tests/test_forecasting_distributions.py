"""Distributions: against those of SciPy, and in forecasts."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from lstm.errors import InvalidValueError, NotReadyError
from lstm.forecasting import LSTMForecaster
from lstm.forecasting.distributions import DISTRIBUTIONS, LEAST, log_gamma
from small_forecasts import small, table

RNG = np.random.default_rng(2)
LEVELS = (0.01, 0.05, 0.5, 0.9, 0.999)


def theirs(name: str, outputs: np.ndarray) -> Any:
    """The same distribution of SciPy."""
    location, shape = outputs[..., 0], outputs[..., 1] + LEAST
    if name == "normal":
        return stats.norm(location, shape)
    if name == "student_t":
        return stats.t(outputs[..., 2] + 2, location, shape)
    size = 1 / shape
    return stats.nbinom(size, size / (size + location))


def outputs(name: str, *shape: int) -> np.ndarray:
    found = RNG.uniform(0.05, 3, (*shape, 1 + DISTRIBUTIONS[name].shapes))
    if DISTRIBUTIONS[name].of_counts:
        found[..., 0] = np.exp(RNG.uniform(-2, 6, shape))
    return found


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_loss_is_the_negative_log_likelihood(name: str) -> None:
    found = outputs(name, 50, 4)
    other = theirs(name, found)
    y = other.rvs(random_state=np.random.default_rng(0))
    density = other.logpmf(y) if DISTRIBUTIONS[name].of_counts else other.logpdf(y)
    loss = DISTRIBUTIONS[name].loss(y[..., None].astype(np.float32), found.astype(np.float32))
    assert_allclose(np.asarray(loss), -density, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_quantiles_are_those_of_scipy(name: str) -> None:
    found = outputs(name, 40, 3)
    expected = np.stack([theirs(name, found).ppf(level) for level in LEVELS], axis=-1)
    assert_allclose(DISTRIBUTIONS[name].quantiles(found, LEVELS), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_draws_have_the_distribution(name: str) -> None:
    one = outputs(name)
    drawn = DISTRIBUTIONS[name].drawn(np.tile(one, (20000, 1)), np.random.default_rng(1))
    for level in (0.1, 0.5, 0.9):
        below = (drawn <= theirs(name, one).ppf(level)).mean()
        exact = theirs(name, one).cdf(theirs(name, one).ppf(level))
        assert below == pytest.approx(exact, abs=4 * math.sqrt(0.25 / 20000))


def test_log_gamma() -> None:
    x = np.exp(RNG.uniform(-5, 9, 300))
    expected = np.array([math.lgamma(float(value)) for value in x.astype(np.float32)])
    assert_allclose(np.asarray(log_gamma(x.astype(np.float32))), expected, rtol=2e-6, atol=3e-6)


class TestForecasts:
    @pytest.mark.parametrize("name", DISTRIBUTIONS)
    @pytest.mark.parametrize("strategy", ["direct", "recursive"])
    def test_any_quantile(self, name: str, strategy: str, tmp_path: Path) -> None:
        frame = table()
        frame["y"] = frame["y"].round()
        model = small(distribution=name, strategy=strategy, max_steps=30).fit(frame)
        found = model.predict(level=[50, 90], quantiles=[0.1, 0.2])
        order = ["LSTM-lo-90", "LSTM-q0.1", "LSTM-q0.2", "LSTM-lo-50", "LSTM", "LSTM-hi-50"]
        rows = found[[*order, "LSTM-hi-90"]].to_numpy()
        assert (np.diff(rows) >= 0).all()
        assert (rows[:, 0] < rows[:, -1]).all()
        assert_array_equal(found["LSTM"], model.predict()["LSTM"])
        assert list(model.predict().columns) == ["unique_id", "ds", "LSTM"]
        model.save(tmp_path / "model.safetensors")
        again = LSTMForecaster.load(tmp_path / "model.safetensors")
        assert again.predict(level=[50, 90], quantiles=[0.1, 0.2]).equals(found)

    @pytest.mark.parametrize("name", ["normal", "student_t"])
    def test_it_learns_how_wide_noise_is(self, name: str) -> None:
        y = 50 + np.random.default_rng(4).normal(size=(30, 80)) * 4
        ids, ds = np.repeat(np.arange(30), 80), np.tile(np.arange(80), 30)
        frame = type(table())({"unique_id": ids, "ds": ds, "y": y.reshape(-1)})
        given = {"max_steps": 400, "learning_rate": 0.01, "season_length": 1, "batch_size": 64}
        model = small(2, distribution=name, **given).fit(frame)
        found = model.predict(level=[80])
        width = (found["LSTM-hi-80"] - found["LSTM-lo-80"]).mean()
        assert width == pytest.approx(2 * 1.2816 * 4, rel=0.25)

    def test_counts_are_counts(self) -> None:
        y = RNG.poisson(0.7, 200).astype(float)
        model = small(distribution="negative_binomial", max_steps=60).fit(y)
        found = model.predict(level=[90])
        assert (found == np.round(found)).all()
        assert (found >= 0).all()
        paths = model.sample_paths(20)
        assert (paths == np.round(paths)).all()

    def test_paths_depend_on_what_was_drawn(self) -> None:
        walk = 100 + np.cumsum(RNG.normal(size=600))
        given = {"season_length": 1, "patch": 1, "input_size": 24, "transform": None}
        related = {}
        for strategy in ("direct", "recursive"):
            options = {**given, "strategy": strategy, "max_steps": 200}
            model = small(30, distribution="normal", **options).fit(walk)
            paths = model.sample_paths(100)
            assert paths.shape == (30, 100)
            off = paths - paths.mean(1, keepdims=True)
            related[strategy] = np.corrcoef(off[10:-1].ravel(), off[11:].ravel())[0, 1]
        assert abs(related["direct"]) < 0.1
        assert related["recursive"] > 0.5
        assert_array_equal(model.sample_paths(100), paths)
        assert_array_equal(model.sample_paths(3).shape, (30, 3))
        many = model.sample_paths(2000)
        off = model.predict(level=[90])[:, 1] - np.quantile(many, 0.05, axis=1)
        assert (np.abs(off) < 0.7 * many.std(axis=1)).all()

    def test_of_networks_together(self) -> None:
        y = RNG.poisson(20, 120).astype(float)
        found = small(distribution="negative_binomial", ensemble=2).fit(y).predict(level=[80])
        assert (found == np.round(found)).all()

    def test_the_outermost_quantiles_of_paths(self) -> None:
        given = {"strategy": "recursive", "max_steps": 40}
        model = small(distribution="normal", transform=None, **given).fit(
            table()["y"][:70].to_numpy()
        )
        found = model.predict(h=4, level=[50, 99.8], quantiles=[0.001, 0.999])
        ratio = (found[:, 6] - found[:, 5]) / (found[:, 4] - found[:, 3])
        assert_allclose(ratio, 3.0902 / 0.6745, rtol=0.15)
        assert_array_equal(found[:, 1], found[:, 5])

    def test_gaps_alarms_and_calibration(self) -> None:
        y = table()["y"][:70].to_numpy().copy()
        y[[30, 31, 60]] = np.nan
        long = np.tile(y[:60], 6)
        model = small(distribution="student_t").fit(y)
        before = model.predict(level=[80])
        assert np.isfinite(before).all()
        assert_array_equal(model.calibrate(y).predict(level=[80]), before)
        assert model.detector(long).measured is not None

    def test_counts_stay_counts(self) -> None:
        y = RNG.poisson(5, 80).astype(float)
        model = small(distribution="negative_binomial").fit(y)
        with pytest.raises(InvalidValueError, match=r"counts, .* got 6\.5 in 'y' at 80"):
            model.predict(np.append(y, 6.5))

    def test_windows_of_a_backtest_have_intervals(self) -> None:
        found = small(distribution="normal").cross_validation(table(), n_windows=2, level=[80])
        assert (found["LSTM-lo-80"] < found["LSTM-hi-80"]).all()

    @pytest.mark.parametrize(
        ("use", "error", "message"),
        [
            (lambda: small(distribution="poisson").fit(table()), InvalidValueError, "distribution"),
            (
                lambda: small(distribution="normal", quantiles=[0.5]).fit(table()),
                InvalidValueError,
                r"quantiles: expected None, with a distribution",
            ),
            (
                lambda: small(distribution="negative_binomial").fit(table()),
                InvalidValueError,
                "counts, for distribution=.* in 'a' at 0",
            ),
            (lambda: small().fit(table()).sample_paths(), NotReadyError, "distribution="),
            (
                lambda: small(distribution="normal").fit(table()).sample_paths(0),
                InvalidValueError,
                "^n: ",
            ),
        ],
    )
    def test_unusable(self, use: Any, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            use()

"""Explanations of forecasts: against central differences, and series whose cause is known."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from numpy.testing import assert_allclose

from lstm.errors import InvalidTypeError, InvalidValueError, NotReadyError
from lstm.forecasting import LSTMForecaster, Table
from lstm.inspection import (
    Explanation,
    explain_forecast,
    explanation_html,
    plot_contributions,
    plot_explanation,
    plot_mean_gates,
    plot_mix,
    plot_weights,
    plot_window,
    write_explanation,
)
from small_forecasts import small, table

T, H = 80, 3
KNOWN, COMING = slice(0, T), slice(T, T + H)


def series() -> np.ndarray:
    rng, t = np.random.default_rng(0), np.arange(T)
    return 50 + 10 * np.sin(np.pi / 2 * t) + rng.normal(size=T)


def fitted(y: Any, **options: Any) -> LSTMForecaster:
    given = {"max_steps": 15, "learning_rate": 0.02, "units": 6}
    return small(H, **{**given, **options}).fit(y)


def forecast_of(model: LSTMForecaster, y: Any = None) -> np.ndarray:
    """The steps of the first patch, without quantiles."""
    made = model.predict(y, h=model.learned.ensemble.design.h)
    return made[:, 0] if made.ndim == 2 else made


def differences(model: LSTMForecaster, y: np.ndarray, found: Explanation) -> np.ndarray:
    """The weights by central differences of `predict`; of logarithms, where values enter so."""
    # So small that hardly any rectifier turns on or off on the way, and rounding is small, too.
    weights, step = np.zeros_like(found.weights), 0.0005 if found.log else 0.02
    scale = np.log if found.log else np.asarray
    for place in range(len(found.times)):
        at = len(y) - len(found.times) + place
        sides = []
        for sign in (1, -1):
            other = y.copy()
            other[at] = y[at] * np.exp(sign * step) if found.log else y[at] + sign * step
            sides.append(scale(forecast_of(model, other)))
        if not np.isnan(y[at]):
            weights[:, place] = (sides[0] - sides[1]) / (2 * step)
    return weights


GAPS = series()
GAPS[[70, 71, 75, 79]] = np.nan
CASES: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
    "logarithms": (series(), {}),
    "plain": (series(), {"transform": None}),
    "gaps": (GAPS, {}),
    "gru": (GAPS, {"cell": "gru", "layers": 2, "transform": None}),
    "rnn": (series(), {"cell": "rnn", "ensemble": 2}),
    "no scaler": (series(), {"scaler": None, "transform": None}),
    "no mix": (series(), {"baseline": None}),
    "quantiles": (series(), {"quantiles": [0.1, 0.5, 0.9]}),
    "recursive": (series(), {"strategy": "recursive"}),
    "one value a step": (series(), {"season_length": 1, "input_size": 7}),
    "shorter than its window": (series()[:14], {"transform": None, "input_size": 20}),
}


@pytest.mark.parametrize("case", CASES)
class TestNumbers:
    def test_weights_are_derivatives_of_the_forecast(self, case: str) -> None:
        y, options = CASES[case]
        model = fitted(y, **options)
        found = explain_forecast(model)
        expected = differences(model, y, found)
        assert_allclose(found.weights, expected, rtol=0, atol=2e-3 * np.abs(expected).max())

    def test_contributions_sum_to_the_forecast(self, case: str) -> None:
        y, options = CASES[case]
        model = fitted(y, **options)
        found = explain_forecast(model)
        assert_allclose(found.forecast, forecast_of(model), rtol=1e-6)
        total = found.base + found.contributions[found.target].sum(1)
        assert_allclose(total, found.forecast, rtol=1e-3)
        assert_allclose(found.weights.sum(1), 1, rtol=1e-6)


@pytest.mark.parametrize("y", [GAPS, series()[:9]], ids=["gaps", "short"])
def test_of_windows_with_gaps_after_a_fit_without(y: np.ndarray) -> None:
    model = fitted(series(), transform=None, input_size=20)
    assert not model.learned.ensemble.design.masked
    found = explain_forecast(model, y)
    expected = differences(model, y, found) if len(y) == T else None
    if expected is not None:
        assert_allclose(found.weights, expected, rtol=0, atol=2e-3 * np.abs(expected).max())
    assert_allclose(found.forecast, forecast_of(model, y), rtol=1e-6)
    total = found.base + found.contributions[found.target].sum(1)
    assert_allclose(total, found.forecast, rtol=1e-3)


class TestValues:
    def test_of_a_window_that_is_scaled_contributions_follow_from_weights(self) -> None:
        found = explain_forecast(fitted(series(), transform=None))
        mean = found.values.mean()
        assert_allclose(found.base, mean)
        parts = found.contributions[found.target]
        assert_allclose(parts, found.weights * (found.values - mean), rtol=1e-6, atol=1e-9)
        assert_allclose(found.weights @ found.values, found.forecast, rtol=1e-5)

    def test_zeros(self) -> None:
        """A part of the mean is added before the logarithm."""
        found = explain_forecast(fitted(np.maximum(series() - 50, 0)))
        total = found.base + found.contributions[found.target].sum(1)
        assert_allclose(total, found.forecast, rtol=1e-4, atol=1e-4)

    def test_a_constant_series(self) -> None:
        found = explain_forecast(fitted(np.full(T, 7.0)))
        assert_allclose(found.contributions[found.target], 0, atol=1e-5)
        assert_allclose(found.base, found.forecast, rtol=1e-5)

    def test_the_lag_that_a_series_follows_is_found(self) -> None:
        rng, y = np.random.default_rng(0), [*np.random.default_rng(1).uniform(10, 30, 5)]
        for _ in range(300):
            y.append(20 - 0.9 * (y[-5] - 20) + rng.normal() / 10)
        options = {"season_length": 1, "patch": 6, "input_size": 24, "transform": None}
        model = small(H, **{**options, "units": 16, "max_steps": 250, "learning_rate": 0.01})
        found = explain_forecast(model.fit(y))
        for step, weights in enumerate(found.weights, 1):
            strongest = np.abs(weights).argmax()
            assert found.lags[strongest] == 6 - step
            assert -1.2 < weights[strongest] < -0.6


def frame(a: np.ndarray, b: np.ndarray, y: np.ndarray, part: slice) -> Table:
    return Table({"ds": np.arange(T + H)[part], "y": y[part], "a": a[part], "b": b[part]})


class TestColumns:
    @pytest.fixture
    def columns(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng = np.random.default_rng(2)
        a, b = 7 + 3 * rng.normal(size=T + H), rng.uniform(size=T + H)
        return a, b, np.append(series(), [0.0] * H) + 5 * b

    def test_integrated_gradients(self, columns: Any) -> None:
        """Against an integral of central differences of `predict`, from means of columns on."""
        a, b, y = columns
        model = fitted(frame(a, b, y, KNOWN), past=["a"], future=["b"], transform=None)
        coming = frame(a, b, y, COMING)
        found = explain_forecast(model, frame(a, b, y, KNOWN), future_df=coming)
        (mean_a, _), (mean_b, _) = (model.learned.ensemble.sizes[name] for name in "ab")

        def forecast(share: float, name: str = "", row: int = 0, change: float = 0.0) -> np.ndarray:
            moved = {"a": mean_a + share * (a - mean_a), "b": mean_b + share * (b - mean_b)}
            if name:
                moved[name][row] += change
            made = model.predict(
                frame(moved["a"], moved["b"], y, KNOWN),
                future_df=frame(moved["a"], moved["b"], y, COMING),
            )
            return np.asarray(made["LSTM"])

        alone = found.base + found.contributions["y"].sum(1)
        assert_allclose(alone, forecast(0), rtol=1e-5)
        whole = alone + found.contributions["a"].sum(1) + found.contributions["b"].sum(1)
        assert_allclose(whole, forecast(1), rtol=1e-3)
        shares = (np.arange(12) + 0.5) / 12
        for name, row, step in (("a", T - 2, 0.3), ("b", T - 9, 0.03), ("b", T + 1, 0.03)):
            slopes = [
                (forecast(s, name, row, step) - forecast(s, name, row, -step)) / (2 * step)
                for s in shares
            ]
            entry = {"a": a[row] - mean_a, "b": b[row] - mean_b}[name]
            expected = np.mean(slopes, 0) * entry
            got = found.contributions[name][:, row - T + len(found.times)]
            assert_allclose(got, expected, rtol=0, atol=0.05 * np.abs(expected).max())

    def test_the_column_that_a_series_follows_is_found(self) -> None:
        rng = np.random.default_rng(3)
        a, b = rng.normal(size=T + H), (rng.uniform(size=T + H) < 0.5).astype(float)
        y = 50 + 10 * b + rng.normal(size=T + H) / 5
        options = {"season_length": 1, "input_size": 12, "transform": None}
        model = small(H, past=["a"], future=["b"], max_steps=150, learning_rate=0.01, **options)
        coming = frame(a, b, y, COMING)
        found = explain_forecast(model.fit(frame(a, b, y, KNOWN)), future_df=coming)
        assert_allclose(found.columns["b"][-H:], b[COMING])
        for step in range(1, H + 1):
            parts = found.contribution("b", step)
            own = len(found.times) + step - 1
            assert np.abs(parts).argmax() == own
            assert (parts[own] > 0) == (b[T + step - 1] > 0.5)
            assert np.abs(parts[own]) > 4 * np.abs(found.contribution("a", step)).max()
        assert found.largest(1)[0][:2][0] == "b"


class TestParts:
    def test_the_mix_and_the_gates(self) -> None:
        model = fitted(series())
        found = explain_forecast(model)
        names = ["last season of 4", "mean of 2 seasons of 4", "last value", "drift"]
        assert list(found.mix) == names
        assert_allclose(np.sum(list(found.mix.values()), axis=0), np.ones(H), rtol=1e-6)
        steps = len(found.times) // found.patch
        assert list(found.gates) == ["lstm"]
        assert {letter: len(values) for letter, values in found.gates["lstm"].items()} == {
            letter: steps for letter in "hcifgo"
        }
        assert all(0 < mean < 1 for letter in "ifo" for mean in found.gates["lstm"][letter])

    def test_a_mix_that_is_the_forecast(self) -> None:
        """Untrained, the network adds nothing: the weights are those of the simple forecasts."""
        y = series()
        model = fitted(y, max_steps=1, learning_rate=0.0, transform=None)
        found = explain_forecast(model)
        lags = dict(zip(found.lags.tolist(), found.weights[0].tolist(), strict=True))
        largest = sorted(lags, key=lambda lag: -abs(lags[lag]))[:3]
        assert {4, 1} <= {*largest}

    def test_one_of_several_series(self) -> None:
        model = small().fit(table())
        found = explain_forecast(model, id="b")
        made = model.predict()
        assert_allclose(found.forecast, made["LSTM"][made["unique_id"] == "b"], rtol=1e-6)
        assert (found.id, found.target, found.ahead[0]) == ("b", "y", 60)
        assert len(found.contribution("y")) == len(found.times)

    def test_dates(self) -> None:
        days = pd.date_range("2024-01-01", periods=60)
        model = small(7, season_length=7).fit(pd.Series(np.arange(60.0) % 7 + 1, days))
        found = explain_forecast(model)
        assert found.times[-1] == np.datetime64("2024-02-29")
        assert found.ahead[0] == np.datetime64("2024-03-01")

    def test_static_columns(self) -> None:
        about = pd.DataFrame({"unique_id": ["a", "b", "c"], "size": [1.0, 2.0, 3.0]})
        model = small(static=["size"]).fit(table(), static_df=about)
        found = explain_forecast(model, id="c")
        total = found.base + found.contributions["y"].sum(1)
        assert_allclose(total, found.forecast, rtol=1e-4)

    def test_bad_arguments(self) -> None:
        with pytest.raises(InvalidTypeError, match="forecaster: expected an LSTMForecaster"):
            explain_forecast("model")  # type: ignore[arg-type]
        with pytest.raises(NotReadyError, match="call fit"):
            explain_forecast(small())
        model = small().fit(table())
        with pytest.raises(InvalidValueError, match="id: expected the name of a series"):
            explain_forecast(model)
        with pytest.raises(InvalidValueError, match="id: expected one of 'a', 'b', 'c'"):
            explain_forecast(model, id="d")
        with pytest.raises(InvalidValueError, match="future_df: expected None"):
            explain_forecast(model, id="a", future_df=table())
        found = explain_forecast(model, id="a")
        with pytest.raises(InvalidValueError, match="step: expected a step from 1 to 6"):
            found.contribution("y", 7)
        with pytest.raises(InvalidValueError, match="name: expected one of 'y'"):
            found.contribution("x")


class TestPictures:
    @pytest.fixture
    def found(self) -> Explanation:
        rng = np.random.default_rng(0)
        days = pd.date_range("2024-01-01", periods=T + H)
        y = np.append(series(), [np.nan] * H)
        data = pd.DataFrame({"ds": days, "y": y, "<b>": rng.uniform(size=T + H)})
        model = small(H, future=["<b>"], cell="gru").fit(data[:T])
        return explain_forecast(model, future_df=data[T:])

    def test_one_picture(self, found: Explanation, tmp_path: Path) -> None:
        for name in ("a.png", "a.svg"):
            figure = plot_explanation(found, tmp_path / name, step=2)
            assert (tmp_path / name).stat().st_size > 1000
            pyplot.close(figure)
        titles = [ax.get_title(loc="left") for ax in figure.axes]
        assert any(title.startswith("<b> adds") and "step 2" in title for title in titles)
        with pytest.raises(InvalidValueError, match=r"path: expected a file that ends in \.png"):
            plot_explanation(found, tmp_path / "a.txt")

    def test_parts(self, found: Explanation) -> None:
        parts = plot_contributions(found)
        (first, *_) = parts.patches
        assert_allclose(first.get_data().values, np.maximum(found.contribution("y"), 0))
        assert len(plot_contributions(found, "<b>").patches[0].get_data().values) == len(
            found.times
        ) + len(found.ahead)
        picture = plot_weights(found).images[0]
        assert_allclose(picture.get_array(), found.weights)
        stairs = [patch.get_data() for patch in plot_mix(found).patches]
        shares = [part.values - part.baseline for part in stairs]
        assert_allclose(shares, list(found.mix.values()))
        labels = [text.get_text() for text in plot_mean_gates(found).get_legend().get_texts()]
        assert labels == ["u (update)", "s (reset)", "|h|"]
        (line, forecast, _) = plot_window(found).lines
        assert_allclose(line.get_ydata(), found.values)
        assert_allclose(forecast.get_ydata(), found.forecast)
        pyplot.close("all")
        without = explain_forecast(fitted(series(), baseline=None))
        with pytest.raises(InvalidValueError, match="found: expected a forecast with a mix"):
            plot_mix(without)
        pyplot.close(plot_explanation(without))

    def test_a_page(self, found: Explanation, tmp_path: Path) -> None:
        write_explanation(tmp_path / "page.html", found, title="Tom & <Jerry>")
        page = (tmp_path / "page.html").read_text("utf-8")
        assert page == explanation_html(found, title="Tom & <Jerry>")
        assert "<h1>Tom &amp; &lt;Jerry&gt;</h1>" in page
        assert page.count("<svg") == 6
        assert "What &lt;b&gt; adds" in page
        assert "<b>" not in page.replace("&lt;b&gt;", "")
        assert "src=" not in page
        assert "default-src 'none'" in page
        assert "Where the forecast of y came from" in explanation_html(found)
        with pytest.raises(InvalidTypeError, match="found: expected an Explanation"):
            explanation_html("page")  # type: ignore[arg-type]

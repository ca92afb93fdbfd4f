"""LSTMForecaster: what it returns: series, horizons, intervals, columns, files, bad input."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

import lstm
from lstm.errors import (
    InvalidTypeError,
    InvalidValueError,
    LSTMWarning,
    ModelFileError,
    NotReadyError,
)
from lstm.forecasting import LSTMForecaster
from lstm.forecasting.conformal import Conformal
from small_forecasts import LENGTHS, small, table, values_of

RNG = np.random.default_rng(5)


class TestPredict:
    def test_follows_each_series(self) -> None:
        found = small().fit(table()).predict()
        assert list(found["unique_id"]) == ["a"] * 6 + ["b"] * 6 + ["c"] * 6
        expected = np.concatenate([np.arange(T, T + 6) for T in LENGTHS])
        assert_array_equal(found["ds"], expected)

    def test_of_other_series(self) -> None:
        model, frame = small().fit(table()), table()
        assert_array_equal(values_of(model.predict(frame)), values_of(model.predict()))
        found = model.predict(table(pl.DataFrame))
        assert isinstance(found, pl.DataFrame)
        assert_array_equal(values_of(found), values_of(model.predict()))
        alone = frame[frame["unique_id"] == "b"].assign(unique_id="new")
        assert_array_equal(values_of(model.predict(alone)), values_of(model.predict())[6:12])

    def test_fewer_steps(self) -> None:
        model = small().fit(table()["y"][:70].to_numpy())
        assert_array_equal(model.predict(h=2), model.predict()[:2])

    def test_recursive_goes_on(self) -> None:
        y = table()["y"].to_numpy()[:70]
        model = small(strategy="recursive").fit(y)
        found = model.predict(h=11)
        assert found.shape == (11,)
        assert_array_equal(found[:4], model.predict(h=4))
        assert_allclose(found[4:8], model.predict(np.append(y, found[:4]))[:4], rtol=1e-6)

    def test_update_reads_new_rows(self) -> None:
        y = table()["y"].to_numpy()[:70]
        frame = pd.DataFrame({"ds": np.arange(70), "y": y})
        model = small().fit(frame[:60])
        assert_array_equal(
            values_of(model.update(frame[60:65]).update(frame[65:]).predict()),
            values_of(model.predict(frame)),
        )
        assert list(model.predict()["ds"]) == list(range(70, 76))

    def test_update_corrects_what_was_known(self) -> None:
        frame = pd.DataFrame({"ds": np.arange(70), "y": table()["y"][:70]})
        model = small().fit(frame.assign(y=frame["y"].where(frame["ds"] < 64, 1)))
        found = model.update(frame[60:]).predict()
        assert_array_equal(values_of(found), values_of(model.predict(frame)))

    def test_arrays_go_on_where_they_ended(self) -> None:
        y = table()["y"].to_numpy()[:70]
        model = small().fit(y[:60])
        assert_array_equal(model.update(y[60:]).predict(), model.predict(y))

    def test_values_without_end(self) -> None:
        y = np.append(1e6 + RNG.normal(size=50), np.full(30, np.nan))
        with pytest.raises(InvalidValueError, match=r"among the 20 .* none of 'y' before 80"):
            small(input_size=20).fit(y).predict()
        tiny = small(max_steps=20).fit(1e-13 * RNG.normal(size=80)).predict()
        assert np.abs(tiny).max() < 1e-11
        with pytest.raises(InvalidValueError, match=r"column y: expected finite .* at 0"):
            small().fit(1e300 * np.ones(80))

    def test_values_below_those_of_fit(self) -> None:
        y = table()["y"].to_numpy()[:70].copy()
        y[20] = 0
        with pytest.warns(LSTMWarning, match=r"1 values have no logarithm and count as 0, .* -50"):
            small().fit(y).predict(np.append(y, -50.0))

    def test_columns_are_those_of_the_series(self) -> None:
        rows = pd.DataFrame({"unique_id": "A", "ds": np.arange(60), "y": RNG.uniform(1, 2, 60)})
        model = small(future=["c"]).fit(rows.assign(c=1.0))
        coming = pd.DataFrame({"unique_id": "B", "ds": np.arange(60, 66), "c": 1.0})
        with pytest.raises(InvalidValueError, match="rows for each series, got none of 'A'"):
            model.predict(future_df=coming)
        alone = model.predict(future_df=coming.drop(columns="unique_id"))
        named = model.predict(future_df=coming.assign(unique_id="A"))
        assert_array_equal(values_of(alone), values_of(named))

    def test_backtests_of_parts_of_a_patch(self) -> None:
        model = small(6, strategy="recursive", future=["c"])
        with pytest.raises(InvalidValueError, match=r"h: expected a multiple of 4, .* got 6"):
            model.cross_validation(table(c=1.0))

    def test_hours_with_a_zone(self) -> None:
        hours = pd.date_range("2020-03-01", periods=80, freq="h", tz="Asia/Tokyo")
        frame = pd.DataFrame({"ds": hours, "y": table()["y"][:80]})
        model = small().fit(frame[:70])
        found = model.update(frame[70:71]).predict()
        assert list(found["ds"]) == list(hours[71:77])
        assert_array_equal(values_of(found), values_of(model.predict(frame[:71])))
        with pytest.raises(
            InvalidValueError, match=r"df: expected times with a zone \(Asia/Tokyo\)"
        ):
            model.predict(frame.assign(ds=hours.tz_localize(None)))
        with pytest.raises(InvalidValueError, match="df: expected dates, as in fit"):
            model.predict(np.arange(70.0))

    def test_quantiles_never_cross(self) -> None:
        levels = (0.05, 0.25, 0.5, 0.75, 0.95)
        model = small(quantiles=levels, max_steps=60, learning_rate=0.05).fit(table())
        found = model.predict(level=[50, 90])
        rows = found[[f"LSTM-q{q}" for q in levels]].to_numpy()
        assert (np.diff(rows) > 0).all()
        assert_array_equal(found["LSTM"], found["LSTM-q0.5"])
        assert_array_equal(found["LSTM-lo-90"], found["LSTM-q0.05"])
        assert_array_equal(found["LSTM-hi-50"], found["LSTM-q0.75"])
        assert "LSTM-q0.05" not in model.predict(quantiles=[0.5]).columns


class TestIntervals:
    def test_are_as_wide_as_errors_were(self) -> None:
        y = np.array([[1.0, 5], [2, np.nan], [3, 7], [4, 8]])
        conformal = Conformal.of(y, np.zeros((4, 2)), units=np.array([1.0, 1, 2, 2]))
        # Errors in units are 1, 2, 1.5, 2 and 5, 3.5, 4.
        assert_allclose(conformal.half_width(50, h=3), [2, 4, 4])
        assert_allclose(conformal.half_width(75, h=2), [2, 5])
        assert_allclose(conformal.half_width(20, h=1), [1])
        with pytest.raises(InvalidValueError, match="level: expected at most 75, got 80"):
            conformal.half_width(80, h=2)

    def test_lie_around_the_forecast(self) -> None:
        frame = table()
        found = small().fit(frame).calibrate(frame).predict(level=[50, 80])
        for level in (50, 80):
            half = found[f"LSTM-hi-{level}"] - found["LSTM"]
            assert_allclose(found["LSTM"] - found[f"LSTM-lo-{level}"], half)
            assert (half > 0).all()
        assert (found["LSTM-hi-80"] >= found["LSTM-hi-50"]).all()

    def test_cover_what_they_say(self) -> None:
        rng = np.random.default_rng(0)
        n, T = 40, 60
        y = 50 + rng.normal(size=(n, T)) * 5
        frame = pd.DataFrame(
            {"unique_id": np.repeat(range(n), T), "ds": np.tile(range(T), n), "y": y.reshape(-1)}
        )
        known = frame[frame["ds"] < T - 6]
        model = small(max_steps=30).fit(known).calibrate(known, n_windows=3)
        found = model.predict(level=[80])
        actual = y[:, -6:].reshape(-1)
        inside = (found["LSTM-lo-80"] <= actual) & (actual <= found["LSTM-hi-80"])
        assert 0.7 < inside.mean() < 0.9

    def test_too_few_errors(self) -> None:
        frame = table()
        model = small().fit(frame)
        with pytest.raises(NotReadyError, match=r"level=80: call calibrate\(df\) first, or make"):
            model.predict(level=[80])
        model.calibrate(frame, n_windows=2)
        with pytest.raises(InvalidValueError, match=r"level: .* most 85, got 95, .* 19 fore"):
            model.predict(level=[95])

    def test_of_a_backtest_know_nothing_of_it(self) -> None:
        frame, model = table(), small()
        other = frame.assign(y=frame["y"].where(frame["ds"] < 40, 3 * frame["y"]))
        widths = []
        for data in (frame, other):
            found = model.fit(frame).cross_validation(
                data[data["ds"] < 46], n_windows=1, level=[50]
            )
            half = (found["LSTM-hi-50"] - found["LSTM-lo-50"]).to_numpy()
            widths.append(half[found["cutoff"] < 40])
        assert_array_equal(*widths)
        assert len(widths[0])

    @pytest.mark.parametrize("level", [[0], [100], [-1]])
    def test_levels_lie_between_0_and_100(self, level: list[int]) -> None:
        frame = table()
        model = small().fit(frame).calibrate(frame)
        for use in (model.predict, lambda level: model.cross_validation(frame, level=level)):
            with pytest.raises(InvalidValueError, match="level: expected a number in"):
                use(level=level)


class TestCovariates:
    def test_of_the_future_are_read(self) -> None:
        rng = np.random.default_rng(2)
        promo = rng.integers(0, 2, 400).astype(float)
        frame = pd.DataFrame({"ds": range(400), "y": 10 + 5 * promo, "promo": promo})
        model = small(h=4, future=["promo"], season_length=1, max_steps=400, learning_rate=0.01)
        model.fit(frame[:396])
        found = values_of(model.predict(future_df=frame[396:]))
        assert_allclose(found, frame["y"][396:], atol=1)
        other = frame[396:].assign(promo=1 - promo[396:])
        assert_allclose(values_of(model.predict(future_df=other)), 25 - frame["y"][396:], atol=1)

    def test_static_ones_tell_series_apart(self) -> None:
        T = 40
        rng = np.random.default_rng(2)
        start = 10 + rng.normal(size=(8, 1)) / 10
        grows = np.arange(8) % 2
        y = start + np.where(np.arange(T) >= T - 2, 5 * grows[:, None], 0)
        ids = np.repeat(range(8), T)
        frame = pd.DataFrame({"unique_id": ids, "ds": np.tile(range(T), 8), "y": y.reshape(-1)})
        static = pd.DataFrame({"unique_id": range(8), "kind": np.where(grows, "up", "flat")})
        model = small(h=2, static=["kind"], season_length=1, max_steps=5).fit(
            frame, static_df=static
        )
        other = static.assign(kind="up")
        found, changed = model.predict(frame), model.predict(frame, static_df=other)
        same = np.repeat(grows == 1, 2)
        assert_array_equal(values_of(found)[same], values_of(changed)[same])
        assert (values_of(found)[~same] != values_of(changed)[~same]).all()

    def test_the_calendar_is_read_where_there_is_one(self) -> None:
        dates = pd.date_range("2020-01-01", periods=200, freq="D")
        y = RNG.uniform(1, 2, 200)
        model = small(season_length=7).fit(pd.Series(y, dates))
        assert model._learned.ensemble.design.calendar == ("week",)
        model = small(season_length=7, calendar=["year"]).fit(pd.Series(y, dates))
        assert model._learned.ensemble.design.calendar == ("year",)
        assert small().fit(y)._learned.ensemble.design.calendar == ()

    def test_what_is_missing_is_named(self) -> None:
        frame = table(x=1.0)
        model = small(future=["x"]).fit(frame)
        coming = model.make_future_dataframe().assign(x=1.0)
        with pytest.raises(InvalidValueError, match=r"future_df: expected a frame with .*'x'"):
            model.predict()
        with pytest.raises(InvalidValueError, match="future_df: expected rows for each series"):
            model.predict(future_df=coming[coming["unique_id"] != "b"])
        with pytest.raises(
            InvalidValueError, match=r"'x'.* for 6 steps of 'a', got nothing for 75"
        ):
            model.predict(future_df=coming[coming["ds"] != 75])
        with pytest.raises(InvalidValueError, match="future_df: expected None"):
            small().fit(frame).predict(future_df=coming)
        static = pd.DataFrame({"unique_id": ["a", "b", "c"], "size": [1, 2, 3]})
        with pytest.raises(InvalidValueError, match="static_df"):
            small(static=["size"]).fit(frame)
        with pytest.raises(InvalidValueError, match="a row for each series, got none of 'c'"):
            small(static=["size"]).fit(frame, static_df=static[:2])
        model = small(static=["size"]).fit(frame, static_df=static)
        with pytest.raises(InvalidValueError, match="that fit did not see, got None for 'new'"):
            model.predict(frame[:70].assign(unique_id="new"))


class TestFiles:
    def test_hold_everything(self, tmp_path: Path) -> None:
        frame = table(x=np.arange(sum(LENGTHS)) / 50)
        static = pd.DataFrame(
            {"unique_id": ["a", "b", "c"], "z": ["u", "v", "u"], "k": ["r", "r", "s"],
             "n": [1, 2, 4], "m": [5.0, 0, 1]}
        )  # fmt: skip
        names = ["z", "n", "k", "m"]
        model = small(past=["x"], static=names, quantiles=[0.1, 0.5, 0.9], ensemble=2)
        model.fit(frame, static_df=static).calibrate(frame, 3, static_df=static)
        model.save(tmp_path / "model")
        again = LSTMForecaster.load(tmp_path / "model")
        pd.testing.assert_frame_equal(again.predict(level=[70]), model.predict(level=[70]))
        found = again.predict(frame, static_df=static)
        pd.testing.assert_frame_equal(found, model.predict(frame, static_df=static))
        more = frame[:1].assign(ds=70)
        pd.testing.assert_frame_equal(again.update(more).predict(), model.update(more).predict())
        again.save(tmp_path / "again")
        model.save(tmp_path / "model")
        assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()

    def test_of_other_kinds(self, tmp_path: Path) -> None:
        (tmp_path / "text").write_text("hello")
        with pytest.raises(ModelFileError):
            LSTMForecaster.load(tmp_path / "text")
        lstm.Sequential([lstm.Input((2,)), lstm.layers.Dense(1)]).save(tmp_path / "m.safetensors")
        with pytest.raises(ModelFileError):
            LSTMForecaster.load(tmp_path / "m.safetensors")
        with pytest.raises(NotReadyError, match=r"call fit\(df\) first"):
            small().save(tmp_path / "nothing")
        assert not (tmp_path / "nothing").exists()


class TestAsAnEstimator:
    def test_arguments_are_read_and_changed(self) -> None:
        model = small(past=["x"])
        assert model.get_params()["past"] == ["x"]
        assert model.set_params(units=5, past=[]).units == 5
        assert repr(LSTMForecaster(3, units=8)) == "LSTMForecaster(h=3, units=8)"
        with pytest.raises(InvalidValueError, match=r"parameter: expected .*units"):
            model.set_params(unit=5)
        with pytest.raises(InvalidValueError, match="units"):
            model.set_params(units=0).fit(table())

    def test_is_cloned(self) -> None:
        model = small(quantiles=[0.1, 0.5]).fit(table())
        copied = clone(model)
        assert copied.get_params() == model.get_params()
        with pytest.raises(NotReadyError):
            copied.predict()

    def test_what_is_fitted_stays_when_arguments_change(self) -> None:
        model = small().fit(table())
        found = values_of(model.predict())
        assert_array_equal(values_of(model.set_params(h=2, units=3).predict()), found)
        assert len(model.make_future_dataframe()) == len(found)
        assert len(model.calibrate(table()).predict(level=[50])) == len(found)


class TestBadInput:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"h": 0}, "h: expected an integer of at least 1"),
            ({"cell": "lstn"}, "cell: expected .*lstm"),
            ({"season_length": [0]}, "season_length"),
            ({"quantiles": [0.9, 0.1]}, "quantiles: expected numbers in ascending order"),
            ({"quantiles": [0.1, 0.9]}, "quantiles: expected 0.5 among them"),
            ({"quantiles": [0.0, 0.5]}, "quantiles: expected a number in"),
            ({"past": ["x"], "future": ["x"]}, "future: expected names of other columns"),
            ({"quantiles": [0.5], "loss": "mse"}, 'loss: expected "mase" or "mae", with quantiles'),
            ({"past": "x"}, "past: expected a list of names, got 'x'"),
            ({"past": ["x"], "strategy": "recursive"}, "past: expected none with strategy"),
            ({"freq": "fortnight"}, "freq"),
            ({"calendar": ["weeks"]}, "calendar: expected .*week"),
        ],
    )
    def test_arguments(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(InvalidValueError, match=message):
            small(**options).fit(table())

    def test_argument_names(self) -> None:
        with pytest.raises(InvalidTypeError, match="horizon"):
            LSTMForecaster(6, horizon=3)

    def test_series_that_are_too_short(self) -> None:
        with pytest.raises(InvalidValueError, match=r"at least 10 steps \(h is 6\), got at most 9"):
            small().fit(np.arange(1.0, 10))
        with pytest.raises(InvalidValueError, match="val_size"):
            small().fit(table(), val_size=3)
        with pytest.raises(InvalidValueError, match="df: expected a series of at least"):
            small().cross_validation(table(), n_windows=20)

    def test_values_without_a_logarithm(self) -> None:
        frame = table()
        frame.loc[3, "y"] = -1.0
        with pytest.raises(InvalidValueError, match=r"df: .* above 0.*got -1.0 in 'a' at 3"):
            small(transform="log").fit(frame)
        model = small().fit(table())
        with pytest.warns(LSTMWarning, match=r"1 values have no logarithm .* -1.0 of 'a' at 3"):
            assert np.isfinite(values_of(model.predict(frame))).all()

    def test_more_steps_than_trained(self) -> None:
        with pytest.raises(InvalidValueError, match=r'h: .* most 6, .*strategy="recursive"'):
            small().fit(table()).predict(h=7)

    def test_rows_that_do_not_follow(self) -> None:
        model = small().fit(table())
        with pytest.raises(InvalidValueError, match="'new', which is new"):
            model.update(table()[69:70].assign(unique_id="new"))

    @pytest.mark.parametrize(
        ("column", "message"),
        [
            (["r", None, "s"], "column k: expected a category, got .* in row 1"),
            ([1, np.nan, 2], "column k: expected a finite number"),
        ],
    )
    def test_statics(self, column: list[Any], message: str) -> None:
        static = pd.DataFrame({"unique_id": ["a", "b", "c"], "k": column})
        with pytest.raises(InvalidValueError, match=message):
            small(static=["k"]).fit(table(), static_df=static)
        with pytest.raises(InvalidTypeError, match="static_df: expected a frame, got list"):
            small(static=["k"]).fit(table(), static_df=[1, 2])

    def test_before_fit(self) -> None:
        for use in (small().predict, small().make_future_dataframe, lambda: small().update([1])):
            with pytest.raises(NotReadyError, match=r"call fit\(df\) first"):
                use()


READS_SERIES = "it learns from series, not from examples (N, features) with targets"
OF_EXAMPLES = {
    "check_complex_data",
    "check_dict_unchanged",
    "check_dont_overwrite_parameters",
    "check_dtype_object",
    "check_estimator_sparse_array",
    "check_estimator_sparse_matrix",
    "check_estimator_sparse_tag",
    "check_estimators_dtypes",
    "check_estimators_empty_data_messages",
    "check_estimators_fit_returns_self",
    "check_estimators_nan_inf",
    "check_estimators_overwrite_params",
    "check_estimators_pickle",
    "check_f_contiguous_array_estimator",
    "check_fit1d",
    "check_fit2d_1feature",
    "check_fit2d_1sample",
    "check_fit2d_predict1d",
    "check_fit_check_is_fitted",
    "check_fit_idempotent",
    "check_fit_score_takes_y",
    "check_n_features_in",
    "check_n_features_in_after_fitting",
    "check_positive_only_tag_during_fit",
    "check_readonly_memmap_input",
}
# An attribute of this name makes a transformer of it, to scikit-learn: here it is an argument.
OF_TRANSFORMERS = {
    "check_transformer_data_not_an_array",
    "check_transformer_general",
    "check_transformer_preserve_dtypes",
    "check_transformers_unfitted",
}


@pytest.mark.filterwarnings("ignore:.*does not inherit:UserWarning")
def test_checks_of_scikit_learn() -> None:
    reasons = dict.fromkeys(OF_EXAMPLES, READS_SERIES)
    reasons |= dict.fromkeys(OF_TRANSFORMERS, "transform is an argument")
    results = check_estimator(small(), expected_failed_checks=reasons, on_skip=None)
    assert {one["check_name"] for one in results if one["status"] == "xfail"} == {*reasons}
    assert sum(one["status"] == "passed" for one in results) >= 11

"""LSTMClassifier and LSTMRegressor: data, answers, files, scikit-learn's tools."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from lstm.errors import (
    InvalidShapeError,
    InvalidTypeError,
    InvalidValueError,
    ModelFileError,
    NotReadyError,
)
from lstm.forecasting import LSTMClassifier, LSTMRegressor
from lstm.forecasting.sequences.data import Scaling, read
from lstm.forecasting.sequences.network import Design, network

RNG = np.random.default_rng(3)
SMALL: dict[str, Any] = {"units": 4, "max_steps": 8, "random_state": 0}
X = RNG.normal(size=(40, 12, 2))
UP = np.where(X.sum((1, 2)) > 0, "up", "down")
SIZE = X.sum((1, 2))


def classifier(**options: Any) -> LSTMClassifier:
    return LSTMClassifier(**{**SMALL, **options})


def regressor(**options: Any) -> LSTMRegressor:
    return LSTMRegressor(**{**SMALL, **options})


class TestData:
    def test_of_any_kind(self) -> None:
        table = pd.DataFrame(X[:, :, 0])
        for same in (
            X[:, :, 0],
            X[:, :, :1],
            table,
            X[:, :, 0].tolist(),
            X[:, :, 0].astype(object),
        ):
            assert_array_equal(read(same), X[:, :, :1])
        columns = [pd.Series(X[0, :, 0]), pd.Series(X[1, :5, 0])]
        assert [part.shape for part in read(columns)] == [(12, 1), (5, 1)]
        ragged = [X[0], X[1, :5], X[2, :1]]
        assert all(map(np.array_equal, read(ragged), ragged))
        assert [part.shape for part in read([[1, 2], [3.0]])] == [(2, 1), (1, 1)]

    @pytest.mark.parametrize(
        ("data", "error", "message"),
        [
            ([X[0], X[1, :, :1]], InvalidShapeError, r"^X\[1\]: expected 2 columns, as in X\[0\]"),
            ([X[0], np.zeros((0, 2))], InvalidShapeError, r"^X\[1\]: expected axes"),
            (
                [X[0], np.full((5, 2), np.inf)],
                InvalidValueError,
                r"^X\[1\]: .*NaN or infinity in s",
            ),
            ([X[0], np.array(["a", "b"])], InvalidTypeError, r"^X\[1\]: expected numbers"),
            (np.full((40, 12), "a"), InvalidTypeError, "^X: expected numbers, got dtype <U1"),
            ([X[0], X[1] * 1j], InvalidTypeError, r"^X\[1\]: expected numbers, got dtype complex"),
            (np.where(X > 2, np.nan, X), InvalidValueError, "^X: expected finite numbers"),
            (X[None], InvalidShapeError, r"^X: expected axes \(N, T\) or \(N, T, C\)"),
            (X[0, 0], InvalidShapeError, "^X: "),
        ],
    )
    def test_unusable(self, data: Any, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            classifier().fit(data, UP[: len(data)])

    def test_each_channel_has_its_scale(self) -> None:
        data = X * [1, 1000] + [5, 0]
        data = np.concatenate([data, np.full((40, 12, 1), 7.0)], axis=2)
        scaled = Scaling.of(data).scaled(data)
        assert_allclose(scaled.mean((0, 1)), 0, atol=1e-5)
        assert_allclose(scaled.std((0, 1)), [1, 1, 0], atol=1e-5)
        parts = Scaling.of(list(data)).scaled(list(data))
        assert_allclose(np.stack(parts), scaled, rtol=1e-6)


class TestNetwork:
    @pytest.mark.parametrize(("patch", "convolutions"), [(1, 0), (1, 3), (4, 1), (8, 4)])
    def test_padding_changes_nothing(self, patch: int, convolutions: int) -> None:
        design = Design(2, 3, patch, convolutions, "lstm", 4, 2, True, 0.5)
        net = network(design)
        net.layers[-1].kernel.assign(RNG.normal(size=(16 + 4 * (convolutions > 0), 3)))
        parts = Scaling.of(X).scaled([X[0], X[1, :7], X[2, :3]], patch)
        alone = [net.predict(part[None])[0] for part in parts]
        assert_allclose(net.predict(parts), alone, rtol=2e-4, atol=1e-5)
        assert np.std(alone, axis=0).max() > 1e-3

    def test_recurrent_layers_read_patches(self) -> None:
        found = classifier().fit(RNG.normal(size=(6, 1000)), list("ababab"))
        assert found._learned.design.patch == 8
        assert classifier(patch=2).fit(X, UP)._learned.design.patch == 2
        with pytest.raises(InvalidValueError, match=r"^patch: expected one of 1, 2, 4"):
            classifier(patch=3).fit(X, UP)


class TestClassifier:
    @pytest.mark.parametrize(
        "y", [UP, UP == "up", (UP == "up") * 2 - 1, UP.astype(object), np.round(SIZE / 4)], ids=str
    )
    def test_classes_may_be_anything(self, y: Any, tmp_path: Path) -> None:
        found = classifier().fit(X, y)
        assert_array_equal(found.classes_, np.unique(y))
        proba = found.predict_proba(X)
        assert proba.shape == (40, len(found.classes_))
        assert_allclose(proba.sum(1), 1)
        assert_array_equal(found.predict(X), found.classes_[proba.argmax(1)])
        assert found.score(X, y) == (found.predict(X) == y).mean()
        found.save(tmp_path / "model.safetensors")
        again = LSTMClassifier.load(tmp_path / "model.safetensors")
        assert_array_equal(again.predict_proba(X), proba)
        assert_array_equal(again.predict(X), found.predict(X))
        assert again.classes_.dtype == found.classes_.dtype
        assert again.get_params() == found.get_params()

    def test_learns_which_half_is_louder(self) -> None:
        loud = RNG.normal(size=(300, 30))
        half = RNG.integers(0, 2, 300)
        loud[half == 0, :15] *= 3
        loud[half == 1, 15:] *= 3
        found = classifier(units=16, max_steps=200).fit(loud[:200], half[:200])
        assert found.score(loud[200:], half[200:]) > 0.9

    def test_an_ensemble_is_a_mean(self) -> None:
        both = classifier(ensemble=2).fit(X, UP).predict_proba(X)
        each = [classifier(random_state=k).fit(X, UP).predict_proba(X) for k in (0, 1)]
        assert_array_equal(both, np.mean(each, axis=0))

    def test_lengths_may_differ(self) -> None:
        ragged = [x[: 3 + k % 10] for k, x in enumerate(X)]
        found = classifier().fit(ragged, UP)
        assert found.predict(ragged).shape == (40,)
        assert found.n_features_in_ == 2
        alone = [found.predict_proba([x])[0] for x in ragged[:3]]
        assert_allclose(found.predict_proba(ragged)[:3], alone, rtol=1e-4)

    @pytest.mark.parametrize(
        ("use", "error", "message"),
        [
            (lambda: classifier().fit(X, UP[1:]), InvalidShapeError, "^y: expected 40 answers"),
            (lambda: classifier().fit(X, ["up"] * 40), InvalidValueError, "at least two classes"),
            (lambda: classifier().predict(X), NotReadyError, "LSTMClassifier: call fit"),
            (lambda: classifier().save("x"), NotReadyError, "LSTMClassifier: call fit"),
            (lambda: classifier(cell="lstn").fit(X, UP), InvalidValueError, "did you mean 'lstm'"),
            (lambda: classifier(units=0).fit(X, UP), InvalidValueError, "^units: "),
            (lambda: classifier(dropout=1).fit(X, UP), InvalidValueError, "^dropout: "),
            (lambda: classifier(max_steps=0).fit(X, UP), InvalidValueError, "^max_steps: "),
            (lambda: LSTMClassifier(hidden_size=3), InvalidTypeError, "units"),
        ],
    )
    def test_unusable_arguments(self, use: Any, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            use()

    def test_classes_that_no_file_holds(self) -> None:
        with pytest.raises(
            InvalidTypeError, match=r"^y: expected classes that are texts or numbers"
        ):
            classifier().fit(X, UP.astype(bytes))

    def test_data_of_another_shape(self) -> None:
        found = classifier().fit(X[:, :, 0], UP)
        with pytest.raises(InvalidShapeError, match="X: expected 12 features, as in fit"):
            found.predict(X[:, :5, 0])
        with pytest.raises(InvalidShapeError, match="X: expected 1 features, as in fit"):
            found.predict(X)
        assert classifier().fit(X, UP).predict(X[:, :5]).shape == (40,)


class TestRegressor:
    @pytest.mark.parametrize("y", [SIZE, SIZE[:, None], X[:, 0]], ids=["flat", "column", "two"])
    def test_targets_keep_their_shape(self, y: np.ndarray, tmp_path: Path) -> None:
        found = regressor().fit(X, y)
        answers = found.predict(X)
        assert answers.shape == y.shape
        assert found.score(X, y) == pytest.approx(r2_score(y, answers))
        found.save(tmp_path / "model.safetensors")
        again = LSTMRegressor.load(tmp_path / "model.safetensors")
        assert_array_equal(again.predict(X), answers)

    def test_targets_of_any_size(self) -> None:
        found = regressor().fit(X, SIZE).predict(X)
        assert_allclose(
            regressor().fit(X, 1e6 * SIZE + 3e8).predict(X), 1e6 * found + 3e8, rtol=1e-6
        )
        assert_array_equal(regressor().fit(X, np.full(40, 5.0)).predict(X).round(1), 5)

    def test_learns_a_sum(self) -> None:
        values = RNG.normal(size=(400, 10))
        found = regressor(units=16, max_steps=300).fit(values[:300], values[:300].sum(1))
        assert found.score(values[300:], values[300:].sum(1)) > 0.9

    def test_unusable_targets(self) -> None:
        with pytest.raises(InvalidValueError, match=r"NaN or infinity in y\[3\]"):
            regressor().fit(X, np.where(np.arange(40) == 3, np.nan, SIZE))
        with pytest.raises(InvalidTypeError, match=r"^y: expected numbers"):
            regressor().fit(X, UP)


def test_a_seed_decides_every_bit() -> None:
    first = classifier().fit(X, UP).predict_proba(X)
    assert_array_equal(classifier().fit(X, UP).predict_proba(X), first)
    assert (classifier(random_state=1).fit(X, UP).predict_proba(X) != first).any()
    free = [classifier(random_state=None).fit(X, UP).predict_proba(X) for _ in range(2)]
    assert (free[0] != free[1]).any()


def test_files_of_another_kind(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    regressor().fit(X, SIZE).save(file)
    with pytest.raises(ModelFileError, match=r"LSTMRegressor\.load"):
        LSTMClassifier.load(file)


class TestInScikitLearn:
    def test_kinds(self) -> None:
        assert is_classifier(classifier())
        assert is_regressor(regressor())
        assert clone(classifier(layers=2)).get_params() == classifier(layers=2).get_params()

    def test_cross_validation_and_grids(self) -> None:
        assert cross_val_score(classifier(), X, UP, cv=2).shape == (2,)
        found = GridSearchCV(classifier(), {"units": [2, 3]}, cv=2).fit(X, UP)
        assert found.best_params_["units"] in (2, 3)
        assert found.predict(X).shape == (40,)

    def test_a_pipeline(self) -> None:
        found = make_pipeline(StandardScaler(), regressor()).fit(X[:, :, 0], SIZE)
        assert np.isfinite(found.score(X[:, :, 0], SIZE))


QUICK: dict[str, Any] = {"units": 8, "max_steps": 150, "learning_rate": 0.01, "random_state": 0}


@pytest.mark.filterwarnings("ignore:.*does not inherit:UserWarning")
@pytest.mark.parametrize(
    ("estimator", "reasons"),
    [
        (LSTMClassifier(**QUICK), {"check_supervised_y_2d": "columns are welcome"}),
        (LSTMRegressor(**QUICK), {}),
    ],
    ids=["classifier", "regressor"],
)
def test_checks_of_scikit_learn(estimator: Any, reasons: dict[str, str]) -> None:
    results = check_estimator(estimator, expected_failed_checks=reasons, on_skip=None)
    failed = {one["check_name"] for one in results if one["status"] == "xfail"}
    assert failed == {*reasons}

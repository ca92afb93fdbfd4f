"""Models as estimators: the protocol by itself, and in scikit-learn's tools if it is installed."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, NotReadyError
from lstm.layers import LSTM, Dense
from lstm.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5, 2))
UP = np.where(X.sum((1, 2)) > 0, "up", "down")
THREE = np.array(["a", "b", "c"])[np.digitize(X.sum((1, 2)), [-2, 2])]
ROWS = RNG.normal(size=(60, 3))
QUIET = {"epochs": 2, "verbose": 0}


def recurrent(X: Any, y: Any, units: int = 4, loss: str = "categorical_crossentropy") -> lstm.Model:
    model = lstm.Sequential([lstm.Input(X.shape[1:]), LSTM(units), Dense(y.shape[1], "softmax")])
    model.compile(lstm.optimizers.Adam(0.02), loss)
    return model


def single(from_logits: bool = False) -> lstm.Model:
    layer = Dense(1, None if from_logits else "sigmoid")
    model = lstm.Sequential([lstm.Input((5, 2)), LSTM(4), layer])
    model.compile("adam", lstm.losses.BinaryCrossentropy(from_logits=from_logits))
    return model


def dense(X: Any, y: Any) -> lstm.Model:
    lstm.set_seed(0)
    units = y.shape[1] if y.ndim > 1 else 1
    activation = "softmax" if y.ndim > 1 and units > 1 else "linear"
    hidden = Dense(8, activation="tanh")
    model = lstm.Sequential([lstm.Input(X.shape[1:]), hidden, Dense(units, activation)])
    loss = "categorical_crossentropy" if activation == "softmax" else "mse"
    model.compile(lstm.optimizers.Adam(0.05), loss)
    return model


def linear(units: int = 1, rate: float = 0.1) -> lstm.Model:
    model = lstm.Sequential([lstm.Input((3,)), Dense(units)])
    model.compile(lstm.optimizers.SGD(rate), "mse")
    return model


@pytest.fixture(autouse=True)
def seeded() -> None:
    lstm.set_seed(0)


class TestClassifier:
    @pytest.mark.parametrize(
        "loss", ["categorical_crossentropy", "sparse_categorical_crossentropy"]
    )
    @pytest.mark.parametrize("y", [UP, THREE, (UP == "up").astype(int), UP[:, None]], ids=str)
    def test_classes_may_be_anything(self, loss: str, y: Any) -> None:
        found = SKLearnClassifier(recurrent, model_kwargs={"loss": loss}, fit_kwargs=QUIET).fit(
            X, y
        )
        assert_array_equal(found.classes_, np.unique(y))
        proba = found.predict_proba(X)
        assert proba.shape == (60, len(found.classes_))
        assert_array_equal(found.predict(X), found.classes_[proba.argmax(1)])
        assert found.score(X, y) == (found.predict(X) == y.ravel()).mean()
        assert (found.n_features_in_, len(found.history_.epoch)) == (2, 2)

    @pytest.mark.parametrize("from_logits", [False, True])
    def test_one_output_for_two_classes(self, from_logits: bool) -> None:
        kwargs = {"from_logits": from_logits}
        found = SKLearnClassifier(single, model_kwargs=kwargs, fit_kwargs=QUIET).fit(X, UP)
        y = found.model_.predict(X)[:, 0]
        p = 1 / (1 + np.exp(-y)) if from_logits else y
        np.testing.assert_allclose(found.predict_proba(X)[:, 1], p, rtol=1e-5)
        assert_array_equal(found.predict(X), np.where(p > 0.5, "up", "down"))
        assert_array_equal(found.decision_function(X) > 0, p > 0.5)
        with pytest.raises(InvalidValueError, match="a model with 3 outputs, one for each class"):
            SKLearnClassifier(single).fit(X, THREE)

    def test_logits(self) -> None:
        model = lstm.Sequential([lstm.Input((5, 2)), LSTM(4), Dense(3)])
        model.compile("adam", lstm.losses.CategoricalCrossentropy(from_logits=True))
        found = SKLearnClassifier(model, fit_kwargs=QUIET).fit(X, THREE)
        proba = found.predict_proba(X)
        np.testing.assert_allclose(proba.sum(1), 1, rtol=1e-5)
        assert_array_equal(found.decision_function(X), found.model_.predict(X))
        assert_array_equal(proba.argmax(1), found.decision_function(X).argmax(1))

    def test_weights(self) -> None:
        weight = RNG.uniform(size=60)
        found = SKLearnClassifier(recurrent, fit_kwargs=QUIET)
        found.fit(X, UP, sample_weight=weight, epochs=1)
        assert len(found.history_.epoch) == 1
        right = found.predict(X) == UP
        assert found.score(X, UP, weight) == pytest.approx((right * weight).sum() / weight.sum())

    def test_sequences_of_different_lengths(self) -> None:
        def network() -> lstm.Model:
            model = lstm.Sequential([lstm.Input((None, 2)), LSTM(4), Dense(2, "softmax")])
            model.compile("adam", "categorical_crossentropy")
            return model

        some = [x[: 1 + k % 5] for k, x in enumerate(X)]
        found = SKLearnClassifier(network, fit_kwargs=QUIET).fit(some, UP)
        assert found.predict(some).shape == (60,)

    @pytest.mark.parametrize(
        ("y", "error", "message"),
        [
            (["a"] * 60, InvalidValueError, "y: expected at least two classes, got only"),
            (
                ROWS[:, 0],
                InvalidTypeError,
                "y: expected classes, got Unknown label type: continuous",
            ),
            (ROWS > 0, InvalidShapeError, "y: expected one class for each example"),
        ],
    )
    def test_unusable_targets(self, y: Any, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            SKLearnClassifier(recurrent).fit(X, y)


class TestRegressor:
    def test_targets_keep_their_shape(self) -> None:
        for y, units in ((ROWS[:, 0], 1), (ROWS[:, :1], 1), (ROWS[:, :2], 2)):
            found = SKLearnRegressor(linear, model_kwargs={"units": units}, fit_kwargs=QUIET)
            assert found.fit(ROWS, y).predict(ROWS).shape == y.shape

    def test_its_score_is_r2(self) -> None:
        found = SKLearnRegressor(linear, model_kwargs={"units": 2}, fit_kwargs=QUIET)
        y, weight = ROWS[:, :2] + 1, RNG.uniform(size=60)
        found.fit(ROWS, y)
        off = (found.predict(ROWS) - y) ** 2
        expected = (1 - off.mean(0) / y.var(0)).mean()
        assert found.score(ROWS, y) == pytest.approx(expected)
        mean = np.average(y, 0, weight)
        spread = np.average((y - mean) ** 2, 0, weight)
        expected = (1 - np.average(off, 0, weight) / spread).mean()
        assert found.score(ROWS, y, weight) == pytest.approx(expected)
        assert found.score(ROWS, np.zeros((60, 2))) == 0.0

    def test_data_of_another_width(self) -> None:
        found = SKLearnRegressor(linear, fit_kwargs=QUIET).fit(ROWS, ROWS[:, 0])
        with pytest.raises(InvalidShapeError, match=r"^X: expected 3 features, as in fit"):
            found.predict(ROWS[:, :2])

    def test_tables(self) -> None:
        class Table:
            def to_numpy(self) -> np.ndarray:
                return ROWS

        found = SKLearnRegressor(linear, fit_kwargs=QUIET).fit(Table(), ROWS[:, 0].tolist())
        assert_array_equal(found.predict(Table()), found.predict(ROWS.tolist()))


class TestModels:
    def test_are_copied_for_each_fit(self) -> None:
        model = linear()
        before = model.get_weights()
        found = SKLearnRegressor(model, fit_kwargs=QUIET)
        first = found.fit(ROWS, ROWS[:, 0]).model_.get_weights()
        assert_array_equal(model.get_weights()[0], before[0])
        again = found.fit(ROWS, ROWS[:, 0]).model_.get_weights()
        assert_array_equal(again[0], first[0])
        assert found.model_ is not model

    def test_go_on_after_a_warm_start(self) -> None:
        model = linear()
        found = SKLearnRegressor(model, warm_start=True, fit_kwargs=QUIET).fit(ROWS, ROWS[:, 0])
        assert found.model_ is model
        found = SKLearnRegressor(linear, warm_start=True, fit_kwargs=QUIET).fit(ROWS, ROWS[:, 0])
        once = found.model_
        assert found.fit(ROWS, ROWS[:, 0]).model_ is once
        assert once.optimizer.step == 8

    def test_whose_shape_the_data_decides(self) -> None:
        def network() -> lstm.Model:
            model = lstm.Sequential([Dense(1, "sigmoid")])
            model.compile("sgd", "binary_crossentropy")
            return model

        found = SKLearnClassifier(network, fit_kwargs=QUIET).fit(ROWS, ROWS[:, 0] > 0)
        assert found.predict(ROWS).dtype == bool

    @pytest.mark.parametrize(
        ("use", "error", "message"),
        [
            (
                lambda: SKLearnRegressor(3).fit(ROWS, ROWS),
                InvalidTypeError,
                "^model: expected a compiled Model",
            ),
            (
                lambda: SKLearnRegressor(linear, fit_kwargs=3).fit(ROWS, ROWS),
                InvalidTypeError,
                "^fit_kwargs",
            ),
            (lambda: SKLearnRegressor(linear, epochs=3), InvalidTypeError, "SKLearnRegressor"),
            (lambda: SKLearnRegressor(linear).predict(ROWS), NotReadyError, "call fit"),
            (lambda: SKLearnRegressor(lambda: 3).fit(ROWS, ROWS), InvalidTypeError, "^model"),
            (
                lambda: SKLearnRegressor(lstm.Sequential([Dense(1)])).fit(ROWS, ROWS),
                NotReadyError,
                "compile",
            ),
        ],
    )
    def test_unusable_arguments(self, use: Any, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            use()

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (ROWS[:, 0], "axes .* Reshape your data"),
            (ROWS[:0], r"0 sample\(s\)"),
            (ROWS[:, :0], r"0 feature\(s\)"),
            (ROWS * 1j, "real numbers, got Complex data not supported"),
            (np.where(ROWS > 0, ROWS, np.nan), "finite numbers, got NaN or infinity"),
            (np.array([[1, {}]], object), "numbers, got .*dict"),
            (type("Sparse", (), {"toarray": lambda self: ROWS})(), "an array, got sparse data"),
        ],
    )
    def test_unusable_data(self, data: Any, message: str) -> None:
        found = SKLearnRegressor(linear, fit_kwargs=QUIET)
        with pytest.raises(InvalidValueError, match=f"^X: expected {message}|^X: .*{message}"):
            found.fit(data, ROWS[:, 0])
        found.fit(ROWS, ROWS[:, 0])
        with pytest.raises(InvalidValueError, match=r"^X: "):
            found.predict(data)

    def test_numbers_as_objects(self) -> None:
        found = SKLearnRegressor(linear, fit_kwargs=QUIET).fit(ROWS.astype(object), ROWS[:, 0])
        assert_array_equal(found.predict(ROWS.astype(object)), found.predict(ROWS))

    def test_targets_are_needed(self) -> None:
        with pytest.raises(InvalidTypeError, match="y: expected targets, got None"):
            SKLearnRegressor(linear).fit(ROWS)

    def test_lists_of_sequences(self) -> None:
        def tokens() -> lstm.Model:
            layers = [lstm.layers.Embedding(5, 3), LSTM(3), Dense(2, "softmax")]
            model = lstm.Sequential([lstm.Input((None,)), *layers])
            model.compile("adam", "sparse_categorical_crossentropy")
            return model

        x = [[1, 2], [1, 2, 3]] * 5
        assert SKLearnClassifier(tokens, fit_kwargs=QUIET).fit(x, [0, 1] * 5).predict(x).shape == (
            10,
        )

    def test_unusable_scores_and_parameters(self) -> None:
        found = SKLearnRegressor(linear, fit_kwargs=QUIET).fit(ROWS, ROWS[:, 0])
        classes = SKLearnClassifier(recurrent, fit_kwargs=QUIET).fit(X, UP)
        for estimator, data, y in ((found, ROWS, ROWS[:, 0]), (classes, X, UP)):
            with pytest.raises(InvalidShapeError, match=r"^y: "):
                estimator.score(data, y[1:])
            with pytest.raises(InvalidShapeError, match=r"^sample_weight: "):
                estimator.score(data, y, [1.0])
        found.set_params(fit_kwargs=5)
        with pytest.raises(InvalidTypeError, match=r"^fit_kwargs"):
            found.set_params(fit_kwargs__epochs=2)
        with pytest.raises(InvalidTypeError, match=r"^y: expected classes of one type"):
            classes.fit(X, np.array([1, "a"] * 30, object))

    def test_outputs_by_name_are_refused(self) -> None:
        x = lstm.Input((3,))
        model = lstm.Model(x, {"a": Dense(1)(x)})
        model.compile("sgd", "mse")
        with pytest.raises(InvalidTypeError, match="model: expected a model with one output"):
            SKLearnRegressor(model).fit(ROWS, ROWS[:, 0])

    def test_transformers_return_outputs(self) -> None:
        found = SKLearnTransformer(linear, model_kwargs={"units": 2}, fit_kwargs=QUIET)
        y = found.fit_transform(ROWS, ROWS[:, :2])
        assert_array_equal(y, found.transform(ROWS))
        assert y.shape == (60, 2)

    def test_copies_and_pickles(self) -> None:
        found = SKLearnRegressor(linear, fit_kwargs=QUIET).fit(ROWS, ROWS[:, 0])
        for other in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
            assert_array_equal(other.predict(ROWS), found.predict(ROWS))


class TestParameters:
    def test_are_those_of_the_constructor(self) -> None:
        found = SKLearnRegressor(linear, False, {"units": 2}, {"epochs": 3})
        shallow = {
            "model": linear,
            "warm_start": False,
            "model_kwargs": {"units": 2},
            "fit_kwargs": {"epochs": 3},
        }
        assert found.get_params(deep=False) == shallow
        deep = shallow | {"model_kwargs__units": 2, "fit_kwargs__epochs": 3}
        assert found.get_params() == deep
        assert all(type(found)(**shallow).get_params(False)[k] is v for k, v in shallow.items())

    def test_can_be_set(self) -> None:
        given = {"units": 2}
        found = SKLearnRegressor(linear, model_kwargs=given)
        assert found.set_params(model_kwargs__rate=0.5, warm_start=True) is found
        assert (found.model_kwargs, found.warm_start) == ({"units": 2, "rate": 0.5}, True)
        found.set_params(fit_kwargs__epochs=3)
        assert (found.fit_kwargs, given) == ({"epochs": 3}, {"units": 2})
        with pytest.raises(InvalidValueError, match="did you mean 'warm_start'"):
            found.set_params(warmstart=True)
        with pytest.raises(InvalidValueError, match="did you mean 'fit_kwargs'"):
            found.set_params(fitkwargs__epochs=1)
        found.set_params(warm_start="no")  # As scikit-learn asks, only `fit` refuses it.
        with pytest.raises(InvalidTypeError, match="warm_start"):
            found.fit(ROWS, ROWS[:, 0])

    def test_are_shown(self) -> None:
        shown = repr(SKLearnRegressor(linear, fit_kwargs={"epochs": 3}))
        assert shown.startswith("SKLearnRegressor(model=<function linear")
        assert shown.endswith("fit_kwargs={'epochs': 3})")


class TestInScikitLearn:
    """Its own tools; skipped where scikit-learn is not installed."""

    @pytest.fixture(autouse=True)
    def installed(self) -> None:
        pytest.importorskip("sklearn")

    def classifier(self) -> SKLearnClassifier:
        return SKLearnClassifier(recurrent, fit_kwargs=QUIET)

    def test_clone(self) -> None:
        from sklearn.base import clone, is_classifier, is_regressor
        from sklearn.utils.validation import check_is_fitted

        found = self.classifier().fit(X, UP)
        check_is_fitted(found)
        again = clone(found)
        assert again.get_params() == found.get_params()
        assert not hasattr(again, "model_")
        assert is_classifier(found)
        assert is_regressor(SKLearnRegressor(linear))
        assert isinstance(clone(SKLearnRegressor(linear())).model, lstm.Model)

    def test_cross_validation(self) -> None:
        from sklearn.model_selection import cross_val_predict, cross_val_score

        scores = cross_val_score(self.classifier(), X, UP, cv=3)
        assert scores.shape == (3,)
        areas = cross_val_score(self.classifier(), X, UP, cv=3, scoring="roc_auc")
        assert ((areas >= 0) & (areas <= 1)).all()
        proba = cross_val_predict(self.classifier(), X, THREE, cv=3, method="predict_proba")
        assert proba.shape == (60, 3)
        r2 = cross_val_score(SKLearnRegressor(linear, fit_kwargs=QUIET), ROWS, ROWS[:, 0], cv=3)
        assert np.isfinite(r2).all()

    def test_a_grid(self) -> None:
        from sklearn.model_selection import GridSearchCV

        grid = {"model_kwargs__units": [1, 3], "fit_kwargs__epochs": [1, 2]}
        found = GridSearchCV(self.classifier(), grid, cv=2).fit(X, UP)
        assert len(found.cv_results_["params"]) == 4
        assert found.best_params_.keys() == grid.keys()
        assert found.predict(X).shape == (60,)

    def test_a_pipeline(self) -> None:
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        regressor = SKLearnRegressor(linear, fit_kwargs={"epochs": 20, "verbose": 0})
        pipeline = make_pipeline(StandardScaler(), regressor).fit(5 * ROWS + 3, ROWS[:, 0])
        assert pipeline.score(5 * ROWS + 3, ROWS[:, 0]) > 0.9
        encoder = SKLearnTransformer(linear, model_kwargs={"units": 2}, fit_kwargs=QUIET)
        first = make_pipeline(encoder, StandardScaler())
        assert first.fit_transform(ROWS, ROWS[:, :2]).shape == (60, 2)

    @pytest.mark.filterwarnings("ignore:.*does not inherit:UserWarning")
    def test_its_checks_pass(self) -> None:
        from sklearn.utils.estimator_checks import check_estimator

        options = {"fit_kwargs": {"epochs": 40, "verbose": 0}}
        for estimator, reasons in (
            (SKLearnClassifier(dense, **options), {"check_supervised_y_2d": "columns are welcome"}),
            (SKLearnRegressor(dense, **options), {"check_regressor_multioutput": "float32"}),
        ):
            results = check_estimator(estimator, expected_failed_checks=reasons, on_skip=None)
            failed = {one["check_name"] for one in results if one["status"] == "xfail"}
            assert failed == {*reasons}

    def test_scores_are_its_own(self) -> None:
        from sklearn.metrics import accuracy_score, r2_score

        found = self.classifier().fit(X, THREE)
        assert found.score(X, THREE) == accuracy_score(THREE, found.predict(X))
        other = SKLearnRegressor(linear, fit_kwargs=QUIET).fit(ROWS, ROWS[:, 0])
        weight = RNG.uniform(size=60)
        expected = r2_score(ROWS[:, 0], other.predict(ROWS), sample_weight=weight)
        assert other.score(ROWS, ROWS[:, 0], weight) == pytest.approx(expected)

"""Programs that treat models as estimators, without scikit-learn itself."""

import numpy as np
import pytest

import lstm as keras
from lstm.layers import LSTM, Dense, Input
from lstm.models import Sequential
from lstm.wrappers import SKLearnClassifier, SKLearnRegressor

X = np.random.default_rng(6).normal(size=(40, 5, 2))


@pytest.fixture(autouse=True)
def seed():
    pytest.importorskip("sklearn")
    keras.utils.set_random_seed(14)


def test_regressor():
    def build(X, y, units=8):
        model = Sequential([Input(X.shape[1:]), LSTM(units), Dense(1)])
        model.compile(loss="mse", optimizer=keras.optimizers.Adam(0.02))
        return model

    reg = SKLearnRegressor(
        build, model_kwargs={"units": 6}, fit_kwargs={"epochs": 20, "verbose": 0}
    )
    reg.fit(X, X[:, -1, 0])
    assert reg.predict(X).shape in ((40,), (40, 1))
    assert reg.get_params()["model_kwargs"] == {"units": 6}


def test_classifier():
    def build(X, y):
        model = Sequential([Input(X.shape[1:]), LSTM(8), Dense(y.shape[1], activation="softmax")])
        model.compile("adam", "categorical_crossentropy")
        return model

    labels = np.where(X[:, -1, 0] > 0, "up", "down")
    clf = SKLearnClassifier(build, fit_kwargs={"epochs": 40, "verbose": 0})
    clf.fit(X, labels)
    assert set(clf.predict(X).ravel()) <= {"up", "down"}
    assert np.mean(clf.predict(X).ravel() == labels) > 0.6

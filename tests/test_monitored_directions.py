"""Whether a monitored value has to rise or to fall, where `mode` is "auto"."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lstm
from lstm import losses, metrics
from lstm.callbacks import Callback, EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from lstm.errors import InvalidValueError
from lstm.layers import Dense
from lstm.metrics.names import CLASSES

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(8, 3)), (RNG.normal(size=(8, 1)) > 0).astype(float)


class Scripted(Callback):
    """Puts values into the logs, before the callbacks that come after."""

    def __init__(self, key: str, values: list[float]) -> None:
        self.key, self.values = key, values

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        logs[self.key] = self.values[epoch]


class Own(metrics.Mean):
    """A metric of a user."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(np.mean(y_pred, -1), sample_weight)


class OwnRising(Own):
    rises = True


def own_function(y_true: Any, y_pred: Any) -> Any:
    return np.mean(y_pred, -1)


def best_of(monitor: str, measured: list[Any]) -> float | None:
    """Return what EarlyStopping holds for the best of 2, 3 and 1."""
    model = lstm.Sequential([lstm.Input((3,)), Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", measured)
    stopping = EarlyStopping(monitor, patience=9)
    script = Scripted(monitor, [2.0, 3.0, 1.0])
    model.fit(X, Y, epochs=3, validation_data=(X, Y), callbacks=[script, stopping], verbose=0)
    return stopping.best


@pytest.mark.parametrize(
    ("monitor", "measured", "best"),
    [
        ("loss", [], 1),
        ("val_loss", [], 1),
        ("val_auc", ["auc"], 3),
        ("auc_1", [metrics.AUC(), metrics.AUC(curve="PR")], 3),
        ("val_precision", [metrics.Precision()], 3),
        ("val_recall", ["recall"], 3),
        ("val_hits", [metrics.Recall(name="hits")], 3),
        ("val_accuracy", ["accuracy"], 3),
        ("val_acc", ["acc"], 3),
        ("r2_score", ["r2_score"], 3),
        ("val_binary_io_u", [metrics.BinaryIoU(name="binary_io_u")], 3),
        ("cosine_similarity", ["cosine_similarity"], 3),
        ("val_rmse", ["rmse"], 1),
        ("val_false_positives", [metrics.FalsePositives()], 1),
        ("inaccuracy", [metrics.MeanAbsoluteError("inaccuracy")], 1),
        ("mean_squared_error", [losses.mean_squared_error], 1),
        ("binary_accuracy", [metrics.binary_accuracy], 3),
        ("own_rising", [OwnRising("own_rising")], 3),
    ],
)
def test_metrics_say_their_direction(monitor: str, measured: list[Any], best: float) -> None:
    assert best_of(monitor, measured) == best


def test_all_metrics_of_the_library_but_plain_sums_have_one() -> None:
    unknown = {name for name, kind in CLASSES.items() if kind.rises is None}
    assert unknown == {"Mean", "Sum"}


def test_outputs_have_their_own() -> None:
    x = lstm.Input((3,))
    outputs = [Dense(1, name="rate")(x), Dense(1, activation="sigmoid", name="kind")(x)]
    model = lstm.Model(x, outputs)
    model.compile("sgd", ["mse", "bce"], metrics={"rate": "mae", "kind": "auc"})
    for monitor, best in (("val_kind_auc", 3), ("kind_loss", 1), ("rate_mae", 1)):
        stopping = EarlyStopping(monitor, patience=9)
        script = Scripted(monitor, [2.0, 3.0, 1.0])
        data = X, [Y, Y]
        model.fit(*data, epochs=3, validation_data=data, callbacks=[script, stopping], verbose=0)
        assert stopping.best == best


@pytest.mark.parametrize("measured", [Own("own"), own_function])
@pytest.mark.parametrize(
    "make", [EarlyStopping, ReduceLROnPlateau, lambda name: ModelCheckpoint("x", name, 0, True)]
)
def test_unknown_ones_are_asked_for_before_training(
    make: Callable[[str], Callback], measured: Any
) -> None:
    model = lstm.Sequential([lstm.Input((3,)), Dense(1)])
    model.compile("sgd", "mse", [measured])
    before = model.get_weights()
    name = model.metrics_names[1]
    with pytest.raises(InvalidValueError, match=f"^mode: expected .*'val_{name}'"):
        model.fit(X, Y, validation_data=(X, Y), callbacks=[make(f"val_{name}")], verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_a_value_that_no_metric_has_is_asked_for_when_it_comes(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match=r"^mode: .*'own'"):
        best_of("own", [])
    model = lstm.Sequential([lstm.Input((3,)), Dense(1)])
    model.compile("sgd", "mse", [Own("own")])
    keep = ModelCheckpoint(tmp_path / "all", "own")  # Which saves every epoch.
    model.fit(X, Y, callbacks=[keep], verbose=0)
    assert (tmp_path / "all").exists()


def test_several_numbers_have_no_best() -> None:
    model = lstm.Sequential([lstm.Input((3,)), Dense(2)])
    model.compile("sgd", "mse", [metrics.F1Score(threshold=0.5)])
    with pytest.raises(InvalidValueError, match=r"^monitor: expected what is one number"):
        model.fit(X, np.hstack([Y, 1 - Y]), callbacks=EarlyStopping("f1_score"), verbose=0)


def test_another_mode_counts_from_then_on() -> None:
    class Turn(Callback):
        def on_epoch_end(self, epoch: int, logs: Any) -> None:
            if epoch == 1:
                stopping.mode = "min"

    model = lstm.Sequential([lstm.Input((3,)), Dense(1)])
    model.compile("sgd", "mse", ["mae"])
    stopping = EarlyStopping("mae", patience=9, mode="max")
    script = Scripted("mae", [2.0, 3.0, 1.0])
    model.fit(X, Y, epochs=3, callbacks=[script, stopping, Turn()], verbose=0)
    assert stopping.best == 1

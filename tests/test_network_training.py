"""LSTMNetwork: what training does, tells and calls, and how bad input is refused."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

import lstm
from lstm import LSTMNetwork
from lstm.data import progression_dataset
from lstm.errors import DivergedError, LSTMError
from network_cases import (
    CLASSES,
    ONE_HOT,
    D,
    O,
    X,
    Y,
    classifier,
    flat,
    network,
    ragged,
    trained,
    with_last,
)


class TestTraining:
    def test_learns_a_progression(self) -> None:
        x, y = progression_dataset(length=8, modulus=12, factor=5)
        made = LSTMNetwork(1, 32, 12, loss="cross_entropy", apply_softmax=True, seed=0)
        assert (made.predict(x).argmax(-1) == y).mean() < 0.5
        history = made.train(x, y, epochs=150, learning_rate=0.03, verbose=0)
        assert history.history["loss"][-1] < 0.2 * history.history["loss"][0]
        assert_array_equal(made.predict(x).argmax(-1), y)

    @pytest.mark.parametrize("loss", ["mse", "mae", "huber", "binary_crossentropy"])
    def test_every_loss_falls(self, loss: str) -> None:
        made = network(loss=loss, hidden_size=8)
        y = (Y > 0).astype(float)
        before = made.dataset_loss(X, y)
        trained(made, X, y, epochs=60)
        assert made.dataset_loss(X, y) < 0.6 * before

    def test_callbacks_come_when_they_should(self) -> None:
        made = network()
        seen: list[tuple[str, int]] = []

        def epoch() -> int:
            """How many epochs have begun, as the learning rate tells."""
            return round(2 * (1 / made.model.optimizer.learning_rate - 1))

        def periodic() -> None:
            seen.append(("periodic", epoch()))

        def fresh() -> tuple[Any, Any]:
            seen.append(("new", epoch()))
            return X, Y

        made.model.optimizer.learning_rate = 1.0
        made.train(X, Y, 65, 1.0, periodic, fresh, decay_rate=0.5, verbose=0)
        assert [n for name, n in seen if name == "periodic"] == [0, 10, 20, 30, 40, 50, 60]
        assert [n for name, n in seen if name == "new"] == [30, 60]
        assert seen.index(("periodic", 30)) < seen.index(("new", 30))

    def test_goes_on_with_the_new_data(self) -> None:
        given = trained(network(), X, Y, epochs=31, new_dataset=lambda: (ragged(X), ragged(Y)))
        same = trained(network(), X, Y, epochs=31, new_dataset=lambda: (X, Y))
        assert (given != same).any()
        assert_array_equal(same, trained(network(), X, Y, epochs=31))

    def test_no_new_data_after_the_last_epoch(self) -> None:
        def never() -> tuple[Any, Any]:
            raise AssertionError

        trained(network(), X, Y, epochs=30, new_dataset=never)

    def test_no_epochs_only_call_back(self) -> None:
        made, calls = network(), []
        before = flat(made)
        history = made.train(X, Y, 0, 0.1, periodic_callback=lambda: calls.append(1))
        assert calls == [1]
        assert history.history == {}
        assert_array_equal(flat(made), before)

    def test_prints_epoch_loss_and_rate(self, capsys: pytest.CaptureFixture[str]) -> None:
        history = network().train(X, Y, 3, 0.01, decay_rate=0.5)
        lines = capsys.readouterr().out.splitlines()
        pattern = re.compile(r"Epoch (\d+), Loss: ([\d.]+), LR: ([\d.]+)")
        found = [match.groups() for line in lines if (match := pattern.fullmatch(line))]
        assert len(found) == len(lines) == 3
        assert [int(epoch) for epoch, _, _ in found] == [1, 2, 3]
        assert [loss for _, loss, _ in found] == [f"{v:.6f}" for v in history.history["loss"]]
        assert [rate for _, _, rate in found] == [f"{0.01 / (1 + 0.5 * n):.6f}" for n in (1, 2, 3)]

    def test_is_silent_if_asked(self, capsys: pytest.CaptureFixture[str]) -> None:
        trained(network(), X, Y)
        assert capsys.readouterr().out == ""

    def test_the_rate_decays_slowly_by_default(self) -> None:
        made = network()
        made.train(X, Y, 4, 0.05, verbose=0)
        assert made.model.optimizer.learning_rate == 0.05 / (1 + 0.0001 * 4)

    def test_the_record_covers_all_stretches(self) -> None:
        history = network().train(X, Y, 33, 0.01, new_dataset=lambda: (X, Y), verbose=0)
        assert history.epoch == list(range(33))
        assert len(history.history["loss"]) == 33

    def test_training_can_go_on(self) -> None:
        made = network()
        first = made.train(X, Y, 20, 0.05, verbose=0).history["loss"]
        second = made.train(X, Y, 20, 0.05, verbose=0).history["loss"]
        assert second[0] < first[0]
        assert second[-1] < first[-1]

    def test_writes_nothing_to_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        trained(network(), X, Y)
        trained(network(), X, Y)
        assert list(tmp_path.iterdir()) == []


class TestOptimizers:
    @pytest.mark.usefixtures("float64")
    @pytest.mark.parametrize("scale", [0.01, 100.0])
    def test_sgd_goes_down_the_gradient_of_norm_at_most_1(self, scale: float) -> None:
        made = network(optimizer="sgd")
        before = made.model.parameters.values.copy()
        trained(made, X, scale * Y, epochs=1, decay_rate=0.0)
        step = (before - made.model.parameters.values) / 0.05
        gradient = made.model.parameters.gradients
        norm = np.linalg.norm(step)
        assert norm <= 1 + 1e-9
        if scale == 100.0:
            assert norm > 1 - 1e-9
        cosine = step @ gradient / norm / np.linalg.norm(gradient)
        assert cosine > 1 - 1e-9

    @pytest.mark.parametrize(("batch_size", "steps"), [(1, 6), (4, 2), (6, 1), (50, 1)])
    def test_batch_size_says_how_often_weights_change(self, batch_size: int, steps: int) -> None:
        made = network(optimizer="sgd", batch_size=batch_size)
        trained(made, X, Y, epochs=3)
        assert made.model.optimizer.step == 3 * steps

    def test_an_optimizer_of_ones_own(self) -> None:
        momentum = lstm.optimizers.SGD(momentum=0.9)
        made = network(optimizer=momentum)
        weights = trained(made, X, Y, epochs=5)
        assert made.model.optimizer is momentum
        assert (weights != trained(network(optimizer="sgd"), X, Y, epochs=5)).any()

    def test_a_seed_makes_training_reproducible(self) -> None:
        def run(seed: int) -> NDArray[Any]:
            made = LSTMNetwork(D, 4, O, batch_size=2, seed=seed)
            return trained(made, X, Y, epochs=3)

        assert_array_equal(run(5), run(5))
        assert (run(5) != run(6)).any()


class TestBadInput:
    @pytest.mark.parametrize(
        ("options", "argument"),
        [
            ({"input_size": 0}, "input_size"),
            ({"hidden_size": 1.5}, "hidden_size"),
            ({"output_size": "3"}, "output_size"),
            ({"loss": "crossentropy"}, "loss"),
            ({"apply_softmax": "no"}, "apply_softmax"),
            ({"optimizer": "adamm"}, "optimizer"),
            ({"optimizer": 3}, "optimizer"),
            ({"batch_size": 0}, "batch_size"),
            ({"seed": -1}, "seed"),
        ],
    )
    def test_of_the_constructor(self, options: dict[str, Any], argument: str) -> None:
        with pytest.raises(LSTMError, match=f"^{argument}: expected"):
            network(**options)

    @pytest.mark.parametrize(
        ("x", "y", "argument"),
        [
            (with_last(X, np.nan), Y, "X"),
            (X, with_last(Y, np.inf), "Y"),
            (X[..., :1], Y, "X"),
            (X[..., 0], Y, "X"),
            (X[0], Y[0], "X"),
            (X, Y[..., :2], "Y"),
            (X, Y[:, :4], "Y"),
            (X, Y[:4], "Y"),
            (X, CLASSES, "Y"),
            (X[:0], Y[:0], "X"),
            (X[:, :0], Y[:, :0], "X"),
            ([], [], "X"),
            ("text", "text", "X"),
            (X, None, "Y"),
            (ragged(X), ragged(Y)[::-1], "Y"),
            (X[:2], ragged(Y)[:2], "Y"),
            ([X[0], X[1, :0]], [Y[0], Y[1, :0]], r"X\[1\]"),
            ([X[0], X[1, :3, :1]], [Y[0], Y[1, :3]], r"X\[1\]"),
            ([X[0], with_last(X[1, :3], np.nan)], [Y[0], Y[1, :3]], r"X(\[1\])?"),
            ([X[0], X[1, :3]], [Y[0], with_last(Y[1, :3], np.nan)], r"Y(\[1\])?"),
            ([[[1.0, 2.0], [3.0]]], Y[:1], "X"),
        ],
    )
    def test_data(self, x: Any, y: Any, argument: str) -> None:
        made = network()
        before, calls = flat(made), []
        with pytest.raises(LSTMError, match=f"^{argument}: expected"):
            made.train(x, y, 3, 0.1, periodic_callback=lambda: calls.append(1))
        assert_array_equal(flat(made), before)

    @pytest.mark.parametrize(
        "y",
        [CLASSES + 1, CLASSES - 1, CLASSES + 0.5, CLASSES[:, :, None, None] * np.ones(4)],
        ids=["too large", "negative", "fractions", "shape"],
    )
    def test_classes(self, y: Any) -> None:
        made = classifier(batch_size=1)
        before = flat(made)
        with pytest.raises(LSTMError, match=r"^Y: expected"):
            trained(made, X, y)
        with pytest.raises(LSTMError, match=r"^Y: expected"):
            made.dataset_loss(X, y)
        assert_array_equal(flat(made), before)

    @pytest.mark.parametrize(
        ("options", "argument"),
        [
            ({"epochs": -1}, "epochs"),
            ({"epochs": 2.0}, "epochs"),
            ({"learning_rate": 0.0}, "learning_rate"),
            ({"learning_rate": np.nan}, "learning_rate"),
            ({"learning_rate": "fast"}, "learning_rate"),
            ({"decay_rate": -0.1}, "decay_rate"),
            ({"periodic_callback": 3}, "periodic_callback"),
            ({"new_dataset": (X, Y)}, "new_dataset"),
            ({"verbose": 2}, "verbose"),
        ],
    )
    def test_options_of_train(self, options: dict[str, Any], argument: str) -> None:
        made = network()
        before = flat(made)
        with pytest.raises(LSTMError, match=f"^{argument}: expected"):
            made.train(**{"X": X, "Y": Y, "epochs": 2, "learning_rate": 0.1} | options)
        assert_array_equal(flat(made), before)

    @pytest.mark.parametrize("made", [None, X, (X, Y, 1)], ids=["None", "X", "three"])
    def test_new_data_come_in_pairs(self, made: Any) -> None:
        with pytest.raises(LSTMError, match=r"^new_dataset: expected"):
            trained(network(), X, Y, epochs=31, new_dataset=lambda: made)

    def test_bad_new_data_are_named(self) -> None:
        with pytest.raises(LSTMError, match=r"^Y: expected"):
            trained(network(), X, Y, epochs=31, new_dataset=lambda: (X, Y[:3]))

    @pytest.mark.parametrize(
        "x",
        [[], X[:, :0], X[..., :1], X[..., 0], with_last(X, np.nan), "text", None, {"a": 1}, 1j],
    )
    def test_of_predict(self, x: Any) -> None:
        with pytest.raises(LSTMError, match=r"^X: expected"):
            network().predict(x)

    def test_of_predict_with_different_lengths(self) -> None:
        with pytest.raises(LSTMError, match=r"^X\[1\]: expected at least one step"):
            network(input_size=1).predict([[0.1, 0.2], []])
        with pytest.raises(LSTMError, match=r"^X(\[1\])?: expected finite"):
            network(input_size=1).predict([[0.1, 0.2], [np.nan]])

    @pytest.mark.parametrize(
        ("y_pred", "y_true", "argument"),
        [
            (Y[0], CLASSES[0] + 1, "Y_true"),
            (Y[0], CLASSES[0, :3], "Y_true"),
            (Y[0], ONE_HOT[0, :, :2], "Y_true"),
            (Y[0, :, :2], CLASSES[0], "Y_pred"),
            (Y, CLASSES, "Y_pred"),
            ([], [], "Y_pred"),
        ],
    )
    def test_of_loss_function(self, y_pred: Any, y_true: Any, argument: str) -> None:
        with pytest.raises(LSTMError, match=f"^{argument}: expected"):
            classifier().loss_function(y_pred, y_true)

    @pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")
    def test_a_training_that_runs_away_says_so(self) -> None:
        with pytest.raises(DivergedError, match="lower learning_rate, which is 1e\\+30"):
            network(optimizer="sgd").train(X, Y, 5, 1e30, verbose=0)

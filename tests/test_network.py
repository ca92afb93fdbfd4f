"""LSTMNetwork: the forms of data it takes, its outputs, its losses, its files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

import lstm
from lstm import LSTMNetwork
from lstm.errors import ModelFileError
from network_cases import (
    CLASSES,
    LENGTHS,
    ONE_HOT,
    RNG,
    D,
    N,
    O,
    T,
    X,
    Y,
    classifier,
    columns,
    flat,
    network,
    ragged,
    trained,
)
from tolerances import assert_close


@pytest.mark.parametrize(
    ("options", "spread"),
    [
        ({"input_size": 1, "loss": "cross_entropy"}, True),
        ({"input_size": 2, "loss": "cross_entropy"}, False),
        ({"input_size": 1, "loss": "mse"}, False),
    ],
)
def test_gates_that_read_classes_start_at_thresholds_of_their_own(
    options: Any, spread: bool
) -> None:
    made = lstm.LSTMNetwork(hidden_size=50, output_size=20, seed=0, **options)
    kernel, _, bias, *_ = made.model.get_weights()
    bias[50:100] -= 1  # The forget gates are open at theirs.
    assert bias.any() == spread
    if spread:
        assert 0.5 * 20 < kernel.std() < 0.7 * 20
        crossed = -bias / kernel[0]
        assert ((crossed > -0.001) & (crossed < 1.001)).all()
        assert crossed.max() - crossed.min() > 0.9


class TestPredict:
    def test_one_sequence_gives_an_output_for_every_step(self) -> None:
        y = network().predict(X[0])
        assert y.shape == (T, O)
        assert_array_equal(network().predict(X[0].tolist()), y)
        assert_array_equal(network().predict(tuple(X[0])), y)

    def test_a_batch_holds_what_its_sequences_give_alone(self) -> None:
        made = network()
        y = made.predict(X)
        assert y.shape == (N, T, O)
        for row, x in zip(y, X, strict=True):
            assert_close(made.predict(x), row, "lstm", terms=4)

    def test_numbers_in_a_row_are_steps(self) -> None:
        made = network(input_size=1)
        x = X[..., 0]
        y = made.predict(x[0])
        assert y.shape == (T, O)
        for same in (x[0].tolist(), x[0][:, None], list(x[0])):
            assert_array_equal(made.predict(same), y)
        assert made.predict([0.3]).shape == (1, O)

    def test_rows_of_numbers_are_a_batch(self) -> None:
        made = network(input_size=1)
        x = X[..., 0]
        y = made.predict(x)
        assert y.shape == (N, T, O)
        for same in (x.tolist(), x[..., None], x[..., None].tolist()):
            assert_array_equal(made.predict(same), y)
        assert made.predict(x[:1]).shape == (1, T, O)
        assert made.predict(x[:, :1, None]).shape == (N, 1, O)

    def test_sequences_of_different_lengths(self) -> None:
        made = network()
        y = made.predict(ragged(X))
        assert isinstance(y, list)
        for row, x in zip(y, ragged(X), strict=True):
            assert_close(row, made.predict(x), "lstm", terms=4)
        single = network(input_size=1)
        nested = [x[:, 0].tolist() for x in ragged(X)]
        assert [len(row) for row in single.predict(nested)] == list(LENGTHS)

    def test_the_call_of_the_second_example_runs(self) -> None:
        # One sequence gives (T, O), so that [0][-1] is the last output of the first step.
        y = network(input_size=1).predict(np.linspace(0, 1, 7))
        assert np.ndim(y[0][-1]) == 0
        assert np.argmax(y[0][-1]) == 0

    def test_does_not_depend_on_how_many_sequences_come_at_once(self) -> None:
        x = RNG.normal(size=(70, T, D))
        made = network(batch_size=3)
        assert_close(made.predict(x)[-1], made.predict(x[-1]), "lstm", terms=4)

    def test_softmax_gives_probabilities(self) -> None:
        p = classifier().predict(X)
        assert (p > 0).all()
        assert_close(p.sum(-1), np.ones((N, T)), "pointwise")
        logits = network(loss="cross_entropy").predict(X)
        exp = np.exp(logits.astype(float))
        assert_close(p, exp / exp.sum(-1, keepdims=True), "lstm", terms=4)

    def test_binary_outputs_are_probabilities_each_by_itself(self) -> None:
        y = network(loss="binary_crossentropy").predict(X)
        logits = network().predict(X).astype(float)
        assert_close(y, 1 / (1 + np.exp(-logits)), "lstm", terms=4)


class TestFormsOfData:
    """What means the same trains the same."""

    @pytest.mark.parametrize(
        ("x", "y"),
        [
            (X.tolist(), Y.tolist()),
            (list(X), list(Y)),
            (X[..., None], Y[..., None]),
            (X, columns(Y)),
            (np.asfortranarray(X), Y[..., None].tolist()),
        ],
        ids=["lists", "lists of arrays", "columns", "lists of columns", "nested columns"],
    )
    def test_numbers(self, x: Any, y: Any) -> None:
        expected = trained(network(), X, Y)
        assert (expected != flat(network())).all()
        assert_array_equal(trained(network(), x, y), expected)

    @pytest.mark.parametrize(
        "y",
        [ONE_HOT, ONE_HOT[..., None], columns(ONE_HOT), CLASSES.tolist(), CLASSES.astype(float)],
        ids=["one-hot", "columns", "lists of columns", "lists", "floats"],
    )
    def test_classes(self, y: Any) -> None:
        expected = trained(classifier(), X, CLASSES)
        assert_close(trained(classifier(), X, y), expected, "lstm", terms=200)

    @pytest.mark.parametrize("y", [CLASSES, ONE_HOT], ids=["classes", "one-hot"])
    def test_sequences_of_different_lengths(self, y: NDArray[Any]) -> None:
        expected = trained(classifier(), ragged(X), ragged(CLASSES))
        lists = [row.tolist() for row in ragged(y)]
        assert_close(trained(classifier(), ragged(X), lists), expected, "lstm", terms=200)
        if y is ONE_HOT:
            steps = [[step[:, None] for step in row] for row in ragged(y)]
            assert_close(trained(classifier(), ragged(X), steps), expected, "lstm", terms=200)

    @pytest.mark.usefixtures("float64")
    def test_padding_teaches_nothing(self) -> None:
        def step(*which: int) -> NDArray[Any]:
            made = network(optimizer=lstm.optimizers.SGD())
            x, y = ([ragged(values)[n] for n in which] for values in (X, Y))
            return flat(made) - trained(made, x, y, epochs=1)

        alone = [LENGTHS[n] * step(n) for n in range(3)]
        assert_close(step(0, 1, 2), sum(alone) / sum(LENGTHS[:3]), "lstm", terms=10**4)

    def test_one_number_in_and_out(self) -> None:
        made = [network(input_size=1, output_size=1) for _ in range(4)]
        x, y = X[..., 0], Y[..., 0]
        expected = trained(made[0], x, y)
        assert_array_equal(trained(made[1], x[..., None], y[..., None]), expected)
        assert_array_equal(trained(made[2], x, columns(y[..., None])), expected)
        assert_array_equal(trained(made[3], x.tolist(), y.tolist()), expected)

    def test_the_callers_data_stays_as_it_was(self) -> None:
        x, y = X.copy(), Y.copy()
        trained(network(), x, y)
        assert_array_equal(x, X)
        assert_array_equal(y, Y)


class TestLoss:
    def test_of_probabilities(self) -> None:
        p = classifier().predict(X[0])
        expected = -np.log(p[np.arange(T), CLASSES[0]].astype(float)).mean()
        made = classifier()
        for y in (CLASSES[0], CLASSES[0].tolist(), ONE_HOT[0], columns(ONE_HOT)[0]):
            assert_close(made.loss_function(p, y), expected, "loss", terms=T, dtype="float32")
        steps = [row[:, None] for row in p]
        got = made.loss_function(steps, columns(ONE_HOT)[0])
        assert_close(got, expected, "loss", terms=T, dtype="float32")
        assert isinstance(got, float)

    @pytest.mark.parametrize(
        ("loss", "formula"),
        [
            ("mse", lambda e: e**2),
            ("mae", abs),
            ("huber", lambda e: np.where(abs(e) <= 1, e**2 / 2, abs(e) - 0.5)),
        ],
    )
    def test_of_numbers(self, loss: str, formula: Callable[[Any], Any]) -> None:
        y = 3 * Y[1]
        expected = np.mean(formula(y - Y[0]))
        made = network(loss=loss)
        got = [made.loss_function(y, Y[0]), made.loss_function(list(y[..., None]), Y[0][..., None])]
        assert_close(got, [expected] * 2, "loss", terms=T * O, dtype="float32")

    def test_of_one_number_a_step(self) -> None:
        made = network(output_size=1)
        y, t = Y[0, :, 0], Y[1, :, 0]
        expected = [np.mean((y - t) ** 2)] * 3
        got = [made.loss_function(y, t), made.loss_function(y.tolist(), t[:, None])]
        got.append(made.loss_function(y[:, None, None], list(t[:, None, None])))
        assert_close(got, expected, "loss", terms=T, dtype="float32")

    def test_of_yes_and_no(self) -> None:
        p, t = 1 / (1 + np.exp(-Y[0])), np.round(RNG.random((T, O)))
        expected = -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
        got = network(loss="binary_crossentropy").loss_function(p, t)
        assert_close(got, expected, "loss", terms=T * O, dtype="float32")

    def test_of_logits(self) -> None:
        y = Y[0]
        log_p = y - np.log(np.exp(y).sum(-1, keepdims=True))
        expected = -log_p[np.arange(T), CLASSES[0]].mean()
        got = network(loss="cross_entropy").loss_function(y, CLASSES[0])
        assert_close(got, expected, "loss", terms=T, dtype="float32")

    def test_of_a_data_set_is_the_mean_over_its_steps(self) -> None:
        made = classifier(batch_size=2)
        losses = [
            made.loss_function(y, t)
            for y, t in zip(made.predict(ragged(X)), ragged(CLASSES), strict=True)
        ]
        expected = np.average(losses, weights=LENGTHS)
        got = made.dataset_loss(ragged(X), ragged(CLASSES))
        assert_close(got, expected, "loss", terms=sum(LENGTHS), dtype="float32")
        whole = np.mean([made.loss_function(made.predict(x), y) for x, y in zip(X, Y, strict=True)])
        assert_close(made.dataset_loss(X, Y), whole, "loss", terms=N * T, dtype="float32")


class TestFiles:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "network.safetensors"

    def test_same_bits_back(self, path: Path) -> None:
        made = classifier(batch_size=4)
        trained(made, X, CLASSES)
        made.save(path)
        loaded = LSTMNetwork.load(path)
        assert_array_equal(flat(loaded), flat(made))
        assert_array_equal(loaded.predict(X), made.predict(X))
        for name in ("input_size", "hidden_size", "output_size", "loss", "apply_softmax"):
            assert getattr(loaded, name) == getattr(made, name)
        assert loaded.batch_size == 4
        assert loaded.dataset_loss(X, CLASSES) == made.dataset_loss(X, CLASSES)

    @pytest.mark.parametrize("optimizer", ["adam", "sgd"])
    def test_training_goes_on_as_if_never_stopped(self, path: Path, optimizer: str) -> None:
        made = network(optimizer=optimizer)
        trained(made, X, Y)
        made.save(path)
        loaded = LSTMNetwork.load(path)
        # The order of the sequences differs, and all of them are in one batch.
        expected = trained(made, X, Y, epochs=3)
        assert_close(trained(loaded, X, Y, epochs=3), expected, "lstm", terms=200)

    def test_an_optimizer_class_of_ones_own_is_replaced_by_adam(self, path: Path) -> None:
        class Mine(lstm.optimizers.SGD):
            """Not known to the library."""

        network(optimizer=Mine(0.1)).save(path)
        loaded = LSTMNetwork.load(path)
        before = loaded.dataset_loss(X, Y)
        trained(loaded, X, Y, epochs=30)
        assert loaded.dataset_loss(X, Y) < before

    def test_other_files_are_refused(self, path: Path) -> None:
        with pytest.raises(ModelFileError, match="no such file"):
            LSTMNetwork.load(path)
        network().model.save(path)
        with pytest.raises(ModelFileError, match="holds a model, not a network"):
            LSTMNetwork.load(path)
        network().save(path)
        path.write_bytes(path.read_bytes()[:-9])
        with pytest.raises(ModelFileError, match="damaged"):
            LSTMNetwork.load(path)

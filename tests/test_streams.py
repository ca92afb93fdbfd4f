"""Data that comes in batches: generators, loaders, sequences of batches; and steps of epochs."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm.errors import InvalidValueError, StoppedWarning
from lstm.layers import LSTM
from tolerances import assert_close
from training_cases import RAGGED_X, RAGGED_Y, X, Y, assert_same, batches, compiled, trained

pytestmark = pytest.mark.usefixtures("float64")

BATCHES = list(batches(3))


class Loader:
    """Can be iterated over again and again, as the loaders of other libraries."""

    def __iter__(self) -> Iterator[Any]:
        return iter(BATCHES)


class Unknown(Loader):
    """Has a length that nobody knows, as loaders of what only comes."""

    def __len__(self) -> int:
        raise TypeError("the length is not known")


class Numbered:
    """A sequence of batches, as Keras' `Sequence` and `PyDataset` are."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.epochs = 0

    def __len__(self) -> int:
        return len(BATCHES)

    def __getitem__(self, k: int) -> Any:
        self.taken.append(k)
        return BATCHES[k]

    def on_epoch_end(self) -> None:
        self.epochs += 1


class TestKinds:
    @pytest.mark.parametrize("make", [Loader, Unknown, Numbered])
    def test_what_can_be_gone_over_again_is_a_pass_an_epoch(self, make: Callable[[], Any]) -> None:
        expected = trained(X, Y, batch_size=3, epochs=3)
        assert_same(trained(make(), epochs=3), expected)
        model = compiled()
        assert_close(model.evaluate(make()), model.evaluate(X, Y), "loss", terms=105)
        assert_close(model.predict(make()), model.predict(X), "lstm", terms=5)
        logs = model.fit(X, Y, epochs=2, validation_data=make(), verbose=0).history
        assert_close(logs["val_loss"][1], model.evaluate(X, Y), "loss", terms=105)

    def test_a_sequence_of_batches_is_shuffled_and_told_of_its_epochs(self) -> None:
        source = Numbered()
        compiled().fit(source, epochs=12, verbose=0)
        orders = np.reshape(source.taken[-36:], (12, 3))
        assert_array_equal(np.sort(orders, 1), np.tile([0, 1, 2], (12, 1)))
        assert len({tuple(order) for order in orders}) > 1
        assert source.epochs == 12

    def test_a_model_of_unknown_shape_is_built_by_the_first_batch(self) -> None:
        for make in (Loader, Numbered):
            model = lstm.Sequential([LSTM(3, return_sequences=True)])
            model.compile("sgd", "mse")
            assert len(model.fit(make(), epochs=2, verbose=0).history["loss"]) == 2

    def test_arrays_of_lists_are_sequences(self) -> None:
        """Such as a column of a table."""
        x, y = np.empty(4, object), np.empty(4, object)
        for row in range(4):
            x[row], y[row] = RAGGED_X[row].tolist(), RAGGED_Y[row].tolist()
        assert_same(trained(x, y), trained(RAGGED_X, RAGGED_Y))


class TestStepsOfAnEpoch:
    def test_go_on_where_the_epoch_before_ended(self) -> None:
        once = trained(X, Y, batch_size=3, epochs=2)
        for steps, epochs in ((1, 6), (2, 3), (3, 2), (6, 1)):
            options: Any = {"steps_per_epoch": steps, "epochs": epochs}
            assert_same(trained(X, Y, batch_size=3, **options), once)
            assert_same(trained(Loader(), **options), once)
            passes = (batch for _ in range(2) for batch in BATCHES)
            assert_same(trained(passes, **options), once)

    def test_of_evaluations_are_the_first_ones(self) -> None:
        model = compiled()
        expected = model.evaluate(X[:6], Y[:6])
        for data in ((X, Y), (Loader(),), (iter(BATCHES),)):
            assert_close(model.evaluate(*data, batch_size=3, steps=2), expected, "loss", terms=90)
        options = {"validation_data": (X, Y), "validation_steps": 2, "batch_size": 3}
        logs = model.fit(X, Y, epochs=2, verbose=0, **options).history
        assert_close(logs["val_loss"][1], model.evaluate(X[:6], Y[:6]), "loss", terms=90)

    def test_of_an_evaluation_have_their_own_targets(self) -> None:
        with pytest.raises(InvalidValueError, match="y: expected nothing, because x gives batches"):
            compiled().evaluate(Loader(), Y)

    def test_of_an_evaluation_are_given_anew_in_every_epoch(self) -> None:
        model = compiled(lstm.optimizers.SGD(0.0))
        options = {"validation_data": Loader(), "validation_steps": 2, "epochs": 3}
        logs = model.fit(X, Y, verbose=0, **options).history
        assert_close(logs["val_loss"], [model.evaluate(X[:6], Y[:6])] * 3, "loss", terms=90)


class TestGenerators:
    def test_that_end_are_an_epoch(self) -> None:
        assert_same(trained(batches(3)), trained(X, Y, batch_size=3))
        model = compiled()
        assert_close(model.evaluate(batches(3)), model.evaluate(X, Y), "loss", terms=105)
        assert_close(model.predict(batches(3)), model.predict(X), "lstm", terms=5)
        logs = model.fit(X, Y, validation_data=batches(3), verbose=0).history
        assert_close(logs["val_loss"][0], model.evaluate(X, Y), "loss", terms=105)

    @pytest.mark.parametrize(
        ("options", "epochs"),
        [
            ({"epochs": 2}, 1),
            ({"epochs": 2, "steps_per_epoch": 3}, 1),
            ({"epochs": 3, "steps_per_epoch": 2}, 2),
            ({"epochs": 1, "steps_per_epoch": 5}, 1),
        ],
    )
    def test_that_end_too_soon_end_the_training(self, options: Any, epochs: int) -> None:
        """What was learned until then is kept."""
        model = compiled("adam")
        with pytest.warns(StoppedWarning, match="x has no more batches in epoch"):
            history = model.fit(batches(3), verbose=0, **options)
        assert len(history.history["loss"]) == epochs
        assert_same(model.get_weights(), trained(X, Y, batch_size=3))

    def test_no_more_is_taken_than_is_trained_on(self) -> None:
        seen = [0]

        def counted() -> Iterator[Any]:
            for batch in batches(2):
                seen[0] += 1
                yield batch

        model = lstm.Sequential([LSTM(3, return_sequences=True)])
        model.compile("sgd", "mse")
        model.fit(counted(), steps_per_epoch=2, epochs=1, verbose=0)
        assert seen == [2]

    def test_batches_of_different_lengths_and_ragged_ones(self) -> None:
        source = iter([(X[:, :3], Y[:, :3]), (RAGGED_X, RAGGED_Y), (X, Y, np.ones(7))])
        model = compiled()
        assert len(model.fit(source, steps_per_epoch=3, verbose=0).history["loss"]) == 1

    @pytest.mark.parametrize(
        ("source", "options", "message"),
        [
            ([], {"steps_per_epoch": 1}, "x: expected at least one batch, got none"),
            ([], {}, "x: expected at least one batch, got none"),
            ([(X, Y)], {"steps_per_epoch": 0}, "steps_per_epoch: expected an integer of at least"),
            ([X], {"steps_per_epoch": 1}, r"expected \(x, y\) or \(x, y, sample_weight\), got"),
            ([(X,)], {"steps_per_epoch": 1}, r"expected \(x, y\) or \(x, y, sample_weight\)"),
            ([3], {"steps_per_epoch": 1}, r"expected \(x, y\) or \(x, y, sample_weight\), got int"),
            ([(X, None)], {"steps_per_epoch": 1}, "y: expected targets, got None"),
            ([(X, Y)], {"y": Y}, "y: expected nothing, because x gives batches"),
            ([(X, Y)], {"sample_weight": np.ones(7)}, "sample_weight: expected nothing, because x"),
            ([(X, Y)], {"validation_split": 0.5}, "validation_split: expected nothing, because x"),
        ],
    )
    @pytest.mark.parametrize("known", [True, False], ids=["built", "unbuilt"])
    def test_unusable(self, source: Any, options: Any, message: str, known: bool) -> None:
        model = compiled() if known else lstm.Sequential([LSTM(3, return_sequences=True)])
        model.compile("sgd", "mse")
        with pytest.raises(InvalidValueError, match=message):
            model.fit(iter(source), verbose=0, **options)

    def test_predictions(self) -> None:
        model = compiled()
        expected = model.predict(X)
        assert_close(model.predict(batches(3), steps=3), expected, "lstm", terms=5)
        assert_close(model.predict(iter([X[:4], X[4:]]), steps=2), expected, "lstm", terms=5)
        assert len(model.predict(iter([X, X[:, :2]]), steps=2)) == 14
        assert_array_equal(model.predict(X, 3, steps=1), expected[:3])
        with pytest.raises(InvalidValueError, match="x: expected at least 4 batches, got 3"):
            model.predict(batches(3), steps=4)
        for call in (model.predict, model.evaluate):
            with pytest.raises(InvalidValueError, match="steps: expected an integer of at least 1"):
                call(batches(3), steps=0)
            with pytest.raises(InvalidValueError, match="x: expected at least"):
                call(iter([]))

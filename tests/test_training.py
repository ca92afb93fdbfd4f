"""fit, evaluate and predict: data of every kind, weights of examples, order, validation."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers import LSTM, Dense, Dropout, Embedding
from tolerances import assert_close
from training_cases import (
    LENGTHS,
    RAGGED_X,
    RAGGED_Y,
    X,
    Y,
    assert_same,
    batches,
    compiled,
    trained,
)

pytestmark = pytest.mark.usefixtures("float64")


class TestArrays:
    def test_fit_takes_a_step_for_each_batch(self) -> None:
        model = compiled()
        for _ in range(2):
            for x, y in batches(3):
                model.train_on_batch(x, y)
        assert_same(trained(X, Y, epochs=2, batch_size=3, optimizer="sgd"), model.get_weights())

    def test_one_step_of_gradient_descent(self) -> None:
        model = compiled(lstm.optimizers.SGD(0.1))
        before = model.parameters.values.copy()
        loss = model.train_on_batch(X, Y)
        gradient = (before - model.parameters.values) / 0.1
        assert_close(model.parameters.gradients, gradient, "optimizer", terms=200)
        assert_close(loss, np.mean((compiled().predict(X) - Y) ** 2), "loss", terms=Y.size)

    def test_lists_are_arrays(self) -> None:
        assert_same(trained(X.tolist(), Y.tolist()), trained(X, Y))
        assert_same(trained([X], Y), trained(X, Y))

    def test_epochs_are_counted_from_the_initial_one(self) -> None:
        model = compiled()
        history = model.fit(X, Y, epochs=5, initial_epoch=3, verbose=0)
        assert history.epoch == [3, 4]
        assert model.history is history
        assert_same(model.get_weights(), trained(X, Y, epochs=2, optimizer="sgd"))
        assert model.fit(X, Y, epochs=0, verbose=0).history == {}

    def test_training_goes_on_where_it_stopped(self) -> None:
        model = compiled("adam")
        for _ in range(2):
            model.fit(X, Y, shuffle=False, verbose=0)
        assert_same(model.get_weights(), trained(X, Y, epochs=2))

    def test_losses_of_the_history_are_means_over_the_epoch(self) -> None:
        model = compiled(lstm.optimizers.SGD(0.0))
        history = model.fit(X, Y, batch_size=3, epochs=2, verbose=0)
        assert_close(history.history["loss"], [model.evaluate(X, Y)] * 2, "loss", terms=Y.size)


class TestOrder:
    def losses(self, seed: int, **options: Any) -> list[float]:
        lstm.set_seed(seed)
        model = lstm.Sequential(
            [lstm.Input((None, 2)), Dropout(0.3), LSTM(2, return_sequences=True), Dense(3)]
        )
        model.set_weights([np.full(w.shape, 0.1) for w in model.get_weights()])
        model.compile("sgd", "mse")
        return model.fit(X, Y, batch_size=2, epochs=3, verbose=0, **options).history["loss"]

    def test_follows_from_the_seed(self) -> None:
        assert self.losses(1) == self.losses(1)
        assert self.losses(1) != self.losses(2)

    def test_is_new_every_epoch_unless_told_otherwise(self) -> None:
        def order(**options: Any) -> list[list[int]]:
            seen: list[list[int]] = [[]]
            model = compiled(metrics=[lambda t, y: seen[-1].append(int(t[0, 0, 0])) or 0.0])
            numbered = np.broadcast_to(np.arange(7.0)[:, None, None], Y.shape)
            started = lstm.callbacks.LambdaCallback(on_epoch_end=lambda e, logs: seen.append([]))
            model.fit(X, numbered, 1, 2, callbacks=[started], verbose=0, **options)
            return seen[:2]

        first, second = order()
        assert sorted(first) == sorted(second) == list(range(7))
        assert first != second
        assert order(shuffle=False) == [list(range(7))] * 2


class TestRagged:
    def test_equals_one_by_one(self) -> None:
        model = compiled("adam")
        for x, y in zip(RAGGED_X, RAGGED_Y, strict=True):
            model.train_on_batch(x[None], y[None])
        assert_same(trained(RAGGED_X, RAGGED_Y, batch_size=1), model.get_weights())

    def test_equals_padding_that_does_not_count(self) -> None:
        padded_x, padded_y, weight = np.zeros((4, 5, 2)), np.zeros((4, 5, 3)), np.zeros((4, 5))
        for row, n in enumerate(LENGTHS):
            padded_x[row, :n], padded_y[row, :n] = RAGGED_X[row], RAGGED_Y[row]
            weight[row, :n] = weight.size / sum(LENGTHS)  # All steps are counted.
        ragged = trained(RAGGED_X, RAGGED_Y, epochs=2)
        assert_same(ragged, trained(padded_x, padded_y, epochs=2, sample_weight=weight))

    def test_plain_numbers_of_both_kinds(self) -> None:
        """Whole numbers in the first sequence do not round those of the others."""
        model = lstm.Sequential([lstm.Input((None, 1)), LSTM(2)])
        together = model.predict([[1, 2, 3], [0.5, 0.75]])
        assert_close(together[1:], model.predict([[0.5, 0.75]]), "lstm")

    def test_predictions_have_the_lengths_of_the_inputs(self) -> None:
        y = compiled().predict(RAGGED_X, batch_size=3)
        assert [row.shape for row in y] == [(n, 3) for n in LENGTHS]
        for row, x in zip(y, RAGGED_X, strict=True):
            assert_close(row, compiled().predict(x[None])[0], "lstm", terms=5)

    def test_last_outputs_are_one_array(self) -> None:
        """Even where there are as many outputs as the longest sequence has steps."""
        model = lstm.Sequential([lstm.Input((None, 2)), LSTM(5)])
        assert model.predict(RAGGED_X).shape == (4, 5)

    def test_tokens_and_classes(self) -> None:
        model = lstm.Sequential([Embedding(9, 2), LSTM(3, return_sequences=True), Dense(9)])
        model.compile("sgd", lstm.losses.SparseCategoricalCrossentropy(from_logits=True))
        texts = [[1, 2, 3], [4], [5, 6]]
        losses = [model.evaluate([text], [text]) for text in texts]
        assert_close(model.evaluate(texts, texts), np.dot(losses, [3, 1, 2]) / 6, "loss", terms=6)

    def test_targets_as_long_as_the_second_input(self) -> None:
        """An encoder and a decoder: questions and answers are of different lengths."""
        question, asked = lstm.Input((None, 2)), lstm.Input((None, 3))
        _, h, c = LSTM(4, return_state=True)(question)
        y = LSTM(4, return_sequences=True)(asked, initial_state=[h, c])
        model = lstm.Model([question, asked], Dense(3)(y))
        model.compile("sgd", "mse")
        x = [RAGGED_X, RAGGED_Y[::-1]]
        losses = [
            model.evaluate([x[0][n][None], x[1][n][None]], RAGGED_Y[3 - n][None]) for n in range(4)
        ]
        expected = np.dot(losses, LENGTHS[::-1]) / sum(LENGTHS)
        assert_close(model.evaluate(x, RAGGED_Y[::-1]), expected, "loss", terms=sum(LENGTHS))
        assert [len(y) for y in model.predict(x)] == list(LENGTHS[::-1])
        with pytest.raises(InvalidShapeError, match="y: expected sequences as long as those of x"):
            model.fit(x, [RAGGED_Y[0]] * 3 + [RAGGED_Y[1]], verbose=0)

    def test_predictions_have_the_lengths_of_the_second_input(self) -> None:
        """Though the first is as long at most, and nowhere shorter."""
        long, short = lstm.Input((None, 2)), lstm.Input((None, 3))
        _, h, c = LSTM(4, return_state=True)(long)
        y = LSTM(4, return_sequences=True)(short, initial_state=[h, c])
        predicted = lstm.Model([long, short], y).predict([RAGGED_X[:2], [RAGGED_Y[0], Y[0, :1]]])
        assert [len(y) for y in predicted] == [5, 1]

    def test_targets_have_to_be_as_long(self) -> None:
        with pytest.raises(InvalidShapeError, match="y: expected sequences as long as those of x"):
            trained(RAGGED_X, RAGGED_Y[::-1])
        with pytest.raises(InvalidShapeError, match="y: expected 4 examples, as many as x, got 3"):
            trained(RAGGED_X, RAGGED_Y[:3])


class TestValidation:
    def test_split_takes_the_last_examples(self) -> None:
        model = compiled(lstm.optimizers.SGD(0.0))
        logs = model.fit(X, Y, validation_split=0.3, verbose=0).history
        assert_close(logs["loss"][0], model.evaluate(X[:4], Y[:4]), "loss", terms=Y.size)
        assert_close(logs["val_loss"][0], model.evaluate(X[4:], Y[4:]), "loss", terms=Y.size)

    def test_data_with_metrics_and_weights(self) -> None:
        model = compiled(metrics=["mae"])
        weight = np.arange(1.0, 8.0)
        logs = model.fit(X, Y, epochs=2, validation_data=(X, Y, weight), verbose=0).history
        assert set(logs) == {"loss", "mae", "val_loss", "val_mae"}
        expected = model.evaluate(X, Y, sample_weight=weight)
        assert_close([logs["val_loss"][1], logs["val_mae"][1]], expected, "loss", terms=Y.size)

    def test_generators_and_ragged_lists(self) -> None:
        model = compiled()
        source = (batch for _ in range(2) for batch in batches(3))
        options = {"validation_data": source, "validation_steps": 3, "epochs": 2}
        logs = model.fit(RAGGED_X, RAGGED_Y, verbose=0, **options).history
        assert_close(logs["val_loss"][1], model.evaluate(X, Y), "loss", terms=Y.size)
        logs = model.fit(X, Y, validation_data=(RAGGED_X, RAGGED_Y), verbose=0).history
        expected = model.evaluate(RAGGED_X, RAGGED_Y)
        assert_close(logs["val_loss"][0], expected, "loss", terms=Y.size)

    def test_changes_no_training(self) -> None:
        validated = trained(X, Y, validation_data=(X, Y), shuffle=True, epochs=2)
        assert_same(validated, trained(X, Y, shuffle=True, epochs=2))

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"validation_split": 1.0}, InvalidValueError, "validation_split"),
            ({"validation_split": 0.95}, InvalidValueError, "leaves both parts"),
            ({"validation_data": X}, InvalidTypeError, "validation_data: expected"),
            ({"validation_data": (X, Y[:3])}, InvalidShapeError, "y: expected 7 examples"),
            ({"validation_data": (X, Y * np.nan)}, InvalidValueError, "y: expected finite"),
            (
                {"validation_data": batches(3), "epochs": 2},
                InvalidValueError,
                "validation_steps: expected",
            ),
        ],
    )
    def test_unusable_before_any_training(
        self, options: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        model = compiled()
        before = model.get_weights()
        with pytest.raises(error, match=message):
            model.fit(X, Y, verbose=0, **options)
        for now, old in zip(model.get_weights(), before, strict=True):
            assert_array_equal(now, old)


class TestClasses:
    def test_are_the_most_probable(self) -> None:
        model = compiled()
        assert_array_equal(model.predict_classes(X), model.predict(X).argmax(-1))
        rows = model.predict_classes(RAGGED_X)
        assert [row.shape for row in rows] == [(n,) for n in LENGTHS]

    def test_of_one_unit_are_sides_of_one_half(self) -> None:
        model = lstm.Sequential([lstm.Input((2,)), Dense(1, activation="sigmoid")])
        model.set_weights([np.array([[1.0], [-2.0]]), np.zeros(1)])
        x = np.array([[1.0, 0.0], [0.0, 1.0]])
        assert_array_equal(model.predict_classes(x), [[1], [0]])

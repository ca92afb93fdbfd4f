"""The state that goes from batch to batch, in training and in stateful layers."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

import lstm
from gradients import assert_weight_gradient
from lstm.callbacks import Callback
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.layers import LSTM, Bidirectional, Conv1D, Dense
from state_cases import X, Y, follower
from tolerances import assert_close

pytestmark = pytest.mark.usefixtures("float64")


def truncated(model: lstm.Model, chunks: Iterator[Any]) -> list[NDArray[Any]]:
    """Truncated backpropagation through time by hand, with `step` to get on; the weights."""
    for rows, times in chunks:
        h = c = np.zeros((len(X[rows]), 4))
        for time in times:
            x, h0, c0 = lstm.Input((None, 2)), lstm.Input((4,)), lstm.Input((4,))
            cell, dense = model.layers
            y = dense(cell(x, initial_state=[h0, c0]))
            learner = lstm.Model([x, h0, c0], y)
            learner.compile(lstm.optimizers.SGD(0.1), "mse")
            _, after = model.step(X[rows, time], {"lstm": (h, c)})
            learner.train_on_batch([X[rows, time], h, c], Y[rows, time])
            h, c = after["lstm"]
    return model.get_weights()


def assert_same(first: list[NDArray[Any]], second: list[NDArray[Any]]) -> None:
    for a, b in zip(first, second, strict=True):
        assert_close(a, b, "lstm", terms=64)


class TestCarriedTraining:
    def test_chunks_of_arrays_are_truncated_backpropagation(self) -> None:
        chunks = [slice(0, 3), slice(3, 6), slice(6, 8)]
        groups = [(slice(0, 2), chunks), (slice(2, 4), chunks)] * 2
        expected = truncated(follower(), iter(groups))
        model = follower()
        model.fit(
            X, Y, batch_size=2, epochs=2, carry_state=True, chunk_length=3, shuffle=True, verbose=0
        )
        assert_same(model.get_weights(), expected)
        other = follower()
        other.fit(X, Y, batch_size=2, epochs=2, shuffle=False, verbose=0)
        assert (other.get_weights()[0] != expected[0]).any()

    def test_batches_of_arrays_go_on_from_each_other(self) -> None:
        """Rows k of the batches are one stream; every epoch starts it anew."""
        x, y = X.reshape(4, 4, 2, 2), Y.reshape(4, 4, 2, 1)
        streams = [a.swapaxes(0, 1).reshape(16, 2, -1) for a in (x, y)]
        model = follower()
        model.fit(*streams, batch_size=4, epochs=2, carry_state=True, verbose=0)
        times = [slice(t, t + 2) for t in range(0, 8, 2)]
        assert_same(model.get_weights(), truncated(follower(), iter([(slice(0, 4), times)] * 2)))

    def test_a_generator_goes_on_over_epochs_and_fits(self) -> None:
        def stream() -> Iterator[Any]:
            for t in range(0, 8, 2):
                yield X[:, t : t + 2], Y[:, t : t + 2]

        times = [slice(t, t + 2) for t in range(0, 8, 2)]
        expected = truncated(follower(), iter([(slice(0, 4), times)]))
        model, source = follower(), stream()
        model.fit(source, steps_per_epoch=1, epochs=2, carry_state=True, verbose=0)
        model.fit(source, steps_per_epoch=2, carry_state=True, verbose=0)
        assert_same(model.get_weights(), expected)

    def test_gradients_are_those_of_the_chunk_alone(self) -> None:
        """The past, also that which a convolution remembers, is given and not learned from."""
        model = lstm.Sequential(
            [
                lstm.Input((None, 2)),
                Dense(3),
                Conv1D(2, 3, padding="causal"),
                LSTM(2, return_sequences=True),
                Dense(1),
            ]
        )
        model.compile(lstm.optimizers.SGD(0.0), "mse")
        source = iter([(X[:, :3], Y[:, :3]), (X[:, 3:], Y[:, 3:])])
        model.fit(source, steps_per_epoch=2, carry_state=True, verbose=0)
        _, state = model.step(X[:, :3], model.initial_state(4))

        def loss() -> float:
            return float(np.mean((model.step(X[:, 3:], state)[0] - Y[:, 3:]) ** 2))

        for name, weight in model.graph.weights.items():
            assert_weight_gradient(weight, loss, name)

    def test_reset_states_starts_a_generator_anew(self) -> None:
        model = follower()
        model.fit(iter([(X, Y)]), steps_per_epoch=1, carry_state=True, verbose=0)
        model.reset_states()
        loss = model.evaluate(X, Y)
        history = model.fit(iter([(X, Y)]), steps_per_epoch=1, carry_state=True, verbose=0)
        assert_close(history.history["loss"][0], loss, "lstm", terms=32)

    def test_leaves_nothing_for_predictions(self) -> None:
        model = follower()
        model.fit(iter([(X, Y)]), steps_per_epoch=1, carry_state=True, verbose=0)
        y = model.predict(X)
        model.reset_states()
        assert_array_equal(model.predict(X), y)
        assert model.predict(X[:1]).shape == (1, 8, 1)
        model.fit(X[:3], Y[:3], verbose=0)

    def test_evaluation_carries_too(self) -> None:
        model = follower()
        expected = model.evaluate(X, Y)
        chunked = model.evaluate(X, Y, batch_size=2, carry_state=True, chunk_length=3)
        assert_close(chunked, expected, "lstm", terms=32)
        cut = model.fit(
            X, Y, 2, carry_state=True, chunk_length=3, validation_data=(X, Y), verbose=0
        )
        assert_close(cut.history["val_loss"][0], model.evaluate(X, Y), "lstm", terms=32)

    @pytest.mark.parametrize(
        ("data", "options", "message"),
        [
            ((X, Y), {"chunk_length": 3}, "chunk_length: expected carry_state=True"),
            ((X, Y), {"chunk_length": 0, "carry_state": True}, "chunk_length: expected an integer"),
            ((X, Y), {"batch_size": 3, "carry_state": True}, "batch_size: expected a divisor"),
            (
                ([X[0], X[1, :3]], [Y[0], Y[1, :3]]),
                {"chunk_length": 3, "carry_state": True},
                r"chunk_length: expected x and y as arrays \(N, T, ...\) of one T, "
                "got sequences of different lengths",
            ),
        ],
    )
    def test_unusable(self, data: Any, options: dict[str, Any], message: str) -> None:
        with pytest.raises(InvalidValueError, match=message):
            follower().fit(*data, verbose=0, **options)

    def test_batches_of_another_size_are_refused(self) -> None:
        source = iter([(X, Y), (X[:2], Y[:2])])
        with pytest.raises(InvalidShapeError, match="x: expected 4 sequences, because state is"):
            follower().fit(source, steps_per_epoch=2, carry_state=True, verbose=0)


def test_a_callback_may_ask_the_model_in_the_middle(float64: None) -> None:
    def losses(*callbacks: Callback) -> list[float]:
        model = follower()
        model.compile(lstm.optimizers.SGD(0.1), "mse", metrics=["mae"])
        how = {"batch_size": 4, "epochs": 2, "carry_state": True, "chunk_length": 3, "verbose": 0}
        logs = model.fit(X, Y, **how, callbacks=callbacks).history
        return [*logs["loss"], *logs["mae"]]

    class Asking(Callback):
        def on_train_batch_end(self, batch: int, logs: Any) -> None:
            assert self.model
            self.model.predict(X[:1])
            self.model.evaluate(X[:2], Y[:2], verbose=0)

    assert losses(Asking()) == losses()


class TestStateful:
    def test_predictions_go_on_until_reset(self) -> None:
        model, plain = follower(stateful=True), follower()
        whole = plain.predict(X)
        first, second = model.predict(X[:, :3]), model.predict(X[:, 3:])
        assert_close(np.concatenate([first, second], 1), whole, "lstm", terms=8)
        model.reset_states()
        assert_close(model.predict(X[:, :3]), first, "lstm", terms=8)

    def test_any_batch_size_after_a_reset(self) -> None:
        model = follower(stateful=True)
        model.predict(X)
        with pytest.raises(InvalidShapeError, match=r"reset_states\(\) starts from zeros"):
            model.predict(X[:1])
        model.reset_states()
        assert_array_equal(model.predict(X[:1]), follower().predict(X[:1]))

    def test_training_carries_state(self) -> None:
        x = X.reshape(4, 4, 2, 2).swapaxes(0, 1).reshape(16, 2, 2)
        y = Y.reshape(4, 4, 2, 1).swapaxes(0, 1).reshape(16, 2, 1)
        model, carried = follower(stateful=True), follower()
        for _ in range(2):
            model.fit(x, y, batch_size=4, verbose=0)
            model.reset_states()
        carried.fit(x, y, batch_size=4, epochs=2, carry_state=True, verbose=0)
        assert_same(model.get_weights(), carried.get_weights())

    def test_steps_with_a_state_do_not_touch_it(self) -> None:
        model = follower(stateful=True)
        model.predict(X)
        model.step(X, model.initial_state(4))
        _, state = follower().step(X, follower().initial_state(4))
        expected, _ = follower().step(X, state)
        assert_close(model.predict(X), expected, "lstm", terms=16)


class TestCarriedState:
    """The state that a model keeps between two batches."""

    def trained(self) -> lstm.Model:
        model = follower()
        model.train_on_batch(X[:, :3], Y[:, :3], carry_state=True)
        return model

    def test_a_step_goes_on_where_the_last_one_ended(self) -> None:
        model, fitted = self.trained(), follower()
        source = iter([(X[:, :3], Y[:, :3]), (X[:, 3:], Y[:, 3:])])
        history = fitted.fit(source, steps_per_epoch=2, carry_state=True, verbose=0)
        first = follower().evaluate(X[:, :3], Y[:, :3])
        second = model.train_on_batch(X[:, 3:], Y[:, 3:], carry_state=True)
        assert_same(model.get_weights(), fitted.get_weights())
        mean = (3 * first + 5 * second) / 8
        assert_close(history.history["loss"][0], mean, "lstm", terms=32)
        alone = self.trained()
        assert alone.train_on_batch(X[:, 3:], Y[:, 3:]) != second

    def test_is_a_value_to_go_on_from_later(self) -> None:
        model, other = self.trained(), follower()
        state = model.carried_state
        expected = model.train_on_batch(X[:, 3:], Y[:, 3:], carry_state=True)
        assert_same(state["lstm"], self.trained().carried_state["lstm"])
        other.train_on_batch(X[:, :3], Y[:, :3])
        other.carried_state = state
        assert other.train_on_batch(X[:, 3:], Y[:, 3:], carry_state=True) == expected
        assert_same(model.get_weights(), other.get_weights())

    def test_also_where_another_layer_carries_none(self) -> None:
        layers = LSTM(3, stateful=True, return_sequences=True), Bidirectional(LSTM(2))
        model = lstm.Sequential([lstm.Input((None, 2)), *layers])
        model.predict(X)
        state, expected = model.carried_state, model.predict(X)
        model.carried_state = state
        assert_array_equal(model.predict(X), expected)

    def test_some_rows_forget(self) -> None:
        model = self.trained()
        before = model.carried_state
        model.reset_states([2, 0])
        for part, old in zip(model.carried_state["lstm"], before["lstm"], strict=True):
            assert_array_equal(part[[0, 2]], 0)
            assert_array_equal(part[[1, 3]], old[[1, 3]])
        model.reset_states(range(4, 4))
        model.reset_states([])
        assert (model.carried_state["lstm"][0][1] == before["lstm"][0][1]).all()
        model.reset_states()
        assert len(model.carried_state) == 0

    def test_unusable(self) -> None:
        model = self.trained()
        before = model.carried_state
        for rows in ([4], [-1], [0.5], ["a"]):
            with pytest.raises(InvalidValueError, match=r"^rows: expected"):
                model.reset_states(rows)
        for state in ({"lstm": (np.zeros((4, 3)),)}, {"other": (np.zeros((4, 3)),)}, 3, None):
            with pytest.raises(InvalidValueError, match=r"state: expected"):
                model.carried_state = state
        assert_same(model.carried_state["lstm"], before["lstm"])

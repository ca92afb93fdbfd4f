"""A training that runs away stops, says so, and keeps the last weights that are numbers."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm.callbacks import LambdaCallback, TerminateOnNaN
from lstm.errors import DivergedError, StoppedWarning
from lstm.layers import LSTM, Dense, Layer

X = np.random.default_rng(3).normal(size=(8, 5, 2))
Y = np.random.default_rng(4).normal(size=(8, 5, 1))


def network(rate: float = 1e15, **options: Any) -> lstm.Model:
    """A model without bounds, whose weights grow beyond all numbers in a few steps."""
    lstm.set_seed(0)
    layers = [LSTM(4, activation=None, return_sequences=True), Dense(1)]
    model = lstm.Sequential([lstm.Input((None, 2)), *layers])
    model.compile(lstm.optimizers.SGD(rate, **options), "mse")
    return model


def is_finite(model: lstm.Model) -> bool:
    return all(np.isfinite(w).all() for w in model.get_weights())


class TestFit:
    def test_stops_with_the_weights_from_before(self) -> None:
        model, seen = network(), []
        keep = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(_flat(model)))
        with pytest.warns(StoppedWarning, match=r"no longer a finite number in epoch \d, batch \d"):
            history = model.fit(X, Y, batch_size=2, epochs=50, callbacks=keep, verbose=0)
        assert not np.isfinite(history.history["loss"][-1])
        assert len(history.history["loss"]) < 50
        assert is_finite(model)
        assert_array_equal(seen[-2], _flat(model))

    def test_names_the_rate_and_where_it_was_called(self) -> None:
        with pytest.warns(
            StoppedWarning, match="learning rate, which is 1e.15, or set global_clipnorm"
        ) as w:
            network().fit(X, Y, epochs=50, verbose=0)
        assert w[0].filename == __file__

    def test_does_not_blame_a_rate_that_took_no_part(self) -> None:
        class Root(Layer):
            """The root of x, which is no number where x is negative."""

            def output_shapes(self, shape: Any) -> Any:
                return (shape,)

            def forward(self, run: Any, x: Any, *, mask: Any) -> Any:
                with np.errstate(invalid="ignore"):
                    return (np.sqrt(x),), None

            def backward(self, run: Any, cache: Any, dy: Any, *, need: Any) -> Any:
                return (dy,)

        model = lstm.Sequential([lstm.Input((2,)), Root(), Dense(1)])
        model.compile("sgd", "mse")
        with pytest.warns(StoppedWarning, match=r"^the loss of the first batch") as warned:
            model.fit(np.full((4, 2), -1.0), np.ones((4, 1)), epochs=2, verbose=0)
        assert "learning rate" not in str(warned[0].message)
        model.train_on_batch(np.ones((4, 2)), np.ones((4, 1)))  # From now on it may have.
        with pytest.warns(StoppedWarning, match=r"Lower the learning rate"):
            model.fit(np.full((4, 2), -1.0), np.ones((4, 1)), epochs=2, verbose=0)

    def test_blames_one_with_which_no_step_can_be_taken(self) -> None:
        with pytest.warns(StoppedWarning, match=r"Lower the learning rate, which is 1e.30"):
            network(1e30).fit(X, Y, verbose=0)

    def test_also_in_code_that_has_no_name(self) -> None:
        """As `exec` may run it."""
        with pytest.warns(StoppedWarning):
            exec("network().fit(X, Y, epochs=50, verbose=0)", {"network": network, "X": X, "Y": Y})

    def test_takes_the_steps_of_an_optimizer_that_says_nothing_of_them(self) -> None:
        class Counted(lstm.optimizers.SGD):
            steps = 0

            def apply(self, backend: Any, values: Any, gradients: Any) -> Any:
                self.steps += 1
                super().apply(backend, values, gradients)

        model = network()
        model.compile(Counted(0.01), "mse")
        history = model.fit(X, Y, batch_size=2, epochs=3, verbose=0).history
        assert np.isfinite(history["loss"]).all()
        assert model.optimizer.steps == 12  # type: ignore[attr-defined]

    def test_a_gradient_beyond_all_numbers_takes_no_step(self) -> None:
        """The loss may still be finite: (1e19)² is, and the gradient of a weight of 1e20 is not."""
        model = lstm.Sequential([lstm.Input((1,)), Dense(1), Dense(1)])
        model.compile(lstm.optimizers.SGD(0.1), "mse")
        weights = [np.full((1, 1), w, "float32") for w in (1e-1, 1e20)]
        model.set_weights([weights[0], np.zeros(1), weights[1], np.zeros(1)])
        before = model.get_weights()
        assert np.isnan(model.train_on_batch(np.ones((1, 1)), np.zeros((1, 1))))
        assert model.optimizer.step == 0
        for now, old in zip(model.get_weights(), before, strict=True):
            assert_array_equal(now, old)

    @pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam"])
    def test_nor_one_whose_square_is(self, optimizer: str) -> None:
        """The mean square would be infinite from then on, and every later step 0."""
        model = lstm.Sequential([lstm.Input((1,)), Dense(1, use_bias=False)])
        model.compile(optimizer, "mae")
        assert np.isnan(model.train_on_batch(np.full((1, 1), 1e20), np.zeros((1, 1))))
        assert not any(np.asarray(slot).any() for slot in model.optimizer.slots.values())

    @pytest.mark.parametrize("clipnorm", [None, 1.0])
    def test_train_on_batch_returns_what_is_no_number(self, clipnorm: float | None) -> None:
        model = network(clipnorm=clipnorm)
        huge = [w * np.float32(1e30) for w in model.get_weights()]
        model.set_weights(huge)
        assert not np.isfinite(model.train_on_batch(X, Y))
        for now, old in zip(model.get_weights(), huge, strict=True):
            assert_array_equal(now, old)

    def test_whoever_watches_for_it_is_not_warned(self, capsys: Any) -> None:
        model = network()
        model.fit(X, Y, epochs=50, callbacks=TerminateOnNaN(), verbose=0)
        assert "training stops" in capsys.readouterr().out
        assert is_finite(model)

    def test_validation_is_that_of_the_weights_kept(self) -> None:
        model, quiet = network(), np.zeros_like(X)
        with pytest.warns(StoppedWarning):
            logs = model.fit(X, Y, epochs=50, validation_data=(quiet, Y), verbose=0).history
        assert np.isfinite(logs["val_loss"][-1])
        assert logs["val_loss"][-1] == model.evaluate(quiet, Y)


def test_a_network_is_left_with_its_last_weights() -> None:
    network = lstm.LSTMNetwork(2, 4, 1, optimizer=lstm.optimizers.SGD(), seed=0)
    with pytest.raises(DivergedError, match=r"lower learning_rate, which is 1e.37"):
        network.train(X, Y, epochs=50, learning_rate=1e37, verbose=0)
    assert is_finite(network.model)


def _flat(model: lstm.Model) -> Any:
    return np.concatenate([w.ravel() for w in model.get_weights()])

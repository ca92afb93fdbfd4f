"""What layers, losses and optimizers that users write are held to, in their own names."""

from typing import Any

import numpy as np
import pytest

import lstm
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.layers import LSTM, Dense, Layer
from lstm.losses import Loss
from lstm.optimizers import SGD, Optimizer

X = np.random.default_rng(3).normal(size=(4, 6, 2))


class Offset(Layer):
    """x + b."""

    keeps_mask = memoryless = True

    def build(self, shape: Any) -> None:
        self.add_weight("b", shape[-1:], "zeros")

    def output_shapes(self, shape: Any) -> Any:
        return (shape,)

    def forward(self, run: Any, x: Any, *, mask: Any) -> Any:
        return (x + self.value("b"),), None

    def backward(self, run: Any, cache: Any, dy: Any, *, need: Any) -> Any:
        db = self.gradient("b")
        if db is not None:
            db += dy.sum(axis=(0, 1))
        return (dy,)


def model_of(*layers: Layer, **options: Any) -> lstm.Model:
    lstm.set_seed(5)
    model = lstm.Sequential([lstm.Input((None, 2)), *layers])
    model.compile(**{"optimizer": "sgd", "loss": "mse"} | options)
    return model


class TestWeights:
    @pytest.mark.parametrize("method", ["value", "gradient"])
    def test_of_another_name_are_refused(self, method: str) -> None:
        offset, dense, lean = Offset(), Dense(2), Dense(2, use_bias=False)
        model_of(offset, dense, lean)
        for layer, name, message in (
            (offset, "bias", "weight of offset: expected one of 'b', got 'bias'"),
            (dense, "b", r"weight of dense: expected one of 'kernel', 'bias'.*, got 'b'"),
            (lean, "bias", "weight of dense_1: expected one of 'kernel', got 'bias'"),
            (lstm.layers.Flatten(), "b", "weight of flatten: expected one that add_weight made"),
        ):
            with pytest.raises(InvalidValueError, match=f"^{message}"):
                getattr(layer, method)(name)

    def test_that_are_frozen_have_no_gradient(self) -> None:
        offset = Offset(trainable=False)
        model = model_of(LSTM(2, return_sequences=True), offset)
        model.fit(X, X, verbose=0)
        assert offset.gradient("b") is None
        assert not offset.value("b").any()


def offset(**members: Any) -> Layer:
    """An Offset that has other methods."""
    return type("Offset", (Offset,), members)()  # type: ignore[no-any-return]


class TestForward:
    @pytest.mark.parametrize(
        ("returned", "message"),
        [
            (lambda x: ((x[:, 1:],), None), r"output of offset: expected shape \(4, 6, 2\), got"),
            (lambda x: ((x[1:],), None), r"output of offset: expected shape \(4, 6, 2\), got"),
            (lambda x: ((x[..., :1],), None), r"output of offset: expected shape \(4, 6, 2\), got"),
            (lambda x: ((x.sum(),), None), r"output of offset: expected shape \(4, 6, 2\), got"),
            (lambda x: ((None,), None), "output of offset: expected an array, got None"),
            (lambda x: ((x, x), None), "forward of offset: expected as many outputs as .*, 1, got"),
            (lambda x: ((), None), r"forward of offset: expected as many outputs as .*, got \(\)"),
            (lambda x: x, r"forward of offset: expected \(outputs, cache\), with the outputs in a"),
            (lambda x: x[:2], r"forward of offset: expected .*, got an array of shape \(2, 6, 2\)"),
            (lambda x: (x, None), r"forward of offset: .*, got \(an array of .*\), None\)"),
            (lambda x: (x,), "forward of offset: expected"),
            (lambda x: None, "forward of offset: expected .*, got None"),
        ],
    )
    def test_returns_what_output_shapes_says(self, returned: Any, message: str) -> None:
        layer = offset(forward=lambda self, run, x, *, mask: returned(x))
        model = model_of(layer)
        for use in (lambda: model.predict(X), lambda: model.fit(X, X, verbose=0)):
            with pytest.raises(InvalidValueError, match=f"^{message}"):
                use()

    def test_may_leave_sizes_open(self) -> None:
        layer = offset(
            output_shapes=lambda self, shape: ((None, None, shape[-1]),),
            forward=lambda self, run, x, *, mask: ((x[:, 1:],), None),
        )
        assert model_of(layer).predict(X).shape == (4, 5, 2)

    @pytest.mark.parametrize(
        ("method", "wrong", "argument"),
        [
            ("forward", lambda self, run, x: ((x,), None), "mask"),
            ("backward", lambda self, run, cache, dy: (dy,), "need"),
        ],
    )
    def test_and_backward_take_what_is_handed_to_them(
        self, method: str, wrong: Any, argument: str
    ) -> None:
        message = f"^Offset.{method}: expected the argument {argument}, by name, got none"
        with pytest.raises(InvalidTypeError, match=message):
            offset(**{method: wrong})

    @pytest.mark.parametrize(
        "left", [lambda x: (x,), lambda x: (x[:1, -1],), lambda x: (x[:, -1], x[:, -1])]
    )
    def test_leaves_the_state_that_state_shapes_says(self, left: Any) -> None:
        def forward(self: Any, run: Any, x: Any, *, mask: Any) -> Any:
            run.leave_state(left(x))
            return (x,), None

        layer = offset(forward=forward, state_shapes=lambda self, shape: (shape[2:],))
        message = r"^state of offset: expected arrays of shapes \[\(4, 2\)\], as state_shapes says"
        with pytest.raises(InvalidValueError, match=message):
            model_of(layer).fit(X, X, carry_state=True, verbose=0)

    @pytest.mark.parametrize("shapes", [(None, None, 2), None, (), 3, ((None, "b"),)])
    def test_is_preceded_by_shapes_that_are_some(self, shapes: Any) -> None:
        layer = offset(output_shapes=lambda self, shape: shapes)
        with pytest.raises(InvalidTypeError, match=r"^output_shapes of offset: expected an? "):
            model_of(layer, Dense(1))


class TestBackward:
    @pytest.mark.parametrize(
        "returned",
        [
            lambda dy: (),
            lambda dy: (None,),
            lambda dy: (dy, dy),
            lambda dy: dy,
            lambda dy: None,
            lambda dy: (dy[:, 1:],),
            lambda dy: (dy[..., :1],),
            lambda dy: (0.0,),
        ],
    )
    def test_returns_a_gradient_for_each_input(self, returned: Any) -> None:
        layer = offset(backward=lambda self, run, cache, dy, *, need: returned(dy))
        with pytest.raises(InvalidValueError, match=r"^backward of offset: expected .* gradient"):
            model_of(Dense(2), layer).fit(X, X, verbose=0)

    def test_may_return_none_where_nothing_learns_below(self) -> None:
        layer = offset(backward=lambda self, run, cache, dy, *, need: (dy if need[0] else None,))
        model_of(layer).fit(X, X, verbose=0)

    @pytest.mark.parametrize("given", [False, True])
    def test_of_an_lstm_suits_a_class_derived_from_it(self, given: bool) -> None:
        class Mine(LSTM):
            """With or without an initial state, which is an input or not."""

        below, x, h = Dense(2), lstm.Input((None, 2)), lstm.Input((2,))
        options = {"initial_state": [below(h), h]} if given else {}
        y = Mine(2, return_sequences=True)(below(x), **options)
        model = lstm.Model([x, h] if given else x, y)
        model.compile("sgd", "mse")
        before = below.value("kernel").copy()
        model.train_on_batch([X, X[:, 0]] if given else X, X)
        assert (below.value("kernel") != before).all()


class Squared(Loss):
    """(y - t)², with halves that a test may replace."""

    def forward(self, ops: Any, y: Any, target: Any, weight: Any) -> Any:
        return float(np.mean((y - target) ** 2)), 2 * (y - target) / y.size

    def backward(self, ops: Any, cache: Any) -> Any:
        return cache


def squared(**members: Any) -> Loss:
    return type("Squared", (Squared,), members)()  # type: ignore[no-any-return]


class TestLosses:
    @pytest.mark.parametrize(
        ("returned", "got"),
        [
            (lambda e: float(e.mean()), "float "),
            (lambda e: (float(e.mean()),), r"\(float .*\)"),
            (lambda e: (e, None), r"\(an array of shape \(4, 6, 2\), None\)"),
            (lambda e: (e.mean(0), e), r"\(an array of shape \(6, 2\), an array of"),
            (lambda e: (None, e), r"\(None, an array of"),
            (lambda e: ("0.5", e), r"\(str '0.5', an array of"),
            (lambda e: None, "None"),
        ],
    )
    def test_are_a_number(self, returned: Any, got: str) -> None:
        loss = squared(forward=lambda self, ops, y, target, weight: returned(y - target))
        model = model_of(Dense(2), loss=loss)
        message = rf"^forward of Squared: expected \(loss, cache\), with .* number, got {got}"
        for use in (model.fit, model.evaluate):
            with pytest.raises(InvalidTypeError, match=message):
                use(X, X, verbose=0)

    @pytest.mark.parametrize("returned", [lambda dy: None, lambda dy: dy[:1], lambda dy: dy.mean()])
    def test_have_a_gradient_like_the_output(self, returned: Any) -> None:
        model = model_of(Dense(2), loss=squared(backward=lambda self, ops, cache: returned(cache)))
        message = r"^backward of Squared: expected the gradient .* \(4, 6, 2\), got"
        with pytest.raises(InvalidValueError, match=message):
            model.fit(X, X, verbose=0)

    @pytest.mark.parametrize("number", [float, np.float32, np.array])
    def test_that_are_right_train(self, number: Any) -> None:
        def forward(self: Any, ops: Any, y: Any, target: Any, weight: Any) -> Any:
            loss, cache = Squared.forward(self, ops, y, target, weight)
            return number(loss), cache

        losses = [
            model_of(Dense(2), loss=loss).train_on_batch(X, X[..., ::-1].copy())
            for loss in ("mse", squared(forward=forward))
        ]
        assert losses[1] == pytest.approx(losses[0], rel=1e-6)


class TestOptimizers:
    def test_change_the_weights_in_place(self) -> None:
        class Signs(Optimizer):
            def update(self, backend: Any, values: Any, gradients: Any) -> Any:
                return values - self.learning_rate * np.sign(gradients)

        model = model_of(Dense(2), optimizer=Signs(0.1))
        message = (
            r"^Signs.update: expected `values` changed in place.*, got an array of shape \(6,\)"
        )
        with pytest.raises(InvalidTypeError, match=message):
            model.fit(X, X, verbose=0)

    def test_of_the_library_are_a_base_too(self) -> None:
        class Twice(SGD):
            def update(self, backend: Any, values: Any, gradients: Any) -> Any:
                for _ in range(2):
                    super().update(backend, values, gradients)

        found = []
        for optimizer in (Twice(0.1), SGD(0.2)):
            model = model_of(Dense(2), optimizer=optimizer)
            model.train_on_batch(X, X)
            found.append(model.get_weights()[0])
        np.testing.assert_allclose(found[0], found[1], rtol=1e-5)

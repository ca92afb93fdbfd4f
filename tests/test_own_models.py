"""Models and layers of users: building, and training in between."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.layers import LSTM, Dense, Dropout, Layer
from own_layers import X


class Block(Layer):
    """As for Keras: `build` makes the parts, `training` is handed on."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.shapes: list[Any] = []

    def build(self, input_shape: Any) -> None:
        self.shapes.append(input_shape)
        self.dense, self.dropout = Dense(input_shape[-1]), Dropout(0.5)

    def call(self, inputs: Any, training: Any = None) -> Any:
        return self.dropout(self.dense(inputs, training=training), training=training)


class Tagger(lstm.Model):
    def __init__(self) -> None:
        super().__init__()
        self.block, self.built_for = Block(), []

    def build(self, input_shape: Any) -> None:
        self.built_for.append(input_shape)
        self.lstm = LSTM(3, return_sequences=True)
        super().build(input_shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.block(self.lstm(inputs), training=training)


class TestBuild:
    def test_is_called_once_before_call(self) -> None:
        block = Block()
        model = lstm.Sequential([LSTM(3, return_sequences=True), block, block])
        assert model.predict(X).shape == (4, 6, 3)
        assert block.shapes == [(None, 6, 3)]
        assert "block/dense/kernel" in model.graph.weights

    def test_of_several_inputs_gets_a_list(self) -> None:
        class Joined(Layer):
            def build(self, input_shape: Any) -> None:
                self.dense = Dense(sum(shape[-1] for shape in input_shape))

            def call(self, inputs: Any) -> Any:
                return self.dense(lstm.ops.concatenate(inputs))

        assert Joined()([lstm.Input((2,)), lstm.Input((3,))]).shape == (None, 5)

    @pytest.mark.parametrize("by_hand", [True, False])
    def test_of_a_model_makes_its_layers_once(self, by_hand: bool) -> None:
        model = Tagger()
        if by_hand:
            model.build((None, 6, 2))
        else:
            model.predict(X)
        assert model.built_for == [(None, 6, 2)]
        assert model.built
        assert model.count_params() == 4 * 3 * (2 + 3 + 1) + 3 * 4
        assert model.predict(X).shape == (4, 6, 3)

    def test_is_called_again_after_an_interruption(self) -> None:
        class Interrupted(Block):
            def build(self, input_shape: Any) -> None:
                first = not self.shapes
                super().build(input_shape)
                if first:
                    raise KeyboardInterrupt

        block = Interrupted()
        with pytest.raises(KeyboardInterrupt):
            block(lstm.Input((6, 3)))
        assert not block.built
        assert block(lstm.Input((6, 3))).shape == (None, 6, 3)
        assert len(block.shapes) == 2

    def test_tells_a_model_its_shape(self) -> None:
        model = lstm.Sequential([LSTM(3), Dense(1)])
        model.build(input_shape=(8, 6, 2))
        assert model.count_params() == 76
        assert model.predict(X).shape == (4, 1)
        model.add(Dense(2))
        model.build((None, None, 2))
        assert model.count_params() == 80

    def test_of_several_inputs_tells_all_shapes(self) -> None:
        class Both(lstm.Model):
            def call(self, inputs: Any) -> Any:
                return lstm.ops.add(*inputs)

        model = Both()
        model.build([(None, 3), (None, 3)])
        assert_array_equal(model.predict([np.ones((1, 3)), np.ones((1, 3))]), [[2, 2, 2]])

    @pytest.mark.parametrize("shape", [3, "ab", (None, 2.5), [(None, 3), 4]])
    def test_refuses_what_is_no_shape(self, shape: Any) -> None:
        with pytest.raises(InvalidTypeError, match=r"^input_shape: expected"):
            lstm.Sequential([Dense(1)]).build(shape)

    def test_that_fails_is_tried_again(self) -> None:
        class Narrow(Layer):
            def build(self, input_shape: Any) -> None:
                if input_shape[-1] > 2:
                    raise InvalidValueError("input", "two features", input_shape[-1])
                self.dense = Dense(1)

            def call(self, inputs: Any) -> Any:
                return self.dense(inputs)

        layer = Narrow()
        with pytest.raises(InvalidValueError, match=r"two features"):
            layer(lstm.Input((3,)))
        assert layer(lstm.Input((2,))).shape == (None, 1)

    def test_has_weights_beside_its_layers(self) -> None:
        class Weighted(Layer):
            def build(self, input_shape: Any) -> None:
                self.w = self.add_weight("w", (2, 3))

            def call(self, inputs: Any) -> Any:
                return inputs @ self.w

        x = lstm.Input((2,))
        model = lstm.Model(x, Weighted()(x))
        assert list(model.graph.weights) == ["weighted/w"]


class TestTraining:
    def test_is_handed_on(self) -> None:
        """Dropout drops while fit trains, and not in predict."""
        lstm.set_seed(1)
        model = lstm.Sequential([lstm.Input((50,)), Block()])
        model.set_weights([np.eye(50), np.zeros(50)])
        x = np.ones((4, 50))
        assert_array_equal(model.predict(x), x)
        model.compile(lstm.optimizers.SGD(0.0), "mse")
        # Half of the outputs are 0, the others 2.
        assert model.train_on_batch(x, x) == pytest.approx(1)
        assert model.evaluate(x, x) == 0

    @pytest.mark.parametrize("default", [None, False])
    def test_cannot_be_branched_on(self, default: Any) -> None:
        class Noisy(Layer):
            def call(self, inputs: Any, training: Any = default) -> Any:
                return Dropout(0.5)(inputs) if training else inputs

        with pytest.raises(
            InvalidTypeError, match=r"^training: expected to be passed on to a layer"
        ):
            Noisy()(lstm.Input((3,)))
        with pytest.raises(
            InvalidTypeError, match=r"^training: expected to be passed on to a layer"
        ):
            lstm.Sequential([lstm.Input((3,)), Noisy()]).summary()

    @pytest.mark.parametrize("x", [lstm.Input((5, 3)), np.ones((2, 5, 3))])
    def test_is_true_or_false(self, x: Any) -> None:
        for layer in (Dropout(0.5), LSTM(2), lstm.layers.Bidirectional(LSTM(2))):
            with pytest.raises(InvalidTypeError, match=r"^training: expected True or False"):
                layer(x, training="yes")


class Making(lstm.Model):
    """A model that makes a layer each time that `call` runs."""

    def call(self, inputs: Any) -> Any:
        return Dense(1)(inputs)


class MakingLayer(Layer):
    def call(self, inputs: Any) -> Any:
        return Making()(inputs)


class Late(Layer):
    """A layer that makes a weight when it computes."""

    def output_shapes(self, *shapes: Any) -> Any:
        return shapes

    def forward(self, run: Any, x: Any, *, mask: Any) -> Any:
        self.add_weight("w", (2, 2))
        return (x,), None


class TestLayersMadeInCall:
    @pytest.mark.parametrize("kind", [Making, MakingLayer])
    def test_learn(self, kind: Any) -> None:
        x = lstm.Input((None, 2))
        model = lstm.Model(x, kind()(x))
        model.compile("sgd", "mse")
        before = model.get_weights()
        model.fit(np.ones((3, 4, 2)), np.ones((3, 4, 1)), verbose=0)
        assert len(before) == 2
        assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))

    @pytest.mark.parametrize("kind", [Making, MakingLayer])
    def test_are_refused_in_a_second_call(self, kind: Any) -> None:
        """It would compute with new weights, in place of those that have learned."""
        made = kind()
        made(lstm.Input((None, 2)))
        message = (
            rf"^call of {kind.__name__}: expected the layers that .* in attributes.*a new Dense"
        )
        with pytest.raises(InvalidValueError, match=message):
            made(lstm.Input((None, 2)))

    def test_are_refused_after_training(self) -> None:
        model = Making()
        model.compile("sgd", "mse")
        model.fit(np.ones((3, 2)), np.ones((3, 1)), verbose=0)
        with pytest.raises(InvalidValueError, match=r"^call of Making: expected the layers"):
            model(lstm.Input((2,)))

    def test_may_have_no_weights(self) -> None:
        class Activated(Layer):
            def __init__(self) -> None:
                super().__init__()
                self.parts = [Dense(2), Block()]

            def call(self, inputs: Any) -> Any:
                return Dropout(0.5)(self.parts[1](self.parts[0](inputs)))

        made, x = Activated(), lstm.Input((2,))
        assert len(lstm.Model(x, made(made(x))).weights) == 4

    def test_nor_may_weights_be_made_later(self) -> None:
        x = lstm.Input((2,))
        model = lstm.Model(x, Late()(x))
        with pytest.raises(InvalidTypeError, match=r"^w of late: expected a weight that `build`"):
            model.predict(np.ones((3, 2)))

"""Models: the three ways to make one, shared layers, weights, data in and out, errors."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

import lstm
from lstm.errors import (
    InvalidShapeError,
    InvalidTypeError,
    InvalidValueError,
    LSTMError,
    NotReadyError,
)
from lstm.layers import LSTM, Add, Bidirectional, Concatenate, Dense, Embedding, Layer
from tolerances import assert_close

pytestmark = pytest.mark.usefixtures("float64")

X = np.random.default_rng(3).normal(size=(6, 5, 2))
Y = np.random.default_rng(4).normal(size=(6, 1))


class Regressor(lstm.Model):
    """A subclassed model, with a layer of its own that is defined by `call`."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = LSTM(3, return_sequences=True)
        self.last = LastStep()
        self.dense = Dense(1)

    def call(self, inputs: Any) -> Any:
        return self.dense(self.last(self.lstm(inputs)))


class LastStep(Layer):
    def call(self, inputs: Any) -> Any:
        return inputs[:, -1]


def functional() -> lstm.Model:
    x = lstm.Input((None, 2))
    return lstm.Model(x, Dense(1)(LSTM(3)(x)))


def sequential() -> lstm.Sequential:
    return lstm.Sequential([lstm.Input((None, 2)), LSTM(3), Dense(1)])


def random_weights(model: lstm.Model) -> list[NDArray[Any]]:
    rng = np.random.default_rng(5)
    return [rng.normal(0, 0.8, w.shape) for w in model.get_weights()]


class TestThreeWays:
    def test_same_numbers_with_the_same_weights(self) -> None:
        models = [functional(), sequential(), Regressor()]
        models[2].predict(X)
        weights = random_weights(models[0])
        histories = []
        for model in models:
            model.set_weights(weights)
            model.compile("adam", "mse")
            histories.append(model.fit(X, Y, epochs=3, batch_size=2, shuffle=False, verbose=0))
        for model, history in zip(models[1:], histories[1:], strict=True):
            assert_array_equal(model.predict(X), models[0].predict(X))
            assert history.history == histories[0].history
        assert len(set(histories[0].history["loss"])) == 3

    def test_subclass_is_built_by_its_first_data(self) -> None:
        model = Regressor()
        with pytest.raises(NotReadyError, match="shape of the input is not known"):
            model.count_params()
        model.compile("sgd", "mse")
        model.fit(X, Y, verbose=0)
        assert model.count_params() == 76
        assert model.predict(X[:2, :3]).shape == (2, 1)

    def test_subclass_takes_tokens_of_any_length(self) -> None:
        class Tagger(lstm.Model):
            def __init__(self) -> None:
                super().__init__()
                self.layers_ = [Embedding(9, 2), LSTM(3, return_sequences=True)]

            def call(self, inputs: Any) -> Any:
                for layer in self.layers_:
                    inputs = layer(inputs)
                return inputs

        model = Tagger()
        assert model.predict(np.ones((3, 7), int)).shape == (3, 7, 3)
        assert model.predict(np.ones((1, 1), int)).shape == (1, 1, 3)

    def test_subclass_within_a_functional_model(self) -> None:
        inner = Regressor()
        x = lstm.Input((None, 2))
        outer = lstm.Model(inputs=x, outputs=inner(x))
        outer.compile("sgd", "mse")
        outer.fit(X, Y, verbose=0)
        assert_array_equal(inner.predict(X), outer.predict(X))

    def test_subclass_of_several_inputs(self) -> None:
        class Both(lstm.Model):
            def call(self, inputs: Any) -> Any:
                return Concatenate()(list(inputs))

        y = Both().predict([X[:, 0], X[:, 1]])
        assert_array_equal(y, np.concatenate([X[:, 0], X[:, 1]], -1))

    def test_subclass_is_built_by_sequences_of_different_lengths(self) -> None:
        assert Regressor().predict([X[0], X[1, :3]]).shape == (2, 1)

    @pytest.mark.parametrize(
        "data", [list(X), [X[0], X[1, :3]], [X[0]]], ids=["equal", "ragged", "one"]
    )
    def test_sequential_is_built_by_a_list_of_sequences(self, data: list[Any]) -> None:
        assert np.shape(lstm.Sequential([LSTM(3)]).predict(data)) == (len(data), 3)


class TestSequential:
    @pytest.mark.parametrize(
        "first",
        [
            lambda: [lstm.Input((None, 2)), LSTM(3)],
            lambda: [LSTM(3, input_shape=(None, 2))],
            lambda: [LSTM(3, batch_input_shape=(16, None, 2))],
            lambda: [Bidirectional(LSTM(3, input_shape=(None, 2)))],
        ],
        ids=["Input", "input_shape", "batch_input_shape", "inner input_shape"],
    )
    def test_shape_of_the_input(self, first: Any) -> None:
        model = lstm.Sequential([*first(), Dense(1)])
        assert model.graph.inputs[0].shape == (None, None, 2)
        assert model.predict(X).shape == (6, 1)

    def test_input_length_of_an_embedding(self) -> None:
        model = lstm.Sequential()
        model.add(Embedding(10, 4, input_length=5))
        model.add(LSTM(3))
        assert model.graph.inputs[0].shape == (None, 5)
        tokens = np.array([[1, 2, 3, 4]])
        unbound = lstm.Sequential([lstm.Input((None,)), *model.layers])
        assert_close(model.predict(tokens), unbound.predict(tokens), "lstm")

    def test_layers_come_and_go(self) -> None:
        model = sequential()
        before = model.predict(X)
        dense = model.pop()
        hidden = model.predict(X)
        assert hidden.shape == (6, 3)
        model.add(Dense(2))
        assert model.predict(X).shape == (6, 2)
        model.pop()
        model.add(dense)
        assert_array_equal(model.predict(X), before)
        assert [layer.name for layer in model.layers] == ["lstm", "dense"]

    def test_a_compiled_model_can_grow(self) -> None:
        model = sequential()
        model.compile("sgd", "mse")
        model.fit(X, Y, verbose=0)
        model.add(Dense(2))
        model.fit(X, np.repeat(Y, 2, 1), verbose=0)
        assert model.predict(X).shape == (6, 2)

    def test_unusable_chains(self) -> None:
        with pytest.raises(InvalidTypeError, match="layer: expected a Layer"):
            lstm.Sequential([3])
        with pytest.raises(InvalidTypeError, match="Input at the start"):
            lstm.Sequential([Dense(1), lstm.Input((2,))])
        with pytest.raises(InvalidValueError, match="layers: expected at least one"):
            lstm.Sequential().pop()
        with pytest.raises(InvalidValueError, match="layers: expected at least one"):
            lstm.Sequential().predict(X)
        with pytest.raises(InvalidValueError, match="one tensor, in a Sequential, got 3"):
            lstm.Sequential([LSTM(3, return_state=True), Dense(1)]).predict(X)


class TestSharing:
    def test_a_layer_called_twice_has_one_set_of_weights(self) -> None:
        a, b = lstm.Input((2,)), lstm.Input((2,))
        dense = Dense(3, activation="tanh")
        model = lstm.Model([a, b], Add()([dense(a), dense(b)]))
        assert model.count_params() == 9
        x, z, y = X[:, 0], X[:, 1], X[:, :, 0][:, :3]
        w, bias = random_weights(model)
        model.set_weights([w, bias])
        p, q = np.tanh(x @ w + bias), np.tanh(z @ w + bias)
        model.compile(lstm.optimizers.SGD(0.0), "mse")
        model.train_on_batch([x, z], y)
        dy = 2 * (p + q - y) / y.size
        dw = x.T @ (dy * (1 - p**2)) + z.T @ (dy * (1 - q**2))
        assert_close(model.graph.weights["dense/kernel"].gradient, dw, "product", terms=12)

    def test_translator_and_its_parts_share_weights(self) -> None:
        """The encoder and decoder that answer are those that learned."""
        source, target = lstm.Input((None, 2)), lstm.Input((None, 4))
        encoder = LSTM(3, return_state=True)
        decoder = LSTM(3, return_sequences=True, return_state=True)
        dense = Dense(4, activation="softmax")
        _, *states = encoder(source)
        y, _, _ = decoder(target, initial_state=states)
        translator = lstm.Model([source, target], dense(y))
        thinker = lstm.Model(source, states)
        h, c = lstm.Input((3,)), lstm.Input((3,))
        y, *new = decoder(target, initial_state=[h, c])
        speaker = lstm.Model([target, h, c], [dense(y), *new])

        words = np.eye(4)[np.random.default_rng(1).integers(0, 4, (6, 3))]
        old = thinker.predict(X)
        translator.compile(lstm.optimizers.Adam(0.1), "categorical_crossentropy")
        translator.fit([X, words], words, epochs=2, verbose=0)
        assert (thinker.predict(X)[0] != old[0]).any()
        whole = translator.predict([X, words])
        state = thinker.predict(X)
        for t in range(3):
            y, *state = speaker.predict([words[:, t : t + 1], *state])
            assert_close(y[:, 0], whole[:, t], "lstm", terms=8)

    def test_models_that_train_in_turns_keep_sharing(self) -> None:
        x = lstm.Input((None, 2))
        hidden = LSTM(3)(x)
        first, second = lstm.Model(x, Dense(1)(hidden)), lstm.Model(x, Dense(2)(hidden))
        shared = lstm.Model(x, hidden)
        first.compile("sgd", "mse")
        second.compile("adam", "mse")
        before = shared.predict(X)
        for model, y in ((first, Y), (second, np.repeat(Y, 2, 1)), (first, Y)):
            model.fit(X, y, verbose=0)
            after = shared.predict(X)
            assert (after != before).any()
            weights = model.get_weights()[:3]
            for got, expected in zip(shared.get_weights(), weights, strict=True):
                assert_array_equal(got, expected)
            before = after

    def test_a_model_within_a_model(self) -> None:
        inner = lstm.Sequential([lstm.Input((2,)), Dense(3, activation="tanh"), Dense(2)])
        x = lstm.Input((2,))
        outer = lstm.Model(x, inner(inner(x)))
        assert outer.count_params() == inner.count_params() == 17
        assert_array_equal(outer.predict(X[:, 0]), inner.predict(inner.predict(X[:, 0])))
        outer.compile("sgd", "mse")
        outer.fit(X[:, 0], X[:, 1], verbose=0)
        assert_array_equal(outer.predict(X[:, 0]), inner.predict(inner.predict(X[:, 0])))
        with pytest.raises(InvalidTypeError, match="expected 1 tensors, got 2"):
            lstm.Model(x, Dense(1)(x))([x, x])


class TestInputsAndOutputs:
    def model(self) -> lstm.Model:
        a, b = lstm.Input((None, 2), name="signal"), lstm.Input((3,), name="facts")
        return lstm.Model([a, b], [Dense(1)(LSTM(3)(a)), Dense(2)(b)])

    def test_a_list_or_a_dict(self) -> None:
        model, facts = self.model(), X.reshape(6, 10)[:, :3]
        listed = model.predict([X, facts], batch_size=4)
        named = model.predict({"facts": facts, "signal": X})
        assert [y.shape for y in listed] == [(6, 1), (6, 2)]
        for y, z in zip(listed, named, strict=True):
            assert_close(y, z, "lstm", terms=5)

    def test_wrong_lists_and_dicts(self) -> None:
        model, facts = self.model(), X.reshape(6, 10)[:, :3]
        with pytest.raises(InvalidTypeError, match="x: expected a list of 2 arrays"):
            model.predict(X)
        with pytest.raises(InvalidValueError, match=r"the inputs \['signal', 'facts'\]"):
            model.predict({"signal": X, "fact": facts})
        with pytest.raises(InvalidShapeError, match=r"x\[1\]: expected shape \(any, 3\)"):
            model.predict([X, facts[:, :2]])
        with pytest.raises(InvalidShapeError, match="6 examples for each input, got 5"):
            model.predict([X, facts[:5]])

    def test_called_on_a_dict_of_tensors(self) -> None:
        x, y = lstm.Input((None, 2), name="x"), lstm.Input((None, 3), name="y")
        inner = lstm.Model([x, y], Dense(1)(LSTM(2)(Concatenate()([x, y]))))
        p, q = lstm.Input((None, 2)), lstm.Input((None, 3))
        outer = lstm.Model([p, q], inner({"y": q, "x": p}))
        data = [X, np.concatenate([X, X[..., :1]], -1)]
        assert_array_equal(outer.predict(data), inner.predict(data))
        only = lstm.Model({"x": x}, LSTM(2)(x))
        assert_array_equal(lstm.Model(p, only({"x": p})).predict(X), only.predict(X))
        with pytest.raises(InvalidValueError, match=r"the inputs \['x', 'y'\], got \['x'\]"):
            inner({"x": p})

    def test_a_subclass_called_on_a_dict_of_tensors(self) -> None:
        class OfParts(lstm.Model):
            def call(self, inputs: Any) -> Any:
                return Concatenate()([inputs["b"], inputs["a"]])

        a, b = lstm.Input((1,)), lstm.Input((2,))
        model = lstm.Model([a, b], OfParts()({"a": a, "b": b}))
        assert model.predict([[[1]], [[2, 3]]]).tolist() == [[2, 3, 1]]

    def test_called_on_arrays_it_answers(self) -> None:
        model = sequential()
        assert_array_equal(model(X), model.predict(X))
        assert_array_equal(model(X, training=False), model.predict_on_batch(X))
        with pytest.raises(InvalidTypeError, match=r"^training: expected True or False"):
            model(X, training="yes")

    def test_a_feature_axis_of_one_may_be_left_out(self) -> None:
        model = lstm.Sequential([lstm.Input((None, 1)), LSTM(3)])
        assert_array_equal(model.predict(X[:, :, 0]), model.predict(X[:, :, :1]))

    def test_batch_size_does_not_matter(self) -> None:
        model = sequential()
        for size in (1, 4, 100):
            assert_close(model.predict(X, batch_size=size), model.predict(X), "lstm", terms=5)


class TestErrors:
    @pytest.mark.parametrize(
        ("x", "message"),
        [
            (X[0], r"x: expected shape \(any, any, 2\), got shape \(5, 2\)"),
            (X[:, :, :1], r"x: expected shape \(any, any, 2\), got shape \(6, 5, 1\)"),
            (X.astype(complex), "x: expected numbers, got dtype complex128"),
            (X.astype(str), "x: expected numbers, got dtype <U"),
            ("text", "x: expected numbers"),
            (None, "x: expected numbers, got dtype object"),
            (3.0, "x: expected an array with a batch axis, got a single number"),
            (X[:0], "x: expected at least one example, got none"),
            ([], "x: expected at least one example, got none"),
            ([X[0], X[1, :0]], r"x\[1\]: expected at least one time step, got none"),
            ([X[0], X[1, :3, :1]], r"x\[1\]: expected shape \(T, 2\) like x\[0\]"),
            ([X[0], 3], "x: expected numbers or sequences of numbers, got both"),
            ([[[1.0, 2.0], [3.0]], [[1.0, 2.0]]], r"x\[0\]: expected an array"),
        ],
    )
    @pytest.mark.parametrize("make", [functional, sequential])
    def test_data(self, make: Any, x: Any, message: str) -> None:
        with pytest.raises(InvalidValueError, match=message):
            make().predict(x)

    def test_missing_steps(self) -> None:
        with pytest.raises(NotReadyError, match=r"call compile\(optimizer, loss\) first"):
            sequential().fit(X, Y)
        with pytest.raises(NotReadyError, match=r"call compile\(optimizer, loss\) first"):
            sequential().evaluate(X, Y)
        with pytest.raises(NotReadyError, match=r"define call\(inputs\)"):
            lstm.Model().predict(X)
        with pytest.raises(NotReadyError, match="shape of the input is not known"):
            lstm.Sequential([LSTM(3)]).summary()

    def test_ends_of_a_graph(self) -> None:
        x, y = lstm.Input((2,)), lstm.Input((2,))
        with pytest.raises(InvalidTypeError, match="both inputs and outputs"):
            lstm.Model(x)
        with pytest.raises(InvalidTypeError, match="outputs: expected symbolic tensors"):
            lstm.Model(x, Dense(1))
        with pytest.raises(InvalidValueError, match="every Input that the outputs depend on"):
            lstm.Model(x, Add()([x, y]))

    def test_layers_are_called_on_tensors(self) -> None:
        with pytest.raises(InvalidTypeError, match=r"^input of Dense: .*tensors.*got str"):
            Dense(1)(lstm.Input((2,)), "x")
        with pytest.raises(InvalidTypeError, match=r"^input of dense: expected one tensor, got 2"):
            Dense(1)(lstm.Input((2,)), X)
        with pytest.raises(InvalidTypeError, match=r"call of Dense: .*got 'initial_state'"):
            Dense(1)(lstm.Input((2,)), initial_state=[])
        with pytest.raises(InvalidTypeError, match=r"symbolic tensor.*got a loop"):
            list(lstm.Input((2,)))

    def test_a_layer_has_one_input_size(self) -> None:
        for layer in (Dense(2), LSTM(2)):
            layer(lstm.Input((None, 2)))
            with pytest.raises(InvalidShapeError, match=f"input of {layer.name}"):
                layer(lstm.Input((None, 3)))

    @pytest.mark.parametrize("shape", [3, (2.5,), (-1,)])
    def test_shapes(self, shape: Any) -> None:
        with pytest.raises(LSTMError, match="shape: expected"):
            lstm.Input(shape)

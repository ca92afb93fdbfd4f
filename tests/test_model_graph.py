"""What users ask a model and its layers for: tensors, layers, weights, a table of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from branched_models import OUTLINED
from lstm.errors import (
    InvalidShapeError,
    InvalidTypeError,
    InvalidValueError,
    NoSuchAttributeError,
    NotReadyError,
)
from lstm.layers import (
    LSTM,
    Bidirectional,
    Concatenate,
    Dense,
    Embedding,
    InputLayer,
    Layer,
    TimeDistributed,
)

GOLDEN = json.loads(Path(__file__).with_name("golden").joinpath("keras_layers.json").read_text())
X = np.random.default_rng(0).normal(size=(4, 5, 2))


def chain() -> lstm.Sequential:
    return lstm.Sequential([lstm.Input((5, 2)), LSTM(3, return_sequences=True), LSTM(4), Dense(1)])


def translator() -> lstm.Model:
    """An encoder and a decoder, in the order in which people write them."""
    source, target = lstm.Input((None, 6)), lstm.Input((None, 7))
    _, *states = LSTM(3, return_state=True)(source)
    y, _, _ = LSTM(3, return_sequences=True, return_state=True)(target, initial_state=states)
    return lstm.Model([source, target], Dense(7, activation="softmax")(y))


class TestTensors:
    def test_of_a_functional_model(self) -> None:
        x = lstm.Input((None, 2))
        h = LSTM(3)(x)
        model = lstm.Model(x, [h, Dense(1)(h)])
        assert model.input is x
        assert model.inputs == [x]
        assert model.output == model.outputs
        assert model.output[0] is h
        assert model.output_shape == [(None, 3), (None, 1)]
        assert model.input_shape == (None, None, 2)

    def test_of_several_inputs(self) -> None:
        model = translator()
        assert [tensor.shape for tensor in model.input] == [(None, None, 6), (None, None, 7)]
        assert model.output.shape == (None, None, 7)

    def test_of_a_chain(self) -> None:
        model = chain()
        assert model.input.shape == (None, 5, 2)
        assert model.output_shape == (None, 1)
        assert model.layers[0].output is model.layers[1].input

    def test_of_a_class(self) -> None:
        class Own(lstm.Model):
            def __init__(self) -> None:
                super().__init__()
                self.head = Dense(2)

            def call(self, inputs: Any) -> Any:
                return self.head(inputs)

        model = Own()
        with pytest.raises(NoSuchAttributeError, match="shape of the input is not known yet"):
            _ = model.inputs
        model.predict(X)
        assert model.output.shape == (None, 5, 2)

    def test_before_the_shape_is_known(self) -> None:
        model = lstm.Sequential([LSTM(3)])
        assert not hasattr(model, "input")
        with pytest.raises(NoSuchAttributeError, match=r"lstm\.Input\(shape\)"):
            _ = model.output
        assert [layer.name for layer in model.layers] == ["lstm"]
        assert model.get_layer("lstm") is model.layers[0]
        assert model.weights == []

    def test_a_class_may_have_layers_of_these_names(self) -> None:
        class Named(lstm.Model):
            def __init__(self) -> None:
                super().__init__()
                self.input, self.output = Dense(3), Dense(1)

            def call(self, inputs: Any) -> Any:
                return self.output(self.input(inputs))

        model = Named()
        assert model.predict(X).shape == (4, 5, 1)
        assert isinstance(model.output, Dense)


class TestLayers:
    def test_know_their_first_call(self) -> None:
        x, y = lstm.Input((None, 2)), lstm.Input((None, 2))
        shared = LSTM(3, name="shared")
        first, second = shared(x), shared(y)
        assert shared.input is x
        assert shared.output is first
        assert first is not second

    def test_that_wrap_others_know_it_too(self) -> None:
        x = lstm.Input((None, 2))
        both = Bidirectional(LSTM(3, return_state=True))
        outputs = both(x)
        assert both.input is x
        assert both.output == outputs
        assert len(both.output) == 5
        assert not hasattr(both.forward_layer, "output")

    def test_that_were_not_called(self) -> None:
        layer = Dense(3, name="alone")
        for name in ("input", "output"):
            with pytest.raises(NoSuchAttributeError, match=f"alone has no {name} yet"):
                getattr(layer, name)

    def test_a_call_that_failed_is_none(self) -> None:
        layer = LSTM(3)
        with pytest.raises(InvalidShapeError):
            layer(lstm.Input((2,)))
        assert not hasattr(layer, "output")
        y = layer(lstm.Input((None, 2)))
        assert layer.output is y

    def test_of_a_functional_model_begin_with_its_inputs(self) -> None:
        kinds = [type(layer).__name__ for layer in translator().layers]
        assert kinds == ["InputLayer", "InputLayer", "LSTM", "LSTM", "Dense"]

    def test_have_the_names_of_keras(self) -> None:
        model = translator()
        names = [layer.name for layer in model.layers]
        assert names[2:] == ["lstm", "lstm_1", "dense"]
        assert len(set(names)) == 5
        assert [layer.name for layer in chain().layers] == ["lstm", "lstm_1", "dense"]

    def test_that_wrap_others_are_one(self) -> None:
        x = lstm.Input((None, 2))
        y = Bidirectional(LSTM(3, return_sequences=True))(x)
        model = lstm.Model(x, TimeDistributed(Dense(1))(y))
        names = [layer.name for layer in model.layers]
        assert names == ["input_layer", "bidirectional", "time_distributed"]
        assert isinstance(model.get_layer("bidirectional"), Bidirectional)
        assert isinstance(model.get_layer("bidirectional/backward_lstm"), LSTM)

    def test_of_inputs_are_the_same_each_time(self) -> None:
        model = lstm.Model(x := lstm.Input((5,), name="words"), Embedding(9, 2)(x))
        first = model.layers[0]
        assert isinstance(first, InputLayer)
        assert first is model.layers[0]
        assert first.name == "words"
        assert first.output is x
        assert first.batch_shape == (None, 5)
        assert first.weights == []
        assert repr(first) == "InputLayer(shape=(5,), name='words')"

    def test_an_input_layer_begins_a_chain(self) -> None:
        model = lstm.Sequential([InputLayer(shape=(5, 2)), LSTM(3)])
        assert model.input.shape == (None, 5, 2)
        assert InputLayer(batch_shape=(None, 5, 2)).output.shape == (None, 5, 2)
        with pytest.raises(InvalidTypeError, match="shape or batch_shape, one of them"):
            InputLayer()

    def test_are_found_by_name_or_index(self) -> None:
        model = chain()
        assert model.get_layer("lstm_1") is model.layers[1]
        assert model.get_layer(index=-1) is model.layers[2]
        assert model.get_layer(name="dense") is model.layers[2]
        with pytest.raises(InvalidValueError, match=r"did you mean 'lstm_1'\?"):
            model.get_layer("lstm_2")
        with pytest.raises(InvalidValueError, match="the place of one of 3 layers, got 3"):
            model.get_layer(index=3)
        for options in ({}, {"name": "lstm", "index": 0}):
            with pytest.raises(InvalidTypeError, match="a name or an index"):
                model.get_layer(**options)

    def test_may_be_renamed(self) -> None:
        layer = Dense(3)
        layer.name = "head"
        model = lstm.Sequential([lstm.Input((2,)), layer])
        assert model.get_layer("head") is layer
        assert [weight.path for weight in model.weights] == ["head/kernel", "head/bias"]
        model.name = "mine"
        assert model.name == "mine"


class TestWeights:
    def test_are_lists(self) -> None:
        model = chain()
        first = model.layers[0]
        assert [weight.name for weight in first.weights] == ["kernel", "recurrent_kernel", "bias"]
        assert [weight.shape for weight in first.weights] == [(2, 12), (3, 12), (12,)]
        assert model.weights[:3] == first.weights
        assert model.weights == model.variables == model.trainable_variables
        paths = [weight.path for weight in model.weights]
        assert paths[:2] == ["lstm/kernel", "lstm/recurrent_kernel"]
        assert list(model.named_weights) == paths

    def test_are_arrays(self) -> None:
        weight = chain().layers[-1].weights[0]
        assert weight.dtype == "float32"
        assert_array_equal(np.asarray(weight), weight.numpy())
        copy = weight.numpy()
        copy += 1
        assert (weight.numpy() != copy).all()
        weight.assign([[1], [2], [3], [4]])
        assert weight.numpy().ravel().tolist() == [1, 2, 3, 4]
        assert repr(weight) == "Weight('dense/kernel', shape=(4, 1), dtype='float32')"
        with pytest.raises(InvalidShapeError, match="kernel: expected shape"):
            weight.assign([1, 2])

    def test_that_learn_and_that_do_not(self) -> None:
        model = chain()
        model.layers[0].trainable = False
        assert [w.path for w in model.trainable_weights] == [w.path for w in model.weights[3:]]
        assert model.non_trainable_weights == model.non_trainable_variables == model.weights[:3]
        model.trainable = False
        assert model.trainable_weights == []

    def test_of_one_layer_are_read_and_written(self) -> None:
        one, other = chain(), chain()
        for there, here in zip(one.layers, other.layers, strict=True):
            here.set_weights(there.get_weights())
        assert_array_equal(one.predict(X), other.predict(X))
        dense = one.layers[-1]
        with pytest.raises(InvalidValueError, match="weights: expected 2 arrays, got 1"):
            dense.set_weights([np.zeros((4, 1))])
        with pytest.raises(InvalidShapeError, match="kernel: expected shape"):
            dense.set_weights([np.zeros((3, 1)), np.zeros(1)])
        with pytest.raises(InvalidValueError, match="bias: expected finite numbers"):
            dense.set_weights([np.zeros((4, 1)), [np.nan]])
        assert_array_equal(one.predict(X), other.predict(X))

    def test_of_a_layer_without_a_model(self) -> None:
        layer = Dense(3)
        assert layer.weights == []
        assert not layer.built
        layer(lstm.Input((2,)))
        assert layer.built
        assert [weight.path for weight in layer.weights] == ["dense/kernel", "dense/bias"]
        assert layer.count_params() == 9

    def test_of_a_layer_that_was_built_by_hand(self) -> None:
        """As Keras' example of vectors that were trained elsewhere does."""
        table = np.arange(10.0).reshape(5, 2)
        layer = Embedding(5, 2, trainable=False)
        layer.build((1,))
        assert layer.built
        layer.set_weights([table])
        model = lstm.Sequential([lstm.Input((None,)), layer])
        assert_array_equal(model.predict(np.array([[3, 1]]))[0], table[[3, 1]])
        assert [weight.path for weight in model.weights] == ["embedding/embeddings"]

    def test_are_counted(self) -> None:
        model = chain()
        counts = [layer.count_params() for layer in model.layers]
        assert counts == [72, 128, 5]
        assert model.count_params() == 205
        with pytest.raises(NotReadyError):
            lstm.Sequential([LSTM(3)]).count_params()


class TestStates:
    def test_of_one_layer_start_again(self) -> None:
        layers = [LSTM(3, stateful=True, return_sequences=True), LSTM(3, stateful=True)]
        model = lstm.Sequential([lstm.Input((5, 2)), *layers])
        first = model.predict(X)
        for reset in (model.reset_states, lambda: [layer.reset_states() for layer in layers]):
            assert (model.predict(X) != first).any()
            reset()
            assert_array_equal(model.predict(X), first)
        layers[0].reset_state()
        assert set(model.carried_state) == {"lstm_1"}

    def test_in_a_callback(self) -> None:
        layer = LSTM(3, stateful=True)
        model = lstm.Sequential([lstm.Input((5, 2)), layer, Dense(1)])
        model.compile("sgd", "mse")
        states = []

        def begin(epoch: int, logs: Any) -> None:
            layer.reset_states()
            states.append(len(model.carried_state))

        callback = lstm.callbacks.LambdaCallback(on_epoch_begin=begin)
        model.fit(X, X[:, 0, :1], epochs=2, batch_size=4, verbose=0, callbacks=callback)
        assert states == [0, 0]

    def test_of_several_models(self) -> None:
        layer, x = LSTM(3, stateful=True), lstm.Input((5, 2))
        y = layer(x)
        one, other = lstm.Model(x, y), lstm.Model(x, Dense(1)(y))
        first = one.predict(X), other.predict(X)
        layer.reset_states()
        assert_array_equal(one.predict(X), first[0])
        assert_array_equal(other.predict(X), first[1])


class TestSummary:
    def lines(self, model: lstm.Model, **options: Any) -> list[str]:
        texts: list[str] = []
        model.summary(print_fn=texts.append, **options)
        (text,) = texts
        return text.splitlines()

    def test_shows_layers_within_layers_on_request(self) -> None:
        inner = lstm.Sequential([lstm.Input((5, 2)), LSTM(3), Dense(2)], name="inner")
        model = lstm.Sequential([inner, Dense(1)])
        short, long = self.lines(model), self.lines(model, expand_nested=True)
        assert any(line.startswith("inner (Sequential)") for line in short)
        assert not any("inner/" in line for line in short)
        assert any(line.startswith("inner/lstm (LSTM)") for line in long)
        assert short[-2:] == long[-2:]

    def test_shows_what_learns(self) -> None:
        model = chain()
        model.layers[0].trainable = False
        lines = self.lines(model, show_trainable=True)
        assert lines[2].endswith("Trainable")
        assert [line.split()[-1] for line in lines[4:8]] == ["-", "N", "Y", "Y"]

    def test_has_the_width_that_is_wanted(self) -> None:
        lines = self.lines(chain(), line_length=40)
        assert max(map(len, lines[:9])) == 40
        assert "…" in lines[4]
        assert max(map(len, self.lines(chain(), line_length=100)[:9])) == 100
        ends = self.lines(chain(), line_length=60, positions=[0.5, 0.8, 1.0])
        assert ends[2].index("Output") == 32
        assert ends[2].index("Parameters") + len("Parameters") == 60

    def test_shows_some_layers(self) -> None:
        lines = self.lines(chain(), layer_range=["lstm", "lstm_1"])
        assert [line.split()[0] for line in lines[4:6]] == ["lstm", "lstm_1"]
        assert not any(line.startswith("dense") for line in lines)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"line_length": 3}, "line_length: expected an integer of at least 20"),
            ({"positions": [0.5, 1.0]}, "positions: expected 3 places, one for each column, got 2"),
            ({"positions": [-1, 0.5, 1.0]}, "positions: expected a finite number above 0"),
            ({"layer_range": ["lstm"]}, "layer_range: expected the names of two layers, got 1"),
            ({"layer_range": ["lstn", "dense"]}, "did you mean 'lstm'"),
            ({"expand_nested": 2}, "expand_nested: expected True or False"),
        ],
    )
    def test_refuses_what_makes_no_sense(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(InvalidValueError, match=message):
            chain().summary(**options)


def test_a_merged_model_lists_layers_by_their_distance_from_the_output() -> None:
    x, y = lstm.Input((None, 2)), lstm.Input((3,))
    model = lstm.Model([x, y], Dense(1)(Concatenate()([LSTM(4)(x), y])))
    kinds = [type(layer) for layer in model.layers]
    assert kinds == [InputLayer, LSTM, InputLayer, Concatenate, Dense]
    assert all(isinstance(layer, Layer) for layer in model.layers)


@pytest.mark.parametrize("name", OUTLINED)
def test_layers_and_weights_are_listed_as_by_keras(name: str) -> None:
    expected = GOLDEN[name]
    model: lstm.Model = OUTLINED[name](lstm)
    layers = [[type(layer).__name__, layer.count_params()] for layer in model.layers]
    assert layers == [
        ["Model" if kind == "Functional" else kind, count] for kind, count in expected["layers"]
    ]
    assert [list(weight.shape) for weight in model.weights] == expected["weights"]
    assert model.built == expected["built"]
    if "outputs" in expected:
        assert [list(tensor.shape) for tensor in model.outputs] == expected["outputs"]
    if name in ("branches", "translator", "chain"):
        names = [layer.name for layer in model.layers if isinstance(layer, LSTM)]
        assert names == expected["names"]

"""Models as configs, JSON and files, from which the same layers come back."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.layers import (
    GRU,
    LSTM,
    Bidirectional,
    Concatenate,
    Dense,
    Embedding,
    Input,
    Lambda,
    Layer,
    TiedDense,
    TimeDistributed,
)
from lstm.models import clone_model, model_from_json

X = np.random.default_rng(3).normal(size=(4, 6, 2))
TOKENS = np.arange(12).reshape(2, 6) % 9


class Head(Layer):
    """A layer of a user, made of layers."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.hidden, self.out = Dense(units, activation="tanh"), Dense(1)

    def call(self, inputs: Any) -> Any:
        return self.out(self.hidden(inputs))


class Own(lstm.Model):
    """A model of a user."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units
        self.rnn, self.head = LSTM(units), Head(3)

    def call(self, inputs: Any) -> Any:
        return self.head(self.rnn(inputs))


def chain() -> lstm.Model:
    layers = [Bidirectional(LSTM(3, return_sequences=True)), GRU(4, dropout=0.5), Dense(1)]
    return lstm.Sequential([Input((6, 2)), *layers], name="mine")


def branched() -> lstm.Model:
    """With a Bidirectional that takes states, a layer that is called twice, and a model within."""
    x = Input((6, 2), name="x")
    _, h, c, *_ = Bidirectional(LSTM(3, return_state=True))(x)
    both = Bidirectional(LSTM(3, return_sequences=True))(x, initial_state=[h, c, h, c])
    shared = TimeDistributed(Dense(2), name="shared")
    inner = lstm.Sequential([LSTM(4), Dense(2)], name="inner")
    last = Concatenate()([inner(shared(both)), LSTM(3)(shared(both))])
    return lstm.Model(x, [Dense(1)(last), last], name="branched")


def tied() -> lstm.Model:
    embedding = Embedding(9, 3)
    layers = [embedding, LSTM(3, return_sequences=True), TiedDense(embedding)]
    return lstm.Sequential([Input((6,)), *layers])


def built_by_data() -> lstm.Model:
    model = lstm.Sequential([LSTM(3), Dense(1)])
    model.predict(X)
    return model


def nested() -> lstm.Model:
    inner = lstm.Sequential([Input((6, 2)), LSTM(4, return_sequences=True)], name="inner")
    inner.trainable = False
    x = Input((6, 2))
    outer = lstm.Model(x, Dense(3)(inner(x)), name="outer")
    return lstm.Sequential([outer, LSTM(2)])


def frozen_in_part() -> lstm.Model:
    model = chain()
    layer: Any = model.layers[0]
    layer.forward_layer.trainable = False
    return model


MODELS: dict[str, Callable[[], lstm.Model]] = {
    "chain": chain,
    "branched": branched,
    "tied": tied,
    "built by data": built_by_data,
    "nested": nested,
    "frozen in part": frozen_in_part,
}


def outline(model: lstm.Model) -> list[Any]:
    """What can be seen of a model: classes and names of its layers, and of those within."""
    return [
        (type(layer), layer.name, outline(layer) if isinstance(layer, lstm.Model) else None)
        for layer in model.layers
    ]


def check_same(made: lstm.Model, model: lstm.Model) -> None:
    """Check that a model has the layers of another, and with its weights its outputs."""
    assert type(made) is type(model)
    assert made.name == model.name
    assert outline(made) == outline(model)
    assert list(made.named_weights) == list(model.named_weights)
    assert not {id(weight) for weight in made.weights} & {id(weight) for weight in model.weights}
    made.set_weights(model.get_weights())
    x = TOKENS if model.input.shape == (None, 6) else X
    ours, theirs = (y if isinstance(y, list) else [y] for y in (made.predict(x), model.predict(x)))
    for one, other in zip(ours, theirs, strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize("name", MODELS)
class TestTheSameLayers:
    def test_of_a_config(self, name: str) -> None:
        model = MODELS[name]()
        config = json.loads(json.dumps(model.get_config()))
        check_same(type(model).from_config(config), model)

    def test_of_json(self, name: str) -> None:
        model = MODELS[name]()
        check_same(model_from_json(model.to_json(indent=2)), model)

    def test_of_a_clone(self, name: str) -> None:
        model = MODELS[name]()
        clone = clone_model(model)
        check_same(clone, model)
        learns = [weight.path for weight in clone.trainable_weights]
        assert learns == [weight.path for weight in model.trainable_weights]

    def test_of_a_file(self, name: str, tmp_path: Path) -> None:
        model = MODELS[name]()
        model.save(tmp_path / "model")
        loaded = lstm.load_model(tmp_path / "model")
        for one, other in zip(loaded.get_weights(), model.get_weights(), strict=True):
            assert_array_equal(one, other)
        check_same(loaded, model)
        learns = [weight.path for weight in loaded.trainable_weights]
        assert learns == [weight.path for weight in model.trainable_weights]
        loaded.save(tmp_path / "again")
        assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()


class TestConfigs:
    def test_have_the_form_of_keras(self) -> None:
        described = json.loads(chain().to_json())
        assert described["class_name"] == "Sequential"
        assert described["config"]["name"] == "mine"
        kinds = [layer["class_name"] for layer in described["config"]["layers"]]
        assert kinds == ["InputLayer", "Bidirectional", "GRU", "Dense"]
        assert described["config"]["layers"][2]["config"]["units"] == 4
        assert described["config"]["layers"][0]["config"]["batch_shape"] == [None, 6, 2]

    def test_of_one_layer(self) -> None:
        layer = LSTM(4, return_sequences=True, name="rnn")
        again = LSTM.from_config(layer.get_config())
        assert again.get_config() == layer.get_config()
        assert again is not layer

    def test_of_classes_of_users(self) -> None:
        model = lstm.Sequential([Input((6, 2)), LSTM(3), Head(4)])
        config = model.get_config()
        check_same(lstm.Sequential.from_config(config, {"Head": Head}), model)
        with pytest.raises(InvalidValueError, match="custom_objects: expected the class 'Head'"):
            lstm.Sequential.from_config(config)
        own = Own(5)
        own.predict(X)
        made = model_from_json(own.to_json(), {"Own": Own})
        made.predict(X)
        made.set_weights(own.get_weights())
        assert_array_equal(made.predict(X), own.predict(X))

    def test_of_functions_are_refused(self) -> None:
        x = Input((6, 2))
        model = lstm.Model(x, Lambda(lambda y: y[:, -1])(LSTM(3, return_sequences=True)(x)))
        with pytest.raises(InvalidTypeError, match="function of lambda: expected what a file"):
            model.get_config()

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("{", "json_string: expected what get_config returns"),
            ("[]", "json_string: expected what get_config returns"),
            ('{"class_name": "Model", "config": {}}', "json_string: .*'layers'"),
            ('{"class_name": "Dense", "config": {"units": 2}}', "json_string: expected a model"),
            ('{"class_name": "Modell", "config": {}}', "custom_objects: .*'Modell'"),
        ],
    )
    def test_that_are_none(self, text: str, message: str) -> None:
        with pytest.raises(InvalidValueError, match=message):
            model_from_json(text)


class TestClones:
    def test_have_their_own_weights(self) -> None:
        model = chain()
        clone = clone_model(model)
        assert (clone.get_weights()[0] != model.get_weights()[0]).any()
        with pytest.raises(lstm.errors.NotReadyError):
            clone.fit(X, X[:, 0, :1])

    def test_begin_where_they_are_told(self) -> None:
        x = Input((6, 2), name="there")
        for model in (chain(), branched()):
            clone = clone_model(model, input_tensors=x)
            assert clone.input is x
        with pytest.raises(InvalidValueError, match="input_tensors: expected 1 tensors, got 2"):
            clone_model(branched(), [x, x])

    def test_of_layers_as_a_function_makes_them(self) -> None:
        def without_dropout(layer: Layer) -> Layer:
            config = layer.get_config()
            changed = {key: 0.0 for key in config if key == "dropout"}
            return type(layer).from_config(config | changed)

        clone = clone_model(chain(), clone_function=without_dropout)
        assert [getattr(layer, "dropout", None) for layer in clone.layers] == [None, 0.0, None]
        shared = clone_model(branched(), clone_function=lambda layer: layer)
        assert shared.count_params() == branched().count_params()
        with pytest.raises(InvalidTypeError, match="clone_function: expected a Layer"):
            clone_model(chain(), clone_function=lambda layer: None)

    def test_of_functions(self) -> None:
        x = Input((6, 2))
        model = lstm.Model(x, Lambda(lambda y: y[:, -1])(LSTM(3, return_sequences=True)(x)))
        check_same(clone_model(model), model)

    def test_of_models_within_layers(self) -> None:
        step, x = Input((2,)), Input((6, 2))
        inner = lstm.Model(step, Dense(3)(step))
        model = lstm.Model(x, LSTM(2)(TimeDistributed(inner)(x)))
        check_same(clone_model(model), model)
        with pytest.raises(InvalidTypeError, match="time_distributed: expected no model in its"):
            model.get_config()

    def test_of_a_users_model(self) -> None:
        model = Own(4)
        model.predict(X)
        clone = clone_model(model)
        assert type(clone) is Own
        clone.predict(X)
        clone.set_weights(model.get_weights())
        assert_array_equal(clone.predict(X), model.predict(X))
        with pytest.raises(InvalidTypeError, match="clone_function: expected a functional model"):
            clone_model(model, clone_function=lambda layer: layer)

    def test_what_is_no_model(self) -> None:
        with pytest.raises(InvalidTypeError, match="model: expected a Model, got LSTM"):
            clone_model(LSTM(3))  # type: ignore[arg-type]

    def test_that_use_tensors_of_their_surroundings(self) -> None:
        x = Input((6, 2))
        h = LSTM(3)(x)
        model = lstm.Model(x, Lambda(lambda y: lstm.ops.add(y, h))(Dense(3)(h)))
        with pytest.raises(InvalidTypeError, match="call of lambda: expected one that uses only"):
            clone_model(model)


class TestFiles:
    def test_of_layers_that_are_there_twice(self, tmp_path: Path) -> None:
        layer = Dense(2)
        x = Input((6, 2), name="dense")
        for model in (lstm.Sequential([Input((6, 2)), layer, layer]), lstm.Model(x, Dense(1)(x))):
            with pytest.raises(InvalidValueError, match="layers: expected a different name"):
                model.get_config()
            model.save(tmp_path / "model")
            assert_array_equal(lstm.load_model(tmp_path / "model").predict(X), model.predict(X))

    def test_with_a_class_that_has_changed(self, tmp_path: Path) -> None:
        class Other(Head):
            def __init__(self, width: int) -> None:
                super().__init__(width)

        model = lstm.Sequential([Input((6, 2)), Head(4)])
        model.save(tmp_path / "model")
        with pytest.warns(lstm.errors.LSTMWarning, match="made of the layers in its graph"):
            loaded = lstm.load_model(tmp_path / "model", {"Head": Other})
        assert_array_equal(loaded.predict(X), model.predict(X))

    def test_of_users_classes_come_back_if_they_are_given(self, tmp_path: Path) -> None:
        chain = lstm.Sequential([Input((6, 2)), LSTM(3), Head(4)])
        own = Own(4)
        own.predict(X)
        for model, given in ((chain, {"Head": Head}), (own, {"Own": Own})):
            model.save(tmp_path / "model")
            flat = lstm.load_model(tmp_path / "model")
            assert type(flat) is lstm.Model
            assert_array_equal(flat.predict(X), model.predict(X))
            loaded = lstm.load_model(tmp_path / "model", custom_objects=given)
            assert type(loaded) is type(model)
            assert_array_equal(loaded.predict(X), model.predict(X))

    def test_of_functions_are_functional(self, tmp_path: Path) -> None:
        model = lstm.Sequential([Input((6, 2)), Lambda(lambda x: x[:, 1:]), LSTM(3)])
        model.save(tmp_path / "model")
        loaded = lstm.load_model(tmp_path / "model")
        assert type(loaded) is lstm.Model
        assert_array_equal(loaded.predict(X), model.predict(X))

    def test_training_goes_on(self, tmp_path: Path) -> None:
        model = chain()
        model.compile("adam", "mse", metrics=["mae"])
        model.fit(X, X[:, 0, :1], epochs=2, shuffle=False, verbose=0)
        model.save(tmp_path / "model")
        loaded = lstm.load_model(tmp_path / "model")
        assert isinstance(loaded, lstm.Sequential)
        loaded.random_state = model.random_state
        for one in (model, loaded):
            one.fit(X, X[:, 0, :1], epochs=2, shuffle=False, verbose=0)
        assert_array_equal(loaded.predict(X), model.predict(X))

    def test_may_be_read_without_how_to_train(self, tmp_path: Path) -> None:
        model = chain()
        model.compile("adam", "mse")
        model.save(tmp_path / "model")
        loaded = lstm.load_model(tmp_path / "model", compile=False, safe_mode=True)
        with pytest.raises(lstm.errors.NotReadyError, match="call compile"):
            loaded.fit(X, X[:, 0, :1])

    def test_with_int8_weights(self, tmp_path: Path) -> None:
        model = lstm.Sequential([Input((6, 2)), Bidirectional(LSTM(8)), Dense(4)])
        model.quantize()
        model.save(tmp_path / "model")
        loaded = lstm.load_model(tmp_path / "model")
        assert isinstance(loaded, lstm.Sequential)
        assert_array_equal(loaded.predict(X), model.predict(X))

    def test_other_objects_of_users_are_taken(self, tmp_path: Path) -> None:
        def score(y_true: Any, y_pred: Any) -> Any:
            return y_pred

        chain().save(tmp_path / "model")
        given = {"score": score, "Adam": lstm.optimizers.Adam, "Head": Head}
        assert isinstance(lstm.load_model(tmp_path / "model", given), lstm.Sequential)

    def test_copies_keep_layers_within_layers(self) -> None:
        model = branched()
        check_same(copy.deepcopy(model), model)

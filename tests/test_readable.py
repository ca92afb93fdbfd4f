"""Whatever is saved can be read: what could not is refused by name, before anything is written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import lstm
from lstm import layers
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.initializers import Ones
from lstm.layers import GRU, LSTM, Dense, Input, Layer
from lstm.models.serialization import graph_config

X = np.random.default_rng(3).normal(size=(4, 5, 2))
Y = np.random.default_rng(4).normal(size=(4, 1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def small(**options: Any) -> lstm.Model:
    lstm.set_seed(4)
    model = lstm.Sequential([Input((None, 2)), LSTM(3, **options), Dense(1)])
    model.compile("adam", "mse")
    return model


def check_same(model: lstm.Model, path: Path, x: Any = X, own: Any = None) -> lstm.Model:
    """Check that what is loaded computes the same, is called the same, and is written the same."""
    model.save(path)
    loaded = lstm.load_model(path, own)
    y, z = model.predict(x), loaded.predict(x)
    for a, b in zip(*(r if isinstance(r, list) else [r] for r in (y, z)), strict=True):
        assert_array_equal(a, b)
    assert list(loaded.graph.names.values()) == list(model.graph.names.values())
    assert list(loaded.graph.weights) == list(model.graph.weights)
    assert graph_config(loaded.graph) == graph_config(model.graph)
    before = path.read_bytes()
    loaded.save(path)
    assert path.read_bytes() == before
    return loaded


class TestSetLater:
    """Values that an attribute was set to after its layer was made."""

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("dropout", 2.0, r"dropout: expected a number in \[0, 1\), got 2.0"),
            ("dropout", float("nan"), r"dropout: expected a number in \[0, 1\), got nan"),
            ("units", 7, "units of lstm: expected 3, with which the layer was made, got 7"),
            ("units", None, "units: expected an integer of at least 1, got None"),
            ("activation", "tank", "activation: .*did you mean 'tanh'"),
            ("use_bias", False, "use_bias of lstm: expected True, with which the layer was made"),
            ("return_state", True, "return_state of lstm: expected False, with which the layer"),
            ("kernel_initializer", {1, 2}, "kernel_initializer: expected the name of an init"),
        ],
    )
    def test_is_refused_as_the_constructor_would(
        self, path: Path, name: str, value: Any, message: str
    ) -> None:
        model = small()
        before = getattr(model.layers[0], name)
        with pytest.raises(InvalidValueError, match=message):
            setattr(model.layers[0], name, value)
        assert getattr(model.layers[0], name) is before
        check_same(model, path)

    @pytest.mark.parametrize("value", [0.5, np.float32(0.5), np.float64(0.5)])
    def test_is_saved_if_it_can(self, path: Path, value: Any) -> None:
        model = small()
        model.layers[0].dropout = value
        model.save(path)
        loaded: Any = lstm.load_model(path).layers[0]
        assert loaded.dropout == 0.5

    def test_of_a_network(self, path: Path) -> None:
        network = lstm.LSTMNetwork(2, 4, 3)
        for name, value in (("batch_size", "x"), ("hidden_size", 5), ("loss", "none")):
            before = getattr(network, name)
            with pytest.raises(InvalidValueError, match=f"{name}: expected"):
                setattr(network, name, value)
            assert getattr(network, name) is before
        network.batch_size = np.int64(4)
        network.save(path)
        assert lstm.LSTMNetwork.load(path).batch_size == 4


class Scale(Layer):
    """x · factor, by a class whose constructor takes nothing else."""

    keeps_mask = True
    memoryless = True

    def __init__(self, factor: Any) -> None:
        super().__init__()
        self.factor = factor

    def output_shapes(self, *shapes: Any) -> Any:
        return shapes

    def forward(self, run: Any, *inputs: Any, mask: Any) -> Any:
        return (run.ops.scale(inputs[0], float(self.factor)),), None

    def backward(self, run: Any, cache: Any, *gradients: Any, need: Any) -> Any:
        return (run.ops.scale(gradients[0], float(self.factor)),)


class Weighted(Scale):
    """x · w, with a weight of that name and shape."""

    def __init__(self, weight: str, shape: Any = (), **options: Any) -> None:
        Layer.__init__(self, **options)
        self.weight, self.shape = weight, shape

    def build(self, *shapes: Any) -> None:
        self.add_weight(self.weight, self.shape, Ones())

    def forward(self, run: Any, *inputs: Any, mask: Any) -> Any:
        return (inputs[0] * self.value(self.weight),), None

    def backward(self, run: Any, cache: Any, *gradients: Any, need: Any) -> Any:
        return (gradients[0] * self.value(self.weight),)


def with_own(layer: Layer) -> lstm.Model:
    lstm.set_seed(4)
    return lstm.Sequential([Input((None, 2)), layer, LSTM(3), Dense(1)])


class TestOwnClasses:
    @pytest.mark.parametrize("factor", [2.0, 3, np.float32(0.5), "4"])
    def test_come_back_with_their_arguments(self, path: Path, factor: Any) -> None:
        loaded = check_same(with_own(Scale(factor)), path, own={"Scale": Scale})
        made: Any = loaded.layers[0]
        assert (made.name, made.factor) == ("scale", factor)

    def test_need_not_hand_on_what_every_layer_takes(self, path: Path) -> None:
        model = with_own(Scale(2.0))
        model.layers[0].trainable = False
        assert not check_same(model, path, own={"Scale": Scale}).layers[0].trainable

    @pytest.mark.parametrize("factor", [len, float("inf"), np.ones(2)])
    def test_with_what_no_file_can_hold(self, path: Path, factor: Any) -> None:
        model = with_own(Scale(1.0))
        model.layers[0].factor = factor  # type: ignore[attr-defined]
        path.write_bytes(b"an older file")
        with pytest.raises(InvalidValueError, match="factor of scale: expected"):
            model.save(path)
        assert [p.read_bytes() for p in path.parent.iterdir()] == [b"an older file"]

    def test_that_keep_nothing(self, path: Path) -> None:
        class Forgetful(Scale):
            def __init__(self, size: int) -> None:
                super().__init__(size)

        with pytest.raises(InvalidTypeError, match="size of forgetful: expected an attribute"):
            with_own(Forgetful(2)).save(path)

    def test_that_change_what_they_are_given(self, path: Path) -> None:
        class Doubled(Scale):
            def __init__(self, factor: float) -> None:
                super().__init__(2 * factor)

        with pytest.raises(InvalidValueError, match=r"factor of doubled: expected 4.0, .*got 8.0"):
            with_own(Doubled(2.0)).save(path)

    def test_called_like_one_of_the_library(self, path: Path) -> None:
        """They are never taken for it."""
        own = type("Flip", (Scale,), {})
        model = with_own(own(2.0))
        check_same(model, path, own={"Flip": own})
        with pytest.raises(InvalidValueError, match="custom_objects: expected the class 'Flip'"):
            lstm.load_model(path)

    def test_two_of_one_name(self, path: Path) -> None:
        other = type("Scale", (Scale,), {})
        model = lstm.Sequential([Input((None, 2)), Scale(2.0), other(3.0), LSTM(2)])
        with pytest.raises(InvalidValueError, match="class Scale: expected one class of that name"):
            model.save(path)

    @pytest.mark.parametrize("shape", [(), (2,), (1, 2)])
    def test_with_weights_of_any_number_of_axes(self, path: Path, shape: Any) -> None:
        check_same(with_own(Weighted("w", shape)), path, own={"Weighted": Weighted})

    def test_initializers_leave_their_name(self, path: Path) -> None:
        """Also when what was read is saved again."""

        class Halves(Ones):
            def values(self, shape: Any, rng: Any) -> Any:
                return np.full(shape, 0.5)

        check_same(small(kernel_initializer=Halves()), path)
        check_same(small(recurrent_initializer=Halves()), path)
        loaded: Any = lstm.load_model(path).layers[0]
        assert loaded.recurrent_initializer.get_config() == {"kind": "Halves"}

    def test_vocabularies(self, path: Path) -> None:
        class Mine(lstm.text.ByteVocabulary):
            kind = "mine"

        model = lstm.LanguageModel.create(Mine(), hidden=2)
        with pytest.raises(InvalidTypeError, match="vocabulary: expected one of this library"):
            model.save(path)


class Both(Layer):
    """The same layer under another roof."""

    def __init__(self, layer: Layer, **options: Any) -> None:
        super().__init__(**options)
        self.layer = layer

    def call(self, inputs: Any) -> Any:
        return self.layer(inputs)


class TestNames:
    def test_slots_and_weights(self, path: Path) -> None:
        model = with_own(Weighted("mean", (2,), name="optimizer"))
        model.compile("adam", "mse")
        model.fit(X, Y, verbose=0)
        loaded = check_same(model, path, own={"Weighted": Weighted})
        for m in (model, loaded):
            m.fit(X, Y, shuffle=False, verbose=0)
        for w, v in zip(model.get_weights(), loaded.get_weights(), strict=True):
            assert_array_equal(w, v)

    def test_states_and_weights(self) -> None:
        """A training is restored though a layer is called as what is carried."""
        vocabulary = lstm.text.CharVocabulary("ab")
        chain = [layers.Embedding(2, 3), LSTM(3, return_sequences=True, name="carried")]
        output = Dense(2, activation="softmax", name="carried/carried")
        model = lstm.LanguageModel(vocabulary, lstm.Sequential([Input((None,)), *chain, output]))
        corpus = model.encoded("abba" * 50)
        options = lstm.text.training.options.TrainingOptions(epochs=1)
        training = lstm.text.training.training.Training(model, corpus, options, seed=0)
        training.interrupted = False
        stop = lstm.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: setattr(training, "interrupted", True)
        )
        kept: list[Any] = []
        training.run([stop], save=lambda: kept.append(training.contents()))
        (saved,) = kept
        again = lstm.LanguageModel.from_contents(*saved)
        lstm.text.training.training.Training(again, corpus, options, saved=saved)
        (parts,) = again.model.carried_state.values()
        assert len(parts) == 2

    def test_a_shared_layer_under_two_roofs(self, path: Path) -> None:
        """Its calls keep their names, and those of others that are called so."""
        inner = LSTM(2, return_sequences=True, name="inner")
        x = Input((None, 2))
        y = Both(inner, name="b")(Both(inner, name="a")(x))
        model = lstm.Model(x, Dense(1)(LSTM(2, name="a/inner_1")(y)))
        loaded = check_same(model, path)
        _, state = model.step(X, model.initial_state(4))
        assert sorted(state) == ["a/inner", "a/inner_1", "b/inner"]
        state.save(path)
        assert_array_equal(loaded.step(X, lstm.State.load(path))[0], model.step(X, state)[0])

    @pytest.mark.parametrize("name", ["__metadata__", "lstm", "äöü €", "a b", "x/y/z", "0", "'"])
    def test_any(self, path: Path, name: str) -> None:
        lstm.set_seed(4)
        model = lstm.Sequential(
            [Input((None, 2)), LSTM(2, return_sequences=True, name=name), GRU(2, name=name)]
        )
        model.compile("sgd", "mse")
        check_same(model, path)
        _, state = model.step(X, model.initial_state(4))
        state.save(path)
        assert dict(lstm.State.load(path)).keys() == state.keys()

    def test_that_are_no_text(self, path: Path) -> None:
        with pytest.raises(InvalidValueError, match="name: expected text without lone surrogates"):
            lstm.State({"\ud800": (np.ones(2),)}).save(path)
        with pytest.raises(InvalidTypeError, match="name of a layer: expected a str"):
            lstm.State({3: (np.ones(2),)}).save(path)  # type: ignore[dict-item]
        with pytest.raises(InvalidTypeError, match="state of a: expected at least one array"):
            lstm.State({"a": ()}).save(path)
        assert not path.exists()


class TestCompiled:
    def test_before_it_is_known_that_there_are_several_outputs(self, path: Path) -> None:
        class Two(lstm.Model):
            def __init__(self) -> None:
                super().__init__()
                self.a, self.b = Dense(1), Dense(2)

            def call(self, inputs: Any) -> Any:
                return [self.a(inputs), self.b(inputs)]

        model = Two()
        model.compile("adam", "mse")
        model.predict(X)
        check_same(model, path)

    def test_before_a_layer_was_frozen(self, path: Path) -> None:
        model = small()
        model.fit(X, Y, verbose=0)
        model.layers[0].trainable = False
        loaded = check_same(model, path)
        assert (loaded.optimizer.step, loaded.optimizer.slots) == (0, {})
        kernel = loaded.get_weights()[0]
        loaded.fit(X, Y, verbose=0)
        assert_array_equal(loaded.get_weights()[0], kernel)

    def test_with_an_optimizer_of_another_model(self, path: Path) -> None:
        optimizer = lstm.optimizers.Adam()
        other = lstm.Sequential([Input((2,)), Dense(1)])
        other.compile(optimizer, "mse")
        other.fit(X[:, 0], Y, verbose=0)
        model = small()
        model.compile(optimizer, "mse")
        model.save(path)
        lstm.load_model(path).fit(X, Y, verbose=0)

    @pytest.mark.parametrize(
        ("optimizer", "change"),
        [
            ("rmsprop", {"momentum": 0.9}),
            ("rmsprop", {"centered": True, "momentum": 0.5}),
            ("adam", {"slots": {}}),
        ],
    )
    def test_with_what_the_optimizer_does_not_remember_yet(
        self, path: Path, optimizer: str, change: dict[str, Any]
    ) -> None:
        model = small()
        model.compile(optimizer, "mse")
        model.fit(X, Y, verbose=0)
        for name, value in change.items():
            setattr(model.optimizer, name, value)
        loaded = check_same(model, path)
        for one in (model, loaded):
            one.fit(X, Y, epochs=2, shuffle=False, verbose=0)
        assert_array_equal(loaded.predict(X), model.predict(X))


# ---- any graph

NAMES = st.sampled_from([None, "lstm", "lstm_1", "a", "a/b", "b", "optimizer", "dense_1", "ä"])

LAYERS: list[Callable[..., Layer]] = [
    lambda **o: LSTM(3, return_sequences=True, **o),
    lambda **o: GRU(3, return_sequences=True, dropout=0.25, **o),
    lambda **o: layers.SimpleRNN(3, return_sequences=True, use_bias=False, **o),
    lambda **o: Dense(3, activation="tanh", **o),
    lambda **o: layers.Conv1D(3, 2, padding="causal", **o),
    lambda **o: layers.Bidirectional(LSTM(3, return_sequences=True), merge_mode="sum", **o),
    lambda **o: layers.TimeDistributed(Dense(3), **o),
    lambda **o: layers.Dropout(0.5, **o),
    lambda **o: layers.Activation("sigmoid", **o),
    lambda **o: Both(Dense(3), **o),
    lambda **o: layers.Lambda(lambda x: x + x, **o),
]


@st.composite
def models(draw: Any) -> lstm.Model:
    """Graphs of up to eight calls, of new layers and of those before, with one output or more."""
    x = Input((None, 3), name=draw(st.sampled_from([None, "x", "ä"])))
    tensors, made = [x], list[Layer]()
    for _ in range(draw(st.integers(1, 8))):
        if made and draw(st.booleans()):
            layer = draw(st.sampled_from(made))
        else:
            layer = draw(st.sampled_from(LAYERS))(name=draw(NAMES))
            layer.trainable = draw(st.booleans())
            made.append(layer)
        tensors.append(layer(draw(st.sampled_from(tensors))))
        if draw(st.booleans()):
            other = draw(st.sampled_from(tensors))
            tensors.append(layers.Average()([tensors[-1], other]))
    last = tensors[-1]
    outputs = draw(st.sampled_from([last, [last], [last, tensors[1]], [last, last]]))
    model = lstm.Model(x, outputs)
    if not isinstance(outputs, list):
        optimizer = draw(st.sampled_from(["adam", "sgd", "rmsprop"]))
        model.compile(optimizer, draw(st.sampled_from(["mse", "huber"])), ["mae"])
    return model


@settings(max_examples=60)
@given(model=models(), train=st.booleans())
def test_any_model_comes_back(
    model: lstm.Model, train: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    x = np.random.default_rng(0).normal(size=(2, 4, 3))
    trains = train and model._compiled is not None and len(model.parameters.gradients)
    if trains:
        model.fit(x, x, verbose=0)
    path = tmp_path_factory.mktemp("any") / "model.safetensors"
    loaded = check_same(model, path, x)
    assert [w.trainable for w in loaded.graph.weights.values()] == [
        w.trainable for w in model.graph.weights.values()
    ]
    if trains:
        for m in (model, loaded):
            m.random_state = np.random.default_rng(1).bit_generator.state
            m.fit(x, x, epochs=2, verbose=0)
        for w, v in zip(model.get_weights(), loaded.get_weights(), strict=True):
            assert_array_equal(w, v)


def test_what_is_read_says_which_class_it_needs(path: Path) -> None:
    with_own(Scale(2.0)).save(path)
    with pytest.raises(
        InvalidValueError, match=r"custom_objects: expected the class 'Scale'.*none"
    ):
        lstm.load_model(path)
    with pytest.raises(InvalidValueError, match=r"'Scale'.*got Other"):
        lstm.load_model(path, {"Other": Scale})
    with pytest.raises(
        InvalidTypeError, match=r"of scale: expected what Weird.from_config accepts"
    ):
        lstm.load_model(path, {"Scale": type("Weird", (Scale,), {"__init__": lambda self: None})})

"""What a constructor is given is checked at once, and kept as what a file can hold."""

import inspect
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from composed_cases import OwnCell
from lstm import callbacks, initializers, layers, losses, metrics, optimizers, text
from lstm.configured import Configured
from lstm.errors import InvalidTypeError, InvalidValueError, NotReadyError
from lstm.layers import LSTM, Bidirectional, Dense, Embedding, Layer, TimeDistributed

REQUIRED: dict[Any, tuple[Any, ...]] = {
    layers.Activation: ("tanh",),
    layers.ActivityPenalty: ("l2",),
    layers.AlphaDropout: (0.5,),
    layers.BatchReshape: ((-1, 2),),
    layers.Constant: ([1.0],),
    layers.Conv1DTranspose: (2, 3),
    layers.ConvLSTM1D: (2, 3),
    layers.DepthwiseConv1D: (3,),
    layers.GRUCell: (2,),
    layers.LSTMCell: (2,),
    layers.RNN: (layers.LSTMCell(2),),
    layers.SeparableConv1D: (2, 3),
    layers.SimpleRNNCell: (2,),
    layers.StackedRNNCells: ([layers.LSTMCell(2)],),
    layers.Dot: (1,),
    layers.Einsum: ("ab,bc->ac",),
    layers.EinsumDense: ("ab,bc->ac", 3),
    layers.Elementwise: ("exp",),
    layers.GaussianDropout: (0.5,),
    layers.GaussianNoise: (0.5,),
    layers.MultiHeadAttention: (2, 3),
    layers.OneHot: (3,),
    layers.Rescaling: (2.0,),
    layers.Reduction: ("sum",),
    layers.Take: ([0],),
    layers.Transpose: ((0, 1),),
    layers.Variable: ((2,),),
    layers.Windows: (2,),
    layers.Bidirectional: (LSTM(2),),
    layers.Conv1D: (2, 3),
    layers.Dense: (2,),
    layers.Dropout: (0.5,),
    layers.Embedding: (5, 2),
    layers.GRU: (2,),
    layers.InputLayer: ((2,),),
    layers.LSTM: (2,),
    layers.Lambda: (lambda x: x,),
    layers.Permute: ((2, 1),),
    layers.RepeatVector: (3,),
    layers.Reshape: ((2, 3),),
    layers.SimpleRNN: (2,),
    layers.Slice: ([0],),
    layers.SpatialDropout1D: (0.5,),
    layers.TiedDense: (Embedding(5, 2),),
    layers.TimeDistributed: (Dense(2),),
    layers.CellLoop: (OwnCell(),),
    callbacks.CSVLogger: ("log.csv",),
    callbacks.ModelCheckpoint: ("model.safetensors",),
    lstm.LSTMNetwork: (1, 2, 3),
}

CLASSES = [
    *(kind for kind in map(layers.__dict__.get, layers.__all__) if inspect.isclass(kind)),
    *dict.fromkeys(losses.LOSSES.values()),
    *dict.fromkeys(optimizers.OPTIMIZERS.values()),
    callbacks.CSVLogger,
    callbacks.EarlyStopping,
    callbacks.ModelCheckpoint,
    lstm.LSTMNetwork,
    text.Tokenizer,
]

FLAGS = [
    (kind, parameter.name)
    for kind in CLASSES
    for parameter in inspect.signature(kind).parameters.values()
    if parameter.annotation is bool and kind is not layers.SymbolicTensor
] + [(kind, "trainable") for kind in (Dense, LSTM, Bidirectional, TimeDistributed)]


class TestFlags:
    def test_all_are_here(self) -> None:
        assert len(FLAGS) > 35

    @pytest.mark.parametrize(
        ("kind", "flag"), FLAGS, ids=lambda part: getattr(part, "__name__", part)
    )
    def test_are_true_or_false(self, kind: Any, flag: str) -> None:
        required = REQUIRED.get(kind, ())
        for value in (True, False):
            for given in (value, np.bool_(value), int(value), np.int64(value)):
                assert getattr(kind(*required, **{flag: given}), flag) is value
        for wrong in ("no", "yes", None, 2, -1, 1.0, np.float32(0), [], [True], np.array([1])):
            with pytest.raises(InvalidTypeError, match=f"^{flag}: expected True or False, got"):
                kind(*required, **{flag: wrong})

    @pytest.mark.parametrize(
        ("kind", "flag"),
        [(kind, flag) for kind, flag in FLAGS if issubclass(kind, Configured)],
        ids=lambda part: getattr(part, "__name__", part),
    )
    def test_are_checked_when_set(self, kind: Any, flag: str) -> None:
        made = kind(*REQUIRED.get(kind, ()))
        before = getattr(made, flag)
        with pytest.raises(InvalidTypeError, match=f"^{flag}: expected True or False, got 'no'"):
            setattr(made, flag, "no")
        assert getattr(made, flag) is before
        setattr(made, flag, int(before))
        assert getattr(made, flag) is before

    @pytest.mark.parametrize(
        ("method", "flag"),
        [
            ("fit", "shuffle"),
            ("fit", "carry_state"),
            ("train_on_batch", "carry_state"),
            ("evaluate", "carry_state"),
            ("evaluate", "return_dict"),
        ],
    )
    def test_of_calls_are_true_or_false(self, method: str, flag: str) -> None:
        model = lstm.Sequential([lstm.Input((2,)), Dense(1)])
        model.compile("sgd", "mse")
        call = getattr(model, method)
        call(np.ones((4, 2)), np.ones((4, 1)), **{flag: 1})
        with pytest.raises(InvalidTypeError, match=f"^{flag}: expected True or False, got 'no'"):
            call(np.ones((4, 2)), np.ones((4, 1)), **{flag: "no"})

    def test_may_be_set_later(self) -> None:
        layer = Dense(2)
        layer.trainable = np.False_
        assert layer.trainable is False
        with pytest.raises(InvalidTypeError, match="trainable: expected True or False"):
            layer.trainable = "no"


@pytest.mark.parametrize(
    ("make", "argument"),
    [
        (lambda: layers.Concatenate(axis=1.5), "axis"),
        (lambda: layers.Concatenate(axis=True), "axis"),
        (lambda: layers.Concatenate(axis=None), "axis"),
        (lambda: layers.Squeeze(1.0), "axis"),
        (lambda: layers.ExpandDims("last"), "axis"),
        (lambda: layers.Flip([1]), "axis"),
        (lambda: layers.Reshape(3), "target_shape"),
        (lambda: layers.Reshape(None), "target_shape"),
        (lambda: layers.Reshape("ab"), "target_shape"),
        (lambda: layers.Permute(2), "dims"),
        (lambda: layers.Permute((2.0, 1.0)), "dims"),
        (lambda: layers.Slice(3), "index"),
        (lambda: layers.Slice([True]), "index"),
        (lambda: layers.Slice(["first"]), "index"),
        (lambda: layers.Slice([(0, 2, 0)]), "index"),
        (lambda: layers.Slice([(0, 2.5, 1)]), "index"),
        (lambda: layers.Activation(""), "activation"),
        (lambda: layers.Activation(0), "activation"),
        (lambda: Dense(2, activation=False), "activation"),
        (lambda: Dense(2, activation=["tanh"]), "activation"),
        (lambda: Dense(2, activation=np.array(["tanh", "relu"])), "activation"),
        (lambda: layers.Conv1D(2, 3, padding=np.array(["same", "valid"])), "padding"),
        (lambda: layers.Dropout(10**400), "rate"),
        (lambda: layers.Dropout(np.array([0.5])), "rate"),
        (lambda: Bidirectional(LSTM(2), backward_layer=0), "backward_layer"),
        (lambda: Bidirectional(LSTM(2), merge_mode=[]), "merge_mode"),
        (lambda: Dense(2, kernel_initializer={}), "kernel_initializer"),
        (lambda: Dense(2, kernel_initializer={"class": "Zeros"}), "kernel_initializer"),
        (lambda: Dense(2, kernel_initializer={"class": 3, "config": {}}), "kernel_initializer"),
        (lambda: Dense(2, kernel_initializer=Dense), "kernel_initializer"),
        (lambda: Dense(2, input_shape=3), "input_shape"),
        (lambda: Dense(2, input_shape=(2.5,)), "input_shape"),
        (lambda: Dense(2, input_shape="ab"), "input_shape"),
        (lambda: Dense(2, batch_input_shape=3), "batch_input_shape"),
        (lambda: lstm.Input(None), "shape"),
        (lambda: lstm.Input(np.int64(3)), "shape"),
        (lambda: lstm.Input({"features": 3}), "shape"),
        (lambda: lstm.Input((3,), batch_size="all"), "batch_size"),
        (lambda: lstm.Input((3,), name=3), "name"),
        (lambda: lstm.Model(name=3), "name"),
        (lambda: lstm.Sequential(3), "layer"),
        (lambda: initializers.RandomUniform(seed=True), "seed"),
        (lambda: callbacks.EarlyStopping(monitor=3), "monitor"),
        (lambda: callbacks.EarlyStopping(mode=["min"]), "mode"),
        (lambda: callbacks.ModelCheckpoint(3), "filepath"),
        (lambda: callbacks.ModelCheckpoint(b"model"), "filepath"),
        (lambda: callbacks.CSVLogger(3), "filename"),
        (lambda: callbacks.CSVLogger("log.csv", separator="::"), "separator"),
        (lambda: callbacks.CSVLogger("log.csv", separator=1), "separator"),
        (lambda: callbacks.LambdaCallback(on_epoch_end=3), "on_epoch_end"),
        (lambda: lstm.Sequential([Dense(1)]).compile(loss={}), "loss"),
        (lambda: lstm.Sequential([Dense(1)]).compile({"class": "Adam"}), "optimizer"),
        (lambda: lstm.Sequential([Dense(1)]).compile(metrics=[metrics.Perplexity]), "metrics"),
        (lambda: metrics.BinaryAccuracy(3), "name"),
        (lambda: metrics.BinaryAccuracy("right", threshold="half"), "threshold"),
        (lambda: lstm.LanguageModel.train("ab" * 99, tie_weights="no"), "tie_weights"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(make: Callable[[], Any], argument: str) -> None:
    with pytest.raises(InvalidValueError, match=rf"^{argument}: expected .+, got .+"):
        make()


@pytest.mark.parametrize(
    ("from_numpy", "plain"),
    [
        (lambda: Dense(np.int64(2), use_bias=np.False_), lambda: Dense(2, use_bias=False)),
        (lambda: layers.Dropout(np.float64(0.5)), lambda: layers.Dropout(0.5)),
        (lambda: layers.Permute(np.array([2, 1])), lambda: layers.Permute((2, 1))),
        (lambda: layers.Reshape(np.array([2, -1])), lambda: layers.Reshape((2, -1))),
        (lambda: layers.Concatenate(np.int8(1)), lambda: layers.Concatenate(1)),
        (
            lambda: layers.Slice([np.int64(1), (None, np.int32(2), None)]),
            lambda: layers.Slice([1, (None, 2, None)]),
        ),
        (
            lambda: layers.Conv1D(np.int64(2), [np.int64(3)], padding=np.str_("causal")),
            lambda: layers.Conv1D(2, 3, padding="causal"),
        ),
        (
            lambda: Embedding(np.uint8(5), 2, mask_zero=1, input_length=np.int64(4)),
            lambda: Embedding(5, 2, mask_zero=True, input_length=4),
        ),
        (
            lambda: LSTM(
                2, np.str_("tanh"), return_sequences=np.True_, go_backwards=1, name=np.str_("a")
            ),
            lambda: LSTM(2, "tanh", return_sequences=True, go_backwards=True, name="a"),
        ),
        (
            lambda: Dense(2, kernel_initializer=initializers.Constant(np.float64(0.5))),
            lambda: Dense(2, kernel_initializer=initializers.Constant(0.5)),
        ),
        (
            lambda: optimizers.SGD(np.float64(0.5), nesterov=np.True_, clipnorm=np.int64(1)),
            lambda: optimizers.SGD(0.5, nesterov=True, clipnorm=1.0),
        ),
        (
            lambda: losses.BinaryCrossentropy(from_logits=1),
            lambda: losses.BinaryCrossentropy(from_logits=True),
        ),
    ],
)
def test_numbers_of_numpy_are_kept_as_those_of_python(
    from_numpy: Callable[[], Any], plain: Callable[[], Any]
) -> None:
    assert json.dumps(from_numpy().get_config()) == json.dumps(plain().get_config())


def reloaded(model: lstm.Model, folder: Path) -> lstm.Model:
    model.save(folder / "model.safetensors")
    return lstm.load_model(folder / "model.safetensors")


class TestNames:
    @pytest.mark.parametrize("name", ["a", "a/b", "é", "a b", "..", "__metadata__", "層", "a\nb"])
    def test_are_paths_in_files(self, name: str, tmp_path: Path) -> None:
        model = lstm.Sequential([lstm.Input((2,)), Dense(3, name=name)])
        loaded = reloaded(model, tmp_path)
        assert list(loaded.graph.weights) == [f"{name}/kernel", f"{name}/bias"]
        assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])

    @pytest.mark.parametrize("name", ["", "/", "a/", "/a", "a//b", "a\ud800", 3, b"a"])
    def test_and_nothing_else(self, name: Any) -> None:
        for make in (lambda: Dense(3, name=name), lambda: lstm.Sequential(name=name)):
            with pytest.raises(InvalidValueError, match=r"^name: expected"):
                make()

    @pytest.mark.parametrize("name", ["a/b", "kernel", "", "\ud800"])
    def test_of_weights_are_one_part_of_a_path(self, name: Any) -> None:
        class Twice(Dense):
            def build(self, *shapes: Any) -> None:
                super().build(*shapes)
                self.add_weight(name, (2, 3))

        with pytest.raises(InvalidValueError, match=r"^name: expected"):
            Twice(3)(lstm.Input((2,)))

    def test_of_inputs_tell_them_apart(self) -> None:
        a, b = lstm.Input((2,), name="a"), lstm.Input((2,), name="a")
        with pytest.raises(InvalidValueError, match=r"inputs: expected a different name .*'a'"):
            lstm.Model([a, b], layers.Add()([a, b]))


class Halves(initializers.Initializer):
    """A user's initializer, which keeps what no file can hold."""

    def __init__(self) -> None:
        super().__init__()
        self.values_of = {"half": np.full(1, 0.5)}

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Any:
        return np.broadcast_to(self.values_of["half"], shape)


class TestInitializersOfUsers:
    def test_leave_a_file_that_can_be_read(self, tmp_path: Path) -> None:
        model = lstm.Sequential([lstm.Input((2,)), Dense(3, kernel_initializer=Halves())])
        loaded = reloaded(reloaded(model, tmp_path), tmp_path)
        assert_array_equal(loaded.get_weights()[0], np.full((2, 3), 0.5))
        # What is in the file is a name, not a way to make other weights.
        again = Dense(**loaded.layers[0].get_config())
        with pytest.raises(NotReadyError, match="Halves made these weights"):
            again(lstm.Input((4,)))

    def test_serve_both_directions(self) -> None:
        model = lstm.Sequential(
            [lstm.Input((None, 2)), Bidirectional(LSTM(3, kernel_initializer=Halves()))]
        )
        for name in ("forward_lstm", "backward_lstm"):
            kernel = model.graph.weights[f"bidirectional/{name}/kernel"].value
            assert_array_equal(kernel, np.full((2, 12), 0.5))


class Scaled(Layer):
    keeps_mask = memoryless = True

    def __init__(self, factor: Any, **options: Any) -> None:
        super().__init__(**options)
        self.factor = factor

    def output_shapes(self, *shapes: Any) -> Any:
        return shapes

    def forward(self, run: Any, *inputs: Any, mask: Any) -> Any:
        return (inputs[0] * np.float32(self.factor),), None

    def backward(self, run: Any, cache: Any, *gradients: Any, need: Any) -> Any:
        return (gradients[0] * np.float32(self.factor),)


class Forgetful(Scaled):
    def __init__(self, factor: Any, **options: Any) -> None:
        super().__init__(factor, **options)
        del self.factor


class TestLayersOfUsers:
    def test_numbers_of_numpy(self, tmp_path: Path) -> None:
        lstm.Sequential([lstm.Input((2,)), Scaled(np.float32(0.5))]).save(tmp_path / "model")
        loaded = lstm.load_model(tmp_path / "model", custom_objects={"Scaled": Scaled})
        assert_array_equal(loaded.predict(np.ones((1, 2))), [[0.5, 0.5]])
        assert type(loaded.layers[0].factor) is float

    @pytest.mark.parametrize(
        ("layer", "message"),
        [
            (Scaled(np.ones(2)), "factor of scaled: expected what a file can hold.*got ndarray"),
            (Scaled([1, {2}]), "factor of scaled: expected what a file can hold.*got set"),
            (Forgetful(2), "factor of forgetful: expected an attribute of that name"),
        ],
    )
    def test_what_no_file_holds_is_named(self, layer: Layer, message: str, tmp_path: Path) -> None:
        model = lstm.Sequential([lstm.Input((2,)), layer])
        with pytest.raises(InvalidTypeError, match=message):
            model.save(tmp_path / "model")
        assert not (tmp_path / "model").exists()

    @pytest.mark.parametrize(
        ("shape", "initializer", "argument"),
        [
            ((None, 3), "zeros", "shape of w"),
            (3, "zeros", "shape of w"),
            ((2.0, 3), "zeros", "shape of w"),
            ((2, 3), "zeroes", "initializer of w"),
            ((2, 3), 3.0, "initializer of w"),
        ],
    )
    def test_weights(self, shape: Any, initializer: Any, argument: str) -> None:
        class Weighted(Scaled):
            def build(self, *shapes: Any) -> None:
                self.add_weight("w", shape, initializer)

        with pytest.raises(InvalidValueError, match=f"^{argument}: expected"):
            Weighted(1)(lstm.Input((2,)))

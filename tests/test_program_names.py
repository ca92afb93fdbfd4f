"""Names and arguments of Keras that programs stopped at; each program is in tests/programs."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import lstm
from lstm import constraints, initializers, layers, ops, regularizers
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, NotReadyError
from tolerances import assert_close

X = np.random.default_rng(0).normal(size=(4, 5, 2)).astype("f")


def compiled(*metrics: str) -> lstm.Model:
    model = lstm.Sequential([lstm.Input((5, 2)), layers.LSTM(3), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=metrics)
    return model


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("add", 2 * X),
        ("average", X),
        ("multiply", X**2),
        ("subtract", 0 * X),
        ("maximum", X),
        ("minimum", X),
        ("concatenate", np.concatenate([X, X], -1)),
        ("dot", np.einsum("btd,bsd->bts", X, X)),
    ],
)
def test_a_function_merges_as_its_layer_does(name: str, expected: object) -> None:
    x = lstm.Input((5, 2))
    merged = getattr(layers, name)([x, x], name="merged")
    model = lstm.Model(x, merged)
    assert_allclose(model.predict(X), expected, rtol=1e-5)
    assert model.layers[-1].name == "merged"


def test_layers_have_the_short_names() -> None:
    assert layers.MaxPool1D is layers.MaxPooling1D
    assert layers.AvgPool1D is layers.AveragePooling1D
    assert layers.GlobalMaxPool1D is layers.GlobalMaxPooling1D
    assert layers.GlobalAvgPool1D is layers.GlobalAveragePooling1D
    assert layers.Convolution1D is layers.Conv1D


def test_an_input_has_a_shape_with_or_without_the_batch() -> None:
    assert lstm.Input(batch_shape=(3, None, 2)).shape == lstm.Input((None, 2)).shape
    with pytest.raises(InvalidTypeError, match=r"^shape: expected shape or batch_shape.*neither"):
        lstm.Input()
    with pytest.raises(InvalidTypeError, match=r"^shape: expected shape or batch_shape.*both"):
        lstm.Input((2,), batch_shape=(3, 2))


def test_a_single_state_needs_no_list() -> None:
    gru, state = layers.GRU(3), np.ones((4, 3), "f")
    assert_array_equal(gru(X, initial_state=state), gru(X, initial_state=[state]))
    with pytest.raises(InvalidValueError, match="initial_state: expected a hidden state and"):
        layers.LSTM(3)(X, initial_state=state)


def test_objects_of_their_names() -> None:
    assert isinstance(initializers.get("he_normal"), initializers.HeNormal)
    assert regularizers.get("l2") is not None
    assert regularizers.get(None) is constraints.get(None) is None
    for module, made in (
        (initializers, initializers.Constant(3.0)),
        (regularizers, regularizers.L1L2(0.1, 0.2)),
        (constraints, constraints.MaxNorm(0.5)),
    ):
        assert repr(module.get(module.serialize(made))) == repr(made)
    assert regularizers.serialize(None) is constraints.serialize(None) is None
    for name in ("initializer", "regularizer", "constraint"):
        with pytest.raises(InvalidValueError, match=f"^{name}: "):
            getattr(lstm, f"{name}s").get("nothing")
    assert lstm.activations.serialize(lstm.activations.tanh) == "tanh"
    with pytest.raises(InvalidValueError, match=r"^activation: expected a function of lstm\."):
        lstm.activations.serialize(np.tanh)


def test_a_loss_may_compare_targets_with_numbers() -> None:
    def masked(y_true: object, y_pred: object) -> object:
        real = ops.cast(y_true != 0, "float32") * (1.0 - ops.cast(y_true == 9, "float32"))
        return ops.sum(ops.square(y_true - y_pred) * real) / ops.sum(real)  # type: ignore[operator]

    model = lstm.Sequential([lstm.Input((5, 2)), layers.LSTM(3, return_sequences=True)])
    y = np.random.default_rng(1).normal(size=(4, 5, 3))
    y[:, 2:4], y[0] = 0, 9
    model.compile("sgd", masked)
    expected = ((model.predict(X) - y) ** 2)[1:, [0, 1, 4]].mean()
    assert model.evaluate(X, y) == pytest.approx(expected, rel=1e-5)


def test_tensors_are_themselves_in_lists() -> None:
    x, y = lstm.Input((2,)), lstm.Input((2,))
    assert x in [y, x]
    assert x not in [y]
    assert len({x, y, x}) == 2
    assert x != y
    assert x is not None
    for function in (lambda: ops.cast(x == y, "float32"), lambda: ops.where(x == y, x, 0.0)):
        with pytest.raises(InvalidTypeError, match=r"ops\.equal .* compare two tensors, got False"):
            function()
    both = lstm.Model([x, y], [1.0 * (x == np.array([1, 2])), ops.equal(x, y)])
    data = np.array([[1, 3], [5, 2]])
    assert_array_equal(both.predict([data, data])[0], [[1, 0], [0, 1]])
    assert_array_equal(both.predict([data, data])[1], np.ones((2, 2)))


def test_one_batch_is_evaluated_as_a_whole() -> None:
    model, x = compiled("mae"), np.tile(X, (20, 1, 1))
    y = x[:, 0, :1]
    assert model.test_on_batch(x, y) == model.evaluate(x, y, batch_size=80)
    values = model.test_on_batch(x, y, return_dict=True)
    assert [*values] == model.metrics_names == ["loss", "mae"]
    assert model.test_on_batch(x, y, np.zeros(80))[0] == 0


def test_what_a_model_returns_for_an_array_has_numpy() -> None:
    model = compiled()
    outputs = model(X)
    assert type(outputs.numpy()) is np.ndarray
    assert_array_equal(outputs.numpy(), model.predict(X))
    several = lstm.Model(model.input, [model.output, model.layers[0].output])(X)
    assert [type(y.numpy()) for y in several] == [np.ndarray] * 2


def test_weights_are_attributes_of_their_layer() -> None:
    model = compiled()
    recurrent, dense = model.layers
    assert recurrent.kernel is recurrent.weights[0]
    assert recurrent.recurrent_kernel is recurrent.weights[1]
    assert dense.bias is dense.weights[1]
    with pytest.raises(AttributeError, match="'Dense' object has no attribute 'recurrent_kernel'"):
        _ = dense.recurrent_kernel
    with pytest.raises(AttributeError, match="dense has no input yet"):
        _ = layers.Dense(1).input


def test_registered_classes_are_known_to_files(tmp_path: Path) -> None:
    before = dict(lstm.utils.get_custom_objects())
    with lstm.utils.custom_object_scope({}):

        @lstm.utils.register_keras_serializable(name="Twice")
        class Doubled(layers.Layer):
            def call(self, inputs: object) -> object:
                return 2 * inputs  # type: ignore[operator]

        Doubled.__name__ = "Twice"
        model = lstm.Sequential([lstm.Input((5, 2)), Doubled()])
        model.save(tmp_path / "model.safetensors")
        assert type(lstm.load_model(tmp_path / "model.safetensors").layers[0]) is Doubled
        assert type(lstm.models.model_from_json(model.to_json()).layers[0]) is Doubled
    assert lstm.utils.get_custom_objects() == before


@pytest.mark.parametrize("metrics", [[], (), ["mae"], "mae"])
def test_metrics_may_stand_where_they_did_in_keras_2(metrics: object) -> None:
    model = lstm.Sequential([lstm.Input((5, 2)), layers.LSTM(3), layers.Dense(1)])
    model.compile("sgd", "mse", metrics)
    assert model.metrics_names == ["loss", *(["mae"] if metrics else [])]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (lambda: layers.Dense(12, input_dim=8), (None, 8)),
        (lambda: layers.LSTM(3, input_dim=2), (None, None, 2)),
        (lambda: layers.GRU(3, input_dim=2, input_length=4), (None, 4, 2)),
        (lambda: layers.RNN(layers.LSTMCell(3), input_dim=2), (None, None, 2)),
        (lambda: layers.Bidirectional(layers.LSTM(3), input_dim=2), (None, None, 2)),
        (lambda: layers.Bidirectional(layers.LSTM(3, input_dim=2)), (None, None, 2)),
        (lambda: layers.Conv1D(3, 2, input_dim=2, input_length=7), (None, 7, 2)),
        (lambda: layers.Embedding(input_dim=5, output_dim=2, input_length=7), (None, 7)),
    ],
)
def test_the_first_layer_says_the_size_of_the_data(layer: Any, shape: object) -> None:
    assert lstm.Sequential([layer()]).input_shape == shape


def test_the_size_of_the_data_is_given_once() -> None:
    with pytest.raises(InvalidValueError, match=r"^input_dim: expected an integer of at least 1"):
        layers.Dense(3, input_dim=0)
    with pytest.raises(InvalidTypeError, match=r"did you mean 'input_shape'.*got 'input_dim'"):
        layers.Dense(3, input_dim=2, input_shape=(2,))


def test_a_model_names_its_inputs_and_outputs() -> None:
    x, y = lstm.Input((5, 2)), lstm.Input((3,), name="static")
    joined = layers.Concatenate()([layers.LSTM(2)(x), y])
    model = lstm.Model([x, y], layers.Dense(1, name="out")(joined))
    assert model.input_names == ["input_layer", "static"]
    assert model.output_names == ["out"]
    assert [x.name, y.name, model.output.name] == ["input", "static", "out"]
    several = lstm.Model({"a": x, "static": y}, {"r": model.output, "s": joined})
    assert (several.input_names, several.output_names) == (["a", "static"], ["r", "s"])


def test_a_model_tells_its_loss_and_metrics() -> None:
    model = compiled("mae", "mse")
    assert model.loss is model.compiled_loss
    assert [metric.name for metric in model.metrics] == ["mae", "mse"]
    model.fit(X, X[:, 0, :1], verbose=0)
    assert [metric.name for metric in model.metrics] == model.metrics_names[1:]
    plain = lstm.Sequential([layers.Dense(1)])
    assert plain.metrics == []
    with pytest.raises(NotReadyError, match=r"call compile\(optimizer, loss\) first"):
        plain.loss  # noqa: B018


def test_a_stopped_run_keeps_its_best_weights() -> None:
    model, stopping = compiled(), lstm.callbacks.EarlyStopping("loss", restore_best_weights=True)
    assert (stopping.stopped_epoch, stopping.best_weights) == (0, None)
    model.fit(X, X[:, 0, :1], epochs=2, callbacks=stopping, verbose=0)
    assert stopping.best_weights is not None
    for kept, weight in zip(stopping.best_weights, model.get_weights(), strict=True):
        assert_array_equal(kept, weight)


def test_batches_of_windows_have_numpy() -> None:
    batches = lstm.utils.timeseries_dataset_from_array(np.arange(9.0), np.arange(9.0), 3)
    for windows, targets in batches.take(1):
        assert type(windows.numpy()) is type(targets.numpy()) is np.ndarray
        assert_array_equal(windows.numpy()[:, 0], targets)


@pytest.mark.parametrize("make", [initializers.HeNormal, initializers.Ones])
def test_an_initializer_makes_values_of_a_dtype(make: Any) -> None:
    assert make()((2, 3), dtype="float32").dtype == make()((2, 3), np.float32).dtype == np.float32
    assert make()((2, 3)).dtype == np.float64
    for dtype in ("int32", "floats", 3):
        with pytest.raises(InvalidTypeError, match=r"^dtype: expected a floating dtype"):
            make()((2, 3), dtype)


def test_a_constraint_is_called_on_weights() -> None:
    w = np.array([[3.0, -1.0], [4.0, 0.5]])
    assert_array_equal(constraints.NonNeg()(w), np.maximum(w, 0))
    assert_close(constraints.MaxNorm(1.0)(w), w / [[5.0, np.hypot(1.0, 0.5)]], "pointwise")
    layer = layers.Dense(2)
    layer.build((None, 2))
    assert constraints.UnitNorm()(layer.kernel).shape == (2, 2)


def test_weights_are_operands() -> None:
    layer = layers.Dense(2)
    layer.build((None, 3))
    kernel, numbers = layer.kernel, layer.kernel.numpy()
    rows = np.ones((2, 3), "f")
    for found, expected in (
        (kernel * 2, numbers * 2),
        (1 - kernel, 1 - numbers),
        (kernel + kernel, numbers + numbers),
        (-(kernel**2), -(numbers**2)),
        (rows @ kernel, rows @ numbers),
        (kernel > 0, numbers > 0),
        (ops.square(kernel), numbers**2),
        (ops.matmul(rows, kernel), rows @ numbers),
        (ops.sum(kernel), numbers.sum()),
    ):
        assert_close(np.asarray(found), expected, "product", terms=6, dtype="float32")
    assert [kernel, layer.bias].index(layer.bias) == 1
    assert kernel == kernel
    assert {kernel: 1}[kernel] == 1


def test_weights_of_another_layer_are_no_part_of_a_graph() -> None:
    """As numbers they would not learn, in silence."""
    embedding, x = layers.Embedding(5, 3), lstm.Input((4,))
    h = embedding(x)
    for table in (embedding.embeddings, ops.transpose(embedding.embeddings)):
        with pytest.raises(
            InvalidTypeError, match=r"^embedding/embeddings: .*which would not learn$"
        ):
            ops.matmul(h, table)
    assert ops.matmul(h, embedding.embeddings.numpy().T).shape == (None, 4, 5)


def test_arguments_that_layers_of_keras_have() -> None:
    x = lstm.Input((5, 2))
    assert layers.RNN(layers.LSTMCell(3), unroll=True)(x).shape == (None, 3)
    assert layers.SpatialDropout1D(0.5, seed=3).seed == 3
    assert layers.LeakyReLU(alpha=0.1).negative_slope == 0.1
    scaled = layers.Lambda(lambda y, factor: factor * y, arguments={"factor": 3})
    assert_close(scaled(X), 3 * X, "pointwise")
    model = lstm.Model(x, scaled(x))
    for made in (model, copy.deepcopy(model), lstm.models.clone_model(model)):
        assert_close(made.predict(X), 3 * X, "pointwise")
    with pytest.raises(InvalidTypeError, match=r"^arguments: expected a dict by name"):
        layers.Lambda(abs, arguments=3)
    for loss in (
        lstm.losses.CategoricalCrossentropy(axis=-1),
        lstm.losses.SparseCategoricalCrossentropy(ignore_class=None, axis=-1),
    ):
        assert not {"axis", "ignore_class"} & loss.get_config().keys()
    with pytest.raises(InvalidTypeError, match="'ignore_class'"):
        lstm.losses.SparseCategoricalCrossentropy(ignore_class=0)


class Limited(layers.Layer):
    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(shape=(2,), initializer="ones", constraint="non_neg")
        self.shift = self.add_weight(shape=(2,), trainable=False)

    def call(self, inputs: Any) -> Any:
        return inputs * self.scale + self.shift


def test_a_weight_has_a_constraint_and_a_name(tmp_path: Path) -> None:
    x = lstm.Input((5, 2))
    model = lstm.Model(x, Limited()(x))
    model.compile(lstm.optimizers.SGD(5.0), "mse")
    assert list(model.named_weights) == ["limited/variable", "limited/variable_1"]
    model.save(tmp_path / "model.safetensors")
    loaded = lstm.load_model(tmp_path / "model.safetensors", custom_objects={"Limited": Limited})
    for made in (copy.deepcopy(model), loaded, model):
        for _ in range(4):
            made.train_on_batch(X, -X)
        assert_array_equal(made.get_weights()[0], [0.0, 0.0])


def test_a_tokenizer_has_generators_and_a_config() -> None:
    texts = ["to be or not to be", "be"]
    tokenizer = lstm.preprocessing.text.Tokenizer()
    tokenizer.fit_on_texts(texts)
    sequences = tokenizer.texts_to_sequences(texts)
    assert list(tokenizer.texts_to_sequences_generator(texts)) == sequences
    words = tokenizer.sequences_to_texts(sequences)
    assert list(tokenizer.sequences_to_texts_generator(sequences)) == words == texts
    config = tokenizer.get_config()
    assert json.loads(config["word_index"]) == tokenizer.word_index
    assert json.loads(tokenizer.to_json())["config"] == config


def test_a_tokenizer_counts_sequences() -> None:
    counted, again = (lstm.preprocessing.text.Tokenizer(num_words=4) for _ in range(2))
    counted.fit_on_sequences([[1, 2], [1, 1]])
    assert (counted.document_count, counted.index_docs) == (2, {1: 2, 2: 1})
    rows = counted.sequences_to_matrix([[1, 2, 2]], "tfidf")
    expected = [0, np.log(1 + 2 / 3), (1 + np.log(2)) * np.log(1 + 2 / 2), 0]
    assert_close(rows[0], expected, "pointwise")
    again = type(counted).from_config(counted.to_config())
    assert_array_equal(again.sequences_to_matrix([[1, 2, 2]], "tfidf"), rows)


def test_what_is_refused_says_what_was_meant() -> None:
    with pytest.raises(InvalidShapeError, match=r"^input of .*: expected axes \(B, T, \.\.\.\)"):
        layers.TimeDistributed(layers.Dense(2))(np.ones((2, 3)))
    with pytest.raises(InvalidTypeError) as refused:
        layers.Dense(3, colour=1)
    assert "kernel_regularizer, " in str(refused.value)
    assert "recurrent_regularizer" not in str(refused.value)
    with pytest.raises(InvalidTypeError) as refused:
        layers.Add(kernel_regularizer="l2")
    assert "kernel_regularizer" not in str(refused.value).partition(", got")[0]


def test_a_generator_function_has_to_be_called() -> None:
    def batches() -> Any:
        while True:
            yield X, X[:, 0, :1]

    model = compiled()
    for use in (
        lambda: model.fit(batches, steps_per_epoch=1),
        lambda: model.evaluate(batches),
        lambda: model.predict(batches),
        lambda: lstm.Sequential([layers.Dense(1)]).predict(batches),
    ):
        with pytest.raises(InvalidTypeError, match=r"^x: expected data, .* batches\(\) yields"):
            use()
    with pytest.raises(InvalidTypeError, match=r"^validation_data: .* batches\(\) yields, got"):
        model.fit(X, X[:, 0, :1], validation_data=batches, verbose=0)
    model.fit(batches(), steps_per_epoch=1, verbose=0)

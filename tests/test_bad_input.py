"""Bad input: one error that names the argument, what was expected and what was got; no change.

What the tests of layers, losses, training, state and files say about their own arguments is not
repeated here.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm import backends
from lstm.errors import InvalidValueError, LSTMError
from lstm.layers import (
    LSTM,
    Activation,
    Add,
    Concatenate,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Flip,
    Permute,
    RepeatVector,
    Reshape,
    Slice,
    SpatialDropout1D,
    Squeeze,
    TiedDense,
)

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(8, 5, 2)), RNG.normal(size=(8, 5, 1))
TOKENS = RNG.integers(0, 9, (8, 5))


def series() -> lstm.Model:
    model = lstm.Sequential([lstm.Input((None, 2)), LSTM(3, return_sequences=True), Dense(1)])
    model.compile("adam", "mse")
    return model


def writer() -> lstm.Model:
    model = lstm.Sequential(
        [Embedding(9, 3), LSTM(3, return_sequences=True), Dense(9, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def with_last(array: Any, value: Any) -> Any:
    """A copy whose very last entry, in the last batch, is bad."""
    copy = array.copy()
    copy[(-1,) * array.ndim] = value
    return copy


def refused(model: lstm.Model, call: Any) -> str:
    """The message of the error that `call` raises, checked to be of the right kind.

    It is a ValueError that names argument, expectation and what was got, and nothing has changed.
    """
    before = [*model.get_weights(), np.array(model.optimizer.step)]
    with pytest.raises(ValueError, match=r"^\S.*: expected .+, got .+") as caught:
        call()
    assert isinstance(caught.value, LSTMError)
    for now, old in zip([*model.get_weights(), model.optimizer.step], before, strict=True):
        assert_array_equal(now, old)
    return str(caught.value)


class TestValues:
    """However late in the data a bad value stands, it is found before the first step."""

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("ragged", [False, True])
    def test_numbers_have_to_be_finite(self, bad: float, ragged: bool) -> None:
        model = series()
        rows = (lambda a: [row[k % 2 :] for k, row in enumerate(a)]) if ragged else np.asarray
        place = "[7]" if ragged else ""
        x, y = with_last(X, bad), with_last(Y, bad)
        fit = {"batch_size": 2, "shuffle": False, "verbose": 0}
        message = refused(model, lambda: model.fit(rows(x), rows(Y), **fit))
        assert message.startswith(f"x{place}: expected finite numbers, got {bad}")
        message = refused(model, lambda: model.fit(rows(X), rows(y), **fit))
        assert message.startswith(f"y{place}: expected finite numbers, got {bad}")
        for call in (model.predict, model.predict_on_batch, model.predict_classes, model):
            assert refused(model, lambda call=call: call(x)).startswith("x: expected finite")
        assert refused(model, lambda: model.evaluate(x, Y)).startswith("x: expected finite")
        assert refused(model, lambda: model.evaluate(X, y)).startswith("y: expected finite")
        assert refused(model, lambda: model.train_on_batch(x, Y)).startswith("x: expected finite")
        assert refused(model, lambda: model.train_on_batch(X, y)).startswith("y: expected finite")
        state = model.initial_state(8)
        assert refused(model, lambda: model.step(x, state)).startswith("x: expected finite")

    def test_where_the_bad_number_stands(self) -> None:
        model = series()
        message = refused(model, lambda: model.fit(with_last(X, np.nan), Y, 2, verbose=0))
        assert message == "x: expected finite numbers, got nan at index (7, 4, 1)"

    @pytest.mark.parametrize("bad", [9, -1, 10**12])
    def test_tokens_have_to_be_known(self, bad: int) -> None:
        model, x = writer(), with_last(TOKENS, bad)
        expected = f"x: expected integers in [0, 9), got {bad}"
        assert refused(model, lambda: model.fit(x, TOKENS, 2, verbose=0)) == expected
        assert refused(model, lambda: model.predict(x)) == expected
        assert refused(model, lambda: model.predict(list(map(list, x)))) == expected
        assert refused(model, lambda: model.step(x, model.initial_state(8))) == expected

    @pytest.mark.parametrize("bad", [0.5, np.nan])
    def test_tokens_have_to_be_whole(self, bad: float) -> None:
        model, x = writer(), with_last(TOKENS.astype(float), bad)
        for call in (lambda: model.fit(x, TOKENS, verbose=0), lambda: model.predict(x)):
            assert refused(model, call).startswith("x: expected")
        whole = TOKENS.astype(float)
        assert_array_equal(model.predict(whole), model.predict(TOKENS))

    @pytest.mark.parametrize("bad", [9, -1])
    def test_classes_have_to_be_known(self, bad: int) -> None:
        model, y = writer(), with_last(TOKENS, bad)
        expected = f"y: expected integers in [0, 9), got {bad}"
        assert refused(model, lambda: model.fit(TOKENS, y, 2, verbose=0)) == expected
        assert refused(model, lambda: model.evaluate(TOKENS, y)) == expected

    def test_several_inputs_are_told_apart(self) -> None:
        a, b = lstm.Input((2,)), lstm.Input((2,))
        model = lstm.Model([a, b], Dense(1)(Add()([a, b])))
        model.compile("sgd", "mse")
        x = [X[:, 0], with_last(X[:, 1], np.nan)]
        assert refused(model, lambda: model.fit(x, Y[:, 0], verbose=0)).startswith("x[1]: expected")

    def test_a_bad_batch_of_a_generator_leaves_the_steps_before(self) -> None:
        model = series()

        def source() -> Iterator[Any]:
            yield X, Y
            yield with_last(X, np.nan), Y

        with pytest.raises(InvalidValueError, match="x: expected finite numbers"):
            model.fit(source(), steps_per_epoch=2, verbose=0)
        assert model.optimizer.step == 1
        assert all(np.isfinite(w).all() for w in model.get_weights())


class TestData:
    @pytest.mark.parametrize(
        ("x", "y", "argument"),
        [
            (X[:0], Y[:0], "x"),
            ([], [], "x"),
            (X, Y[:7], "y"),
            (X, Y[:, :4], "y"),
            (X, Y[:, 0], "y"),
            (X, np.repeat(Y, 2, -1), "y"),
            (X, "targets", "y"),
            (X, 1.0, "y"),
            (X, None, "y"),
            (X, [Y[0], Y[1, :3]], "y"),
            (X, Y.astype(object), "y"),
            (X[..., 0], Y, "x"),
            (X[..., :1], Y, "x"),
            (X.astype("datetime64[s]"), Y, "x"),
            ({"x": X}, Y, "x"),
            (object(), Y, "x"),
        ],
    )
    def test_has_to_fit_the_model(self, x: Any, y: Any, argument: str) -> None:
        model = series()
        for call in (model.fit, model.evaluate, model.train_on_batch):
            message = refused(model, lambda call=call: call(x, y))
            assert message.startswith(argument)

    @pytest.mark.parametrize("value", [0, -1, 2.0, "all", True])
    def test_batch_size(self, value: Any) -> None:
        model = series()
        for call in (model.fit, model.evaluate):
            message = refused(model, lambda call=call: call(X, Y, batch_size=value))
            assert message.startswith("batch_size: expected an integer of at least 1, got")
        stateful = lstm.Sequential([lstm.Input((None, 2)), LSTM(1, stateful=True)])
        stateful.compile("sgd", "mse")
        for asked in (model, stateful):
            refused(asked, lambda asked=asked: asked.predict(X, batch_size=value))

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("epochs", -1),
            ("epochs", 1.5),
            ("epochs", "ten"),
            ("initial_epoch", -1),
            ("validation_split", -0.1),
            ("validation_split", 1),
            ("validation_split", np.nan),
            ("validation_split", "half"),
            ("verbose", 7),
            ("callbacks", [3]),
            ("steps_per_epoch", 0),
            ("chunk_length", 2),
        ],
    )
    def test_options_of_fit(self, option: str, value: Any) -> None:
        model = series()
        message = refused(model, lambda: model.fit(X, Y, **{"verbose": 0, option: value}))
        assert message.startswith(option)

    def test_a_failed_fit_can_be_put_right(self) -> None:
        model = series()
        refused(model, lambda: model.fit(with_last(X, np.nan), Y, verbose=0))
        assert model.fit(X, Y, verbose=0).epoch == [0]


class TestLayerOptions:
    @pytest.mark.parametrize(
        ("make", "argument"),
        [
            (lambda: Dense(0), "units"),
            (lambda: Dense(3, activation="sigmod"), "activation"),
            (lambda: Dense(3, kernel_initializer=3), "kernel_initializer"),
            (lambda: Dense(3, bias_initializer="two"), "bias_initializer"),
            (lambda: Activation("swich"), "activation"),
            (lambda: Dropout(1), "rate"),
            (lambda: Dropout(-0.1), "rate"),
            (lambda: Dropout("half"), "rate"),
            (lambda: SpatialDropout1D(1), "rate"),
            (lambda: Embedding(0, 3), "input_dim"),
            (lambda: Embedding(3, -1), "output_dim"),
            (lambda: Embedding(3, 3, input_length=0), "input_length"),
            (lambda: Embedding(3, 3, dropout=1), "dropout"),
            (lambda: Embedding(3, 3, dropout=-0.1), "dropout"),
            (lambda: TiedDense(Dense(3)), "embedding"),
            (lambda: TiedDense(9), "embedding"),
            (lambda: TiedDense(Embedding(3, 3), "sigmod"), "activation"),
            (lambda: Conv1D(0, 3), "filters"),
            (lambda: Conv1D(3, 0), "kernel_size"),
            (lambda: Conv1D(3, (3, 3)), "kernel_size"),
            (lambda: Conv1D(3, 3, strides=0), "strides"),
            (lambda: Conv1D(3, 3, dilation_rate=0), "dilation_rate"),
            (lambda: Conv1D(3, 3, padding="full"), "padding"),
            (lambda: RepeatVector(0), "n"),
            (lambda: Reshape((-1, -1)), "target_shape"),
            (lambda: Reshape((2.0,)), "target_shape"),
            (lambda: Permute((0, 1)), "dims"),
            (lambda: lstm.initializers.Constant("one"), "value"),
            (lambda: lstm.initializers.RandomUniform(1.0, 0.0), "maxval"),
            (lambda: lstm.initializers.RandomNormal(stddev=-1), "stddev"),
            (lambda: lstm.initializers.GlorotUniform(seed=-1), "seed"),
            (lambda: lstm.set_seed("seed"), "seed"),
            (lambda: lstm.use("cuda"), "backend"),
            (lambda: lstm.use(["native"]), "backend"),
            (lambda: lstm.use((["native"],)), "backend"),
            (lambda: lstm.use(dtype="float16"), "dtype"),
        ],
    )
    def test_are_named(self, make: Any, argument: str) -> None:
        with pytest.raises(InvalidValueError, match=rf"^{argument}: expected .+, got .+"):
            make()

    @pytest.mark.parametrize("name", [None, "native"])
    def test_a_dtype_of_another_backend_names_it(self, name: str | None) -> None:
        with pytest.raises(InvalidValueError) as error, backends.using("native"):
            lstm.use(name, "float64")
        remedy = "lstm.use('reference', dtype='float64') computes in that"
        expected = f"dtype: expected 'float32' of the backend 'native' ({remedy}), got 'float64'"
        assert str(error.value) == expected

    @pytest.mark.parametrize(
        ("layer", "shape"),
        [
            (LSTM(3), (None,)),
            (LSTM(3), (None, None)),
            (Conv1D(3, 2), (5,)),
            (Conv1D(3, 6), (5, 2)),
            (Dense(3), ()),
            (Dense(3), (None,)),
            (TiedDense(Embedding(5, 3)), (5, 2)),
            (TiedDense(Embedding(5, 3)), (None,)),
            (Squeeze(), (5, 2)),
            (Squeeze(0), (5, 1)),
            (Squeeze(3), (5, 1)),
            (Flip(0), (5, 2)),
            (RepeatVector(3), (5, 2)),
            (Reshape((3, -1)), (5, 2)),
            (Reshape((3, 3)), (5, 2)),
            (Permute((2, 1)), (5,)),
            (Slice([7]), (5, 2)),
        ],
    )
    def test_inputs_of_layers(self, layer: Any, shape: tuple[int | None, ...]) -> None:
        with pytest.raises(InvalidValueError, match=r".+: expected .+, got .+"):
            layer(lstm.Input(shape))

    @pytest.mark.parametrize(
        "call",
        [
            lambda a, b: Add()([a, b]),
            lambda a, b: Add()([a]),
            lambda a, b: Concatenate(axis=1)([a, b]),
            lambda a, b: Concatenate(axis=0)([a, a]),
            lambda a, b: Concatenate(axis=3)([a, a]),
            lambda a, b: lstm.ops.multiply(a, b),
            lambda a, b: a[0],
            lambda a, b: a[:, "x"],
            lambda a, b: a[:, [0, 4, 2]],
            lambda a, b: a[:, (0, 4, 2)],
            lambda a, b: a[:, np.array([0, 4, 2])],
            lambda a, b: a[np.array([0])],
            lambda a, b: a[:, :, :, 0],
        ],
    )
    def test_tensors_that_do_not_go_together(self, call: Any) -> None:
        with pytest.raises(InvalidValueError, match=r".+: expected .+, got .+"):
            call(lstm.Input((5, 2)), lstm.Input((5, 3)))

    def test_too_few_steps_when_data_comes(self) -> None:
        model = lstm.Sequential([lstm.Input((None, 2)), Conv1D(3, 4)])
        with pytest.raises(InvalidValueError, match="expected at least 4 time steps, got 3"):
            model.predict(X[:, :3])
        model = lstm.Sequential([lstm.Input((None, 2)), Slice([4])])
        with pytest.raises(InvalidValueError, match="index: expected an integer"):
            model.predict(X[:, :3])

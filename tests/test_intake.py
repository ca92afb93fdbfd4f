"""Data as it comes in: what would not be what it seems is refused before anything is computed."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm import checks, data, text
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.inspection import colored_html, gradient_flow
from lstm.layers import LSTM, Dense
from tolerances import assert_close

X = np.random.default_rng(3).normal(size=(7, 5, 2))
Y = np.random.default_rng(4).normal(size=(7, 5, 3))
WEIGHT = np.ones(7)

HUGE = 1e39
"""Finite, but not in float32."""


@pytest.fixture
def model() -> lstm.Model:
    layers = [LSTM(4, return_sequences=True), Dense(3)]
    model = lstm.Sequential([lstm.Input((None, 2)), *layers])
    model.compile("sgd", "mse")
    return model


def with_huge(values: Any) -> Any:
    """A copy with one number that float32 does not have."""
    copy = np.array(values, float)
    copy[(-1,) * copy.ndim] = -HUGE
    return copy


class TestNumbersBeyondFloat32:
    @pytest.mark.parametrize(
        ("call", "argument"),
        [
            (lambda m: m.fit(with_huge(X), Y, verbose=0), "x"),
            (lambda m: m.fit(X, with_huge(Y), verbose=0), "y"),
            (lambda m: m.fit(X, Y, sample_weight=with_huge(WEIGHT) * -1, verbose=0), "sample_w"),
            (lambda m: m.fit(X, Y, validation_data=(with_huge(X), Y), verbose=0), "x"),
            (lambda m: m.fit(iter([(X, Y), (with_huge(X), Y)]), steps_per_epoch=1), None),
            (lambda m: m.fit(iter([(with_huge(X), Y)]), verbose=0), "x"),
            (
                lambda m: m.fit([*X[:2, :3], with_huge(X[2])], [*Y[:2, :3], Y[2]], verbose=0),
                r"x\[2",
            ),
            (lambda m: m.fit(X, Y, class_weight={0: 1, 2: HUGE}, verbose=0), r"class_weight\[2\]"),
            (lambda m: m.train_on_batch(X, with_huge(Y)), "y"),
            (lambda m: m.evaluate(with_huge(X), Y), "x"),
            (lambda m: m.predict(with_huge(X)), "x"),
            (lambda m: m.predict(with_huge(X)[:, ::2]), "x"),
            (lambda m: m.predict(np.asfortranarray(with_huge(X))), "x"),
            (lambda m: m.predict(iter([with_huge(X)])), "x"),
            (lambda m: m(with_huge(X)), "x"),
            (lambda m: m.step(with_huge(X), m.initial_state(7)), "x"),
            (
                lambda m: m.step(X, {"lstm": (with_huge(np.zeros((7, 4))), np.zeros((7, 4)))}),
                "state",
            ),
            (lambda m: m.set_weights([with_huge(w) for w in m.get_weights()]), "lstm/kernel"),
        ],
    )
    def test_are_refused(
        self, model: lstm.Model, call: Callable[[lstm.Model], Any], argument: str | None
    ) -> None:
        if argument is None:
            call(model)  # What is not used is not looked at.
            return
        before = model.get_weights()
        with pytest.raises(InvalidValueError, match=rf"^{argument}.* at most .* float32"):
            call(model)
        for now, old in zip(model.get_weights(), before, strict=True):
            assert_array_equal(now, old)

    def test_of_an_initializer_are_refused(self) -> None:
        layer = Dense(3, kernel_initializer=lstm.initializers.Constant(HUGE))
        with pytest.raises(InvalidValueError, match=r"^kernel of dense: expected .* float32"):
            lstm.Sequential([lstm.Input((2,)), layer]).predict(np.ones((1, 2)))

    @pytest.mark.parametrize(
        ("options", "argument"),
        [
            ({"epsilon": 1e-50}, "epsilon"),
            ({"epsilon": HUGE}, "epsilon"),
            ({"learning_rate": HUGE}, "learning_rate"),
            ({"clipnorm": HUGE}, "clipnorm"),
        ],
    )
    @pytest.mark.parametrize("kind", [lstm.optimizers.Adam, lstm.optimizers.RMSprop])
    def test_of_an_optimizer_are_refused(
        self, model: lstm.Model, kind: Any, options: dict[str, float], argument: str
    ) -> None:
        expected = rf"{argument} in float32: expected a number in \[.*, 3.40282e\+38\]"
        with pytest.raises(InvalidValueError, match=expected):
            model.compile(kind(**options), "mse")
        with lstm.backends.using("reference", "float64"):
            lstm.Sequential([lstm.Input((2,)), Dense(1)]).compile(kind(**options), "mse")

    @pytest.mark.parametrize(("argument", "value"), [("epsilon", 1e-50), ("clipnorm", HUGE)])
    def test_of_an_optimizer_at_work_are_refused(
        self, model: lstm.Model, argument: str, value: float
    ) -> None:
        """A root of 0 and an epsilon that is 0 in float32 would make weights of NaN."""
        model.compile("adam", "mse")
        before = model.optimizer.get_config()
        with pytest.raises(InvalidValueError, match=f"^{argument} in float32: expected"):
            setattr(model.optimizer, argument, value)
        assert model.optimizer.get_config() == before

    @pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam"])
    def test_of_a_rate_make_no_step(self, model: lstm.Model, optimizer: str) -> None:
        model.compile(optimizer, "mse")
        model.optimizer.learning_rate = HUGE
        before = model.get_weights()
        assert np.isnan(model.train_on_batch(X * 1e-30, Y * 1e-30))
        for now, old in zip(model.get_weights(), before, strict=True):
            assert_array_equal(now, old)

    def test_are_numbers_in_float64(self) -> None:
        with lstm.backends.using("reference", "float64"):
            network = lstm.Sequential([lstm.Input((2,)), Dense(1)])
            assert np.isfinite(network.predict([[HUGE, -HUGE]])).all()

    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble"])
    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_what_no_dtype_has_is_found_in_any(self, dtype: str, bad: float) -> None:
        for order in "CF":
            values = np.array(np.ones((3, 4)), dtype, order=order)
            checks.finite("x", values, "float32")
            values[1, 2] = bad
            with pytest.raises(InvalidValueError, match=r"x: expected finite .* index \(1, 2\)"):
                checks.finite("x", values, "float32")
            checks.finite("x", values[::2], "float32")

    def test_are_not_padded_to_infinity(self) -> None:
        with pytest.raises(InvalidValueError, match=r"sequences\[0\]: .* float32 can hold, got 1e"):
            text.pad_sequences([[HUGE], [1.0]], dtype="float32")
        assert np.isinf(text.pad_sequences([[np.inf]], dtype="float32")).all()

    def test_the_largest_numbers_are_taken(self) -> None:
        largest = np.finfo("float32").max
        checks.finite("x", np.array([largest, -largest], "float32"))
        checks.finite("x", np.array([largest, -largest], "float64"), "float32")


class TestMaskedArrays:
    def masked(self, values: Any) -> Any:
        return np.ma.masked_array(values, np.arange(np.size(values)).reshape(values.shape) == 1)

    @pytest.mark.parametrize("place", ["x", "y", "sample_weight", "a list", "weights", "gradient"])
    def test_are_refused_where_something_is_masked(self, model: lstm.Model, place: str) -> None:
        masked = self.masked
        calls: dict[str, Callable[[], Any]] = {
            "x": lambda: model.predict(masked(X)),
            "y": lambda: model.fit(X, masked(Y)),
            "sample_weight": lambda: model.fit(X, Y, sample_weight=masked(WEIGHT)),
            "a list": lambda: model.predict([X[0], masked(X[1])]),
            "weights": lambda: model.set_weights([masked(w) for w in model.get_weights()]),
            "gradient": lambda: gradient_flow(model, X[:1], masked(np.ones((1, 3)))),
        }
        with pytest.raises(InvalidValueError, match="expected an array without a mask"):
            calls[place]()

    @pytest.mark.parametrize(
        "call",
        [
            lambda labels: text.to_categorical(labels),
            lambda labels: text.pad_sequences([[1], labels]),
            lambda labels: text.ByteVocabulary().decode(labels),
            lambda labels: text.Corpus.of(labels, 9),
            lambda labels: data.windows(labels, 2),
            lambda labels: colored_html("abcd", labels),
        ],
        ids=["categorical", "padded", "decoded", "corpus", "windows", "colours"],
    )
    def test_are_refused_by_functions_of_arrays(self, call: Callable[[Any], Any]) -> None:
        with pytest.raises(InvalidValueError, match="expected an array without a mask"):
            call(self.masked(np.arange(4)))

    def test_are_arrays_where_nothing_is(self, model: lstm.Model) -> None:
        assert_array_equal(model.predict(np.ma.masked_array(X)), model.predict(X))


class TestTheAxisThatIsMissing:
    def test_is_not_guessed_where_two_could_be(self) -> None:
        model = lstm.Sequential([lstm.Input((None, 1)), LSTM(2)])
        x = np.ones((8, 1))
        for call in (model.predict, lambda x: model.step(x, model.initial_state(8))):
            with pytest.raises(InvalidShapeError) as raised:
                call(x)
            for shown in ("(8, 1, 1)", "x[:, :, None]", "(1, 8, 1)", "x[None]", "shape (8, 1)"):
                assert shown in str(raised.value)
        assert model.predict(x[:, :, None]).shape == (8, 2)
        assert model.predict(x[None]).shape == (1, 2)

    @pytest.mark.parametrize(
        ("shape", "x"),
        [((None, 1), (8, 5)), ((1, 1), (8, 1)), ((None, 1), (1, 1)), ((None, 1), (1, 8))],
    )
    def test_is_added_where_one_reading_fits(self, shape: Any, x: Any) -> None:
        model = lstm.Sequential([lstm.Input(shape), LSTM(2)])
        assert model.predict(np.ones(x)).shape == (x[0], 2)

    @pytest.mark.usefixtures("float64")
    def test_is_added_to_a_batch_of_short_sequences_and_to_short_chunks(self) -> None:
        """They are sequences in a list, and steps of longer ones."""
        model = lstm.Sequential([lstm.Input((None, 1)), LSTM(2, return_sequences=True)])
        model.compile(lstm.optimizers.SGD(0.0), "mse")
        x = np.random.default_rng(5).normal(size=(8, 4))
        together = model.predict([*x[:3, :1], x[3]], batch_size=3)
        for row, sequence in zip(together, [*x[:3, :1], x[3]], strict=True):
            assert_array_equal(row, model.predict(sequence[None])[0])
        y = np.zeros((8, 4, 2))
        expected = model.evaluate(x, y)
        for length in (1, 3):
            carried = {"carry_state": True, "chunk_length": length}
            assert_close(model.evaluate(x, y, **carried), expected, "loss", terms=64)
            history = model.fit(x, y, verbose=0, **carried).history
            assert_close(history["loss"][0], expected, "loss", terms=64)

    def test_of_a_network_of_one_feature(self) -> None:
        network = lstm.LSTMNetwork(1, 3, 1)
        with pytest.raises(InvalidShapeError, match=r"^X: expected shape \(8, 1, 1\) .* X\[None\]"):
            network.train(np.ones((8, 1)), np.ones((8, 1)), 1, 0.1, verbose=0)
        assert network.predict(np.ones((8, 1))).shape == (8, 1)


def test_a_column_of_texts_in_a_table_is_named() -> None:
    class Table:
        """As a DataFrame."""

        columns = ("load", "day")

        def __getitem__(self, name: str) -> Any:
            return {"load": np.array([0.5]), "day": np.array(["monday"], object)}[name]

        def __array__(self, *given: Any, **options: Any) -> Any:
            return np.array([[0.5, "monday"]], object)

    with pytest.raises(InvalidTypeError, match=r"^x: .* in column 'day', such as 'monday'"):
        lstm.Sequential([lstm.Input((2,)), Dense(1)]).predict(Table())

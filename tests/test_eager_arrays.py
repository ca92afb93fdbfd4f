"""Arrays that layers and functions return at once: the mask in them, and single numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import lstm
from lstm import layers, ops
from lstm.errors import InvalidTypeError
from lstm.layers.eager import Tensor
from lstm.optimizers import Adam
from tolerances import assert_close

RNG = np.random.default_rng(12)
IDS = np.array([[3, 1, 0, 0], [2, 4, 1, 3], [5, 0, 0, 0]])
SCALE = RNG.uniform(0.5, 1.5, 3).astype("f")
FULL = RNG.uniform(0.5, 1.5, (3, 4, 3)).astype("f")
MATRIX = RNG.normal(size=(3, 3)).astype("f")


def masked() -> Any:
    lstm.set_seed(1)
    return layers.Embedding(6, 3, mask_zero=True)(IDS)


class TestMasks:
    @pytest.mark.parametrize(
        "operator",
        [
            lambda x: x * 2,
            lambda x: 2 * x,
            lambda x: SCALE * x,
            lambda x: FULL * x,
            lambda x: x + FULL,
            lambda x: FULL[:1] - x,
            lambda x: np.exp(-x),
            lambda x: x > 0,
            lambda x: np.maximum(SCALE, x) ** 2,
            lambda x: x * x,
            lambda x: x / (1 + abs(x)),
            lambda x: x @ MATRIX,
            lambda x: ops.ones((3,)) * x,
            lambda x: np.modf(x)[1],
            lambda x: divmod(x, 0.5)[0],
        ],
    )
    def test_stay_through_operators(self, operator: Callable[[Any], Any]) -> None:
        x = masked()
        y = operator(x)
        assert type(y) is Tensor
        assert_array_equal(y.mask, IDS != 0)
        assert_array_equal(y.numpy(), operator(x.numpy()))

    def test_leave_symbolic_tensors_what_they_are(self) -> None:
        inputs = layers.Input((3,))
        scale = ops.convert_to_tensor(SCALE)
        model = lstm.Model(inputs, (scale - inputs) * scale)
        x = FULL[0]
        assert_allclose(model(x).numpy(), (SCALE - x) * SCALE, rtol=1e-6)

    @pytest.mark.parametrize("constant", [FULL[:1], FULL[0], FULL[0, :1], ops.ones((1, 4, 1))])
    def test_stay_beside_constants_of_all_examples(self, constant: Any) -> None:
        for function in (ops.add, ops.multiply, ops.maximum):
            assert_array_equal(function(masked(), constant).mask, IDS != 0)
        one = layers.Embedding(6, 3, mask_zero=True)(IDS[:1])
        assert_array_equal(ops.add(np.asarray(constant), one).mask, IDS[:1] != 0)

    def test_stay_where_numbers_change_in_place(self) -> None:
        x = masked()
        x *= 2
        assert_array_equal(x.mask, IDS != 0)

    @pytest.mark.parametrize(
        "function",
        [
            lambda x: x.sum(1),
            lambda x: np.mean(x),
            lambda x: x[:, 1:],
            lambda x: x[0],
            lambda x: np.add.reduce(x, 1),
            lambda x: x + np.zeros((2, 3, 4, 3), "f"),
            lambda x: FULL @ np.swapaxes(x, 1, 2),
        ],
    )
    def test_end_where_the_steps_do(self, function: Callable[[Any], Any]) -> None:
        assert getattr(function(masked()), "mask", None) is None

    def test_two_are_joined_as_in_a_model(self) -> None:
        first, second = masked(), masked()
        second.mask = np.arange(4) < np.array([[4], [1], [2]])
        assert_array_equal((first + second).mask, first.mask | second.mask)
        second.mask = None
        assert (first + second).mask is None

    def test_own_layers_leave_padding_out_as_the_model_does(self) -> None:
        class Pooled(layers.Layer):
            def __init__(self) -> None:
                super().__init__()
                self.embed = layers.Embedding(6, 3, mask_zero=True)

            def call(self, ids: Any) -> Any:
                return ops.mean(SCALE * ops.tanh(2.0 * self.embed(ids)) + 1.0, axis=1)

        layer, ids = Pooled(), lstm.Input((None,))
        model = lstm.Model(ids, layer(ids))
        assert_close(layer(IDS), model.predict(IDS), "loss", terms=4)


class TestNumbers:
    @pytest.mark.parametrize(
        ("found", "expected"),
        [
            (lambda: ops.exp(-0.1), np.exp(-0.1)),
            (lambda: ops.sigmoid(np.float32(2)), 1 / (1 + np.exp(-2))),
            (lambda: ops.rsqrt(np.array(3)), 3**-0.5),
            (lambda: ops.minimum(0.5, ops.sqrt(2.0)), 0.5),
            (lambda: ops.multiply(ops.square(3), 0.5) * 2, 9),
            (lambda: ops.where(0.0, 2.0, 3.0), 3),
            (lambda: ops.sum(4), 4),
        ],
    )
    def test_stay_numbers(self, found: Callable[[], Any], expected: float) -> None:
        number = found()
        assert type(number) is Tensor
        assert number.shape == ()
        assert_close(number, np.array(expected), "pointwise", terms=1, dtype="float32")

    def test_meet_arrays(self) -> None:
        assert ops.add(3.0, [1.0, 2.0]).tolist() == [4.0, 5.0]
        assert ops.subtract(np.array(3.0), [[1.0], [2.0]]).tolist() == [[2.0], [1.0]]
        assert ops.one_hot(2, 4).tolist() == [0, 0, 1, 0]

    def test_are_taken_where_a_number_is_wanted(self) -> None:
        assert float(Adam(ops.exp(-3.0)).learning_rate) == pytest.approx(np.exp(-3))
        assert layers.Dropout(ops.minimum(0.25, 0.5)).rate == 0.25
        with pytest.raises(InvalidTypeError, match=r"^rate: expected a number"):
            layers.Dropout(ops.exp([0.1]))
        with pytest.raises(InvalidTypeError, match=r"^rate: expected a number"):
            layers.Dropout(np.array(True))

    def test_make_learning_rates(self) -> None:
        class Warmup(lstm.optimizers.schedules.LearningRateSchedule):
            def __call__(self, step: Any) -> Any:
                step = ops.cast(step + 1, "float32")
                return ops.rsqrt(64.0) * ops.minimum(ops.rsqrt(step), step * (4.0**-1.5))

        model = lstm.Sequential([lstm.Input((2,)), layers.Dense(1)])
        model.compile(Adam(Warmup()), "mse")
        x, y = RNG.normal(size=(6, 2)), RNG.normal(size=(6, 1))
        model.fit(x, y, epochs=2, verbose=0)
        assert float(model.optimizer.learning_rate) > 0
        model.compile("sgd", "mse")
        decay = lstm.callbacks.LearningRateScheduler(lambda epoch, rate: rate * ops.exp(-0.1))
        logs = model.fit(x, y, epochs=3, verbose=0, callbacks=[decay]).history
        assert_close(
            np.array(logs["learning_rate"]),
            0.01 * np.exp([-0.1, -0.2, -0.3]),
            "pointwise",
            terms=1,
            dtype="float32",
        )

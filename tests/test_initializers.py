"""Initial weights: their ranges and spread, their seeds, their names."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm import initializers
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from tolerances import assert_close

SHAPE = (40, 60)


def drawn(initializer: Any, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    values = initializers.get(initializer, "kernel")(shape, np.random.default_rng(2))
    assert values.shape == shape
    return values


@pytest.mark.parametrize(("name", "value"), [("zeros", 0.0), ("ones", 1.0), ("constant", 0.0)])
def test_constants(name: str, value: float) -> None:
    assert_array_equal(drawn(name), np.full(SHAPE, value))
    assert_array_equal(drawn(initializers.Constant(0.3)), np.full(SHAPE, 0.3))


@pytest.mark.parametrize(
    ("initializer", "shape", "limit"),
    [
        ("uniform", SHAPE, 0.05),
        ("random_uniform", SHAPE, 0.05),
        ("glorot_uniform", SHAPE, np.sqrt(6 / 100)),
        ("glorot_uniform", (5, 8, 60), np.sqrt(6 / (5 * 68))),
        ("he_uniform", SHAPE, np.sqrt(6 / 40)),
        ("lecun_uniform", SHAPE, np.sqrt(3 / 40)),
        (initializers.VarianceScaling(0.5, "fan_out", "uniform"), SHAPE, np.sqrt(1.5 / 60)),
        ("glorot_uniform", (2400,), np.sqrt(6 / 4800)),
    ],
)
def test_uniform_ones_fill_their_range(
    initializer: Any, shape: tuple[int, ...], limit: float
) -> None:
    values = drawn(initializer, shape)
    assert np.abs(values).max() <= limit
    # Of 2400 draws, the chance that none comes within 1 % of the end is e^-12.
    assert values.max() > 0.98 * limit
    assert values.min() < -0.98 * limit


def test_normal() -> None:
    values = drawn(initializers.RandomNormal(1.0, 0.2))
    # Five standard deviations of mean and spread of 2400 draws.
    assert abs(values.mean() - 1) < 5 * 0.2 / np.sqrt(2400)
    assert abs(values.std() - 0.2) < 5 * 0.2 / np.sqrt(2 * 2400)
    assert drawn("normal").std() < 0.06


@pytest.mark.parametrize("shape", [(8, 8), (8, 5), (5, 8)])
def test_orthogonal_rows_or_columns_are_orthonormal(shape: tuple[int, int]) -> None:
    q = drawn("orthogonal", shape)
    product = q @ q.T if shape[0] <= shape[1] else q.T @ q
    assert_close(product, np.eye(min(shape)), "product", terms=8)


@pytest.mark.parametrize("shape", [(4, 16), (1, 4)])
def test_orthogonal_is_made_of_a_square_for_each_gate(shape: tuple[int, int]) -> None:
    blocks = np.split(drawn("orthogonal", shape), 4, axis=1)
    for block in blocks:
        assert_close(block @ block.T, np.eye(shape[0]), "product", terms=4)


def test_orthogonal_matrices_are_of_either_sign() -> None:
    corners = [initializers.Orthogonal(seed=seed)((2, 2))[0, 0] for seed in range(20)]
    assert set(np.sign(corners)) == {-1.0, 1.0}


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("glorot_normal", 2 / 100),
        ("he_normal", 2 / 40),
        ("lecun_normal", 1 / 40),
        (initializers.VarianceScaling(3.0, "fan_avg", "normal"), 3 / 50),
    ],
)
def test_truncated_ones_have_their_variance_nevertheless(name: Any, variance: float) -> None:
    values = drawn(name)
    # Within ±2 of a normal distribution the fourth moment is 2.1 times the squared variance: five
    # standard deviations of the variance of 2400 draws.
    assert abs(values.var() / variance - 1) < 5 * np.sqrt(1.1 / 2400)
    # Truncated at two standard deviations before truncation, of 0.8796 after it.
    assert 0.95 < np.abs(values).max() / (2 * np.sqrt(variance) / 0.8796) <= 1


def test_untruncated_and_truncated_normal() -> None:
    values = drawn(initializers.VarianceScaling(40.0, distribution="untruncated_normal"))
    assert np.abs(values).max() > 2.5
    values = drawn(initializers.TruncatedNormal(1.0, 0.2))
    assert 0.6 <= values.min() < 0.62
    assert 1.38 < values.max() <= 1.4


def test_axes_of_inputs_and_outputs() -> None:
    axes = initializers.VarianceScaling(1.0, "fan_in", "uniform", None, [0, 1], -1)
    assert np.abs(drawn(axes, (20, 30, 4))).max() <= np.sqrt(3 / 600)
    assert axes.get_config()["output_axes"] == [-1]


def test_identity_and_arrays() -> None:
    assert_array_equal(drawn(initializers.Identity(0.5), (2, 3)), [[0.5, 0, 0], [0, 0.5, 0]])
    table = [[1.0, 2.0], [3.0, 4.0]]
    assert_array_equal(drawn(initializers.Constant(table), (2, 2)), table)
    assert_array_equal(drawn(initializers.Constant([1, 2]), (3, 2)), [[1, 2]] * 3)
    assert_array_equal(drawn(np.array(table), (2, 2)), table)
    for shape in ((2, 3), (2,), (2, 4)):
        with pytest.raises(InvalidShapeError, match=r"value of Constant: .* got shape \(2, 2\)"):
            drawn(np.array(table), shape)
    assert initializers.Constant([1, 2]).get_config() == {"value": [1.0, 2.0]}


def test_orthogonal_of_more_axes_and_its_gain() -> None:
    q = drawn(initializers.Orthogonal(2.0), (3, 2, 4)).reshape(6, 4)
    assert_close(q.T @ q, 4 * np.eye(4), "product", terms=6)


class TestOnesOwn:
    def test_functions(self) -> None:
        for function in (np.ones, lambda shape, dtype=None: np.ones(shape, dtype)):
            assert_array_equal(drawn(function), np.ones(SHAPE))

    def test_a_class_written_for_keras(self, tmp_path: Any) -> None:
        class Halves(initializers.Initializer):
            def __call__(self, shape: Any, dtype: Any = None) -> Any:
                return np.full(shape, 0.5, dtype)

        for layer in (
            lstm.layers.Dense(2, kernel_initializer=Halves()),
            lstm.layers.Dense(2, kernel_initializer=Halves),
            lstm.layers.LSTM(2, kernel_initializer=Halves(), bias_initializer=Halves()),
        ):
            model = lstm.Sequential([lstm.Input((3, 4)), layer])
            assert (model.get_weights()[0] == 0.5).all()
            model.save(tmp_path / "model.safetensors")
            loaded = lstm.load_model(tmp_path / "model.safetensors")
            assert loaded.layers[0].kernel_initializer.kind == "Halves"

    def test_without_a_generator_they_draw_from_that_of_the_library(self) -> None:
        lstm.set_seed(5)
        first = initializers.HeNormal()((3, 4))
        lstm.set_seed(5)
        assert_array_equal(initializers.he_normal()((3, 4)), first)


def test_names_of_keras() -> None:
    for name, kind in (
        ("zero", initializers.Zeros),
        ("HeNormal", initializers.HeNormal),
        ("he_normal", initializers.he_normal),
        (initializers.Ones, initializers.Ones),
        ({"class_name": "TruncatedNormal", "config": {}}, initializers.TruncatedNormal),
    ):
        assert type(initializers.get(name, "kernel")) is kind


def test_seeds() -> None:
    own = initializers.GlorotUniform(seed=3)
    assert_array_equal(drawn(own), own(SHAPE, np.random.default_rng(9)))
    assert (drawn(own) != drawn("glorot_uniform")).all()


class TestThresholds:
    """Biases beside a kernel: each unit is 0 at a point of its own in a box of inputs."""

    def biased(self, layer: lstm.layers.Layer, features: int) -> tuple[np.ndarray, np.ndarray]:
        layer(lstm.Input((9, features)))
        return layer.own_weights["kernel"].value, layer.own_weights["bias"].value

    def test_of_one_feature_fill_their_range(self) -> None:
        layer = lstm.layers.Dense(2400, bias_initializer=initializers.Thresholds(-1, 3))
        kernel, bias = self.biased(layer, 1)
        crossed = -bias / kernel[0]
        assert -1 <= crossed.min() < -0.96
        assert 2.96 < crossed.max() <= 3

    def test_of_several_are_points(self) -> None:
        class Drawn(np.random.Generator):
            """What is drawn is known."""

            def uniform(self, low: Any, high: Any, size: Any) -> Any:
                return np.arange(1.0, 1 + np.prod(size)).reshape(size)

        bound = initializers.Thresholds().beside({"kernel": np.array([[2.0, 3.0], [5.0, 7.0]])})
        drawn = bound((2,), Drawn(np.random.PCG64(0)))
        assert_array_equal(drawn, [-(2 * 1 + 5 * 3), -(3 * 2 + 7 * 4)])

    def test_of_a_convolution_and_of_a_gru(self) -> None:
        made = lstm.layers.Conv1D(3, 2, bias_initializer="thresholds")
        assert self.biased(made, 2)[1].shape == (3,)
        kernel, bias = self.biased(lstm.layers.GRU(40, bias_initializer="thresholds"), 1)
        assert ((-bias[0] / kernel[0] >= 0) & (-bias[0] / kernel[0] < 1)).all()
        assert not bias[1].any()

    def test_of_an_lstm_leave_its_forget_gates_open(self) -> None:
        plain = lstm.layers.LSTM(
            3, unit_forget_bias=False, bias_initializer=initializers.Thresholds(seed=3)
        )
        opened = lstm.layers.LSTM(3, bias_initializer=initializers.Thresholds(seed=3))
        biases = []
        for layer in (plain, opened):
            layer.kernel_initializer = initializers.RandomNormal(stddev=10, seed=4)
            biases.append(self.biased(layer, 1)[1])
        expected = np.zeros(12, "float32")
        expected[3:6] = 1
        assert_close(biases[1], biases[0] + expected, "product")

    def test_need_a_kernel(self) -> None:
        for made in (
            lambda: lstm.layers.Dense(2, "tanh", True, "thresholds"),
            lambda: lstm.layers.TiedDense(
                lstm.layers.Embedding(4, 3), bias_initializer="thresholds"
            ),
        ):
            with pytest.raises(InvalidTypeError, match="Thresholds: expected the bias of a layer"):
                made()(lstm.Input((3,)))
        with pytest.raises(InvalidValueError, match="high: expected a finite number of at least 2"):
            initializers.Thresholds(2, 1)


WITHOUT_KERNEL = [name for name in initializers.INITIALIZERS if name != "thresholds"]


@pytest.mark.parametrize("name", WITHOUT_KERNEL)
def test_saved_forms(name: str) -> None:
    made = initializers.get(name, "kernel")
    saved = {"class": type(made).__name__, "config": made.get_config()}
    assert_array_equal(drawn(saved), drawn(made))


def test_unusable_ones() -> None:
    with pytest.raises(InvalidValueError, match="did you mean 'orthogonal'"):
        initializers.get("ortogonal", "kernel")
    with pytest.raises(InvalidTypeError, match="kernel: expected the name"):
        initializers.get(0.1, "kernel")
    for name in ("identity", "orthogonal"):
        with pytest.raises(InvalidShapeError, match="two axes"):
            drawn(name, (3,))
    with pytest.raises(InvalidShapeError, match="two axes, got"):
        drawn("identity", (3, 3, 3))
    with pytest.raises(InvalidShapeError, match="an axis 2"):
        drawn(initializers.VarianceScaling(input_axes=2, output_axes=0))
    for wrong in ({"scale": 0}, {"mode": "fan_inn"}, {"distribution": "norm"}, {"input_axes": "a"}):
        with pytest.raises(InvalidValueError, match=f"^{next(iter(wrong))}"):
            initializers.VarianceScaling(**wrong)
    with pytest.raises(InvalidValueError, match=r"^value: expected finite numbers"):
        initializers.Constant([0.0, np.nan])
    with pytest.raises(InvalidTypeError, match=r"^value: expected"):
        initializers.Constant("one")

    class TooWide(initializers.Initializer):
        def values(self, shape: Any, rng: Any) -> Any:
            return np.zeros((*shape, 2))

    with pytest.raises(InvalidShapeError, match="initializer of kernel"):
        lstm.layers.Dense(2, kernel_initializer=TooWide())(lstm.Input((3,)))


@pytest.mark.parametrize("units", [2, 2**60, 10**30])
def test_no_memory_for_a_weight(units: int) -> None:
    class Large(initializers.Initializer):
        def values(self, shape: Any, rng: Any) -> Any:
            raise MemoryError

    with pytest.raises(InvalidShapeError, match=rf"kernel of .* memory, got shape \(3, {units}\)"):
        lstm.layers.Dense(units, kernel_initializer=Large())(lstm.Input((3,)))

"""Layers of users with weights and masks of their own in `call`, and layers called on arrays."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from gradients import assert_weight_gradient
from lstm import ops
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    Layer,
    LSTMCell,
    Masking,
    SimpleRNN,
    TimeDistributed,
)
from tolerances import assert_close

RNG = np.random.default_rng(8)
WORDS = np.array([[1, 2, 3, 4], [3, 1, 0, 0], [2, 0, 0, 0]])


class Affine(Layer):
    """As people write it."""

    def __init__(self, units: int = 3, **options: Any) -> None:
        super().__init__(**options)
        self.units = units

    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True
        )
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True)
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        return ops.matmul(inputs, self.w) + self.b


class Attended(Layer):
    """A mean of steps with learned weights, which leaves padding out by itself."""

    def build(self, input_shape: Any) -> None:
        self.score = self.add_weight("score", (input_shape[-1], 1), "glorot_uniform")

    def call(self, inputs: Any, mask: Any = None) -> Any:
        scores = ops.squeeze(ops.matmul(inputs, self.score), -1)
        if mask is not None:
            scores = scores + (1.0 - ops.cast(mask, "float32")) * -1e9
        return ops.sum(inputs * ops.expand_dims(ops.softmax(scores), -1), axis=1)


class TestOwnWeights:
    def test_are_weights_of_the_model(self) -> None:
        x = lstm.Input((2,))
        layer = Affine(3, name="affine")
        model = lstm.Model(x, layer(x))
        assert list(model.graph.weights) == ["affine/variable", "affine/variable_1"]
        w, b = RNG.normal(size=(2, 3)), RNG.normal(size=3)
        model.set_weights([w, b])
        data = RNG.normal(size=(4, 2))
        assert_close(model.predict(data), data @ w + b, "product", terms=3, dtype="float32")
        assert layer.w.shape == (2, 3)

    @pytest.mark.usefixtures("float64")
    def test_have_gradients_also_where_they_are_shared(self) -> None:
        x = lstm.Input((3,))
        layer = Affine(3)
        model = lstm.Model(x, layer(ops.tanh(layer(x))))
        data, y = RNG.normal(size=(2, 5, 3))
        model.compile(lstm.optimizers.SGD(0.0), "mse")
        model.train_on_batch(data, y)
        for name, weight in model.graph.weights.items():
            assert_weight_gradient(weight, lambda: model.evaluate(data, y), name)

    def test_stay_when_they_do_not_learn(self) -> None:
        class Shifted(Layer):
            def build(self, input_shape: Any) -> None:
                self.shift = self.add_weight("shift", input_shape[-1:], "ones", trainable=False)
                self.scale = self.add_weight("scale", input_shape[-1:], "ones")

            def call(self, inputs: Any) -> Any:
                return inputs * self.scale + self.shift

        model = lstm.Sequential([lstm.Input((2,)), Shifted()])
        model.compile(lstm.optimizers.SGD(0.5), "mse")
        data, y = RNG.normal(size=(2, 8, 2))
        model.fit(data, y, epochs=3, verbose=0)
        scale, shift = (model.graph.weights[f"shifted/{name}"] for name in ("scale", "shift"))
        assert_array_equal(shift.to_numpy(), np.ones(2))
        assert np.abs(scale.to_numpy() - 1).min() > 0
        model.layers[0].trainable = False
        model.layers[0].trainable = True
        assert not shift.trainable

    def test_come_back_from_a_file_without_the_class(self, tmp_path: Path) -> None:
        model = lstm.Sequential([lstm.Input((4,)), Embedding(5, 3), Attended(), Affine(2)])
        model.save(tmp_path / "model.safetensors")
        again = lstm.load_model(tmp_path / "model.safetensors")
        assert_array_equal(again.predict(WORDS), model.predict(WORDS))

    def test_on_native_as_on_the_reference(self) -> None:
        outputs = []
        for backend in ("reference", "native"):
            lstm.set_seed(3)
            with lstm.backends.using(backend):
                model = lstm.Sequential(
                    [
                        lstm.Input((4,)),
                        Embedding(5, 3),
                        LSTM(4, return_sequences=True),
                        Attended(),
                        Affine(2),
                    ]
                )
            model.compile("adam", "mse")
            model.fit(WORDS, np.ones((3, 2)), epochs=6, verbose=0)
            outputs.append(model.predict(WORDS))
        assert_close(outputs[1], outputs[0], "lstm", terms=100, dtype="float32")


class TestMasks:
    def model(self, *, ragged: bool = False) -> lstm.Sequential:
        lstm.set_seed(1)
        return lstm.Sequential(
            [
                lstm.Input((None,)),
                Embedding(5, 3, mask_zero=not ragged),
                LSTM(4, return_sequences=True),
                Attended(),
            ]
        )

    def test_reach_call(self) -> None:
        model = self.model()
        together = model.predict(WORDS)
        for row, words in enumerate(WORDS):
            alone = model.predict(words[words != 0][None])
            assert_close(together[row], alone[0], "lstm", terms=40, dtype="float32")

    def test_reach_call_from_sequences_of_different_lengths(self) -> None:
        model = self.model(ragged=True)
        sequences = [words[words != 0] for words in WORDS]
        together = model.predict(sequences)
        for row, words in enumerate(sequences):
            alone = model.predict(words[None])
            assert_close(together[row], alone[0], "lstm", terms=40, dtype="float32")

    def test_reductions_leave_padding_out(self) -> None:
        x = lstm.Input((None, 2))
        y = ops.concatenate([ops.mean(x, 1), ops.max(x, 1), ops.sum(x, 1)], -1)
        model = lstm.Model(x, y)
        sequences = [RNG.normal(size=(n, 2)) for n in (4, 1, 2)]
        got = model.predict(sequences)
        for row, s in enumerate(sequences):
            expected = np.concatenate([s.mean(0), s.max(0), s.sum(0)])
            assert_close(got[row], expected, "loss", terms=4, dtype="float32")

    def test_of_no_real_step_all_are_zero(self) -> None:
        x = lstm.Input((None, 2))
        masked = Masking()(x)
        joined = [ops.max(masked, 1), ops.mean(masked, 1), ops.sum(masked, 1)]
        model = lstm.Model(x, ops.concatenate(joined, -1))
        got = model.predict(np.array([[[1.0, -2.0], [0, 0]], [[0, 0], [0, 0]]]))
        assert got.tolist() == [[1, -2] * 3, [0] * 6]

    def test_weights_of_one_example_are_the_same_for_each(self) -> None:
        """A batch of one example is no weight without a batch: its mask stays."""

        class Weighted(Layer):
            def build(self, *shapes: Any) -> None:
                self.w = self.add_weight("w", (1, 4, 2), "ones")

            def call(self, inputs: Any) -> Any:
                return ops.sum(inputs + self.w, 1)

        x = lstm.Input((4,))
        model = lstm.Model(x, Weighted()(Embedding(10, 2, mask_zero=True)(x)))
        words = np.array([[1, 2, 0, 0], [3, 0, 0, 0]])
        together = model.predict(words)
        for row in range(2):
            assert_close(
                model.predict(words[row][None])[0], together[row], "loss", terms=4, dtype="float32"
            )
        table = model.get_weights()[0]
        expected = (table[words[0, :2]] + 1).sum(0)
        assert_close(together[0], expected, "loss", terms=4, dtype="float32")

    def test_masking_skips_steps(self) -> None:
        lstm.set_seed(1)
        model = lstm.Sequential([lstm.Input((None, 2)), Masking(-1.0), LSTM(3)])
        x = RNG.normal(size=(1, 5, 2))
        x[0, 3:] = -1.0
        whole, part = model.predict(x), model.predict(x[:, :3])
        assert_close(whole, part, "lstm", terms=15, dtype="float32")

    def test_a_mask_may_be_passed(self) -> None:
        x, real = lstm.Input((None, 2)), lstm.Input((None,))
        lstm.set_seed(1)
        layer = LSTM(3)
        masked = lstm.Model([x, real], layer(x, mask=real))
        data = RNG.normal(size=(2, 4, 2))
        got = masked.predict([data, np.array([[1, 1, 1, 1], [1, 1, 0, 0]])])
        plain = lstm.Model(x, layer(x))
        assert_close(got[0], plain.predict(data[:1])[0], "lstm", terms=12, dtype="float32")
        assert_close(got[1], plain.predict(data[1:, :2])[0], "lstm", terms=8, dtype="float32")

    def test_compute_mask_says_what_goes_on(self) -> None:
        class Ends(Layer):
            def call(self, inputs: Any) -> Any:
                return 1.0 * inputs

            def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
                return None

        x = lstm.Input((None,))
        y = Embedding(5, 2, mask_zero=True)(x)
        through, ended = lstm.Model(x, LSTM(2)(y)), lstm.Model(x, LSTM(2)(Ends()(y)))
        ended.set_weights(through.get_weights())
        assert np.abs(through.predict(WORDS[2:]) - ended.predict(WORDS[2:])).max() > 1e-3

    def test_of_a_wrong_shape(self) -> None:
        with pytest.raises(InvalidShapeError, match=r"^mask of lstm: expected shape .any, 4."):
            LSTM(3)(lstm.Input((4, 2)), mask=lstm.Input((5,)))

    @pytest.mark.parametrize(
        "shape", [(4, 3), (3, 4, 2), (3,), (), (3, 5), (3, 3), (1, 4)], ids=str
    )
    @pytest.mark.parametrize(
        "layer",
        [
            *(LSTM(2), GRU(2), SimpleRNN(2), RNN(LSTMCell(2)), Bidirectional(LSTM(2))),
            *(GlobalAveragePooling1D(), GlobalMaxPooling1D(), Masking(), Dense(2)),
        ],
        ids=lambda layer: layer.name,
    )
    def test_of_a_wrong_shape_beside_an_array(self, layer: Any, shape: tuple[int, ...]) -> None:
        expected = f"mask of {layer.name}: expected shape (3, 4), got shape {shape}"
        with pytest.raises(InvalidShapeError) as error:
            layer(RNG.normal(size=(3, 4, 2)), mask=np.ones(shape))
        assert str(error.value) == expected

    @pytest.mark.parametrize("steps", [3, 5])
    def test_of_a_wrong_length_in_data(self, steps: int) -> None:
        x, real = lstm.Input((None, 2)), lstm.Input((None,), dtype="bool")
        model = lstm.Model([x, real], LSTM(3, name="reader")(x, mask=real))
        mask = np.arange(steps) < np.array([[2], [3], [1]])
        expected = f"mask of reader: expected shape .3, 4., got shape .3, {steps}."
        with pytest.raises(InvalidShapeError, match=expected):
            model.predict([RNG.normal(size=(3, 4, 2)), mask])


class TestOnArrays:
    @pytest.mark.parametrize(
        "layer",
        [
            *(TimeDistributed(Dense(2)), TimeDistributed(lstm.layers.Flatten())),
            *(Bidirectional(LSTM(2)), Bidirectional(GRU(2, return_sequences=True), "sum")),
        ],
    )
    def test_wrappers_compute_what_their_model_does(self, layer: Layer) -> None:
        x, real = lstm.Input((None, 3)), lstm.Input((None,))
        data, mask = RNG.normal(size=(2, 4, 3)), np.array([[1, 1, 1, 1], [1, 1, 0, 0]])
        model = lstm.Model([x, real], layer(x, mask=real))
        assert_close(layer(data, mask=mask), model.predict([data, mask]), "lstm", terms=12)

    def test_layers_compute_at_once(self) -> None:
        layer = Dense(3)
        x = RNG.normal(size=(4, 2)).astype("f")
        y = layer(x)
        w = layer.own_weights["kernel"].to_numpy()
        assert_close(np.asarray(y), x @ w, "product", terms=2)
        assert type(y.numpy()) is np.ndarray
        assert_array_equal(layer([[1.0, 2.0]]).numpy(), layer(np.array([[1.0, 2.0]])).numpy())

    def test_and_as_part_of_a_model(self) -> None:
        layer = LSTM(3, return_sequences=True)
        x = lstm.Input((4, 2))
        model = lstm.Model(x, layer(x))
        data = RNG.normal(size=(2, 4, 2))
        assert_close(np.asarray(layer(data)), model.predict(data), "lstm", dtype="float32")
        assert_close(np.asarray(model(data)), model.predict(data), "lstm", dtype="float32")

    def test_own_layers_too(self) -> None:
        layer, x = Affine(3), RNG.normal(size=(4, 2))
        y = layer(x)
        expected = x @ layer.w.numpy() + layer.b.numpy()
        assert_close(np.asarray(y), expected, "product", terms=3, dtype="float32")
        layer.w.assign(np.zeros((2, 3)))
        assert_array_equal(layer(x), np.zeros((4, 3)))

    def test_masks_travel(self) -> None:
        y = Embedding(5, 3, mask_zero=True)(WORDS)
        assert_array_equal(y.mask, WORDS != 0)
        layer = LSTM(4)
        whole, part = layer(y), layer(np.asarray(y)[1:2, :2])
        assert_close(np.asarray(whole[1]), np.asarray(part[0]), "lstm", terms=8, dtype="float32")

    def test_dropout_drops_if_it_is_told_to(self) -> None:
        x = np.ones((50, 50))
        assert_array_equal(Dropout(0.5)(x), x)
        assert 0.4 < float(np.mean(Dropout(0.5)(x, training=True) == 0)) < 0.6

    @pytest.mark.parametrize(
        ("use", "error"),
        [
            (lambda: Dense(3)("text"), InvalidTypeError),
            (lambda: LSTM(3)(np.ones((2, 3))), InvalidShapeError),
            (lambda: Embedding(5, 2)(np.array([7])), InvalidValueError),
            (lambda: Dense(3)(np.ones((2, 2)))[0].missing, AttributeError),
        ],
    )
    def test_bad_input(self, use: Any, error: type[Exception]) -> None:
        with pytest.raises(error):
            use()

"""What holds for every layer: shapes, weights, gradients, files, chunks and padding."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

import lstm
from composed_cases import OwnCell
from gradients import assert_weight_gradient
from layer_case import STEPS, TOKENS, LayerCase
from layer_cases import CASES
from lstm.errors import InvalidValueError
from lstm.layers import (
    LSTM,
    Concatenate,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Flip,
    Layer,
)
from tolerances import assert_close

pytestmark = pytest.mark.usefixtures("float64")

KNOWN = {"OwnCell": OwnCell}

every_layer = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def having(**wanted: Any) -> pytest.MarkDecorator:
    cases = [c for c in CASES if all(getattr(c, key) is value for key, value in wanted.items())]
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def listed(outputs: Any) -> list[Any]:
    return outputs if isinstance(outputs, list) else [outputs]


def randomize(model: lstm.Model, rng: np.random.Generator) -> lstm.Model:
    """Weights of no symmetry: swapped gates or axes would show."""
    model.set_weights([rng.normal(0, 0.7, w.shape) for w in model.get_weights()])
    return model


class TestEveryLayer:
    @every_layer
    def test_output_has_the_promised_shape(self, case: LayerCase, rng: np.random.Generator) -> None:
        model = case.model()
        symbolic = [tensor.shape for tensor in model.graph.outputs]
        assert symbolic == [(None, *shape) for shape in case.output]
        for batch_size in (1, 3):
            outputs = listed(model.predict(case.data(rng, batch_size)))
            assert [y.shape for y in outputs] == [(batch_size, *s) for s in case.output]

    @every_layer
    def test_unknown_sizes_stay_open(self, case: LayerCase, rng: np.random.Generator) -> None:
        model = case.model(any_length=True)
        for steps in (STEPS, STEPS + 1) if case.sequences else (STEPS,):
            outputs = listed(model.predict(case.data(rng, 2, steps)))
            for y, tensor in zip(outputs, model.graph.outputs, strict=True):
                assert len(y.shape) == len(tensor.shape)
                for size, promised in zip(y.shape, tensor.shape, strict=True):
                    assert promised in (None, size)

    @every_layer
    def test_weights_are_named_and_laid_out_as_in_keras(self, case: LayerCase) -> None:
        weights = case.model().graph.weights
        assert {name: weight.value.shape for name, weight in weights.items()} == case.weights

    @having(random=False, kinks=False)
    def test_gradients_of_weights_and_inputs(
        self, case: LayerCase, rng: np.random.Generator
    ) -> None:
        model, feeds = differentiable(case, rng)
        model.compile(lstm.optimizers.SGD(0.0), "mse")
        y = rng.normal(size=np.shape(model.predict(feeds)))
        model.train_on_batch(feeds, y)
        for name, weight in model.graph.weights.items():
            if not weight.fixed:
                assert_weight_gradient(weight, lambda: model.evaluate(feeds, y), name)

    @every_layer
    def test_config_makes_the_same_layer(self, case: LayerCase, rng: np.random.Generator) -> None:
        layer = case.make()
        config = json.loads(json.dumps(layer.get_config()))
        with lstm.utils.custom_object_scope(KNOWN):
            copy = type(layer).from_config(config)
        assert copy.get_config() == layer.get_config()
        first, second = randomize(case.model(layer), rng), case.model(copy)
        second.set_weights(first.get_weights())
        data = case.data(rng, 2)
        for y, z in zip(listed(first.predict(data)), listed(second.predict(data)), strict=True):
            assert_array_equal(y, z)

    @every_layer
    def test_a_file_gives_the_same_bits(
        self, case: LayerCase, rng: np.random.Generator, tmp_path: Path
    ) -> None:
        model, data = randomize(case.model(), rng), case.data(rng, 2)
        model.save(tmp_path / "model.safetensors")
        loaded = lstm.load_model(tmp_path / "model.safetensors", KNOWN)
        assert list(loaded.graph.weights) == list(model.graph.weights)
        for y, z in zip(listed(model.predict(data)), listed(loaded.predict(data)), strict=True):
            assert_array_equal(y, z)

    @having(streams=True)
    @pytest.mark.parametrize("sizes", [(1, 1, 1, 1, 1), (2, 3), (4, 1)], ids=str)
    def test_chunk_by_chunk_is_the_whole(
        self, case: LayerCase, sizes: tuple[int, ...], rng: np.random.Generator
    ) -> None:
        model, data = randomize(case.model(), rng), case.data(rng, 3)
        state = model.initial_state(3)
        chunks, start = [], 0
        for size in sizes:
            y, state = model.step([x[:, start : start + size] for x in data], state)
            chunks.append(listed(y))
            start += size
        whole = listed(model.predict(data))
        for k, y in enumerate(whole):
            over_time = case.output[k][:1] == (STEPS,)
            parts = [chunk[k] for chunk in chunks]
            joined = np.concatenate(parts, 1) if over_time else parts[-1]
            assert_close(joined, y, "lstm", terms=STEPS)

    @having(streams=False)
    def test_layers_that_need_the_whole_sequence_say_so(self, case: LayerCase) -> None:
        with pytest.raises(InvalidValueError, match="chunk by chunk"):
            case.model().initial_state(2)

    @having(masks=True)
    def test_padding_changes_nothing(self, case: LayerCase, rng: np.random.Generator) -> None:
        model = randomize(case.model(any_length=True), rng)
        lengths = (5, 2, 4)
        data = [case.data(rng, 1, steps) for steps in lengths]
        ragged = [[x[k][0] for x in data] for k in range(len(case.inputs))]
        together = listed(model.predict(ragged))
        if len(model.graph.outputs) == 1:
            together = [model.predict(ragged)]
        for row, x in enumerate(data):
            alone = listed(model.predict(x))
            for y, z in zip(together, alone, strict=True):
                assert_close(y[row], z[0], "lstm", terms=STEPS)

    @having(masks=True, in_order=True, random=False)
    def test_padding_has_no_loss_and_no_gradient(
        self, case: LayerCase, rng: np.random.Generator
    ) -> None:
        # The layer below shows what gradient reaches the inputs.
        below = [lstm.Input((None, *shape[1:])) for shape in case.inputs]
        tensors = below if case.tokens else [Dense(x.shape[-1])(x) for x in below]
        outputs = listed(case.connect(case.make(), tensors))
        model = randomize(lstm.Model(below, outputs[0]), rng)
        model.compile(lstm.optimizers.SGD(0.0), "mse")
        data = [case.data(rng, 1, steps) for steps in (5, 2, 4)]
        targets = [rng.normal(size=model.predict(x).shape) for x in data]
        shares = np.array([y.size for y in targets]) / sum(y.size for y in targets)
        loss, gradient = 0.0, np.zeros_like(model.parameters.gradients)
        for x, y, share in zip(data, targets, shares, strict=True):
            loss += share * model.train_on_batch(x, y)
            gradient += share * model.parameters.gradients
        ragged = [[x[k][0] for x in data] for k in range(len(case.inputs))]
        assert_close(model.train_on_batch(ragged, merged(targets)), loss, "loss", terms=40)
        assert_close(model.parameters.gradients, gradient, "lstm", terms=40)


def merged(targets: list[NDArray[Any]]) -> Any:
    """Targets of one example each, as those of one batch."""
    rows = [y[0] for y in targets]
    return np.stack(rows) if len({y.shape for y in rows}) == 1 else rows


def differentiable(
    case: LayerCase, rng: np.random.Generator
) -> tuple[lstm.Model, list[NDArray[Any]]]:
    """A model of the layer in which the inputs are weights: rows of an embedding, each used once.

    Returns:
        The model, which has one output, and what to feed it.
    """
    batch_size = 2
    if case.tokens:
        inputs = tensors = [lstm.Input(shape) for shape in case.inputs]
        feeds = [rng.integers(0, TOKENS, (batch_size, *shape)) for shape in case.inputs]
    else:
        inputs = [lstm.Input(shape[:-1]) for shape in case.inputs]
        shapes = [(batch_size, *shape[:-1]) for shape in case.inputs]
        feeds = [np.arange(np.prod(shape)).reshape(shape) for shape in shapes]
        tensors = [
            Embedding(x.size, shape[-1], name="input")(tensor)
            for x, shape, tensor in zip(feeds, case.inputs, inputs, strict=True)
        ]
    outputs = [Flatten()(y) for y in listed(case.connect(case.make(), tensors))]
    model = lstm.Model(inputs, outputs[0] if len(outputs) == 1 else Concatenate()(outputs))
    return randomize(model, rng), feeds


class TestSequencesOfDifferentLengths:
    """What cannot be computed as if each were alone is refused."""

    @pytest.mark.parametrize(
        "layer",
        [Conv1D(2, 3, strides=2, padding="same"), lambda x: Concatenate(axis=1)([x, x])],
        ids=["same padding with strides", "joined in time"],
    )
    def test_layers_that_mix_in_padding_refuse(self, layer: Any) -> None:
        x = lstm.Input((None, 2))
        model = lstm.Model(x, layer(x))
        model.predict([np.ones((3, 2)), np.ones((3, 2))])
        with pytest.raises(InvalidValueError, match="sequences"):
            model.predict([np.ones((2, 2)), np.ones((3, 2))])

    def test_skipped_tokens_stay_in_the_outputs(self) -> None:
        model = lstm.Sequential([Embedding(4, 2, mask_zero=True), LSTM(3, return_sequences=True)])
        y = model.predict([[1, 0, 2], [3, 0]])
        assert [row.shape for row in y] == [(3, 3), (2, 3)]
        assert_array_equal(y[0][1], y[0][0])


class TestReversedOutputs:
    @pytest.mark.parametrize(
        "layer", [Flip(), LSTM(1, go_backwards=True, return_sequences=True)], ids=["flip", "lstm"]
    )
    def test_cannot_be_trained_on_sequences_of_different_lengths(self, layer: Layer) -> None:
        model = lstm.Sequential([lstm.Input((None, 1)), layer])
        model.compile("sgd", "mse")
        with pytest.raises(InvalidValueError, match="reversed"):
            model.fit([np.ones((2, 1)), np.ones((3, 1))], [[0.0, 1.0], [0.0, 1.0, 2.0]], verbose=0)


class TestDropout:
    def test_drops_and_scales_in_training_only(self, rng: np.random.Generator) -> None:
        tokens = np.arange(2000).reshape(20, 100)
        model = lstm.Sequential([Embedding(2000, 1, input_length=100), Dropout(0.3)])
        model.compile(lstm.optimizers.SGD(0.0), "mse")
        randomize(model, rng)
        (x,) = model.get_weights()
        assert_array_equal(model.predict(tokens).reshape(x.shape), x)
        model.train_on_batch(tokens, np.zeros((20, 100)))
        # d mean((k·x)²) / dx = 2·k²·x / n, with k = 0 or 1 / 0.7.
        k = np.sqrt(np.maximum(model.parameters.gradients * 2000 / 2 / x[:, 0], 0))
        dropped = k < 0.5
        assert_close(k[~dropped], np.full((~dropped).sum(), 1 / 0.7), "pointwise")
        # Five standard deviations of the share of 2000 throws.
        assert abs(dropped.mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / 2000)

    def test_every_step_draws_anew(self, rng: np.random.Generator) -> None:
        model = lstm.Sequential([lstm.Input((50,)), Dropout(0.5), Dense(1, use_bias=False)])
        model.compile(lstm.optimizers.SGD(0.0), "mse")
        x, y = rng.normal(size=(2, 50)), rng.normal(size=(2, 1))
        assert model.train_on_batch(x, y) != model.train_on_batch(x, y)
        assert model.evaluate(x, y) == model.evaluate(x, y)

"""Padding: a batch of sequences of different lengths gives what each of them gives alone.

Or it is refused. Whatever can stand between the sequences and what reads them is tried, with lists
of sequences, which the library pads itself, and with `mask_zero`, where the user padded before or
behind.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

import lstm
from composed_cases import ATTENTION, COMPOSED, UNMASKED
from gradients import assert_weight_gradient
from lstm import layers as layers_module
from lstm import ops
from lstm.errors import InvalidShapeError, InvalidValueError, LSTMError
from lstm.layers import (
    GRU,
    LSTM,
    Activation,
    Add,
    Average,
    Bidirectional,
    Concatenate,
    Conv1D,
    CTCLoss,
    Dense,
    Dropout,
    Embedding,
    ExpandDims,
    Flatten,
    Flip,
    InputLayer,
    Lambda,
    Layer,
    Multiply,
    Permute,
    RepeatVector,
    Reshape,
    SimpleRNN,
    SpatialDropout1D,
    Squeeze,
    SymbolicTensor,
    TiedDense,
    TimeDistributed,
)
from tolerances import assert_close

pytestmark = pytest.mark.usefixtures("float64")

Between = Callable[[SymbolicTensor], Any]

V, E, UNITS = 9, 4, 3

LENGTHS = (6, 2, 4)
"""Even, so that steps can be taken in pairs."""

WAYS = ("lists", "behind", "before")
"""How sequences of different lengths come: as a list, or with zeros behind them or before them."""


@dataclass(frozen=True)
class Case:
    """What stands between an Embedding and an LSTM that reads it.

    Attributes:
        name: of the case.
        between: takes (B, T, 4) to a tensor.
        refused: the ways in which padded sequences are refused.
        lengths: of the sequences.
        aligned: output step t belongs to input step t.
    """

    name: str
    between: Between
    refused: tuple[str, ...] = ()
    lengths: Sequence[int] = LENGTHS
    aligned: bool = False


def aligned(name: str, between: Between) -> Case:
    return Case(name, between, aligned=True)


def both(kind: type[Layer]) -> Between:
    """Two branches of one tensor, merged."""
    return lambda x: kind()([Dense(3)(x), LSTM(3, return_sequences=True)(x)])


def half(**options: Any) -> LSTM:
    return LSTM(UNITS, return_sequences=True, **options)


class Undeclared(Layer):
    """It doubles its input, and says nothing of masks."""

    def output_shapes(self, *shapes: Any) -> Any:
        return shapes

    def forward(self, run: Any, *inputs: Any, mask: Any) -> Any:
        return (run.ops.add([inputs[0], inputs[0]]),), None

    def backward(self, run: Any, cache: Any, *gradients: Any, need: Any) -> Any:
        return (run.ops.add([gradients[0], gradients[0]]),)


class Declared(Undeclared):
    keeps_mask = True


class Shortening(Undeclared):
    """It drops every second step, and says so."""

    def output_shapes(self, *shapes: Any) -> Any:
        return ((shapes[0][0], None, shapes[0][2]),)

    def forward(self, run: Any, *inputs: Any, mask: Any) -> Any:
        return (run.ops.slice_forward(inputs[0], (slice(None), slice(None, None, 2))),), None

    def output_mask(self, run: Any, inputs: Any, mask: Any) -> Any:
        return None if mask is None else mask[:, ::2]


CASES = [
    aligned("nothing", lambda x: x),
    aligned("dense", lambda x: Dense(3, activation="tanh")(x)),
    aligned("activation", lambda x: Activation("sigmoid")(x)),
    aligned("softmax of features", lambda x: Activation("softmax")(x)),
    aligned("dropout", lambda x: Dropout(0.5)(SpatialDropout1D(0.5)(x))),
    aligned("lambda", lambda x: Lambda(lambda t: ops.tanh(t))(x)),
    aligned("lstm", lambda x: half()(x)),
    aligned("lstm, zeros", lambda x: half(zero_output_for_mask=True)(x)),
    aligned("gru", lambda x: GRU(3, return_sequences=True)(x)),
    aligned("simple rnn", lambda x: SimpleRNN(3, return_sequences=True)(x)),
    Case("lstm, last", lambda x: LSTM(3)(x)),
    Case("backwards, last", lambda x: GRU(3, go_backwards=True)(x)),
    Case("backwards", lambda x: half(go_backwards=True)(x)),
    aligned("backwards, turned", lambda x: Flip()(half(go_backwards=True)(x))),
    Case("flip", lambda x: Flip()(x)),
    aligned("flip of features", lambda x: Flip(-1)(x)),
    *(
        aligned(f"bidirectional, {mode}", lambda x, m=mode: Bidirectional(half(), m)(x))
        for mode in ("concat", "sum", "ave", "mul")
    ),
    aligned("bidirectional, halves", lambda x: Concatenate()(Bidirectional(half(), None)(x))),
    aligned("bidirectional twice", lambda x: Bidirectional(half())(Bidirectional(half())(x))),
    Case("bidirectional, states", lambda x: Bidirectional(LSTM(3))(x)),
    Case("bidirectional, last step", lambda x: Bidirectional(half())(x)[:, -1]),
    Case("bidirectional, first step", lambda x: Bidirectional(half())(x)[:, 0]),
    aligned("conv, same", lambda x: Conv1D(3, 4, padding="same")(x)),
    aligned("conv, causal", lambda x: Conv1D(3, 2, padding="causal", dilation_rate=2)(x)),
    aligned("conv, one", lambda x: Conv1D(3, 1)(x)),
    Case("conv, valid", lambda x: Conv1D(3, 2)(x)),
    Case("conv, last step", lambda x: Conv1D(3, 3, padding="same")(x)[:, -1]),
    Case("conv, strides", lambda x: Conv1D(3, 2, strides=2)(x), refused=("before",)),
    Case("conv, one, strides", lambda x: Conv1D(3, 1, strides=3)(x), refused=("before",)),
    Case("conv, same, strides", lambda x: Conv1D(3, 2, strides=2, padding="same")(x), WAYS),
    Case(
        "conv, causal, strides", lambda x: Conv1D(3, 2, strides=2, padding="causal")(x), ("before",)
    ),
    aligned("add", both(Add)),
    aligned("average", both(Average)),
    aligned("multiply", both(Multiply)),
    aligned("concatenate", both(Concatenate)),
    Case("add, of a step", lambda x: Add()([x[:, -1], x[:, 0]])),
    Case("joined in time", lambda x: Concatenate(axis=1)([x, x]), ("lists",)),
    aligned("reshape of features", lambda x: Reshape((-1, 4))(Reshape((-1, 2, 2))(x))),
    Case("reshape to pairs", lambda x: Reshape((-1, 2 * E))(x)),
    Case("reshape to halves", lambda x: Reshape((-1, E // 2))(x)),
    Case("reshape of odd pairs", lambda x: Reshape((-1, 2 * E))(x), WAYS, lengths=(6, 3, 4)),
    Case("sentences of two words", lambda x: TimeDistributed(LSTM(3))(Reshape((-1, 2, E))(x))),
    aligned("there and back", lambda x: Permute((2, 1))(Permute((2, 1))(x))),
    aligned("flattened steps", lambda x: ExpandDims(-1)(Flatten()(Dense(1)(x)))),
    aligned("expand and squeeze", lambda x: Squeeze(2)(ExpandDims(2)(x))),
    aligned("an axis before time", lambda x: Squeeze(1)(TimeDistributed(half())(ExpandDims(1)(x)))),
    aligned(
        "softmax of steps", lambda x: ExpandDims(-1)(Activation("softmax")(Squeeze()(Dense(1)(x))))
    ),
    aligned(
        "softmax of steps that were activated",
        lambda x: ExpandDims(-1)(
            Activation("softmax")(Activation("linear")(Squeeze()(Dense(1)(x))))
        ),
    ),
    Case("repeated vector", lambda x: RepeatVector(3)(LSTM(3)(x))),
    aligned("repeated steps", lambda x: Permute((2, 1))(RepeatVector(2)(Squeeze()(Dense(1)(x))))),
    Case("last step", lambda x: x[:, -1]),
    Case("first step", lambda x: x[:, 0]),
    Case("second step", lambda x: x[:, 1]),
    Case("step but one", lambda x: x[:, -2]),
    Case("third step", lambda x: x[:, 2], WAYS),
    Case("third step from the end", lambda x: x[:, -3], WAYS),
    Case("all but the first", lambda x: x[:, 1:]),
    Case("all but the last", lambda x: x[:, :-1]),
    Case("last two", lambda x: x[:, -2:]),
    Case("first two", lambda x: x[:, :2], ("before",)),
    Case("last three", lambda x: x[:, -3:]),
    Case("every second", lambda x: x[:, ::2]),
    Case("every third", lambda x: x[:, 1::3], ("before",)),
    Case("reversed", lambda x: x[:, ::-1]),
    Case("features", lambda x: x[..., 1:3]),
    Case("last step, features", lambda x: x[:, -1, 1:]),
    aligned("time distributed dense", lambda x: TimeDistributed(Dense(3))(x)),
    aligned(
        "time distributed layers",
        lambda x: TimeDistributed(lstm.Sequential([Reshape((2, 2)), LSTM(3)]))(x),
    ),
    aligned("a layer of a user", lambda x: Declared()(x)),
    Case("a layer of a user that shortens", lambda x: Shortening()(x)),
    Case("a layer of a user that says nothing", lambda x: Undeclared()(x), WAYS),
    Case("added to what says nothing", lambda x: Add()([x, Undeclared()(x)]), WAYS),
]


def build(case: Case, *, mask_zero: bool, read: bool = True) -> lstm.Model:
    """Tokens, an Embedding, what is between, and an LSTM to read it."""
    x = lstm.Input((None,))
    y = case.between(Embedding(V, E, mask_zero=mask_zero)(x))
    if read:
        y = Dense(2)(LSTM(UNITS)(y) if y.ndim == 3 else y)
    model = lstm.Model(x, y)
    for layer in model.layers:
        if isinstance(layer, Dropout | SpatialDropout1D):
            layer.rate = 0.0  # What training drops is nobody's lot alone.
    rng = np.random.default_rng(5)
    model.set_weights([rng.normal(0, 0.7, w.shape) for w in model.get_weights()])
    return model


def padded(sequences: Sequence[NDArray[Any]], way: str, filling: float = 0) -> Any:
    """Sequences as they come in one of WAYS."""
    if way == "lists":
        return list(sequences)
    longest = max(map(len, sequences))
    rows = np.full((len(sequences), longest, *sequences[0].shape[1:]), filling)
    for row, sequence in zip(rows, sequences, strict=True):
        row[slice(len(sequence)) if way == "behind" else slice(-len(sequence), None)] = sequence
    return rows


def tokens(case: Case) -> list[NDArray[Any]]:
    rng = np.random.default_rng(6)
    return [rng.integers(1, V, length) for length in case.lengths]


def cases(chosen: Callable[[Case, str], bool]) -> pytest.MarkDecorator:
    pairs = [(case, way) for case in CASES for way in WAYS if chosen(case, way)]
    return pytest.mark.parametrize(
        ("case", "way"), pairs, ids=[f"{case.name}-{way}" for case, way in pairs]
    )


class TestOneBatchIsEachAlone:
    @cases(lambda case, way: way not in case.refused)
    def test_what_reads_the_sequences(self, case: Case, way: str) -> None:
        model, sequences = build(case, mask_zero=way != "lists"), tokens(case)
        together = model.predict(padded(sequences, way))
        for row, sequence in zip(together, sequences, strict=True):
            assert_close(row, model.predict(sequence[None])[0], "lstm", terms=40)

    @cases(lambda case, way: way in case.refused)
    def test_or_it_is_refused(self, case: Case, way: str) -> None:
        model, sequences = build(case, mask_zero=way != "lists"), tokens(case)
        with pytest.raises(LSTMError):
            model.predict(padded(sequences, way))

    @cases(lambda case, way: case.aligned)
    def test_the_loss_and_the_gradient(self, case: Case, way: str) -> None:
        model = build(case, mask_zero=way != "lists", read=False)
        model.compile(lstm.optimizers.SGD(0.0), "mse")
        sequences, rng = tokens(case), np.random.default_rng(7)
        targets = [rng.normal(size=model.predict(x[None]).shape[1:]) for x in sequences]
        loss, gradient = 0.0, 0.0
        for x, y in zip(sequences, targets, strict=True):
            share = len(x) / sum(case.lengths)
            loss += share * model.train_on_batch(x[None], y[None])
            gradient = gradient + share * model.parameters.gradients
        # What stands in the padding of targets counts as little.
        batch = padded(sequences, way), padded(targets, way, filling=1e6)
        assert_close(model.train_on_batch(*batch), loss, "loss", terms=60)
        assert_close(model.parameters.gradients, gradient, "lstm", terms=60)

    def test_every_layer_is_among_the_cases(self) -> None:
        # A Dense, no call, and a loss of labels, which test_ctc.py compares.
        seen: set[type[Layer]] = {TiedDense, InputLayer, CTCLoss}
        for case in CASES:
            for node in build(case, mask_zero=True).graph.nodes:
                seen.update(type(layer) for layer in node.path)
        for composed in COMPOSED + ATTENTION + UNMASKED:
            for node in composed.model().graph.nodes:
                seen.update(type(layer) for layer in node.path)
        named = {getattr(layers_module, name) for name in layers_module.__all__}
        kinds = {kind for kind in named if isinstance(kind, type) and issubclass(kind, Layer)}
        assert kinds - {Layer} <= seen


class TestSeveralInputs:
    """Tensors that are merged must be padded alike; a step that the user padded counts in a merge
    if it counts in one of the tensors, and all count beside a tensor without a mask."""

    @pytest.fixture
    def inputs(self) -> list[SymbolicTensor]:
        return [lstm.Input((None, 2)), lstm.Input((None, 2))]

    @pytest.mark.parametrize("kind", [Add, Average, Multiply, Concatenate])
    def test_lists_of_other_lengths_are_refused(self, kind: Any, inputs: Any) -> None:
        model = lstm.Model(inputs, LSTM(2)(kind()(inputs)))
        first, second = np.ones((3, 2)), np.ones((1, 2))
        model.predict([[first, second], [first, second]])
        for x in ([[first, second], [second, first]], [[first, second], np.ones((2, 3, 2))]):
            with pytest.raises(InvalidValueError, match=r"^inputs of \w+: expected .*same lengths"):
                model.predict(x)

    def test_gradients_where_one_is_padding_and_the_other_is_not(self) -> None:
        inputs, embedding = [lstm.Input((3,)), lstm.Input((3,))], Embedding(5, 2, mask_zero=True)
        layers = [Dense(2)(embedding(x)) for x in inputs]
        model = lstm.Model(inputs, LSTM(2)(Multiply()([*layers, layers[0]])))
        rng = np.random.default_rng(4)
        model.set_weights([rng.normal(0, 0.7, w.shape) for w in model.get_weights()])
        x = [np.array([[1, 2, 0], [3, 0, 0]]), np.array([[4, 0, 0], [2, 1, 0]])]
        y = rng.normal(size=(2, 2))
        model.compile(lstm.optimizers.SGD(0.0), "mse")
        model.train_on_batch(x, y)
        for name, weight in model.graph.weights.items():
            assert_weight_gradient(weight, lambda: model.evaluate(x, y), name)

    def test_a_state_has_no_say_in_the_mask(self, inputs: Any) -> None:
        """The decoder reads all of its steps, whatever the encoder skipped."""
        _, h, c = LSTM(2, return_state=True)(inputs[0])
        model = lstm.Model(inputs, LSTM(2)(inputs[1], initial_state=[h, c]))
        rng = np.random.default_rng(9)
        x, y = [rng.normal(size=(n, 2)) for n in (1, 4)], rng.normal(size=(2, 3, 2))
        together = model.predict([x, y])
        for k in range(2):
            alone = model.predict([x[k][None], y[k][None]])[0]
            assert_close(together[k], alone, "lstm", terms=20)


class TestAttention:
    @pytest.mark.parametrize("kind", [lstm.layers.Attention, lstm.layers.AdditiveAttention])
    def test_of_one_step_to_sequences_of_different_lengths(self, kind: Any) -> None:
        """The mask of what is attended to is not that of the single query."""
        lstm.set_seed(1)
        query, value = lstm.Input((1, 2)), lstm.Input((None, 2))
        model = lstm.Model([query, value], kind()([query, value]))
        rng = np.random.default_rng(6)
        queries = rng.normal(size=(3, 1, 2))
        sequences = [rng.normal(size=(n, 2)) for n in (4, 1, 3)]
        together = model.predict([queries, sequences])
        assert together.shape == (3, 1, 2)
        for row, sequence in enumerate(sequences):
            alone = model.predict([queries[row][None], sequence[None]])
            assert_close(together[row], alone[0], "loss", terms=16, dtype="float32")


class TestWhatReadsAllStepsAtOnce:
    def test_a_dense_layer_refuses_lists(self) -> None:
        model = lstm.Sequential([lstm.Input((3, 2)), Flatten(), Dense(1)])
        model.predict([np.ones((3, 2))] * 2)
        with pytest.raises(InvalidShapeError, match="input of dense: expected sequences of equal"):
            model.predict([np.ones((3, 2)), np.ones((2, 2))])

    def test_and_reads_the_zeros_of_the_user(self) -> None:
        model = lstm.Sequential(
            [lstm.Input((3,)), Embedding(4, 2, mask_zero=True), Flatten(), Dense(2)]
        )
        table, kernel, bias = model.get_weights()
        x = np.array([[1, 2, 0], [3, 0, 0]])
        assert_close(model.predict(x), table[x].reshape(2, -1) @ kernel + bias, "lstm", terms=6)

    def test_a_softmax_over_steps_with_its_loss(self) -> None:
        """A pointer: the loss is that of the steps that there are, fused or not."""
        x = lstm.Input((None, 2))
        scores = Squeeze()(Dense(1)(x))
        model = lstm.Model(x, Activation("softmax")(scores))
        model.compile("sgd", "sparse_categorical_crossentropy")
        sequences = [np.random.default_rng(k).normal(size=(k, 2)) for k in (2, 3, 5)]
        right = [1, 0, 4]
        logits = [lstm.Model(x, scores).predict(s[None])[0] for s in sequences]
        expected = [np.log(np.exp(z).sum()) - z[k] for z, k in zip(logits, right, strict=True)]
        assert_close(model.evaluate(sequences, np.array(right)), np.mean(expected), "loss", terms=5)


@pytest.mark.parametrize("padding", ["pre", "post"])
def test_steps_that_are_added_count(padding: str) -> None:
    x = lstm.Input((None,))
    vectors = Embedding(9, 1, mask_zero=True, embeddings_initializer="ones")(x)
    widths = ((0, 0), (1, 2), (0, 0))
    model = lstm.Model(x, ops.sum(ops.pad(vectors, widths, constant_values=3.0), 1))
    tokens = lstm.utils.pad_sequences([[5, 6], [1, 2, 3, 4]], padding=padding)
    assert model.predict(tokens).tolist() == [[2.0 + 9.0], [4.0 + 9.0]]


class TestBidirectional:
    def test_both_halves_are_zero_at_padding(self) -> None:
        layer = Bidirectional(LSTM(2, return_sequences=True))
        model = lstm.Sequential([Embedding(4, 3, mask_zero=True), layer])
        y = model.predict(np.array([[1, 2, 0, 0], [0, 0, 3, 1]]))
        assert_array_equal((y == 0).all(-1), [[0, 0, 1, 1], [1, 1, 0, 0]])

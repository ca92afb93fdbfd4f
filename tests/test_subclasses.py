"""Layers and losses that users derive: what changes nothing keeps every fusion, the rest none."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm.backends.contract import RecurrentSpec
from lstm.errors import InvalidValueError
from lstm.layers import (
    GRU,
    LSTM,
    Activation,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Layer,
    SimpleRNN,
    TiedDense,
    TimeDistributed,
)
from lstm.layers.recurrence import Recurrent
from lstm.losses import BinaryCrossentropy, CategoricalCrossentropy
from lstm.models.held import Held
from tolerances import assert_close

RNG = np.random.default_rng(7)
V, T = 5, 6
TOKENS = RNG.integers(0, V, (3, T))
CLASSES = RNG.integers(0, V, (3, T))
SERIES = RNG.normal(size=(3, T, 2))

Make = Callable[[Callable[[type], type]], lstm.Model]


def own(kind: type) -> type:
    """A class of a user's, which only has another constructor."""

    def made(self: Any, *arguments: Any, note: str = "", **options: Any) -> None:
        kind.__init__(self, *arguments, **options)
        self.note = note

    members = {"__init__": made, "get_config": lambda self: kind.get_config(self)}
    return type(f"Own{kind.__name__}", (kind,), members)


def the_same(kind: type) -> type:
    return kind


def writer(cell: type) -> Make:
    def make(of: Callable[[type], type]) -> lstm.Model:
        layers = [
            of(Embedding)(V, 3, name="e"),
            of(cell)(4, return_sequences=True, name="r"),
            of(Dense)(V, name="d"),
            of(Activation)("softmax", name="a"),
        ]
        return lstm.Sequential([lstm.Input((None,)), *layers])

    return make


def tied(of: Callable[[type], type]) -> lstm.Model:
    embedding = of(Embedding)(V, 4, name="e")
    reader = of(LSTM)(4, return_sequences=True, name="r")
    head = of(TiedDense)(embedding, activation="softmax", name="d")
    return lstm.Sequential([lstm.Input((None,)), embedding, reader, head])


def windows(of: Callable[[type], type]) -> lstm.Model:
    layers = [of(Conv1D)(V, 2, padding="causal", name="c"), of(Activation)("softmax", name="a")]
    return lstm.Sequential([lstm.Input((None, 2)), *layers])


def steps(model: lstm.Model, loss: Any) -> list[Any]:
    """The losses of two steps, the weights after them, and the outputs."""
    x = SERIES if model.graph.inputs[0].ndim == 3 else TOKENS
    model.compile(lstm.optimizers.SGD(0.5), loss)
    losses = [model.train_on_batch(x, CLASSES) for _ in range(2)]
    return [losses, *model.get_weights(), model.predict(x)]


def summary(model: lstm.Model, capsys: pytest.CaptureFixture[str]) -> list[str]:
    model.summary()
    return [line for line in capsys.readouterr().out.splitlines() if line.startswith("Fused")]


@pytest.mark.parametrize("backend", lstm.backends.BACKENDS)
@pytest.mark.parametrize(
    "make",
    [writer(LSTM), writer(GRU), writer(SimpleRNN), tied, windows],
    ids=["lstm", "gru", "rnn", "tied", "conv1d"],
)
def test_a_class_that_changes_nothing_keeps_every_fusion(
    make: Make, backend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found, told, programs = [], [], []
    for of in (the_same, own):
        with lstm.backends.using(backend):
            lstm.set_seed(1)
            model = make(of)
            found.append(steps(model, of(CategoricalCrossentropy)()))
            told.append(summary(model, capsys))
            programs.append([(s.name, s.inputs, s.outputs, s.fused) for s in model.program.steps])
            assert not any(isinstance(step.operation, Held) for step in model.program.steps)
    assert told[0] == told[1]
    assert programs[0] == programs[1]
    assert any("Fused in training" in line for line in told[0])
    for one, other in zip(*found, strict=True):
        assert_array_equal(one, other)


class Fresh(Recurrent):
    """A cell that is nowhere listed; it is that of a SimpleRNN."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(
            units,
            activation="tanh",
            use_bias=True,
            kernel_initializer="glorot_uniform",
            recurrent_initializer="orthogonal",
            bias_initializer="zeros",
            dropout=0.0,
            recurrent_dropout=0.0,
            return_sequences=True,
            return_state=False,
            go_backwards=False,
            stateful=False,
            zero_output_for_mask=False,
            **options,
        )

    @property
    def spec(self) -> RecurrentSpec:
        return RecurrentSpec("rnn", self.activation)


def test_a_new_cell_reads_tables_like_any_other(capsys: pytest.CaptureFixture[str]) -> None:
    found = []
    for kind, options in ((Fresh, {}), (SimpleRNN, {"return_sequences": True})):
        lstm.set_seed(2)
        layers = [Embedding(V, 3), kind(4, name="cell", **options), Dense(V, "softmax")]
        model = lstm.Sequential([lstm.Input((None,)), *layers])
        found.append(steps(model, "sparse_categorical_crossentropy"))
        assert "Fused: embedding into cell, for batches of at least 5 tokens" in summary(
            model, capsys
        )
    for one, other in zip(*found, strict=True):
        assert_array_equal(one, other)


def test_a_layer_of_ones_own_may_read_tokens() -> None:
    class OneHot(Layer):
        keeps_mask = memoryless = True
        reads_tokens = V

        def output_shapes(self, *shapes: Any) -> Any:
            return ((*shapes[0], V),)

        def forward(self, run: Any, *inputs: Any, mask: Any) -> Any:
            assert inputs[0].dtype == np.int64
            return (np.eye(V, dtype=run.backend.dtype)[inputs[0]],), None

        def backward(self, run: Any, cache: Any, *gradients: Any, need: Any) -> Any:
            return (None,)

    model = lstm.Sequential([lstm.Input((None,)), OneHot()])
    assert_array_equal(model.predict(TOKENS), np.eye(V)[TOKENS])
    with pytest.raises(InvalidValueError, match=f"^x: expected integers in .*, got {V}"):
        model.predict(np.full((1, 2), V))


def times(factor: float, kind: type[Layer]) -> type[Layer]:
    """The layer whose first output is multiplied."""

    def forward(self: Any, run: Any, *inputs: Any, mask: Any) -> Any:
        (y, *rest), cache = kind.forward(self, run, *inputs, mask=mask)
        return (y * np.asarray(factor, y.dtype), *rest), cache

    return type("Times", (kind,), {"forward": forward})


class TestAClassThatChangesWhatIsComputed:
    def test_as_a_recurrent_layer(self) -> None:
        lstm.set_seed(3)
        x, vectors = lstm.Input((None,)), Embedding(V, 3)
        cell, doubled = LSTM(4), times(2.0, LSTM)(4)
        plain, model = (lstm.Model(x, layer(vectors(x))) for layer in (cell, doubled))
        doubled.own_weights = cell.own_weights
        assert len(plain.program.steps) == 1
        assert len(model.program.steps) == 2
        assert_close(model.predict(TOKENS), 2 * plain.predict(TOKENS), "lstm", dtype="float32")

    def test_as_an_embedding(self) -> None:
        lstm.set_seed(3)
        x, cell = lstm.Input((None,)), LSTM(4)
        embedding, halved = Embedding(V, 3), times(0.5, Embedding)(V, 3)
        plain, model = (lstm.Model(x, cell(layer(x))) for layer in (embedding, halved))
        halved.own_weights["embeddings"].assign(2 * embedding.value("embeddings"))
        assert len(model.program.steps) == 2
        assert_close(model.predict(TOKENS), plain.predict(TOKENS), "lstm", terms=T, dtype="float32")

    @pytest.mark.parametrize("kind", [Dense, Conv1D])
    def test_below_an_activation(self, kind: Any) -> None:
        lstm.set_seed(3)
        x, options = lstm.Input((None, 2)), {"kernel_size": 2} if kind is Conv1D else {}
        layer = times(3.0, kind)(4, **options)
        z, y = lstm.Model(x, layer(x)), lstm.Model(x, Activation("tanh")(layer(x)))
        assert len(y.program.steps) == 2
        assert_close(y.predict(SERIES), np.tanh(z.predict(SERIES)), "lstm", dtype="float32")

    @pytest.mark.parametrize("of_own", [Dense, Activation])
    def test_before_the_loss(self, of_own: Any) -> None:
        lstm.set_seed(3)
        head: Any = times(0.5, of_own)
        layers = [head(V, "softmax")] if of_own is Dense else [Dense(V, "relu"), head("softmax")]
        model = lstm.Sequential([lstm.Input((None, 2)), *layers])
        model.compile("sgd", "sparse_categorical_crossentropy")
        p = model.predict(SERIES)
        assert_close(p.sum(-1), np.full((3, T), 0.5), "lstm", dtype="float32")
        shares = np.take_along_axis(p / p.sum(-1, keepdims=True), CLASSES[..., None], -1)
        assert model.evaluate(SERIES, CLASSES, verbose=0) == pytest.approx(
            -np.log(shares).mean(), rel=1e-5
        )

    def test_within_time_distributed(self) -> None:
        class Centred(Dense):
            """Takes rows (B, D), and subtracts the mean of those of the batch."""

            def forward(self, run: Any, *inputs: Any, mask: Any) -> Any:
                (y,), cache = super().forward(run, *inputs, mask=mask)
                return (y - y.mean(0),), cache

        lstm.set_seed(3)
        layer = Centred(4)
        x = lstm.Input((T, 2))
        model = lstm.Model(x, TimeDistributed(layer)(x))
        rows = SERIES.reshape(-1, 2) @ layer.value("kernel")
        assert_close(
            model.predict(SERIES).reshape(-1, 4), rows - rows.mean(0), "lstm", dtype="float32"
        )

    @pytest.mark.parametrize("kind", [Dense(4), Activation("tanh"), Dropout(0.5)])
    def test_but_not_within_time_distributed(self, kind: Layer) -> None:
        x = lstm.Input((T, 2))
        assert len(lstm.Model(x, TimeDistributed(kind)(x)).graph.nodes) == 1


class TestALossOfOnesOwn:
    @pytest.mark.parametrize(
        ("kind", "activation", "target"),
        [
            (CategoricalCrossentropy, "softmax", CLASSES),
            (BinaryCrossentropy, "sigmoid", np.ones((3, T, V))),
        ],
    )
    def test_gets_what_it_says_it_takes(self, kind: Any, activation: str, target: Any) -> None:
        seen = []

        class Watching(kind):
            """Computes with what the model gives, probabilities, as its class does."""

            def forward(self, ops: Any, y: Any, target: Any, weight: Any) -> Any:
                seen.append(ops.to_numpy(y))
                return super().forward(ops, y, target, weight)

        model = lstm.Sequential([lstm.Input((None, 2)), Dense(V, activation)])
        model.compile("sgd", Watching())
        model.evaluate(SERIES, target, verbose=0)
        assert_array_equal(seen[0], model.predict(SERIES))

    def test_keeps_its_settings_where_it_includes_the_activation(self) -> None:
        class Smooth(CategoricalCrossentropy):
            """Other targets, and a constructor that wants to know which."""

            def __init__(self, share: float) -> None:
                super().__init__()
                self.share = share

            def target(self, target: Any, shape: Any, dtype: str) -> Any:
                rows = np.eye(shape[-1])[target]
                return np.asarray(rows * (1 - self.share) + self.share / shape[-1], dtype)

        lstm.set_seed(4)
        model = lstm.Sequential([lstm.Input((None, 2)), Dense(V, "softmax")])
        model.compile("sgd", Smooth(0.2))
        log_p = np.log(model.predict(SERIES))
        rows = np.eye(V)[CLASSES] * 0.8 + 0.2 / V
        assert model.evaluate(SERIES, CLASSES, verbose=0) == pytest.approx(
            -(rows * log_p).sum(-1).mean(), rel=1e-5
        )


class TestASettingThatChanges:
    @pytest.mark.parametrize(("before", "after"), [("softmax", "sigmoid"), ("sigmoid", "softmax")])
    def test_the_activation_that_a_loss_may_include(self, before: str, after: str) -> None:
        lstm.set_seed(5)
        model = lstm.Sequential([lstm.Input((None, 2)), Dense(V, before)])
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.evaluate(SERIES, CLASSES, verbose=0)
        model.layers[0].activation = after
        p = model.predict(SERIES)
        shares = np.take_along_axis(p / p.sum(-1, keepdims=True), CLASSES[..., None], -1)
        nats = -np.log(shares).mean()
        assert model.evaluate(SERIES, CLASSES, verbose=0) == pytest.approx(nats, rel=1e-5)

    def test_that_of_a_product_that_a_loss_includes(self) -> None:
        lstm.set_seed(5)
        model = lstm.Sequential([lstm.Input((None, 2)), Dense(V)])
        model.compile("sgd", CategoricalCrossentropy(from_logits=True))
        model.evaluate(SERIES, CLASSES, verbose=0)
        model.layers[0].activation = "tanh"
        y = model.predict(SERIES)
        nats = np.log(np.exp(y).sum(-1)) - np.take_along_axis(y, CLASSES[..., None], -1)[..., 0]
        assert model.evaluate(SERIES, CLASSES, verbose=0) == pytest.approx(nats.mean(), rel=1e-5)

    def test_programs_are_made_once_until_then(self) -> None:
        model = lstm.Sequential([lstm.Input((None,)), Embedding(V, 3), LSTM(4)])
        program = model.program
        model.predict(TOKENS)
        assert model.program is program
        model.layers[1].dropout = 0.5
        assert len(model.program.steps) == 2
        assert len(program.steps) == 1


def test_a_convolution_with_an_activation_of_its_own_goes_chunk_by_chunk() -> None:
    layers = [Conv1D(3, 2, padding="causal"), Activation("tanh")]
    model = lstm.Sequential([lstm.Input((None, 2)), *layers])
    first, state = model.step(SERIES[:, :2], model.initial_state(3))
    second, _ = model.step(SERIES[:, 2:], state)
    assert_close(np.concatenate([first, second], 1), model.predict(SERIES), "lstm", dtype="float32")

"""Layers that are fused give what they give one after the other."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import lstm
from backend_cases import over_dtypes
from lstm.backends.contract import Ops
from lstm.layers import (
    GRU,
    LSTM,
    Activation,
    Bidirectional,
    Concatenate,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    RepeatVector,
    SimpleRNN,
    TiedDense,
    TimeDistributed,
)
from lstm.models import planning
from tolerances import assert_close

V, E, H = 7, 3, 5
B, T = 4, 6

Make = Callable[[], lstm.Model]


def chain(*, masked: bool = False, frozen: str = "", **options: Any) -> lstm.Model:
    embedding = Embedding(V, E, mask_zero=masked, trainable="embedding" not in frozen)
    reader = LSTM(H, return_sequences=True, trainable="lstm" not in frozen, **options)
    return lstm.Sequential([lstm.Input((None,)), embedding, reader, Dense(2)])


def last_only() -> lstm.Model:
    return lstm.Sequential([lstm.Input((None,)), Embedding(V, E, mask_zero=True), LSTM(H)])


def without_bias() -> lstm.Model:
    return chain(use_bias=False, activation=None, recurrent_activation="hard_sigmoid")


def both_directions() -> lstm.Model:
    layers = [Embedding(V, E, mask_zero=True), Bidirectional(LSTM(H, return_sequences=True))]
    return lstm.Sequential([lstm.Input((None,)), *layers, Dense(2)])


def other_cells() -> lstm.Model:
    """A GRU with recurrent dropout and a SimpleRNN read the same Embedding, one from its end."""
    x, embedding = lstm.Input((None,)), Embedding(V, E, mask_zero=True)
    gru, rnn = GRU(H, recurrent_dropout=0.4), SimpleRNN(H, go_backwards=True)
    return lstm.Model(x, Dense(2)(Concatenate()([gru(embedding(x)), rnn(embedding(x))])))


def translator() -> lstm.Model:
    """The state of one LSTM starts another; one Embedding, called twice, feeds both."""
    x, embedding = lstm.Input((None,)), Embedding(V, E, mask_zero=True)
    _, h, c = LSTM(H, return_state=True)(embedding(x))
    y = LSTM(H, return_sequences=True)(embedding(x), initial_state=[h, c])
    return lstm.Model(x, Dense(2)(y))


def repeated(n: int = 3, *, frozen: bool = False, **options: Any) -> lstm.Model:
    """The last output of an LSTM, of some sequences padding alone, is read at each of n steps."""
    reader = LSTM(H, return_sequences=True, trainable=not frozen, **options)
    below = [Embedding(V, E, mask_zero=True), LSTM(H + 1), RepeatVector(n)]
    return lstm.Sequential([lstm.Input((None,)), *below, reader, Dense(2)])


def repeated_from_a_state() -> lstm.Model:
    """Two cells read the same repetition, one from its end, one from a state."""
    x = lstm.Input((None,))
    y, h, c = LSTM(H, return_state=True)(Embedding(V, E)(x))
    again = RepeatVector(4)(y)
    read = LSTM(H, return_sequences=True)(again, initial_state=[c, h])
    return lstm.Model(
        x, Concatenate()([read, GRU(2, return_sequences=True, go_backwards=True)(again)])
    )


def called_twice() -> lstm.Model:
    """Both layers are called twice, on the sequence and on what is left without its end."""
    x, embedding, reader = lstm.Input((None,)), Embedding(V, E), LSTM(H)
    return lstm.Model(x, Concatenate()([reader(embedding(x)), reader(embedding(x[:, :-1]))]))


def activations() -> lstm.Model:
    """Activations of their own after linear layers, one of which is called twice."""
    x, shared = lstm.Input((None,)), Dense(3)
    y = Activation("sigmoid")(Conv1D(4, 2, padding="causal")(Embedding(V, E, mask_zero=True)(x)))
    y = Activation("linear")(Activation("softmax")(Activation("linear")(Dense(3)(y))))
    y = Activation("tanh")(shared(y))
    return lstm.Model(x, LSTM(H)(Activation("sigmoid")(shared(y))))


def frozen_activations() -> lstm.Model:
    layers = [Embedding(V, E), Dense(4, trainable=False), Activation("tanh"), Dense(2)]
    return lstm.Sequential([lstm.Input((None,)), *layers, Activation("sigmoid")])


MAKES: dict[str, Make] = {
    "chain": chain,
    "mask": lambda: chain(masked=True),
    "backwards": lambda: chain(masked=True, go_backwards=True),
    "last only": last_only,
    "without bias": without_bias,
    "recurrent dropout": lambda: chain(masked=True, recurrent_dropout=0.4),
    "frozen embedding": lambda: chain(frozen="embedding"),
    "frozen lstm": lambda: chain(frozen="lstm"),
    "both frozen": lambda: chain(frozen="embedding lstm"),
    "both directions": both_directions,
    "other cells": other_cells,
    "translator": translator,
    "called twice": called_twice,
    "repeated": repeated,
    "repeated once": lambda: repeated(1, use_bias=False),
    "repeated, frozen": lambda: repeated(frozen=True),
    "repeated, recurrent dropout": lambda: repeated(recurrent_dropout=0.4),
    "repeated from a state": repeated_from_a_state,
}


def dropped() -> lstm.Model:
    """What is dropped is drawn once for both LSTMs that read the Embedding."""
    embedding = Embedding(V, E, mask_zero=True, dropout=0.4)
    reader = Bidirectional(LSTM(H, return_sequences=True))
    return lstm.Sequential([lstm.Input((None,)), embedding, reader, Dense(2)])


def dropped_twice() -> lstm.Model:
    x, embedding = lstm.Input((None,)), Embedding(V, E, dropout=0.4)
    return lstm.Model(x, Concatenate()([LSTM(H)(embedding(x)), LSTM(H)(embedding(x[:, :-1]))]))


def tied() -> lstm.Model:
    embedding = Embedding(V, H, dropout=0.4)
    layers = [embedding, LSTM(H, return_sequences=True), TiedDense(embedding)]
    return lstm.Sequential([lstm.Input((None,)), *layers, Activation("tanh")])


MAKES |= {"dropout": dropped, "dropout, called twice": dropped_twice, "tied": tied}
ALL = MAKES | {"activations": activations, "frozen activations": frozen_activations}

over_models = pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
over_all = pytest.mark.parametrize("make", ALL.values(), ids=ALL)


def unfused() -> Any:
    """Programs that are planned meanwhile have a step for each node."""
    return mock.patch("lstm.models.planning.fused", planning.separate)


def planned(make: Make) -> lstm.Model:
    """A model whose program is there already."""
    model = make()
    assert model.program.graph is model.graph
    return model


def pair(make: Make, ops: Ops, dtype: str, seed: int = 0) -> tuple[lstm.Model, lstm.Model]:
    """The model fused and not, with the same weights, compiled to stay where it is."""
    models: list[lstm.Model] = []
    for how in (nullcontext(), unfused()):
        with lstm.backends.using(ops.NAME, dtype), how:
            lstm.set_seed(seed)  # For what is dropped.
            model = planned(make)
            rng = np.random.default_rng(seed)
            model.set_weights([rng.normal(0, 0.7, w.shape) for w in model.get_weights()])
            model.compile(lstm.optimizers.SGD(0.0), "mse")
        models.append(model)
    assert len(models[1].program.steps) == len(models[1].graph.nodes)
    return models[0], models[1]


def gradients(model: lstm.Model, x: Any, y: Any) -> dict[str, NDArray[Any]]:
    model.train_on_batch(x, y)
    weights = model.graph.weights.items()
    return {name: weight.gradient.copy() for name, weight in weights if weight.trainable}


def assert_agree(models: tuple[lstm.Model, lstm.Model], x: Any, seed: int = 1) -> None:
    """Assert that outputs, losses and all gradients are the same but for rounding."""
    fused, plain = models
    outputs = plain.predict_on_batch(x)
    terms = max(1, sum(map(np.size, x))) * (E + H)
    for got, expected in zip(fused.predict_on_batch(x), outputs, strict=True):
        assert_close(got, expected, "lstm", terms=terms)
    rng = np.random.default_rng(seed)
    if isinstance(outputs, list):
        y: Any = [rng.normal(size=row.shape) for row in outputs]
    else:
        y = rng.normal(size=outputs.shape)
    expected = gradients(plain, x, y)
    got = gradients(fused, x, y)
    assert got.keys() == expected.keys()
    for name, gradient in expected.items():
        assert_close(got[name], gradient, "lstm", terms=terms)


def tokens(rng: np.random.Generator, *shape: int) -> NDArray[np.int64]:
    return rng.integers(0, V, shape)


class TestAgreement:
    @over_dtypes
    @over_all
    def test_outputs_and_gradients(self, make: Make, ops: Ops, dtype: str) -> None:
        models = pair(make, ops, dtype)
        rng = np.random.default_rng(2)
        for x in tokens(rng, B, T), tokens(rng, 1, V):
            # A convolution does not read over a token 0, but padding at the end.
            assert_agree(models, -np.sort(-x) if make is activations else x)

    @over_dtypes
    @over_models
    def test_fewer_tokens_than_the_vocabulary(self, make: Make, ops: Ops, dtype: str) -> None:
        models = pair(make, ops, dtype)
        rng = np.random.default_rng(3)
        for shape in ((1, 1), (1, V - 1), (2, 2)):
            assert_agree(models, tokens(rng, *shape))

    @over_dtypes
    def test_sequences_of_different_lengths(self, ops: Ops, dtype: str) -> None:
        rng = np.random.default_rng(4)
        for make in (chain, MAKES["mask"], both_directions):
            models = pair(make, ops, dtype)
            assert_agree(models, [tokens(rng, length) for length in (5, 1, 6, 3)])

    @over_dtypes
    def test_states(self, ops: Ops, dtype: str) -> None:
        models = pair(lambda: chain(masked=True), ops, dtype)
        x = tokens(np.random.default_rng(5), B, T)
        ends = []
        for model in models:
            state = model.initial_state(B)
            outputs = []
            for part in (x[:, :1], x[:, 1:]):  # The first is too short to fuse.
                y, state = model.step(part, state)
                outputs.append(y)
            ends.append([*outputs, *state["lstm"]])
        for got, expected in zip(*ends, strict=True):
            assert_close(got, expected, "lstm", terms=T * (E + H))

    @over_dtypes
    @given(data=st.data())
    def test_any_sizes(self, ops: Ops, dtype: str, data: st.DataObject) -> None:
        small = st.integers(1, 9)
        symbols, size, units, seed = (data.draw(small, label=n) for n in "VEHs")
        batch, masked, reverse = (
            data.draw(small),
            data.draw(st.booleans()),
            data.draw(st.booleans()),
        )
        lengths = data.draw(st.lists(small, min_size=batch, max_size=batch))
        rng = np.random.default_rng(seed)

        def make() -> lstm.Model:
            embedding = Embedding(symbols, size, mask_zero=masked)
            return lstm.Sequential(
                [lstm.Input((None,)), embedding, LSTM(units, go_backwards=reverse)]
            )

        models = pair(make, ops, dtype, seed)
        assert_agree(models, [rng.integers(0, symbols, length) for length in lengths])


class TestWhen:
    """Vectors are looked up only where somebody wants to see them, or where a table costs more."""

    @staticmethod
    def embeds(model: lstm.Model, x: Any) -> bool:
        ops = model.backend.ops
        with mock.patch.object(ops, "embedding_forward", wraps=ops.embedding_forward) as called:
            model.predict_on_batch(x)
        return bool(called.called)

    @pytest.mark.parametrize(("shape", "embeds"), [((1, V), False), ((1, V - 1), True)])
    def test_it_depends_on_the_number_of_tokens(self, shape: tuple[int, ...], embeds: bool) -> None:
        assert self.embeds(chain(), np.zeros(shape, int)) is embeds

    @over_models
    def test_no_vectors(self, make: Make) -> None:
        assert not self.embeds(make(), np.ones((B, T), int))

    def test_other_readers_want_vectors(self) -> None:
        x = lstm.Input((None,))
        vectors = Embedding(V, E)(x)
        y = LSTM(E, return_sequences=True)(vectors)
        assert self.embeds(lstm.Model(x, y + vectors), np.ones((B, T), int))
        assert self.embeds(lstm.Model(x, [y, vectors]), np.ones((B, T), int))
        between = lstm.Model(x, LSTM(H)(Dropout(0.5)(Embedding(V, E)(x))))
        assert self.embeds(between, np.ones((B, T), int))

    def test_dropout_wants_vectors(self, capsys: pytest.CaptureFixture[str]) -> None:
        x = np.ones((B, T), int)
        assert not self.embeds(chain(recurrent_dropout=0.5), x)
        model = chain(dropout=0.5)
        assert self.embeds(model, x)
        model.summary()
        assert "Fused" not in capsys.readouterr().out

    def test_dropout_may_be_set_later(self) -> None:
        models = pair(chain, lstm.backends.reference, "float64")
        x, y = tokens(np.random.default_rng(10), B, T), np.zeros((B, T, 2))
        for model in models:
            model.layers[1].dropout = 0.5
        expected, got = (gradients(model, x, y) for model in reversed(models))
        for name in expected:
            assert_close(got[name], expected[name], "lstm", terms=B * T)

    def test_repetitions(self) -> None:
        def repeats(model: lstm.Model) -> bool:
            ops = model.backend.ops
            with mock.patch.object(ops, "repeat", wraps=ops.repeat) as called:
                model.predict_on_batch(np.ones((B, T), int))
            return bool(called.called)

        class Twice(RepeatVector):
            def forward(self, run: Any, *inputs: Any, mask: Any) -> Any:
                (y,), cache = super().forward(run, *inputs, mask=mask)
                return (2 * y,), cache

        assert not repeats(repeated())
        assert repeats(repeated(dropout=0.5))
        x = lstm.Input((None,))
        y = LSTM(E)(Embedding(V, E)(x))
        again = RepeatVector(2)(y)
        assert repeats(lstm.Model(x, [LSTM(H)(again), again]))
        assert repeats(lstm.Model(x, LSTM(H)(Twice(2)(y))))

    def test_within_time_distributed(self) -> None:
        inner = lstm.Sequential([lstm.Input((None,)), Embedding(V, E), LSTM(H)])
        x = lstm.Input((None, T))
        model = lstm.Model(x, TimeDistributed(inner)(x))
        with unfused():
            plain = planned(lambda: lstm.Model(x, TimeDistributed(inner)(x)))
        data = tokens(np.random.default_rng(6), 2, B, T)
        assert not self.embeds(model, data)
        assert_close(model.predict(data), plain.predict(data), "lstm", terms=T * (E + H))

    def test_an_activation_is_fused_only_where_nothing_else_reads_the_layer(self) -> None:
        x = lstm.Input((3,))
        z = Dense(2)(x)
        y = Activation("tanh")(z)
        assert len(lstm.Model(x, y).program.steps) == 1
        assert len(lstm.Model(x, [y, z]).program.steps) == 2
        assert len(lstm.Model(x, y + z).program.steps) == 3
        assert len(lstm.Model(x, Activation("tanh")(Dense(2, "relu")(x))).program.steps) == 2
        last = Activation("relu")(Activation("tanh")(Activation("linear")(z)))
        assert len(lstm.Model(x, last).program.steps) == 2

    def test_an_activation_may_be_set_later(self) -> None:
        x = np.random.default_rng(8).normal(size=(2, 3))
        model = lstm.Sequential([lstm.Input((3,)), Dense(4), Activation("tanh")])
        z = np.arctanh(model.predict(x))
        model.layers[1].activation = "relu"
        np.testing.assert_allclose(model.predict(x), np.maximum(z, 0), atol=1e-5)
        model.layers[0].activation = "tanh"
        np.testing.assert_allclose(model.predict(x), np.maximum(np.tanh(z), 0), atol=1e-5)
        model.compile("sgd", "mse")
        before = model.get_weights()[0]
        model.train_on_batch(x, np.zeros((2, 4)))
        assert not np.array_equal(model.get_weights()[0], before)

    def test_a_subclass_computes_what_it_says(self) -> None:
        class Squared(Dense):
            def forward(self, run: Any, *inputs: Any, mask: Any) -> Any:
                (y,), cache = super().forward(run, *inputs, mask=mask)
                return (y * y,), cache

        x = lstm.Input((3,))
        z, p = Squared(2)(x), Squared(2, activation="softmax")(x)
        data = np.random.default_rng(9).normal(size=(4, 3))
        expected = np.tanh(lstm.Model(x, z).predict(data))
        np.testing.assert_allclose(
            lstm.Model(x, Activation("tanh")(z)).predict(data), expected, rtol=1e-5
        )
        model = lstm.Model(x, p)
        model.compile("sgd", "sparse_categorical_crossentropy")
        shares = model.predict(data)
        expected = -np.log(shares[:, 0] / shares.sum(-1)).mean()
        assert model.evaluate(data, np.zeros(4, int)) == pytest.approx(expected, rel=1e-4)

    def test_a_softmax_of_its_own_is_part_of_the_loss(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        model = lstm.Sequential([lstm.Input((3,)), Dense(4), Activation("softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.summary()
        printed = capsys.readouterr().out
        assert "Fused: activation into dense" in printed
        assert "Fused in training: the last layer, into the loss" in printed

    def test_the_summary_says_so(self, capsys: pytest.CaptureFixture[str]) -> None:
        chain().summary()
        assert f"Fused: embedding into lstm, for batches of at least {V}" in capsys.readouterr().out
        repeated().summary()
        assert "Fused: repeat_vector into lstm_1" in capsys.readouterr().out
        with unfused():
            chain().summary()
        assert "Fused" not in capsys.readouterr().out

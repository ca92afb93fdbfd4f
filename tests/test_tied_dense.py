"""An output layer that shares its kernel with an Embedding."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from backend_cases import over_dtypes
from gradients import assert_weight_gradient
from lstm import storage
from lstm.backends.contract import Ops
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, ModelFileError
from lstm.layers import LSTM, Dense, Embedding, TiedDense
from lstm.layers.base import Run
from tolerances import assert_close

V, H = 9, 4
RNG = np.random.default_rng(40)
X, Y = RNG.integers(0, V, (5, 6)), RNG.integers(0, V, (5, 6))

over_metrics = pytest.mark.parametrize("metrics", [[], ["accuracy"]], ids=["fused loss", "outputs"])


def writer(*, tied: bool = True, **options: Any) -> lstm.Sequential:
    """A small language model; the options are those of a tied output."""
    embedding = Embedding(V, H)
    output = TiedDense(embedding, activation="softmax", **options) if tied else Dense(V, "softmax")
    layers = [embedding, LSTM(H, return_sequences=True), output]
    return lstm.Sequential([lstm.Input((None,)), *layers])


def randomized(model: lstm.Model) -> lstm.Model:
    rng = np.random.default_rng(41)
    model.set_weights([rng.normal(0, 0.7, w.shape) for w in model.get_weights()])
    return model


def compiled(model: lstm.Model, metrics: Any = (), lr: float = 0.0) -> lstm.Model:
    model.compile(lstm.optimizers.SGD(lr), "sparse_categorical_crossentropy", metrics)
    return model


class TestOneWeight:
    def test_is_counted_and_named_once(self) -> None:
        model = writer()
        assert list(model.graph.weights) == [
            "embedding/embeddings",
            "lstm/kernel",
            "lstm/recurrent_kernel",
            "lstm/bias",
            "tied_dense/bias",
        ]
        assert model.count_params() == V * H + 4 * H * (2 * H + 1) + V
        assert model.parameters.values.size == model.count_params()

    def test_is_seen_from_both_ends(self) -> None:
        model = compiled(writer(), lr=0.1)
        embedding, _, output = model.layers
        for _ in range(2):
            assert_array_equal(
                output.kernel_array(model.backend.ops), embedding.value("embeddings").T
            )
            before = np.array(output.kernel_array(model.backend.ops))
            model.train_on_batch(X, Y)
            assert not np.array_equal(output.kernel_array(model.backend.ops), before)
        assert output.value("bias").shape == (V,)

    @over_dtypes
    @over_metrics
    def test_computes_and_learns_as_two_that_are_equal(
        self, ops: Ops, dtype: str, metrics: Any
    ) -> None:
        with lstm.backends.using(ops.NAME, dtype):
            tied, free = randomized(writer()), writer(tied=False)
        table, *inner, bias = tied.get_weights()
        free.set_weights([table, *inner, table.T, bias])
        close = {"operation": "lstm", "terms": X.size * V}
        assert_close(tied.predict(X), free.predict(X), **close)
        losses, gradients = [], []
        for model in (tied, free):
            compiled(model, metrics)
            losses.append(np.array(model.evaluate(X, Y)))
            model.train_on_batch(X, Y)
            weights = model.graph.weights.values()
            gradients.append([np.array(weight.gradient) for weight in weights])
        assert_close(losses[0], losses[1], "lstm", terms=X.size * V, dtype=dtype)
        read, *inner, written, bias = gradients[1]
        expected = [read + written.T, *inner, bias]
        for got, wanted in zip(gradients[0], expected, strict=True):
            assert_close(got, wanted, **close)

    @pytest.mark.usefixtures("float64")
    @over_metrics
    def test_gradients(self, metrics: Any) -> None:
        model = compiled(randomized(writer()), metrics)
        model.train_on_batch(X, Y)
        for name, weight in model.graph.weights.items():

            def loss() -> float:
                result = model.evaluate(X, Y, return_dict=True)
                return float(result["loss"])

            assert_weight_gradient(weight, loss, name)

    def test_chunk_by_chunk_is_the_whole(self) -> None:
        model = randomized(writer())
        state, parts = model.initial_state(len(X)), []
        for part in (X[:, :1], X[:, 1:4], X[:, 4:]):
            y, state = model.step(part, state)
            parts.append(y)
        assert_close(np.concatenate(parts, 1), model.predict(X), "lstm", terms=X.size)

    def test_a_seed_makes_the_same_bits(self) -> None:
        results = []
        for _ in range(2):
            lstm.set_seed(5)
            model = compiled(writer(), lr=0.5)
            model.fit(X, Y, batch_size=2, epochs=2, verbose=0)
            results.append(model.get_weights())
        for got, expected in zip(*results, strict=True):
            assert_array_equal(got, expected)

    def test_what_the_embedding_drops_is_there_for_the_output(self) -> None:
        tokens, h = lstm.Input((None,)), lstm.Input((H,))
        embedding = Embedding(V, H, dropout=0.9)
        model = lstm.Model([tokens, h], [TiedDense(embedding)(h), embedding(tokens)])
        feeds = [np.arange(V)[None], RNG.normal(size=(1, H)).astype(np.float32)]
        y, vectors = model.program.forward(Run(model.backend, training=True), feeds).outputs
        assert (vectors == 0).any()
        assert_array_equal(y, model.predict(feeds)[0])

    def test_the_summary_says_so(self, capsys: pytest.CaptureFixture[str]) -> None:
        compiled(writer()).summary()
        printed = capsys.readouterr().out
        assert "Tied: kernel of tied_dense to embedding\n" in printed
        assert f"{writer().count_params()} parameters" in printed
        assert "Fused in training: the last layer, into the loss" in printed


class TestFreezing:
    """The table belongs to the Embedding, the bias to the output."""

    @staticmethod
    def moved(model: lstm.Model) -> set[str]:
        before = model.get_weights()
        compiled(model, lr=0.5).train_on_batch(X, Y)
        pairs = zip(model.graph.weights, before, model.get_weights(), strict=True)
        return {name for name, old, new in pairs if not np.array_equal(old, new)}

    def test_the_output(self) -> None:
        early, late = writer(trainable=False), writer()
        late.layers[-1].trainable = False
        for model in (early, late):
            assert self.moved(model) == set(model.graph.weights) - {"tied_dense/bias"}

    def test_the_embedding(self) -> None:
        model = writer()
        model.layers[0].trainable = False
        assert self.moved(model) == set(model.graph.weights) - {"embedding/embeddings"}

    def test_nothing_but_the_table_learns_and_only_from_the_output(self) -> None:
        h, tokens = lstm.Input((None, H)), lstm.Input((None,))
        embedding = Embedding(V, H)
        y = TiedDense(embedding, use_bias=False)(h)
        ignored = lstm.layers.Lambda(lambda z: z[:, :, :0])
        both = lstm.layers.Concatenate()([y, ignored(embedding(tokens))])
        model = lstm.Model([h, tokens], both)
        loss = lstm.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(lstm.optimizers.SGD(0.5), loss)
        (before,) = model.get_weights()
        model.train_on_batch([RNG.normal(size=(*X.shape, H)), X], Y)
        assert not np.array_equal(model.get_weights()[0], before)


class TestFiles:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "model.safetensors"

    def test_go_on_as_if_they_had_never_stopped(self, path: Path) -> None:
        model = randomized(writer())
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(X, Y, verbose=0, shuffle=False)
        model.save(path)
        loaded = lstm.load_model(path)
        for m in (model, loaded):
            m.fit(X, Y, verbose=0, shuffle=False)
        assert list(loaded.graph.weights) == list(model.graph.weights)
        for got, expected in zip(loaded.get_weights(), model.get_weights(), strict=True):
            assert_array_equal(got, expected)

    def test_know_which_of_two_embeddings_it_is(self, path: Path) -> None:
        x, first, second = lstm.Input((None,)), Embedding(V, H), Embedding(V, H)
        # The output comes before what it is tied to.
        y = TiedDense(second, activation="tanh")(first(x))
        model = randomized(lstm.Model(x, [y, second(x)]))
        model.save(path)
        loaded = lstm.load_model(path)
        for got, expected in zip(loaded.predict(X), model.predict(X), strict=True):
            assert_array_equal(got, expected)
        assert loaded.get_layer("tied_dense").embedding is loaded.get_layer("embedding_1")

    @pytest.mark.parametrize(
        "reference", ["nobody", "lstm", "tied_dense", "unused", "narrow", None, 3, ["embedding"]]
    )
    def test_with_a_broken_reference(self, path: Path, reference: Any) -> None:
        writer().save(path)
        with storage.reading(path, ("model",)) as (tensors, header):
            pass
        layers = header["graph"]["layers"]
        config = layers["embedding"]["config"]
        layers["unused"] = {"class": "Embedding", "config": config}
        layers["narrow"] = {"class": "Embedding", "config": {**config, "output_dim": 1}}
        layers["tied_dense"]["config"]["embedding"] = reference
        storage.write(path, tensors, header)
        with pytest.raises(ModelFileError, match="has a header that makes no sense"):
            lstm.load_model(path)


class TestErrors:
    def test_no_embedding(self) -> None:
        with pytest.raises(InvalidTypeError, match="embedding: expected an Embedding, got LSTM"):
            TiedDense(LSTM(3))

    def test_another_size(self) -> None:
        message = r"input of tied_dense: expected a last axis of 4, the output_dim of .*, got 5"
        with pytest.raises(InvalidShapeError, match=message):
            TiedDense(Embedding(V, H))(lstm.Input((None, 5)))

    def test_an_embedding_of_another_model(self) -> None:
        x = lstm.Input((None, H))
        message = "embedding of tied_dense: expected an Embedding that is part of the same model"
        with pytest.raises(InvalidValueError, match=message):
            lstm.Model(x, TiedDense(Embedding(V, H, name="other"))(x))

"""Models cut out of models, and models as layers: the same weights in several places."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.layers import (
    LSTM,
    Bidirectional,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    Input,
    RepeatVector,
    TimeDistributed,
)
from tolerances import assert_close

RNG = np.random.default_rng(1)
X, Y = RNG.normal(size=(12, 6, 2)), RNG.normal(size=(12, 1))


def fitted(model: lstm.Model, x: Any = X, y: Any = Y, **options: Any) -> lstm.Model:
    model.compile("adam", "mse")
    model.fit(x, y, epochs=2, verbose=0, **options)
    return model


class TestFeatures:
    def test_of_a_trained_chain(self) -> None:
        model = fitted(lstm.Sequential([Input((6, 2)), LSTM(5, name="code"), Dense(1)]))
        features = lstm.Model(model.input, model.get_layer("code").output)
        found = features.predict(X)
        kernel, bias = model.layers[-1].get_weights()
        assert_close(found @ kernel + bias, model.predict(X), "product", terms=5)
        fitted(model)
        assert (features.predict(X) != found).any()  # The weights are the same.

    def test_of_all_layers_at_once(self) -> None:
        layers = [LSTM(4, return_sequences=True), Dropout(0.5), LSTM(3), Dense(1)]
        model = lstm.Sequential([Input((6, 2)), *layers])
        every = lstm.Model(model.inputs, [layer.output for layer in model.layers])
        outputs = every.predict(X)
        assert [y.shape for y in outputs] == [(12, 6, 4), (12, 6, 4), (12, 3), (12, 1)]
        assert_array_equal(outputs[-1], model.predict(X))

    def test_of_a_chain_that_data_built(self) -> None:
        model = fitted(lstm.Sequential([LSTM(4, name="code"), Dense(1)]))
        features = lstm.Model(model.input, model.layers[0].output)
        assert features.predict(X).shape == (12, 4)
        assert features.predict(X[:, :3]).shape == (12, 4)

    def test_train_on_another_task(self) -> None:
        model = fitted(lstm.Sequential([Input((6, 2)), LSTM(5, name="code"), Dense(1)]))
        code = model.get_layer("code")
        code.trainable = False
        other = lstm.Model(model.input, Dense(3, name="head")(code.output))
        before = code.get_weights()
        fitted(other, y=RNG.normal(size=(12, 3)))
        for one, two in zip(before, code.get_weights(), strict=True):
            assert_array_equal(one, two)
        assert other.layers[-1].name == "head"

    def test_of_a_loaded_model(self, tmp_path: Any) -> None:
        x = Input((6, 2), name="x")
        model = lstm.Model(x, Dense(1)(Bidirectional(LSTM(3), name="both")(x)))
        model.save(tmp_path / "model")
        loaded = lstm.load_model(tmp_path / "model")
        features = lstm.Model(loaded.input, loaded.get_layer("both").output)
        own = lstm.Model(model.input, model.get_layer("both").output)
        assert_array_equal(features.predict(X), own.predict(X))

    def test_need_all_inputs(self) -> None:
        one, other = (lstm.Sequential([Input((6, 2)), LSTM(3)]) for _ in range(2))
        with pytest.raises(
            InvalidValueError, match=r"every Input .* none for that of shape \(None, 6"
        ):
            lstm.Model(one.input, other.output)


def test_the_two_halves_of_an_autoencoder() -> None:
    x = Input((6, 2))
    code = LSTM(3, name="encoder")(x)
    decoder = lstm.Sequential(
        [Input((3,)), RepeatVector(6), LSTM(4, return_sequences=True), TimeDistributed(Dense(2))]
    )
    model = fitted(lstm.Model(x, decoder(code)), y=X)
    encoder = lstm.Model(x, code)
    assert_array_equal(decoder.predict(encoder.predict(X)), model.predict(X))


class TestTranslator:
    """The character translator of Keras' examples: trained as one model, used as two."""

    units, source_size, target_size = 5, 4, 6

    def trained(self) -> lstm.Model:
        encoder_inputs = Input((None, self.source_size))
        _, h, c = LSTM(self.units, return_state=True)(encoder_inputs)
        decoder_inputs = Input((None, self.target_size))
        decoder = LSTM(self.units, return_sequences=True, return_state=True)
        y, _, _ = decoder(decoder_inputs, initial_state=[h, c])
        y = Dense(self.target_size, activation="softmax")(y)
        model = lstm.Model([encoder_inputs, decoder_inputs], y)
        model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
        source, target = self.data()
        following = np.roll(target, -1, axis=1)
        model.fit([source, target], following, batch_size=4, epochs=2, verbose=0)
        return model

    def data(self) -> tuple[Any, Any]:
        rng = np.random.default_rng(2)
        return (
            np.eye(self.source_size)[rng.integers(self.source_size, size=(8, 7))],
            np.eye(self.target_size)[rng.integers(self.target_size, size=(8, 5))],
        )

    def halves(self, model: lstm.Model) -> tuple[lstm.Model, lstm.Model]:
        """Make them of the layers of a trained model, as the example does."""
        encoder_inputs = model.input[0]
        _, h, c = model.layers[2].output
        encoder = lstm.Model(encoder_inputs, [h, c])
        decoder_inputs = model.input[1]
        states_in = [Input((self.units,)), Input((self.units,))]
        decoder_lstm: Any = model.layers[3]
        y, h, c = decoder_lstm(decoder_inputs, initial_state=states_in)
        y = model.layers[4](y)
        return encoder, lstm.Model([decoder_inputs, *states_in], [y, h, c])

    @pytest.mark.parametrize("way", ["trained", "loaded", "cloned"])
    def test_writes_step_by_step_what_the_whole_expects(self, way: str, tmp_path: Any) -> None:
        trained = self.trained()
        model = trained
        if way == "loaded":
            model.save(tmp_path / "model")
            model = lstm.load_model(tmp_path / "model")
        elif way == "cloned":
            model = lstm.models.clone_model(trained)
            model.set_weights(trained.get_weights())
        encoder, decoder = self.halves(model)
        source, target = self.data()
        expected = trained.predict([source, target])
        states = encoder.predict(source, verbose=0)
        for step in range(target.shape[1]):
            y, *states = decoder.predict([target[:, step : step + 1], *states], verbose=0)
            assert_close(y[:, 0], expected[:, step], "lstm", terms=20)

    def test_the_first_call_of_the_decoder_stays_that_of_training(self) -> None:
        model = self.trained()
        before = model.layers[3].output[0]
        for _ in range(2):
            self.halves(model)
            assert model.layers[3].output[0] is before


class TestModelsAsLayers:
    def body(self) -> lstm.Sequential:
        return lstm.Sequential([Input((6, 2)), LSTM(4), Dense(3)], name="body")

    def test_shared_by_two_inputs(self) -> None:
        body, one, other = self.body(), Input((6, 2)), Input((6, 2))
        model = lstm.Model([one, other], Dense(1)(Concatenate()([body(one), body(other)])))
        assert model.count_params() == body.count_params() + 7
        before = body.get_weights()
        fitted(model, [X, X[::-1]])
        assert (body.get_weights()[0] != before[0]).any()
        assert body.predict(X).shape == (12, 3)

    def test_within_chains_within_models(self) -> None:
        body = self.body()
        chain = lstm.Sequential([body, Dense(2)])
        x = Input((6, 2))
        model = lstm.Model(x, Dense(1)(chain(x)))
        assert [layer.name for layer in model.layers][1:] == ["sequential", "dense"]
        assert model.get_layer("sequential") is chain
        assert chain.layers[0] is body
        assert_array_equal(chain.layers[0].predict(X), body.predict(X))
        fitted(model)
        kernel, bias = chain.layers[1].get_weights()
        assert_close(body.predict(X) @ kernel + bias, chain.predict(X), "product", terms=3)

    def test_a_chain_without_a_shape_gets_that_of_the_model(self) -> None:
        chain, x = lstm.Sequential([LSTM(4), Dense(3)]), Input((6, 2))
        model = lstm.Model(x, chain(x))
        assert_array_equal(chain.predict(X), model.predict(X))
        assert chain.output_shape == (None, 3)
        assert chain.layers[0].output.shape == (None, 4)

    @pytest.mark.parametrize("frozen", ["model", "layer"])
    def test_frozen(self, frozen: str) -> None:
        body = self.body()
        model = lstm.Sequential([body, Dense(1)])
        part = body if frozen == "model" else body.layers[0]
        part.trainable = False
        before, others = part.get_weights(), model.layers[-1].get_weights()
        fitted(model)
        for one, two in zip(before, part.get_weights(), strict=True):
            assert_array_equal(one, two)
        assert (model.layers[-1].get_weights()[0] != others[0]).any()
        dense = body.layers[1]
        assert bool(dense.trainable_weights) == (frozen == "layer")

    def test_thawed_again_for_fine_tuning(self) -> None:
        body = self.body()
        body.trainable = False
        x = Input((6, 2))
        model = lstm.Model(x, Dense(1)(body(x)))
        model.compile("sgd", "mse")
        before = body.get_weights()
        body.trainable = True
        model.fit(X, Y, verbose=0)  # It was compiled with frozen weights.
        assert_array_equal(body.get_weights()[0], before[0])
        model.compile("sgd", "mse")
        model.fit(X, Y, verbose=0)
        assert (body.get_weights()[0] != before[0]).any()

    def test_layers_of_a_trained_chain_begin_another(self) -> None:
        first = fitted(lstm.Sequential([Input((6, 2)), LSTM(4), Dense(1)]))
        second = lstm.Sequential([Input((6, 2)), *first.layers[:-1], Dense(3)])
        assert second.layers[0] is first.layers[0]
        assert second.predict(X).shape == (12, 3)
        assert first.predict(X).shape == (12, 1)


class TestChains:
    def test_grow_and_shrink_after_they_were_used(self) -> None:
        model = fitted(lstm.Sequential([Input((6, 2)), LSTM(4)]), y=RNG.normal(size=(12, 4)))
        before = model.get_weights()
        model.add(Dense(3))
        model.add(Dense(1))
        assert model.predict(X).shape == (12, 1)
        assert_array_equal(model.get_weights()[0], before[0])
        fitted(model)
        last = model.pop()
        assert isinstance(last, Dense)
        assert [layer.name for layer in model.layers] == ["lstm", "dense"]
        assert model.predict(X).shape == (12, 3)
        model.add(Dense(2, name="head"))
        assert model.output_shape == (None, 2)

    @pytest.mark.parametrize("with_input", [True, False])
    def test_keep_their_input(self, with_input: bool) -> None:
        model = lstm.Sequential([Input((6, 2))] if with_input else [])
        model.add(LSTM(4))
        model.build((None, 6, 2))
        x = model.input
        model.add(Dense(1))
        assert model.input is x
        assert lstm.Model(x, model.layers[0].output).predict(X).shape == (12, 4)
        assert model.layers[-1].output.shape == (None, 1)

    def test_refuse_a_layer_that_does_not_fit(self) -> None:
        model = lstm.Sequential([Input((6, 2)), LSTM(4)])
        with pytest.raises(InvalidShapeError, match="return_sequences=True"):
            model.add(LSTM(3))
        assert [layer.name for layer in model.layers] == ["lstm"]
        assert model.predict(X).shape == (12, 4)

    def test_are_built_for_a_shape(self) -> None:
        model = lstm.Sequential([LSTM(4), Dense(1)])
        assert not model.built
        model.build((None, 6, 2))
        assert model.built
        assert model.count_params() == 112 + 5
        assert fitted(model).predict(X[:, :3]).shape == (12, 1)

    def test_of_tokens(self) -> None:
        model = lstm.Sequential([Embedding(10, 3), LSTM(4), Dense(1)])
        model.build((None, 5))
        tokens = lstm.Model(model.inputs, model.layers[0].output)
        assert tokens.predict(np.array([[1, 2, 3]])).shape == (1, 3, 3)

    def test_trained_by_the_optimizer_of_a_shorter_one(self) -> None:
        model = fitted(lstm.Sequential([Input((6, 2)), LSTM(1)]))
        model.add(Dense(1))
        model.fit(X, Y, verbose=0)
        assert model.predict(X).shape == (12, 1)

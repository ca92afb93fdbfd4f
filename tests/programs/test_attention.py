"""Programs with attention, written by hand or built in."""

import numpy as np
import pytest

import lstm as keras
from lstm import layers, ops
from lstm.layers import (
    GRU,
    LSTM,
    Activation,
    Add,
    AdditiveAttention,
    Attention,
    Bidirectional,
    Concatenate,
    Dense,
    Dot,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    Input,
    Lambda,
    Layer,
    LayerNormalization,
    Multiply,
    Permute,
    RepeatVector,
    TimeDistributed,
    dot,
    multiply,
)
from lstm.models import Model, Sequential

T, D = 8, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, T, D)).astype("float32")
Y = X[:, 2, 0] + 0.5 * X[:, 5, 1]


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(3)


def trained(model, x=X, y=Y, epochs=12):
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss="mse")
    losses = model.fit(x, y, epochs=epochs, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < 0.6 * losses[0], losses
    return model


def test_attention_layer_with_kernel_and_bias_of_each_step():
    class attention(Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)

        def build(self, input_shape):
            self.W = self.add_weight(
                name="att_weight", shape=(input_shape[-1], 1), initializer="normal"
            )
            self.b = self.add_weight(
                name="att_bias", shape=(input_shape[1], 1), initializer="zeros"
            )
            super().build(input_shape)

        def call(self, x):
            et = ops.squeeze(ops.tanh(ops.dot(x, self.W) + self.b), axis=-1)
            at = ops.softmax(et)
            at = ops.expand_dims(at, axis=-1)
            output = x * at
            return ops.sum(output, axis=1)

        def compute_output_shape(self, input_shape):
            return (input_shape[0], input_shape[-1])

    inputs = Input((T, D))
    att_out = attention()(LSTM(12, return_sequences=True)(inputs))
    model = trained(Model(inputs, Dense(1)(att_out)))
    assert [w.shape for w in model.layers[2].weights] == [(12, 1), (T, 1)]


def test_attention_that_returns_sequences_or_a_vector():
    class Attention(Layer):
        def __init__(self, return_sequences=True, **kwargs):
            self.return_sequences = return_sequences
            super().__init__(**kwargs)

        def build(self, input_shape):
            self.W = self.add_weight(
                name="att_weight", shape=(input_shape[-1], 1), initializer="normal"
            )
            self.b = self.add_weight(
                name="att_bias", shape=(input_shape[1], 1), initializer="zeros"
            )

        def call(self, x):
            e = ops.tanh(ops.matmul(x, self.W) + self.b)
            a = ops.softmax(e, axis=1)
            output = x * a
            if self.return_sequences:
                return output
            return ops.sum(output, axis=1)

    model = Sequential()
    model.add(Input((T, D)))
    model.add(Bidirectional(LSTM(8, return_sequences=True)))
    model.add(Attention(return_sequences=True))
    model.add(LSTM(8, return_sequences=True))
    model.add(Attention(return_sequences=False))
    model.add(Dense(1))
    trained(model)
    assert model.layers[1].output.shape == (None, T, 16)


def test_attention_with_context_vector():
    class AttentionWithContext(Layer):
        def __init__(self, attention_dim=10, **kwargs):
            super().__init__(**kwargs)
            self.init = keras.initializers.get("glorot_uniform")
            self.attention_dim = attention_dim

        def build(self, input_shape):
            assert len(input_shape) == 3
            dim = self.attention_dim
            self.W = self.add_weight(
                shape=(input_shape[-1], dim), initializer=self.init, name=f"{self.name}_W"
            )
            self.b = self.add_weight(shape=(dim,), initializer="zeros", name=f"{self.name}_b")
            self.u = self.add_weight(shape=(dim, 1), initializer=self.init, name=f"{self.name}_u")
            super().build(input_shape)

        def call(self, x, mask=None):
            uit = ops.tanh(ops.matmul(x, self.W) + self.b)
            ait = ops.squeeze(ops.matmul(uit, self.u), axis=-1)
            ait = ops.exp(ait)
            if mask is not None:
                ait = ait * ops.cast(mask, "float32")
            ait = ait / (ops.sum(ait, axis=1, keepdims=True) + 1e-7)
            return ops.sum(x * ops.expand_dims(ait, -1), axis=1)

        def compute_mask(self, inputs, mask=None):
            return None

    rng = np.random.default_rng(1)
    words = rng.integers(1, 12, (48, 7))
    words[:, 5:] = 0
    target = (words == 4).any(axis=1).astype("float32")
    inputs = Input((None,), dtype="int32")
    x = Embedding(12, 8, mask_zero=True)(inputs)
    x = GRU(8, return_sequences=True)(x)
    x = AttentionWithContext()(x)
    model = trained(Model(inputs, Dense(1, activation="sigmoid")(x)), words, target)
    np.testing.assert_allclose(
        model.predict(words[:3, :5], verbose=0), model.predict(words[:3], verbose=0), atol=1e-5
    )


def test_permute_repeat_and_multiply():
    inputs = Input(shape=(T, D))
    activations = LSTM(10, return_sequences=True)(inputs)
    attention = TimeDistributed(Dense(1, activation="tanh"))(activations)
    attention = Flatten()(attention)
    attention = Activation("softmax")(attention)
    attention = RepeatVector(10)(attention)
    attention = Permute([2, 1])(attention)
    sent_representation = Multiply()([activations, attention])
    sent_representation = Lambda(lambda xin: ops.sum(xin, axis=-2), output_shape=(10,))(
        sent_representation
    )
    trained(Model(inputs, Dense(1)(sent_representation)))


def test_attention_3d_block_with_a_softmax_over_steps():
    def attention_3d_block(inputs):
        a = Permute((2, 1))(inputs)
        a = Dense(T, activation="softmax")(a)
        a_probs = Permute((2, 1), name="attention_vec")(a)
        return multiply([inputs, a_probs])

    inputs = Input(shape=(T, D))
    lstm_out = LSTM(16, return_sequences=True)(inputs)
    attention_mul = attention_3d_block(lstm_out)
    output = Dense(1)(Flatten()(attention_mul))
    model = trained(Model(inputs=[inputs], outputs=output))
    probs = Model(model.input, model.get_layer("attention_vec").output).predict(X[:5], verbose=0)
    assert probs.shape == (5, T, 16)
    np.testing.assert_allclose(probs.sum(axis=1), 1, rtol=1e-5)


def test_luong_score_of_the_last_state():
    inputs = Input(shape=(T, D))
    hidden_states = LSTM(10, return_sequences=True)(inputs)
    score_first_part = Dense(10, use_bias=False, name="attention_score_vec")(hidden_states)
    h_t = Lambda(lambda x: x[:, -1, :], output_shape=(10,), name="last_hidden_state")(hidden_states)
    score = dot([score_first_part, h_t], [2, 1], name="attention_score")
    attention_weights = Activation("softmax", name="attention_weight")(score)
    context_vector = dot([hidden_states, attention_weights], [1, 1], name="context_vector")
    pre_activation = layers.concatenate([context_vector, h_t], name="attention_output")
    attention_vector = Dense(12, use_bias=False, activation="tanh")(pre_activation)
    trained(Model(inputs, Dense(1)(attention_vector)))


def test_dot_of_encoder_and_decoder():
    encoder_inputs = Input((None, D))
    encoder_stack_h, h, c = LSTM(10, dropout=0.1, return_sequences=True, return_state=True)(
        encoder_inputs
    )
    decoder_input = RepeatVector(4)(h)
    decoder_stack_h = LSTM(10, return_sequences=True)(decoder_input, initial_state=[h, c])
    attention = Dot(axes=[2, 2])([decoder_stack_h, encoder_stack_h])
    attention = Activation("softmax")(attention)
    context = Dot(axes=[2, 1])([attention, encoder_stack_h])
    decoder_combined_context = Concatenate()([context, decoder_stack_h])
    out = TimeDistributed(Dense(1))(decoder_combined_context)
    model = Model(encoder_inputs, out)
    trained(model, X, X[:, :4, :1], epochs=60)


def test_bahdanau_attention_of_two_inputs():
    class BahdanauAttention(keras.layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.W1 = keras.layers.Dense(units)
            self.W2 = keras.layers.Dense(units)
            self.V = keras.layers.Dense(1)

        def call(self, query, values):
            query_with_time_axis = ops.expand_dims(query, 1)
            score = self.V(ops.tanh(self.W1(query_with_time_axis) + self.W2(values)))
            attention_weights = ops.softmax(score, axis=1)
            context_vector = attention_weights * values
            context_vector = ops.sum(context_vector, axis=1)
            return context_vector, attention_weights

    inputs = Input((T, D))
    sequence, state_h, _state_c = LSTM(10, return_sequences=True, return_state=True)(inputs)
    context_vector, attention_weights = BahdanauAttention(6)(state_h, sequence)
    model = trained(Model(inputs, Dense(1)(context_vector)))
    weights = Model(model.inputs, attention_weights).predict(X[:4], verbose=0)
    np.testing.assert_allclose(weights.sum(axis=1), np.ones((4, 1)), rtol=1e-5)


def test_built_in_attention_of_query_and_value():
    query_input, value_input = Input((None,), dtype="int32"), Input((None,), dtype="int32")
    token_embedding = Embedding(20, 8)
    cnn_layer = layers.Conv1D(filters=10, kernel_size=3, padding="same")
    query_seq_encoding = cnn_layer(token_embedding(query_input))
    value_seq_encoding = cnn_layer(token_embedding(value_input))
    query_value_attention_seq = Attention()([query_seq_encoding, value_seq_encoding])
    query_encoding = GlobalAveragePooling1D()(query_seq_encoding)
    query_value_attention = GlobalAveragePooling1D()(query_value_attention_seq)
    input_layer = Concatenate()([query_encoding, query_value_attention])
    model = Model([query_input, value_input], Dense(1)(input_layer))
    q, v = RNG.integers(0, 20, (40, 6)), RNG.integers(0, 20, (40, 9))
    trained(model, [q, v], (v == 3).sum(axis=1) * 1.0, epochs=20)


def test_self_attention_over_an_lstm():
    inputs = Input((T, D))
    lstm_out = LSTM(12, return_sequences=True)(inputs)
    attended, scores = Attention(use_scale=True, dropout=0.0)(
        [lstm_out, lstm_out], return_attention_scores=True
    )
    model = trained(Model(inputs, Dense(1)(Flatten()(attended))))
    assert Model(inputs, scores).predict(X[:2], verbose=0).shape == (2, T, T)
    assert model.count_params() > 0


def test_additive_attention_between_encoder_and_decoder():
    encoder_inputs, decoder_inputs = Input((None, D)), Input((None, 1))
    encoder_out, *state = GRU(10, return_sequences=True, return_state=True)(encoder_inputs)
    decoder_out = GRU(10, return_sequences=True)(decoder_inputs, initial_state=state)
    context = AdditiveAttention()([decoder_out, encoder_out])
    out = TimeDistributed(Dense(1))(Concatenate(axis=-1)([decoder_out, context]))
    model = Model([encoder_inputs, decoder_inputs], out)
    y = X[:, ::-1, :1]
    shifted = np.concatenate([np.zeros_like(y[:, :1]), y[:, :-1]], axis=1)
    trained(model, [X, shifted], y, epochs=20)


def test_multi_head_attention_block_over_an_lstm():
    inputs = Input((T, D))
    x = LSTM(8, return_sequences=True)(inputs)
    attn_output = layers.MultiHeadAttention(num_heads=2, key_dim=4)(x, x)
    x = LayerNormalization(epsilon=1e-6)(Add()([x, attn_output]))
    ffn = Sequential([Dense(16, activation="relu"), Dense(8)])
    x = LayerNormalization(epsilon=1e-6)(x + ffn(x))
    x = GlobalAveragePooling1D()(x)
    trained(Model(inputs, Dense(1)(x)), epochs=20)


def test_transformer_block_as_a_layer():
    class TransformerBlock(layers.Layer):
        def __init__(self, embed_dim, num_heads, ff_dim, rate=0.1):
            super().__init__()
            self.att = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
            self.ffn = keras.Sequential(
                [layers.Dense(ff_dim, activation="relu"), layers.Dense(embed_dim)]
            )
            self.layernorm1 = layers.LayerNormalization(epsilon=1e-6)
            self.layernorm2 = layers.LayerNormalization(epsilon=1e-6)
            self.dropout1 = layers.Dropout(rate)
            self.dropout2 = layers.Dropout(rate)

        def call(self, inputs):
            attn_output = self.att(inputs, inputs)
            attn_output = self.dropout1(attn_output)
            out1 = self.layernorm1(inputs + attn_output)
            ffn_output = self.ffn(out1)
            ffn_output = self.dropout2(ffn_output)
            return self.layernorm2(out1 + ffn_output)

    class TokenAndPositionEmbedding(layers.Layer):
        def __init__(self, maxlen, vocab_size, embed_dim):
            super().__init__()
            self.token_emb = layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
            self.pos_emb = layers.Embedding(input_dim=maxlen, output_dim=embed_dim)

        def call(self, x):
            maxlen = ops.shape(x)[-1]
            positions = ops.arange(start=0, stop=maxlen, step=1)
            positions = self.pos_emb(positions)
            x = self.token_emb(x)
            return x + positions

    words = RNG.integers(0, 15, (48, 6))
    target = (words == 4).any(axis=1).astype("float32")
    inputs = layers.Input(shape=(6,))
    x = TokenAndPositionEmbedding(6, 15, 8)(inputs)
    x = TransformerBlock(8, 2, 16)(x)
    x = layers.LSTM(8)(x)
    outputs = layers.Dense(1, activation="sigmoid")(x)
    trained(keras.Model(inputs=inputs, outputs=outputs), words, target, epochs=20)


def test_attention_pooling_with_a_layer_of_dense_layers():
    class Pooling(layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.score = keras.Sequential(
                [layers.Dense(units, activation="tanh"), layers.Dense(1, use_bias=False)]
            )

        def call(self, inputs):
            weights = ops.softmax(self.score(inputs), axis=1)
            return ops.einsum("bto,btd->bd", weights, inputs)

        def get_config(self):
            config = super().get_config()
            config.update({"units": self.units})
            return config

    model = Sequential([Input((T, D)), LSTM(8, return_sequences=True), Pooling(5), Dense(1)])
    trained(model)
    again = keras.models.clone_model(model)
    again.set_weights(model.get_weights())
    np.testing.assert_allclose(again.predict(X[:3]), model.predict(X[:3]), rtol=1e-5)


def test_scores_of_steps_that_repeat_over_features():
    inputs = Input((T, D))
    hidden = Bidirectional(LSTM(6, return_sequences=True))(inputs)
    scores = Dense(1, activation="tanh")(hidden)
    weights = layers.Softmax(axis=1, name="weights")(scores)
    context = GlobalAveragePooling1D()(Multiply()([hidden, weights]))
    model = trained(Model(inputs, Dense(1)(context)), epochs=20)
    shares = Model(inputs, model.get_layer("weights").output).predict(X, verbose=0)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)


def test_softmax_over_steps_as_an_activation():
    def softmax(x, axis=1):
        e = ops.exp(x - ops.max(x, axis=axis, keepdims=True))
        return e / ops.sum(e, axis=axis, keepdims=True)

    repeator, concatenator = RepeatVector(T), Concatenate(axis=-1)
    densor1, densor2 = Dense(8, activation="tanh"), Dense(1, activation="relu")
    activator, dotor = Activation(softmax, name="attention_weights"), Dot(axes=1)

    def one_step_attention(a, s_prev):
        s_prev = repeator(s_prev)
        concat = concatenator([a, s_prev])
        alphas = activator(densor2(densor1(concat)))
        return dotor([alphas, a])

    post_activation_lstm, out = LSTM(8, return_state=True), Dense(1)
    inputs, s0, c0 = Input((T, D)), Input((8,), name="s0"), Input((8,), name="c0")
    a, s, c = Bidirectional(LSTM(5, return_sequences=True))(inputs), s0, c0
    outputs = []
    for _ in range(3):
        context = one_step_attention(a, s)
        _, s, c = post_activation_lstm(context, initial_state=[s, c])
        outputs.append(out(s))
    model = Model(inputs=[inputs, s0, c0], outputs=Concatenate()(outputs))
    zeros = np.zeros((64, 8))
    trained(model, [X, zeros, zeros], X[:, :3, 0], epochs=40)

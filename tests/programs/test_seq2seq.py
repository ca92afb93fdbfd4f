"""Programs that read one sequence and write another."""

import numpy as np
import pytest

import lstm as keras
from lstm import layers
from lstm.layers import (
    GRU,
    LSTM,
    Activation,
    Concatenate,
    Dense,
    Embedding,
    Input,
    RepeatVector,
    TimeDistributed,
)
from lstm.models import Model, Sequential

PAIRS = [("go", "va"), ("hi", "salut"), ("run", "cours"), ("no", "non"), ("yes", "oui")]


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(5)


def test_translation_of_characters_and_inference_models_cut_out():
    input_texts = [a for a, _ in PAIRS]
    target_texts = ["\t" + b + "\n" for _, b in PAIRS]
    input_characters = sorted(set("".join(input_texts)))
    target_characters = sorted(set("".join(target_texts)))
    num_encoder_tokens, num_decoder_tokens = len(input_characters), len(target_characters)
    max_encoder = max(len(txt) for txt in input_texts)
    max_decoder = max(len(txt) for txt in target_texts)
    input_token_index = {char: i for i, char in enumerate(input_characters)}
    target_token_index = {char: i for i, char in enumerate(target_characters)}
    n = len(PAIRS)
    encoder_input_data = np.zeros((n, max_encoder, num_encoder_tokens), dtype="float32")
    decoder_input_data = np.zeros((n, max_decoder, num_decoder_tokens), dtype="float32")
    decoder_target_data = np.zeros((n, max_decoder, num_decoder_tokens), dtype="float32")
    for i, (input_text, target_text) in enumerate(zip(input_texts, target_texts)):
        for t, char in enumerate(input_text):
            encoder_input_data[i, t, input_token_index[char]] = 1.0
        for t, char in enumerate(target_text):
            decoder_input_data[i, t, target_token_index[char]] = 1.0
            if t > 0:
                decoder_target_data[i, t - 1, target_token_index[char]] = 1.0

    latent_dim = 32
    encoder_inputs = keras.Input(shape=(None, num_encoder_tokens))
    encoder = keras.layers.LSTM(latent_dim, return_state=True)
    encoder_outputs, state_h, state_c = encoder(encoder_inputs)
    encoder_states = [state_h, state_c]
    decoder_inputs = keras.Input(shape=(None, num_decoder_tokens))
    decoder_lstm = keras.layers.LSTM(latent_dim, return_sequences=True, return_state=True)
    decoder_outputs, _, _ = decoder_lstm(decoder_inputs, initial_state=encoder_states)
    decoder_dense = keras.layers.Dense(num_decoder_tokens, activation="softmax")
    decoder_outputs = decoder_dense(decoder_outputs)
    model = keras.Model([encoder_inputs, decoder_inputs], decoder_outputs)
    model.compile(
        optimizer=keras.optimizers.RMSprop(0.02),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(
        [encoder_input_data, decoder_input_data],
        decoder_target_data,
        batch_size=5,
        epochs=80,
        verbose=0,
    )

    encoder_inputs = model.input[0]
    encoder_outputs, state_h_enc, state_c_enc = model.layers[2].output
    encoder_model = keras.Model(encoder_inputs, [state_h_enc, state_c_enc])
    decoder_inputs = model.input[1]
    decoder_state_input_h = keras.Input(shape=(latent_dim,))
    decoder_state_input_c = keras.Input(shape=(latent_dim,))
    decoder_states_inputs = [decoder_state_input_h, decoder_state_input_c]
    decoder_lstm = model.layers[3]
    decoder_outputs, state_h_dec, state_c_dec = decoder_lstm(
        decoder_inputs, initial_state=decoder_states_inputs
    )
    decoder_states = [state_h_dec, state_c_dec]
    decoder_dense = model.layers[4]
    decoder_outputs = decoder_dense(decoder_outputs)
    decoder_model = keras.Model(
        [decoder_inputs, *decoder_states_inputs], [decoder_outputs, *decoder_states]
    )
    reverse_target_char_index = {i: char for char, i in target_token_index.items()}

    def decode_sequence(input_seq):
        states_value = encoder_model.predict(input_seq, verbose=0)
        target_seq = np.zeros((1, 1, num_decoder_tokens))
        target_seq[0, 0, target_token_index["\t"]] = 1.0
        decoded_sentence = ""
        while True:
            output_tokens, h, c = decoder_model.predict([target_seq, *states_value], verbose=0)
            sampled_token_index = np.argmax(output_tokens[0, -1, :])
            sampled_char = reverse_target_char_index[sampled_token_index]
            if sampled_char == "\n" or len(decoded_sentence) > max_decoder:
                return decoded_sentence
            decoded_sentence += sampled_char
            target_seq = np.zeros((1, 1, num_decoder_tokens))
            target_seq[0, 0, sampled_token_index] = 1.0
            states_value = [h, c]

    decoded = [decode_sequence(encoder_input_data[i : i + 1]) for i in range(n)]
    assert decoded == [b for _, b in PAIRS]


def test_decimal_addition():
    chars = "0123456789+ "
    index = {c: i for i, c in enumerate(chars)}

    def encode(text, length):
        x = np.zeros((length, len(chars)))
        for i, c in enumerate(text):
            x[i, index[c]] = 1
        return x

    questions, expected = [], []
    for a in range(10):
        for b in range(10):
            questions.append(f"{a}+{b}"[::-1])
            expected.append(str(a + b).ljust(2))
    x = np.array([encode(q, 3) for q in questions])
    y = np.array([encode(e, 2) for e in expected])
    model = keras.Sequential()
    model.add(layers.Input((3, len(chars))))
    model.add(layers.LSTM(48))
    model.add(layers.RepeatVector(2))
    for _ in range(1):
        model.add(layers.LSTM(48, return_sequences=True))
    model.add(layers.Dense(len(chars), activation="softmax"))
    model.compile(
        loss="categorical_crossentropy",
        optimizer=keras.optimizers.Adam(0.01),
        metrics=["accuracy"],
    )
    model.fit(x, y, batch_size=20, epochs=60, verbose=0)
    preds = np.argmax(model.predict(x, verbose=0), axis=-1)
    guesses = ["".join(chars[i] for i in row) for row in preds]
    assert np.mean([g == e for g, e in zip(guesses, expected)]) > 0.9


def test_translation_of_words_with_embeddings_and_masks():
    rng = np.random.default_rng(2)
    source = rng.integers(1, 10, (60, 5))
    source[:30, 3:] = 0
    target = np.where(source > 0, source + 1, 0)
    decoder_in = np.concatenate([np.ones((60, 1), int), target[:, :-1]], axis=1)
    encoder_inputs = Input(shape=(None,))
    x = Embedding(12, 16, mask_zero=True)(encoder_inputs)
    encoder_outputs, state_h, state_c = LSTM(32, return_state=True)(x)
    decoder_inputs = Input(shape=(None,))
    dec_emb = Embedding(12, 16, mask_zero=True)(decoder_inputs)
    decoder_outputs = LSTM(32, return_sequences=True)(dec_emb, initial_state=[state_h, state_c])
    decoder_outputs = Dense(12, activation="softmax")(decoder_outputs)
    model = Model([encoder_inputs, decoder_inputs], decoder_outputs)
    model.compile(
        keras.optimizers.Adam(0.02), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    weights = (target > 0).astype("float32")
    history = model.fit(
        [source, decoder_in], target, sample_weight=weights, epochs=30, batch_size=20, verbose=0
    )
    assert history.history["loss"][-1] < 0.3 * history.history["loss"][0]


def test_bidirectional_encoder_with_joined_states():
    encoder_inputs = Input((6, 4))
    encoder = layers.Bidirectional(LSTM(5, return_sequences=True, return_state=True))
    encoder_outputs, forward_h, forward_c, backward_h, backward_c = encoder(encoder_inputs)
    state_h = Concatenate()([forward_h, backward_h])
    state_c = Concatenate()([forward_c, backward_c])
    decoder_inputs = Input((3, 4))
    decoder_lstm = LSTM(10, return_sequences=True, return_state=True)
    decoder_outputs, _, _ = decoder_lstm(decoder_inputs, initial_state=[state_h, state_c])
    attn_out = layers.Attention()([decoder_outputs, encoder_outputs])
    merged = Concatenate(axis=-1)([decoder_outputs, attn_out])
    outputs = TimeDistributed(Dense(4))(merged)
    model = Model([encoder_inputs, decoder_inputs], outputs)
    model.compile("adam", "mse")
    x = np.random.default_rng(0).normal(size=(20, 6, 4))
    history = model.fit([x, x[:, :3]], x[:, 3:], epochs=25, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert encoder_outputs.shape == (None, 6, 10)


def test_reversed_sequence_of_one_hot_vectors():
    rng = np.random.default_rng(1)
    numbers = rng.integers(0, 6, (80, 4))
    X, y = np.eye(6)[numbers], np.eye(6)[numbers[:, ::-1]]
    model = Sequential()
    model.add(LSTM(40, input_shape=(4, 6)))
    model.add(RepeatVector(4))
    model.add(LSTM(40, return_sequences=True))
    model.add(TimeDistributed(Dense(6)))
    model.add(Activation("softmax"))
    model.compile(
        loss="categorical_crossentropy",
        optimizer=keras.optimizers.Adam(0.02),
        metrics=["accuracy"],
    )
    history = model.fit(X, y, epochs=60, batch_size=16, verbose=0)
    assert history.history["accuracy"][-1] > 0.8
    assert (model.predict(X[:1], verbose=0).argmax(-1)[0] == y[0].argmax(-1)).mean() >= 0.5


def test_gru_sequence_to_sequence_as_a_subclassed_model():
    class Translator(keras.Model):
        def __init__(self, vocab, units):
            super().__init__()
            self.embedding = layers.Embedding(vocab, units)
            self.encoder = GRU(units, return_state=True)
            self.decoder = GRU(units, return_sequences=True)
            self.out = layers.Dense(vocab)

        def call(self, inputs):
            source, target = inputs
            _, state = self.encoder(self.embedding(source))
            x = self.decoder(self.embedding(target), initial_state=state)
            return self.out(x)

    rng = np.random.default_rng(6)
    source = rng.integers(1, 8, (48, 4))
    target = source[:, ::-1]
    shifted = np.concatenate([np.zeros((48, 1), int), target[:, :-1]], axis=1)
    model = Translator(8, 24)
    model.compile(
        optimizer=keras.optimizers.Adam(0.02),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["sparse_categorical_accuracy"],
    )
    history = model.fit([source, shifted], target, epochs=30, verbose=0)
    assert history.history["sparse_categorical_accuracy"][-1] > 0.8
    assert model([source[:2], shifted[:2]]).shape == (2, 4, 8)

"""Programs that classify texts."""

import numpy as np
import pytest

import lstm as keras
from lstm.layers import (
    LSTM,
    Bidirectional,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    GlobalAveragePooling1D,
    GlobalMaxPool1D,
    Input,
    MaxPooling1D,
    SpatialDropout1D,
)
from lstm.models import Model, Sequential
from lstm.preprocessing.sequence import pad_sequences
from lstm.preprocessing.text import TextVectorization, Tokenizer
from lstm.utils import to_categorical

GOOD = ["a great film", "great fun and good acting", "good good film", "i loved it", "so good"]
BAD = ["a bad film", "bad fun and awful acting", "awful awful film", "i hated it", "so bad"]
TEXTS = GOOD + BAD
LABELS = np.array([1] * len(GOOD) + [0] * len(BAD))


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(1)


def test_sentiment_of_padded_words():
    max_features, maxlen = 50, 6
    tokenizer = Tokenizer(num_words=max_features)
    tokenizer.fit_on_texts(TEXTS)
    X = tokenizer.texts_to_sequences(TEXTS)
    X = pad_sequences(X, maxlen=maxlen)
    model = Sequential()
    model.add(Embedding(max_features, 8))
    model.add(LSTM(8, dropout=0.1, recurrent_dropout=0.1))
    model.add(Dense(1, activation="sigmoid"))
    adam = keras.optimizers.Adam(learning_rate=0.01)
    model.compile(loss="binary_crossentropy", optimizer=adam, metrics=["accuracy"])
    model.fit(X, LABELS, batch_size=4, epochs=40, verbose=0)
    score, acc = model.evaluate(X, LABELS, batch_size=4, verbose=0)
    assert acc == 1.0
    assert score < 0.5
    new = pad_sequences(tokenizer.texts_to_sequences(["good fun", "awful fun"]), maxlen=maxlen)
    probabilities = model.predict(new, verbose=0)
    assert probabilities[0, 0] > 0.5 > probabilities[1, 0]


def test_bidirectional_lstm_on_imdb_like_words():
    max_features, maxlen = 30, 12
    rng = np.random.default_rng(0)
    x_train = rng.integers(2, max_features, (60, maxlen))
    y_train = (x_train == 5).any(axis=1).astype(int)
    inputs = keras.Input(shape=(None,), dtype="int32")
    x = keras.layers.Embedding(max_features, 16)(inputs)
    x = keras.layers.Bidirectional(keras.layers.LSTM(8, return_sequences=True))(x)
    x = keras.layers.Bidirectional(keras.layers.LSTM(8))(x)
    outputs = keras.layers.Dense(1, activation="sigmoid")(x)
    model = keras.Model(inputs, outputs)
    model.summary()
    model.compile(
        optimizer=keras.optimizers.Adam(0.02), loss="binary_crossentropy", metrics=["accuracy"]
    )
    history = model.fit(x_train, y_train, batch_size=16, epochs=15, verbose=0)
    assert history.history["accuracy"][-1] > 0.9


def test_toxic_comments_with_global_max_pooling():
    embed_size, max_features, maxlen = 8, 40, 10
    rng = np.random.default_rng(3)
    X = rng.integers(1, max_features, (50, maxlen))
    y = np.stack([(X == k).any(axis=1) for k in (3, 7, 11)], axis=1).astype(float)
    inp = Input(shape=(maxlen,))
    x = Embedding(max_features, embed_size)(inp)
    x = Bidirectional(LSTM(10, return_sequences=True, dropout=0.1, recurrent_dropout=0.1))(x)
    x = GlobalMaxPool1D()(x)
    x = Dense(10, activation="relu")(x)
    x = Dropout(0.1)(x)
    x = Dense(3, activation="sigmoid")(x)
    model = Model(inputs=inp, outputs=x)
    model.compile(
        loss="binary_crossentropy", optimizer=keras.optimizers.Adam(0.02), metrics=["AUC"]
    )
    model.fit(X, y, batch_size=10, epochs=15, validation_split=0.1, verbose=0)
    prediction = model.predict([X], batch_size=1024, verbose=0)
    assert prediction.shape == (50, 3)
    assert np.mean((prediction[:45] > 0.5) == y[:45]) > 0.9


def test_conv_and_pooling_before_lstm():
    tokenizer = Tokenizer(oov_token="<OOV>")
    tokenizer.fit_on_texts(TEXTS)
    vocab_size = len(tokenizer.word_index) + 1
    padded = pad_sequences(
        tokenizer.texts_to_sequences(TEXTS), maxlen=8, padding="post", truncating="post"
    )
    model = Sequential(
        [
            Embedding(vocab_size, 16, input_length=8),
            Dropout(0.1),
            Conv1D(16, 3, activation="relu", padding="same"),
            MaxPooling1D(pool_size=2),
            LSTM(16),
            Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(
        loss="binary_crossentropy", optimizer=keras.optimizers.Adam(0.01), metrics=["acc"]
    )
    history = model.fit(padded, LABELS, epochs=40, verbose=0)
    assert history.history["acc"][-1] == 1.0


def test_spatial_dropout_and_to_categorical():
    tokenizer = Tokenizer(num_words=100, split=" ")
    tokenizer.fit_on_texts(TEXTS)
    X = pad_sequences(tokenizer.texts_to_sequences(TEXTS))
    Y = to_categorical(LABELS, num_classes=2)
    model = Sequential()
    model.add(Embedding(100, 16, input_length=X.shape[1]))
    model.add(SpatialDropout1D(0.1))
    model.add(LSTM(16, dropout=0.1))
    model.add(Dense(2, activation="softmax"))
    model.compile(
        loss="categorical_crossentropy",
        optimizer=keras.optimizers.Adam(0.01),
        metrics=["accuracy"],
    )
    model.fit(X, Y, epochs=40, batch_size=5, verbose=0)
    assert (np.argmax(model.predict(X, verbose=0), axis=1) == LABELS).all()


def test_frozen_word_vectors():
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(TEXTS)
    word_index = tokenizer.word_index
    embeddings_index = {"good": [1.0, 0.0], "great": [0.9, 0.1], "loved": [0.8, 0.0]}
    embeddings_index |= {"bad": [-1.0, 0.0], "awful": [-0.9, 0.1], "hated": [-0.8, 0.0]}
    embedding_matrix = np.zeros((len(word_index) + 1, 2))
    for word, i in word_index.items():
        embedding_vector = embeddings_index.get(word)
        if embedding_vector is not None:
            embedding_matrix[i] = embedding_vector
    embedding_layer = Embedding(
        len(word_index) + 1, 2, weights=[embedding_matrix], trainable=False, mask_zero=True
    )
    model = Sequential([embedding_layer, LSTM(4), Dense(1, activation="sigmoid")])
    X = pad_sequences(tokenizer.texts_to_sequences(TEXTS), padding="post")
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    model.fit(X, LABELS, epochs=40, verbose=0)
    assert model.evaluate(X, LABELS, verbose=0)[1] == 1.0
    np.testing.assert_allclose(embedding_layer.get_weights()[0], embedding_matrix, rtol=1e-6)
    assert len(model.trainable_weights) == 5


def test_constant_initializer_of_an_embedding():
    matrix = np.random.default_rng(0).normal(size=(7, 3)).astype("float32")
    embedding = keras.layers.Embedding(
        7, 3, embeddings_initializer=keras.initializers.Constant(matrix), trainable=False
    )
    model = keras.Sequential([keras.Input((4,), dtype="int32"), embedding])
    tokens = np.array([[1, 2, 3, 0]])
    np.testing.assert_allclose(model.predict(tokens, verbose=0)[0], matrix[[1, 2, 3, 0]])


def test_news_topics_with_sparse_classes():
    rng = np.random.default_rng(5)
    y = rng.integers(0, 4, 80)
    X = rng.integers(5, 30, (80, 10))
    X[np.arange(80), rng.integers(0, 10, 80)] = y + 1
    model = Sequential()
    model.add(Embedding(30, 16, mask_zero=True))
    model.add(LSTM(16, return_sequences=True))
    model.add(GlobalAveragePooling1D())
    model.add(Dense(4))
    model.add(keras.layers.Softmax())
    model.compile(
        keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(X, y, epochs=15, batch_size=16, verbose=0)
    assert model.evaluate(X, y, verbose=0)[1] > 0.95


def test_similar_questions_with_a_shared_lstm():
    rng = np.random.default_rng(7)
    left = rng.integers(1, 20, (60, 5))
    right = np.where(rng.random((60, 1)) < 0.5, left, rng.integers(1, 20, (60, 5)))
    same = (left == right).all(axis=1).astype("float32")
    shared_embedding, shared_lstm = Embedding(20, 8), LSTM(8)
    left_input, right_input = Input(shape=(5,), name="left"), Input(shape=(5,), name="right")
    left_out = shared_lstm(shared_embedding(left_input))
    right_out = shared_lstm(shared_embedding(right_input))
    distance = keras.layers.Lambda(
        lambda t: keras.ops.exp(-keras.ops.sum(keras.ops.abs(t[0] - t[1]), axis=1, keepdims=True)),
        output_shape=(1,),
    )([left_out, right_out])
    malstm = Model(inputs=[left_input, right_input], outputs=[distance])
    malstm.compile(loss="mean_squared_error", optimizer=keras.optimizers.Adam(0.02))
    history = malstm.fit([left, right], same, epochs=20, verbose=0)
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
    twins = malstm.predict({"left": left[:5], "right": left[:5]}, verbose=0)
    np.testing.assert_allclose(twins, 1.0)


def test_text_vectorization_adapted_to_texts():
    vectorizer = TextVectorization(max_tokens=40, output_sequence_length=6)
    vectorizer.adapt(TEXTS)
    vocabulary = vectorizer.get_vocabulary()
    assert vocabulary[:2] == ["", "[UNK]"]
    x = np.array(vectorizer(TEXTS))
    assert x.shape == (10, 6)
    model = Sequential([Embedding(len(vocabulary), 8, mask_zero=True), LSTM(8), Dense(1)])
    model.compile(
        keras.optimizers.Adam(0.02),
        keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)],
    )
    model.fit(x, LABELS, epochs=30, verbose=0)
    assert model.evaluate(x, LABELS, verbose=0)[1] == 1.0


def test_multi_channel_text_cnn_and_lstm():
    rng = np.random.default_rng(9)
    X = rng.integers(1, 25, (60, 12))
    y = (X[:, :-1] * X[:, 1:] == 12).any(axis=1).astype(int)
    inputs = Input(shape=(12,))
    embedded = Embedding(25, 12)(inputs)
    channels = []
    for kernel_size in (2, 3):
        conv = Conv1D(filters=12, kernel_size=kernel_size, activation="relu")(embedded)
        channels.append(keras.layers.GlobalMaxPooling1D()(conv))
    channels.append(LSTM(8)(embedded))
    merged = keras.layers.concatenate(channels)
    outputs = Dense(1, activation="sigmoid")(Dropout(0.2)(merged))
    model = Model(inputs=inputs, outputs=outputs)
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(X, y, epochs=25, verbose=0)
    assert history.history["loss"][-1] < 0.6 * history.history["loss"][0]

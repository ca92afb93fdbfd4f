"""Programs that feed models in other ways than by one array."""

import math

import numpy as np
import pytest

import lstm as keras
from lstm.layers import LSTM, Dense, Embedding, Input
from lstm.models import Sequential
from lstm.preprocessing.sequence import TimeseriesGenerator, pad_sequences
from lstm.utils import PyDataset, Sequence, timeseries_dataset_from_array, to_categorical

RNG = np.random.default_rng(4)
X = RNG.normal(size=(50, 4, 2)).astype("float32")
Y = X[:, -1, :1]


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(12)


def compiled():
    model = Sequential([Input((None, 2)), LSTM(8), Dense(1)])
    model.compile(keras.optimizers.Adam(0.02), "mse")
    return model


def test_endless_generator_with_steps_per_epoch():
    def generator(batch_size):
        while True:
            rows = np.random.default_rng(0).integers(0, 50, batch_size)
            yield X[rows], Y[rows]

    model = compiled()
    history = model.fit(
        generator(10),
        steps_per_epoch=5,
        epochs=6,
        validation_data=generator(10),
        validation_steps=2,
        verbose=0,
    )
    assert len(history.history["val_loss"]) == 6
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert model.evaluate(generator(10), steps=2, verbose=0) >= 0


def test_batches_of_different_lengths():
    def by_length():
        while True:
            for n in (3, 5, 8):
                x = RNG.normal(size=(6, n, 2))
                yield x, x[:, -1, :1]

    model = compiled()
    losses = model.fit(by_length(), steps_per_epoch=12, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]


def test_sequence_of_batches():
    class DataGenerator(Sequence):
        def __init__(self, x, y, batch_size):
            super().__init__()
            self.x, self.y, self.batch_size = x, y, batch_size
            self.epochs = 0

        def __len__(self):
            return math.ceil(len(self.x) / self.batch_size)

        def __getitem__(self, idx):
            low = idx * self.batch_size
            high = min(low + self.batch_size, len(self.x))
            return self.x[low:high], self.y[low:high]

        def on_epoch_end(self):
            self.epochs += 1

    data = DataGenerator(X, Y, 8)
    model = compiled()
    model.fit(data, epochs=3, verbose=0)
    assert data.epochs >= 2
    assert model.predict(data, verbose=0).shape == (50, 1)


def test_py_dataset_with_weights():
    class Weighted(PyDataset):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)

        def __len__(self):
            return 5

        def __getitem__(self, index):
            part = slice(10 * index, 10 * index + 10)
            return X[part], Y[part], np.ones(10)

    model = compiled()
    history = model.fit(Weighted(workers=1, use_multiprocessing=False), epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2


def test_timeseries_generator_of_rows_and_targets():
    data = np.array([[i] for i in range(50)])
    targets = np.array([[i] for i in range(50)])
    data_gen = TimeseriesGenerator(data, targets, length=10, sampling_rate=2, batch_size=2)
    assert len(data_gen) == 20
    batch_0 = data_gen[0]
    x, y = batch_0
    np.testing.assert_array_equal(x, [[[0], [2], [4], [6], [8]], [[1], [3], [5], [7], [9]]])
    np.testing.assert_array_equal(y, [[10], [11]])


def test_windows_without_targets():
    data = np.arange(100)
    input_data, targets = data[:-10], data[10:]
    dataset = timeseries_dataset_from_array(input_data, targets, sequence_length=10)
    for batch in dataset:
        inputs, labels = batch
        np.testing.assert_array_equal(inputs[0], data[:10])
        assert labels[0] == data[10]
        break
    alone = timeseries_dataset_from_array(data, None, sequence_length=20, sequence_stride=10)
    assert sum(len(batch) for batch in alone) == 9


def test_padded_sequences_and_categories():
    sequences = [[1], [2, 3], [4, 5, 6]]
    np.testing.assert_array_equal(pad_sequences(sequences), [[0, 0, 1], [0, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(
        pad_sequences(sequences, maxlen=2, padding="post", truncating="post", value=-1),
        [[1, -1], [2, 3], [4, 5]],
    )
    np.testing.assert_array_equal(to_categorical([0, 2, 1]), np.eye(3)[[0, 2, 1]])


def test_train_on_batch_loop():
    model = compiled()
    losses = []
    for _epoch in range(8):
        for start in range(0, 50, 10):
            losses.append(model.train_on_batch(X[start : start + 10], Y[start : start + 10]))
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])
    assert model.test_on_batch(X, Y) == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-5)
    np.testing.assert_allclose(model.predict_on_batch(X), model.predict(X, verbose=0), rtol=1e-5)


def test_folds_of_cross_validation():
    scores = []
    indices = np.arange(50)
    for fold in np.array_split(indices, 5):
        train = np.setdiff1d(indices, fold)
        model = compiled()
        model.fit(X[train], Y[train], epochs=15, batch_size=10, verbose=0)
        scores.append(model.evaluate(X[fold], Y[fold], verbose=0))
    assert np.mean(scores) < 0.8 * Y.var()


def test_lists_instead_of_arrays():
    x = [[1, 2, 3], [4, 5, 6], [1, 5, 2]]
    model = Sequential([Embedding(7, 4), LSTM(4), Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(np.array(x), np.array([0, 1, 0]), epochs=1, verbose=0)
    assert model.predict(np.array(x), verbose=0).shape == (3, 2)

"""Batches of windows over a series, against their definition in Keras."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm.data import TimeseriesGenerator, timeseries_dataset_from_array
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, LSTMError

SERIES = np.arange(40).reshape(20, 2)


def windows_of(options: dict[str, Any]) -> list[tuple[list[int], int]]:
    """What Keras says: entry k of the targets belongs to the window that starts at step k."""
    T, rate = options["sequence_length"], options.get("sampling_rate", 1)
    begin, end = options.get("start_index", 0), options.get("end_index", 20)
    last = min(end - (T - 1) * rate, 15)
    return [
        ([k + t * rate for t in range(T)], k)
        for k in range(begin, last, options.get("sequence_stride", 1))
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"sequence_length": 3},
        {"sequence_length": 3, "sequence_stride": 2, "sampling_rate": 3, "batch_size": 2},
        {"sequence_length": 4, "start_index": 3, "end_index": 17, "batch_size": 5},
        {"sequence_length": 1, "batch_size": None},
    ],
)
def test_windows_and_targets(options: dict[str, Any]) -> None:
    targets = np.arange(15) * 10
    batches = timeseries_dataset_from_array(SERIES, targets, **options)
    found = [(x, y) for xs, ys in batches for x, y in zip(xs, ys, strict=True)]
    expected = windows_of(options)
    assert len(found) == len(expected)
    for (x, y), (steps, target) in zip(found, expected, strict=True):
        assert_array_equal(x, SERIES[steps])
        assert y == targets[target]


def test_windows_alone_in_another_order() -> None:
    plain = timeseries_dataset_from_array(SERIES, None, 3, batch_size=100)[0]
    options: dict[str, Any] = {"shuffle": True, "seed": 1, "batch_size": 4}
    shuffled = [*timeseries_dataset_from_array(SERIES, None, 3, **options)]
    again = [*timeseries_dataset_from_array(SERIES, None, 3, **options)]
    together = np.concatenate(shuffled)
    assert_array_equal(together, np.concatenate(again))
    assert (together != plain).any()
    assert_array_equal(together[np.argsort(together[:, 0, 0])], plain)


def test_some_of_the_batches() -> None:
    batches = timeseries_dataset_from_array(SERIES, SERIES[:, 0], 3, batch_size=4)
    whole = [(x.tolist(), y.tolist()) for x, y in batches]
    assert len(whole) == 5
    for part, expected in (
        (batches.take(2), whole[:2]),
        (batches.take(9), whole),
        (batches.skip(2), whole[2:]),
        (batches.skip(1).take(2), whole[1:3]),
        (batches.take(0), []),
        (batches.skip(5), []),
    ):
        assert len(part) == len(expected)
        for _ in range(2):
            assert [(x.tolist(), y.tolist()) for x, y in part] == expected
    for wrong in (-1, 1.5, "a"):
        with pytest.raises(LSTMError, match="count"):
            batches.take(wrong)  # type: ignore[arg-type]


def test_a_model_reads_some_of_the_batches() -> None:
    batches = timeseries_dataset_from_array(SERIES / 40, SERIES[:, 0] / 40, 3, batch_size=4)
    model = lstm.Sequential([lstm.Input((3, 2)), lstm.layers.LSTM(2), lstm.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(batches.take(3), validation_data=batches.skip(3), epochs=2, verbose=0)
    x = np.concatenate([x for x, _ in batches.take(2)])
    assert_array_equal(model.predict(batches.take(2)), model.predict(x, batch_size=4))


@pytest.mark.parametrize(
    ("options", "first", "last", "sizes"),
    [
        ({"length": 3}, [0, 1, 2], 19, [17]),
        ({"length": 4, "sampling_rate": 2, "batch_size": 6}, [0, 2], 19, [6, 6, 4]),
        ({"length": 3, "stride": 4, "batch_size": 3}, [0, 1, 2], 19, [3, 2]),
        ({"length": 3, "start_index": 5, "end_index": 11, "batch_size": 9}, [5, 6, 7], 11, [4]),
        ({"length": 3, "reverse": True}, [2, 1, 0], 19, [17]),
    ],
)
def test_the_windows_before_each_step(
    options: dict[str, Any], first: list[int], last: int, sizes: list[int]
) -> None:
    targets = np.arange(20)
    batches = [*TimeseriesGenerator(SERIES, targets, **options)]
    assert [len(x) for x, _ in batches] == sizes
    assert_array_equal(batches[0][0][0], SERIES[first])
    assert batches[-1][1][-1] == last


def test_windows_at_random() -> None:
    lstm.set_seed(1)
    batches = TimeseriesGenerator(SERIES, np.arange(20), 3, shuffle=True, batch_size=50)
    (x, y), (again, _) = batches[0], batches[0]
    assert (x != again).any()
    assert_array_equal(x[:, -1, 0], SERIES[y - 1, 0])


@pytest.mark.parametrize("make", [timeseries_dataset_from_array, TimeseriesGenerator])
def test_a_model_learns_from_them(make: Any) -> None:
    lstm.set_seed(1)
    model = lstm.Sequential([lstm.Input((3, 2)), lstm.layers.LSTM(4), lstm.layers.Dense(1)])
    model.compile("sgd", "mse")
    batches = make(SERIES / 40, np.arange(20.0) / 20, 3, batch_size=4)
    assert len(model.fit(batches, epochs=2, verbose=0).epoch) == 2
    assert model.predict(batches).shape == (sum(len(x) for x, _ in batches), 1)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: timeseries_dataset_from_array(SERIES, None, 21), InvalidValueError, "data"),
        (lambda: timeseries_dataset_from_array(SERIES, [], 3), InvalidValueError, "targets"),
        (
            lambda: timeseries_dataset_from_array(SERIES, None, 3, shuffle=True, seed=-1),
            InvalidValueError,
            "seed",
        ),
        (lambda: timeseries_dataset_from_array(3, None, 1), InvalidShapeError, "data"),
        (
            lambda: timeseries_dataset_from_array(SERIES, None, 3, end_index=21),
            InvalidValueError,
            "end_index",
        ),
        (
            lambda: timeseries_dataset_from_array(SERIES, None, 3, sequence_stride=0),
            InvalidValueError,
            "sequence_stride",
        ),
        (
            lambda: timeseries_dataset_from_array(SERIES, None, 3, sequence_strid=1),  # type: ignore[call-arg]
            InvalidTypeError,
            "sequence_stride",
        ),
        (lambda: TimeseriesGenerator(SERIES, SERIES[1:], 3), InvalidShapeError, "targets"),
        (lambda: TimeseriesGenerator(SERIES, SERIES, 20), InvalidValueError, "end_index"),
        (
            lambda: TimeseriesGenerator(SERIES, SERIES, 3, end_index=20),
            InvalidValueError,
            "end_index",
        ),
    ],
)
def test_what_cannot_be_cut_is_refused(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


def test_each_thing_has_one_name_in_several_places() -> None:
    assert lstm.utils.to_categorical is lstm.data.to_categorical
    assert lstm.utils.set_random_seed is lstm.set_seed
    assert lstm.preprocessing.text.Tokenizer is lstm.text.Tokenizer
    assert lstm.preprocessing.sequence.pad_sequences is lstm.utils.pad_sequences

"""Windows over many series: all of them, none across two, and batches for fit."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.forecasting import TimeSeriesWindows

LENGTHS = (9, 4, 6)


def series() -> list[np.ndarray]:
    return [100 * n + np.arange(T, dtype=float) for n, T in enumerate(LENGTHS)]


def rows(windows: TimeSeriesWindows) -> list[list[float]]:
    return [
        [*x[:, 0].tolist(), *y.tolist()]
        for batch in (windows[k] for k in range(len(windows)))
        for x, y in zip(*batch, strict=True)
    ]


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("batch_size", [1, 4, 100])
@pytest.mark.parametrize(("input_size", "h"), [(3, 1), (2, 2), (5, 4)])
def test_are_all_there(stride: int, batch_size: int, input_size: int, h: int) -> None:
    whole = input_size + h
    expected = [
        part[k : k + whole].tolist()
        for part in series()
        for k in range(0, len(part) - whole + 1, stride)
    ]
    windows = TimeSeriesWindows(series(), input_size, h, stride, batch_size=batch_size)
    assert rows(windows) == expected
    assert windows.count == len(expected)


def test_of_frames() -> None:
    ids, ds = np.repeat(["a", "b", "c"], LENGTHS), np.concatenate([*map(np.arange, LENGTHS)])
    frame = pd.DataFrame({"unique_id": ids, "ds": ds, "y": np.concatenate(series()), "x": -ds})
    windows = TimeSeriesWindows(frame.sample(frac=1, random_state=0).sort_values("unique_id"), 2, 1)
    assert rows(windows) == rows(TimeSeriesWindows(series(), 2, 1))
    x, y = TimeSeriesWindows(frame, 2, 1, features=["x"])[0]
    assert x.shape == (len(y), 2, 2)
    assert_array_equal(x[0], [[0, 0], [1, -1]])


@pytest.mark.parametrize("data", [np.arange(6.0), [0.0, 1, 2, 3, 4, 5], np.arange(6.0)[:, None]])
def test_of_one_series(data: Any) -> None:
    assert rows(TimeSeriesWindows(data, 3, 2)) == [[0, 1, 2, 3, 4], [1, 2, 3, 4, 5]]


def test_in_a_new_order_every_epoch() -> None:
    lstm.set_seed(0)
    windows = TimeSeriesWindows(np.arange(200.0), 3, 1, shuffle=True, batch_size=50)
    first = rows(windows)
    windows.on_epoch_end()
    second = rows(windows)
    assert first != second
    assert sorted(first) == sorted(second) == rows(TimeSeriesWindows(np.arange(200.0), 3, 1))


def test_train_a_model() -> None:
    lstm.set_seed(0)
    wave = np.sin(np.arange(300) / 3)
    model = lstm.Sequential([lstm.Input((12, 1)), lstm.layers.LSTM(8), lstm.layers.Dense(2)])
    model.compile(lstm.optimizers.Adam(0.02), "mse")
    history = model.fit(TimeSeriesWindows(wave, 12, 2, shuffle=True), epochs=20, verbose=0)
    assert history.history["loss"][-1] < 0.05 * history.history["loss"][0]


def test_bad_input() -> None:
    with pytest.raises(InvalidValueError, match=r"data: .* at least 12 steps, got 9"):
        TimeSeriesWindows(series(), 10, 2)
    frame = pd.DataFrame({"ds": range(9), "y": [1, 2, np.nan, 4, 5, 6, 7, 8, 9]})
    with pytest.raises(InvalidValueError, match="a value at every step, got none in y of 'y' at 2"):
        TimeSeriesWindows(frame, 2, 1)
    with pytest.raises(InvalidShapeError, match="data"):
        TimeSeriesWindows([np.zeros((5, 2)), np.zeros((5, 3))], 2, 1)
    with pytest.raises(InvalidValueError, match="data"):
        TimeSeriesWindows([np.full(9, np.nan)], 2, 1)
    with pytest.raises(InvalidValueError, match="stride"):
        TimeSeriesWindows(series(), 2, 1, 0)

"""Windows over many series, with what follows them: batches for models of one's own."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lstm import checks, seeding
from lstm.errors import InvalidValueError
from lstm.forecasting import frames
from lstm.forecasting.frames import Columns
from lstm.interface import Interface

Array = NDArray[Any]


class TimeSeriesWindows(Interface):
    """Windows of series with the values that follow, in batches that are cut when asked for.

    A window never reaches from one series into another, and the last ones are not lost: a series of
    T steps has 1 + (T - input_size - h) // stride of them.

    Args:
        data: a frame with a row for each series and time, a series of pandas, an array (T,) or
            (T, C), or a list of such arrays.
        input_size: steps of a window.
        h: steps behind it to forecast.
        stride: steps from the start of a window to the start of the next.
        batch_size: windows in a batch.
        shuffle: whether every pass takes them in a new order.
        features: other columns of a frame, which are read beside the values.
        id_col, time_col, target_col: names of columns of a frame.

    Attributes:
        count: number of windows.

    Returns:
        For each index x (B, input_size, C) and y (B, h) in float32; the values are first among the
        C columns, and what is forecast.

    Raises:
        InvalidValueError: no series is long enough, or a value is missing.

    Example:
        >>> windows = TimeSeriesWindows([[1, 2, 3, 4, 5], [7, 8, 9]], input_size=2, h=1)
        >>> x, y = windows[0]
        >>> x[:, :, 0].tolist(), y[:, 0].tolist()
        ([[1.0, 2.0], [2.0, 3.0], [3.0, 4.0], [7.0, 8.0]], [3.0, 4.0, 5.0, 9.0])
    """

    absent_attributes: ClassVar[Mapping[str, str]] = {
        "batch": "batch_size= sets the size",
        "prefetch": "leave it out: batches are cut when they are asked for",
    }

    def __init__(
        self,
        data: Any,
        input_size: int,
        h: int,
        stride: int = 1,
        *,
        batch_size: int = 256,
        shuffle: bool = False,
        features: Sequence[str] = (),
        id_col: str = "unique_id",
        time_col: str = "ds",
        target_col: str = "y",
    ) -> None:
        self.input_size = checks.positive_int("input_size", input_size)
        self.h = checks.positive_int("h", h)
        self.stride = checks.positive_int("stride", stride)
        self.batch_size = checks.positive_int("batch_size", batch_size)
        self.shuffle = checks.boolean("shuffle", shuffle)
        series = _series_of(data, Columns(id_col, time_col, target_col), tuple(features))
        whole = self.input_size + self.h
        starts, begin = [np.zeros(0, np.int64)], 0
        for part in series:
            starts.append(begin + np.arange(0, len(part) - whole + 1, self.stride))
            begin += len(part)
        self._starts = np.concatenate(starts)
        if not self._starts.size:
            longest = max(map(len, series), default=0)
            raise InvalidValueError("data", f"a series of at least {whole} steps", longest)
        self._values = np.concatenate(series).astype(np.float32)
        self.count = len(self._starts)
        self._order = self._starts
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-self.count // self.batch_size)

    def __getitem__(self, index: int) -> tuple[Array, Array]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        starts = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        rows = self._values[starts[:, None] + np.arange(self.input_size + self.h)]
        return rows[:, : self.input_size], rows[:, self.input_size :, 0]

    def on_epoch_end(self) -> None:
        """Take another order, if windows are to be shuffled; `fit` calls it."""
        if self.shuffle:
            self._order = seeding.generator().permutation(self._starts)


def _series_of(data: Any, columns: Columns, features: tuple[str, ...]) -> list[Array]:
    """Return series (T, C) without missing values."""
    several = isinstance(data, list | tuple) and any(np.ndim(part) for part in data)
    if several or (not frames.is_frame(data) and np.ndim(data) == 2):
        parts = list(data) if several else [data]
        series = [checks.numbers("data", part).astype(np.float64) for part in parts]
        series = [part[:, None] if part.ndim == 1 else part for part in series]
        for part in series:
            checks.rank("data", part, "T C")
            checks.shape("data", part.shape, (None, series[0].shape[1]))
            checks.finite("data", part, "float32")
        return series
    panel = frames.read(data, columns, covariates=features, argument="data")
    table = np.stack([panel.y, *(panel.covariates[name] for name in features)], axis=1)
    if (missing := np.isnan(table)).any():
        row, column = np.argwhere(missing)[0]
        n = int(panel.series_of_rows[row])
        where = panel.shown(n, int(row - panel.offsets[n]))
        name = (columns.target, *features)[column]
        got = f"none in {name} of {panel.ids[n]!r} at {where}"
        raise InvalidValueError("data", "a value at every step", got)
    return [table[a:b] for a, b in zip(panel.offsets[:-1], panel.offsets[1:], strict=True)]

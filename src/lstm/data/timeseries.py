"""Batches of windows over a long series, with their targets, as in Keras."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm import checks, seeding
from lstm.data.windows import as_series
from lstm.errors import InvalidValueError
from lstm.interface import Interface, spelled
from lstm.layers.eager import Tensor

Rows = NDArray[np.int64]


class WindowBatches(Interface):
    """Batches of windows, which are cut when they are asked for: for `fit`, or to iterate over.

    Args:
        batches: for each batch the number of the first step of its windows.
        window: returns windows (B, T, ...) from these numbers.
        target: returns their targets (B, ...); None for none.
    """

    absent_attributes: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("cache", "prefetch"), "leave it out: batches are cut when they are asked for"
        ),
        **dict.fromkeys(
            ("batch", "unbatch"), "timeseries_dataset_from_array(batch_size=) sets their size"
        ),
        **dict.fromkeys(
            ("as_numpy_iterator", "enumerate"), "iterate over it: batches are arrays of NumPy"
        ),
        **dict.fromkeys(
            ("map", "filter", "concatenate", "window"),
            "change data before windows are cut, in a layer, or in a PyDataset of your own",
        ),
        "cardinality": "len() is the number of batches",
        "element_spec": "batches[0] is the first batch",
        "repeat": "fit takes all batches in each epoch",
        "shuffle": "fit takes batches in a new order every epoch; shuffle=True mixes windows",
    }

    def __init__(
        self,
        batches: list[Rows],
        window: Callable[[Rows], NDArray[Any]],
        target: Callable[[Rows], NDArray[Any]] | None,
    ) -> None:
        self._batches = batches
        self._window = window
        self._target = target

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> Any:
        rows = self._batches[index]
        x = self._window(rows)
        return x if self._target is None else (x, self._target(rows))

    def take(self, count: int) -> "WindowBatches":
        """Return the first batches: `count` of them, or all if there are fewer."""
        return self._part(slice(checks.int_at_least("count", count, 0)))

    def skip(self, count: int) -> "WindowBatches":
        """Return the batches behind the first `count`."""
        return self._part(slice(checks.int_at_least("count", count, 0), None))

    def _part(self, which: slice) -> "WindowBatches":
        return WindowBatches(self._batches[which], self._window, self._target)


@spelled
def timeseries_dataset_from_array(
    data: ArrayLike,
    targets: ArrayLike | None,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
) -> WindowBatches:
    """Return batches of windows over a series, with their targets.

    Args:
        data: the series (S, ...), with time first.
        targets: what belongs to the window that starts at each step; None for windows alone. With
            `data[:-T]` and `targets = data[T:]` it is the step that follows a window.
        sequence_length: steps of a window, T.
        sequence_stride: steps from the start of a window to the start of the next.
        sampling_rate: steps from one entry of a window to the next.
        batch_size: windows in a batch; None for a batch of all of them (in Keras: for no batches).
        shuffle: take the windows in a random order, which stays the same.
        seed: makes that order reproducible; by default it follows from `lstm.set_seed`.
        start_index: first step of the series to use.
        end_index: the step after the last to use; all by default.

    Returns:
        Batches with `len` and an index: x, or (x, y), arrays which also have `numpy()`. `take(n)`
        and `skip(n)` return the first n of them, and the others.

    Raises:
        InvalidValueError: an argument is out of range, or there is no window.
        InvalidShapeError: `data` or `targets` is no series.

    Example:
        >>> import numpy as np
        >>> series = np.arange(6)
        >>> batches = timeseries_dataset_from_array(series[:-3], series[3:], 3, batch_size=2)
        >>> [y.tolist() for x, y in batches.take(1)]
        [[3]]
    """
    series = as_series("data", data)
    length = checks.positive_int("sequence_length", sequence_length)
    stride = checks.positive_int("sequence_stride", sequence_stride)
    apart = checks.positive_int("sampling_rate", sampling_rate)
    begin = checks.int_at_least("start_index", start_index or 0, 0)
    end = len(series) if end_index is None else checks.positive_int("end_index", end_index)
    if end > len(series):
        raise InvalidValueError("end_index", f"at most {len(series)}, the steps of data", end)
    last = end - (length - 1) * apart
    if last <= begin:
        expected = f"more than {(length - 1) * apart} steps, for a window"
        raise InvalidValueError("data", expected, f"{end - begin} steps")
    goals = None if targets is None else as_series("targets", targets)
    if goals is not None:
        last = min(last, len(goals))
        if last <= begin:
            expected = f"more than {begin} entries, for the window that starts at step {begin}"
            raise InvalidValueError("targets", expected, len(goals))
    starts = np.arange(begin, last, stride)
    if checks.boolean("shuffle", shuffle):
        rng = seeding.generator()
        if seed is not None:
            rng = np.random.default_rng(checks.int_at_least("seed", seed, 0))
        rng.shuffle(starts)
    size = len(starts) if batch_size is None else checks.positive_int("batch_size", batch_size)
    steps = apart * np.arange(length)

    def target(rows: Rows) -> NDArray[Any]:
        assert goals is not None
        return Tensor.of(goals[rows])

    return WindowBatches(
        [starts[at : at + size] for at in range(0, len(starts), size)],
        lambda rows: Tensor.of(series[rows[:, None] + steps]),
        None if goals is None else target,
    )


class TimeseriesGenerator(Interface):
    """Batches of the windows before each step of a series, as in Keras 2.

    Args:
        data: the series (S, ...), with time first.
        targets: (S, ...): what belongs to the step after a window.
        length: steps before that step, from which the windows are taken.
        sampling_rate: steps from one entry of a window to the next.
        stride: steps from one window to the next.
        start_index, end_index: the first and the last step to use.
        shuffle: take windows at random, drawn with replacement at each access.
        reverse: windows run backwards in time.
        batch_size: windows in a batch.

    Raises:
        InvalidValueError: an argument is out of range, or there is no window.
        InvalidShapeError: `data` and `targets` are no series of the same length.

    Example:
        >>> batches = TimeseriesGenerator([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], length=3)
        >>> x, y = batches[0]
        >>> x.tolist(), y.tolist()
        ([[1, 2, 3], [2, 3, 4]], [4, 5])
    """

    def __init__(
        self,
        data: ArrayLike,
        targets: ArrayLike,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
    ) -> None:
        self.data, self.targets = as_series("data", data), as_series("targets", targets)
        checks.shape("targets", self.targets.shape[:1], self.data.shape[:1])
        self.length = checks.positive_int("length", length)
        self.sampling_rate = checks.positive_int("sampling_rate", sampling_rate)
        self.stride = checks.positive_int("stride", stride)
        self.start_index = checks.int_at_least("start_index", start_index, 0) + self.length
        last = len(self.data) - 1
        self.end_index = last if end_index is None else checks.integer("end_index", end_index)
        self.shuffle = checks.boolean("shuffle", shuffle)
        self.reverse = checks.boolean("reverse", reverse)
        self.batch_size = checks.positive_int("batch_size", batch_size)
        if not self.start_index <= self.end_index <= last:
            expected = f"a step from start_index + length = {self.start_index} to {last}"
            raise InvalidValueError("end_index", expected, self.end_index)

    def __len__(self) -> int:
        steps = self.end_index - self.start_index + 1
        return -(-steps // (self.batch_size * self.stride))

    def __getitem__(self, index: int) -> tuple[NDArray[Any], NDArray[Any]]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        if self.shuffle:
            rng = seeding.generator()
            rows = rng.integers(self.start_index, self.end_index + 1, size=self.batch_size)
        else:
            begin = self.start_index + self.batch_size * self.stride * index
            end = min(begin + self.batch_size * self.stride, self.end_index + 1)
            rows = np.arange(begin, end, self.stride)
        steps = np.arange(-self.length, 0, self.sampling_rate)
        x = self.data[rows[:, None] + (steps[::-1] if self.reverse else steps)]
        return x, self.targets[rows]

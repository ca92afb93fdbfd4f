"""What a contender gets and returns. It needs only NumPy, in any environment."""

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

PREDICTIONS = 20
"""How often a prediction of one series is timed."""


class Answer(NamedTuple):
    """What a contender returns.

    Attributes:
        found: forecasts (N, h) of ends, (N, windows, h) of windows; labels (N).
        fit: seconds to learn, from tables or arrays.
        predict: seconds for all forecasts.
        one: seconds for the forecast of one series, with what has been learned.
    """

    found: NDArray[Any]
    fit: float
    predict: float
    one: float


class Work:
    """The work.

    Args:
        settings: "kind", "h", "seasons", "seed", "threads" and "arguments", among others.
        arrays: by name.
    """

    def __init__(self, settings: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        self.settings, self.arrays = settings, arrays
        self.kind: str = settings["kind"]
        self.arguments: dict[str, Any] = settings["arguments"]
        self.seed: int = settings["seed"]
        self.threads: int = settings["threads"]
        self.h: int = settings.get("h", 0)
        self.seasons: tuple[int, ...] = tuple(settings.get("seasons", ()))

    def sequences(self, name: str = "values", lengths: str = "lengths") -> list[NDArray[Any]]:
        """Return arrays that lie one behind the other."""
        return np.split(self.arrays[name], np.cumsum(self.arrays[lengths])[:-1])

    def windows(self, size: int) -> Values:
        """Return the steps before each cutoff, (N, windows, size)."""
        cutoffs = self.arrays["cutoffs"]
        return windows(self.arrays["values"], cutoffs - size, size)


def windows(values: Values, begins: NDArray[np.int64], size: int) -> Values:
    """Return `size` steps of values (N, T) from each of some steps on, (N, windows, size)."""
    return np.lib.stride_tricks.sliding_window_view(values, size, axis=1)[:, begins]


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """Return what a function returns, and the seconds that it takes."""
    begin = time.perf_counter()
    found = function()
    return found, time.perf_counter() - begin


def seconds_of(function: Callable[[], Any], times: int = PREDICTIONS) -> float:
    """Return the median of the seconds that a function takes, after a first call."""
    function()
    return statistics.median(timed(function)[1] for _ in range(times))


def run(contender: Callable[[Work], Answer]) -> None:
    """Read the work that the command line names, do it, and write the answer."""
    settings, source, target = sys.argv[1:]
    with np.load(source) as file:
        work = Work(json.loads(settings), dict(file))
    np.savez(target, **contender(work)._asdict())

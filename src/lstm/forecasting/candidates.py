"""Candidates: the simple forecasts of a window that the network mixes and corrects."""

import numpy as np
from numpy.typing import NDArray

from lstm.forecasting.baselines import drift, naive, seasonal_naive
from lstm.forecasting.design import Design
from lstm.forecasting.panel import Values
from lstm.forecasting.scale import Known


def candidates(design: Design, x: Values, known: Known) -> NDArray[np.float32]:
    """Return simple forecasts (N, candidates, h) of windows, on the scale of the network.

    They are, for each season, the last one and the mean of the last two; the last value; the line
    through the first and the last value.

    Args:
        design: of the network.
        x: the windows, (N, T).
        known: which values are known; an unknown window has a mean of 0.
    """
    found = _of_whole(design, x)
    if known is not None:
        # What takes missing values into account takes many times as long.
        some = np.flatnonzero(~known.all(1))
        found[some] = _with_gaps(design, x[some], known[some])
    return found


def _of_whole(design: Design, x: Values) -> NDArray[np.float32]:
    """Return them for windows in which nothing is missing; NaN for others."""
    found, place = np.empty((len(x), design.candidates, design.h), np.float32), 0
    T = x.shape[1]
    for m in design.seasons:
        if m > T:
            continue
        steps = design.of_season[m]
        last = x[:, steps + (T - m)]
        found[:, place] = last
        place += 1
        if 2 * m <= T:
            found[:, place] = (last + x[:, steps + (T - 2 * m)]) / 2
            place += 1
    end = x[:, -1:]
    found[:, place] = end
    found[:, place + 1] = end + (end - x[:, :1]) / max(T - 1, 1) * design.ahead
    return found


def _with_gaps(design: Design, x: Values, known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return them for windows of which some values are known, or none."""
    T = x.shape[1]
    found: list[Values] = []

    def filled(end: int) -> Values:
        """Return the windows up to a step, with the mean where nothing is known before it."""
        return np.where(known[:, :end].any(1, keepdims=True), x[:, :end], 0)

    for m in design.seasons:
        if m > T:
            continue
        last = seasonal_naive(filled(T), design.h, m)
        found.append(last)
        if 2 * m <= T:
            found.append((last + seasonal_naive(filled(T - m), design.h, m)) / 2)
    found += [naive(filled(T), design.h), drift(filled(T), design.h)]
    return np.stack(found, axis=1).astype(np.float32)

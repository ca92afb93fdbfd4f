"""Forecasters and series for tests: small, so that they learn in a blink."""

from typing import Any

import numpy as np
import pandas as pd

from lstm.forecasting import LSTMForecaster

LENGTHS = (70, 60, 44)


def small(h: int = 6, **options: Any) -> LSTMForecaster:
    given = {"units": 8, "max_steps": 12, "batch_size": 16, "random_state": 0}
    return LSTMForecaster(h, **{"season_length": 4, **given, **options})


def table(kind: Any = pd.DataFrame, lengths: tuple[int, ...] = LENGTHS, **columns: Any) -> Any:
    """Return series with a season of 4 steps, and the other columns."""
    ids = [name for name, T in zip("abc", lengths, strict=False) for _ in range(T)]
    ds = np.concatenate([np.arange(T) for T in lengths])
    rng = np.random.default_rng(1)
    y = 20 + 5 * np.sin(np.pi / 2 * ds) + 0.1 * ds + rng.normal(size=len(ds)) / 2
    return kind({"unique_id": ids, "ds": ds, "y": y, **columns})


def values_of(found: Any) -> np.ndarray:
    return found["LSTM"].to_numpy()

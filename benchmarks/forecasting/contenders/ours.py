"""LSTMForecaster."""

from datetime import datetime
from functools import partial
from typing import Any

import numpy as np

from contenders.work import Answer, Work, run, seconds_of, timed, windows
from lstm.forecasting import LSTMForecaster, Table, network

CONTEXT = 3 * 7 * 24
"""Hours before each forecast of a long series: more than the defaults read."""

CHUNK = 100
"""Cutoffs that are forecast in one call."""


def forecast(work: Work) -> Answer:
    arguments = dict(work.arguments)
    if not arguments.pop("recurrent", True):
        without_recurrence()
    model = partial(LSTMForecaster, work.h, random_state=work.seed, **arguments)
    return (
        ends(work, model(season_length=work.seasons))
        if work.kind == "ends"
        else every_hour(work, model())
    )


def ends(work: Work, model: LSTMForecaster) -> Answer:
    """Series that end, without dates."""
    series = work.sequences()
    ids = np.repeat(np.arange(len(series)), [len(y) for y in series])
    steps = np.concatenate([np.arange(len(y)) for y in series])
    table = Table({"unique_id": ids, "ds": steps, "y": work.arrays["values"]})
    _, fit = timed(lambda: model.fit(table))
    found, predict = timed(model.predict)
    T = len(series[0])
    first = Table({"unique_id": ids[:T], "ds": steps[:T], "y": series[0]})
    one = seconds_of(lambda: model.predict(first))
    return Answer(found["LSTM"].reshape(len(series), work.h), fit, predict, one)


def every_hour(work: Work, model: LSTMForecaster) -> Answer:
    """Long series with dates. The network with the least error on what is held out is kept."""
    begin, end = work.arrays["held_out"].tolist()
    columns = {"y": work.arrays["values"]}
    columns |= {name: work.arrays[f"covariate {name}"] for name in model.past}
    start = np.datetime64(datetime.fromisoformat(work.settings["start"]), "h")
    N = len(columns["y"])

    def table(cutoffs: np.ndarray, size: int) -> Table:
        """The `size` hours before each cutoff of each series, as series of their own."""
        parts = {name: windows(column, cutoffs - size, size) for name, column in columns.items()}
        hours = np.broadcast_to(cutoffs[:, None] + np.arange(-size, 0), (N, len(cutoffs), size))
        ids = np.repeat(np.arange(N * len(cutoffs)), size)
        flat = {name: part.reshape(-1) for name, part in parts.items()}
        return Table({"unique_id": ids, "ds": start + hours.reshape(-1), **flat})

    known = table(np.array([end]), end)
    _, fit = timed(lambda: model.fit(known, val_size=end - begin))
    cutoffs = work.arrays["cutoffs"]

    def all_windows() -> np.ndarray:
        parts = []
        for k in range(0, len(cutoffs), CHUNK):
            found = model.predict(table(cutoffs[k : k + CHUNK], CONTEXT))["LSTM"]
            parts.append(found.reshape(N, -1, work.h))
        return np.concatenate(parts, axis=1)

    found, predict = timed(all_windows)
    latest = table(cutoffs[:1], CONTEXT)
    one = Table({name: latest[name][:CONTEXT] for name in latest.columns})
    return Answer(found, fit, predict, seconds_of(lambda: model.predict(one)))


def without_recurrence() -> None:
    """Leave the LSTM out of networks: instead of its state they get the last value once more.

    The dense layers read the last values in any case, and do all else as before.
    """

    def last(units: int, return_sequences: bool) -> Any:
        return lambda window: window[:, -1, -1:]

    network.CELLS["lstm"] = last


if __name__ == "__main__":
    run(forecast)

"""Statistical models of StatsForecast, one for each series."""

import numpy as np
import pandas as pd
from statsforecast import StatsForecast, models

from contenders.work import Answer, Work, run, seconds_of, timed


def forecast(work: Work) -> Answer:
    series = work.sequences()
    kind = getattr(models, work.arguments["model"])

    def fresh() -> object:
        return kind(season_length=work.seasons[0])

    fresh().forecast(series[0], work.h)  # Compiles what has to be compiled.
    ids = np.repeat(np.arange(len(series)), [len(y) for y in series])
    steps = np.concatenate([np.arange(len(y)) for y in series])
    table = pd.DataFrame({"unique_id": ids, "ds": steps, "y": work.arrays["values"]})
    engine = StatsForecast([fresh()], freq=1, n_jobs=work.threads)
    _, fit = timed(lambda: engine.fit(table))
    found, predict = timed(lambda: engine.predict(work.h))
    found = found.sort_values(["unique_id", "ds"])[work.arguments["model"]].to_numpy()
    one = seconds_of(lambda: fresh().forecast(series[0], work.h), 3)
    return Answer(found.reshape(len(series), work.h), fit, predict, one)


if __name__ == "__main__":
    run(forecast)

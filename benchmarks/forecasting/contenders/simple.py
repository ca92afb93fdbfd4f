"""Forecasts without a model."""

import numpy as np

from contenders.work import Answer, Values, Work, run, seconds_of, timed
from lstm.forecasting.baselines import BASELINES

CONTEXT = 2 * 168
"""Hours before each forecast of a long series."""


def forecast(work: Work) -> Answer:
    baseline = BASELINES[work.arguments["baseline"]]

    def continued(y: Values) -> Values:
        return baseline(y, work.h, work.seasons[0])

    if work.kind == "ends":
        series = work.sequences()
        found, predict = timed(lambda: np.stack([continued(y) for y in series]))
        return Answer(found, 0, predict, seconds_of(lambda: continued(series[0])))
    before = work.windows(CONTEXT)
    found, predict = timed(lambda: continued(before))
    return Answer(found, 0, predict, seconds_of(lambda: continued(before[0, 0])))


if __name__ == "__main__":
    run(forecast)

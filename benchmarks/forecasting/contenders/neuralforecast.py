"""The LSTM of NeuralForecast: two layers of 128 units, its own defaults otherwise."""

import logging
import os
import warnings

import numpy as np
import pandas as pd
import torch
from neuralforecast import NeuralForecast
from neuralforecast.models import LSTM

from contenders.work import Answer, Work, run, seconds_of, timed

QUIET = {"logger": False, "enable_progress_bar": False, "enable_checkpointing": False}


def forecast(work: Work) -> Answer:
    os.environ["NIXTLA_ID_AS_COL"] = "1"
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(work.threads)
    series = work.sequences()
    model = LSTM(
        h=work.h,
        input_size=max(work.seasons[-1], 2 * work.seasons[0]),
        encoder_n_layers=2,
        encoder_hidden_size=128,
        max_steps=work.arguments["max_steps"],
        random_seed=work.seed,
        start_padding_enabled=True,
        accelerator="cpu",
        enable_model_summary=False,
        **QUIET,
    )
    ids = np.repeat(np.arange(len(series)), [len(y) for y in series])
    steps = np.concatenate([np.arange(len(y)) for y in series])
    table = pd.DataFrame({"unique_id": ids, "ds": steps, "y": work.arrays["values"]})
    engine = NeuralForecast([model], freq=1)
    _, fit = timed(lambda: engine.fit(table))
    found, predict = timed(lambda: engine.predict())
    found = found.sort_values(["unique_id", "ds"])["LSTM"].to_numpy().astype(np.float64)
    first = table[: len(series[0])]
    one = seconds_of(lambda: engine.predict(first))
    return Answer(found.reshape(len(series), work.h), fit, predict, one)


if __name__ == "__main__":
    run(forecast)

"""The BlockRNNModel of Darts: an LSTM of two layers of 128 units, its own defaults otherwise.

Each series is scaled by what is known of it, as Darts' guide does.
"""

import logging
import warnings

import numpy as np
import torch
from darts import TimeSeries
from darts.dataprocessing.transformers import Scaler
from darts.models import BlockRNNModel

from contenders.work import Answer, Work, run, seconds_of, timed

QUIET = {
    "accelerator": "cpu",
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
}


def forecast(work: Work) -> Answer:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(work.threads)
    series = [TimeSeries.from_values(y.astype(np.float32)) for y in work.sequences()]
    model = BlockRNNModel(
        input_chunk_length=max(work.seasons[-1], 2 * work.seasons[0]),
        output_chunk_length=work.h,
        model="LSTM",
        hidden_dim=128,
        n_rnn_layers=2,
        batch_size=work.arguments["batch_size"],
        use_reversible_instance_norm=True,
        n_epochs=10**6,
        random_state=work.seed,
        pl_trainer_kwargs={"max_steps": work.arguments["max_steps"], **QUIET},
    )
    scaler = Scaler()
    _, fit = timed(lambda: model.fit(scaler.fit_transform(series)))

    def continued(known: list[TimeSeries]) -> list[TimeSeries]:
        return model.predict(work.h, scaler.transform(known), verbose=False)

    found, predict = timed(lambda: scaler.inverse_transform(continued(series)))
    values = np.stack([part.values()[:, 0] for part in found]).astype(np.float64)
    # A scaler of many series knows the first by its place.
    return Answer(values, fit, predict, seconds_of(lambda: continued(series[:1])))


if __name__ == "__main__":
    run(forecast)

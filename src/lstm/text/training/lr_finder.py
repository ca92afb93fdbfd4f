"""The learning-rate finder: how the loss reacts to learning rates from tiny to huge."""

import math
from dataclasses import dataclass
from itertools import chain, islice, repeat

import numpy as np

from lstm.errors import DivergedError
from lstm.models.quantization import refuse_training
from lstm.text.corpus.corpus import Corpus
from lstm.text.token_model import TokenModel
from lstm.text.training.options import TrainingOptions

_LOWEST, _HIGHEST, _STEPS = 1e-5, 1.0, 120
_MEMORY = 0.9
"""Smoothing of the loss from step to step."""


@dataclass(frozen=True)
class LearningRates:
    """The effect of each learning rate on a model.

    Attributes:
        rates: the learning rates tried, rising.
        losses: the smoothed loss after a step with each, in nats per token.
        suggestion: a tenth of the rate with the lowest loss: above it, steps soon get too large.
    """

    rates: list[float]
    losses: list[float]
    suggestion: float


def find_lr(language_model: TokenModel, corpus: Corpus, options: TrainingOptions) -> LearningRates:
    """Take steps with learning rates that rise from 1e-5 to 1, until the loss explodes.

    The weights stay unchanged; the optimizer is a new one.

    Args:
        language_model: the model.
        corpus: the tokens; only the training part is read.
        options: the options of the training run; the learning rate does not matter.

    Raises:
        InvalidShapeError: the text is too short.
        DivergedError: the loss is not a finite number before the first step.

    Source:
        Smith, "Cyclical learning rates for training neural networks", 2017.
    """
    model = language_model.model
    refuse_training(model.graph)
    weights, random_state = model.get_weights(), model.random_state
    training, _, _ = corpus.split(options.val_fraction, options.test_fraction, options.seq_len)
    streams = options.streams(len(training))
    passes = (training.chunks(streams, options.seq_len) for _ in repeat(None))
    model.compile(options.optimizer(), language_model.loss)
    rates: list[float] = []
    losses: list[float] = []
    mean = 0.0
    try:
        for k, (x, y) in enumerate(islice(chain.from_iterable(passes), _STEPS)):
            rate = _LOWEST * (_HIGHEST / _LOWEST) ** (k / (_STEPS - 1))
            model.optimizer.learning_rate = rate
            loss = model.train_on_batch(x, y, carry_state=True)
            mean = _MEMORY * mean + (1 - _MEMORY) * loss
            smooth = mean / (1 - _MEMORY ** (k + 1))
            if not math.isfinite(loss) or (losses and smooth > 2 * min(losses)):
                break
            rates.append(rate)
            losses.append(smooth)
    finally:
        model.reset_states()
        model.set_weights(weights)
        model.random_state = random_state
    if not losses:
        raise DivergedError("the loss is not a finite number before the first step")
    return LearningRates(rates, losses, rates[int(np.argmin(losses))] / 10)

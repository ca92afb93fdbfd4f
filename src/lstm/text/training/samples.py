"""Samples: texts that a model writes now and then during training."""

import time
from collections.abc import Callable

from lstm.callbacks import Callback, Logs
from lstm.text.training.training import Training
from lstm.text.writing.writing_model import WritingModel

# Seconds between two samples; in a long run, a share of its time so far.
_EVERY, _SHARE = 10.0, 0.25


class Samples(Callback):
    """Lets a model in training write a few lines at growing intervals.

    Args:
        language_model: the model.
        training: its training run.
        show: called with each text.
        prompt: the beginning of the texts.
    """

    def __init__(
        self,
        language_model: WritingModel,
        training: Training,
        show: Callable[[str], None],
        prompt: str = "",
    ) -> None:
        self._language_model = language_model
        self._training = training
        self._show = show
        self._prompt = prompt
        self._written = 0

    def on_train_begin(self, logs: Logs) -> None:
        self._last = self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        now = time.perf_counter()
        if now - self._last < max(_EVERY, _SHARE * (now - self._started)):
            return
        self._last = now
        self._written += 1
        self._show(sample(self._language_model, self._prompt, self._written))


def sample(language_model: WritingModel, prompt: str = "", seed: int = 0) -> str:
    """Return a few lines that a model writes."""
    return language_model.generate(prompt, 160, temperature=0.7, seed=seed).strip("\n")

"""The pace of a training that is bounded by steps, by time or by both."""

import time

from lstm import schedules
from lstm.callbacks import Callback, Logs


class Pace(Callback):
    """Sets the learning rate by how far the training has come, and ends it when time is up.

    Args:
        lr: peak of the learning rate.
        steps: number of steps of the whole training.
        minutes: time after which to stop; None for no limit.
    """

    def __init__(self, lr: float, steps: int, minutes: float | None) -> None:
        self._lr = lr
        self._total = steps
        self._seconds = None if minutes is None else 60 * minutes
        self._step = 0
        self._started = time.perf_counter()

    @property
    def progress(self) -> float:
        """How much of the training is done, in [0, 1]."""
        done = self._step / self._total
        if self._seconds is not None:
            done = max(done, (time.perf_counter() - self._started) / self._seconds)
        return min(1.0, done)

    def on_train_begin(self, logs: Logs) -> None:
        self._started = time.perf_counter()

    def on_train_batch_begin(self, batch: int, logs: Logs) -> None:
        share = schedules.cosine(self.progress, warmup=0.02, floor=0.02)
        self.model.optimizer.learning_rate = self._lr * share

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        self._step += 1
        if self.progress >= 1:
            self.model.stop_training = True

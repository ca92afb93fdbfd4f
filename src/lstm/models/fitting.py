"""The loops of `fit` and `evaluate`: epochs, validation, callbacks."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from lstm.callbacks import Callback, History, Logs
from lstm.models.batches import ArrayBatches, Batches
from lstm.models.training import Carried, Trainer


@dataclass
class Plan:
    """What one call of `fit` will do.

    Attributes:
        batches: the training data.
        carried: the states that go from batch to batch.
        initial_epoch, epochs: the range of epochs.
        validation: the batches to validate on, with fresh states; None for no validation.
        callbacks: whom to tell.
    """

    batches: Batches
    carried: Carried
    initial_epoch: int
    epochs: int
    validation: Batches | None
    callbacks: Sequence[Callback]

    @property
    def history(self) -> History:
        """The record that `fit` returns."""
        return next(c for c in self.callbacks if isinstance(c, History))


class Mean:
    """The mean loss of an epoch, weighted by the number of positions, and its metrics."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._total = self._count = 0.0
        for metric in trainer.metrics:
            metric.reset()

    def add(self, loss: float, count: float) -> None:
        """Add one batch."""
        self._total += loss * count
        self._count += count

    def logs(self) -> Logs:
        """The means so far."""
        logs = {"loss": self._total / max(self._count, 1e-300)}
        return logs | {metric.name: metric.result() for metric in self._trainer.metrics}


def evaluate(trainer: Trainer, batches: Batches, carried: Carried) -> Logs:
    """The mean loss and metrics over all batches."""
    mean = Mean(trainer)
    for batch in batches:
        result = trainer.test(batch, carried)
        mean.add(result.loss, result.count)
    return mean.logs()


def fit(trainer: Trainer, plan: Plan, stopped: Callable[[], bool]) -> None:
    """Train, telling the callbacks.

    Args:
        trainer: takes the steps.
        plan: what to do.
        stopped: whether somebody wants training to end.
    """
    begun: list[Callback] = []
    try:
        for callback in plan.callbacks:
            callback.on_train_begin({})
            begun.append(callback)
        for epoch in range(plan.initial_epoch, plan.epochs):
            _epoch(trainer, plan, epoch, stopped)
            if stopped():
                break
    finally:
        # Also after Ctrl-C: files are closed and the terminal is put in order.
        with ExitStack() as ends:
            for callback in reversed(begun):
                ends.callback(callback.on_train_end, {})


def _epoch(trainer: Trainer, plan: Plan, epoch: int, stopped: Callable[[], bool]) -> None:
    for callback in plan.callbacks:
        callback.on_epoch_begin(epoch, {})
    if isinstance(plan.batches, ArrayBatches):
        plan.carried.states.clear()
    mean, logs = Mean(trainer), {}
    for step, batch in enumerate(plan.batches):
        for callback in plan.callbacks:
            callback.on_train_batch_begin(step, {})
        result = trainer.train(batch, plan.carried)
        mean.add(result.loss, result.count)
        logs = mean.logs()
        for callback in plan.callbacks:
            callback.on_train_batch_end(step, logs)
        if stopped():
            break
    if plan.validation is not None:
        for key, value in evaluate(trainer, plan.validation, Carried(plan.carried.nodes)).items():
            logs[f"val_{key}"] = value
    for callback in plan.callbacks:
        callback.on_epoch_end(epoch, logs)

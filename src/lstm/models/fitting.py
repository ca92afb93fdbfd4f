"""The loops of `fit`, `evaluate` and `predict`: epochs, batches, callbacks."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from lstm.callbacks import CallbackList, Logs
from lstm.errors import InvalidValueError
from lstm.models.batches import ArrayBatches
from lstm.models.goals import ClassWeights
from lstm.models.reading import Batches
from lstm.models.streams import StreamBatches
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
        class_weights: what the examples of each class count.
    """

    batches: Batches
    carried: Carried
    initial_epoch: int
    epochs: int
    validation: Batches | None
    callbacks: CallbackList
    class_weights: ClassWeights | None = None


class Mean:
    """The mean loss of an epoch, weighted by the number of positions, and its metrics."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._total = self._count = 0.0
        for metric in trainer.metrics.values():
            metric.reset()

    def add(self, loss: float, count: float) -> None:
        """Add one batch."""
        self._total += loss * count
        self._count += count

    def logs(self) -> Logs:
        """The means so far."""
        logs = {"loss": self._total / max(self._count, 1e-300)}
        return logs | {name: metric.result() for name, metric in self._trainer.metrics.items()}


def evaluate(trainer: Trainer, batches: Batches, carried: Carried, callbacks: CallbackList) -> Logs:
    """The mean loss and metrics over all batches.

    Raises:
        InvalidValueError: there are none.
    """
    mean, steps = Mean(trainer), 0
    callbacks.tell("on_test_begin", {})
    for batch in batches:
        callbacks.tell("on_test_batch_begin", steps, {})
        result = trainer.test(batch, carried)
        mean.add(result.loss, result.count)
        if callbacks.listen("on_test_batch_end"):
            callbacks.tell("on_test_batch_end", steps, mean.logs())
        steps += 1
    _check_some(steps)
    logs = mean.logs()
    callbacks.tell("on_test_end", logs)
    return logs


def fit(trainer: Trainer, plan: Plan, stopped: Callable[[], bool]) -> str:
    """Train, telling the callbacks.

    Args:
        trainer: takes the steps.
        plan: what to do.
        stopped: whether somebody wants training to end.

    Returns:
        Why it stopped before the end though nobody wanted that; otherwise an empty text.

    Raises:
        InvalidValueError: there is nothing to train on.
    """
    with plan.callbacks.training():
        for epoch in range(plan.initial_epoch, plan.epochs):
            if isinstance(plan.batches, StreamBatches) and not plan.batches.more():
                _check_some(epoch - plan.initial_epoch)
                return _ran_out(epoch)
            why = _epoch(trainer, plan, epoch, stopped)
            if stopped():
                return ""
            if why:
                return why
    return ""


def _epoch(trainer: Trainer, plan: Plan, epoch: int, stopped: Callable[[], bool]) -> str:
    """An epoch; returns why no other can follow, if none can."""
    callbacks, diverged = plan.callbacks, False
    callbacks.tell("on_epoch_begin", epoch, {})
    if isinstance(plan.batches, ArrayBatches) and plan.carried.anew:
        plan.carried.states.clear()
    mean, step = Mean(trainer), 0
    for step, batch in enumerate(plan.batches, 1):
        callbacks.tell("on_train_batch_begin", step - 1, {})
        result = trainer.train(batch, plan.carried, plan.class_weights)
        mean.add(result.loss, result.count)
        if callbacks.listen("on_train_batch_end"):
            callbacks.tell("on_train_batch_end", step - 1, mean.logs())
        diverged = not math.isfinite(result.loss)
        if diverged or stopped():
            break
    logs = mean.logs()
    if plan.validation is not None:
        found = evaluate(trainer, plan.validation, Carried(plan.carried.nodes), callbacks)
        logs |= {f"val_{key}": value for key, value in found.items()}
    callbacks.tell("on_epoch_end", epoch, logs)
    callbacks.last_logs = logs
    if diverged:
        first = step == 1 and epoch == plan.initial_epoch and trainer.optimizer.step == 0
        if first and not result.refused:
            return (
                "the loss of the first batch is no finite number, before any step: training stops. "
                "Look at what the layers, with these weights, and the loss make of the data"
            )
        return (
            f"the loss is no longer a finite number in epoch {epoch + 1}, batch {step}: training "
            "stops with the weights from before that batch. Lower the learning rate, which is "
            f"{trainer.optimizer.learning_rate:g}, or set clipnorm"
        )
    return _ran_out(epoch) if step < (plan.batches.steps or 0) else ""


def _check_some(steps: int) -> None:
    if not steps:
        raise InvalidValueError("x", "at least one batch", "none")


def _ran_out(epoch: int) -> str:
    return (
        f"x has no more batches in epoch {epoch + 1}: training stops. Give something that can be "
        "gone over again, or steps_per_epoch and fewer epochs"
    )

"""Fitting: the loops of `fit` and `evaluate` over a model's batches."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from lstm import checks
from lstm.callbacks import BackupAndRestore, CallbackList, Contents, Logs, Tensors
from lstm.container import under
from lstm.errors import InvalidValueError
from lstm.models.batches import ArrayBatches, Batch
from lstm.models.copying import Copied
from lstm.models.data_adapter import Batches
from lstm.models.goals import ClassWeights
from lstm.models.loop import Limits, Loop, Mean
from lstm.models.state import State
from lstm.models.training import Carried, Result, Trainer

_SECONDS, _BYTES = 0.05, 1 << 22
"""How long steps in one call may take, which Ctrl-C waits for, and what they may read."""


class Fitting(Loop):
    """One call of `fit`.

    Args:
        model: the model to train.
        trainer: takes the steps.
        batches: the training data.
        carried: the states carried from batch to batch.
        validation: the batches to validate on, with fresh states; None for no validation.
        class_weights: weights of the examples of each class.
        epochs: the first epoch, and the one after the last.
    """

    validated: Callable[[int], bool] = staticmethod(lambda epoch: True)
    """Whether to validate after an epoch, counted from 0."""

    def __init__(
        self,
        model: Copied,
        trainer: Trainer,
        batches: Batches,
        carried: Carried,
        validation: Batches | None,
        class_weights: ClassWeights | None,
        epochs: tuple[int, int],
    ) -> None:
        first, last = epochs
        super().__init__(model, Limits(rounds=last), metrics=trainer.metrics, first=first)
        self.steps_of_round = batches.steps
        self._model = model
        self._trainer = trainer
        self._batches = batches
        self._carried = carried
        self._validation = validation
        self._class_weights = class_weights
        self._most = 1  # Steps to take in one call,
        self._size = 0  # with so many examples each.

    def batches(self) -> Iterator[Batch]:
        together = self.steps_per_execution
        single = (self.callbacks.every_batch and together == 1) or self.keeper is not None
        if single or self._carried.nodes or not isinstance(self._batches, ArrayBatches):
            return iter(self._batches)

        def most() -> int:
            rest = together - self.mean.steps % together
            return self._most if together == 1 else min(self._most, rest)

        return self._batches.joined(most)

    def more(self) -> bool:
        return self._batches.more()

    def take(self, batch: Any) -> Result:
        started = time.perf_counter()
        result = self._trainer.train(batch, self._carried, self._class_weights)
        seconds = max(time.perf_counter() - started, 1e-9) / len(result.losses)
        if batch.size >= self._size:  # The last of a pass may be smaller.
            size = sum(x.nbytes for x in batch.x) // batch.steps
            self._most = min(int(_SECONDS / seconds), _BYTES // max(1, size))
            self._size = batch.size
        return result

    def validate(self) -> Logs:
        if self._validation is None or not self.validated(self.round):
            return {}
        fresh = Carried(self._carried.nodes)
        found = evaluate(self._trainer, self._validation, fresh, self.callbacks)
        return {f"val_{key}": value for key, value in found.items()}

    def run_rounds(self) -> None:
        super().run_rounds()
        if self.step:
            self._trainer.finish()

    def diverged(self, result: Result) -> str:
        optimizer = self._trainer.optimizer
        if self.step == optimizer.step == 0 and not result.refused:
            return (
                "the loss of the first batch is not a finite number: training stops before a step. "
                "Check what the layers, with these weights, and the loss compute from the data"
            )
        batch = self.mean.steps + len(result.losses)
        return (
            f"the loss is no longer a finite number in epoch {self.round + 1}, batch {batch}: "
            "training stops with the weights from before that batch. Lower the learning rate, "
            f"which is {optimizer.learning_rate:g}, or set global_clipnorm"
        )

    def ran_out(self) -> str:
        _check_some(self.step)
        return (
            f"x has no more batches in epoch {self.round + 1}: training stops. Use data that can "
            "be read again, or set steps_per_epoch and fewer epochs"
        )

    def train_with_backup(
        self, callbacks: CallbackList, backup: BackupAndRestore, identity: Mapping[str, Any]
    ) -> None:
        """Like `train`, but continue from a backup of the same training run, if there is one.

        Raises:
            InvalidValueError: the backup has more epochs than this training run is to have.
        """
        self.keeper = backup
        with backup.keeping(self, identity) as saved:
            if saved is not None:
                self._check_not_shorter(saved[1], backup)
            self.train(callbacks, saved)

    def _check_not_shorter(self, header: Mapping[str, Any], backup: BackupAndRestore) -> None:
        """Refuse fewer epochs than a backup has begun, which would be lost."""
        begun, last = header["round"] + bool(header["steps"]), self.limits.rounds
        if last is not None and last < begun:
            expected = f"at least {begun}, which the backup in {backup.backup_dir} has begun"
            raise InvalidValueError(
                "epochs", f"{expected} (remove that folder to start again)", last
            )

    # ---- saving

    def contents(self) -> Contents:
        model, optimizer = self._model, self._trainer.optimizer
        to_numpy = model.backend.ops.to_numpy
        tensors, header = super().contents()
        remembered, callbacks = self.callbacks.contents()
        parts: dict[str, Mapping[str, Any]] = {
            "metrics": tensors,
            "callbacks": remembered,
            "carried": model.carried_state.tensors(),
            "slots": {key: to_numpy(slot) for key, slot in optimizer.slots.items()},
            "weights": {key: to_numpy(w.value) for key, w in model.graph.weights.items()},
        }
        header |= callbacks | {
            "optimizer": optimizer.settings(),
            "optimizer_step": optimizer.batches,
            "position": self._batches.epochs.position,
            "random_state": model.random_state,
            "stopped": model.stop_training,
            "why": self.stop_reason,
        }
        return {f"{p}/{key}": a for p, part in parts.items() for key, a in part.items()}, header

    def restore(self, tensors: Tensors, header: Mapping[str, Any]) -> None:
        super().restore(under("metrics/", tensors), header)
        self.callbacks.restore(under("callbacks/", tensors), header)
        model, optimizer = self._model, self._trainer.optimizer
        optimizer.take_settings(header["optimizer"])
        optimizer.restore(model.backend, under("slots/", tensors), header["optimizer_step"])
        saved = under("weights/", tensors)
        for name, weight in model.graph.weights.items():
            weight.assign(saved[name])
        model.reset_states()
        if carried := under("carried/", tensors):
            model.carried_state = State.of_tensors(carried)
        self._batches.epochs.seek(header["position"])
        model.random_state = header["random_state"]
        model.stop_training, self.stop_reason = header["stopped"], header["why"]


def epochs_of(
    argument: str, frequency: object
) -> tuple[Callable[[int], bool], int | list[int] | None]:
    """Return whether an epoch, counted from 0, is chosen, and the choice as a JSON value.

    Args:
        argument: its name in errors.
        frequency: a number: every so many epochs; or the numbers of epochs, counted from 1.

    Returns:
        The function; and the number or numbers, None for every epoch.
    """
    if not isinstance(frequency, Collection) or isinstance(frequency, str):
        every = checks.positive_int(argument, frequency)
        return (lambda epoch: (epoch + 1) % every == 0), (None if every == 1 else every)
    chosen = sorted({checks.positive_int(argument, number) for number in frequency})
    return (lambda epoch: epoch + 1 in chosen), chosen


def evaluate(trainer: Trainer, batches: Batches, carried: Carried, callbacks: CallbackList) -> Logs:
    """Return the mean loss and metrics over all batches.

    Raises:
        InvalidValueError: there are no batches.
    """
    # A callback may evaluate in the middle of an epoch, whose metrics go on afterwards.
    seen = {name: metric.contents() for name, metric in trainer.metrics.items()}
    mean = Mean(trainer.metrics)
    callbacks.tell("on_test_begin", {})
    for batch in batches:
        callbacks.tell("on_test_batch_begin", mean.steps, {})
        mean.add(trainer.test(batch, carried))
        if callbacks.listen("on_test_batch_end"):
            callbacks.tell("on_test_batch_end", mean.steps - 1, mean.logs())
    _check_some(mean.steps)
    logs = mean.logs()
    for name, metric in trainer.metrics.items():
        metric.restore(seen[name])
    callbacks.tell("on_test_end", logs)
    return logs


def _check_some(steps: int) -> None:
    if not steps:
        raise InvalidValueError("x", "at least one batch", "none")

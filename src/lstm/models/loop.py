"""Loop: steps in rounds until training is over; it can stop between any two, and continue."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.callbacks import (
    CallbackList,
    Contents,
    LearningRateScheduler,
    Logs,
    ReduceLROnPlateau,
    Tensors,
    Trainable,
)
from lstm.callbacks.best import Best
from lstm.container import under
from lstm.errors import InvalidValueError
from lstm.metrics import Metric
from lstm.models.training import Result


class Keeper(Protocol):
    """Saves the state of training, after all callbacks were called."""

    def begun(self) -> None:
        """Called before the first step."""

    def step_taken(self, *, told: bool) -> None:
        """Called after each step; `told` says whether callbacks have heard of it."""

    def round_ended(self) -> None:
        """Called after each round."""


class Mean:
    """The mean loss of batches, each with its weight, and their metrics.

    Attributes:
        total: Σ weight·loss.
        weight: Σ weight.
        steps: number of batches.
    """

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        self._metrics = metrics
        self.restart()

    def restart(self) -> None:
        """Forget all batches."""
        self.total = self.weight = 0.0
        self.steps = 0
        for metric in self._metrics.values():
            metric.reset_state()

    def add(self, result: Result) -> None:
        """Add one or more batches."""
        losses = (*result.losses[:-1], result.loss)
        for loss, count in zip(losses, result.counts, strict=True):
            self.total += loss * count
            self.weight += count
        self.steps += len(result.losses)

    def logs(self) -> Logs:
        """Return the means so far."""
        logs: Logs = {"loss": self.total / max(self.weight, 1e-300)}
        for name, metric in self._metrics.items():
            logs |= reported(name, metric.result())
        return logs

    def contents(self) -> Contents:
        """Return everything that it has seen."""
        tensors = {
            f"{name}/{key}": value
            for name, metric in self._metrics.items()
            for key, value in metric.contents().items()
        }
        return tensors, {"loss": self.total, "weight": self.weight, "steps": self.steps}

    def restore(self, tensors: Tensors, header: Mapping[str, Any]) -> None:
        """Continue from the result of `contents`."""
        self.total = checks.number("loss", header["loss"])
        self.steps = checks.int_at_least("steps", header["steps"], 0)
        self.weight = checks.number("weight", header["weight"], 0)
        for name, metric in self._metrics.items():
            metric.restore(under(f"{name}/", tensors))


def reported(name: str, result: Any) -> Logs:
    """Return the result of a metric by name: a number, several, or a dict with its own names."""
    if isinstance(result, Mapping):
        return {
            key: value for part in result for key, value in reported(part, result[part]).items()
        }
    values = np.asarray(result)
    return {name: values.item() if values.size == 1 else values.tolist()}


@dataclass(frozen=True)
class Limits:
    """When training is over, whichever comes first; None for no limit.

    Attributes:
        rounds: number of the round after the last.
        steps: number of steps.
        minutes: time.
    """

    rounds: int | None = None
    steps: int | None = None
    minutes: float | None = None


class Loop(ABC):
    """Base of all training loops: rounds of steps, which callbacks see as epochs.

    Training stops between two steps: at its limits, if a callback sets `stop_training`, if
    `interrupted` is set, or after a loss that is not a finite number. `contents` is then everything
    that another loop needs to continue with the same bits.

    Args:
        model: the model to train.
        limits: when to stop.
        metrics: the metrics of the steps.
        schedule: the learning rate as a function of progress; None leaves it unchanged.
        best: finds the best round, whose weights the model gets at the end; None keeps the last.
        patience: rounds without improvement after which to stop; None for no such limit.
        first: number of the first round.

    Attributes:
        round: number of the current round, or of the next one.
        step: number of steps taken.
        seconds: duration of these steps.
        mean: the mean results of the steps of the current round.
        improved: whether the last round was the best so far.
        best_weights: the weights after the best round, if `best` is given.
        stop_reason: why no other round can follow; empty if one can.
        interrupted: set it to stop after the current step, in the middle of the round.
        between_steps: whether `contents` is complete now.
        keeper: saves the state, if given.
        callbacks: the callbacks.
    """

    def __init__(
        self,
        model: Trainable,
        limits: Limits,
        *,
        metrics: Mapping[str, Metric] | None = None,
        schedule: Callable[[float], float] | None = None,
        best: Best | None = None,
        patience: int | None = None,
        first: int = 0,
    ) -> None:
        self._trainable = model
        self.limits = limits
        self._schedule = schedule
        self._best = best
        self._patience = patience
        self.improved = False
        self.best_weights: list[NDArray[Any]] | None = None
        self.round = first
        self.step, self.seconds, self.interrupted = 0, 0.0, False
        self.mean = Mean(metrics or {})
        self.stop_reason = ""
        self.between_steps = True
        self._latest: Result | None = None
        self.keeper: Keeper | None = None
        self.callbacks = CallbackList([], model, {})

    # ---- what subclasses define

    steps_of_round: int | None = None
    """Number of steps in a round, if it is fixed."""

    steps_per_execution = 1
    """Number of steps that callbacks hear of together, after the last of them."""

    @abstractmethod
    def batches(self) -> Iterator[Any]:
        """Yield the rest of the current round, or the batches of the next one."""

    def more(self) -> bool:
        """Whether there are batches for another round."""
        return True

    @abstractmethod
    def take(self, batch: Any) -> Result:
        """Take a step, or several that nothing has to see one by one."""

    @abstractmethod
    def diverged(self, result: Result) -> str:
        """Return the message for a step whose loss is not a finite number, which ends training."""

    def step_logs(self, result: Result) -> Logs:
        """Return the logs for callbacks after a step: the means so far."""
        return self.mean.logs()

    def validate(self) -> Logs:
        """Return the results of a round, besides the means of its steps."""
        return {}

    def ran_out(self) -> str:
        """Return the message for training that runs out of batches."""
        return "there are no more batches: training stops"

    # ---- running

    @property
    def progress(self) -> float:
        """Share of training that is done, in [0, 1]."""
        rounds, steps, minutes = self.limits.rounds, self.limits.steps, self.limits.minutes
        done = 0.0
        if rounds is not None:
            done = self.round / rounds if self.round < rounds else 1.0
        if steps is not None:
            done = max(done, self.step / steps)
        if minutes is not None:
            done = max(done, self.seconds / (60 * minutes))
        return min(1.0, done)

    @property
    def steps_before_round(self) -> int:
        """Number of steps before the current round."""
        return self.step - self.mean.steps

    @property
    def over(self) -> bool:
        """Whether no other round is to follow."""
        waited = 0 if self._best is None else self._best.waited
        exhausted = self._patience is not None and waited >= self._patience
        return (
            exhausted
            or bool(self.stop_reason)
            or self._trainable.stop_training
            or self.progress >= 1
        )

    def train(self, callbacks: CallbackList, saved: Contents | None = None) -> None:
        """Train until it is over, or interrupted.

        Args:
            callbacks: the callbacks to call.
            saved: the result of `contents`, to continue from.
        """
        for kind in (LearningRateScheduler, ReduceLROnPlateau) if self._schedule else ():
            if callbacks.only(kind) is not None:
                expected = "none that set the learning rate, which follows a schedule here"
                raise InvalidValueError("callbacks", expected, kind.__name__)
        self.callbacks = callbacks
        self._trainable.stop_training = False
        self._announced = False  # Whether callbacks know that the round has started.
        try:
            with callbacks.training():
                if saved is not None:
                    self._restore_saved(*saved)
                elif self.keeper is not None:
                    self.keeper.begun()
                self._started = time.perf_counter() - self.seconds
                self.run_rounds()
        finally:
            if self.best_weights is not None:
                self._trainable.set_weights(self.best_weights)

    def _restore_saved(self, tensors: Tensors, header: Mapping[str, Any]) -> None:
        """Restore the result of `contents`, whatever callbacks do when they start."""
        if header["steps"]:
            self._announced = True
            self.callbacks.tell("on_epoch_begin", header["round"], {})
        self.restore(tensors, header)

    def run_rounds(self) -> None:
        """Run the rounds."""
        while not self.interrupted and (self.mean.steps or not self.over):
            if not self.mean.steps and not self.more():
                self.stop_reason = self.ran_out()
                break
            self._take_steps()
            if not self.interrupted:
                self._end_round()

    def _take_steps(self) -> None:
        """Take the remaining steps of a round."""
        self._announce()
        if not self.mean.steps:
            self.mean.restart()  # A callback may have evaluated the model.
        elif self._round_is_over():
            return
        for batch in self.batches():
            self._take_step(batch)
            if self.interrupted or self._round_is_over():
                break
        if self.mean.steps % self.steps_per_execution:
            self._tell_end()
        if self.interrupted or self._round_is_over():
            return
        if self.mean.steps < (self.steps_of_round or 0):
            self.stop_reason = self.ran_out()

    def _announce(self) -> None:
        """Tell callbacks that the round starts, if they do not know."""
        if not self._announced:
            self._announced = True
            self.callbacks.tell("on_epoch_begin", self.round, {})

    def _take_step(self, batch: Any) -> None:
        if self.mean.steps % self.steps_per_execution == 0:
            self.callbacks.tell("on_train_batch_begin", self.mean.steps, {})
        self.between_steps = False
        if self._schedule is not None:
            self._trainable.optimizer.learning_rate = self._schedule(self.progress)
        result = self.take(batch)
        if not math.isfinite(result.loss):
            self.stop_reason = self.diverged(result)
        self.mean.add(result)
        self.step += len(result.losses)
        self._tick()
        self.between_steps = True
        self._latest = result
        if self.mean.steps % self.steps_per_execution == 0:
            self._tell_end()
        if self.keeper is not None and not self.stop_reason:
            self.keeper.step_taken(told=self.mean.steps % self.steps_per_execution == 0)

    def _tell_end(self) -> None:
        """Tell callbacks of the latest step, if there was one."""
        if self._latest is not None and self.callbacks.listen("on_train_batch_end"):
            logs = self.step_logs(self._latest)
            self.callbacks.tell("on_train_batch_end", self.mean.steps - 1, logs)

    def _tick(self) -> None:
        self.seconds = time.perf_counter() - self._started

    def _round_is_over(self) -> bool:
        """Whether a round ends before its batches do."""
        limited = self.limits.steps is not None or self.limits.minutes is not None
        return (
            self._trainable.stop_training
            or bool(self.stop_reason)
            or (limited and self.progress >= 1)
        )

    def _end_round(self) -> None:
        logs = self.mean.logs() | self.validate()
        self.between_steps = False
        self._tick()
        self._update_best(logs)
        number, self.round = self.round, self.round + 1
        self.mean.restart()
        self._announced = False
        self.between_steps = True
        self.callbacks.last_logs = logs
        self.callbacks.tell("on_epoch_end", number, logs)
        if self.keeper is not None:
            self.keeper.round_ended()

    def _update_best(self, logs: Logs) -> None:
        """Keep the weights if they are the best so far; without a way to tell, keep the last."""
        if self._best is not None:
            self.improved = self._best.monitor not in logs or self._best.improved(logs)
            if self.improved:
                self.best_weights = self._trainable.get_weights()

    # ---- saving

    def contents(self) -> Contents:
        """Return its state, except the best weights."""
        tensors, header = self.mean.contents()
        header |= {"round": self.round, "step": self.step, "seconds": self.seconds}
        return tensors, header | ({} if self._best is None else self._best.contents())

    def restore(self, tensors: Tensors, header: Mapping[str, Any]) -> None:
        """Continue from the result of `contents` of an equal loop."""
        self.mean.restore(tensors, header)
        self.round = checks.int_at_least("round", header["round"], 0)
        self.step = checks.int_at_least("step", header["step"], 0)
        self.seconds = checks.number("seconds", header["seconds"], 0)
        if self._best is not None:
            self._best.restore(header)

"""Learning rates: set by a function of the epoch, or lowered where a value stops improving."""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

from lstm import checks
from lstm.callbacks.base import Callback, Contents, Logs, Tensors, spoken
from lstm.callbacks.best import Best
from lstm.callbacks.monitoring import Monitor
from lstm.errors import InvalidTypeError
from lstm.terminal import say


class LearningRateScheduler(Callback):
    """Set the learning rate before each epoch.

    Args:
        schedule: a function of the epoch, counted from 0, or of the epoch and the current learning
            rate, that returns the next one.
        verbose: 1 says what it sets.

    Example:
        >>> import lstm
        >>> decay = lstm.callbacks.LearningRateScheduler(lambda epoch, rate: 0.9 * rate)
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        if not callable(schedule):
            raise InvalidTypeError("schedule", "a function of the epoch", repr(schedule))
        self.schedule = schedule
        self.verbose = spoken(verbose)

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        optimizer = self.model.optimizer
        known = epoch, float(optimizer.learning_rate)
        rate = self.schedule(*known[: 2 if _takes_two(self.schedule) else 1])
        optimizer.learning_rate = checks.number("result of schedule", rate, 0)
        if self.verbose:
            say(f"Epoch {epoch + 1}: the learning rate is {optimizer.learning_rate:g}.")

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class ReduceLROnPlateau(Monitor):
    """Lower the learning rate when a value has not improved for some epochs.

    Args:
        monitor: key of the logs.
        factor: what to multiply the learning rate by, in [0, 1).
        patience: number of epochs without improvement after which to lower it.
        verbose: 1 says when it does.
        mode: "min", "max", or "auto": losses fall, and metrics say it by `rises`.
        min_delta: smallest change that counts as an improvement.
        cooldown: number of epochs after that which do not count against `patience`.
        min_lr: the learning rate never becomes lower.

    Example:
        >>> import lstm
        >>> slower = lstm.callbacks.ReduceLROnPlateau(factor=0.5, patience=3, min_lr=1e-5)
        >>> model.fit(x, y, validation_split=0.1, callbacks=slower)  # doctest: +SKIP
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        self._best = Best(monitor, mode, min_delta)
        self.monitor, self.mode = self._best.monitor, self._best.mode
        self.min_delta = self._best.min_delta
        self.factor = checks.number("factor", factor, 0, 1, open_high=True)
        self.patience = checks.int_at_least("patience", patience, 0)
        self.verbose = spoken(verbose)
        self.cooldown = checks.int_at_least("cooldown", cooldown, 0)
        self.min_lr = checks.number("min_lr", min_lr, 0)
        self._cooling = 0

    def on_train_begin(self, logs: Logs) -> None:
        self._best.check_direction(self._metrics)
        self._best.restart()
        self._cooling = 0

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        optimizer = self.model.optimizer
        logs["learning_rate"] = rate = float(optimizer.learning_rate)
        if not self._best.is_in(logs, "ReduceLROnPlateau"):
            return
        self._cooling = max(0, self._cooling - 1)
        better = self._best.improved(logs)
        if self._cooling:
            self._best.waited = 0
        if better or self._best.waited < max(1, self.patience) or rate <= self.min_lr:
            return
        optimizer.learning_rate = max(self.factor * rate, self.min_lr)
        self._best.waited, self._cooling = 0, self.cooldown
        if self.verbose:
            say(
                f"Epoch {epoch + 1}: {self.monitor} has stopped improving; "
                f"the learning rate is now {optimizer.learning_rate:g}."
            )

    def contents(self) -> Contents:
        return {}, self._best.contents() | {"cooling": self._cooling}

    def restore(self, tensors: Tensors, header: Mapping[str, Any]) -> None:
        self._best.restore(header)
        self._cooling = checks.int_at_least("cooling", header["cooling"], 0)


def _takes_two(schedule: Callable[..., float]) -> bool:
    """Whether a schedule takes the learning rate, too."""
    try:
        signature(schedule).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # Of some functions written in C nothing is known.
        return True
    return True

"""Monitoring: callbacks that watch one value, to stop training or to save the model."""

import math
from collections import defaultdict
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from lstm import checks, storage
from lstm.callbacks.base import Callback, Contents, Logs, Tensors, save_frequency, spoken
from lstm.callbacks.best import Best
from lstm.errors import InvalidValueError
from lstm.terminal import say


class Monitor(Callback):
    """Base of callbacks that compare values with the best so far."""

    _best: Best

    @property
    def best(self) -> float | None:
        """The best value so far; None if there is none."""
        return self._best.best

    def _set_again(self, name: str, value: Any) -> None:
        super()._set_again(name, value)
        # It judges by the arguments.
        best, self._best = self._best, self._with(name, value)._best
        self._best.look_up(self._metrics)
        self._best.continue_from(best)

    @property
    def _metrics(self) -> Mapping[str, Any]:
        """The metrics of the model in training, by the names in the logs."""
        trainer = getattr(getattr(self, "model", None), "_trainer", None)
        return {} if trainer is None else trainer.metrics


class EarlyStopping(Monitor):
    """Stop when a value has not improved for some epochs.

    Args:
        monitor: key of the logs.
        min_delta: smallest change that counts as an improvement.
        patience: number of epochs without improvement after which to stop.
        verbose: 1 says when it stops.
        mode: "min", "max", or "auto": losses fall, and metrics say it by `rises`.
        baseline: a value that improvements have to be better than: others do not let `patience`
            start again.
        restore_best_weights: restore the weights of the best epoch at the end.
        start_from_epoch: number of first epochs to leave out.

    Attributes:
        stopped_epoch: number of the epoch after which it stopped; 0 if it did not.
        best_epoch: number of the epoch with the best value so far.
        best: that value; None if there is none.
        best_weights: those of the best epoch, if they are to be restored; else None.
        wait: number of epochs since then.
    """

    stopped_epoch: int
    best_epoch: int
    _stopped = False
    _weights: list[np.ndarray] | None = None

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        self.baseline = None if baseline is None else checks.number("baseline", baseline)
        self._best = Best(monitor, mode, min_delta, baseline=self.baseline)
        self.monitor, self.mode = self._best.monitor, self._best.mode
        self.min_delta = self._best.min_delta
        self.patience = checks.int_at_least("patience", patience, 0)
        self.verbose = spoken(verbose)
        self.restore_best_weights = checks.boolean("restore_best_weights", restore_best_weights)
        self.start_from_epoch = checks.int_at_least("start_from_epoch", start_from_epoch, 0)
        self.stopped_epoch = self.best_epoch = 0

    def on_train_begin(self, logs: Logs) -> None:
        self._best.check_direction(self._metrics)
        self._best.restart()
        self._weights, self._stopped = None, False
        self.stopped_epoch = self.best_epoch = 0

    @property
    def best_weights(self) -> list[np.ndarray] | None:
        """The weights of the best epoch, if `restore_best_weights` keeps them."""
        return self._weights

    @property
    def wait(self) -> int:
        """Number of epochs since the best value."""
        return self._best.waited

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if epoch < self.start_from_epoch or not self._best.is_in(logs, "EarlyStopping"):
            return
        better = self._best.improved(logs)
        if better:
            self.best_epoch = epoch
        if self.restore_best_weights and (better or self._weights is None):
            self._weights = self.model.get_weights()
        if not better and self._best.waited >= max(1, self.patience):
            self.stopped_epoch, self._stopped = epoch, True
            self.model.stop_training = True

    def on_train_end(self, logs: Logs) -> None:
        if self._weights is not None:
            self.model.set_weights(self._weights)
        if self.verbose and self._stopped:
            best = f"the best {self.monitor} was {self._best.shown}, in epoch {self.best_epoch + 1}"
            restored = "" if self._weights is None else "; the model has its weights from then"
            say(f"Epoch {self.stopped_epoch + 1}: training stops early, {best}{restored}.")

    def contents(self) -> Contents:
        weights = {f"{k}": array for k, array in enumerate(self._weights or [])}
        stopped = self.stopped_epoch if self._stopped else None
        epochs = {"stopped_epoch": stopped, "best_epoch": self.best_epoch}
        return weights, self._best.contents() | epochs

    def restore(self, tensors: Tensors, header: Mapping[str, Any]) -> None:
        self._best.restore(header)
        self._weights = [tensors[f"{k}"] for k in range(len(tensors))] or None
        self._stopped = header["stopped_epoch"] is not None
        self.stopped_epoch = header["stopped_epoch"] or 0
        self.best_epoch = header.get("best_epoch", 0)


class ModelCheckpoint(Monitor):
    """Save the model after each epoch, or after each that is the best so far.

    Args:
        filepath: the file, in an existing folder; may contain `{epoch}` and `{batch}` (both from 1)
            and keys of the logs, such as `{val_loss:.3f}`. Folders with such a name are created.
        monitor: key of the logs.
        verbose: 1 says what is saved.
        save_best_only: save only improvements; nothing in epochs whose logs lack the value.
        save_weights_only: save the weights alone, as `model.save_weights` does.
        mode: "min", "max", or "auto": losses fall, and metrics say it by `rises`.
        save_freq: "epoch", or the number of batches between two files, counted across epochs.
        initial_value_threshold: what the first improvement has to be better than.
    """

    def __init__(
        self,
        filepath: str | PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        self.filepath = storage.own_format("filepath", checks.path("filepath", filepath))
        self.verbose = spoken(verbose)
        self.save_best_only = checks.boolean("save_best_only", save_best_only)
        self.save_weights_only = checks.boolean("save_weights_only", save_weights_only)
        self.save_freq = save_frequency(save_freq)
        self.initial_value_threshold = (
            None
            if initial_value_threshold is None
            else checks.number("initial_value_threshold", initial_value_threshold)
        )
        self._best = Best(monitor, mode, initial=self.initial_value_threshold)
        self.monitor, self.mode = self._best.monitor, self._best.mode
        self._epoch = self._heard = self._batches = 0

    @property
    def every_batch(self) -> bool:
        return self.save_freq != "epoch"

    def on_train_begin(self, logs: Logs) -> None:
        if self.save_best_only:
            self._best.check_direction(self._metrics)
        # The other keys of the logs are known only later.
        known = {"epoch": 1, "loss": 0.0} | ({} if self.save_freq == "epoch" else {"batch": 1})
        self._path(_Logs(known, "batch" if self.save_freq == "epoch" else "val_"))
        target = Path(self.filepath)
        while "{" in str(target.parent):
            target = target.parent
        storage.check_writable("filepath", target)

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        self._epoch, self._heard = epoch, 0

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        if not isinstance(self.save_freq, int):
            return
        # It may hear of several together.
        self._batches, self._heard = self._batches + batch + 1 - self._heard, batch + 1
        if self._batches >= self.save_freq:
            self._batches = 0
            self._save({"epoch": self._epoch + 1, "batch": batch + 1, **logs})

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self.save_freq == "epoch":
            self._save({"epoch": epoch + 1, **logs})

    def _save(self, logs: Logs) -> None:
        """Save the model, if it is to be saved now."""
        where, before = f"Epoch {logs['epoch']}", self._best.shown
        why = ""
        if self.save_best_only:
            if not self._best.is_in(logs, "ModelCheckpoint(save_best_only=True)"):
                return
            if not self._best.improved(logs):
                if self.verbose:
                    say(f"{where}: {self.monitor} did not improve from {before}.")
                return
            why = f"{self.monitor} improved from {before} to {self._best.shown}, "
        path = self._path(logs)
        if path.parent != Path(self.filepath).parent:
            path.parent.mkdir(parents=True, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)
        if self.verbose:
            say(f"{where}: {why}saved {path}.")

    def contents(self) -> Contents:
        return {}, self._best.contents() | {"batches": self._batches, "heard": self._heard}

    def restore(self, tensors: Tensors, header: Mapping[str, Any]) -> None:
        self._best.restore(header)
        self._batches = checks.int_at_least("batches", header.get("batches", 0), 0)
        self._heard = checks.int_at_least("heard", header.get("heard", 0), 0)

    def _path(self, values: Mapping[str, float]) -> Path:
        try:
            return Path(self.filepath.format_map(values))
        except (LookupError, ValueError, AttributeError, TypeError) as error:
            expected = f"fields among {', '.join(values)}"
            raise InvalidValueError("filepath", expected, error) from error


class _Logs(defaultdict[str, float]):
    """Logs with any key, except those that begin with some letters."""

    def __init__(self, known: Mapping[str, float], never: str) -> None:
        super().__init__(float, known)
        self._never = never

    def __missing__(self, key: str) -> float:
        if key.startswith(self._never):
            raise KeyError(key)
        return 0.0


class TerminateOnNaN(Callback):
    """Stop when the loss is no longer a finite number."""

    every_batch = False

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        if not math.isfinite(logs["loss"]):
            say(f"Batch {batch}: the loss is {logs['loss']}; training stops.")
            self.model.stop_training = True

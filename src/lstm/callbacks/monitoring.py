"""Monitoring: callbacks that watch one value, to stop training or to save the model."""

import math
from collections import defaultdict
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from lstm import checks, saving
from lstm.callbacks.base import Callback, Contents, Logs, Tensors
from lstm.callbacks.best import Best
from lstm.errors import InvalidValueError
from lstm.terminal import say


class _Monitor(Callback):
    """Base of callbacks that compare values with the best so far."""

    _best: Best

    def _set_again(self, name: str, value: Any) -> None:
        super()._set_again(name, value)
        # It judges by the arguments.
        best, self._best = self._best, self._with(name, value)._best
        self._best.restore(best.contents())


class EarlyStopping(_Monitor):
    """Stop when a value has not improved for some epochs.

    Args:
        monitor: key of the logs.
        min_delta: smallest change that counts as an improvement.
        patience: number of epochs without improvement after which to stop.
        mode: "min", "max", or "auto" (accuracies rise, everything else falls).
        restore_best_weights: restore the weights of the best epoch at the end.
    Attributes:
        stopped_epoch: number of the epoch after which it stopped; None if it did not.
    """

    stopped_epoch: int | None

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        mode: str = "auto",
        restore_best_weights: bool = False,
    ) -> None:
        self._best = Best(monitor, mode, min_delta)
        self.monitor, self.mode = self._best.monitor, self._best.mode
        self.min_delta = self._best.min_delta
        self.patience = checks.int_at_least("patience", patience, 0)
        self.restore_best_weights = checks.boolean("restore_best_weights", restore_best_weights)
        self.stopped_epoch = None

    def on_train_begin(self, logs: Logs) -> None:
        self._best.restart()
        self._weights: list[np.ndarray] | None = None
        self.stopped_epoch = None

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self._best.improved(logs):
            if self.restore_best_weights:
                self._weights = self.model.get_weights()
        elif self._best.waited >= max(1, self.patience):
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs) -> None:
        if self._weights is not None:
            self.model.set_weights(self._weights)

    def contents(self) -> Contents:
        weights = {f"{k}": array for k, array in enumerate(self._weights or [])}
        return weights, self._best.contents() | {"stopped_epoch": self.stopped_epoch}

    def restore(self, tensors: Tensors, header: Mapping[str, Any]) -> None:
        self._best.restore(header)
        self._weights = [tensors[f"{k}"] for k in range(len(tensors))] or None
        self.stopped_epoch = header["stopped_epoch"]


class ModelCheckpoint(_Monitor):
    """Save the model after each epoch, or after each that is the best so far.

    Args:
        filepath: the file, in an existing folder; may contain `{epoch}` (from 1) and keys of the
            logs, such as `{val_loss:.3f}`. Folders with such a name are created.
        monitor: key of the logs.
        save_best_only: save only improvements.
        mode: "min", "max", or "auto" (accuracies rise, everything else falls).
    """

    def __init__(
        self,
        filepath: str | PathLike[str],
        monitor: str = "val_loss",
        save_best_only: bool = False,
        mode: str = "auto",
    ) -> None:
        self.filepath = checks.path("filepath", filepath)
        self.save_best_only = checks.boolean("save_best_only", save_best_only)
        self._best = Best(monitor, mode)
        self.monitor, self.mode = self._best.monitor, self._best.mode

    def on_train_begin(self, logs: Logs) -> None:
        # The other keys of the logs are known only later.
        self._path(defaultdict(float, epoch=1, loss=0.0))
        target = Path(self.filepath)
        while "{" in str(target.parent):
            target = target.parent
        saving.check_writable("filepath", target)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if not self.save_best_only or self._best.improved(logs):
            path = self._path({"epoch": epoch + 1, **logs})
            if path.parent != Path(self.filepath).parent:
                path.parent.mkdir(parents=True, exist_ok=True)
            self.model.save(path)

    def contents(self) -> Contents:
        return {}, self._best.contents()

    def restore(self, tensors: Tensors, header: Mapping[str, Any]) -> None:
        self._best.restore(header)

    def _path(self, values: Mapping[str, float]) -> Path:
        try:
            return Path(self.filepath.format_map(values))
        except (LookupError, ValueError, AttributeError, TypeError) as error:
            expected = f"fields among {', '.join(values)}"
            raise InvalidValueError("filepath", expected, error) from error


class TerminateOnNaN(Callback):
    """Stop when the loss is no longer a finite number."""

    every_batch = False

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        if not math.isfinite(logs["loss"]):
            say(f"Batch {batch}: the loss is {logs['loss']}; training stops.")
            self.model.stop_training = True

"""Callbacks: what happens between the steps of a training."""

import copy
import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np

from lstm import checks, plotting, saving
from lstm.errors import InvalidTypeError, InvalidValueError, MissingExtraError, NotReadyError
from lstm.interface import Interface, refuse_unknown
from lstm.optimizers import Optimizer
from lstm.terminal import say

Logs = dict[str, float]


class Trainable(Protocol):
    """What callbacks see of a model."""

    stop_training: bool

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer, of which `learning_rate` may be changed."""

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights."""

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Replace all weights."""

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model to a file."""


class Callback(Interface):
    """Base of all callbacks: override what you need.

    Attributes:
        model: the model in training; `model.stop_training = True` ends it after this batch.
        params: `epochs`, `steps` (None if unknown) and `verbose`.
    """

    model: Trainable
    params: dict[str, Any]

    def __init__(self) -> None:
        """A callback without arguments."""

    def __getstate__(self) -> dict[str, Any]:
        # The next training says which model it is.
        return {name: value for name, value in vars(self).items() if name != "model"}

    def __copy__(self) -> "Callback":
        return copy.deepcopy(self)

    def set_model(self, model: Trainable) -> None:
        """Called once, before training."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called once, before training."""
        self.params = params

    def on_train_begin(self, logs: Logs) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs) -> None:
        """After the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Before each epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """After each epoch, with its means: loss, metrics, and those of the validation."""

    def on_train_batch_begin(self, batch: int, logs: Logs) -> None:
        """Before each batch, counted from 0 in its epoch."""

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """After each batch, with the means of the epoch so far."""

    def on_batch_begin(self, batch: int, logs: Logs) -> None:
        """Another name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs) -> None:
        """Another name of `on_train_batch_end`."""

    def on_test_begin(self, logs: Logs) -> None:
        """Before an evaluation, or a validation within `fit`."""

    def on_test_end(self, logs: Logs) -> None:
        """After an evaluation, with its means."""

    def on_test_batch_begin(self, batch: int, logs: Logs) -> None:
        """Before each batch of an evaluation, counted from 0."""

    def on_test_batch_end(self, batch: int, logs: Logs) -> None:
        """After each batch of an evaluation, with the means so far."""

    def on_predict_begin(self, logs: Logs) -> None:
        """Before a prediction."""

    def on_predict_end(self, logs: Logs) -> None:
        """After a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Logs) -> None:
        """Before each batch of a prediction, counted from 0."""

    def on_predict_batch_end(self, batch: int, logs: Logs) -> None:
        """After each batch of a prediction; `logs["outputs"]` are its outputs."""


HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))
"""The moments of which callbacks are told."""

_SAME = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


class CallbackList:
    """Callbacks that are told of the same things. Only those are called that listen.

    Args:
        callbacks: whom to tell, in this order.
        model: what they see.
        params: what they are told before everything else.

    Attributes:
        last_logs: what `on_train_end` is given.

    Raises:
        InvalidTypeError: one of them is no `Callback`.
        InvalidValueError: one has a method that looks like a misspelt hook.
    """

    def __init__(
        self, callbacks: Sequence[Callback], model: Trainable, params: Mapping[str, Any]
    ) -> None:
        for callback in callbacks:
            if not isinstance(callback, Callback):
                raise InvalidTypeError("callbacks", "Callbacks", type(callback).__name__)
            _check_hooks(callback)
        self._callbacks = list(callbacks)
        self.last_logs: Logs = {}
        for callback in callbacks:
            callback.set_model(model)
            callback.set_params(dict(params))
        found = {hook: [_listener(callback, hook) for callback in callbacks] for hook in HOOKS}
        self._listeners = {hook: [f for f in some if f is not None] for hook, some in found.items()}

    def listen(self, hook: str) -> bool:
        """Whether somebody wants to be told of this moment."""
        return bool(self._listeners[hook])

    def tell(self, hook: str, *news: Any) -> None:
        """Call whoever listens."""
        for listener in self._listeners[hook]:
            listener(*news)

    @contextmanager
    def training(self) -> Iterator[None]:
        """A training: files are closed and the terminal is put in order even after Ctrl-C."""
        begun: list[Callback] = []
        try:
            for callback in self._callbacks:
                callback.on_train_begin({})
                begun.append(callback)
            yield
        finally:
            with ExitStack() as ends:
                for callback in reversed(begun):
                    ends.callback(self._end, callback)

    def _end(self, callback: Callback) -> None:
        callback.on_train_end(self.last_logs)


def _listener(callback: Callback, hook: str) -> Callable[..., Any] | None:
    """What to call at a moment; None if the callback has nothing to say there."""
    for name in (hook, _SAME.get(hook, hook)):
        method = getattr(callback, name)
        if getattr(method, "__func__", None) is not getattr(Callback, name):
            return method
    return None


def _check_hooks(callback: Callback) -> None:
    """Refuse methods that look like hooks and would never be called."""
    for name in dir(callback):
        if name.startswith("on_") and name not in HOOKS:
            meant = get_close_matches(name, HOOKS, n=1, cutoff=0.8)
            if meant:
                raise InvalidValueError(
                    f"method of {type(callback).__name__}", f"{meant[0]}, which is called", name
                )


class History(Callback):
    """Records every epoch; `fit` returns it.

    Attributes:
        epoch: numbers of the epochs.
        history: for each key of the logs, one value per epoch.
    """

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self.epoch.append(epoch)
        for key, value in logs.items():
            self.history.setdefault(key, []).append(value)

    def plot(self, key: str = "loss", ax: Any = None) -> Any:
        """Plot one value by epoch, and that of the validation beside it.

        Args:
            key: of the logs, such as "loss" or "accuracy".
            ax: where to plot; a figure of its own by default.

        Returns:
            The `matplotlib.axes.Axes`.

        Raises:
            NotReadyError: nothing has been recorded.
            InvalidValueError: no such key has been recorded.
            MissingExtraError: matplotlib is not installed.

        Example:
            >>> from lstm.callbacks import History
            >>> history = History()
            >>> history.on_epoch_end(0, {"loss": 2.0, "val_loss": 2.5})
            >>> history.plot().get_xlabel()  # doctest: +SKIP
            'epoch'
        """
        if not self.epoch:
            raise NotReadyError("nothing to plot: no epoch has ended yet")
        checks.one_of("key", key, [name for name in self.history if not name.startswith("val_")])
        with plotting.style() as plt:
            if ax is None:
                _, ax = plt.subplots()
            for name, label in ((key, "training"), (f"val_{key}", "validation")):
                if name in self.history:
                    values = self.history[name]
                    ax.plot(range(1, len(values) + 1), values, label=label)
            ax.set(xlabel="epoch", ylabel=key)
            if f"val_{key}" in self.history:
                ax.legend()
        return ax


class _Best:
    """Tells whether a monitored value is the best so far."""

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        self.monitor = checks.string("monitor", monitor)
        self.mode = checks.one_of("mode", mode, ("auto", "min", "max"))
        rising = self.mode == "max" or (self.mode == "auto" and "acc" in self.monitor)
        self.min_delta = checks.number("min_delta", min_delta, 0)
        self._sign = -1.0 if rising else 1.0
        self._value = math.inf

    def improved(self, logs: Mapping[str, float]) -> bool:
        if self.monitor not in logs:
            known = ", ".join(repr(key) for key in logs)
            raise InvalidValueError("monitor", f"one of {known}", repr(self.monitor))
        value = self._sign * logs[self.monitor]
        if value < self._value - self.min_delta:
            self._value = value
            return True
        return False


class EarlyStopping(Callback):
    """Stop when a value has not improved for some epochs.

    Args:
        monitor: key of the logs.
        min_delta: what counts as an improvement.
        patience: number of epochs without one after which to stop.
        mode: "min", "max", or "auto" (accuracies rise, all else falls).
        restore_best_weights: go back to the weights of the best epoch.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        mode: str = "auto",
        restore_best_weights: bool = False,
    ) -> None:
        self._best = _Best(monitor, mode, min_delta)
        self.monitor, self.mode = self._best.monitor, self._best.mode
        self.min_delta = self._best.min_delta
        self.patience = checks.int_at_least("patience", patience, 0)
        self.restore_best_weights = checks.boolean("restore_best_weights", restore_best_weights)
        self.stopped_epoch: int | None = None

    def on_train_begin(self, logs: Logs) -> None:
        self._best = _Best(self.monitor, self.mode, self.min_delta)
        self._waited = 0
        self._weights: list[np.ndarray] | None = None
        self.stopped_epoch = None

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self._best.improved(logs):
            self._waited = 0
            if self.restore_best_weights:
                self._weights = self.model.get_weights()
            return
        self._waited += 1
        if self._waited >= max(1, self.patience):
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs) -> None:
        if self._weights is not None:
            self.model.set_weights(self._weights)


class ModelCheckpoint(Callback):
    """Save the model after each epoch, or after each that is the best so far.

    Args:
        filepath: the file, in a folder that exists; may hold `{epoch}` (from 1) and keys of the
            logs, such as `{val_loss:.3f}`. Folders whose names hold one are made.
        monitor: key of the logs.
        save_best_only: save only improvements.
        mode: "min", "max", or "auto" (accuracies rise, all else falls).
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
        self._best = _Best(monitor, mode)

    def on_train_begin(self, logs: Logs) -> None:
        target = Path(self.filepath)
        while "{" in str(target.parent):
            target = target.parent
        saving.check_writable("filepath", target)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if not self.save_best_only or self._best.improved(logs):
            try:
                path = Path(self.filepath.format(epoch=epoch + 1, **logs))
            except (KeyError, IndexError, ValueError) as error:
                known = ", ".join(["epoch", *logs])
                raise InvalidValueError("filepath", f"fields out of {known}", error) from error
            if path.parent != Path(self.filepath).parent:
                path.parent.mkdir(parents=True, exist_ok=True)
            self.model.save(path)


class LambdaCallback(Callback):
    """Call functions at the moments they are named after.

    Args:
        functions: by the name of a method of `Callback`, such as `on_train_begin(logs)`,
            `on_epoch_end(epoch, logs)`, `on_train_batch_end(batch, logs)`.

    Example:
        >>> import lstm
        >>> callback = lstm.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch))
        >>> callback.on_epoch_end(3, {})
        3
    """

    def __init__(self, **functions: Callable[..., Any] | None) -> None:
        for name, function in functions.items():
            refuse_unknown("LambdaCallback()", [name], HOOKS)
            if function is not None and not callable(function):
                raise InvalidTypeError(name, "a function", repr(function))
            if function is not None:
                setattr(self, name, function)


class CSVLogger(Callback):
    """Write the logs of every epoch to a CSV file, a row at a time.

    Args:
        filename: the file, in a folder that exists.
        separator: between two values.
        append: add to the file instead of replacing it.
    """

    def __init__(
        self, filename: str | PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        self.filename = Path(checks.path("filename", filename))
        self.separator = checks.string("separator", separator)
        if len(separator) != 1 or separator in '"\r\n':
            raise InvalidValueError(
                "separator", "one character between two values", repr(separator)
            )
        self.append = checks.boolean("append", append)
        self._file: TextIO | None = None

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_file": None}

    def on_train_begin(self, logs: Logs) -> None:
        self._fields: list[str] = []
        try:
            if self.append and self.filename.exists():
                with self.filename.open(newline="", encoding="utf-8") as file:
                    self._fields = next(csv.reader(file, delimiter=self.separator), [])
            self._file = self.filename.open(
                "a" if self._fields else "w", newline="", encoding="utf-8"
            )
        except OSError as error:
            got = f"{self.filename} ({checks.reason(error)})"
            raise InvalidValueError("filename", "a file that can be written", got) from None

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        assert self._file is not None
        row = {"epoch": epoch, **logs}
        if not self._fields:
            self._fields = list(row)
            csv.writer(self._file, delimiter=self.separator).writerow(self._fields)
        writer = csv.DictWriter(
            self._file, self._fields, restval="", extrasaction="ignore", delimiter=self.separator
        )
        writer.writerow(row)
        self._file.flush()

    def on_train_end(self, logs: Logs) -> None:
        if self._file is not None:
            self._file.close()


class TensorBoard(Callback):
    """Write the logs to event files that TensorBoard shows (`pip install 'lstm-kit[tensorboard]'`).

    Args:
        log_dir: the folder.
        update_freq: write the loss of every so many batches, too; "epoch" for none.

    Raises:
        MissingExtraError: the extra is not installed.
    """

    def __init__(
        self, log_dir: str | PathLike[str] = "logs", update_freq: int | str = "epoch"
    ) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise MissingExtraError("TensorBoard", "tensorboard") from error
        self.log_dir = Path(checks.path("log_dir", log_dir))
        self._every = (
            0 if update_freq == "epoch" else checks.positive_int("update_freq", update_freq)
        )
        self._make: Callable[..., Any] = SummaryWriter
        self._writer: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_writer": None}

    def on_train_begin(self, logs: Logs) -> None:
        # Two files of one second would have the same name.
        suffix = f".{self.model.optimizer.step}"
        try:
            self._writer = self._make(str(self.log_dir), filename_suffix=suffix)
        except OSError as error:
            got = f"{self.log_dir} ({checks.reason(error)})"
            raise InvalidValueError("log_dir", "a folder that can be written to", got) from None

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        step = self.model.optimizer.step
        if self._every and step % self._every == 0:
            self._writer.add_scalar("batch_loss", logs["loss"], step)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        # By step, which means the same in every training, and goes on where one was resumed.
        for key, value in {**logs, "learning_rate": self.model.optimizer.learning_rate}.items():
            self._writer.add_scalar(key, value, self.model.optimizer.step)

    def on_train_end(self, logs: Logs) -> None:
        if self._writer is not None:
            self._writer.close()


class TerminateOnNaN(Callback):
    """Stop when the loss is no longer a finite number."""

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        if not math.isfinite(logs["loss"]):
            say(f"Batch {batch}: the loss is {logs['loss']}; training stops.")
            self.model.stop_training = True

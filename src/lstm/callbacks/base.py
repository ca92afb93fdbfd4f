"""Callback: the base of all callbacks, and what they see of a model."""

from collections.abc import Mapping
from os import PathLike
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.configured import Configured
from lstm.errors import InvalidValueError
from lstm.optimizers import Optimizer

Logs = dict[str, Any]
"""Numbers by name; a list of them where a metric has several."""

Tensors = Mapping[str, NDArray[Any]]

Contents = tuple[dict[str, NDArray[Any]], dict[str, Any]]
"""Arrays by name, and JSON values, as a file can hold them."""


class Trainable(Protocol):
    """What callbacks see of a model."""

    stop_training: bool

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer; its `learning_rate` may be changed."""

    @property
    def named_weights(self) -> Mapping[str, Any]:
        """All weights by name; each has its numbers in `numpy()`."""

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of all weights."""

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Replace all weights."""

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model to a file."""

    def save_weights(self, path: str | PathLike[str]) -> None:
        """Write the weights to a file."""


class Callback(Configured):
    """Base of all callbacks: override what you need.

    Attributes:
        model: the model in training; `model.stop_training = True` ends it after this batch.
        params: `epochs`, `steps` (None if unknown) and `verbose`.
    """

    replaceable = True
    set_elsewhere: ClassVar[Mapping[str, str]] = {
        "every_batch": "`every_batch = ...` in the class, beside its hooks"
    }

    model: Trainable
    params: dict[str, Any]

    @property
    def every_batch(self) -> bool:
        """Whether its hooks of training batches, if it has any, have to be called for every batch.

        Otherwise several steps may be taken in one call, and it hears of the last: write
        `every_batch = False` in your class. A derived class that defines such a hook itself says it
        again.
        """
        return True

    def __init__(self) -> None:
        """Make a callback without arguments."""

    def __getstate__(self) -> dict[str, Any]:
        # The next training run sets the model.
        return {name: value for name, value in vars(self).items() if name != "model"}

    def _set_again(self, name: str, value: Any) -> None:
        # What it has seen is kept.
        vars(self)[name] = vars(self._with(name, value))[name]

    def set_model(self, model: Trainable) -> None:
        """Called once, before training."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called once, before training."""
        self.params = params

    def contents(self) -> Contents:
        """Return what it remembers during training, so that another run can continue.

        Override it, and `restore`, in a callback that remembers something: `BackupAndRestore` and
        the checkpoints of a language model save it.

        Returns:
            Arrays by name, and JSON values by name.
        """
        return {}, {}

    def restore(self, tensors: Tensors, header: Mapping[str, Any]) -> None:
        """Restore the result of `contents`; called after `on_train_begin`."""

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


def save_frequency(value: object) -> str | int:
    """Return an argument `save_freq`: "epoch", or a number of batches."""
    if value == "epoch":
        return "epoch"
    if isinstance(value, str) or value is False:
        raise InvalidValueError("save_freq", '"epoch" or a number of batches', repr(value))
    return checks.positive_int("save_freq", value)


def spoken(verbose: object) -> int:
    """Return an argument `verbose`: 0 is silent; True and False count as 1 and 0."""
    return checks.int_at_least("verbose", int(verbose) if isinstance(verbose, bool) else verbose, 0)


def shown(value: Any) -> str:
    """Return a value of the logs, or several, with four decimals."""
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    return f"{value:.4f}"


HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))
"""The events that callbacks receive."""

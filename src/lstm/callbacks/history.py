"""History: the record of a training run."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lstm import checks, plotting
from lstm.callbacks.base import Callback, Contents, Logs, Tensors
from lstm.errors import NotReadyError


class History(Callback):
    """Records every epoch; `fit` returns it.

    Attributes:
        epoch: numbers of the epochs.
        history: for each key of the logs, one value per epoch.
    """

    epoch: list[int]
    history: dict[str, list[float]]

    def __init__(self) -> None:
        self.epoch = []
        self.history = {}
        self._logs: Logs = {}
        self._recorded: set[str] = set()
        self._epochs: dict[str, list[int]] = {}  # Of the values of each key.

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self._record_the_rest()
        self.epoch.append(epoch)
        self._logs, self._recorded = logs, set()
        self._record_the_rest()

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        self._record_the_rest()

    def on_train_end(self, logs: Logs) -> None:
        self._record_the_rest()

    def _record_the_rest(self) -> None:
        """Record what the logs of the last epoch have got, also from callbacks told after it."""
        for key in [key for key in self._logs if key not in self._recorded]:
            self.history.setdefault(key, []).append(self._logs[key])
            self._epochs.setdefault(key, []).append(self.epoch[-1])
            self._recorded.add(key)

    def contents(self) -> Contents:
        self._record_the_rest()
        values = {key: np.asarray(values) for key, values in self.history.items()}
        return values, {"epoch": self.epoch, "keys": list(self.history), "epochs": self._epochs}

    def restore(self, tensors: Tensors, header: Mapping[str, Any]) -> None:
        self.epoch = list(header["epoch"])
        self.history = {key: tensors[key].tolist() for key in header["keys"]}
        self._epochs = {key: list(epochs) for key, epochs in header.get("epochs", {}).items()}

    def plot(self, key: str = "loss", ax: Any = None) -> Any:
        """Plot one value by epoch, together with its validation value.

        Args:
            key: key of the logs, such as "loss" or "accuracy".
            ax: the axes to plot on; a new figure by default.

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
                    epochs = self._epochs.get(name, range(len(values)))
                    ax.plot([epoch + 1 for epoch in epochs], values, label=label)
            ax.set(xlabel="epoch", ylabel=key)
            if f"val_{key}" in self.history:
                ax.legend()
        return ax

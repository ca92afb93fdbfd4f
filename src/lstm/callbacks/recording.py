"""Recording: callbacks that write the logs to a CSV file or for TensorBoard."""

import csv
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, TextIO

from lstm import checks
from lstm.callbacks.base import Callback, Contents, Logs, Tensors
from lstm.errors import InvalidValueError, MissingExtraError


class CSVLogger(Callback):
    """Write the logs of every epoch to a CSV file, a row at a time.

    Args:
        filename: the file, in an existing folder.
        separator: character between two values.
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
        self._kept = False  # Whether it has columns from before.
        try:
            if self.append and self.filename.exists():
                with self.filename.open(newline="", encoding="utf-8") as file:
                    self._fields = next(csv.reader(file, delimiter=self.separator), [])
            self._kept = bool(self._fields)
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
        elif not self._kept and not row.keys() <= set(self._fields):
            self._add_columns([name for name in row if name not in self._fields])
        writer = csv.DictWriter(
            self._file, self._fields, restval="", extrasaction="ignore", delimiter=self.separator
        )
        writer.writerow(row)
        self._file.flush()

    def _add_columns(self, names: list[str]) -> None:
        """Write the file again, with columns for what the first epochs did not have."""
        assert self._file is not None
        with self.filename.open(newline="", encoding="utf-8") as file:
            rows = [*csv.DictReader(file, delimiter=self.separator)]
        self._fields += names
        self._file.seek(0)
        self._file.truncate()
        writer = csv.DictWriter(self._file, self._fields, restval="", delimiter=self.separator)
        writer.writeheader()
        writer.writerows(rows)

    def on_train_end(self, logs: Logs) -> None:
        if self._file is not None:
            self._file.close()

    def contents(self) -> Contents:
        with self.filename.open(newline="", encoding="utf-8") as file:
            return {}, {"text": file.read()}

    def restore(self, tensors: Tensors, header: Mapping[str, Any]) -> None:
        assert self._file is not None
        text = header["text"]
        self._file.seek(0)
        self._file.truncate()
        self._file.write(text)
        self._file.flush()
        self._fields = next(csv.reader(text.splitlines(), delimiter=self.separator), [])


class TensorBoard(Callback):
    """Write the logs to event files that TensorBoard shows (`pip install 'lstm-kit[tensorboard]'`).

    Args:
        log_dir: the folder.
        update_freq: also write the loss after every this many batches; "epoch" for none.
        histogram_freq: also write histograms of all weights after every this many epochs; 0 for
            none.

    Raises:
        MissingExtraError: the extra is not installed.
    """

    def __init__(
        self,
        log_dir: str | PathLike[str] = "logs",
        update_freq: int | str = "epoch",
        histogram_freq: int = 0,
    ) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise MissingExtraError("TensorBoard", "tensorboard") from error
        self.log_dir = Path(checks.path("log_dir", log_dir))
        epochs = update_freq == "epoch"
        self.update_freq = "epoch" if epochs else checks.positive_int("update_freq", update_freq)
        self.histogram_freq = checks.int_at_least("histogram_freq", histogram_freq, 0)
        self._make: Callable[..., Any] = SummaryWriter
        self._writer: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_writer": None}

    @property
    def every_batch(self) -> bool:
        return self.update_freq != "epoch"

    def on_train_begin(self, logs: Logs) -> None:
        # Two files made in the same second would have the same name.
        suffix = f".{self.model.optimizer.step}"
        try:
            self._writer = self._make(str(self.log_dir), filename_suffix=suffix)
        except OSError as error:
            got = f"{self.log_dir} ({checks.reason(error)})"
            raise InvalidValueError("log_dir", "a folder that can be written to", got) from None

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        step = self.model.optimizer.step
        if isinstance(self.update_freq, int) and step % self.update_freq == 0:
            self._writer.add_scalar("batch_loss", logs["loss"], step)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        # By step, which means the same in every run, and continues in a resumed one.
        step = self.model.optimizer.step
        for key, value in {**logs, "learning_rate": self.model.optimizer.learning_rate}.items():
            several = isinstance(value, list)
            parts = {f"{key}/{k}": v for k, v in enumerate(value)} if several else {key: value}
            for name, part in parts.items():
                self._writer.add_scalar(name, part, step)
        if self.histogram_freq and (epoch + 1) % self.histogram_freq == 0:
            for name, weight in self.model.named_weights.items():
                self._writer.add_histogram(name, weight.numpy(), step)

    def on_train_end(self, logs: Logs) -> None:
        if self._writer is not None:
            self._writer.close()

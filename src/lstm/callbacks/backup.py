"""BackupAndRestore: training that continues where its process was killed."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

from lstm import checks, storage
from lstm.callbacks.base import Callback, Contents, Logs, save_frequency
from lstm.container import json_values
from lstm.errors import InvalidTypeError, InvalidValueError, ModelFileError
from lstm.folder_lock import FolderLock

_LATEST, _PREVIOUS = "backup.safetensors", "previous.safetensors"


class _Kept(Protocol):
    """A training loop to back up."""

    def contents(self) -> Contents:
        """Return its state."""


class BackupAndRestore(Callback):
    """Save the state of training, and continue from there when `fit` is called again.

    If a program is killed, at any moment, just start it again: its `fit`, with the same data and
    arguments, continues from the state in the folder, and ends with the same bits, weights and
    history, as without the interruption. The state is the weights, the optimizer, the random
    numbers, the position in the data and their order, carried states, the means of the epoch so
    far, and what callbacks remember: those of the library, and yours through `Callback.contents`
    and `restore`. You may ask for more epochs, but not for fewer than the backup has begun. Other
    data, also for validation, another batch size, model, loss, optimizer, or other metrics and
    callbacks are refused; the learning rate is that of the backup. The data are arrays, or batches
    that are available by number.

    Args:
        backup_dir: the folder, used by this training run only; made if it does not exist.
        save_freq: "epoch", or the number of steps between two backups.
        double_checkpoint: also keep the last but one, in case the last cannot be read.
        delete_checkpoint: remove the backup when `fit` ends. If it stays, a later `fit`, perhaps
            with more epochs, continues from the last backup.

    Example:
        >>> import lstm
        >>> backup = lstm.callbacks.BackupAndRestore("backup", save_freq=500)
        >>> model.fit(x, y, epochs=20, callbacks=backup)  # doctest: +SKIP
    """

    def __init__(
        self,
        backup_dir: str | PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        self.backup_dir = Path(checks.path("backup_dir", backup_dir))
        self.save_freq = save_frequency(save_freq)
        self.double_checkpoint = checks.boolean("double_checkpoint", double_checkpoint)
        self.delete_checkpoint = checks.boolean("delete_checkpoint", delete_checkpoint)
        self._training: _Kept | None = None

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_training": None}

    def on_train_begin(self, logs: Logs) -> None:
        if self._training is None:
            raise InvalidTypeError(
                "callbacks",
                "those of a language model, which LanguageModel.train(folder=...) keeps by itself",
                type(self).__name__,
            )

    @contextmanager
    def keeping(self, training: _Kept, asked: Mapping[str, Any]) -> Iterator[Contents | None]:
        """Back up training in the `with` block, and remove the backup if the block succeeds.

        Args:
            training: the loop to back up.
            asked: what must be equal to continue, as JSON values by the names of arguments.

        Returns:
            The result of `contents` at the last backup, if there is one.

        Raises:
            InvalidValueError: the folder is not writable, or holds another training run.
            ModelFileError: the backup is damaged, or another process trains with the folder.
        """
        try:
            self.backup_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            got = f"{self.backup_dir} ({checks.reason(error)})"
            raise InvalidValueError("backup_dir", "a folder that can be made", got) from None
        storage.check_writable("backup_dir", self._paths[0])
        lock = FolderLock(self.backup_dir)
        try:
            for path in self._paths:
                storage.remove_strays(path)
            # As they will be read, in the order in which they are compared.
            self._asked = {name: json_values(name, value) for name, value in asked.items()}
            self._training, self._steps = training, 0
            yield self._read()
            for path in self._paths if self.delete_checkpoint else ():
                path.unlink(missing_ok=True)
        finally:
            self._training = None
            lock.release()
            with suppress(OSError):  # The folder is not empty.
                self.backup_dir.rmdir()

    def begun(self) -> None:
        """Called before the first step, because the initial weights may differ next time."""
        self._write()

    def step_taken(self, *, told: bool) -> None:
        """Called after each step; `told` says whether callbacks have heard of it."""
        self._steps += 1
        if told and isinstance(self.save_freq, int) and self._steps >= self.save_freq:
            self._write()

    def round_ended(self) -> None:
        """Called after each epoch."""
        if self.save_freq == "epoch":
            self._write()

    @property
    def _paths(self) -> list[Path]:
        """Return the files, the latest first."""
        return [self.backup_dir / name for name in (_LATEST, _PREVIOUS)]

    def _write(self) -> None:
        assert self._training is not None
        tensors, header = self._training.contents()
        latest, previous = self._paths
        if self.double_checkpoint and latest.exists():
            os.replace(latest, previous)
        storage.write(latest, tensors, {**header, "kind": "backup", "asked": self._asked})
        self._steps = 0

    def _read(self) -> Contents | None:
        there = [path for path in self._paths if path.exists()]
        for path in there:
            try:
                with storage.reading(path, ("backup",)) as (tensors, header):
                    asked = header["asked"]
                self._check(asked)
                return tensors, header
            except ModelFileError:
                if path == there[-1]:
                    raise
        return None

    def _check(self, asked: Mapping[str, Any]) -> None:
        """Refuse a training run other than the one in the folder.

        Raises:
            InvalidValueError: the run has other data or other arguments.
        """
        for argument, value in self._asked.items():
            before = asked.get(argument)
            if value != before:
                # Of data and of a model, a backup has only digests.
                what = "layers" if argument == "model" else "values"
                expected, got = (
                    f"{which} {what}" if isinstance(one, dict) else repr(one)
                    for which, one in (("the same", before), ("other", value))
                )
                place = f"as in the training run in {self.backup_dir}"
                hint = "(remove that folder to start again)"
                raise InvalidValueError(argument, f"{expected}, {place} {hint}", got)

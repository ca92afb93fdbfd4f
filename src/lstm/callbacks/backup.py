"""BackupAndRestore: a training that goes on where its process was killed."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

from lstm import checks, saving
from lstm.callbacks.base import Callback, Contents, Logs
from lstm.container import json_values
from lstm.errors import InvalidTypeError, InvalidValueError, ModelFileError
from lstm.folder_lock import FolderLock

_LATEST, _PREVIOUS = "backup.safetensors", "previous.safetensors"


class _Kept(Protocol):
    """What is backed up."""

    def contents(self) -> Contents:
        """Where it stands."""


class BackupAndRestore(Callback):
    """Keep where a training stands, and go on from there when `fit` is called again.

    A program that was killed, at any moment, is simply started again: its `fit`, with the same data
    and arguments, takes up the training where the folder has it, and ends in the same bits, weights
    and history, as if nothing had happened. Kept are the weights, the optimizer, the random
    numbers, the place in the data and in their order, carried states, the means of the epoch so
    far, and what callbacks remember: those of the library, and yours by `Callback.contents` and
    `restore`. More epochs may be asked for; other data, another batch size or another model are
    refused. The data are arrays, or batches that can be taken by number.

    Args:
        backup_dir: the folder, of this training alone; made if it does not exist.
        save_freq: "epoch", or the number of steps after which to write.
        double_checkpoint: keep the last but one, too, for where the last cannot be read.
        delete_checkpoint: remove it all when `fit` comes to its end. If it stays, a later `fit`,
            of more epochs perhaps, goes on from the last backup.

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
        if save_freq != "epoch" and (isinstance(save_freq, str) or save_freq is False):
            raise InvalidValueError("save_freq", '"epoch" or a number of steps', repr(save_freq))
        self.save_freq = (
            save_freq if save_freq == "epoch" else checks.positive_int("save_freq", save_freq)
        )
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
        """Back up a training in the `with` block, and remove the backup when that ends well.

        Args:
            training: what to back up.
            asked: what must be the same for it to go on, as JSON values by the names of arguments.

        Returns:
            What `contents` gave when it was last backed up, if it was.

        Raises:
            InvalidValueError: the folder cannot be written to, or holds another training.
            ModelFileError: the backup is damaged, or another process trains with the folder.
        """
        try:
            self.backup_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            got = f"{self.backup_dir} ({checks.reason(error)})"
            raise InvalidValueError("backup_dir", "a folder that can be made", got) from None
        saving.check_writable("backup_dir", self._paths[0])
        lock = FolderLock(self.backup_dir)
        try:
            for path in self._paths:
                saving.remove_strays(path)
            # As they will be read, in the order in which they are compared.
            self._asked = {name: json_values(name, value) for name, value in asked.items()}
            self._training, self._steps = training, 0
            yield self._read()
            for path in self._paths if self.delete_checkpoint else ():
                path.unlink(missing_ok=True)
        finally:
            self._training = None
            lock.release()
            with suppress(OSError):  # It holds something.
                self.backup_dir.rmdir()

    def begun(self) -> None:
        """Before the first step, whose weights may be others the next time."""
        self._write()

    def step_taken(self) -> None:
        """After each step."""
        self._steps += 1
        if self._steps == self.save_freq:
            self._write()

    def round_ended(self) -> None:
        """After each epoch."""
        if self.save_freq == "epoch":
            self._write()

    @property
    def _paths(self) -> list[Path]:
        """The files, the last that was written first."""
        return [self.backup_dir / name for name in (_LATEST, _PREVIOUS)]

    def _write(self) -> None:
        assert self._training is not None
        tensors, header = self._training.contents()
        latest, previous = self._paths
        if self.double_checkpoint and latest.exists():
            os.replace(latest, previous)
        saving.write(latest, tensors, {**header, "kind": "backup", "asked": self._asked})
        self._steps = 0

    def _read(self) -> Contents | None:
        there = [path for path in self._paths if path.exists()]
        for path in there:
            try:
                with saving.reading(path, ("backup",)) as (tensors, header):
                    asked = header["asked"]
                self._check(asked)
                return tensors, header
            except ModelFileError:
                if path == there[-1]:
                    raise
        return None

    def _check(self, asked: Mapping[str, Any]) -> None:
        """Refuse a training other than that of the folder.

        Raises:
            InvalidValueError: it has other data or other arguments.
        """
        # The optimizer first: it decides which arguments it has.
        for argument in sorted(self._asked, key=lambda name: name != "optimizer"):
            value, before = self._asked[argument], asked.get(argument)
            if value != before:
                told = not any(isinstance(one, dict | list) for one in (value, before))
                expected = repr(before) if told else "the same"
                raise InvalidValueError(
                    argument,
                    f"{expected}, as in the training kept in {self.backup_dir} (remove that folder "
                    "to begin anew)",
                    repr(value) if told else "another",
                )

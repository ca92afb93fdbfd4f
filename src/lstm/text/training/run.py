"""TrainingRun: a training run in a folder, safe against everything but the loss of the disk.

The folder holds the model of the best validation so far (model.safetensors), the latest state of
everything (checkpoint.safetensors), the given options (config.json), the text as tokens
(tokens.bin), the record of the rounds (history.jsonl and history.csv) and what the model wrote now
and then (samples.txt). Each file is replaced in one step or only ever appended to.
"""

import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from lstm import backends, checks, seeding, storage
from lstm.callbacks import Callback, LambdaCallback
from lstm.errors import DivergedError, InvalidValueError, ModelFileError
from lstm.folder_lock import FolderLock
from lstm.interface import warn
from lstm.models.structure import listed
from lstm.text.corpus.corpus import Corpus
from lstm.text.corpus.sources import TextLike, TextSource, named, source
from lstm.text.corpus.tokenization import Tokenization
from lstm.text.corpus.unknown_tokens import warning_of_training
from lstm.text.token_model import MODEL
from lstm.text.training.console import reading
from lstm.text.training.defaults import choose
from lstm.text.training.interruption import Stopped, interruptible
from lstm.text.training.lr_finder import LearningRates, find_lr
from lstm.text.training.options import chosen, restored, to_config
from lstm.text.training.run_files import (
    CHECKPOINT,
    FORMAT,
    TOKENS,
    append_sample,
    backend_of,
    check_together,
    clear,
    never_trained,
    read_config,
    remove,
    write_config,
    write_records,
)
from lstm.text.training.samples import Samples
from lstm.text.training.training import Training
from lstm.text.vocabularies import Vocabulary
from lstm.text.writing.writing_model import WritingModel

if TYPE_CHECKING:
    from rich.console import Console

CHECKPOINT_EVERY = 30.0
"""Seconds between two saves of everything that a training run needs to continue."""

M = TypeVar("M", bound=WritingModel)


class TrainingRun(Generic[M]):
    """A training run, with or without a folder.

    Attributes:
        language_model: the model.
        training: the training loop.
        folder: the folder of the files, or None.
        config: the options that were given, as JSON values.
        checkpoint_step: the step of the last checkpoint; None if there is nothing to continue from.
    """

    def __init__(
        self,
        language_model: M,
        training: Training,
        folder: Path | None = None,
        config: dict[str, Any] | None = None,
        lock: FolderLock | None = None,
    ) -> None:
        self.language_model = language_model
        self.training = training
        self.folder = folder
        self.config = config or {}
        self.checkpoint_step: int | None = None
        self._lock = lock
        self._new = False
        self._best_is_kept = True
        language_model.history = training.history
        language_model.learned_text = training.learned_text

    # ---- start

    @classmethod
    def begin(
        cls,
        kind: type[M],
        corpus: TextLike,
        tokenization: Tokenization,
        options: dict[str, Any],
        folder: str | PathLike[str] | None = None,
        seed: int | None = None,
        backend: str | None = None,
        precision: str | None = None,
        console: "Console | None" = None,
    ) -> "TrainingRun[M]":
        """Return a run that has not started; for the arguments see `LanguageModel.train`.

        `kind` is the class of the model; `console` shows how far a long text was read.
        """
        text, config = _asked(corpus, tokenization, options, seed, backend, precision)
        if folder is None:
            vocabulary = _vocabulary(tokenization, text, console)
            with reading(console, text, "encoding the text") as progress:
                tokens = Corpus.encode(text, vocabulary, progress)
            return cls._made(kind, vocabulary, tokens, config)
        folder = Path(folder)
        if folder.exists():
            raise InvalidValueError("folder", "one that does not exist yet", f"{folder}")
        try:
            folder.mkdir()
        except OSError as error:
            raise InvalidValueError(
                "folder", "one that can be made", f"{folder} ({checks.reason(error)})"
            ) from None
        lock = FolderLock(folder)
        try:
            run = cls._begun(kind, text, tokenization, config, folder, lock, console)
        except (Exception, KeyboardInterrupt):
            remove(folder, lock)
            raise
        run._new = True
        return run

    @classmethod
    def temporary(
        cls,
        kind: type[M],
        corpus: TextLike,
        tokenization: Tokenization,
        options: dict[str, Any],
        seed: int | None = None,
        backend: str | None = None,
        precision: str | None = None,
        console: "Console | None" = None,
    ) -> "TrainingRun[M]":
        """Return a run without a folder, for a text of any size; no file of its tokens remains."""
        text, config = _asked(corpus, tokenization, options, seed, backend, precision)
        vocabulary = _vocabulary(tokenization, text, console)
        with reading(console, text, "encoding the text") as progress:
            tokens = Corpus.temporary(text, vocabulary, progress)
        return cls._made(kind, vocabulary, tokens, config)

    @classmethod
    def _begun(
        cls,
        kind: type[M],
        text: TextSource,
        tokenization: Tokenization,
        config: dict[str, Any],
        folder: Path,
        lock: FolderLock,
        console: "Console | None" = None,
    ) -> "TrainingRun[M]":
        """Return a run before its first step, and write its first files."""
        write_config(folder, config)
        vocabulary = _vocabulary(tokenization, text, console)
        with reading(console, text, "writing tokens") as progress:
            corpus = Corpus.write(folder / TOKENS, text, vocabulary, progress)
        run = cls._made(kind, vocabulary, corpus, config, folder, lock)
        run.checkpoint()
        # Last, because it says that there is a checkpoint.
        write_config(folder, config)
        return run

    @classmethod
    def _made(
        cls,
        kind: type[M],
        vocabulary: Vocabulary,
        corpus: Corpus,
        config: dict[str, Any],
        folder: Path | None = None,
        lock: FolderLock | None = None,
    ) -> "TrainingRun[M]":
        """Return the run with these options, and write the chosen values to `config`."""
        with backends.using(*backend_of(config)) as backend:
            architecture, options = choose(
                config["options"], len(corpus), len(vocabulary), backend.ops.speed()
            )
            model = kind.create(vocabulary, seed=config["seed"], **asdict(architecture))
        config["chosen"] = to_config(architecture, options)
        training = Training(model, corpus, options, config["seed"])
        return cls(model, training, folder, config, lock)

    # ---- resuming

    @classmethod
    def resume(cls, kind: type[M], folder: str | PathLike[str]) -> "TrainingRun[M]":
        """Return the training run in a folder, at its last checkpoint.

        Raises:
            ModelFileError: the folder holds no training run, lacks a file, its files do not belong
                together, or another process trains in it.
        """
        folder = Path(folder)
        lock = FolderLock(folder)
        try:
            config = read_config(folder)
            clear(folder)
            if never_trained(folder, config):
                return cls._restarted(kind, config, folder, lock)
            if not (folder / CHECKPOINT).exists():
                raise ModelFileError(
                    folder, f"has lost {CHECKPOINT}, which training needs to continue"
                )
            return cls._resumed(kind, config, folder, lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def _resumed(
        cls, kind: type[M], config: dict[str, Any], folder: Path, lock: FolderLock
    ) -> "TrainingRun[M]":
        with (
            backends.using(*backend_of(config)),
            storage.reading(folder / CHECKPOINT, ("checkpoint",)) as (tensors, header),
        ):
            model = kind.from_contents(tensors, header)
            if "chosen" not in config:  # The run was killed just before this was written.
                config["chosen"] = header["chosen"]
                write_config(folder, config)
            corpus = Corpus.open(folder / TOKENS, len(model.vocabulary))
            _, options = restored(header["chosen"])
            check_together(folder, config, header, corpus)
            best = None
            if header["training"]["judged"]:
                best = _best_weights(folder / MODEL, model)
            training = Training(model, corpus, options, saved=(tensors, header), best_weights=best)
        run = cls(model, training, folder, config, lock)
        run.checkpoint_step = training.step
        write_records(folder, training.records)
        return run

    @classmethod
    def _restarted(
        cls, kind: type[M], config: dict[str, Any], folder: Path, lock: FolderLock
    ) -> "TrainingRun[M]":
        """Start a run again that was killed before its first step, with the same options."""
        if config["corpus"] is None:
            raise ModelFileError(
                folder, "holds a training run that never started; remove it and start again"
            )
        text = named(**config["corpus"])
        tokenization = Tokenization.from_config(config["tokens"])
        return cls._begun(kind, text, tokenization, config, folder, lock)

    # ---- running

    def train(
        self,
        console: "Console | None" = None,
        callbacks: Callback | Sequence[Callback] | None = (),
        checkpoint_every: float = CHECKPOINT_EVERY,
    ) -> None:
        """Train to the end.

        With a folder, Ctrl-C, SIGTERM and SIGHUP stop after the current step and leave a
        checkpoint, and so does an error in a callback.

        Args:
            console: where to show the progress.
            callbacks: callbacks for steps and rounds.
            checkpoint_every: seconds between two checkpoints; more where they take more than a
                twentieth of the time. 0 makes one after every step.

        Raises:
            KeyboardInterrupt: the run was interrupted.
            ModelFileError: a file cannot be written; the existing files are complete.
            Exception: a callback raised it; a note on it says how to continue.

        Warns:
            LSTMWarning: a twentieth of the tokens or more is unknown.
        """
        share = self.training.learned_text.unknown_share
        if message := warning_of_training(share, self.language_model.vocabulary):
            warn(message)
        everyone = listed(() if callbacks is None else callbacks)
        if console is not None:
            from lstm.text.training.report import Report  # It needs rich.

            everyone.append(Report(self.training, console))
        if console is not None or self.folder is not None:
            show = partial(self._show_sample, console)
            everyone.append(Samples(self.language_model, self.training, show))
        if self.folder is None:
            self.training.run(everyone)
            return
        assert self._lock is not None
        try:
            self._train_in(self.folder, everyone, checkpoint_every)
        except Exception as error:
            self._add_resume_note(error)
            raise
        finally:
            self._lock.release()

    def _train_in(self, folder: Path, callbacks: Sequence[Callback], every: float) -> None:
        self.training.keeper = _Checkpoints(self, every)
        write = LambdaCallback(on_epoch_end=lambda epoch, logs: self.end_round())
        with interruptible(self.training) as signals:
            self.training.run([write, *callbacks], self.checkpoint)
        if not self.training.interrupted or not (folder / MODEL).exists():
            self.language_model.save(folder / MODEL)
        if self.training.interrupted:
            raise Stopped(*signals)

    def _add_resume_note(self, error: Exception) -> None:
        """Note on an error how to continue; or remove the run if nothing was learned."""
        assert self.folder is not None
        assert self._lock is not None
        diverged = isinstance(error, DivergedError)
        nothing = self._new and (diverged or self.training.step == 0)
        if nothing and not (self.folder / MODEL).exists():
            remove(self.folder, self._lock)
            self.checkpoint_step = None
        elif not diverged:
            error.add_note(
                f"The training run is kept at step {self.checkpoint_step:,}. "
                f"Continue with: LanguageModel.resume({str(self.folder)!r})"
            )

    def find_lr(self) -> LearningRates:
        """Return how the loss reacts to learning rates from tiny to huge; trains nothing."""
        return find_lr(self.language_model, self.training.corpus, self.training.options)

    def checkpoint(self) -> None:
        """Write a checkpoint."""
        assert self.folder is not None
        self._keep_best()  # A checkpoint relies on it.
        tensors, header = self.training.contents()
        header |= {
            "kind": "checkpoint",
            "run": self.config["run"],
            "chosen": self.config["chosen"],
        }
        storage.write(self.folder / CHECKPOINT, tensors, header)
        self.checkpoint_step = self.training.step

    def end_round(self) -> None:
        """Write the record of the last round, and its model if it is the best so far."""
        assert self.folder is not None
        self._best_is_kept = not self.training.improved
        self._keep_best()
        write_records(self.folder, self.training.records)

    def _keep_best(self) -> None:
        if not self._best_is_kept:
            assert self.folder is not None
            self.language_model.save(self.folder / MODEL)
            self._best_is_kept = True

    def _show_sample(self, console: "Console | None", text: str) -> None:
        if self.folder is not None:
            append_sample(self.folder, self.training.step, text)
        if console is not None:
            from lstm.text.training.report import show_sample  # It needs rich.

            show_sample(console, text)


class _Checkpoints:
    """Writes checkpoints now and then, each after all callbacks were told of a step."""

    def __init__(self, run: TrainingRun[Any], every: float) -> None:
        self._run = run
        self._every = self._interval = checks.number("checkpoint_every", every, 0)
        self._last = time.perf_counter()

    def begun(self) -> None:
        """A run has a checkpoint before its first step."""

    def step_taken(self, *, told: bool) -> None:
        """Write a checkpoint, if it is time."""
        started = time.perf_counter()
        if started - self._last < self._interval:
            return
        self._run.checkpoint()
        self._last = time.perf_counter()
        if self._every:
            self._interval = max(self._every, 20 * (self._last - started))

    def round_ended(self) -> None:
        """The next step, or the end of training, is soon enough for a checkpoint."""


def _asked(
    corpus: TextLike,
    tokenization: Tokenization,
    options: dict[str, Any],
    seed: int | None,
    backend: str | None,
    precision: str | None,
) -> tuple[TextSource, dict[str, Any]]:
    """Return the text, and all options as JSON values."""
    chosen(options)
    text = source(corpus)
    given = None if seed is None else checks.int_at_least("seed", seed, 0)
    name, dtype, precision = backends.backend(backend, None, precision).chosen
    return text, {
        "format": FORMAT,
        "run": secrets.token_hex(8),
        "corpus": text.to_config(),
        "tokens": tokenization.to_config(),
        "options": {name: _plain(value) for name, value in options.items()},
        "seed": int(seeding.generator().integers(2**53)) if given is None else given,
        "backend": name,
        "dtype": dtype,
        "precision": precision,
    }


def _vocabulary(
    tokenization: Tokenization, text: TextSource, console: "Console | None"
) -> Vocabulary:
    with reading(console, text, "counting tokens") as progress:
        return tokenization.vocabulary(text, progress)


def _best_weights(path: Path, model: WritingModel) -> list[NDArray[Any]]:
    """Return the weights in the file of the best validation.

    Raises:
        ModelFileError: the file holds another model than the one in training.
    """
    best = WritingModel.load(path)
    weights = best.model.get_weights()
    shapes, expected = ([w.shape for w in some] for some in (weights, model.model.get_weights()))
    if shapes != expected or best.vocabulary != model.vocabulary:
        raise ModelFileError(path, f"holds another model than {CHECKPOINT}")
    return weights


def _plain(value: Any) -> Any:
    """Convert a NumPy number to a Python number, which JSON accepts."""
    return value.item() if isinstance(value, np.generic) else value

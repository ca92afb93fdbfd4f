"""Run: a training in a folder, which nothing but the loss of the disk can undo.

The folder holds the model of the best validation so far (model.safetensors), the latest state of
everything (checkpoint.safetensors), what was asked for (config.json), the text as tokens
(tokens.bin), the record of the rounds (history.jsonl and history.csv) and what the model wrote now
and then (samples.txt). Each file is replaced in one step or only ever appended to.
"""

import secrets
import signal
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from os import PathLike
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lstm import backends, checks, saving, seeding
from lstm.callbacks import Callback, Logs
from lstm.errors import DivergedError, InvalidValueError, LSTMWarning, ModelFileError
from lstm.models.structure import listed
from lstm.text.console import reading
from lstm.text.corpus import Corpus
from lstm.text.defaults import choose
from lstm.text.language_model import CHECKPOINT_EVERY, LanguageModel
from lstm.text.lr_finder import LearningRates, find_lr
from lstm.text.options import chosen, to_config
from lstm.text.run_files import (
    CHECKPOINT,
    FORMAT,
    MODEL,
    TOKENS,
    append_sample,
    check_together,
    clear,
    read_config,
    remove,
    write_config,
    write_records,
)
from lstm.text.samples import Samples
from lstm.text.sources import TextLike, TextSource, named, source
from lstm.text.tokenization import Tokenization
from lstm.text.training import Training
from lstm.text.unknown_tokens import warning_of_training
from lstm.text.vocabularies import Vocabulary

if TYPE_CHECKING:
    from rich.console import Console

_SIGNALS = signal.SIGINT, signal.SIGTERM


class Run:
    """A training, with a folder or without.

    Attributes:
        language_model: the model.
        training: what trains it.
        folder: where the files are, or None.
        config: what was asked for, as JSON values.
    """

    def __init__(
        self,
        language_model: LanguageModel,
        training: Training,
        folder: Path | None = None,
        config: dict[str, Any] | None = None,
    ) -> None:
        self.language_model = language_model
        self.training = training
        self.folder = folder
        self.config = config or {}
        language_model.history = training.history
        language_model.learned_text = training.learned_text

    # ---- how it begins

    @classmethod
    def begin(
        cls,
        corpus: TextLike,
        tokenization: Tokenization,
        options: dict[str, Any],
        folder: str | PathLike[str] | None = None,
        seed: int | None = None,
        backend: str | None = None,
        console: "Console | None" = None,
    ) -> "Run":
        """A training that has not begun yet; for the arguments see `LanguageModel.train`.

        `console` is where to show how far a long text has been read.
        """
        chosen(options)
        text = source(corpus)
        if seed is not None:
            seed = checks.int_at_least("seed", seed, 0)
        active = backends.backend(backend)
        config = {
            "format": FORMAT,
            "run": secrets.token_hex(8),
            "corpus": text.to_config(),
            "tokens": tokenization.to_config(),
            "options": {name: _plain(value) for name, value in options.items()},
            "seed": int(seeding.generator().integers(2**53)) if seed is None else seed,
            "backend": active.name,
            "dtype": active.dtype,
        }
        if folder is None:
            vocabulary = _vocabulary(tokenization, text, console)
            return cls._prepared(text, vocabulary, config, None, console)
        folder = Path(folder)
        if folder.exists():
            raise InvalidValueError("folder", "one that does not exist yet", f"{folder}")
        # A text that cannot be read is found out before anything is written.
        vocabulary = _vocabulary(tokenization, text, console)
        try:
            folder.mkdir()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InvalidValueError(
                "folder", "one that can be made", f"{folder} ({reason})"
            ) from None
        try:
            return cls._prepared(text, vocabulary, config, folder, console)
        except (Exception, KeyboardInterrupt):
            remove(folder)
            raise

    @classmethod
    def _prepared(
        cls,
        text: TextSource,
        vocabulary: Vocabulary,
        config: dict[str, Any],
        folder: Path | None,
        console: "Console | None",
    ) -> "Run":
        with reading(console, text, "writing tokens") as progress:
            if folder is None:
                corpus = Corpus.encode(text, vocabulary, progress)
            else:
                write_config(folder, config)
                corpus = Corpus.write(folder / TOKENS, text, vocabulary, progress)
        architecture, options = choose(
            config["options"], len(corpus), len(vocabulary), config["backend"]
        )
        with backends.using(config["backend"], config["dtype"]):
            model = LanguageModel.create(vocabulary, seed=config["seed"], **asdict(architecture))
        run = cls(model, Training(model, corpus, options, config["seed"]), folder, config)
        if folder is not None:
            config["chosen"] = to_config(architecture, options)
            write_config(folder, config)
            run.checkpoint()
        return run

    # ---- how it goes on

    @classmethod
    def resume(cls, folder: str | PathLike[str]) -> "Run":
        """The training of a folder, where its last checkpoint left it.

        Raises:
            ModelFileError: the folder holds no training, or its files do not belong together.
        """
        folder = Path(folder)
        config = read_config(folder)
        clear(folder)
        if not (folder / CHECKPOINT).exists():
            return cls._anew(config, folder)
        with (
            backends.using(config["backend"], config["dtype"]),
            saving.reading(folder / CHECKPOINT, ("checkpoint",)) as (tensors, header),
        ):
            model = LanguageModel.from_contents(tensors, header)
            corpus = Corpus.open(folder / TOKENS, len(model.vocabulary))
            check_together(folder, config, header, corpus)
            _, options = chosen(header["chosen"])
            best = None
            if header["training"]["judged"]:
                best = _best_weights(folder / MODEL, model)
            training = Training(model, corpus, options, saved=(tensors, header), best_weights=best)
        run = cls(model, training, folder, config)
        write_records(folder, training.records)
        return run

    @classmethod
    def _anew(cls, config: dict[str, Any], folder: Path) -> "Run":
        """A training that was killed before its first step, from what was asked for."""
        if config["corpus"] is None:
            raise ModelFileError(
                folder, "holds a training that had not begun; remove it and begin again"
            )
        text = named(**config["corpus"])
        vocabulary = Tokenization.from_config(config["tokens"]).vocabulary(text)
        return cls._prepared(text, vocabulary, config, folder, None)

    # ---- its course

    def train(
        self,
        console: "Console | None" = None,
        callbacks: Callback | Sequence[Callback] | None = (),
        checkpoint_every: float = CHECKPOINT_EVERY,
    ) -> None:
        """Train to the end.

        With a folder, Ctrl-C and SIGTERM let the step under way end and leave a checkpoint behind.

        Args:
            console: where to show the course of it.
            callbacks: whom to tell of steps and rounds.
            checkpoint_every: seconds between two checkpoints; more where these take more than a
                twentieth of the time. 0 makes one after every step.

        Raises:
            KeyboardInterrupt: it was interrupted.
            ModelFileError: a file cannot be written; those that are there are whole.

        Warns:
            LSTMWarning: a twentieth of the tokens or more is unknown.
        """
        share = self.training.learned_text.unknown_share
        if message := warning_of_training(share, self.language_model.vocabulary):
            warnings.warn(message, LSTMWarning, stacklevel=3)
        everyone = listed(() if callbacks is None else callbacks)
        if console is not None:
            from lstm.text.report import Report  # It needs rich.

            everyone.append(Report(self.training, console))
        if console is not None or self.folder is not None:
            show = partial(self._show_sample, console)
            everyone.append(Samples(self.language_model, self.training, show))
        if self.folder is None:
            self.training.run(everyone)
            return
        model, new = self.folder / MODEL, self.training.step == 0
        try:
            saver = _Saver(self, checkpoint_every)
            with _interruptible(self.training):
                self.training.run([saver, *everyone], self.checkpoint)
        except Exception as error:
            nothing = self.training.step == 0 or isinstance(error, DivergedError)
            if new and nothing and not model.exists():
                remove(self.folder)
            raise
        if not self.training.interrupted or not model.exists():
            self.language_model.save(model)
        if self.training.interrupted:
            raise KeyboardInterrupt

    def find_lr(self) -> LearningRates:
        """How the loss takes learning rates from tiny to huge; nothing is trained."""
        return find_lr(self.language_model, self.training.corpus, self.training.options)

    def checkpoint(self) -> None:
        """Write down where the training stands."""
        assert self.folder is not None
        tensors, header = self.training.contents()
        header |= {
            "kind": "checkpoint",
            "run": self.config["run"],
            "chosen": self.config["chosen"],
        }
        saving.write(self.folder / CHECKPOINT, tensors, header)

    def _show_sample(self, console: "Console | None", text: str) -> None:
        if self.folder is not None:
            append_sample(self.folder, self.training.step, text)
        if console is not None:
            from lstm.text.report import show_sample  # It needs rich.

            show_sample(console, text)


class _Saver(Callback):
    """Keeps the files of a run up to date."""

    def __init__(self, run: Run, every: float) -> None:
        self._run = run
        self._every = self._interval = checks.number("checkpoint_every", every, 0)
        self._last = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        started = time.perf_counter()
        if started - self._last < self._interval:
            return
        self._run.checkpoint()
        self._last = time.perf_counter()
        if self._every:
            self._interval = max(self._every, 20 * (self._last - started))

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        run = self._run
        assert run.folder is not None
        if run.training.improved:
            run.language_model.save(run.folder / MODEL)
        write_records(run.folder, run.training.records)


def _vocabulary(
    tokenization: Tokenization, text: TextSource, console: "Console | None"
) -> Vocabulary:
    with reading(console, text, "counting tokens") as progress:
        return tokenization.vocabulary(text, progress)


def _best_weights(path: Path, model: LanguageModel) -> list[NDArray[Any]]:
    """The weights in the file of the best validation.

    Raises:
        ModelFileError: it holds another model than the one in training.
    """
    best = LanguageModel.load(path)
    weights = best.model.get_weights()
    shapes, expected = ([w.shape for w in some] for some in (weights, model.model.get_weights()))
    if shapes != expected or best.vocabulary != model.vocabulary:
        raise ModelFileError(path, f"holds another model than {CHECKPOINT}")
    return weights


@contextmanager
def _interruptible(training: Training) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the training after the step under way; a second one at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        if training.interrupted:
            raise KeyboardInterrupt
        training.interrupted = True

    before = {number: signal.signal(number, interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _plain(value: Any) -> Any:
    """A number of NumPy as one of Python, which JSON takes."""
    return value.item() if isinstance(value, np.generic) else value

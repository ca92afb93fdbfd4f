"""What a training shows: a live bar on a terminal, and lines that stay."""

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from lstm.callbacks import Callback, Logs
from lstm.text import LanguageModel

# Seconds between two lines, and between two samples; in a long training, shares of its time so far.
_LINE_EVERY, _LINE_SHARE = 2.0, 0.1
_SAMPLE_EVERY, _SAMPLE_SHARE = 10.0, 0.25


class Report(Callback):
    """Shows loss, validation loss, speed, time left, and now and then what the model writes.

    Args:
        language_model: the model in training.
        console: where to show it.
        characters: read in one epoch.
        epochs: number of epochs; None if time decides.
        prompt: how samples begin.
    """

    def __init__(
        self,
        language_model: LanguageModel,
        console: Console,
        characters: int,
        epochs: int | None,
        prompt: str = "",
    ) -> None:
        self._language_model = language_model
        self._console = console
        self._characters = characters
        self._epochs = epochs
        self._prompt = prompt
        self._samples = 0
        self._bar = Progress(
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.description}"),
            TextColumn("left"),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def on_train_begin(self, logs: Logs) -> None:
        self._started = self._last_line = self._last_sample = time.perf_counter()
        self._read = 0.0
        self._bar.start()
        self._task: TaskID = self._bar.add_task("", total=1.0)

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        self._read += self._characters / self.params["steps"]
        self._bar.update(
            self._task,
            completed=self._progress(),
            description=f"loss {logs['loss']:.3f}  {self._speed():,.0f} chars/s",
        )

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        now = time.perf_counter()
        passed, last = now - self._started, self._progress() >= 1
        if now - self._last_line < max(_LINE_EVERY, _LINE_SHARE * passed) and not last:
            return
        self._last_line = now
        of = "" if self._epochs is None else f"/{self._epochs}"
        line = f"epoch {epoch + 1}{of}  loss {logs['loss']:.3f}"
        if "val_loss" in logs:
            line += f"  val {logs['val_loss']:.3f} nats"
        line += f"  {self._speed():,.0f} chars/s  {passed:.0f} s"
        self._console.print(line, soft_wrap=True)
        if now - self._last_sample >= max(_SAMPLE_EVERY, _SAMPLE_SHARE * passed) and not last:
            self._last_sample = now
            self._samples += 1
            show_sample(self._console, self._language_model, self._prompt, seed=self._samples)

    def on_train_end(self, logs: Logs) -> None:
        self._bar.stop()

    def _progress(self) -> float:
        pace = self._language_model.pace
        return 0.0 if pace is None else pace.progress

    def _speed(self) -> float:
        return self._read / max(time.perf_counter() - self._started, 1e-9)


def show_sample(
    console: Console, language_model: LanguageModel, prompt: str = "", seed: int = 0
) -> None:
    """Show a few lines that the model writes."""
    written = language_model.generate(prompt, 160, temperature=0.7, seed=seed).strip("\n")
    console.print(Text(_indented(written), style="dim"), soft_wrap=True)


def _indented(text: str) -> str:
    return "\n".join("    " + line for line in text.splitlines())

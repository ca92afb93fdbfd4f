"""The report of a training run: a live bar on a terminal, and lines that stay."""

import math
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from lstm.callbacks import Callback, Logs
from lstm.terminal import visible
from lstm.text.training.training import Training

# Seconds between two lines; in a long run, a share of its time so far.
_EVERY, _SHARE = 2.0, 0.1


class Report(Callback):
    """Shows loss, validation loss, speed and time left.

    Args:
        training: the run to report.
        console: where to show it.
    """

    def __init__(self, training: Training, console: Console) -> None:
        self._training = training
        self._console = console
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
        self._started = self._last_line = time.perf_counter()
        self._first = self._training.step
        self._bar.start()
        self._task: TaskID = self._bar.add_task("", total=1.0)
        self._bar.update(self._task, completed=self._training.progress)

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        self._bar.update(
            self._task,
            completed=self._training.progress,
            description=f"loss {logs['loss']:.3f}  {self._speed()}",
        )

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        training, now = self._training, time.perf_counter()
        passed = now - self._started
        if now - self._last_line < max(_EVERY, _SHARE * passed) and training.progress < 1:
            return
        self._last_line = now
        self._console.print(f"{self._line()}  {self._speed()}  {training.seconds:.0f} s")

    def on_train_end(self, logs: Logs) -> None:
        self._bar.stop()

    def _line(self) -> str:
        """Return the losses of the last round."""
        training = self._training
        record = training.records[-1]
        line = f"epoch {record['epoch']:.4g}  step {record['step']:,}  loss {record['loss']:.3f}"
        if "val_loss" not in record:
            return line
        line += f"  val {record['val_loss']:.3f} nats {record['val_bits']:.3f} bits"
        if "val_nats_per_character" not in record:
            unknown = record.get("val_unknown", 0.0)
            return f"{line} a token" + f", {100 * unknown:.1f} % unknown" * (unknown > 0)
        if math.isclose(record["val_loss"], record["val_nats_per_character"], rel_tol=1e-3):
            return line
        nats, bits = record["val_nats_per_character"], record["val_bits_per_character"]
        return f"{line} a token, {nats:.3f} {bits:.3f} a character"

    def _speed(self) -> str:
        seconds = max(time.perf_counter() - self._started, 1e-9)
        speed = (self._training.step - self._first) * self._training.tokens_per_step / seconds
        return f"{speed:,.0f} {self._training.unit}/s"


def show_sample(console: Console, text: str) -> None:
    """Show what a model wrote."""
    indented = "\n".join("    " + line for line in text.splitlines())
    console.print(Text(visible(indented), style="dim"))

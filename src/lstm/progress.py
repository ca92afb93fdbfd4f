"""The progress of a training run: a bar on a terminal, a line per epoch elsewhere."""

import time
from typing import TYPE_CHECKING

from lstm import checks
from lstm.callbacks import Callback, Logs
from lstm.callbacks.base import shown
from lstm.terminal import on_a_terminal, say

if TYPE_CHECKING:
    from rich.progress import Progress


class ProgressBar(Callback):
    """Shows loss, metrics, steps per second and time left.

    Args:
        verbose: 1 shows a bar, if there is a screen for it, that becomes a line at the end of each
            epoch; 2 only these lines; "auto" the bar on a terminal and lines elsewhere.
    """

    every_batch = False

    def __init__(self, verbose: int | str = "auto") -> None:
        self._live = verbose == 1 or (verbose in ("auto", True) and on_a_terminal())
        self._bar: Progress | None = None

    @staticmethod
    def wanted(verbose: int | str) -> bool:
        """Whether anything is to be shown.

        Raises:
            InvalidValueError: `verbose` is not 0, 1, 2 or "auto".
        """
        return checks.one_of("verbose", verbose, (0, 1, 2, "auto")) != 0

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        self._started = self._trained = time.perf_counter()
        self._steps = 0
        if not self._live:
            return
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        from lstm.screen import Screen

        screen = Screen(ignore_errors=True)
        if not (screen.is_terminal or screen.is_jupyter):
            return  # A removed bar would leave an empty line.
        self._bar = Progress(
            TextColumn("Epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed}/{task.total}"),
            TextColumn("{task.fields[shown]}", markup=False),
            TimeRemainingColumn(compact=True),
            console=screen,
            transient=True,
        )
        self._bar.add_task(
            "", total=self.params["steps"], epoch=epoch + 1, epochs=self.params["epochs"], shown=""
        )
        self._bar.start()

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        self._steps = batch + 1
        self._trained = time.perf_counter()
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._steps, shown=self._shown(logs))

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        # A line replaces the bar; it is never cut to the width of the terminal.
        self._stop()
        seconds = time.perf_counter() - self._started
        say(f"Epoch {epoch + 1}/{self.params['epochs']}  {seconds:.1f} s  {self._shown(logs)}")

    def on_train_end(self, logs: Logs) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _shown(self, logs: Logs) -> str:
        speed = self._steps / max(self._trained - self._started, 1e-9)
        values = "  ".join(f"{key} {shown(value)}" for key, value in logs.items())
        rate = f"{speed:,.0f}" if speed >= 10 else f"{speed:.2g}"
        return f"{values}  {rate} steps/s"

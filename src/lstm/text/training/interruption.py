"""What a signal does that ends a process: the work under way comes to an end that can be used."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from lstm.text.training.training import Training


class Stopped(KeyboardInterrupt):
    """A signal ended what was under way, as Ctrl-C does.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__(number)
        self.number = number

    def __str__(self) -> str:
        return signal.Signals(self.number).name


def ending_signals() -> list[int]:
    """Ctrl-C, what `kill` sends, and what a terminal sends that is closed.

    `nohup` lets a process ignore the last one, and so it is.
    """
    signals: list[int] = [signal.SIGINT, signal.SIGTERM]
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) != signal.SIG_IGN:
        signals.append(hangup)
    return signals


@contextmanager
def interruptible(training: Training) -> Iterator[list[int]]:
    """Let a signal end the training after the step under way; a second one at once.

    Returns:
        The number of the signal, once one has come.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        if training.interrupted:
            raise Stopped(number)
        came.append(number)
        training.interrupted = True

    before = {number: signal.signal(number, interrupt) for number in ending_signals()}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""Interruption: a signal ends a training run only after the current step."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from lstm.text.training.training import Training


class Stopped(KeyboardInterrupt):
    """A signal interrupted the work, as Ctrl-C does.

    Args:
        number: the number of the signal.
    """

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__(number)
        self.number = number

    def __str__(self) -> str:
        return signal.Signals(self.number).name


def ending_signals() -> list[int]:
    """Return the signals of Ctrl-C, of `kill`, and of a terminal that closes.

    The last one is left out if the process ignores it, as under `nohup`.
    """
    signals: list[int] = [signal.SIGINT, signal.SIGTERM]
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) != signal.SIG_IGN:
        signals.append(hangup)
    return signals


@contextmanager
def interruptible(training: Training) -> Iterator[list[int]]:
    """Let a signal end the training run after the current step, and a second one at once.

    Returns:
        A list that receives the number of the signal.
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

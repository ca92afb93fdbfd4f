"""The process of the command: its streams and signals, and how the environment sets them."""

import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TextIO

from lstm.cli.running import drop, fail, sentence
from lstm.screen import plausible
from lstm.text.training.interruption import Stopped, ending_signals

_SIZES = "COLUMNS", "LINES", "TERMINAL_WIDTH"


@contextmanager
def prepared() -> Iterator[None]:
    """Prepare the process, so that the `with` block can run in any environment."""
    for name in _SIZES:
        if not plausible(name):
            del os.environ[name]
    _prepare_streams()
    _prepare_signals()
    try:
        yield
    except BrokenPipeError:
        pass  # The reader of the output, such as `head`, has closed it.
    except OSError as error:
        raise SystemExit(fail(sentence(error)).exit_code) from None
    finally:
        _settle()


def _prepare_streams() -> None:
    # If an output is closed, the next opened file would take its number and receive the output.
    if sys.stdin is None:
        os.open(os.devnull, os.O_RDONLY)
    if sys.stdout is None:
        sys.stdout = _nowhere()
    if sys.stderr is None:
        sys.stderr = _nowhere()
    if isinstance(sys.stdin, io.TextIOWrapper):
        # The model reports what it cannot read.
        sys.stdin.reconfigure(errors="surrogateescape")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A model may write characters that the encoding of the terminal lacks.
        sys.stdout.reconfigure(errors="backslashreplace")


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")


def _prepare_signals() -> None:
    """Let other signals end the process as Ctrl-C does, so that no half-written file remains."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped(number)

    for number in ending_signals():
        if number != signal.SIGINT:  # Python handles that one itself.
            signal.signal(number, stop)


def _settle() -> None:
    """Flush the streams; drop what cannot be written, because Python would complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            drop(stream)

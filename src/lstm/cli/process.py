"""The process of the command: its streams, its signals, and what its surroundings say of them."""

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
    """Run the command in the `with` block, whatever the streams and the environment are like."""
    for name in _SIZES:
        if not plausible(name):
            del os.environ[name]
    _prepare_streams()
    _prepare_signals()
    try:
        yield
    except BrokenPipeError:
        pass  # Whoever read the output, such as `head`, has seen enough.
    except OSError as error:
        raise SystemExit(fail(sentence(error)).exit_code) from None
    finally:
        _settle()


def _prepare_streams() -> None:
    # Where an output is closed, the next file that is opened would take its place, and the output.
    if sys.stdin is None:
        os.open(os.devnull, os.O_RDONLY)
    if sys.stdout is None:
        sys.stdout = _nowhere()
    if sys.stderr is None:
        sys.stderr = _nowhere()
    if isinstance(sys.stdin, io.TextIOWrapper):
        # The model says what it cannot read.
        sys.stdin.reconfigure(errors="surrogateescape")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A model may write what the encoding of the terminal lacks.
        sys.stdout.reconfigure(errors="backslashreplace")


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")


def _prepare_signals() -> None:
    """Let what ends the process end it as Ctrl-C does, so that nothing half written is left."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped(number)

    for number in ending_signals():
        if number != signal.SIGINT:  # Python does so itself.
            signal.signal(number, stop)


def _settle() -> None:
    """Write what is still to be written; what cannot be is dropped, for Python would complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            drop(stream)

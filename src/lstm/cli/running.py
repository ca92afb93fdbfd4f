"""Shared by all commands: errors as one sentence with an exit code, and JSON."""

import functools
import inspect
import io
import json
import math
import os
import shlex
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Annotated, Any, TextIO

import numpy as np
import typer
from rich.text import Text

from lstm import checks
from lstm.errors import InvalidValueError, LSTMError, LSTMWarning, naming
from lstm.screen import Screen
from lstm.terminal import encodable, on_a_terminal, visible, visible_name
from lstm.text.training.interruption import Stopped

USAGE, FAILURE = 2, 1

FAILURES = LSTMError, MemoryError, OSError
"""Errors that are not bugs of the program."""

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Int8 = Annotated[
    bool, typer.Option("--int8", help="Compute with int8 weights: smaller and faster.")
]
Seed = Annotated[int | None, typer.Option(help="Makes the result reproducible.")]


def reported(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that reports errors as one sentence on standard error.

    The exit code is 2 for a bad option and 1 for any other error.
    """
    options = {
        name
        for name, parameter in inspect.signature(command).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            # An overflow leads to a loss that is not finite, which is reported.
            with np.errstate(over="ignore", invalid="ignore"), _warnings_shown():
                command(*args, **kwargs)
            print(end="", flush=True)
        except InvalidValueError as error:
            if error.argument not in options:
                raise fail(str(error)) from error
            option = "--" + error.argument.replace("_", "-")
            raise fail(f"{option}: expected {error.expected}, got {error.got}", USAGE) from error
        except BrokenPipeError:
            # The reader of the output, such as `head`, has closed it.
            raise typer.Exit() from None
        except FAILURES as error:
            raise fail(sentence(error)) from error
        except KeyboardInterrupt as error:
            raise fail("stopped", interrupted(error)) from None

    return run


def interrupted(error: KeyboardInterrupt) -> int:
    """Return the exit code of a command that a signal ended, as shells define it."""
    return 128 + (error.number if isinstance(error, Stopped) else signal.SIGINT)


def called(option: str, argument: str) -> AbstractContextManager[None]:
    """Let errors name the option that an argument came from."""
    return naming({argument: option}.get)


def pasted(path: str | os.PathLike[str]) -> str:
    r"""Quote the name of a file for use in a shell command.

    Example:
        >>> print(pasted("a model"), pasted("-m"), pasted("a\x1b[31m"))
        'a model' ./-m $'a\033[31m'
    """
    name = os.fspath(path)
    if name.startswith("-"):
        name = f"./{name}"
    if name.isprintable() and encodable(name, sys.stdout) == name:
        return shlex.quote(name)
    return "$'" + "".join(map(_in_quotes, os.fsencode(name))) + "'"


def _in_quotes(byte: int) -> str:
    character = chr(byte)
    plain = character.isascii() and character.isprintable() and character not in "'\\"
    return character if plain else f"\\{byte:03o}"


def sentence(error: Exception) -> str:
    """Describe an error for the user."""
    if isinstance(error, MemoryError):
        return f"out of memory ({error})" if str(error) else "out of memory"
    if isinstance(error, OSError) and not isinstance(error, LSTMError):
        where = f"{error.filename}: " if isinstance(error.filename, str) else ""
        return where + checks.reason(error)
    return str(error)


def given(context: typer.Context) -> set[str]:
    """Return the names of the parameters that are on the command line."""
    return {
        name
        for name in context.params
        if getattr(context.get_parameter_source(name), "name", None) == "COMMANDLINE"
    }


def fail(message: str, code: int = FAILURE) -> typer.Exit:
    """Print an error, and return the exception that ends the command."""
    sentence = Text.assemble(("error: ", "bold red"), visible_name(message))
    Screen(stderr=True, ignore_errors=True).print(sentence)
    return typer.Exit(code)


def tell(text: str) -> None:
    """Print a text, with control characters as signs."""
    print(visible(text))


def warn(message: str) -> None:
    """Print a warning."""
    sentence = Text.assemble(("warning: ", "bold yellow"), visible_name(message))
    Screen(stderr=True, ignore_errors=True).print(sentence)


def write(text: str) -> None:
    """Print what a model wrote: with such signs on a terminal, unchanged in a file or pipe."""
    print(visible(text) if on_a_terminal() else text, end="", flush=True)


def drop(stream: TextIO) -> None:
    """Discard what could not be written to a stream, and everything that follows."""
    with suppress(io.UnsupportedOperation):  # It is not a file.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def _warnings_shown() -> Iterator[None]:
    """Show each warning of the library once, as one sentence."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", LSTMWarning)
        others = warnings.showwarning
        told: set[str] = set()

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, LSTMWarning):
                if str(message) not in told:
                    told.add(str(message))
                    warn(str(message))
            else:
                others(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        yield


def print_json(values: Mapping[str, Any]) -> None:
    """Print a result as JSON, with null for numbers that are not finite: JSON has no others."""
    print(json.dumps(_finite(values), indent=2, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value

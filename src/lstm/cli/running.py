"""What all commands share: errors as one sentence with an exit code, and JSON."""

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
"""What is no fault of the program."""

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Seed = Annotated[int | None, typer.Option(help="Makes the result reproducible.")]


def reported(command: Callable[..., None]) -> Callable[..., None]:
    """The command with errors reported as one sentence on standard error.

    Exit code 2 for a bad option, 1 for anything else that went wrong.
    """
    options = {
        name
        for name, parameter in inspect.signature(command).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            # An overflow ends in a loss that is not finite, and that is reported.
            with np.errstate(over="ignore", invalid="ignore"), _warnings_shown():
                command(*args, **kwargs)
            print(end="", flush=True)
        except InvalidValueError as error:
            if error.argument not in options:
                raise fail(str(error)) from error
            option = "--" + error.argument.replace("_", "-")
            raise fail(f"{option}: expected {error.expected}, got {error.got}", USAGE) from error
        except BrokenPipeError:
            # Whoever read the output, such as `head`, has seen enough.
            raise typer.Exit() from None
        except FAILURES as error:
            raise fail(sentence(error)) from error
        except KeyboardInterrupt as error:
            raise fail("stopped", interrupted(error)) from None

    return run


def interrupted(error: KeyboardInterrupt) -> int:
    """The exit code of a command that a signal ended, as a shell would say it."""
    return 128 + (error.number if isinstance(error, Stopped) else signal.SIGINT)


def called(option: str, argument: str) -> AbstractContextManager[None]:
    """Let errors name the option that an argument came from."""
    return naming({argument: option}.get)


def pasted(path: str | os.PathLike[str]) -> str:
    r"""How to write the name of a file in a command so that a shell takes it for that file.

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
    """What went wrong, for a user."""
    if isinstance(error, MemoryError):
        return f"out of memory ({error})" if str(error) else "out of memory"
    if isinstance(error, OSError) and not isinstance(error, LSTMError):
        where = f"{error.filename}: " if isinstance(error.filename, str) else ""
        return where + checks.reason(error)
    return str(error)


def given(context: typer.Context) -> set[str]:
    """The names of the parameters that stand on the command line."""
    return {
        name
        for name in context.params
        if getattr(context.get_parameter_source(name), "name", None) == "COMMANDLINE"
    }


def fail(message: str, code: int = FAILURE) -> typer.Exit:
    """Say what went wrong; returns the exception that ends the command."""
    sentence = Text.assemble(("error: ", "bold red"), visible_name(message))
    Screen(stderr=True, goes_on=True).print(sentence)
    return typer.Exit(code)


def tell(text: str) -> None:
    """Print a text with signs for its control characters."""
    print(visible(text))


def warn(message: str) -> None:
    """Say what a user should know, where it stops nothing."""
    sentence = Text.assemble(("warning: ", "bold yellow"), visible_name(message))
    Screen(stderr=True, goes_on=True).print(sentence)


def write(text: str) -> None:
    """Print what a model wrote: on a terminal with such signs, in a file or a pipe as it is."""
    print(visible(text) if on_a_terminal() else text, end="", flush=True)


def drop(stream: TextIO) -> None:
    """Let what could not be written to a stream, and all that follows, go nowhere."""
    with suppress(io.UnsupportedOperation):  # It is no file.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def _warnings_shown() -> Iterator[None]:
    """Show the warnings of the library as one sentence."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", LSTMWarning)
        others = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, LSTMWarning):
                warn(str(message))
            else:
                others(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        yield


def print_json(values: Mapping[str, Any]) -> None:
    """Print a result for a program to read; a number that is not finite as null: JSON has none."""
    print(json.dumps(_finite(values), indent=2, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value

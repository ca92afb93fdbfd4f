"""What all commands share: errors as one sentence with an exit code, and JSON."""

import functools
import inspect
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, TextIO

import numpy as np
import typer
from rich.console import Console
from rich.text import Text

from lstm.errors import InvalidValueError, LSTMError, LSTMWarning

USAGE, FAILURE, INTERRUPTED = 2, 1, 130

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
        except LSTMError as error:
            raise fail(str(error)) from error
        except MemoryError as error:
            raise fail(f"out of memory ({error})") from error
        except BrokenPipeError:
            # Whoever read the output, such as `head`, has seen enough.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit() from None
        except OSError as error:
            raise fail((error.strerror or str(error)).lower()) from error
        except KeyboardInterrupt:
            raise fail("stopped", INTERRUPTED) from None

    return run


def given(context: typer.Context) -> set[str]:
    """The names of the parameters that stand on the command line."""
    return {
        name
        for name in context.params
        if getattr(context.get_parameter_source(name), "name", None) == "COMMANDLINE"
    }


class Screen(Console):
    """Standard output in plain text.

    Args:
        quiet: show nothing.
    """

    def __init__(self, quiet: bool = False) -> None:
        super().__init__(quiet=quiet, highlight=False, markup=False, emoji=False, soft_wrap=True)

    def on_broken_pipe(self) -> None:
        """Called while a BrokenPipeError is handled: `reported` knows what to do."""
        raise


def fail(message: str, code: int = FAILURE) -> typer.Exit:
    """Say what went wrong; returns the exception that ends the command."""
    Console(stderr=True, soft_wrap=True).print(Text.assemble(("error: ", "bold red"), message))
    return typer.Exit(code)


def warn(message: str) -> None:
    """Say what a user should know, where it stops nothing."""
    Console(stderr=True, soft_wrap=True).print(Text.assemble(("warning: ", "bold yellow"), message))


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
    """Print a result for a program to read."""
    print(json.dumps(values, indent=2))

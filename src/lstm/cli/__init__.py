"""The command `lstm`."""

import io
import sys
from typing import Annotated

import typer

from lstm.cli.demo import demo
from lstm.cli.evaluate import evaluate
from lstm.cli.generate import generate
from lstm.cli.info import info
from lstm.cli.inspect import inspect
from lstm.cli.plot import plot
from lstm.cli.running import reported
from lstm.cli.train import train
from lstm.information import info as about

app = typer.Typer(
    help="Train and run LSTMs: from a text file to a model that writes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"lstm-kit {about()['lstm-kit']}")
        raise typer.Exit()


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", is_eager=True, callback=_show_version
        ),
    ] = False,
) -> None:
    """Options that come before a command."""


for command in (train, generate, evaluate, inspect, plot, demo, info):
    app.command(no_args_is_help=command not in (train, info))(reported(command))


def main() -> None:
    """Entry point of the command."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A model may write what the encoding of the terminal lacks.
        sys.stdout.reconfigure(errors="backslashreplace")
    app()

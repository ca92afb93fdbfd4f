"""The command `lstm`."""

import io
import sys

import typer

from lstm.cli.demo import demo
from lstm.cli.evaluate import evaluate
from lstm.cli.generate import generate
from lstm.cli.info import info
from lstm.cli.running import reported
from lstm.cli.train import train

app = typer.Typer(
    help="Train and run LSTMs: from a text file to a model that writes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (train, generate, evaluate, demo, info):
    app.command(no_args_is_help=command in (generate, evaluate, demo))(reported(command))


def main() -> None:
    """Entry point of the command."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A model may write what the encoding of the terminal lacks.
        sys.stdout.reconfigure(errors="backslashreplace")
    app()

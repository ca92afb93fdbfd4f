"""The command `lstm`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from lstm.cli.demo import demo
from lstm.cli.evaluate import evaluate
from lstm.cli.forecast import forecast
from lstm.cli.generate import generate
from lstm.cli.info import info
from lstm.cli.inspect import inspect
from lstm.cli.plot import plot
from lstm.cli.process import prepared
from lstm.cli.quantize import quantize
from lstm.cli.running import reported
from lstm.cli.train import train
from lstm.information import info as about
from lstm.terminal import visible_name


class _Commands(TyperGroup):
    """The commands; errors show control characters of the command line as signs."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with _visible():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        with _visible():
            return super().invoke(ctx)


@contextmanager
def _visible() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if isinstance(message := getattr(error, "message", None), str):
            vars(error)["message"] = visible_name(message)
        raise


app = typer.Typer(
    cls=_Commands,
    help="Train and run LSTMs: from a text or a table to a model that writes or forecasts.",
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


for command in (train, generate, evaluate, forecast, quantize, inspect, plot, demo, info):
    app.command(no_args_is_help=command not in (train, info))(reported(command))


def main() -> None:
    """Run the command."""
    with prepared():
        app()

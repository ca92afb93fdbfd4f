"""`lstm plot`: compares training runs."""

from pathlib import Path
from typing import Annotated

import typer

from lstm import plotting, storage
from lstm.cli.running import tell
from lstm.errors import InvalidValueError
from lstm.text.training.curves import plot_runs


def plot(
    runs: Annotated[list[Path], typer.Argument(help="Folders that lstm train wrote.")],
    *,
    output: Annotated[
        Path, typer.Option(help="The file of the plot, which ends in .png, .svg or .pdf.")
    ] = Path("losses.png"),
    over: Annotated[
        str, typer.Option(help="What to plot the losses over: time, steps or epochs.")
    ] = "time",
) -> None:
    """Plot the losses of one or more training runs in one picture."""
    if output.suffix.lower() not in plotting.KINDS:
        raise InvalidValueError(
            "output", f"a file that ends in {', '.join(plotting.KINDS)}", output
        )
    storage.check_writable("output", output)
    with plotting.style():
        figure = plot_runs(runs, over=over).figure
        with storage.replacing(output) as file:
            figure.savefig(file, dpi=150, format=output.suffix.lower()[1:])
    tell(f"Saved {output}.")
